//! What is measured of servers that answer calls.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::dialect::{Call, Era};
use crate::server::TOOLS;
use crate::subject::Work;

/// One row: some work at some number of connections, under some load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// As it stands after `--rows`.
    pub name: Cow<'static, str>,
    /// Which table it belongs to.
    pub group: Group,
    /// As it stands in that table.
    pub title: Cow<'static, str>,
    /// What is called.
    pub work: Work,
    /// How many keep-alive connections call it.
    pub connections: usize,
    /// How the load is put on.
    pub drive: Drive,
}

/// The tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// What each kind of call costs.
    Calls,
    /// With few and with many connections.
    Connections,
    /// Latency under a load that does not wait.
    Open,
    /// With many tools.
    Tools,
    /// With large arguments and results.
    Sizes,
}

/// How the load is put on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drive {
    /// Each connection sends its next request when it has its answer.
    Closed,
    /// So many requests a second, whatever the answers do.
    Rate(f64),
    /// That share of what the server managed in the closed loop of the row of that work.
    Share(f64),
}

impl Group {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 5] = [Self::Calls, Self::Connections, Self::Open, Self::Tools, Self::Sizes];

    /// As it stands after `--rows`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Connections => "connections",
            Self::Open => "open",
            Self::Tools => "tools",
            Self::Sizes => "sizes",
        }
    }
}

const ECHO: Work = Work::ECHO;

/// The rate at which all servers are compared that can keep up with it.
const COMMON_RATE: f64 = 5_000.0;

/// The rows, in the order of the report.
pub fn rows() -> Vec<Row> {
    let mut rows = calls();
    rows.extend(connections(&rows));
    rows.extend(open(&rows));
    rows.extend(tools());
    rows.extend(sizes());
    rows
}

fn calls() -> Vec<Row> {
    let session = Work { era: Era::Session, ..ECHO };
    let of = |call| Work { call, ..ECHO };
    let with_token = |work| Work { bearer: true, ..work };
    let row = |name: &'static str, title: &'static str, work| Row {
        name: name.into(),
        group: Group::Calls,
        title: title.into(),
        work,
        connections: 64,
        drive: Drive::Closed,
    };
    vec![
        row("echo", "echo, 2026-07-28, JSON", ECHO),
        row("echo-bearer", "echo, 2026-07-28, JSON, bearer token", with_token(ECHO)),
        row(
            "echo-observed",
            "echo, 2026-07-28, JSON, bearer token, audit and metrics",
            Work { observe: true, ..with_token(ECHO) },
        ),
        row("echo-session", "echo, 2025-11-25 in a session, JSON", session),
        row("echo-session-bearer", "echo, 2025-11-25 in a session, JSON, bearer token", with_token(session)),
        row("get-user", "get_user, 2026-07-28, JSON", of(Call::GetUser)),
        row("get-user-bearer", "get_user, 2026-07-28, JSON, bearer token", with_token(of(Call::GetUser))),
        row(
            "get-user-session",
            "get_user, 2025-11-25 in a session, JSON",
            Work { call: Call::GetUser, ..session },
        ),
        row("stream", "three notifications, 2026-07-28, event stream", of(Call::Progress)),
        row(
            "stream-bearer",
            "three notifications, 2026-07-28, event stream, bearer token",
            with_token(of(Call::Progress)),
        ),
        row(
            "stream-session",
            "three notifications, 2025-11-25 in a session, event stream",
            Work { call: Call::Progress, ..session },
        ),
    ]
}

fn connections(calls: &[Row]) -> Vec<Row> {
    let mut rows = Vec::new();
    for name in ["echo", "echo-session"] {
        for row in calls.iter().filter(|row| row.name == name) {
            for connections in [1, 1_000] {
                let unit = if connections == 1 { "connection" } else { "connections" };
                rows.push(Row {
                    name: format!("{name}@{connections}").into(),
                    group: Group::Connections,
                    title: format!("{}, {connections} {unit}", row.title).into(),
                    connections,
                    ..row.clone()
                });
            }
        }
    }
    rows
}

fn open(calls: &[Row]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |row: &Row, name: String, title: String, drive| {
        rows.push(Row { name: name.into(), group: Group::Open, title: title.into(), drive, ..row.clone() });
    };
    let one = |name: &'static str| calls.iter().filter(move |row| row.name == name);
    for each in ["echo", "echo-bearer", "echo-session", "get-user", "stream"].into_iter().flat_map(one) {
        let name = format!("{}@{COMMON_RATE}/s", each.name);
        row(each, name, format!("{}, {COMMON_RATE} a second", each.title), Drive::Rate(COMMON_RATE));
    }
    for each in one("echo") {
        for share in [50, 80] {
            let name = format!("{}@{share}%", each.name);
            let title = format!("{}, {share} % of its own closed loop", each.title);
            row(each, name, title, Drive::Share(f64::from(share) / 100.0));
        }
    }
    rows
}

/// Entries of a page of a list, unless a server is told otherwise.
const PAGE: usize = 250;

fn tools() -> Vec<Row> {
    let row = |name: String, title: String, work| Row {
        name: name.into(),
        group: Group::Tools,
        title: title.into(),
        work,
        connections: 64,
        drive: Drive::Closed,
    };
    let list = |more_tools| Work { call: Call::ListTools, more_tools, ..ECHO };
    let mut rows = Vec::new();
    for tools in [1, 10, 1_000, 10_000] {
        let title = format!("tools/list, first page, {tools} more tools");
        rows.push(row(format!("list-tools-{tools}"), title, list(tools)));
        if tools == 10 {
            // As much is sent as of ten thousand, and there is no second page.
            let title = format!("tools/list, {PAGE} tools in all, which is one page");
            rows.push(row("list-tools-page".to_owned(), title, list(PAGE - TOOLS)));
        }
    }
    for (page, all) in [(10, 10), (10, 10_000), (100, 10_000), (1_000, 10_000)] {
        let title = match all {
            10 => "tools/list, 10 tools in all, which is one page of 10".to_owned(),
            _ => format!("tools/list, first page of {page} of 10,000 tools"),
        };
        let work = Work { page_size: Some(page), ..list(all - TOOLS) };
        rows.push(row(format!("list-tools-{page}-of-{all}"), title, work));
    }
    for tools in [1, 10, 1_000, 10_000] {
        let work = Work { more_tools: tools, ..ECHO };
        rows.push(row(format!("echo-among-{tools}"), format!("echo, {tools} more tools"), work));
    }
    rows
}

fn sizes() -> Vec<Row> {
    let sizes = [("1kB", 1_000, 64), ("64kB", 64_000, 16), ("1MB", 1_000_000, 8), ("4MB", 4_000_000, 4)];
    let row = |(name, length, connections): (&str, usize, usize)| Row {
        name: format!("echo-{name}").into(),
        group: Group::Sizes,
        title: format!("echo of {name}, {connections} connections").into(),
        work: Work { call: Call::Echo(length), ..ECHO },
        connections,
        drive: Drive::Closed,
    };
    sizes.map(row).into()
}
