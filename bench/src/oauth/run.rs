//! One run: both stores, one after the other, into one report.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use barewire_testkit::TempDir;

use crate::figures::{Spread, rounded};
use crate::launch::{Launch, Running};
use crate::machine::Machine;
use crate::oauth::drive::Table;
use crate::oauth::options::Options;
use crate::oauth::population::Population;
use crate::oauth::report::{EMPTY, FULL, Measured, OURS, Report, Store};
use crate::oauth::rows::{self, Row};
use crate::oauth::sides::{self, Given, Side};
use crate::oauth::{fill, reaping};
use crate::peer::Peer;
use crate::pin::Cores;
use crate::raw::raise_open_files;
use crate::report::Method;
use crate::{progress, usage};

/// The file of the authorization server in its folder.
const FILE: &str = "auth.sqlite";

/// Measures what the options ask for.
///
/// # Errors
/// At the first wrong answer of ours, and when a file cannot be read or written.
pub fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    raise_open_files();
    let cores = Cores::of_this_process(!options.no_pin)?;
    cores.take_generator()?;
    let method = Method {
        apart: cores.are_apart(),
        quick: options.quick,
        rounds: options.rounds,
        seconds: options.seconds,
        minutes: 0.0,
    };
    let mut report = Report { machine: Machine::here(cores.count()), method, ..Report::default() };
    report.versions.push((OURS.to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    let written = |report: &mut Report| {
        report.method.minutes = started.elapsed().as_secs_f64() / 60.0;
        write(options, report)
    };

    let mut peers = start_peers(options, &cores, &mut report)?;
    let folder = TempDir::new();
    let empty = Place::new(folder.join(EMPTY), EMPTY, Population::SMALL)?;
    empty.measure(options, &cores, &mut peers, &mut report)?;
    peers.clear();
    written(&mut report)?;

    let full = Place::new(folder.join(FULL), FULL, options.population())?;
    full.measure(options, &cores, &mut [], &mut report)?;
    written(&mut report)?;

    let (beside, reaped) = reaping::measure(&full.launch, &full.file, &full.population, options, &cores)?;
    for beside in &beside {
        progress::line(&format!(
            "{:<60} {:>6.0} due a second, p50 {:>7.0} µs, p99 {:>8.0} µs",
            beside.what, beside.rate, beside.turn.p50_us, beside.turn.p99_us
        ));
    }
    progress::line(&format!("{reaped:?}"));
    (report.beside, report.reaped) = (beside, Some(reaped));
    written(&mut report)
}

fn write(options: &Options, report: &Report) -> Result<()> {
    for (path, text) in [(&options.json, report.to_json()?), (&options.markdown, report.page())] {
        if let Some(path) = path {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// A peer that runs.
struct Other {
    running: Running,
    side: Side,
    given: Given,
}

/// All that can be; the others are left out, with the reason.
fn start_peers(options: &Options, cores: &Cores, report: &mut Report) -> Result<Vec<Other>> {
    for (name, reason) in &options.left_out {
        report.leave_out(name, "", reason);
    }
    let mut others = Vec::new();
    if !options.peers.is_dir() {
        return Ok(others);
    }
    for peer in Peer::all(&options.peers)? {
        if options.left_out.iter().any(|(name, _)| *name == peer.name) {
            continue;
        }
        let version = format!("{} {}", peer.package, peer.version().unwrap_or_default());
        match sides::start_peer(&peer, cores) {
            Ok((running, side, given)) => {
                report.versions.push((peer.name, version));
                others.push(Other { running, side, given });
            }
            Err(error) => report.leave_out(&peer.name, "", &format!("{error:#}")),
        }
    }
    Ok(others)
}

/// A store and the server on it.
struct Place {
    name: &'static str,
    population: Population,
    folder: PathBuf,
    file: PathBuf,
    launch: Launch,
}

impl Place {
    fn new(folder: PathBuf, name: &'static str, population: Population) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        let (file, launch) = (folder.join(FILE), sides::ours(&folder)?);
        Ok(Self { name, population, folder, file, launch })
    }

    fn measure(
        &self,
        options: &Options,
        cores: &Cores,
        others: &mut [Other],
        report: &mut Report,
    ) -> Result<()> {
        let kept = options.keep.as_deref().filter(|_| self.name == FULL);
        let filled_seconds = self.fill(kept)?;
        let (start_ms, idle_kib) = self.start(options, cores)?;
        let file_kib = size_kib(&self.file);
        let server = Running::start(&self.launch, cores)?;
        let side = Side::ours(server.address);
        for row in Row::ALL {
            for measured in self.row(row, &server, &side, options, others, report)? {
                progress::line(&shown(&measured));
                report.rows.push(measured);
            }
        }
        let log_kib = size_kib(&self.folder.join(format!("{FILE}-wal")));
        let Population { grants, clients, users } = self.population;
        let name = self.name.to_owned();
        report.stores.push(Store {
            name,
            grants,
            clients,
            users,
            filled_seconds,
            file_kib,
            log_kib,
            start_ms,
            idle_kib,
        });
        Ok(())
    }

    /// How many seconds it took; none where it is a copy of one that was kept: a run uses up what is in it.
    fn fill(&self, kept: Option<&Path>) -> Result<f64> {
        let file = kept.unwrap_or(&self.file);
        let began = Instant::now();
        let mut seconds = 0.0;
        if !file.is_file() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(fill::fill(file, &self.population))?;
            seconds = began.elapsed().as_secs_f64();
        }
        if let Some(kept) = kept {
            fs::copy(kept, &self.file).with_context(|| format!("cannot copy {}", kept.display()))?;
        }
        progress::line(&format!(
            "{} store: {} grants, {:.0} MiB, filled in {seconds:.1} s",
            self.name,
            self.population.grants,
            size_kib(&self.file) / 1024.0
        ));
        Ok(rounded(seconds))
    }

    /// From the start of the process to its first token, several times, and what it holds in memory then.
    fn start(&self, options: &Options, cores: &Cores) -> Result<(Spread, Spread)> {
        let (mut ms, mut kib) = (Vec::new(), Vec::new());
        // The first one writes what is there from then on: keys, and the operator's clients.
        for round in 0..=options.rounds {
            let began = Instant::now();
            let server = Running::start_everywhere(&self.launch, cores)?;
            Side::ours(server.address).service_token(&[])?;
            let took = began.elapsed().as_secs_f64() * 1e3;
            std::thread::sleep(Duration::from_millis(200));
            if round > 0 {
                ms.push(rounded(took));
                kib.push(usage::memory(server.pid())?.resident as f64);
            }
        }
        let (ms, kib) = Spread::of(ms).zip(Spread::of(kib)).context("there was a round")?;
        progress::line(&format!("{} store: first token after {:.1} ms", self.name, ms.median));
        Ok((ms, kib))
    }

    /// Ours, and in the same rounds the others.
    fn row(
        &self,
        row: Row,
        server: &Running,
        side: &Side,
        options: &Options,
        others: &mut [Other],
        report: &mut Report,
    ) -> Result<Vec<Measured>> {
        progress::now(&format!("{} store · {}", self.name, row.title()));
        let ours = Table::sit(side.address, row.players(side, &self.population)?);
        let mut lanes = vec![Lane { server, table: ours?, name: OURS.to_owned(), turns: Vec::new() }];
        for other in others.iter() {
            let players = row.players_of_peer(&other.side, &other.given).transpose();
            let table = players.map(|players| Table::sit(other.side.address, players?)).transpose();
            match table {
                Ok(Some(table)) => {
                    let (server, name) = (&other.running, other.side.name.clone());
                    lanes.push(Lane { server, table, name, turns: Vec::new() });
                }
                Ok(None) => {}
                Err(error) => report.leave_out(&other.side.name, row.title(), &format!("{error:#}")),
            }
        }
        let mut failed = Vec::new();
        for round in 0..=options.rounds {
            for lane in &mut lanes {
                let turn = if round == 0 { lane.table.once() } else { lane.turn(options.seconds) };
                match turn {
                    Err(error) if lane.name == OURS => return Err(error.context(row.title())),
                    Err(error) if !failed.contains(&lane.name) => {
                        report.leave_out(&lane.name, row.title(), &format!("{error:#}"));
                        failed.push(lane.name.clone());
                    }
                    _ => {}
                }
            }
        }
        let store = self.name.to_owned();
        let measured =
            |lane: Lane<'_>| Measured { row, store: store.clone(), server: lane.name, turns: lane.turns };
        Ok(lanes.into_iter().filter(|lane| !failed.contains(&lane.name)).map(measured).collect())
    }
}

/// One server in a row.
struct Lane<'a> {
    server: &'a Running,
    table: Table,
    name: String,
    turns: Vec<crate::report::Turn>,
}

impl Lane<'_> {
    fn turn(&mut self, seconds: f64) -> Result<()> {
        self.turns.push(rows::closed(self.server, &mut self.table, seconds)?);
        Ok(())
    }
}

fn shown(measured: &Measured) -> String {
    let median = |figure: fn(&crate::report::Turn) -> f64| {
        Spread::of(measured.turns.iter().map(figure)).map_or(f64::NAN, |spread| spread.median)
    };
    format!(
        "{:<6} {:<14} {:<62} {:>8.0}/s {:>9.1} µs CPU {:>4.0}% {:>9.0} µs p50 {:>9.0} µs p99",
        measured.store,
        measured.server,
        measured.row.title(),
        median(|turn| turn.per_second),
        median(|turn| turn.cpu_us),
        median(|turn| turn.busy) * 100.0,
        median(|turn| turn.p50_us),
        median(|turn| turn.p99_us),
    )
}

fn size_kib(file: &Path) -> f64 {
    fs::metadata(file).map_or(0.0, |file| file.len() as f64 / 1024.0)
}
