//! The machine that a run was made on.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// What figures depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// As `/proc/cpuinfo` names it.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: u32,
    /// Memory in GiB.
    pub memory_gib: u64,
    /// Of Linux.
    pub kernel: String,
    /// It says that it is a virtual machine.
    pub virtual_machine: bool,
    /// The compiler that built ours.
    pub rustc: String,
    /// What the TypeScript peer runs on; empty where there is none.
    pub node: String,
    /// What the Python peer runs on; empty where there is none.
    pub python: String,
}

impl Machine {
    /// This one.
    pub fn here(cores: u32) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = meminfo.lines().find_map(|line| {
            line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        });
        Self {
            processor: field("model name").unwrap_or_default(),
            cores,
            memory_gib: kib.unwrap_or_default().div_ceil(1 << 20),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            virtual_machine: field("flags")
                .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            rustc: said("rustc"),
            node: said("node"),
            python: said("python3"),
        }
    }
}

fn said(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
