//! Servers that answer calls: every row in rounds, in each of which every server has one turn.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::field::Field;
use crate::load::Request;
use crate::options::Options;
use crate::progress;
use crate::report::{CallResult, Calls, Report, terminal};
use crate::row::{Drive, Group, Row, rows};
use crate::subject::{Kind, Subject, Work};
use crate::undisturbed::undisturbed;

/// Measures the rows that the options ask for.
///
/// # Errors
/// When ours or a floor fails. A peer that fails is left out, with the reason.
pub fn measure(
    field: &mut Field,
    subjects: &[Subject],
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let picked: Vec<Row> =
        rows().into_iter().filter(|row| options.picks(&[&row.name, row.group.name()])).collect();
    let mut failed = Vec::new();
    for row in &picked {
        let counts =
            if options.connections.is_empty() { &[row.connections][..] } else { &options.connections };
        for &connections in counts {
            let drive = options.rate.map_or(row.drive, Drive::Rate);
            let row = Row { connections, drive, ..row.clone() };
            match one(field, subjects, &row, options, report) {
                Ok(calls) => {
                    terminal::show(&calls);
                    report.calls.push(calls);
                }
                Err(error) => {
                    progress::line(&format!("failed: {error:#}"));
                    failed.push(format!("{error:#}"));
                }
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("{}", failed.join("\n")) }
}

/// Answers in a second, below which a server is slow.
const SLOW: f64 = 10_000.0;

/// One server in a row.
struct Lane<'a> {
    subject: &'a Subject,
    work: Work,
    drive: Drive,
    requests: Vec<Request>,
    /// It has fewer and shorter turns: its figures are of another order than the floor's, and a run has to end.
    is_slow: bool,
    result: CallResult,
}

fn one(
    field: &mut Field,
    subjects: &[Subject],
    row: &Row,
    options: &Options,
    report: &mut Report,
) -> Result<Calls> {
    let mut lanes = Vec::new();
    for subject in subjects {
        progress::now(&format!("{} · {} gets ready", row.name, subject.name));
        match lane(field, subject, row, report) {
            Ok(lane) => lanes.extend(lane),
            // Not even started, or not the first answer: said in the report, and the other rows are measured.
            Err(error) => report.leave_out(&subject.name, &row.title, &format!("{error:#}")),
        }
    }
    let extent = Extent::of(row, options);
    let rounds = extent.rounds;
    for round in 1..=rounds {
        let mut failed = None;
        for (number, lane) in lanes.iter_mut().enumerate() {
            if lane.is_slow && round > extent.slow_rounds {
                continue;
            }
            let time = if lane.is_slow { extent.slow_time } else { extent.time };
            progress::now(&format!("{} · round {round} of {rounds} · {}", row.name, lane.subject.name));
            let mut turn = || field.turn(lane.subject, lane.work, &mut lane.requests, lane.drive, time);
            // A mean bears a disturbance; a p99 of requests that do not wait does not.
            let turn = if lane.drive == Drive::Closed { turn() } else { undisturbed(turn) };
            match turn {
                Ok(turn) => lane.result.turns.push(turn),
                Err(error) if lane.subject.kind == Kind::Peer => {
                    report.leave_out(&lane.subject.name, &row.title, &format!("{error:#}"));
                    failed = Some(number);
                }
                Err(error) => return Err(error.context(format!("{}, {}", lane.subject.name, row.title))),
            }
        }
        // At most one a round; a second one fails again in the next.
        if let Some(number) = failed {
            lanes.remove(number);
        }
    }
    if row.work.more_tools > 0 {
        field.clear();
    }
    Ok(Calls { row: row.clone(), results: lanes.into_iter().map(|lane| lane.result).collect() })
}

fn lane<'a>(
    field: &mut Field,
    subject: &'a Subject,
    row: &Row,
    report: &mut Report,
) -> Result<Option<Lane<'a>>> {
    let work = match subject.stand_in(row.work) {
        Ok(Some(work)) => work,
        Ok(None) => return Ok(None),
        Err(reason) => {
            report.leave_out(&subject.name, &row.title, &reason);
            return Ok(None);
        }
    };
    let (mut requests, pace) = field.requests(subject, work, row.connections)?;
    let mut drive = row.drive;
    if drive != Drive::Closed {
        let most = match report.calls.iter().find(|calls| is_closed_loop_of(calls, row)) {
            Some(calls) => calls.of(&subject.name).map(|result| result.spread(|turn| turn.per_second).median),
            None => None,
        };
        let most = match most {
            Some(most) => most,
            None => {
                let time = Duration::from_millis(500);
                field.turn(subject, work, &mut requests, Drive::Closed, time)?.per_second
            }
        };
        drive = match drive {
            Drive::Share(share) => Drive::Rate((most * share).round()),
            Drive::Rate(rate) if most < rate * 1.25 => {
                let reason =
                    format!("it answers {most:.0} a second at most, which is too near to {rate} to compare");
                report.leave_out(&subject.name, &row.title, &reason);
                return Ok(None);
            }
            other => other,
        };
    }
    let rate = if let Drive::Rate(rate) = drive { Some(rate) } else { None };
    let result = CallResult {
        server: subject.name.clone(),
        kind: subject.kind,
        remark: subject.remark(work),
        rate,
        turns: Vec::new(),
    };
    Ok(Some(Lane { subject, work, drive, requests, is_slow: pace < SLOW, result }))
}

fn is_closed_loop_of(calls: &Calls, row: &Row) -> bool {
    calls.row.group == Group::Calls
        && calls.row.drive == Drive::Closed
        && (calls.row.work, calls.row.connections) == (row.work, row.connections)
}

/// How long a row is measured.
struct Extent {
    rounds: usize,
    slow_rounds: usize,
    time: Duration,
    slow_time: Duration,
}

/// Where requests are due at fixed times, a neighbour that takes a core for some milliseconds spoils the p99 of the whole
/// turn. So turns are short and many there, measured again where that is known to have happened, and the median is one
/// that nobody came into. (Five turns of a second found 0.6 and 1.7 for the same ratio on two days.)
const OPEN_TURN: Duration = Duration::from_millis(250);
/// Of these, for each round of other rows.
const OPEN_TURNS_PER_ROUND: usize = 4;

impl Extent {
    fn of(row: &Row, options: &Options) -> Self {
        if options.quick {
            let time = Duration::from_millis(150);
            return Self { rounds: 1, slow_rounds: 1, time, slow_time: time };
        }
        let rounds = if row.group == Group::Calls { options.rounds } else { options.fewer_rounds() };
        let time = Duration::from_secs_f64(options.seconds);
        let closed = Self { rounds, slow_rounds: rounds.min(2), time, slow_time: time.mul_f64(0.6) };
        if row.drive == Drive::Closed {
            return closed;
        }
        Self { rounds: OPEN_TURNS_PER_ROUND * options.rounds, time: OPEN_TURN.min(time), ..closed }
    }
}
