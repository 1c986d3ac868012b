//! `bench-client --url URL --calls N --concurrency C [--era modern|legacy]`: our client calls `echo` and says what it cost.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use barewire_bench::usage;
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{CallOptions, Client, ClientOptions, EraChoice};
use clap::{Parser, ValueEnum};
use serde_json::json;
use tokio::task::JoinSet;

/// Calls `echo` so many times, and prints one line of JSON.
#[derive(Parser)]
struct Arguments {
    /// The server.
    #[arg(long)]
    url: String,
    /// Calls, beside those that warm it up.
    #[arg(long)]
    calls: u64,
    /// Calls under way at once.
    #[arg(long, default_value_t = 1)]
    concurrency: usize,
    /// The revision.
    #[arg(long, value_enum, default_value = "modern")]
    era: Era,
}

#[derive(Clone, Copy, ValueEnum)]
enum Era {
    Modern,
    Legacy,
}

const WARM_UP: u64 = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut options = ClientOptions::new("bench", "1.0.0");
    options.era = match arguments.era {
        Era::Modern => EraChoice::Modern,
        Era::Legacy => EraChoice::Legacy,
    };
    let client = Client::connect(arguments.url, options).await?;
    call(&client, WARM_UP, 1).await?;
    let pid = std::process::id();
    let (before, started) = (usage::cpu(pid)?, Instant::now());
    call(&client, arguments.calls, arguments.concurrency).await?;
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), usage::cpu(pid)? - before);
    let told = json!({
        "calls": arguments.calls,
        "seconds": seconds,
        "cpu_seconds": cpu.as_secs_f64(),
        "peak_rss_kib": usage::memory(pid)?.peak,
    });
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}

async fn call(client: &Client, calls: u64, concurrency: usize) -> Result<()> {
    let taken = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..concurrency {
        let (client, taken) = (client.clone(), taken.clone());
        callers.spawn(async move {
            while taken.fetch_add(1, Ordering::Relaxed) < calls {
                let arguments = RawJson::of(&json!({ "text": "hello" }))?;
                let result = client.call_tool("echo", arguments, CallOptions::default()).await?;
                ensure!(!result.is_error, "echo failed: {result:?}");
            }
            Ok(())
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended??;
    }
    Ok(())
}
