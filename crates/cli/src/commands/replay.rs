//! `barewire replay URL`

mod report;

use std::collections::HashMap;
use std::sync::Arc;

use barewire_replay::{ReplayError, Target, replay};
use serde_json::Value;

use crate::arguments::{Common, Replay};
use crate::config::Settings;
use crate::outcome::{Failure, Kind};
use crate::outside::{self, Watcher};
use crate::terminal::{print, safe_json};

pub(crate) async fn run(arguments: Replay, common: &Common) -> Result<(), Failure> {
    let config = Settings::load(common)?.replay;
    let token = outside::token(arguments.token, arguments.logged_in, &arguments.url, common).await?;
    let authorities = outside::authorities(&arguments.authorities)?;
    let mut given: HashMap<String, Value> =
        arguments.given.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let allow_calls = arguments.allow_calls || arguments.call.is_some();
    given.extend(arguments.call.map(|tool| ("tool".to_owned(), Value::String(tool))));
    let (token, possession) = token.map(|kept| (kept.token, kept.possession)).unzip();
    let target = Target {
        token,
        possession: possession.flatten(),
        authorities,
        allow_calls,
        given,
        revisions: arguments.revisions,
        flows: arguments.flows,
        ..Target::new(arguments.url)
    };

    let watcher = Arc::new(Watcher::new("Replaying", common.trace));
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
