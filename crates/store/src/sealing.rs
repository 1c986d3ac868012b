//! Unlocking a store: finding its key, refusing another one, and sealing with it whatever is not sealed with it yet.
//!
//! Nothing is written before it is certain that the key is the right one: a known text in the table `sealing` tells.

use std::fmt;
use std::path::PathBuf;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};
use tokio::sync::OnceCell;

use crate::Store;
use crate::sealer::{SealError, Sealer};
use crate::sealing_keys::{SealingKeyError, SealingKeys};

/// A table with a column `sealed`: the word for it, and the columns that say whose it is. Both are bound into what is
/// sealed, so that no row can be put in the place of another.
struct Sealed {
    table: &'static str,
    word: &'static str,
    columns: &'static [&'static str],
}

/// Every such table; a test compares it with the schema.
const SEALED: [Sealed; 6] = [
    Sealed { table: "signing_keys", word: "signing-key", columns: &["kid"] },
    Sealed { table: "secrets", word: "secret", columns: &["name"] },
    Sealed { table: "totp", word: "totp", columns: &["user_id"] },
    Sealed { table: "upstream_sessions", word: "upstream", columns: &["id"] },
    Sealed { table: "credential_identities", word: "identity", columns: &["issuer"] },
    Sealed { table: "credential_grants", word: "grant", columns: &["owner", "server"] },
];

/// Columns that held what is sealed now: table, column.
const PLAIN: [(&str, &str); 2] = [("signing_keys", "private_key"), ("secrets", "value")];

const CHECK: [&str; 1] = ["sealing"];
const CHECK_TEXT: &[u8] = b"barewire";

/// Rows that are looked at in one go.
const PAGE: i64 = 500;

/// Where the keys come from, and the keys once somebody needed them.
pub(crate) struct Sealing {
    given: Option<SealingKeys>,
    beside: PathBuf,
    store: PathBuf,
    sealer: OnceCell<Sealer>,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("beside", &self.beside).finish_non_exhaustive()
    }
}

/// Why the secrets in a store cannot be used. In none of these cases anything was changed.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The key file beside the store.
    #[error("the sealing key {path} cannot be used")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: SealingKeyError,
    },
    /// There are secrets and no key.
    #[error(
        "the secrets in {path} are sealed and their key is not there: give it in BAREWIRE_SEALING_KEY or \
         store.sealing_key_file, or put {beside} back (without the key they are lost; then move {path} away to start anew)"
    )]
    NoKey {
        /// The store.
        path: PathBuf,
        /// Where its own key would be.
        beside: PathBuf,
    },
    /// The keys are others.
    #[error(
        "the secrets in {path} were sealed with another key than those given; give that one as well, after the new one \
         (nothing was changed)"
    )]
    OtherKey {
        /// The store.
        path: PathBuf,
    },
    /// The library refused.
    #[error("the random generator or the cipher failed")]
    Cipher,
    /// What SQLite says.
    #[error("the secrets in {path} cannot be read")]
    Database {
        /// The store.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// What sealing anew has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Secrets that are sealed with the first key now.
    pub secrets: u64,
    /// Of these, those that were not before.
    pub renewed: u64,
    /// Secrets that none of the keys opens. They were left as they are.
    pub unreadable: u64,
}

impl Sealing {
    pub(crate) fn new(store: PathBuf, given: Option<SealingKeys>) -> Self {
        let mut beside = store.as_os_str().to_owned();
        beside.push(".key");
        Self { given, beside: beside.into(), store, sealer: OnceCell::new() }
    }

    /// The ring. The key beside the store opens as well where others are given: that is how one moves from it to them.
    fn keys(&self, has_secrets: bool) -> Result<SealingKeys, UnlockError> {
        let unusable = |source| UnlockError::KeyFile { path: self.beside.clone(), source };
        let beside = || SealingKeys::from_file(&self.beside).map_err(unusable);
        match (&self.given, self.beside.exists()) {
            (Some(given), true) => Ok(given.clone().and(beside()?)),
            (Some(given), false) => Ok(given.clone()),
            (None, true) => beside(),
            (None, false) if has_secrets => {
                Err(UnlockError::NoKey { path: self.store.clone(), beside: self.beside.clone() })
            }
            (None, false) => SealingKeys::load_or_create(&self.beside).map_err(unusable),
        }
    }

    fn failed(&self, source: sqlx::Error) -> UnlockError {
        UnlockError::Database { path: self.store.clone(), source }
    }

    fn other_key(&self) -> UnlockError {
        UnlockError::OtherKey { path: self.store.clone() }
    }
}

impl Store {
    /// Makes sure that the secrets in it can be read and written: with the keys that were given to
    /// [`Store::open_with`], or else with the one in the file beside it, which is made where there is no secret yet. What
    /// is not sealed with the first key is sealed anew. Whoever needs no secret need not call it, and whoever does calls it
    /// first, so that a wrong key ends the start and not the first login.
    ///
    /// # Errors
    /// [`UnlockError`], see its variants.
    pub async fn unlock(&self) -> Result<(), UnlockError> {
        self.unlocked().await.map(drop)
    }

    /// Looks at every secret and seals it with the first key, whatever it was sealed with. Says what was found, so that
    /// one knows when older keys can go.
    ///
    /// # Errors
    /// [`UnlockError`], see its variants.
    pub async fn reseal(&self) -> Result<Resealed, UnlockError> {
        let sealer = self.unlocked().await?;
        let failed = |source| self.sealing().failed(source);
        let mut tx = self.begin().await.map_err(failed)?;
        let resealed = seal_anew(&mut tx, sealer).await.map_err(|error| self.unsealed(error))?;
        tx.commit().await.map_err(failed)?;
        Ok(resealed)
    }

    /// What seals the secrets of clients and people. A store that keeps none has no key file.
    pub(crate) async fn sealer(&self) -> Result<&Sealer, SealError> {
        Ok(self.unlocked().await?)
    }

    async fn unlocked(&self) -> Result<&Sealer, UnlockError> {
        self.sealing().sealer.get_or_try_init(|| self.prepare()).await
    }

    async fn prepare(&self) -> Result<Sealer, UnlockError> {
        const CHECK_IS: &str = "SELECT sealed FROM sealing";
        const KEEP_CHECK: &str = "INSERT INTO sealing (one, sealed) VALUES (1, ?1) ON CONFLICT DO UPDATE SET sealed = excluded.sealed";
        let sealing = self.sealing();
        let failed = |source| sealing.failed(source);
        let mut db = self.writer().acquire().await.map_err(failed)?;
        // What was there in plain must not stay in pages that are free now.
        sqlx::query("PRAGMA secure_delete = ON").execute(&mut *db).await.map_err(failed)?;
        drop(db);
        let mut tx = self.begin().await.map_err(failed)?;
        let keys = sealing.keys(has_secrets(&mut tx).await.map_err(failed)?)?;
        let sealer = Sealer::new(&keys);
        let check: Option<Vec<u8>> =
            sqlx::query_scalar(CHECK_IS).fetch_optional(&mut *tx).await.map_err(failed)?;
        let current = match check {
            Some(check) => Some(sealer.open_bytes(&CHECK, &check).map_err(|_| sealing.other_key())?.key == 0),
            None => None,
        };
        let mut resealed = Resealed::default();
        if current != Some(true) {
            resealed = seal_anew(&mut tx, &sealer).await.map_err(|error| self.unsealed(error))?;
            // A store of a time before the known text, with a key that is not its own.
            if current.is_none() && resealed.unreadable > 0 && resealed.secrets == 0 {
                return Err(sealing.other_key());
            }
            let check = sealer.seal_bytes(&CHECK, CHECK_TEXT).map_err(|_| UnlockError::Cipher)?;
            sqlx::query(KEEP_CHECK).bind(check).execute(&mut *tx).await.map_err(failed)?;
        }
        let was_plain = seal_plain(&mut tx, &sealer).await.map_err(|error| self.unsealed(error))?;
        tx.commit().await.map_err(failed)?;
        let mut db = self.writer().acquire().await.map_err(failed)?;
        if was_plain > 0 {
            // The log of changes still has what was there before; a reader in the way only delays its end.
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *db).await.map_err(failed)?;
        }
        sqlx::query("PRAGMA secure_delete = FAST").execute(&mut *db).await.map_err(failed)?;
        self.say(&resealed, was_plain);
        Ok(sealer)
    }

    fn say(&self, resealed: &Resealed, was_plain: u64) {
        let Sealing { given, beside, store, .. } = self.sealing();
        let (store, beside) = (store.display(), beside.display());
        if was_plain > 0 {
            tracing::info!(%store, count = was_plain, "sealed secrets that were there in plain");
        }
        if resealed.renewed > 0 {
            tracing::info!(%store, count = resealed.renewed, "sealed secrets anew with the first key");
        }
        if resealed.unreadable > 0 {
            tracing::warn!(%store, count = resealed.unreadable, "some secrets cannot be opened with any key");
        }
        match given {
            Some(_) if self.sealing().beside.exists() => tracing::info!(
                %store, key = %beside,
                "secrets are sealed with the key that was given; the key file is needed for older backups only"
            ),
            Some(_) => tracing::debug!(%store, "secrets are sealed with the key that was given"),
            None => {
                tracing::debug!(%store, key = %beside, "secrets are sealed with the key beside the store");
            }
        }
    }

    fn unsealed(&self, error: Failed) -> UnlockError {
        match error {
            Failed::Database(source) => self.sealing().failed(source),
            Failed::Cipher => UnlockError::Cipher,
        }
    }
}

enum Failed {
    Database(sqlx::Error),
    Cipher,
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Whether anything is sealed already. Only a store of a time before the known text is looked through for that.
async fn has_secrets(db: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    const KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM sealing)";
    if sqlx::query_scalar(KNOWN).fetch_one(&mut *db).await? {
        return Ok(true);
    }
    for Sealed { table, .. } in &SEALED {
        let any = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE sealed IS NOT NULL)");
        if sqlx::query_scalar(AssertSqlSafe(any)).fetch_one(&mut *db).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Seals with the first key what another one sealed.
async fn seal_anew(db: &mut SqliteConnection, sealer: &Sealer) -> Result<Resealed, Failed> {
    let mut found = Resealed::default();
    for Sealed { table, word, columns } in &SEALED {
        let select = format!(
            "SELECT rowid, sealed, {} FROM {table} WHERE sealed IS NOT NULL AND rowid > ?1 ORDER BY rowid LIMIT ?2",
            columns.join(", ")
        );
        let update = format!("UPDATE {table} SET sealed = ?2 WHERE rowid = ?1");
        let mut after = i64::MIN;
        loop {
            let page = sqlx::query(AssertSqlSafe(select.clone())).bind(after).bind(PAGE);
            let page: Vec<SqliteRow> = page.fetch_all(&mut *db).await?;
            let Some(last) = page.last() else { break };
            after = last.try_get("rowid")?;
            for row in &page {
                let mut place = vec![*word];
                for column in *columns {
                    place.push(row.try_get(*column)?);
                }
                let Ok(opened) = sealer.open_bytes(&place, row.try_get("sealed")?) else {
                    found.unreadable += 1;
                    continue;
                };
                found.secrets += 1;
                if opened.key == 0 {
                    continue;
                }
                found.renewed += 1;
                let sealed = sealer.seal_bytes(&place, &opened.text).map_err(|_| Failed::Cipher)?;
                let rowid: i64 = row.try_get("rowid")?;
                sqlx::query(AssertSqlSafe(update.clone())).bind(rowid).bind(sealed).execute(&mut *db).await?;
            }
        }
    }
    Ok(found)
}

/// Seals what an older version wrote in plain, and says how much that was.
async fn seal_plain(db: &mut SqliteConnection, sealer: &Sealer) -> Result<u64, Failed> {
    let mut count = 0;
    for (table, column) in PLAIN {
        let Some(Sealed { word, columns, .. }) = SEALED.iter().find(|sealed| sealed.table == table) else {
            continue;
        };
        let name = columns[0];
        let select = format!("SELECT rowid, {name}, {column} FROM {table} WHERE sealed IS NULL");
        let update = format!("UPDATE {table} SET sealed = ?2, {column} = x'' WHERE rowid = ?1");
        let rows: Vec<SqliteRow> = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut *db).await?;
        for row in &rows {
            let place = [*word, row.try_get(name)?];
            let sealed = sealer.seal_bytes(&place, row.try_get(column)?).map_err(|_| Failed::Cipher)?;
            let rowid: i64 = row.try_get("rowid")?;
            sqlx::query(AssertSqlSafe(update.clone())).bind(rowid).bind(sealed).execute(&mut *db).await?;
            count += 1;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use barewire_testkit::TempDir;

    use super::*;

    /// A table that is not in the list would keep its secrets under a key that one takes away.
    #[tokio::test]
    async fn every_sealed_column_is_known() {
        let dir = TempDir::new();
        let store = Store::open(dir.join("store.sqlite")).await.unwrap();
        const TABLES: &str = "SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND c.name = 'sealed' AND m.name <> 'sealing' ORDER BY m.name";
        let there: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(store.reader()).await.unwrap();
        let mut known: Vec<_> = SEALED.iter().map(|sealed| sealed.table).collect();
        known.sort_unstable();
        assert_eq!(there, known);
    }
}
