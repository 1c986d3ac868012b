//! Their clients against our demo: each is a program that ends with 0 and writes a line for each step that went well.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::language::Language;
use super::table::Row;
use crate::run;

#[derive(Deserialize)]
struct Line {
    client: String,
    revision: String,
    step: String,
}

/// What their clients did, in their order.
pub(super) fn run(language: Language, server: &str, folder: &Path) -> Result<Vec<Row>> {
    report(&mut language.clients(server)?, &folder.join(format!("{}.jsonl", language.name())))
}

/// Runs the program; what it told in this file.
pub(super) fn report(command: &mut Command, file: &Path) -> Result<Vec<Row>> {
    let file = std::path::absolute(file)?;
    std::fs::write(&file, "").with_context(|| format!("cannot write {}", file.display()))?;
    run::run(command.env("BAREWIRE_INTEROP_REPORT", &file))?;
    let text = std::fs::read_to_string(&file)?;
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines() {
        let Line { client, revision, step } = serde_json::from_str(line).with_context(|| line.to_owned())?;
        match rows.iter_mut().find(|row| row.who == client && row.revision == revision) {
            Some(row) => row.steps.push(step),
            None => rows.push(Row { who: client, revision, steps: vec![step] }),
        }
    }
    if rows.is_empty() {
        bail!("{} is empty: the program ended well and did nothing", file.display());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::table::{CLIENT_STEPS, OAUTH_STEPS};

    /// A step of a name of its own would be in no column.
    #[test]
    fn the_steps_that_clients_tell_have_columns() {
        run::change_to_workspace_root().unwrap();
        let (clients, oauth) = (&CLIENT_STEPS[..], &OAUTH_STEPS[..]);
        for (file, quote, columns) in [
            ("typescript/clients.test.mjs", "await step('", clients),
            ("typescript/oauth.test.mjs", "await step('", oauth),
            ("python/client.py", "self.done(revision, \"", clients),
            ("python/oauth_client.py", "self.step(\"", oauth),
            ("rust/src/bin/client.rs", "self.done(\"", clients),
        ] {
            let text = std::fs::read_to_string(Path::new("conformance/interop").join(file)).unwrap();
            let told: Vec<&str> =
                text.split(quote).skip(1).filter_map(|rest| rest.split(['\'', '"']).next()).collect();
            assert!(!told.is_empty(), "{file}");
            assert!(told.iter().all(|step| columns.contains(step)), "{file}: {told:?}");
        }
    }
}
