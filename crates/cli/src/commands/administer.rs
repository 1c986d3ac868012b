//! What `barewire user`, `client` and `grant` share: the store that they work on, who does it, and how it is shown.
//!
//! They do what the API and the pages of the authorization server do, by the same functions; a server that runs at the same
//! store learns of it within a second. Whoever can write the store needs no other leave.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use barewire_audit::{Audit, EventRecorder};
use barewire_oauth_server::Witness;
use barewire_oauth_server::administration::{AdminError, Administration, By, Page};
use barewire_store::Store;
use serde::Serialize;

use crate::arguments::Common;
use crate::config::Settings;
use crate::outcome::{Failure, Kind};
use crate::sealing;
use crate::terminal::{note, print, safe, safe_json};

/// A store, open, and the audit log beside it.
pub(super) struct Office {
    pub(super) all: Administration,
    operator: String,
    command: &'static str,
    store: Store,
    audit: Option<(Audit, Store)>,
    json: bool,
}

impl Office {
    /// Opens the store in `data_dir`. It never makes one.
    /// What changes nothing is no event.
    pub(super) async fn open(
        data_dir: Option<&PathBuf>,
        command: &'static str,
        changes: bool,
        common: &Common,
    ) -> Result<Self, Failure> {
        let settings = Settings::load(common)?;
        let data_dir = settings.data_dir(data_dir);
        let path = data_dir.join("auth.sqlite");
        if !path.is_file() {
            let error = anyhow::anyhow!("there is no authorization server's store {}", path.display());
            let next = "name its folder with --data-dir".to_owned();
            return Err(Failure::new(Kind::Usage, error).with_next(Some(next)));
        }
        let keys = sealing::keys(&settings.store)?;
        let store = Store::open_with(path, keys.clone()).await.map_err(Failure::internal)?;
        store.unlock().await.map_err(sealing::failure)?;
        let audit = if changes && settings.audit.enabled {
            let log = Store::open_with(data_dir.join("audit.sqlite"), keys).await;
            let log = log.map_err(Failure::internal)?;
            let clock: barewire_audit::Clock = Arc::new(SystemTime::now);
            Some((Audit::start(Arc::new(log.clone()), settings.audit, clock), log))
        } else {
            None
        };
        let witness = audit.as_ref().map(|(audit, _)| {
            let recorder = EventRecorder::new().audit(audit, Arc::new(SystemTime::now));
            Arc::new(recorder) as Arc<dyn Witness>
        });
        let all = Administration::new(Arc::new(store.clone()), &settings.auth, witness)
            .await
            .map_err(Failure::internal)?;
        let operator = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
        let operator = operator.unwrap_or_else(|_| "unknown".to_owned());
        Ok(Self { all, operator, command, store, audit, json: common.json })
    }

    pub(super) fn by(&self) -> By<'_> {
        By::operator(&self.operator, self.command)
    }

    /// Writes down what was done, and closes the files.
    pub(super) async fn close(self) {
        if let Some((audit, log)) = self.audit {
            audit.close().await;
            log.close().await;
        }
        self.store.close().await;
    }

    /// Shows a part of a list, and how to read on.
    pub(super) fn list<T: Serialize>(
        &self,
        page: &Page<T>,
        line: impl Fn(&T) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            return self.document(page);
        }
        page.items.iter().for_each(|item| print(&safe(&line(item))));
        if page.items.is_empty() {
            note("There are none.");
        }
        if let Some(cursor) = &page.next_cursor {
            note(&format!("There are more: --cursor {cursor}"));
        }
        Ok(())
    }

    /// Shows one record: its facts as lines, or as JSON.
    pub(super) fn show(&self, record: &impl Serialize) -> Result<(), Failure> {
        if self.json {
            return self.document(record);
        }
        let value = serde_json::to_value(record).map_err(Failure::internal)?;
        for (name, value) in value.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            print(&safe(&format!("{name:<27} {text}")));
        }
        Ok(())
    }

    /// Says that something was done.
    pub(super) fn done(&self, text: impl Display) {
        if self.json {
            print("{\"done\":true}");
        } else {
            note(&safe(&text.to_string()));
        }
    }

    fn document(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(Failure::internal)?;
        print(&safe_json(&text));
        Ok(())
    }
}

/// A refusal is the fault of whoever asks; a store that fails is this machine's.
impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let kind = match error {
            AdminError::Store(_) | AdminError::Password(_) => Kind::Internal,
            AdminError::Cursor
            | AdminError::UserName
            | AdminError::Unfit(_)
            | AdminError::Client(_)
            | AdminError::Account => Kind::Usage,
            _ => Kind::Refused,
        };
        let next = match error {
            AdminError::NoSuchUser => Some("`barewire user list` shows who is there"),
            AdminError::NoSuchClient => Some("`barewire client list` shows which there are"),
            AdminError::NoSuchGrant => Some("`barewire grant list` shows which there are"),
            AdminError::NoSuchAccount => Some("`barewire user show` lists the accounts"),
            AdminError::Client(_) => Some("`barewire client add --help` says what one needs"),
            AdminError::Cursor => Some("take the cursor that the part before named, with the same filters"),
            _ => None,
        };
        Failure::new(kind, error).with_next(next.map(str::to_owned))
    }
}
