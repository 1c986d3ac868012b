//! How our types look in a column.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use barewire_oauth_server::store::{Digest, Secret, StoreError, Swap};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteQueryResult, SqliteRow};

/// Microseconds since 1970. Times that do not fit (290,000 years away) become the nearest that does.
pub(crate) fn micros(at: SystemTime) -> i64 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
    }
}

/// The time that lies `age` before `now`.
pub(crate) fn micros_before(now: SystemTime, age: Duration) -> i64 {
    micros(now).saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX))
}

pub(crate) fn time(micros: i64) -> SystemTime {
    let distance = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}

/// Reads a column as what it means; a value that cannot be that is an error of the store, never a panic.
pub(crate) trait Columns {
    fn text(&self, column: &str) -> Result<String, sqlx::Error>;
    fn maybe_text(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn time(&self, column: &str) -> Result<SystemTime, sqlx::Error>;
    fn maybe_time(&self, column: &str) -> Result<Option<SystemTime>, sqlx::Error>;
    fn digest(&self, column: &str) -> Result<Digest, sqlx::Error>;
    fn maybe_digest(&self, column: &str) -> Result<Option<Digest>, sqlx::Error>;
    fn maybe_address(&self, column: &str) -> Result<Option<IpAddr>, sqlx::Error>;
    fn secret(&self, column: &str) -> Result<Secret, sqlx::Error>;
    fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, sqlx::Error>;
}

impl Columns for SqliteRow {
    fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        self.try_get(column)
    }

    fn maybe_text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        self.try_get(column)
    }

    fn time(&self, column: &str) -> Result<SystemTime, sqlx::Error> {
        self.try_get(column).map(time)
    }

    fn maybe_time(&self, column: &str) -> Result<Option<SystemTime>, sqlx::Error> {
        Ok(self.try_get::<Option<i64>, _>(column)?.map(time))
    }

    fn digest(&self, column: &str) -> Result<Digest, sqlx::Error> {
        self.try_get::<&[u8], _>(column)?.try_into().map(Digest).map_err(|error| undecodable(column, error))
    }

    fn maybe_digest(&self, column: &str) -> Result<Option<Digest>, sqlx::Error> {
        let bytes: Option<&[u8]> = self.try_get(column)?;
        bytes
            .map(|bytes| bytes.try_into().map(Digest).map_err(|error| undecodable(column, error)))
            .transpose()
    }

    fn maybe_address(&self, column: &str) -> Result<Option<IpAddr>, sqlx::Error> {
        let text: Option<&str> = self.try_get(column)?;
        text.map(|text| text.parse().map_err(|error| undecodable(column, error))).transpose()
    }

    fn secret(&self, column: &str) -> Result<Secret, sqlx::Error> {
        self.try_get(column).map(Secret::new)
    }

    fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, sqlx::Error> {
        serde_json::from_str(self.try_get(column)?).map_err(|error| undecodable(column, error))
    }
}

/// A value that a newer version wrote, or somebody by hand.
pub(crate) fn undecodable(
    column: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) }
}

/// The driver's error as the traits' error.
pub(crate) trait Stored<T> {
    fn stored(self) -> Result<T, StoreError>;
}

impl<T> Stored<T> for Result<T, sqlx::Error> {
    fn stored(self) -> Result<T, StoreError> {
        self.map_err(StoreError::new)
    }
}

/// Whether a statement that names one record by its expected state found it.
pub(crate) fn swapped(done: &SqliteQueryResult) -> Swap {
    if done.rows_affected() == 1 { Swap::Done } else { Swap::Lost }
}
