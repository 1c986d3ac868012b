//! What a client prints at its end.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde_json::json;

/// Runs from the end of the warm-up.
pub struct Measured {
    started: Instant,
    cpu: Duration,
}

impl Measured {
    pub fn start() -> Result<Self> {
        let cpu = cpu(&getrusage(UsageWho::RUSAGE_SELF)?);
        Ok(Self { started: Instant::now(), cpu })
    }

    /// One line of JSON on standard output.
    pub fn print(self, calls: u64) -> Result<()> {
        let seconds = self.started.elapsed().as_secs_f64();
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let line = json!({
            "calls": calls,
            "seconds": seconds,
            "cpu_seconds": (cpu(&usage) - self.cpu).as_secs_f64(),
            "peak_rss_kib": peak_kib()?,
        });
        println!("{line}");
        Ok(())
    }
}

/// The most that this program held. What `getrusage` says goes on from before `exec`: it is that of whoever started it, if that was more.
fn peak_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(peak.trim().trim_end_matches(" kB").parse()?)
}

fn cpu(usage: &Usage) -> Duration {
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
