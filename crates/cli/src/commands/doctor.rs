//! `barewire doctor URL`

mod report;

use std::sync::Arc;
use std::time::Duration;

use barewire_doctor::{ExamineError, Observer, Target, examine};
use barewire_exchange::Exchange;
use barewire_mcp_client::Recorder;
use barewire_oauth::secret::AccessToken;
use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::arguments::{Common, Doctor};
use crate::config::Settings;
use crate::connect::{Trace, kept_token};
use crate::outcome::{Failure, Kind};
use crate::terminal::{self, print, safe_json};

pub(crate) async fn run(arguments: Doctor, common: &Common) -> Result<(), Failure> {
    let config = Settings::load(common)?.doctor;
    let given = |token: Option<String>| token.filter(|token| !token.is_empty());
    let token = match given(arguments.token) {
        Some(token) => Some(AccessToken::new(token)),
        None if arguments.logged_in => Some(kept_token(&arguments.url, common).await?),
        None => None,
    };
    let mut authorities = Vec::new();
    for file in &arguments.authorities {
        let read = std::fs::read(file);
        let wrong = |error| Failure::usage(format_args!("{} cannot be read: {error}", file.display()));
        authorities.push(read.map_err(wrong)?);
    }
    let target = Target {
        token,
        second_token: given(arguments.second_token).map(AccessToken::new),
        page: arguments.origin,
        authorities,
        ..Target::new(arguments.url)
    };

    let watcher = Arc::new(Watcher::new(common.trace));
    let outcome = examine(&target, config, watcher.clone()).await;
    watcher.end();
    let report = outcome.map_err(failure)?;
    if common.json {
        let json = serde_json::to_string(&report).map_err(Failure::internal)?;
        print(&safe_json(&json));
    } else {
        report::print(&report, arguments.all);
    }
    match report.summary.error {
        0 => Ok(()),
        errors => {
            let error = anyhow::anyhow!("the doctor found {errors} error(s)");
            Err(Failure::new(Kind::Unwell, error).already_printed(true))
        }
    }
}

fn failure(error: ExamineError) -> Failure {
    match &error {
        ExamineError::Unreachable { .. } => {
            let next = "check the address, and whether the server runs and can be reached from here";
            Failure::new(Kind::Connection, error).with_next(Some(next.to_owned()))
        }
        ExamineError::Url(_) | ExamineError::Authority(_) => Failure::new(Kind::Usage, error),
        ExamineError::Setup(_) => Failure::internal(error),
    }
}

/// Shows on the terminal what is being looked at, or with `--trace` every exchange.
struct Watcher {
    trace: Option<Trace>,
    bar: Option<ProgressBar>,
}

impl Watcher {
    fn new(trace: bool) -> Watcher {
        let shown = !trace && terminal::is_interactive();
        let bar = shown.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Watcher { trace: trace.then(Trace::default), bar }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Watcher {
    fn begins(&self, part: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("Looking at {part} …"));
        }
    }

    fn exchanged(&self, exchange: &Exchange) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if let Some(trace) = &self.trace {
            trace.finished(exchange);
        }
    }
}
