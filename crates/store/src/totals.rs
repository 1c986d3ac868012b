//! How many rows there are of what is bounded. Triggers keep count (migrations 24 and 26), so that an insertion does not.

use sqlx::SqliteConnection;

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counted {
    /// Those that registered themselves.
    Clients,
    Devices,
    LoginAttempts,
    PushedRequests,
    UpstreamLogins,
}

/// How many there are.
pub(crate) async fn total(db: &mut SqliteConnection, of: Counted) -> Result<i64, sqlx::Error> {
    let name = match of {
        Counted::Clients => "clients",
        Counted::Devices => "devices",
        Counted::LoginAttempts => "login_attempts",
        Counted::PushedRequests => "pushed_requests",
        Counted::UpstreamLogins => "upstream_logins",
    };
    sqlx::query_scalar("SELECT count FROM totals WHERE name = ?1").bind(name).fetch_one(db).await
}
