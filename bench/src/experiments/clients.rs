//! Clients against one server: ours, which costs the least, so that what is measured is the client.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::figures::{Spread, rounded};
use crate::launch::{Launch, Running};
use crate::options::Options;
use crate::pin::Cores;
use crate::progress;
use crate::report::{Client, Report};
use crate::subject::{Kind, Setup, Subject};

/// Calls of one turn, at first; a client that is slower makes fewer.
const CALLS: u64 = 20_000;

/// What a client prints at its end.
#[derive(Debug, Clone, Deserialize)]
struct Told {
    calls: u64,
    seconds: f64,
    cpu_seconds: f64,
    peak_rss_kib: f64,
}

/// Measures ours and those of the peers that have one, in rounds.
///
/// # Errors
/// When ours fails. A peer that fails is left out, with the reason.
pub fn measure(cores: &Cores, subjects: &[Subject], options: &Options, report: &mut Report) -> Result<()> {
    let ours = subjects.iter().find(|subject| subject.kind == Kind::Ours);
    let Some(ours) = ours.filter(|_| options.picks(&["clients"])) else { return Ok(()) };
    let server = Running::start(&ours.launch(Setup::default())?, cores)?;
    let url = format!("http://{}/mcp", server.address);
    for (era, concurrency) in [("modern", 1), ("modern", 64), ("legacy", 64)] {
        let mut lanes: Vec<(&Subject, u64, Vec<Told>)> = Vec::new();
        for subject in subjects.iter().filter(|subject| subject.kind != Kind::FixedFloor) {
            let few = if options.quick { 50 } else { 500 };
            // How fast it is decides how many calls make a turn; nobody counts these.
            match launch(subject, &url, few, concurrency, era).map(|launch| run(&launch?, cores)) {
                Some(Ok(told)) => lanes.push((subject, calls(&told, options), Vec::new())),
                Some(Err(error)) if subject.kind == Kind::Peer => {
                    report.leave_out(&subject.name, &format!("client, {era}"), &format!("{error:#}"));
                }
                Some(Err(error)) => return Err(error.context(format!("our client, {era}"))),
                None => {}
            }
        }
        for round in 1..=options.fewer_rounds() {
            for (subject, calls, told) in &mut lanes {
                progress::now(&format!(
                    "clients · {era} · {concurrency} at once · round {round} · {}",
                    subject.name
                ));
                let launch =
                    launch(subject, &url, *calls, concurrency, era).context("it was there before")??;
                told.push(run(&launch, cores).with_context(|| format!("the client of {}", subject.name))?);
            }
        }
        for (subject, _, told) in lanes {
            let spread = |figure: fn(&Told) -> f64| Spread::of(told.iter().map(figure).map(rounded));
            let row = spread(|told| told.calls as f64 / told.seconds)
                .zip(spread(|told| told.cpu_seconds * 1e6 / told.calls as f64))
                .zip(spread(|told| told.peak_rss_kib));
            let Some(((per_second, cpu_us), peak)) = row else { continue };
            progress::line(&format!(
                "clients · {era} · {concurrency} at once · {}: {:.1} µs a call, {:.0} a second",
                subject.name, cpu_us.median, per_second.median
            ));
            let (client, era) = (subject.name.clone(), era.to_owned());
            report.clients.push(Client { client, era, concurrency, per_second, cpu_us, peak_kib: peak.high });
        }
    }
    Ok(())
}

fn launch(subject: &Subject, url: &str, calls: u64, concurrency: usize, era: &str) -> Option<Result<Launch>> {
    match subject.kind {
        Kind::Ours => {
            let (calls, concurrency) = (calls.to_string(), concurrency.to_string());
            let arguments = ["--url", url, "--calls", &calls, "--concurrency", &concurrency, "--era", era];
            Some(Launch::ours("bench-client", &arguments))
        }
        Kind::Peer => subject.as_peer()?.client(url, calls, concurrency, era),
        Kind::FixedFloor | Kind::SerdeFloor => None,
    }
}

/// As many as it makes in about a second.
fn calls(told: &Told, options: &Options) -> u64 {
    if options.quick {
        return 100;
    }
    ((told.calls as f64 / told.seconds) as u64).clamp(500, CALLS)
}

/// On the generator's core, which it has to itself meanwhile.
fn run(launch: &Launch, cores: &Cores) -> Result<Told> {
    cores.take_generator()?;
    let mut command = launch.command(([127, 0, 0, 1], 0).into());
    let output = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.with_context(|| format!("cannot start {}", launch.program.display()))?;
    if !output.status.success() {
        bail!("it ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rfind(|line| line.starts_with('{')).context("it printed no figures")?;
    serde_json::from_str(line).with_context(|| format!("it printed {line}"))
}
