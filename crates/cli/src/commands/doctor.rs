//! `barewire doctor URL`

mod report;

use std::sync::Arc;

use barewire_doctor::{ExamineError, Target, examine};

use crate::arguments::{Common, Doctor};
use crate::config::Settings;
use crate::outcome::{Failure, Kind};
use crate::outside::{self, Watcher};
use crate::terminal::{print, safe_json};

pub(crate) async fn run(arguments: Doctor, common: &Common) -> Result<(), Failure> {
    let config = Settings::load(common)?.doctor;
    let token = outside::token(arguments.token, arguments.logged_in, &arguments.url, common).await?;
    let authorities = outside::authorities(&arguments.authorities)?;
    let (token, possession) = token.map(|kept| (kept.token, kept.possession)).unzip();
    let target = Target {
        token,
        possession: possession.flatten(),
        second_token: outside::given_token(arguments.second_token),
        page: arguments.origin,
        authorities,
        ..Target::new(arguments.url)
    };

    let watcher = Arc::new(Watcher::new("Looking at", common.trace));
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
