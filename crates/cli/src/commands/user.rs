//! `barewire user …`: the people of an authorization server.

use std::io::{IsTerminal as _, Read as _};

use barewire_oauth::secret::Password;
use barewire_oauth::upstream::id_token::Account;
use barewire_oauth_server::administration::{NewUser, UserView};

use super::administer::Office;
use crate::arguments::{AccountElsewhere, Common, PasswordFrom, User, UserAction};
use crate::outcome::Failure;
use crate::terminal::ask_secret;

/// The longest password that is read from standard input, with its line break.
const MAX_INPUT: u64 = 2048;

pub(crate) async fn run(arguments: User, common: &Common) -> Result<(), Failure> {
    let changes = !matches!(arguments.action, UserAction::List { .. } | UserAction::Show { .. });
    let office = Office::open(arguments.place.data_dir.as_ref(), "barewire user", changes, common).await?;
    let result = act(&office, arguments.action).await;
    office.close().await;
    result
}

async fn act(office: &Office, action: UserAction) -> Result<(), Failure> {
    let (all, by) = (&office.all, office.by());
    match action {
        UserAction::List { search, page } => {
            let found = all.users(&search.unwrap_or_default(), page.cursor.as_deref(), page.limit).await?;
            office.list(&found, line)
        }
        UserAction::Show { name } => office.show(&all.user(&all.user_id(&name).await?).await?),
        UserAction::Add { name, admin, password } => {
            let password = read(&password)?;
            let user = all.add_user(&by, NewUser { name, password, administrator: admin }).await?;
            office.show(&user)
        }
        UserAction::Disable { name } => {
            all.set_user_disabled(&by, &all.user_id(&name).await?, true).await?;
            office.done(format_args!("{name} is disabled: no session, no token, no refresh."));
            Ok(())
        }
        UserAction::Enable { name } => {
            all.set_user_disabled(&by, &all.user_id(&name).await?, false).await?;
            office.done(format_args!("{name} is enabled."));
            Ok(())
        }
        UserAction::Password { name, password } => {
            let id = all.user_id(&name).await?;
            all.reset_password(&by, &id, read(&password)?).await?;
            office.done(format_args!("{name} has another password and is signed out everywhere."));
            Ok(())
        }
        UserAction::ResetFactors { name } => {
            all.reset_second_factors(&by, &all.user_id(&name).await?).await?;
            office.done(format_args!("{name} signs in with the password alone."));
            Ok(())
        }
        UserAction::SignOut { name } => {
            let ended = all.end_sessions(&by, &all.user_id(&name).await?).await?;
            office.done(format_args!("{name} is signed out of {ended} browsers."));
            Ok(())
        }
        UserAction::Promote { name } => {
            all.set_administrator(&by, &all.user_id(&name).await?, true).await?;
            office.done(format_args!("{name} is an administrator."));
            Ok(())
        }
        UserAction::Demote { name } => {
            all.set_administrator(&by, &all.user_id(&name).await?, false).await?;
            office.done(format_args!("{name} is no administrator."));
            Ok(())
        }
        UserAction::Link { name, account } => {
            all.link_account(&by, &all.user_id(&name).await?, account.into()).await?;
            office.done(format_args!("{name} signs in with that account, too."));
            Ok(())
        }
        UserAction::Unlink { name, account } => {
            all.unlink_account(&by, &all.user_id(&name).await?, &account.into()).await?;
            office.done(format_args!(
                "{name} does not sign in with that account any more; what was connected that way ends at its next refresh."
            ));
            Ok(())
        }
    }
}

impl From<AccountElsewhere> for Account {
    fn from(AccountElsewhere { issuer, subject }: AccountElsewhere) -> Self {
        Self { issuer, subject }
    }
}

fn line(user: &UserView) -> String {
    let mut words = vec![user.name.clone()];
    words.extend((user.id != user.name).then(|| format!("({})", user.id)));
    words.extend(user.administrator.then(|| "administrator".to_owned()));
    words.extend((!user.has_password).then(|| "no password".to_owned()));
    words.extend(user.disabled_at.map(|at| format!("disabled {at}")));
    words.push(format!("added {}", user.created_at));
    words.join("  ")
}

/// A password, from the terminal or standard input: never from the command line, where others can read it.
fn read(from: &PasswordFrom) -> Result<Password, Failure> {
    if from.password_stdin {
        let mut text = String::new();
        std::io::stdin().take(MAX_INPUT).read_to_string(&mut text).map_err(Failure::internal)?;
        return Ok(Password::new(text.trim_end_matches(['\r', '\n'])));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "there is no terminal to ask for the password; give it on standard input",
        )
        .with_next(Some("add --password-stdin".to_owned())));
    }
    let unread = || Failure::usage("no password was typed");
    let first = ask_secret("Password:").ok_or_else(unread)?;
    if ask_secret("Once more:").ok_or_else(unread)? != first {
        return Err(Failure::usage("the two passwords differ"));
    }
    Ok(Password::new(first))
}
