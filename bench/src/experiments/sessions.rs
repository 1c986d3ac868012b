//! Sessions of 2025-11-25 that nobody takes up again, and calls beside many of them.

use anyhow::Result;

use crate::experiments::{can, runtime, target};
use crate::figures::rounded;
use crate::launch::Running;
use crate::options::Options;
use crate::pin::Cores;
use crate::progress;
use crate::report::{Abandoned, Report, Sessions};
use crate::sessions::{self, Kind as Left};
use crate::subject::{Kind, Setup, Subject};

/// How many calls are made beside the sessions.
const CALLS: usize = 40_000;

/// Measures both, each on a process of its own.
///
/// # Errors
/// When ours fails. A peer that fails is left out, with the reason.
pub fn measure(cores: &Cores, subjects: &[Subject], options: &Options, report: &mut Report) -> Result<()> {
    for subject in subjects.iter().filter(|subject| matches!(subject.kind, Kind::Ours | Kind::Peer)) {
        if options.picks(&["abandoned"]) {
            let kinds = [Left::Initialize, Left::WithoutSession, Left::Used];
            // A session that was used is one that was begun; of peers that is enough.
            let kinds = if subject.kind == Kind::Peer { &kinds[..2] } else { &kinds[..] };
            for &kind in kinds {
                match abandoned(cores, subject, kind, options) {
                    Ok(row) => report.abandoned.push(row),
                    Err(error) if subject.kind == Kind::Peer => {
                        report.leave_out(&subject.name, name(kind), &format!("{error:#}"));
                    }
                    Err(error) => return Err(error.context(format!("{}, {}", subject.name, name(kind)))),
                }
            }
        }
        if options.picks(&["sessions"]) && subject.kind == Kind::Ours {
            growth(cores, subject, options, report)?;
        }
    }
    Ok(())
}

fn abandoned(cores: &Cores, subject: &Subject, kind: Left, options: &Options) -> Result<Abandoned> {
    can(subject, if kind == Left::WithoutSession { "sessionless" } else { "session" })
        .map_err(anyhow::Error::msg)?;
    let count = match subject.kind {
        _ if options.quick => 200,
        Kind::Peer => 3_000,
        Kind::Ours | Kind::FixedFloor | Kind::SerdeFloor => 50_000,
    };
    progress::now(&format!("abandoned · {} · {count} of {}", subject.name, name(kind)));
    let server = Running::start(&subject.launch(Setup::default())?, cores)?;
    let left = runtime()?.block_on(sessions::abandoned(&target(&server), kind, count))?;
    let row = Abandoned {
        server: subject.name.clone(),
        kind: name(kind).to_owned(),
        count,
        bytes_each: rounded(left.each.anonymous),
        cpu_us: rounded(left.processor),
    };
    progress::line(&format!("abandoned · {} · {}: {:.0} bytes each", row.server, row.kind, row.bytes_each));
    Ok(row)
}

fn growth(cores: &Cores, subject: &Subject, options: &Options, report: &mut Report) -> Result<()> {
    let counts: &[usize] = if options.quick { &[1, 1_000] } else { &[1, 100, 10_000, 1_000_000] };
    progress::now(&format!("sessions · {} · up to {}", subject.name, counts[counts.len() - 1]));
    let server = Running::start(&subject.launch(Setup::default())?, cores)?;
    let calls = if options.quick { 2_000 } else { CALLS };
    for beside in runtime()?.block_on(sessions::growth(&target(&server), counts, calls))? {
        let cpu_us = rounded(beside.processor);
        progress::line(&format!(
            "sessions · {} · after {}: {cpu_us} µs a call",
            subject.name, beside.sessions
        ));
        report.sessions.push(Sessions { server: subject.name.clone(), count: beside.sessions, cpu_us });
    }
    Ok(())
}

fn name(kind: Left) -> &'static str {
    match kind {
        Left::Initialize => "initialize, and gone",
        Left::Used => "a session used once, and gone",
        Left::WithoutSession => "a call without a session",
    }
}
