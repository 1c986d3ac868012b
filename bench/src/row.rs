//! What is measured of servers that answer calls: the rows of the main tables.

use serde::Serialize;

use crate::dialect::{Call, Era};
use crate::subject::Work;

/// One row: some work at some number of connections.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// As it stands after `--rows`.
    pub name: &'static str,
    /// As it stands in a table.
    pub title: &'static str,
    /// What is called.
    pub work: Work,
}

/// The rows, in the order of the report.
pub fn rows() -> Vec<Row> {
    let work = Work { call: Call::ECHO, era: Era::Modern, bearer: false, observe: false, more_tools: 0 };
    let session = Work { era: Era::Session, ..work };
    let row = |name, title, work| Row { name, title, work };
    vec![
        row("echo", "echo, 2026-07-28, JSON", work),
        row("echo-bearer", "echo, 2026-07-28, JSON, bearer token", Work { bearer: true, ..work }),
        row(
            "echo-observed",
            "echo, 2026-07-28, JSON, bearer token, audit and metrics",
            Work { bearer: true, observe: true, ..work },
        ),
        row("echo-session", "echo, 2025-11-25 in a session, JSON", session),
        row(
            "echo-session-bearer",
            "echo, 2025-11-25 in a session, JSON, bearer token",
            Work { bearer: true, ..session },
        ),
        row("get-user", "get_user, 2026-07-28, JSON", Work { call: Call::GetUser, ..work }),
        row(
            "get-user-bearer",
            "get_user, 2026-07-28, JSON, bearer token",
            Work { call: Call::GetUser, bearer: true, ..work },
        ),
        row(
            "get-user-session",
            "get_user, 2025-11-25 in a session, JSON",
            Work { call: Call::GetUser, ..session },
        ),
        row(
            "stream",
            "three notifications in an event stream, 2026-07-28",
            Work { call: Call::Progress, ..work },
        ),
        row(
            "stream-bearer",
            "three notifications in an event stream, 2026-07-28, bearer token",
            Work { call: Call::Progress, bearer: true, ..work },
        ),
        row(
            "stream-session",
            "three notifications in an event stream, 2025-11-25",
            Work { call: Call::Progress, ..session },
        ),
    ]
}
