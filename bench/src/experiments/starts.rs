//! From the start of a process to its first right answer, and what it holds in memory then.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use barewire_testkit::TempDir;

use crate::dialect::{Call, Dialect, Era};
use crate::figures::{Spread, rounded};
use crate::launch::{Launch, Running};
use crate::options::Options;
use crate::pin::Cores;
use crate::progress;
use crate::report::{Report, Start};
use crate::subject::{Kind, Setup, Subject};
use crate::usage;

/// Starts each several times, in turns, on all cores.
///
/// # Errors
/// When ours or a floor fails. A peer that fails is left out, with the reason.
pub fn measure(cores: &Cores, subjects: &[Subject], options: &Options, report: &mut Report) -> Result<()> {
    if !options.picks(&["start"]) {
        return Ok(());
    }
    let folder = TempDir::new();
    let mut lanes = Vec::new();
    for subject in subjects {
        match subject.launch(Setup::default()) {
            Ok(launch) => {
                if subject.kind == Kind::Ours {
                    let state = with_state(&launch, folder.path());
                    lanes.push((subject, "SQLite state open", state, Vec::new()));
                }
                lanes.push((subject, "no state", launch, Vec::new()));
            }
            Err(error) => report.leave_out(&subject.name, "start", &format!("{error:#}")),
        }
    }
    let rounds = if options.quick { 2 } else { options.rounds + 1 };
    for round in 0..rounds {
        for (subject, state, launch, found) in &mut lanes {
            progress::now(&format!("start · round {round} · {}", subject.name));
            match start(launch, cores) {
                // The first one reads the program from the disk, and makes the state.
                Ok(_) if round == 0 => {}
                Ok(figures) => found.push(figures),
                Err(error) if subject.kind == Kind::Peer => {
                    report.leave_out(&subject.name, "start", &format!("{error:#}"));
                }
                Err(error) => return Err(error.context(format!("{}, {state}", subject.name))),
            }
        }
    }
    for (subject, state, _, found) in lanes {
        let ms = Spread::of(found.iter().map(|(ms, _)| *ms));
        let idle = Spread::of(found.iter().map(|(_, kib)| *kib));
        if let Some((ms, idle_kib)) = ms.zip(idle) {
            let start = Start { server: subject.name.clone(), state: state.to_owned(), ms, idle_kib };
            progress::line(&format!(
                "start · {} · {state}: {:.1} ms ({:.1}–{:.1}), {:.0} KiB",
                start.server, ms.median, ms.low, ms.high, idle_kib.median
            ));
            report.starts.push(start);
        }
    }
    Ok(())
}

/// Ours with the file of its authorization server, which is there from the second start on.
fn with_state(launch: &Launch, folder: &Path) -> Launch {
    let mut launch = launch.clone();
    launch.arguments.extend(["--data".to_owned(), folder.display().to_string()]);
    launch
}

fn start(launch: &Launch, cores: &Cores) -> Result<(f64, f64)> {
    let before = Instant::now();
    let running = Running::start_everywhere(launch, cores)?;
    let dialect = Dialect { address: running.address, path: "/mcp", era: Era::Modern, token: None };
    dialect.probe(Call::ECHO)?;
    let ms = before.elapsed().as_secs_f64() * 1e3;
    // What it tidies up after the start belongs to the start.
    std::thread::sleep(Duration::from_millis(200));
    let memory = usage::memory(running.pid())?;
    Ok((rounded(ms), memory.resident as f64))
}
