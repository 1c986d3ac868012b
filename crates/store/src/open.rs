//! Opening a file, or saying why not.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Sqlite, SqliteConnection, Transaction};

use crate::sealing::Sealing;
use crate::sealing_keys::SealingKeys;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// `PRAGMA application_id` of our files, set by the first migration: the letters `BWre`.
const APPLICATION_ID: i64 = 0x4257_7265;
/// Reads go beside each other and beside the writer; more connections than cores only wait for each other.
const READERS: u32 = 4;
/// How long a second process may hold the write lock before we give up.
const BUSY: Duration = Duration::from_secs(5);
/// A file up to this size is looked through when it is opened, which takes a tenth of a second. With a million grants it would
/// be many: of a larger one only that is looked at without which nothing works, and the rest when it is read.
const LOOKED_THROUGH: i64 = 64 << 20;
/// How long a call waits for its turn in this process before it is answered with an error.
const TURN: Duration = Duration::from_secs(10);

/// One SQLite file. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    reader: SqlitePool,
    writer: SqlitePool,
    sealing: Arc<Sealing>,
}

/// Why a file cannot be used. Each says what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path cannot be created or read.
    #[error("{path} cannot be used; check that its directory exists and is writable by this user")]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Not SQLite, or SQLite that somebody else made.
    #[error("{path} belongs to another program; give Barewire a path of its own")]
    Foreign {
        /// The path.
        path: PathBuf,
    },
    /// SQLite finds it damaged.
    #[error("{path} is damaged ({finding}); restore it from a backup, or move it away to start anew")]
    Corrupt {
        /// The path.
        path: PathBuf,
        /// What SQLite says.
        finding: String,
    },
    /// A newer Barewire has migrated it.
    #[error(
        "{path} was written by a newer version (its schema is {version}); run that version, or restore a backup"
    )]
    Newer {
        /// The path.
        path: PathBuf,
        /// The first migration that this version does not know.
        version: i64,
    },
    /// Anything else that SQLite says.
    #[error("{path} cannot be opened")]
    Database {
        /// The path.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: sqlx::Error,
    },
    /// A migration failed; nothing of it was kept.
    #[error("{path} cannot be brought up to date")]
    Migration {
        /// The path.
        path: PathBuf,
        /// Which, and why.
        #[source]
        source: MigrateError,
    },
}

impl Store {
    /// Opens the file at `path`, creates it (readable by its owner only) where there is none, and brings its schema
    /// up to date, all migrations or none.
    ///
    /// WAL lets readers go on while one writer writes. With `synchronous = FULL` a commit is on the disk before the
    /// call returns. `NORMAL` would survive a killed process too, but a power cut could bring a redeemed code or a
    /// rotated refresh token back to life after its holder was answered, and then an honest client looks like a
    /// thief. All writes go through one connection: SQLite has one writer anyway, and a queue in the process is fair
    /// where `SQLITE_BUSY` is not.
    ///
    /// Secrets in it (signing keys, those of authenticator apps, a client's credentials) are sealed with a key in the
    /// file beside it, `path` followed by `.key`; see [`Store::unlock`].
    ///
    /// # Errors
    /// [`OpenError`], see its variants.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path, None).await
    }

    /// The same with keys from elsewhere, where some are given: a copy of the folder alone opens nothing then.
    ///
    /// # Errors
    /// [`OpenError`], see its variants. A wrong key shows when it is needed, or in [`Store::unlock`].
    pub async fn open_with(path: impl AsRef<Path>, keys: Option<SealingKeys>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let unusable = |source| OpenError::Io { path: path.to_owned(), source };
        create(path).map_err(unusable)?;
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY);
        probe(path, &options).await?;
        restrict(path).map_err(unusable)?;
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(TURN)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        // Zeros over what is deleted, where that costs no further write.
        sqlx::query("PRAGMA secure_delete = FAST").execute(&writer).await.map_err(failed)?;
        migrate(&writer, path).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(TURN)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        Ok(Self { reader, writer, sealing: Arc::new(Sealing::new(path.to_owned(), keys)) })
    }

    /// Waits for what is being written and closes the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Whether the file answers; for a readiness check.
    pub async fn is_ready(&self) -> bool {
        sqlx::query("SELECT 1 FROM users").fetch_optional(&self.reader).await.is_ok()
    }

    /// Where its keys come from.
    pub(crate) fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    /// For statements that read.
    pub(crate) fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// For a single statement that writes.
    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// For several. It has the write lock from the start, so what it reads is what it decides on.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }
}

/// Creates the file before SQLite does: `-wal` and `-shm` inherit its permissions.
fn create(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        let mut folder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.recursive(true).create(parent)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// A file that is ours but was created with other permissions, or copied.
#[cfg(unix)]
fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "the store was open to other users; it is not any more");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Looks at the file without changing it.
async fn probe(path: &Path, options: &SqliteConnectOptions) -> Result<(), OpenError> {
    let looked: Result<_, sqlx::Error> = async {
        let mut db: SqliteConnection = options.connect().await?;
        // In this order: a process that makes the file at this moment commits both at once, and so what has its tables
        // has its letters, too.
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut db).await?;
        let id: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut db).await?;
        let size: i64 =
            sqlx::query_scalar("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
                .fetch_one(&mut db)
                .await?;
        let checks: &[&'static str] = match id {
            APPLICATION_ID if size > LOOKED_THROUGH => {
                &["PRAGMA quick_check('signing_keys')", "PRAGMA quick_check('secrets')"]
            }
            _ => &["PRAGMA quick_check(1)"],
        };
        let mut finding = "ok".to_owned();
        for &check in checks {
            if finding == "ok" {
                finding = sqlx::query_scalar(check).fetch_one(&mut db).await?;
            }
        }
        db.close().await?;
        Ok((id, tables, finding))
    }
    .await;
    let path = path.to_owned();
    match looked {
        Ok((APPLICATION_ID, _, finding)) if finding != "ok" => Err(OpenError::Corrupt { path, finding }),
        Ok((APPLICATION_ID, _, _) | (0, 0, _)) => Ok(()),
        Ok(_) => Err(OpenError::Foreign { path }),
        Err(source) => Err(match primary_code(&source) {
            Some(SQLITE_NOTADB) => OpenError::Foreign { path },
            Some(SQLITE_CORRUPT) => OpenError::Corrupt { path, finding: source.to_string() },
            _ => OpenError::Database { path, source },
        }),
    }
}

/// Migrations within one transaction that has the write lock, so that two processes can start at once.
async fn migrate(writer: &SqlitePool, path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    MIGRATIONS.run_direct(None, &mut *tx, false).await.map_err(|source| match source {
        MigrateError::VersionMissing(version) => OpenError::Newer { path: path.to_owned(), version },
        source => OpenError::Migration { path: path.to_owned(), source },
    })?;
    tx.commit().await.map_err(failed)
}

const SQLITE_CORRUPT: i64 = 11;
const SQLITE_NOTADB: i64 = 26;

fn primary_code(error: &sqlx::Error) -> Option<i64> {
    let code: i64 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
