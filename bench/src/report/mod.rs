//! What a run found, as data. [`markdown`] makes the page of it, [`terminal`] what is shown meanwhile.

mod ahead;
pub mod markdown;
pub(crate) mod table;
pub mod targets;
pub mod terminal;

use std::fmt::Write as _;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::figures::Spread;
use crate::machine::Machine;
use crate::row::Row;
use crate::subject::Kind;

/// Everything that a run found. Kept as JSON beside the page, so that a later run can be compared with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Where it ran.
    pub machine: Machine,
    /// How.
    pub method: Method,
    /// What was measured.
    pub servers: Vec<Server>,
    /// What was not, and why.
    pub left_out: Vec<LeftOut>,
    /// Servers that answer calls.
    pub calls: Vec<Calls>,
    /// From the start of a process to its first right answer.
    pub starts: Vec<Start>,
    /// Idle streams.
    pub streams: Vec<Streams>,
    /// One change to many streams.
    pub published: Vec<Published>,
    /// Sessions that nobody takes up again.
    pub abandoned: Vec<Abandoned>,
    /// Calls beside many sessions.
    pub sessions: Vec<Sessions>,
    /// Clients against one server.
    pub clients: Vec<Client>,
    /// Good requests beside hostile ones.
    pub hostile: Vec<Hostile>,
    /// Instructions of the pure path.
    pub instructions: Vec<Instructions>,
}

/// How a run was made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Method {
    /// Server and generator had a core each.
    pub apart: bool,
    /// It was only tried whether everything works.
    pub quick: bool,
    /// Rounds of the main rows.
    pub rounds: usize,
    /// Seconds of a turn.
    pub seconds: f64,
    /// Minutes that all of it took.
    pub minutes: f64,
}

/// One server of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Server {
    /// As in the rows.
    pub name: String,
    /// Which side.
    pub kind: Kind,
    /// What its lock file pins, `package version`.
    pub version: String,
}

/// What was not measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Who.
    pub server: String,
    /// On what; empty for all of it.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// One row of calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Calls {
    /// What was done.
    pub row: Row,
    /// By whom.
    pub results: Vec<CallResult>,
}

/// One server in one row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallResult {
    /// Who.
    pub server: String,
    /// Which side.
    pub kind: Kind,
    /// What a reader has to know about it.
    pub remark: Option<String>,
    /// Of an open loop: how many requests were due in a second.
    pub rate: Option<f64>,
    /// One for each round.
    pub turns: Vec<Turn>,
}

/// What one turn of one server found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Answered rightly; there are no others.
    pub requests: u64,
    /// Answers in a second.
    pub per_second: f64,
    /// User and system time of the server over the requests, in microseconds.
    pub cpu_us: f64,
    /// How much of one core the server used meanwhile.
    pub busy: f64,
    /// Latency in microseconds.
    pub p50_us: f64,
    /// Latency in microseconds.
    pub p99_us: f64,
    /// Latency in microseconds.
    pub p999_us: f64,
    /// The most resident memory meanwhile, in KiB.
    pub peak_kib: u64,
    /// Connections that the server closed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reconnects: u64,
    /// Of an open loop: requests that were due and never sent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsent: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl CallResult {
    /// A figure over all rounds.
    pub fn spread(&self, figure: fn(&Turn) -> f64) -> Spread {
        Spread::of(self.turns.iter().map(figure)).unwrap_or(Spread {
            median: f64::NAN,
            low: f64::NAN,
            high: f64::NAN,
        })
    }
}

impl Calls {
    /// That server's result.
    pub fn of(&self, server: &str) -> Option<&CallResult> {
        self.results.iter().find(|result| result.server == server)
    }

    /// What all ratios are against.
    pub fn floor(&self) -> Option<&CallResult> {
        self.results.iter().find(|result| result.kind == Kind::SerdeFloor)
    }

    /// A figure of a result over the floor's in the same round.
    pub fn ratio(&self, result: &CallResult, figure: fn(&Turn) -> f64) -> Option<Spread> {
        let floor = self.floor()?;
        Spread::of(result.turns.iter().zip(&floor.turns).map(|(turn, floor)| figure(turn) / figure(floor)))
    }
}

/// The start of a server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Start {
    /// Who.
    pub server: String,
    /// With what state.
    pub state: String,
    /// Milliseconds from the start of the process to its first right answer.
    pub ms: Spread,
    /// Resident memory after that, in KiB.
    pub idle_kib: Spread,
}

/// Many idle streams.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Streams {
    /// Who.
    pub server: String,
    /// `keep-alive`, `listen` or `get`.
    pub kind: String,
    /// How many.
    pub count: usize,
    /// Bytes of heap and stacks for each.
    pub bytes_each: f64,
    /// Of them still there after all were closed.
    pub left_each: f64,
}

impl Streams {
    /// The kind that is a connection and no stream.
    pub const KEEP_ALIVE: &str = "keep-alive";
}

/// One change to many streams.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Published {
    /// Who.
    pub server: String,
    /// `listen` or `get`.
    pub kind: String,
    /// How many.
    pub count: usize,
    /// Milliseconds until the first stream had it.
    pub first_ms: f64,
    /// Milliseconds until all had it.
    pub all_ms: Spread,
}

/// Sessions that nobody takes up again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Abandoned {
    /// Who.
    pub server: String,
    /// `initialize`, `used` or `without session`.
    pub kind: String,
    /// How many.
    pub count: usize,
    /// Bytes kept of each.
    pub bytes_each: f64,
    /// Processor time of each.
    pub cpu_us: f64,
}

/// Calls beside many sessions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sessions {
    /// Who.
    pub server: String,
    /// Sessions that were opened before.
    pub count: usize,
    /// Processor time of one `echo`.
    pub cpu_us: f64,
}

/// A client against our server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Client {
    /// Whose.
    pub client: String,
    /// `modern` or `legacy`.
    pub era: String,
    /// Calls under way at once.
    pub concurrency: usize,
    /// Answers in a second.
    pub per_second: Spread,
    /// Processor time of the client for each call.
    pub cpu_us: Spread,
    /// The most resident memory, in KiB.
    pub peak_kib: f64,
}

/// Good requests at a fixed rate beside hostile ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hostile {
    /// What is sent beside the good ones.
    pub what: String,
    /// Good requests a second.
    pub rate: f64,
    /// Hostile ones a second.
    pub hostile_rate: f64,
    /// Latency of the good ones without them.
    pub p99_alone_us: Spread,
    /// Latency of the good ones beside them.
    pub p99_us: Spread,
    /// The one over the other in the same round.
    pub ratio: Spread,
    /// Processor time of one hostile request.
    pub cpu_us: f64,
    /// The most resident memory without them and beside them, in KiB.
    pub peak_alone_kib: f64,
    /// As above.
    pub peak_kib: f64,
}

/// Instructions of one call of the pure path.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instructions {
    /// Which.
    pub case: String,
    /// Instructions of one call.
    pub each: f64,
}

impl Report {
    /// Notes what is not measured, once.
    pub fn leave_out(&mut self, server: &str, what: &str, reason: &str) {
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let reason = reason.chars().take(300).collect();
        let left_out = LeftOut { server: server.to_owned(), what: what.to_owned(), reason };
        if !self.left_out.contains(&left_out) {
            self.left_out.push(left_out);
        }
    }

    /// As our server is called here.
    pub fn ours(&self) -> &str {
        self.servers.iter().find(|server| server.kind == Kind::Ours).map_or("barewire", |server| &server.name)
    }

    /// What a kept connection costs a bare server that has so many of them, in bytes.
    pub fn connection(&self, count: usize) -> Option<f64> {
        let floor = self.servers.iter().find(|server| server.kind == Kind::SerdeFloor)?;
        let kept = |row: &&Streams| {
            row.server == floor.name && row.kind == Streams::KEEP_ALIVE && row.count == count
        };
        self.streams.iter().find(kept).map(|row| row.bytes_each)
    }

    /// That is a peer's name.
    pub fn is_peer(&self, name: &str) -> bool {
        self.servers.iter().any(|server| server.kind == Kind::Peer && server.name == name)
    }

    /// As JSON with one line for each entry, so that two runs can be compared line by line.
    ///
    /// # Errors
    /// Never; it holds nothing that JSON does not have.
    pub fn to_json(&self) -> Result<String> {
        as_lines(self)
    }
}

/// A struct as JSON with one line for each entry of its lists.
pub(crate) fn as_lines(report: &impl Serialize) -> Result<String> {
    let serde_json::Value::Object(parts) = serde_json::to_value(report)? else {
        unreachable!("a struct is an object")
    };
    let mut lines = Vec::new();
    for (name, part) in &parts {
        let mut text = format!("  \"{name}\": ");
        match part {
            serde_json::Value::Array(entries) if !entries.is_empty() => {
                let entries: Vec<String> = entries.iter().map(|entry| format!("    {entry}")).collect();
                write!(text, "[\n{}\n  ]", entries.join(",\n"))?;
            }
            other => write!(text, "{other}")?,
        }
        lines.push(text);
    }
    Ok(format!("{{\n{}\n}}\n", lines.join(",\n")))
}
