//! What a process used, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

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

/// What it holds in memory, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Resident now.
    pub resident: u64,
    /// Of it what belongs to no file: heap and stacks.
    pub anonymous: u64,
    /// The most that was resident since the start, or since [`forget_peak`].
    pub peak: u64,
}

impl Memory {
    /// How much more it is than before, for each of `count`.
    pub fn each(self, before: Self, count: usize) -> Each {
        let each = |now: u64, before: u64| (now as f64 - before as f64) * 1024.0 / count.max(1) as f64;
        Each {
            resident: each(self.resident, before.resident),
            anonymous: each(self.anonymous, before.anonymous),
        }
    }
}

/// Bytes for each of many things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Each {
    /// Resident.
    pub resident: f64,
    /// Heap and stacks.
    pub anonymous: f64,
}

/// Memory now and at its peak.
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
    Ok(Memory { resident: field("VmRSS:")?, anonymous: field("RssAnon:")?, peak: field("VmHWM:")? })
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
        assert!(held.anonymous > 50 && held.resident > held.anonymous + 400, "{held:?}");
        assert!(held.peak >= held.resident, "{held:?}");
        let more = Memory { resident: held.resident + 30, anonymous: held.anonymous - 10, ..held };
        assert_eq!(more.each(held, 10), Each { resident: 3_072.0, anonymous: -1_024.0 });
        assert!(cpu(u32::MAX).is_err());
    }
}
