//! A store with a population, in a minute or two instead of hours.
//!
//! The store's own code makes the file, with all its migrations, so that the schema is the one that ships. The rows are then
//! written by SQL in one transaction for each table, without a journal, and with the indexes that can be left out made anew
//! at the end. What comes of it is read and written by the server under measurement like any other.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use barewire_oauth_server::store::Users as _;
use barewire_store::Store;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, QueryBuilder, Sqlite, SqliteConnection};

use crate::oauth::population::{Parts, Population, stored};
use crate::oauth::{ORIGIN, PASSWORD};
use crate::progress;
use crate::server;

/// The tables that are filled.
const TABLES: &str = "'users', 'clients', 'grants', 'families'";

/// Rows of one statement; SQLite takes up to 32,766 values in one.
const ROWS: u64 = 500;

const DAY: Duration = Duration::from_secs(86_400);

/// Makes the file and fills it.
///
/// # Errors
/// When the disk is full, or the schema is not the one that this knows.
pub async fn fill(file: &Path, population: &Population) -> Result<()> {
    let password = begin(file).await?;
    let mut db = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(false)
        .pragma("locking_mode", "EXCLUSIVE")
        // A GiB: the indexes that cannot be left out are filled in no order.
        .pragma("cache_size", "-1048576")
        .connect()
        .await?;
    let indexes = format!(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({TABLES})"
    );
    let indexes: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(indexes)).fetch_all(&mut db).await?;
    for (name, _) in &indexes {
        run(&mut db, format!("DROP INDEX {name}")).await?;
    }
    run(&mut db, "BEGIN".to_owned()).await?;
    users(&mut db, population, &password).await?;
    clients(&mut db, population).await?;
    grants(&mut db, population).await?;
    run(&mut db, "COMMIT".to_owned()).await?;
    for (name, sql) in &indexes {
        progress::now(&format!("filling · index {name}"));
        run(&mut db, sql.clone()).await?;
    }
    Ok(db.close().await?)
}

/// Ends the grants of a tenth of the users, two days ago, so that the next sweep takes them. Returns how many there are.
///
/// # Errors
/// When the file is in use.
pub async fn expire(file: &Path, population: &Population) -> Result<u64> {
    let mut db = SqliteConnectOptions::new()
        .filename(file)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-1048576")
        .connect()
        .await?;
    let ended = micros(SystemTime::now() - 2 * DAY);
    let expire = sqlx::query("UPDATE grants SET expires_at = ?1 WHERE user_id >= ?2");
    let expire = expire.bind(ended).bind(Population::user(population.first_to_end()));
    let done = expire.execute(&mut db).await?.rows_affected();
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut db).await?;
    db.close().await?;
    Ok(done)
}

/// How many grants are over.
///
/// # Errors
/// When the file cannot be read.
pub async fn expired(file: &Path) -> Result<u64> {
    let mut db = SqliteConnectOptions::new().filename(file).read_only(true).connect().await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM grants WHERE expires_at < ?1");
    let count: i64 = count.bind(micros(SystemTime::now() - DAY)).fetch_one(&mut db).await?;
    db.close().await?;
    Ok(count.unsigned_abs())
}

/// A file with the schema and one user, by the server's own code; the hash of that user's password, which all get. To hash a
/// hundred thousand would take an hour.
async fn begin(file: &Path) -> Result<Vec<u8>> {
    let store = Store::open(file).await?;
    let (server, _) = server::authorization(ORIGIN, store.clone()).await?;
    let _exists = server.create_user("model", PASSWORD).await?;
    let model = store.user_by_name("model").await?.context("it was created a moment ago")?;
    drop(server);
    store.close().await;
    Ok(model.password_hash.expose().to_vec())
}

async fn users(db: &mut SqliteConnection, population: &Population, password: &[u8]) -> Result<()> {
    let created = micros(SystemTime::now() - 200 * DAY);
    let head = "INSERT INTO users (id, name, password_hash, created_at) ";
    insert(db, head, population.users, |mut row, number| {
        let name = Population::user(number);
        row.push_bind(name.clone()).push_bind(name).push_bind(password.to_vec()).push_bind(created);
        Ok(())
    })
    .await
}

async fn clients(db: &mut SqliteConnection, population: &Population) -> Result<()> {
    let now = SystemTime::now();
    let head = "INSERT INTO clients (id, client, dynamic, registered_at, activated_at, last_used_at) ";
    insert(db, head, population.clients, |mut row, number| {
        let client = Population::client(number)?;
        let used = micros(now - spread(number, 20));
        let registered = micros(now - spread(number, 20) - 150 * DAY);
        row.push_bind(client.id.clone())
            .push_bind(serde_json::to_string(&client)?)
            .push_bind(true)
            .push_bind(registered)
            .push_bind(registered)
            .push_bind(used);
        Ok(())
    })
    .await
}

/// In the order of their ids, so that the index of the primary key grows at its end.
async fn grants(db: &mut SqliteConnection, population: &Population) -> Result<()> {
    let mut ids: Vec<(String, u64)> =
        (0..population.grants).map(|grant| (Population::grant_id(grant), grant)).collect();
    ids.sort_unstable();
    let at = |place: u64| &ids[usize::try_from(place).expect("it counts the entries of a vector")];
    let now = SystemTime::now();
    let head = "INSERT INTO grants (id, user_id, client_id, client_name, scope, resource, created_at, last_used_at, \
         expires_at, last_used_from) ";
    insert(db, head, population.grants, |mut row, place| {
        let (id, grant) = at(place);
        let (user, client) = (population.user_of(*grant), population.client_of(*grant));
        let used = now - spread(*grant, 20);
        let created = used - spread(*grant, 130);
        row.push_bind(id.clone())
            .push_bind(Population::user(user))
            .push_bind(Population::client_id(client))
            .push_bind(format!("Application {client}"))
            .push_bind(Population::scope())
            .push_bind(Population::resource())
            .push_bind(micros(created))
            .push_bind(micros(used))
            .push_bind(micros(created + 180 * DAY))
            .push_bind("203.0.113.7");
        Ok(())
    })
    .await?;
    let head = "INSERT INTO families (handle, grant_id, generation, current, expires_at, replaced) ";
    insert(db, head, population.grants, |mut row, place| {
        let (id, grant) = at(place);
        let Parts { handle, secret } = Population::parts(*grant);
        row.push_bind(stored(&handle))
            .push_bind(id.clone())
            .push_bind(0_i64)
            .push_bind(stored(&secret))
            .push_bind(micros(now - spread(*grant, 20) + 30 * DAY))
            .push_bind("[]");
        Ok(())
    })
    .await
}

type Row<'query> = sqlx::query_builder::Separated<'query, Sqlite, &'static str>;

async fn insert(
    db: &mut SqliteConnection,
    head: &'static str,
    count: u64,
    mut row: impl FnMut(Row<'_>, u64) -> Result<()>,
) -> Result<()> {
    let mut next = 0;
    while next < count {
        let end = count.min(next + ROWS);
        let mut query = QueryBuilder::<Sqlite>::new(head);
        let mut failed = None;
        query.push_values(next..end, |separated, number| {
            if let Err(error) = row(separated, number) {
                failed.get_or_insert(error);
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        query.build().execute(&mut *db).await.with_context(|| head.to_owned())?;
        next = end;
        if next.is_multiple_of(20 * ROWS) {
            progress::now(&format!("filling · {head}· {next} of {count}"));
        }
    }
    Ok(())
}

async fn run(db: &mut SqliteConnection, statement: String) -> Result<()> {
    sqlx::query(AssertSqlSafe(statement)).execute(db).await?;
    Ok(())
}

/// Somewhere within so many days, by number.
fn spread(number: u64, days: u32) -> Duration {
    let within = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    DAY * days * u32::try_from(within >> 8).unwrap_or_default() / (1 << 16)
}

fn micros(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    i64::try_from(since).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spread_over_all_of_the_days() {
        let times: Vec<Duration> = (0..1_000).map(|number| spread(number, 20)).collect();
        assert!(times.iter().all(|time| *time < 20 * DAY));
        let early = times.iter().filter(|time| **time < 10 * DAY).count();
        assert!((400..600).contains(&early), "{early}");
    }
}
