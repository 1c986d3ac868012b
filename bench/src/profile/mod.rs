//! Where the time of a request goes: `perf` looks at a server under load, and each look is counted for a layer.

mod layer;
mod picture;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::field::{Field, Pace};
use crate::load::Request;
use crate::pin::Cores;
use crate::report::Turn;
use crate::row::{Drive, rows};
use crate::subject::{Kind, Subject, Work};
use layer::Shares;

pub use layer::Layer;

/// One server on one row: its CPU time per request, and the layers' shares of it.
struct Profile {
    title: String,
    cpu_us: f64,
    shares: Shares,
}

/// What is drawn: a server and the row that it is asked.
const BARS: [(Kind, &str); 6] = [
    (Kind::FixedFloor, "echo"),
    (Kind::SerdeFloor, "echo"),
    (Kind::Ours, "echo"),
    (Kind::Ours, "echo-bearer"),
    (Kind::Ours, "echo-session"),
    (Kind::Ours, "stream"),
];

const CONNECTIONS: usize = 64;
/// Looks in a second; a prime, so that they do not fall into step with a timer.
const FREQUENCY: &str = "997";
const SECONDS: u64 = 3;
const ROUNDS: usize = 5;

/// Measures all bars, and writes the picture and a table of its numbers.
///
/// # Errors
/// Without `perf`, or when a server answers wrongly.
pub fn draw(picture: &Path) -> Result<String> {
    if Command::new("perf").arg("--version").stdout(Stdio::null()).status().is_err() {
        bail!("perf is not installed (on Debian: linux-perf), and without it there is no profile");
    }
    let cores = Cores::of_this_process(true)?;
    cores.take_generator()?;
    let mut field = Field::new(cores, Pace::Thorough);
    let mut lanes =
        BARS.iter().map(|(kind, row)| Lane::new(&mut field, *kind, row)).collect::<Result<Vec<_>>>()?;
    // First without anybody looking, in turns, for the time itself; then with, for its parts.
    for _ in 0..ROUNDS {
        for lane in &mut lanes {
            lane.time(&mut field)?;
        }
    }
    let profiles = lanes.into_iter().map(|lane| lane.look(&mut field)).collect::<Result<Vec<_>>>()?;
    std::fs::write(picture, picture::svg(&profiles)).with_context(|| picture.display().to_string())?;
    Ok(table(&profiles))
}

/// A bar in the making.
struct Lane {
    title: String,
    subject: Subject,
    work: Work,
    requests: Vec<Request>,
    cpu_us: Vec<f64>,
}

impl Lane {
    fn new(field: &mut Field, kind: Kind, row: &str) -> Result<Self> {
        let row = rows().into_iter().find(|known| known.name == row).context("the row is gone")?;
        let subject =
            Subject::built_in().into_iter().find(|known| known.kind == kind).context("it is gone")?;
        let (requests, _) = field.requests(&subject, row.work, CONNECTIONS)?;
        let title = if kind == Kind::FixedFloor {
            "bare hyper, constant answer".to_owned()
        } else if kind == Kind::SerdeFloor {
            "bare hyper, serde_json::Value".to_owned()
        } else {
            format!("barewire, {}", row.title)
        };
        Ok(Self { title, subject, work: row.work, requests, cpu_us: Vec::new() })
    }

    fn time(&mut self, field: &mut Field) -> Result<()> {
        let turn = self.turn(field, Duration::from_secs(1))?;
        self.cpu_us.push(turn.cpu_us);
        Ok(())
    }

    fn turn(&mut self, field: &mut Field, time: Duration) -> Result<Turn> {
        field.turn(&self.subject, self.work, &mut self.requests, Drive::Closed, time)
    }

    fn look(mut self, field: &mut Field) -> Result<Profile> {
        let data = std::env::temp_dir().join(format!("barewire-profile-{}.data", std::process::id()));
        let mut perf = Command::new("perf")
            // Stacks by the unwind tables: release programs keep no frame pointers.
            .args(["record", "-q", "-F", FREQUENCY, "--call-graph", "dwarf,8192", "-o"])
            .arg(&data)
            .args(["-p", &field.server(&self.subject, self.work)?.pid().to_string(), "--", "sleep"])
            .arg(SECONDS.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.turn(field, Duration::from_secs(SECONDS + 1))?;
        perf.wait()?;
        let script = Command::new("perf").args(["script", "--no-inline", "-i"]).arg(&data).output()?;
        std::fs::remove_file(&data)?;
        let shares = Shares::of(&String::from_utf8_lossy(&script.stdout));
        if shares.looks() == 0 {
            bail!("perf saw nothing; it may not be allowed to (see kernel.perf_event_paranoid)");
        }
        self.cpu_us.sort_by(f64::total_cmp);
        Ok(Profile { title: self.title, cpu_us: self.cpu_us[ROUNDS / 2], shares })
    }
}

/// Markdown: microseconds by layer.
fn table(profiles: &[Profile]) -> String {
    let mut text = String::from("| µs of CPU per request | ");
    text.push_str(&profiles.iter().map(|profile| profile.title.as_str()).collect::<Vec<_>>().join(" | "));
    text.push_str(" |\n|---|");
    text.push_str(&"---:|".repeat(profiles.len()));
    text.push('\n');
    for layer in Layer::ALL {
        let cells =
            profiles.iter().map(|profile| format!("{:.2}", profile.cpu_us * profile.shares.of_layer(layer)));
        text.push_str(&format!("| {} | {} |\n", layer.title(), cells.collect::<Vec<_>>().join(" | ")));
    }
    let sums = profiles.iter().map(|profile| format!("**{:.2}**", profile.cpu_us));
    text.push_str(&format!("| **all** | {} |\n", sums.collect::<Vec<_>>().join(" | ")));
    text
}
