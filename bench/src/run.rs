//! One run: the experiments that are asked for, one after the other, into one report.

use std::fs;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::experiments::{calls, clients, hostile, instructions, sessions, starts, streams};
use crate::field::{Field, Pace};
use crate::machine::Machine;
use crate::options::Options;
use crate::peer::Peer;
use crate::pin::Cores;
use crate::progress;
use crate::raw::raise_open_files;
use crate::report::markdown::Notes;
use crate::report::{Method, Report, Server, markdown, terminal};
use crate::subject::{Kind, Subject};

/// Measures what the options ask for.
///
/// # Errors
/// At the first wrong answer of ours or a floor, and when a file cannot be read or written.
pub fn run(options: &Options) -> Result<()> {
    if let Some(path) = &options.render {
        let report = read(path)?;
        return write(options, &report);
    }
    let started = Instant::now();
    raise_open_files();
    let cores = Cores::of_this_process(!options.no_pin)?;
    cores.take_generator()?;
    let mut report = Report {
        machine: Machine::here(cores.count()),
        method: Method {
            apart: cores.are_apart(),
            quick: options.quick,
            rounds: options.rounds,
            seconds: options.seconds,
            minutes: 0.0,
        },
        ..Report::default()
    };
    let subjects = subjects(options, &mut report)?;
    if subjects.is_empty() {
        bail!("there is no such server");
    }

    // What fails fails the run, but only once everything else is measured and written down.
    let mut failed = Vec::new();
    for experiment in EXPERIMENTS {
        if let Err(error) = experiment(&cores, &subjects, options, &mut report) {
            progress::line(&format!("failed: {error:#}"));
            failed.push(format!("{error:#}"));
        }
        report.method.minutes = started.elapsed().as_secs_f64() / 60.0;
        write(options, &report)?;
    }
    for left_out in &report.left_out {
        let what = if left_out.what.is_empty() { "everything" } else { &left_out.what };
        progress::line(&format!("left out: {}, {what}: {}", left_out.server, left_out.reason));
    }
    if let Some(path) = &options.compare {
        terminal::compare(&read(path)?, &report);
    }
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    let ours = |name: &str| subjects.iter().any(|subject| subject.name == name && subject.kind != Kind::Peer);
    if let Some(failed) = report.left_out.iter().find(|left_out| ours(&left_out.server)) {
        bail!("{} is to be measured on everything: {}, {}", failed.server, failed.what, failed.reason);
    }
    Ok(())
}

type Experiment = fn(&Cores, &[Subject], &Options, &mut Report) -> Result<()>;

/// In this order.
const EXPERIMENTS: [Experiment; 7] = [
    starts::measure,
    |cores, subjects, options, report| {
        let pace = if options.quick { Pace::Quick } else { Pace::Thorough };
        calls::measure(&mut Field::new(*cores, pace), subjects, options, report)
    },
    hostile::measure,
    streams::measure,
    sessions::measure,
    clients::measure,
    |_, _, options, report| instructions::measure(options, report),
];

/// Whom this run is about; peers that were not built are left out.
fn subjects(options: &Options, report: &mut Report) -> Result<Vec<Subject>> {
    let mut subjects = Subject::built_in();
    subjects.extend(options.also.iter().map(|(name, program)| Subject::another_of_ours(name, program)));
    if options.peers.is_dir() {
        subjects.extend(Peer::all(&options.peers)?.into_iter().map(Subject::peer));
    }
    subjects.retain(|subject| options.measures(subject));
    for (name, reason) in &options.left_out {
        subjects.retain(|subject| subject.name != *name);
        report.leave_out(name, "", reason);
    }
    subjects.retain(|subject| {
        let Some(program) = subject.as_peer().and_then(|peer| peer.server(false, false).ok()) else {
            return true;
        };
        let built = !program.program.is_absolute() || program.program.is_file();
        if !built {
            report.leave_out(&subject.name, "", "it is not built; `cargo xtask bench` builds it");
        }
        built
    });
    report.servers = subjects.iter().map(server).collect();
    Ok(subjects)
}

fn server(subject: &Subject) -> Server {
    let version = match (subject.kind, subject.as_peer()) {
        (_, Some(peer)) => format!("{} {}", peer.package, peer.version().unwrap_or_default()),
        (Kind::Ours, _) => format!("barewire {}", env!("CARGO_PKG_VERSION")),
        _ => "hyper".to_owned(),
    };
    Server { name: subject.name.clone(), kind: subject.kind, version }
}

fn read(path: &std::path::Path) -> Result<Report> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a report", path.display()))
}

fn write(options: &Options, report: &Report) -> Result<()> {
    let notes = match &options.notes {
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            toml::from_str(&text).with_context(|| format!("{} is not as it should be", path.display()))?
        }
        None => Notes::new(),
    };
    let files = [(&options.json, report.to_json()?), (&options.markdown, markdown::page(report, &notes))];
    for (path, text) in files {
        if let Some(path) = path {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}
