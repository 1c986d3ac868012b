//! What streams cost: memory while nothing happens on them, and the time until all of them have a change.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::raw::{Connection, Target};
use crate::usage::{Each, memory};

/// What is opened many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A connection on which one `echo` has been answered, and which is kept. On a bare HTTP server this is the
    /// yardstick: what a connection costs by itself.
    KeepAlive,
    /// `subscriptions/listen` of 2026-07-28, for changes of the list of tools.
    Listen,
    /// The GET stream of a 2025-11-25 session, which each stream has for itself.
    Get,
}

/// Memory of many idle streams.
#[derive(Debug, Clone, Serialize)]
pub struct Idle {
    /// What they are.
    pub kind: Kind,
    /// How many were opened.
    pub count: usize,
    /// Bytes for each beyond what the process had when it had answered a few requests.
    pub each: Each,
    /// Still kept of each a while after all of them were closed.
    pub left: Each,
}

/// Time until all streams have a change.
#[derive(Debug, Clone, Serialize)]
pub struct Published {
    /// What they are.
    pub kind: Kind,
    /// How many were open.
    pub count: usize,
    /// Milliseconds from sending the call that publishes until the first stream, half of them, and all had it: the
    /// best of the rounds.
    pub first: f64,
    /// Half of them.
    pub half: f64,
    /// All of them.
    pub all: f64,
    /// `all` of each round.
    pub rounds: Vec<f64>,
}

/// The tool that a measured server has to have for [`publish`]: it says that the list of tools changed.
pub const PUBLISHING_TOOL: &str = "publish";

/// How many streams are being opened at once.
const AT_ONCE: usize = 32;

/// How long a server may take to settle before its memory is read.
const SETTLE: Duration = Duration::from_millis(1_500);

/// Opens `count` of `kind`, one after the other done with, and measures what each costs.
///
/// # Errors
/// The server does not have them, or this process may not have as many connections.
pub async fn idle(target: &Target, kind: Kind, count: usize) -> Result<Idle> {
    // Whatever the server makes once, it makes now.
    drop(open(target, kind, 200.min(count)).await?);
    sleep(SETTLE).await;
    let before = memory(target.pid)?;
    let streams = open(target, kind, count).await?;
    sleep(SETTLE).await;
    let with = memory(target.pid)?;
    drop(streams);
    sleep(SETTLE).await;
    let after = memory(target.pid)?;
    Ok(Idle { kind, count, each: with.each(before, count), left: after.each(before, count) })
}

/// Opens `count` streams and calls the tool [`PUBLISHING_TOOL`], `rounds` times.
///
/// # Errors
/// As [`idle`], or a stream does not get the change within a minute.
pub async fn publish(target: &Target, kind: Kind, count: usize, rounds: usize) -> Result<Published> {
    let arrived =
        Arc::new(Arrived { count: AtomicUsize::new(0), half: count / 2, all: count, ..Arrived::new() });
    let mut readers = JoinSet::new();
    for stream in open(target, kind, count).await? {
        readers.spawn(read(stream, arrived.clone()));
    }
    let (mut caller, call) = caller(target, kind).await?;
    let mut best =
        Published { kind, count, first: f64::MAX, half: f64::MAX, all: f64::MAX, rounds: Vec::new() };
    for _ in 0..rounds {
        sleep(SETTLE / 2).await;
        arrived.count.store(0, Ordering::SeqCst);
        let (one, half, all) =
            (arrived.one.notified(), arrived.half_of_them.notified(), arrived.last.notified());
        let began = Instant::now();
        let measured = async {
            let answered = async { caller.exchange(&call).await.map(|_| ()) };
            let since = async |event: tokio::sync::futures::Notified<'_>| {
                event.await;
                began.elapsed().as_secs_f64() * 1e3
            };
            let (first, half, all, answered) = tokio::join!(since(one), since(half), since(all), answered);
            answered.map(|()| (first, half, all))
        };
        let measured = timeout(Duration::from_secs(60), measured).await;
        let (first, half, all) = measured.with_context(|| {
            format!(
                "{} of {count} streams had the change after a minute",
                arrived.count.load(Ordering::SeqCst)
            )
        })??;
        best.rounds.push(all);
        if all < best.all {
            (best.first, best.half, best.all) = (first, half, all);
        }
    }
    Ok(best)
}

/// How many streams have the change of this round.
struct Arrived {
    count: AtomicUsize,
    half: usize,
    all: usize,
    one: Notify,
    half_of_them: Notify,
    last: Notify,
}

impl Arrived {
    fn new() -> Self {
        let (one, half_of_them, last) = (Notify::new(), Notify::new(), Notify::new());
        Self { count: AtomicUsize::new(0), half: 0, all: 0, one, half_of_them, last }
    }

    fn another(&self) {
        let now = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        if now == 1 {
            self.one.notify_waiters();
        }
        if now == self.half.max(1) {
            self.half_of_them.notify_waiters();
        }
        if now == self.all {
            self.last.notify_waiters();
        }
    }
}

/// Counts each change on a stream. The buffer is on the stack for the moment of the read, so that ten thousand idle
/// readers cost next to nothing either.
async fn read(stream: TcpStream, arrived: Arc<Arrived>) {
    const MARK: &[u8] = b"list_changed";
    let mut matched = 0;
    while stream.readable().await.is_ok() {
        let mut bytes = [0; 1024];
        match stream.try_read(&mut bytes) {
            Ok(0) => return,
            Ok(read) => {
                for byte in &bytes[..read] {
                    // Its first letter does not come again, so a mismatch is a beginning at most.
                    matched = match *byte {
                        byte if byte == MARK[matched] => matched + 1,
                        byte => usize::from(byte == MARK[0]),
                    };
                    if matched == MARK.len() {
                        matched = 0;
                        arrived.another();
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

async fn open(target: &Target, kind: Kind, count: usize) -> Result<Vec<TcpStream>> {
    let mut opening = JoinSet::new();
    let mut open = Vec::with_capacity(count);
    for number in 0..count {
        if opening.len() >= AT_ONCE
            && let Some(opened) = opening.join_next().await
        {
            open.push(opened??);
        }
        let target = target.clone();
        opening.spawn(async move {
            open_one(&target, kind).await.with_context(|| format!("number {number} could not be opened"))
        });
    }
    while let Some(opened) = opening.join_next().await {
        open.push(opened??);
    }
    Ok(open)
}

async fn open_one(target: &Target, kind: Kind) -> Result<TcpStream> {
    let mut connection = Connection::open(target).await?;
    let answer = match kind {
        Kind::KeepAlive => {
            let params = json!({ "name": "echo", "arguments": { "text": "hello" } });
            connection.exchange(&target.modern(1, "tools/call", Some("echo"), params)).await?
        }
        Kind::Listen => {
            let params = json!({ "notifications": { "toolsListChanged": true } });
            connection.begin(&target.modern(1, "subscriptions/listen", None, params)).await?
        }
        Kind::Get => {
            let session = session(target, &mut connection).await?;
            connection.begin(&target.get(&session)).await?
        }
    };
    ensure!(answer.status == 200, "the answer was {}", answer.status);
    Ok(connection.into_stream())
}

/// A legacy client's handshake.
pub(crate) async fn session(target: &Target, connection: &mut Connection) -> Result<String> {
    let answer = connection.exchange(&target.initialize()).await?;
    let session = answer.header("mcp-session-id").context("there are no sessions")?.to_owned();
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    connection.exchange(&target.legacy(Some(&session), &told)).await?;
    Ok(session)
}

/// Who publishes, in the same era.
async fn caller(target: &Target, kind: Kind) -> Result<(Connection, Vec<u8>)> {
    let mut connection = Connection::open(target).await?;
    let params = json!({ "name": PUBLISHING_TOOL, "arguments": {} });
    let call = match kind {
        Kind::Get => {
            let session = session(target, &mut connection).await?;
            let call = json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params });
            target.legacy(Some(&session), &call)
        }
        Kind::KeepAlive | Kind::Listen => target.modern(3, "tools/call", Some(PUBLISHING_TOOL), params),
    };
    Ok((connection, call))
}
