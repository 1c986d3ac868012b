//! What clients of the legacy era leave behind, and whether a server gets slower by it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::raw::{Connection, Target};
use crate::streams::session;
use crate::usage::{Each, cpu, memory};

/// What is sent again and again, and never taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `initialize`: a session that nobody uses.
    Initialize,
    /// A handshake and one `echo`: a session that somebody used and left.
    Used,
    /// `tools/call` of 2025-11-25 without a session.
    WithoutSession,
}

/// What is left of many of them.
#[derive(Debug, Clone, Serialize)]
pub struct Abandoned {
    /// What they are.
    pub kind: Kind,
    /// How many.
    pub count: usize,
    /// Bytes kept of each, after a while.
    pub each: Each,
    /// Microseconds of the server's processor time for each.
    pub processor: f64,
}

/// What a call costs beside many sessions.
#[derive(Debug, Clone, Serialize)]
pub struct Beside {
    /// Sessions that have been opened before.
    pub sessions: usize,
    /// Microseconds of the server's processor time for one call of `echo` in a session.
    pub processor: f64,
    /// Microseconds from call to answer, on average.
    pub latency: f64,
}

/// Connections that do it.
const CONNECTIONS: usize = 16;

/// How long a server may take to settle before its memory is read.
const SETTLE: Duration = Duration::from_millis(1_500);

/// Leaves `count` behind and measures what the server keeps of each.
///
/// # Errors
/// The server does not have them.
pub async fn abandoned(target: &Target, kind: Kind, count: usize) -> Result<Abandoned> {
    // Whatever the server makes once, it makes now; allocators reach their working size as well.
    leave(target, kind, (count / 10).clamp(200, 20_000)).await?;
    sleep(SETTLE).await;
    let (before, began) = (memory(target.pid)?, cpu(target.pid)?);
    leave(target, kind, count).await?;
    let spent = cpu(target.pid)? - began;
    sleep(SETTLE).await;
    let each = memory(target.pid)?.each(before, count);
    Ok(Abandoned { kind, count, each, processor: spent.as_secs_f64() * 1e6 / count as f64 })
}

/// What `calls` calls in a session cost once there have been so many sessions, for each number in `sessions`, which
/// grow.
///
/// # Errors
/// As above.
pub async fn growth(target: &Target, sessions: &[usize], calls: usize) -> Result<Vec<Beside>> {
    let mut measured = Vec::new();
    let mut there = 0;
    for &wanted in sessions {
        leave(target, Kind::Initialize, wanted.saturating_sub(there)).await?;
        there = there.max(wanted);
        measured.push(beside(target, there, calls).await?);
    }
    Ok(measured)
}

async fn beside(target: &Target, sessions: usize, calls: usize) -> Result<Beside> {
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(target).await?;
        let session = session(target, &mut connection).await?;
        callers.push((connection, target.legacy_echo(Some(&session))));
    }
    let (began, clock) = (cpu(target.pid)?, Instant::now());
    let each = calls / CONNECTIONS;
    let mut running = JoinSet::new();
    for (mut connection, call) in callers {
        running.spawn(async move {
            for _ in 0..each {
                let answer = connection.exchange(&call).await?;
                ensure!(answer.status == 200, "the answer was {}", answer.status);
            }
            Ok(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    let done = (each * CONNECTIONS).max(1) as f64;
    let processor = (cpu(target.pid)? - began).as_secs_f64() * 1e6 / done;
    let latency = clock.elapsed().as_secs_f64() * 1e6 / each.max(1) as f64;
    Ok(Beside { sessions, processor, latency })
}

async fn leave(target: &Target, kind: Kind, count: usize) -> Result<()> {
    let mut running = JoinSet::new();
    for number in 0..CONNECTIONS {
        let target = target.clone();
        let share = count / CONNECTIONS + usize::from(number < count % CONNECTIONS);
        running.spawn(async move {
            let mut connection = Connection::open(&target).await?;
            for _ in 0..share {
                leave_one(&target, kind, &mut connection).await.context("a server gave up")?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}

async fn leave_one(target: &Target, kind: Kind, connection: &mut Connection) -> Result<()> {
    let answer = match kind {
        Kind::Initialize => connection.exchange(&target.initialize()).await?,
        Kind::Used => {
            let session = session(target, connection).await?;
            connection.exchange(&target.legacy_echo(Some(&session))).await?
        }
        Kind::WithoutSession => connection.exchange(&target.legacy_echo(None)).await?,
    };
    ensure!(answer.status == 200, "the answer was {}", answer.status);
    Ok(())
}
