//! The figures to reach, and whether this run reached them.

use crate::report::{Calls, Report};
use crate::row::Drive;

/// One figure to reach.
pub struct Target {
    /// As it stands in `notes.toml`, which says why it is not reached.
    pub id: &'static str,
    /// In words.
    pub what: &'static str,
    /// It is reached up to here.
    pub limit: f64,
    /// What the number is.
    pub unit: Unit,
    measured: fn(&Report, &str) -> Option<f64>,
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Of the serde floor, or as the words say.
    Times,
    /// Of 1024 bytes.
    Kibibytes,
    /// Of memory.
    Bytes,
    /// Of time.
    Milliseconds,
}

/// What an allocator keeps of many things that are gone is a little more than nothing.
const NOTHING: f64 = 16.0;

/// All of them, in the order of the issue that asked for them.
pub const TARGETS: [Target; 15] = [
    ratio("echo", "echo, 2026-07-28, JSON, no token", 1.25, |report, server| cpu(report, "echo", server)),
    ratio("echo-bearer", "the same with a bearer token", 1.35, |report, server| {
        cpu(report, "echo-bearer", server)
    }),
    ratio("echo-observed", "and with audit record and metrics", 1.6, |report, server| {
        cpu(report, "echo-observed", server)
    }),
    ratio("echo-session", "echo, 2025-11-25 in a session, JSON", 1.35, |report, server| {
        cpu(report, "echo-session", server)
    }),
    ratio("get-user", "get_user with structured content and output schema", 1.5, |report, server| {
        cpu(report, "get-user", server)
    }),
    ratio("stream", "event stream with three notifications", 2.2, |report, server| {
        cpu(report, "stream", server)
    }),
    ratio("p99-closed", "p99 of echo at 64 connections, closed loop", 1.3, |report, server| {
        let calls = report.calls.iter().find(|calls| calls.row.name == "echo")?;
        Some(calls.ratio(calls.of(server)?, |turn| turn.p99_us)?.median)
    }),
    ratio("p99-open", "p99 of echo at 64 connections, open loop at the same rate", 1.3, |report, server| {
        let is =
            |calls: &&Calls| calls.row.name.starts_with("echo@") && matches!(calls.row.drive, Drive::Rate(_));
        let calls = report.calls.iter().find(is)?;
        Some(calls.ratio(calls.of(server)?, |turn| turn.p99_us)?.median)
    }),
    Target {
        id: "idle-stream",
        what: "memory of an idle stream beyond its connection, the larger of listen and GET at any number",
        limit: 3.0,
        unit: Unit::Kibibytes,
        measured: idle_stream,
    },
    Target {
        id: "abandoned",
        what: "memory of an abandoned 2025-11-25 session, or of a call without one",
        limit: NOTHING,
        unit: Unit::Bytes,
        measured: |report, server| {
            let rows = report.abandoned.iter().filter(|row| row.server == server);
            rows.map(|row| row.bytes_each).max_by(f64::total_cmp)
        },
    },
    Target {
        id: "publish",
        what: "a change to 10,000 idle streams, until the last has it",
        limit: 150.0,
        unit: Unit::Milliseconds,
        measured: |report, server| {
            let rows = report.published.iter().filter(|row| row.server == server && row.count == 10_000);
            rows.map(|row| row.all_ms.median).max_by(f64::total_cmp)
        },
    },
    Target {
        id: "start",
        what: "start to the first answer, with SQLite state open",
        limit: 30.0,
        unit: Unit::Milliseconds,
        measured: |report, server| {
            // Only ours has state; the others are shown without.
            let rows = report.starts.iter().filter(|row| row.server == server);
            rows.map(|row| row.ms.median).max_by(f64::total_cmp)
        },
    },
    ratio("cold-token", "cold check of an ES256 token, over the signature check alone", 1.1, |report, _| {
        instructions(report, "token-cold", "signature")
    }),
    ratio("list-tools", "tools/list with 10,000 tools over the same with 10", 1.1, |report, server| {
        over(report, server, "list-tools-10000", "list-tools-10")
    }),
    ratio(
        "list-tools-alike",
        "the same where both answers have 10 entries, in instructions",
        1.1,
        |report, _| instructions(report, "tools-list-10-of-10000", "tools-list-10-of-10"),
    ),
];

impl Target {
    /// That server's figure, where this run has it.
    pub fn measured(&self, report: &Report, server: &str) -> Option<f64> {
        (self.measured)(report, server)
    }

    /// Whether that figure is within the limit, as it is shown.
    pub fn is_reached(&self, figure: f64) -> bool {
        (figure * 100.0).round() / 100.0 <= self.limit
    }
}

impl Unit {
    /// The figure in words.
    pub fn show(self, figure: f64) -> String {
        match self {
            Self::Times => format!("{figure:.2}x"),
            Self::Kibibytes => format!("{figure:.1} KiB"),
            Self::Bytes => format!("{:.0} bytes", figure.max(0.0)),
            Self::Milliseconds => format!("{figure:.1} ms"),
        }
    }
}

const fn ratio(
    id: &'static str,
    what: &'static str,
    limit: f64,
    measured: fn(&Report, &str) -> Option<f64>,
) -> Target {
    Target { id, what, limit, unit: Unit::Times, measured }
}

fn cpu(report: &Report, row: &str, server: &str) -> Option<f64> {
    let calls = report.calls.iter().find(|calls| calls.row.name == row)?;
    Some(calls.ratio(calls.of(server)?, |turn| turn.cpu_us)?.median)
}

/// CPU per request of one row over another's of the same server.
fn over(report: &Report, server: &str, row: &str, other: &str) -> Option<f64> {
    let each = |name: &str| {
        let calls = report.calls.iter().find(|calls| calls.row.name == name)?;
        Some(calls.of(server)?.spread(|turn| turn.cpu_us).median)
    };
    Some(each(row)? / each(other)?)
}

/// Instructions of one case of ours over another's.
fn instructions(report: &Report, case: &str, other: &str) -> Option<f64> {
    let each = |case: &str| Some(report.instructions.iter().find(|row| row.case == case)?.each);
    Some(each(case)? / each(other)?)
}

/// Of fewer streams, whole pages of memory are most of what is seen.
const MANY_STREAMS: usize = 100;

/// In KiB, each over a kept connection of a floor that has as many: the largest.
fn idle_stream(report: &Report, server: &str) -> Option<f64> {
    let rows = report.streams.iter().filter(|row| row.server == server && row.count >= MANY_STREAMS);
    let beyond = rows.filter_map(|row| Some(row.bytes_each - report.connection(row.count)?));
    beyond.max_by(f64::total_cmp).map(|bytes| bytes / 1024.0)
}
