//! `barewire replay URL`

mod report;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use barewire_exchange::Exchange;
use barewire_mcp_client::Recorder;
use barewire_oauth::secret::AccessToken;
use barewire_replay::{Observer, ReplayError, Target, replay};
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::Value;

use crate::arguments::{Common, Replay};
use crate::config::Settings;
use crate::connect::{Trace, kept_token};
use crate::outcome::{Failure, Kind};
use crate::terminal::{self, print, safe_json};

pub(crate) async fn run(arguments: Replay, common: &Common) -> Result<(), Failure> {
    let config = Settings::load(common)?.replay;
    let token = match arguments.token.filter(|token| !token.is_empty()) {
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
    let mut given: HashMap<String, Value> =
        arguments.given.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let allow_calls = arguments.allow_calls || arguments.call.is_some();
    given.extend(arguments.call.map(|tool| ("tool".to_owned(), Value::String(tool))));
    let target = Target {
        token,
        authorities,
        allow_calls,
        given,
        revisions: arguments.revisions,
        flows: arguments.flows,
        ..Target::new(arguments.url)
    };

    let watcher = Arc::new(Watcher::new(common.trace));
    let outcome = replay(&target, config, watcher.clone()).await;
    watcher.end();
    let report = outcome.map_err(failure)?;
    if common.json {
        let json = serde_json::to_string(&report).map_err(Failure::internal)?;
        print(&safe_json(&json));
    } else {
        report::print(&report, arguments.all);
    }
    match report.summary.differs {
        0 => Ok(()),
        steps => {
            let error = anyhow::anyhow!("{steps} step(s) differ from what the specification asks");
            Err(Failure::new(Kind::Differs, error).already_printed(true))
        }
    }
}

fn failure(error: ReplayError) -> Failure {
    match &error {
        ReplayError::Unreachable(_) => {
            let next = "check the address, and whether the server runs and can be reached from here";
            Failure::new(Kind::Connection, error).with_next(Some(next.to_owned()))
        }
        ReplayError::NoTranscript(_) => {
            let next = "`docs/wire/README.md` lists the flows and their revisions";
            Failure::new(Kind::Usage, error).with_next(Some(next.to_owned()))
        }
        ReplayError::Url(_) | ReplayError::Authority(_) => Failure::new(Kind::Usage, error),
        ReplayError::Setup(_) => Failure::internal(error),
    }
}

/// Shows on the terminal what is being replayed, or with `--trace` every exchange.
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
            bar.set_message(format!("Replaying {part} …"));
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
