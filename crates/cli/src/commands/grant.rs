//! `barewire grant …`: what users have let applications do.

use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::administration::{GrantFilter, GrantView};

use super::administer::Office;
use crate::arguments::{Common, Grant, GrantAction};
use crate::outcome::Failure;

pub(crate) async fn run(arguments: Grant, common: &Common) -> Result<(), Failure> {
    let changes = !matches!(arguments.action, GrantAction::List { .. } | GrantAction::Show { .. });
    let office = Office::open(arguments.place.data_dir.as_ref(), "barewire grant", changes, common).await?;
    let result = act(&office, arguments.action).await;
    office.close().await;
    result
}

async fn act(office: &Office, action: GrantAction) -> Result<(), Failure> {
    let (all, by) = (&office.all, office.by());
    match action {
        GrantAction::List { user, client, page } => {
            let user = match user {
                Some(user) => Some(all.user_id(&user).await?),
                None => None,
            };
            let filter = GrantFilter { user: user.as_deref(), client: client.as_deref() };
            office.list(&all.grants(filter, page.cursor.as_deref(), page.limit).await?, line)
        }
        GrantAction::Show { id } => office.show(&all.grant(&id).await?),
        GrantAction::Narrow { id, keep } => {
            let keep = ScopeSet::parse(&keep.join(" ")).map_err(Failure::usage)?;
            office.show(&all.narrow(&by, &id, &keep).await?)
        }
        GrantAction::Revoke { id } => {
            let ended = all.revoke(&by, &id).await?;
            office.done(format_args!("{ended} grants have ended."));
            Ok(())
        }
    }
}

fn line(grant: &GrantView) -> String {
    let mut words = vec![grant.id.clone(), grant.user.clone()];
    words.push(grant.client_name.clone().unwrap_or_else(|| grant.client.clone()));
    words.push(grant.scope.clone());
    words.push(match (grant.revoked_at, grant.revoked_reason) {
        (Some(at), reason) => format!("revoked {at} ({})", reason.unwrap_or("-")),
        (None, _) => format!("used {}", grant.last_used_at),
    });
    words.join("  ")
}
