//! What a process used, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// User and system time of all its threads. To the nanosecond where the kernel keeps `schedstat` and no thread ended;
/// otherwise in ticks of ten milliseconds.
///
/// # Errors
/// When there is no such process.
pub fn cpu(pid: u32) -> Result<Duration> {
    let ticks = cpu_in_ticks(pid)?;
    let fine = cpu_of_threads(pid).unwrap_or_default();
    // A thread that ended is in the ticks only.
    Ok(if fine + 2 * TICK >= ticks { fine } else { ticks })
}

/// What it holds in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Resident now, in KiB.
    pub resident: u64,
    /// The most since the start, or since [`forget_peak`].
    pub peak: u64,
}

/// Resident memory now and at its peak.
///
/// # Errors
/// When there is no such process.
pub fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse().ok())
            .with_context(|| format!("/proc/{pid}/status has no {name}"))
    };
    Ok(Memory { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
}

/// Lets the peak count from now on.
///
/// # Errors
/// When the process is not ours.
pub fn forget_peak(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("cannot reset the peak of the memory")
}

/// Linux counts in hundredths of a second towards user space, on every platform that matters here.
const TICK: Duration = Duration::from_millis(10);

fn cpu_in_ticks(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("the process {pid} has ended"))?;
    // The name, in parentheses, may hold anything; after it come state (the third field) and the rest.
    let (_, fields) = stat.rsplit_once(')').context("a stat line has a name in parentheses")?;
    let mut fields = fields.split_ascii_whitespace().skip(14 - 3);
    let mut ticks = || fields.next().and_then(|field| field.parse::<u32>().ok()).context("utime and stime");
    Ok(TICK * (ticks()? + ticks()?))
}

fn cpu_of_threads(pid: u32) -> Option<Duration> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let schedstat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        sum += schedstat.split_ascii_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_this_process() {
        let before = cpu(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while cpu(std::process::id()).unwrap() < before + Duration::from_millis(30) {
            sum = std::hint::black_box(sum + 1);
        }
        let held = memory(std::process::id()).unwrap();
        assert!(held.resident > 500 && held.peak >= held.resident, "{held:?}");
        assert!(cpu(u32::MAX).is_err());
    }
}
