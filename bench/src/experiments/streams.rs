//! Streams on which nothing happens, and one change to all of them.

use anyhow::Result;

use crate::experiments::{can, runtime, target};
use crate::figures::{Spread, rounded};
use crate::launch::Running;
use crate::options::Options;
use crate::pin::Cores;
use crate::progress;
use crate::report::{Published, Report, Streams};
use crate::streams::{self, Kind as Stream};
use crate::subject::{Kind, Setup, Subject};

/// How many a peer has to hold; ours, and the floor beside it, are asked for more and fewer as well.
const USUAL: usize = 1_000;

/// Measures both, each on a process of its own.
///
/// # Errors
/// When ours or a floor fails. A peer that fails is left out, with the reason.
pub fn measure(cores: &Cores, subjects: &[Subject], options: &Options, report: &mut Report) -> Result<()> {
    let counts: &[usize] = if options.quick { &[10, 100] } else { &[10, USUAL, 10_000] };
    for subject in subjects {
        for kind in [Stream::KeepAlive, Stream::Listen, Stream::Get] {
            let floor = matches!(subject.kind, Kind::FixedFloor | Kind::SerdeFloor);
            // What a connection costs by itself is asked of a floor, and of nobody else.
            if floor != (kind == Stream::KeepAlive) || subject.kind == Kind::FixedFloor {
                continue;
            }
            let usual = if options.quick { &[100][..] } else { &[USUAL][..] };
            let counts = if subject.kind == Kind::Peer { usual } else { counts };
            if options.picks(&["streams"]) {
                for &count in counts {
                    let measured = idle(cores, subject, kind, count);
                    keep(
                        subject,
                        &format!("idle streams ({})", name(kind)),
                        measured,
                        report,
                        |report, row| {
                            report.streams.push(row);
                        },
                    )?;
                }
            }
            if options.picks(&["publish"]) && subject.kind == Kind::Ours {
                for &count in counts {
                    let measured = publish(cores, subject, kind, count, options);
                    keep(subject, "publishing", measured, report, |report, row| report.published.push(row))?;
                }
            }
        }
    }
    Ok(())
}

fn keep<T>(
    subject: &Subject,
    what: &str,
    measured: Result<T>,
    report: &mut Report,
    push: fn(&mut Report, T),
) -> Result<()> {
    match measured {
        Ok(row) => push(report, row),
        Err(error) if subject.kind == Kind::Peer => {
            report.leave_out(&subject.name, what, &format!("{error:#}"));
        }
        Err(error) => return Err(error.context(format!("{}, {what}", subject.name))),
    }
    Ok(())
}

fn idle(cores: &Cores, subject: &Subject, kind: Stream, count: usize) -> Result<Streams> {
    let what = if kind == Stream::Listen { "listen" } else { "get_stream" };
    if kind != Stream::KeepAlive {
        can(subject, what).map_err(anyhow::Error::msg)?;
    }
    progress::now(&format!("streams · {} · {count} of {}", subject.name, name(kind)));
    let server = Running::start(&subject.launch(Setup::default())?, cores)?;
    let idle = runtime()?.block_on(streams::idle(&target(&server), kind, count))?;
    let row = Streams {
        server: subject.name.clone(),
        kind: name(kind).to_owned(),
        count,
        bytes_each: rounded(idle.each.anonymous),
        left_each: rounded(idle.left.anonymous),
    };
    progress::line(&format!(
        "streams · {} · {count} of {}: {:.0} bytes each, {:.0} left",
        row.server, row.kind, row.bytes_each, row.left_each
    ));
    Ok(row)
}

fn publish(
    cores: &Cores,
    subject: &Subject,
    kind: Stream,
    count: usize,
    options: &Options,
) -> Result<Published> {
    progress::now(&format!("publish · {} · {count} of {}", subject.name, name(kind)));
    let rounds = if options.quick { 1 } else { 5 };
    let server = Running::start_everywhere(&subject.launch(Setup::default())?, cores)?;
    let published = runtime()?.block_on(streams::publish(&target(&server), kind, count, rounds))?;
    let all = published.rounds.iter().copied().map(rounded);
    let nothing = Spread { median: published.all, low: published.all, high: published.all };
    let row = Published {
        server: subject.name.clone(),
        kind: name(kind).to_owned(),
        count,
        first_ms: rounded(published.first),
        all_ms: Spread::of(all).unwrap_or(nothing),
    };
    progress::line(&format!(
        "publish · {} · {count} of {}: the last after {:.1} ms ({:.1}–{:.1})",
        row.server, row.kind, row.all_ms.median, row.all_ms.low, row.all_ms.high
    ));
    Ok(row)
}

fn name(kind: Stream) -> &'static str {
    match kind {
        Stream::KeepAlive => Streams::KEEP_ALIVE,
        Stream::Listen => "listen",
        Stream::Get => "get",
    }
}
