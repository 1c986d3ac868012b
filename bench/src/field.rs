//! The servers that run at the moment: each is started when a row first needs it, and waits while others are measured.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::dialect::Dialect;
use crate::launch::Running;
use crate::load::{Load, Outcome, Request};
use crate::pin::Cores;
use crate::subject::{Setup, Subject, Work};
use crate::usage;

/// All servers of a run.
pub struct Field {
    cores: Cores,
    running: BTreeMap<(String, Setup), Running>,
}

/// How the load is put on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drive {
    /// Each connection sends its next request when it has its answer.
    Closed,
    /// So many requests a second, whatever the answers do.
    Rate(f64),
}

/// What one turn of one server found.
#[derive(Debug, Clone, Serialize)]
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
    /// Resident memory after it, in KiB.
    pub resident_kib: u64,
    /// The most resident memory meanwhile, in KiB.
    pub peak_kib: u64,
    /// Connections that the server closed.
    pub reconnects: u64,
    /// Of an open loop: requests that were due and never sent.
    pub unsent: u64,
}

impl Field {
    /// None runs yet.
    pub fn new(cores: Cores) -> Self {
        Self { cores, running: BTreeMap::new() }
    }

    /// The server that does this work, started if it is not running, and asked once whether it answers rightly.
    ///
    /// # Errors
    /// When it does not.
    pub fn server(&mut self, subject: &Subject, work: Work) -> Result<&Running> {
        let key = (subject.name.clone(), subject.setup(work));
        if !self.running.contains_key(&key) {
            let launch = subject.launch(key.1)?;
            let running = Running::start(&launch, &self.cores)
                .with_context(|| format!("{} cannot be started", subject.name))?;
            self.running.insert(key.clone(), running);
        }
        Ok(&self.running[&key])
    }

    /// Requests for so many connections, after one that was answered rightly.
    ///
    /// # Errors
    /// When the server cannot be started, or does not do this work.
    pub fn requests(&mut self, subject: &Subject, work: Work, connections: usize) -> Result<Vec<Request>> {
        let server = self.server(subject, work)?;
        let dialect =
            Dialect { address: server.address, path: "/mcp", era: work.era, token: server.token.as_deref() };
        dialect
            .probe(work.call)
            .and_then(|()| dialect.requests(work.call, connections))
            .with_context(|| format!("{}: {}", subject.name, server.words()))
    }

    /// One turn on new connections. The requests are used up and given back.
    ///
    /// # Errors
    /// At the first wrong answer.
    pub fn turn(
        &mut self,
        subject: &Subject,
        work: Work,
        requests: &mut Vec<Request>,
        drive: Drive,
        time: Duration,
    ) -> Result<Turn> {
        let server = self.server(subject, work)?;
        let mut load = Load::connect(server.address, std::mem::take(requests))?;
        let turn = Self::measured(server, &mut load, drive, time)
            .with_context(|| format!("{}: {}", subject.name, server.words()));
        *requests = load.close();
        turn
    }

    fn measured(server: &Running, load: &mut Load, drive: Drive, time: Duration) -> Result<Turn> {
        let pid = server.pid();
        // Accepting the connections is not the work, nor is what a runtime does at first.
        load.closed(WARM_UP)?;
        usage::forget_peak(pid)?;
        let before = usage::cpu(pid)?;
        let outcome = match drive {
            Drive::Closed => load.closed(time)?,
            Drive::Rate(rate) => load.open(rate, time)?,
        };
        let cpu = usage::cpu(pid)? - before;
        Ok(Turn::new(&outcome, cpu, usage::memory(pid)?))
    }
}

const WARM_UP: Duration = Duration::from_millis(150);

impl Turn {
    fn new(outcome: &Outcome, cpu: Duration, memory: usage::Memory) -> Self {
        Self {
            requests: outcome.requests,
            per_second: outcome.per_second(),
            cpu_us: cpu.as_secs_f64() * 1e6 / outcome.requests.max(1) as f64,
            busy: cpu.as_secs_f64() / outcome.elapsed.as_secs_f64(),
            p50_us: outcome.micros(0.5),
            p99_us: outcome.micros(0.99),
            p999_us: outcome.micros(0.999),
            resident_kib: memory.resident,
            peak_kib: memory.peak,
            reconnects: outcome.reconnects,
            unsent: outcome.unsent,
        }
    }
}
