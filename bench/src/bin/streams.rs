//! `streams idle|publish|abandoned|growth …`: one measurement of what streams and sessions cost, on a server that runs.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::Result;
use barewire_bench::raw::{Target, raise_open_files};
use barewire_bench::{sessions, streams};
use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;

/// Measures a running server and prints JSON.
#[derive(Parser)]
struct Arguments {
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:8100")]
    address: SocketAddr,
    /// The path of its endpoint.
    #[arg(long, default_value = "/mcp")]
    path: String,
    /// Its process.
    #[arg(long)]
    pid: u32,
    /// A bearer token, where it wants one.
    #[arg(long)]
    token: Option<String>,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Memory of idle streams or connections.
    Idle {
        kind: Stream,
        #[arg(default_value_t = 1_000)]
        count: usize,
    },
    /// Time until all streams have a change.
    Publish {
        kind: Stream,
        #[arg(default_value_t = 1_000)]
        count: usize,
        #[arg(default_value_t = 5)]
        rounds: usize,
    },
    /// What is left of sessions that nobody takes up again.
    Abandoned {
        kind: Left,
        #[arg(default_value_t = 100_000)]
        count: usize,
    },
    /// What a call costs beside so many sessions.
    Growth { sessions: Vec<usize> },
}

#[derive(Clone, Copy, ValueEnum)]
enum Stream {
    KeepAlive,
    Listen,
    Get,
}

#[derive(Clone, Copy, ValueEnum)]
enum Left {
    Initialize,
    Used,
    WithoutSession,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { address, path, pid, token, what } = Arguments::parse();
    let files = raise_open_files();
    let target = Target { address, path, pid, token };
    match what {
        What::Idle { kind, count } => {
            print(&streams::idle(&target, kind.into(), within(count, files)).await?)
        }
        What::Publish { kind, count, rounds } => {
            print(&streams::publish(&target, kind.into(), within(count, files), rounds).await?)
        }
        What::Abandoned { kind, count } => print(&sessions::abandoned(&target, kind.into(), count).await?),
        What::Growth { sessions } => print(&sessions::growth(&target, &sessions, 40_000).await?),
    }
}

/// No more connections than this process may have, and that is said.
fn within(count: usize, files: u64) -> usize {
    let most = usize::try_from(files.saturating_sub(64)).unwrap_or(usize::MAX);
    if count > most {
        let _ = writeln!(std::io::stderr(), "only {most} connections: this process may open {files} files");
    }
    count.min(most)
}

fn print(measured: &impl Serialize) -> Result<()> {
    serde_json::to_writer(std::io::stdout(), measured)?;
    writeln!(std::io::stdout())?;
    Ok(())
}

impl From<Stream> for streams::Kind {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::KeepAlive => Self::KeepAlive,
            Stream::Listen => Self::Listen,
            Stream::Get => Self::Get,
        }
    }
}

impl From<Left> for sessions::Kind {
    fn from(left: Left) -> Self {
        match left {
            Left::Initialize => Self::Initialize,
            Left::Used => Self::Used,
            Left::WithoutSession => Self::WithoutSession,
        }
    }
}
