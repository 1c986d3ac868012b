//! Who runs on which core.
//!
//! Where there are two cores or more, a measured server has the first to itself and the generator the second, so that
//! neither takes the other's time. A server then sees one core, and what it starts by default is for one.

use std::process::{Child, Command};

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of this run.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    all: CpuSet,
    apart: Option<(CpuSet, CpuSet)>,
}

impl Cores {
    /// Those that this process may use. `apart` keeps server and generator on one each, where there are two.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn of_this_process(apart: bool) -> Result<Self> {
        let all = sched_getaffinity(None).context("cannot ask for the cores of this process")?;
        let mut single = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).map(|core| {
            let mut set = CpuSet::new();
            set.set(core);
            set
        });
        let pair = single.next().zip(single.next());
        Ok(Self { all, apart: pair.filter(|_| apart) })
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.all.count()
    }

    /// Server and generator are on one core each.
    pub fn are_apart(&self) -> bool {
        self.apart.is_some()
    }

    /// From now on this thread, and what it starts, is the generator.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn take_generator(&self) -> Result<()> {
        self.take(self.apart.as_ref().map_or(&self.all, |(_, generator)| generator))
    }

    /// Starts a server on the server's core. It inherits that from this thread, which then goes back to its own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_server(&self, command: &mut Command) -> Result<Child> {
        self.take(self.apart.as_ref().map_or(&self.all, |(server, _)| server))?;
        let child = command.spawn();
        self.take_generator()?;
        child.with_context(|| format!("cannot start {}", command.get_program().display()))
    }

    /// Starts a server that may use all cores.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_everywhere(&self, command: &mut Command) -> Result<Child> {
        self.take(&self.all)?;
        let child = command.spawn();
        self.take_generator()?;
        child.with_context(|| format!("cannot start {}", command.get_program().display()))
    }

    fn take(&self, cores: &CpuSet) -> Result<()> {
        sched_setaffinity(None, cores).context("cannot move this thread to its core")
    }
}
