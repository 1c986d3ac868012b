//! What a run found, and its page.

use std::fmt::Write as _;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::figures::Spread;
use crate::machine::Machine;
use crate::oauth::rows::Row;
use crate::report::table::{Table, mebibytes, micros, thousands, with_spread};
use crate::report::{LeftOut, Method, Turn, as_lines};

/// Everything that a run found. Kept as JSON beside the page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Where it ran.
    pub machine: Machine,
    /// How.
    pub method: Method,
    /// Who was measured, and in which version.
    pub versions: Vec<(String, String)>,
    /// What was not measured, and why.
    pub left_out: Vec<LeftOut>,
    /// The stores.
    pub stores: Vec<Store>,
    /// The rows at each store, and of each server.
    pub rows: Vec<Measured>,
    /// Refreshes beside something else, at the full store.
    pub beside: Vec<Beside>,
    /// The sweep that one of them was beside.
    pub reaped: Option<Reaped>,
}

/// A store, and a server that starts on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Store {
    /// `empty` or `full`.
    pub name: String,
    /// Live ones.
    pub grants: u64,
    /// Registered ones.
    pub clients: u64,
    /// With a password.
    pub users: u64,
    /// How long it took to fill it.
    pub filled_seconds: f64,
    /// The file, in KiB.
    pub file_kib: f64,
    /// The write-ahead log after all rows, in KiB.
    pub log_kib: f64,
    /// From the start of the process to its first token, in milliseconds.
    pub start_ms: Spread,
    /// Resident memory then, in KiB.
    pub idle_kib: Spread,
}

/// One server in one row at one store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// What was done.
    pub row: Row,
    /// Where.
    pub store: String,
    /// By whom.
    pub server: String,
    /// One for each round.
    pub turns: Vec<Turn>,
}

/// Refreshes at a fixed rate, alone or beside something.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Beside {
    /// What else went on.
    pub what: String,
    /// Refreshes a second that were due.
    pub rate: f64,
    /// What was found.
    pub turn: Turn,
}

/// A sweep.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reaped {
    /// How many grants were over.
    pub grants: u64,
    /// How many of them went while it was measured.
    pub during: u64,
    /// It was not done when the measurement was.
    pub went_on: bool,
    /// From the start of the server until all were gone; `None` where that took too long.
    pub seconds: Option<f64>,
}

/// The store that is as good as empty.
pub const EMPTY: &str = "empty";
/// The other one.
pub const FULL: &str = "full";

impl Measured {
    fn spread(&self, figure: fn(&Turn) -> f64) -> Option<Spread> {
        Spread::of(self.turns.iter().map(figure))
    }

    fn median(&self, figure: fn(&Turn) -> f64) -> f64 {
        self.spread(figure).map_or(f64::NAN, |spread| spread.median)
    }

    fn cells(&self) -> Vec<String> {
        let latency =
            [self.median(|turn| turn.p50_us), self.median(|turn| turn.p99_us)].map(micros).join(" / ");
        let peak = self.turns.iter().map(|turn| turn.peak_kib).max().unwrap_or_default();
        vec![
            thousands(self.median(|turn| turn.per_second)),
            with_spread(self.spread(|turn| turn.cpu_us), micros),
            format!("{:.0} %", self.median(|turn| turn.busy) * 100.0),
            latency,
            mebibytes(peak as f64),
        ]
    }
}

const FIGURES: [&str; 5] = ["a second", "CPU each", "busy", "p50 / p99", "most memory"];

impl Report {
    /// Notes what is not measured.
    pub fn leave_out(&mut self, server: &str, what: &str, reason: &str) {
        let left_out =
            LeftOut { server: server.to_owned(), what: what.to_owned(), reason: reason.to_owned() };
        if !self.left_out.contains(&left_out) {
            self.left_out.push(left_out);
        }
    }

    /// As JSON, a line for each entry.
    ///
    /// # Errors
    /// Never; it holds nothing that JSON does not have.
    pub fn to_json(&self) -> Result<String> {
        as_lines(self)
    }

    /// The page.
    pub fn page(&self) -> String {
        let mut page = String::from(HEAD);
        if self.method.quick {
            page.push_str("**This was a trial run. Its figures are good for nothing.**\n\n");
        }
        for section in [self.sizes(), self.costs(), self.side_by_side(), self.disturbed(), self.method()] {
            page.push_str(&section);
        }
        page
    }

    fn sizes(&self) -> String {
        let mut head = vec![""];
        head.extend(self.stores.iter().map(|store| store.name.as_str()));
        let mut table = Table::new(&head);
        let mut line = |title: &str, cell: &dyn Fn(&Store) -> String| {
            let mut cells = vec![title.to_owned()];
            cells.extend(self.stores.iter().map(cell));
            table.row(cells);
        };
        line("live grants, each with a refresh token", &|store| thousands(store.grants as f64));
        line("registered clients", &|store| thousands(store.clients as f64));
        line("users", &|store| thousands(store.users as f64));
        line("file", &|store| mebibytes(store.file_kib));
        line("write-ahead log after the rows", &|store| mebibytes(store.log_kib));
        line("from the start of the process to its first token", &|store| {
            with_spread(Some(store.start_ms), |value| format!("{value:.1} ms"))
        });
        line("memory then", &|store| with_spread(Some(store.idle_kib), mebibytes));
        line("time to fill it", &|store| format!("{:.0} s", store.filled_seconds));
        format!("## Size and start\n\n{}", table.text())
    }

    fn costs(&self) -> String {
        let mut text = String::new();
        for store in [EMPTY, FULL] {
            let mut head = vec![if store == EMPTY { "at the empty store" } else { "at the full store" }];
            head.extend(FIGURES);
            let mut table = Table::new(&head);
            for measured in self.rows.iter().filter(|row| row.store == store && row.server == OURS) {
                let mut cells = vec![measured.row.title().to_owned()];
                cells.extend(measured.cells());
                table.row(cells);
            }
            text.push_str(&table.text());
        }
        format!("## What each piece of work costs\n\n{COSTS}\n\n{text}")
    }

    fn side_by_side(&self) -> String {
        let mut head = vec!["", ""];
        head.extend(FIGURES);
        let mut table = Table::new(&head);
        let peers = self.rows.iter().filter(|row| row.server != OURS);
        for peer in peers {
            let ours =
                |row: &&Measured| row.server == OURS && (row.row, &row.store) == (peer.row, &peer.store);
            for measured in self.rows.iter().find(ours).into_iter().chain([peer]) {
                let mut cells = vec![measured.row.title().to_owned(), measured.server.clone()];
                cells.extend(measured.cells());
                table.row(cells);
            }
        }
        let mut text = table.text();
        for LeftOut { server, what, reason } in &self.left_out {
            let what = if what.is_empty() { "everything" } else { what };
            let _ = writeln!(text, "* Left out: {server}, {what}: {reason}");
        }
        if text.is_empty() { text } else { format!("## Beside another server\n\n{PEERS}\n\n{text}\n") }
    }

    fn disturbed(&self) -> String {
        let mut table = Table::new(&["refreshes", "due a second", "p50", "p99", "p99.9", "never begun"]);
        for Beside { what, rate, turn } in &self.beside {
            table.row(vec![
                what.clone(),
                thousands(*rate),
                micros(turn.p50_us),
                micros(turn.p99_us),
                micros(turn.p999_us),
                turn.unsent.to_string(),
            ]);
        }
        let mut text = table.text();
        if let Some(reaped) = &self.reaped {
            let end = match (reaped.went_on, reaped.seconds) {
                (true, Some(seconds)) => format!("All were gone {seconds:.0} s after the start of the server."),
                (true, None) => "They were not all gone when the run ended.".to_owned(),
                (false, _) => "It was over before the measurement was, so its figures are in part those of a server alone.".to_owned(),
            };
            let _ = writeln!(
                text,
                "The sweep took {} of {} grants, with their refresh tokens, while it was measured. {end}\n",
                thousands(reaped.during as f64),
                thousands(reaped.grants as f64)
            );
        }
        if text.is_empty() {
            text
        } else {
            format!("## Beside logins, and beside a sweep\n\n{DISTURBED}\n\n{text}")
        }
    }

    fn method(&self) -> String {
        let (machine, method) = (&self.machine, &self.method);
        let cores = if method.apart {
            "The server has the first core to itself, its threads that hash passwords and write the store included, and the clients have the second. Starts have all cores."
        } else {
            "Server and clients share all cores."
        };
        let mut versions = Table::new(&["", "measured"]);
        for (name, version) in &self.versions {
            versions.row(vec![name.clone(), version.clone()]);
        }
        let virtual_machine = if machine.virtual_machine { ", virtual" } else { "" };
        let node = if machine.node.is_empty() { String::new() } else { format!(", Node {}", machine.node) };
        format!(
            "## Method, machine, versions\n\n* {cores}\n{METHOD}\n* Each row has {} turns of {} s, and each client does one piece of work before the first. The whole run took {:.0} \
             minutes.\n\nMachine: {} ({} cores{virtual_machine}, {} GiB), Linux {}. {}{node}.\n\n{}",
            method.rounds,
            method.seconds,
            method.minutes,
            machine.processor,
            machine.cores,
            machine.memory_gib,
            machine.kernel,
            machine.rustc,
            versions.text()
        )
    }
}

/// As our server is called in rows.
pub const OURS: &str = "barewire";

const HEAD: &str = "# The authorization server in figures

Written by `cargo xtask bench oauth`, which builds and measures all of it in one run; [the figures as JSON](oauth-benchmarks.json).
How to read the code of it: [`bench/README.md`](../bench/README.md). The MCP server has [a page of its own](benchmarks.md).

What is measured is the built server with its SQLite store on a disk: a code, a grant and a rotated refresh token are on it (`synchronous = FULL`)
before their answer leaves.

";

const COSTS: &str = "Each client begins anew as soon as it is done: 8 who log in, 64 who do anything else, on keep-alive connections. CPU is user and system time of the server's
process over what was done; in parentheses the lowest and the highest turn. A server that is far from 100 % busy waited for the disk or for its clients. A login hashes its
password with Argon2id (19 MiB, two passes), which is most of what it costs. Each refresh is of another grant than the one before, so at the full store it reads what nobody has
read before. Introspection and both `echo` rows look at no store; the client has to make a proof for each bound request, and the server to check it, once and for all.";

const PEERS: &str = "The same requests, in turns within each round, to [`oidc-provider`](https://github.com/panva/node-oidc-provider) on Node, the certified server that many build on. **It keeps everything in
memory**, as it ships: nothing it says is on a disk, and a restart forgets it all; there is no store to fill, so it is beside ours at the empty one. Its access tokens are ES256 JWTs
as ours are where it issues them, and opaque where it is asked about them, since it introspects no others. Its logins are the application's own, so there is no row for them.";

const DISTURBED: &str = "Refreshes at the full store that are due at fixed times, a quarter of what the server can do; their latency counts from when they were due. Of those who log in, nearly as many as the
server lets in at once, one has his password hashed and all others wait for that. The sweep deletes grants that have ended, in steps between which others write.";

const METHOD: &str = "* The full store is filled by SQL, in one transaction for each table, into a file that the store's own code has made (`bench/src/oauth/fill.rs`). Every second grant is for one of ten
  popular clients, the others are spread over all of them. All users have one password hash; to make one for each would take an hour.
* The empty store has the 640 grants, 64 clients and 64 users that the rows work with.
* Every answer is read: its status, the token in it, a refresh token that is another one than before. A wrong answer ends the run.
* CPU is the time of all threads of the server's process (`/proc/PID/task/*/schedstat`). On a shared machine this is the figure to trust; requests a second and latencies depend on the
  neighbours, and those of what writes on the disk.";
