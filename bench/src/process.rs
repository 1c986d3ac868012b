//! What another process uses, as Linux tells it.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Memory of a process and its children.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Resident, in bytes.
    pub resident: u64,
    /// Of it what belongs to no file: heap and stacks.
    pub anonymous: u64,
}

impl Memory {
    /// How much more it is than before, for each of `count`.
    pub fn each(self, before: Self, count: usize) -> Each {
        let each = |now: u64, before: u64| (now as f64 - before as f64) / count.max(1) as f64;
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

/// The memory of `pid` and its children.
///
/// # Errors
/// There is no such process, or this is not Linux.
pub fn memory(pid: u32) -> Result<Memory> {
    let mut sum = Memory::default();
    for pid in family(pid)? {
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        sum.resident += kibibytes(&status, "VmRSS:") * 1024;
        sum.anonymous += kibibytes(&status, "RssAnon:") * 1024;
    }
    Ok(sum)
}

/// The time that the processors spent on `pid` and its children, for it and for the system on its behalf.
///
/// # Errors
/// As above.
pub fn processor_time(pid: u32) -> Result<Duration> {
    let mut ticks = 0;
    for pid in family(pid)? {
        ticks += stat(pid).map_or(0, |stat| stat.ticks);
    }
    Ok(Duration::from_millis(ticks * 10))
}

struct Stat {
    parent: u32,
    ticks: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may have spaces and brackets; it ends at the last one.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, ticks: number(11)? + number(12)? })
}

fn family(pid: u32) -> Result<Vec<u32>> {
    stat(pid).context("there is no such process")?;
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.parent)))
        .collect();
    let mut family = vec![pid];
    let mut at = 0;
    while at < family.len() {
        let parent = family[at];
        family.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    Ok(family)
}

fn kibibytes(status: &str, name: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
