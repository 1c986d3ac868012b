//! One run: rows, rounds, turns.
#![expect(clippy::print_stderr, reason = "a run shows on the terminal how far it is")]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Parser;

use crate::field::{Drive, Field, Turn};
use crate::pin::Cores;
use crate::row::{Row, rows};
use crate::subject::{Kind, Subject};

/// Measure our server beside the floors and the peers.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub struct Options {
    /// Only these rows, separated by commas; `echo*` for all that begin so.
    #[arg(long, value_delimiter = ',')]
    pub rows: Vec<String>,
    /// Only these servers, separated by commas; `ours` and `floor` for ours and both floors.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Connections of each row.
    #[arg(long, value_delimiter = ',', default_value = "64")]
    pub connections: Vec<usize>,
    /// Rounds; in each, every server has one turn.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds of one turn.
    #[arg(long, default_value_t = 1.0)]
    pub seconds: f64,
    /// Two short rounds, to see that everything works.
    #[arg(long)]
    pub quick: bool,
    /// An open loop of so many requests a second in place of the closed one.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Leave server and generator on all cores.
    #[arg(long)]
    pub no_pin: bool,
    /// Write the figures there.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Measures what the options ask for.
///
/// # Errors
/// At the first wrong answer of a server.
pub fn run(options: &Options) -> Result<()> {
    let cores = Cores::of_this_process(!options.no_pin)?;
    cores.take_generator()?;
    let subjects: Vec<Subject> =
        Subject::built_in().into_iter().filter(|subject| options.measures(subject)).collect();
    let rows: Vec<Row> = rows().into_iter().filter(|row| picked(&options.rows, row.name)).collect();
    if rows.is_empty() || subjects.is_empty() {
        bail!("there is no such row or server");
    }
    let mut field = Field::new(cores);
    for row in &rows {
        for connections in &options.connections {
            let results = measure(&mut field, &subjects, row, *connections, options)?;
            show(row, *connections, &results);
        }
    }
    Ok(())
}

impl Options {
    fn measures(&self, subject: &Subject) -> bool {
        let group = match subject.kind {
            Kind::FixedFloor | Kind::SerdeFloor => "floor",
            Kind::Ours => "ours",
        };
        picked(&self.only, &subject.name) || self.only.iter().any(|name| name == group)
    }
}

fn picked(picks: &[String], name: &str) -> bool {
    let is = |pick: &String| pick.strip_suffix('*').map_or(name == pick, |start| name.starts_with(start));
    picks.is_empty() || picks.iter().any(is)
}

struct Measured {
    subject: Subject,
    turns: Vec<Turn>,
}

fn measure(
    field: &mut Field,
    subjects: &[Subject],
    row: &Row,
    connections: usize,
    options: &Options,
) -> Result<Vec<Measured>> {
    let (rounds, seconds) = if options.quick { (2, 0.3) } else { (options.rounds, options.seconds) };
    let drive = options.rate.map_or(Drive::Closed, Drive::Rate);
    let mut lanes = Vec::new();
    for subject in subjects {
        if let Some(work) = subject.stand_in(row.work) {
            match field.requests(subject, work, connections) {
                Ok(requests) => {
                    lanes.push((work, requests, Measured { subject: subject.clone(), turns: Vec::new() }));
                }
                Err(reason) => eprintln!("\r\x1b[K{}: {} is left out: {reason:#}", row.name, subject.name),
            }
        }
    }
    for round in 1..=rounds {
        for (work, requests, measured) in &mut lanes {
            eprint!(
                "\r\x1b[K{} · {connections} connections · round {round}/{rounds} · {}",
                row.name, measured.subject.name
            );
            measured.turns.push(field.turn(
                &measured.subject,
                *work,
                requests,
                drive,
                Duration::from_secs_f64(seconds),
            )?);
        }
    }
    eprint!("\r\x1b[K");
    Ok(lanes.into_iter().map(|(_, _, measured)| measured).collect())
}

fn show(row: &Row, connections: usize, results: &[Measured]) {
    eprintln!("\n{} ({connections} connections)", row.title);
    eprintln!(
        "  {:<14} {:>18} {:>7} {:>9} {:>6} {:>9} {:>9} {:>9} {:>9}",
        "", "CPU µs/request", "ratio", "req/s", "busy", "p50 µs", "p99 µs", "p99.9 µs", "peak KiB"
    );
    let floor = results.iter().find(|measured| measured.subject.kind == Kind::SerdeFloor);
    for measured in results {
        let of = |field: fn(&Turn) -> f64| median(measured.turns.iter().map(field));
        let (low, high) = measured
            .turns
            .iter()
            .fold((f64::MAX, 0.0_f64), |(low, high), turn| (low.min(turn.cpu_us), high.max(turn.cpu_us)));
        let ratio = floor.map(|floor| {
            median(measured.turns.iter().zip(&floor.turns).map(|(turn, floor)| turn.cpu_us / floor.cpu_us))
        });
        eprintln!(
            "  {:<14} {:>18} {:>7} {:>9.0} {:>5.0}% {:>9.0} {:>9.0} {:>9.0} {:>9.0}",
            measured.subject.name,
            format!("{:.1} ({low:.1}–{high:.1})", of(|turn| turn.cpu_us)),
            ratio.map(|ratio| format!("{ratio:.2}x")).unwrap_or_default(),
            of(|turn| turn.per_second),
            of(|turn| turn.busy) * 100.0,
            of(|turn| turn.p50_us),
            of(|turn| turn.p99_us),
            of(|turn| turn.p999_us),
            of(|turn| turn.peak_kib as f64),
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}
