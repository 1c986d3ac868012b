//! The servers that run at the moment: each is started when a row first needs it, and waits while others are measured.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use crate::dialect::Dialect;
use crate::figures::rounded;
use crate::launch::Running;
use crate::load::{Load, Outcome, Request};
use crate::pin::Cores;
use crate::report::Turn;
use crate::row::Drive;
use crate::subject::{Kind, Setup, Subject, Work};
use crate::usage;

/// All servers of a run.
pub struct Field {
    cores: Cores,
    running: BTreeMap<(String, Setup), Running>,
    pace: Pace,
}

/// How much of a hurry a run is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Figures that can be relied on.
    Thorough,
    /// Only to see whether it works.
    Quick,
}

/// Unmeasured at the start of each turn: accepting the connections is not the work.
const WARM_UP: Duration = Duration::from_millis(120);

/// Unmeasured before the first turn of a row: what is allocated and cached at first.
const ROW_WARM_UP: Duration = Duration::from_millis(300);

/// Unmeasured when a process is new: V8 and Python's interpreter need some thousand requests.
const PROCESS_WARM_UP: Duration = Duration::from_secs(3);

impl Field {
    /// None runs yet.
    pub fn new(cores: Cores, pace: Pace) -> Self {
        Self { cores, running: BTreeMap::new(), pace }
    }

    /// Ends all of them.
    pub fn clear(&mut self) {
        self.running.clear();
    }

    /// The server that does this work, started if it is not running.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn server(&mut self, subject: &Subject, work: Work) -> Result<&Running> {
        let key = (subject.name.clone(), subject.setup(work));
        if !self.running.contains_key(&key) {
            let launch = subject.launch(key.1)?;
            self.running.insert(key.clone(), Running::start(&launch, &self.cores)?);
        }
        Ok(&self.running[&key])
    }

    /// Requests for so many connections, after one that was answered rightly and many that nobody counts, and how many
    /// of these were answered in a second.
    ///
    /// # Errors
    /// When the server cannot be started, or does not do this work.
    pub fn requests(
        &mut self,
        subject: &Subject,
        work: Work,
        connections: usize,
    ) -> Result<(Vec<Request>, f64)> {
        let is_new = !self.running.contains_key(&(subject.name.clone(), subject.setup(work)));
        let warm_up = match (self.pace, subject.kind) {
            (Pace::Quick, _) => WARM_UP,
            (Pace::Thorough, Kind::Peer) if is_new => PROCESS_WARM_UP,
            (Pace::Thorough, _) => ROW_WARM_UP,
        };
        let server = self.server(subject, work)?;
        let address = server.address;
        let dialect = Dialect { address, path: "/mcp", era: work.era, token: server.token.as_deref() };
        let prepare = || {
            dialect.probe(work.call)?;
            let mut load = Load::connect(address, dialect.requests(work.call, connections)?)?;
            let pace = load.closed(warm_up)?.per_second();
            Ok((load.close(), pace))
        };
        prepare().map_err(|error| said(error, server))
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
        let turn = measured(server, &mut load, drive, time).map_err(|error| said(error, server));
        *requests = load.close();
        turn
    }
}

fn measured(server: &Running, load: &mut Load, drive: Drive, time: Duration) -> Result<Turn> {
    let pid = server.pid();
    load.closed(WARM_UP)?;
    usage::forget_peak(pid)?;
    let before = usage::cpu(pid)?;
    let outcome = match drive {
        Drive::Closed => load.closed(time)?,
        Drive::Rate(rate) => load.open(rate, time)?,
        Drive::Share(_) => anyhow::bail!("a share becomes a rate before a turn"),
    };
    let cpu = usage::cpu(pid)? - before;
    Ok(turn(&outcome, cpu, usage::memory(pid)?))
}

pub(crate) fn turn(outcome: &Outcome, cpu: Duration, memory: usage::Memory) -> Turn {
    Turn {
        requests: outcome.requests,
        per_second: rounded(outcome.per_second()),
        cpu_us: rounded(cpu.as_secs_f64() * 1e6 / outcome.requests.max(1) as f64),
        busy: rounded(cpu.as_secs_f64() / outcome.elapsed.as_secs_f64()),
        p50_us: rounded(outcome.micros(0.5)),
        p99_us: rounded(outcome.micros(0.99)),
        p999_us: rounded(outcome.micros(0.999)),
        peak_kib: memory.peak,
        reconnects: outcome.reconnects,
        unsent: outcome.unsent,
    }
}

/// What went wrong, with what the server had to say about it.
fn said(error: anyhow::Error, server: &Running) -> anyhow::Error {
    let words = server.words();
    if words.is_empty() { error } else { error.context(format!("it said: {words}")) }
}
