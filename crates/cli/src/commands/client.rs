//! `barewire client …`: the applications that an authorization server knows.

use barewire_oauth::client::{GrantType, RedirectUri};
use barewire_oauth_server::administration::{ClientView, NewClient};

use super::administer::Office;
use crate::arguments::{Client, ClientAction, Common};
use crate::outcome::Failure;
use crate::terminal::note;

pub(crate) async fn run(arguments: Client, common: &Common) -> Result<(), Failure> {
    let changes = !matches!(arguments.action, ClientAction::List { .. } | ClientAction::Show { .. });
    let office = Office::open(arguments.place.data_dir.as_ref(), "barewire client", changes, common).await?;
    let result = act(&office, arguments.action, common).await;
    office.close().await;
    result
}

async fn act(office: &Office, action: ClientAction, common: &Common) -> Result<(), Failure> {
    let (all, by) = (&office.all, office.by());
    match action {
        ClientAction::List { search, page } => {
            let found = all.clients(&search.unwrap_or_default(), page.cursor.as_deref(), page.limit).await?;
            office.list(&found, line)
        }
        ClientAction::Show { id } => office.show(&all.client(&id).await?),
        ClientAction::Add { name, id, redirect_uris, grant_types, confidential } => {
            let redirect_uri = |uri: &String| {
                RedirectUri::parse(uri)
                    .map_err(|error| Failure::usage(format_args!("--redirect-uri {uri}: {error}")))
            };
            let for_itself = grant_types.iter().any(|word| word == GrantType::ClientCredentials.as_str());
            let new = NewClient {
                client_id: id,
                client_name: name,
                redirect_uris: redirect_uris.iter().map(redirect_uri).collect::<Result<_, _>>()?,
                grant_types: grant_types.iter().map(|word| grant_type(word)).collect::<Result<_, _>>()?,
                confidential,
            };
            let added = all.add_client(&by, new).await?;
            office.show(&added)?;
            if added.client_secret.is_some() && !common.json {
                note("The secret is shown this once; keep it now.");
            }
            if for_itself && !common.json {
                note("What it may have for itself is said by the settings: auth.own_access.");
            }
            Ok(())
        }
        ClientAction::Disable { id } => {
            all.set_client_disabled(&by, &id, true).await?;
            office.done(format_args!("{id} is disabled: no token, no refresh, whoever it acts for."));
            Ok(())
        }
        ClientAction::Enable { id } => {
            all.set_client_disabled(&by, &id, false).await?;
            office.done(format_args!("{id} is enabled."));
            Ok(())
        }
        ClientAction::Delete { id } => {
            all.delete_client(&by, &id).await?;
            office.done(format_args!("{id} is deleted, and all that it was allowed has ended."));
            Ok(())
        }
    }
}

fn grant_type(word: &str) -> Result<GrantType, Failure> {
    GrantType::ALL.into_iter().find(|grant| grant.as_str() == word).ok_or_else(|| {
        let all = GrantType::ALL.map(GrantType::as_str).join(", ");
        Failure::usage(format_args!("there is no grant type {word}; there are: {all}"))
    })
}

fn line(client: &ClientView) -> String {
    let more = if client.more_grants { "+" } else { "" };
    let mut words = vec![client.id.clone()];
    words.extend(client.name.clone());
    words.push(client.known_by.to_owned());
    words.extend(client.disabled_at.map(|at| format!("disabled {at}")));
    words.push(client.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {at}")));
    words.push(format!("grants {}{more}", client.grants));
    words.join("  ")
}
