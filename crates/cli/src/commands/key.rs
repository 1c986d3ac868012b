//! `barewire key list`, `key rotate`, `key retire`: the keys that sign access tokens; `key reseal`: those that seal secrets.
//! All of it on the files, beside a running server or without one.

use std::path::Path;
use std::time::SystemTime;

use barewire_oauth_server::signing_keys::{SigningKey, SigningKeyError, list, retire, rotate};
use barewire_store::{SealingKeys, Store};
use serde_json::{Value, json};

use crate::arguments::{Common, Key, KeyAction};
use crate::config::Settings;
use crate::outcome::{Failure, Kind};
use crate::sealing;
use crate::terminal::{note, print, safe};

/// The databases of a data folder that hold secrets.
const DATABASES: [&str; 4] = ["auth.sqlite", "audit.sqlite", "host.sqlite", "mcp.sqlite"];

pub(crate) async fn run(arguments: Key, common: &Common) -> Result<(), Failure> {
    let settings = Settings::load(common)?;
    let keys = sealing::keys(&settings.store)?;
    let now = SystemTime::now();
    match arguments.action {
        KeyAction::List { data_dir } => {
            let store = open(&settings.data_dir(data_dir.as_ref()), keys).await?;
            let listed = list(&store, now).await.map_err(Failure::internal);
            store.close().await;
            show(&listed?, common.json);
        }
        KeyAction::Rotate { data_dir, now: at_once } => {
            if let Some(mistake) = settings.auth.mistake() {
                return Err(Failure::usage(mistake));
            }
            let store = open(&settings.data_dir(data_dir.as_ref()), keys).await?;
            let made = rotate(&store, &settings.auth, at_once, now).await.map_err(refused);
            let listed = list(&store, now).await.map_err(Failure::internal);
            store.close().await;
            let (kid, listed) = (made?, listed?);
            let made = listed.iter().find(|key| key.kid == kid);
            if common.json {
                print(&json!({ "key": made.map(document) }).to_string());
            } else if let Some(key) = made {
                print(&format!("{kid} signs from {}", time(key.signs_from)));
            }
        }
        KeyAction::Retire { data_dir, kid } => {
            let store = open(&settings.data_dir(data_dir.as_ref()), keys).await?;
            let retired = retire(&store, &kid, now).await.map_err(refused);
            store.close().await;
            retired?;
            if common.json {
                print(&json!({ "retired": kid }).to_string());
            } else {
                print(&format!("{} is retired, with every token that it signed", safe(&kid)));
            }
        }
        KeyAction::Reseal { data_dir } => {
            reseal(&settings.data_dir(data_dir.as_ref()), keys, common.json).await?;
        }
    }
    Ok(())
}

/// The authorization server's database. Looking at it never creates one.
async fn open(data_dir: &Path, keys: Option<SealingKeys>) -> Result<Store, Failure> {
    let path = data_dir.join(DATABASES[0]);
    if !path.is_file() {
        return Err(nothing_there(data_dir));
    }
    let store = Store::open_with(path, keys).await.map_err(Failure::internal)?;
    store.unlock().await.map_err(sealing::failure)?;
    Ok(store)
}

fn nothing_there(data_dir: &Path) -> Failure {
    Failure::usage(format_args!("there is no authorization server's database in {}", data_dir.display()))
        .with_next(Some("name its folder with --data-dir".to_owned()))
}

fn refused(error: SigningKeyError) -> Failure {
    let next = match &error {
        SigningKeyError::Unknown(_) => "barewire key list shows the keys",
        SigningKeyError::Signing(_) => "barewire key rotate --now",
        SigningKeyError::TooMany => "barewire key retire",
        SigningKeyError::Raced | SigningKeyError::Store(_) => return Failure::internal(error),
    };
    Failure::new(Kind::Refused, error).with_next(Some(next.to_owned()))
}

fn show(keys: &[SigningKey], as_json: bool) {
    if as_json {
        print(&json!({ "keys": keys.iter().map(document).collect::<Vec<_>>() }).to_string());
        return;
    }
    if keys.is_empty() {
        note("There is no signing key yet; the server makes one when it starts.");
    }
    for key in keys {
        let mut words = vec![format!("{:<8}", key.state.as_str()), safe(&key.kid)];
        words.push(format!("{} from {}", key.algorithm, time(key.signs_from)));
        words.extend(key.signs_until.map(|until| format!("until {}", time(until))));
        words.extend(key.published_until.map(|until| format!("published until {}", time(until))));
        print(&words.join("  "));
    }
}

fn document(key: &SigningKey) -> Value {
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm,
        "state": key.state.as_str(),
        "createdAt": time(key.created_at),
        "signsFrom": time(key.signs_from),
        "signsUntil": key.signs_until.map(time),
        "publishedUntil": key.published_until.map(time),
        "retiredAt": key.retired_at.map(time),
    })
}

fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

async fn reseal(data_dir: &Path, keys: Option<SealingKeys>, as_json: bool) -> Result<(), Failure> {
    let there: Vec<_> = DATABASES.iter().filter(|name| data_dir.join(name).is_file()).collect();
    if there.is_empty() {
        return Err(nothing_there(data_dir));
    }
    let mut documents = Vec::new();
    for name in there {
        let store = Store::open_with(data_dir.join(name), keys.clone()).await.map_err(Failure::internal)?;
        let found = store.reseal().await.map_err(sealing::failure);
        store.close().await;
        let found = found?;
        documents.push(json!({ "database": name, "secrets": found.secrets, "unreadable": found.unreadable }));
        if !as_json {
            let (secrets, unreadable) = (found.secrets, found.unreadable);
            print(&format!(
                "{name}: {secrets} secrets are sealed with the first key; no key opens {unreadable} others"
            ));
        }
    }
    if as_json {
        print(&json!({ "databases": documents }).to_string());
    }
    Ok(())
}
