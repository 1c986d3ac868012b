//! `barewire funnel`: attempts to connect, where they stopped and why.

use std::path::Path;
use std::time::Duration;

use barewire_audit::funnel::{Attempt, Outcome, Quirk, Step, explain, known_client};
use barewire_audit::{AttemptStore as _, AttemptsWanted};
use barewire_store::Store;
use serde_json::{Value, json};

use crate::arguments::{Common, Funnel, FunnelFilter};
use crate::config::Settings;
use crate::outcome::{Failure, Kind};
use crate::terminal::{paint_result, print, safe, safe_json};

/// How often somebody who follows looks again.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) async fn run(arguments: Funnel, common: &Common) -> Result<(), Failure> {
    let data_dir = Settings::load(common)?.data_dir(arguments.data_dir.as_ref());
    let store = open(&data_dir).await?;
    let shown = show(&store, &arguments, common.json).await;
    store.close().await;
    shown
}

/// What a server has written, running or not. Looking at it never creates anything.
async fn open(data_dir: &Path) -> Result<Store, Failure> {
    let path = data_dir.join("audit.sqlite");
    if !path.is_file() {
        let error = anyhow::anyhow!("no server has written {}", path.display());
        let next = "name its folder with --data-dir".to_owned();
        return Err(Failure::new(Kind::Usage, error).with_next(Some(next)));
    }
    Store::open(path).await.map_err(Failure::internal)
}

async fn show(store: &Store, arguments: &Funnel, as_json: bool) -> Result<(), Failure> {
    let wanted = wanted(&arguments.filter, arguments.limit);
    let newest = store.attempts(&wanted).await.map_err(Failure::internal)?;
    let oldest_first: Vec<_> = newest.iter().rev().map(|(_, attempt)| attempt).collect();
    if !arguments.follow {
        if as_json {
            let attempts: Result<Vec<_>, _> = oldest_first.into_iter().map(value).collect();
            print(&safe_json(&json!({ "attempts": attempts? }).to_string()));
        } else if oldest_first.is_empty() {
            print("No attempt to connect fits.");
        } else {
            oldest_first.into_iter().for_each(|attempt| print(&text(attempt)));
        }
        return Ok(());
    }
    let tell = |attempt: &Attempt| -> Result<(), Failure> {
        print(&if as_json { safe_json(&value(attempt)?.to_string()) } else { text(attempt) });
        Ok(())
    };
    oldest_first.into_iter().try_for_each(tell)?;
    let mut after = newest.iter().map(|(change, _)| *change).max().unwrap_or_default();
    loop {
        tokio::time::sleep(PAUSE).await;
        let wanted = AttemptsWanted { after: Some(after), ..wanted };
        for (change, attempt) in store.attempts(&wanted).await.map_err(Failure::internal)? {
            after = after.max(change);
            tell(&attempt)?;
        }
    }
}

fn wanted(filter: &FunnelFilter, limit: u32) -> AttemptsWanted<'_> {
    AttemptsWanted {
        since: filter.since,
        client: filter.client.as_deref(),
        step: filter.step,
        outcome: filter.outcome,
        limit: if limit == 0 { u32::MAX } else { limit },
        ..AttemptsWanted::default()
    }
}

/// What it is called by: the client's own name for itself, or what is next best.
fn name(attempt: &Attempt) -> &str {
    let names = [&attempt.client_name, &attempt.client, &attempt.user_agent];
    names.into_iter().find_map(Option::as_deref).unwrap_or("somebody")
}

/// With what the words mean, and what is known of the client.
fn value(attempt: &Attempt) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(attempt).map_err(Failure::internal)?;
    if let Value::Object(fields) = &mut value {
        fields.insert("step".to_owned(), json!(attempt.stands_at().map(Step::as_str)));
        if let Some(explanation) = attempt.why().and_then(explain) {
            fields.insert("explanation".to_owned(), json!(explanation));
        }
        if attempt.outcome == Outcome::Waiting {
            fields.insert("waitsFor".to_owned(), json!(attempt.missing()));
        }
        if let Some(known) = known_client(attempt) {
            fields.insert("known".to_owned(), json!(known));
        }
    }
    Ok(value)
}

/// A few lines: who, how it stands, the steps, and why.
fn text(attempt: &Attempt) -> String {
    let (word, colour) = match attempt.outcome {
        Outcome::Complete => ("complete", "32"),
        Outcome::Waiting => ("waiting", "36"),
        Outcome::Stopped => ("stopped", "31"),
        Outcome::Abandoned => ("abandoned", "33"),
    };
    let mut first = vec![attempt.began.to_string(), paint_result(word, colour)];
    if attempt.outcome == Outcome::Complete {
        first.push(format!("in {}", words(attempt.took())));
    } else if let Some(step) = attempt.stands_at() {
        let preposition = if attempt.refusal.is_some() { "at" } else { "after" };
        first.push(format!("{preposition} {}", step.as_str()));
    }
    first.push(safe(name(attempt)));
    first.extend(attempt.registration.as_deref().map(|registration| format!("({})", safe(registration))));
    first.extend(attempt.user.as_deref().map(|user| format!("user {}", safe(user))));
    first.extend(attempt.address.map(|address| format!("from {address}")));
    let mut lines = vec![first.join("  ")];

    let steps: Vec<_> = attempt
        .steps
        .iter()
        .map(|reached| {
            let after = Duration::from_micros(reached.at.0.saturating_sub(attempt.began.0));
            let times = if reached.times > 1 { format!(" ×{}", reached.times) } else { String::new() };
            format!("{} +{}{times}", reached.step.as_str(), words(after))
        })
        .collect();
    if !steps.is_empty() {
        lines.push(format!("    {}", steps.join(" · ")));
    }
    if let Some(reason) = attempt.why() {
        let times = attempt.refusal.as_ref().map_or(1, |refusal| refusal.times);
        let times = if times > 1 { format!(" ×{times}") } else { String::new() };
        let what = explain(reason).map(|explanation| format!(": {}", explanation.what)).unwrap_or_default();
        let label =
            if attempt.outcome == Outcome::Waiting && attempt.refusal.is_none() { "waits" } else { "why" };
        lines.push(format!("    {label:<6}{}{times}{what}", safe(reason)));
        lines.extend(explain(reason).map(|explanation| format!("    next  {}", explanation.next)));
    }
    if attempt.outcome != Outcome::Complete
        && let Some(known) = known_client(attempt)
    {
        let line = |quirk: &Quirk| format!("    known {}: {} ({})", known.name, quirk.what, quirk.source);
        lines.extend(known.quirks.iter().map(line));
    }
    lines.join("\n")
}

fn words(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        _ if seconds < 120.0 => format!("{seconds:.1}s"),
        _ if seconds < 7200.0 => format!("{:.0}min", seconds / 60.0),
        _ => format!("{:.0}h", seconds / 3600.0),
    }
}

/// A step by its word.
pub(crate) fn step(text: &str) -> Result<Step, String> {
    let known = || Step::ALL.map(Step::as_str).join(", ");
    Step::from_word(text).ok_or_else(|| format!("there are: {}", known()))
}

/// An outcome by its word.
pub(crate) fn outcome(text: &str) -> Result<Outcome, String> {
    let known = || Outcome::ALL.map(Outcome::as_str).join(", ");
    Outcome::from_word(text).ok_or_else(|| format!("there are: {}", known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_as_people_write_them() {
        for (millis, expected) in [(0, "0.0s"), (8_240, "8.2s"), (150_000, "2min"), (7_200_000, "2h")] {
            assert_eq!(words(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn steps_and_outcomes_by_their_words() {
        assert_eq!(step("token"), Ok(Step::Token));
        assert!(step("nonsense").unwrap_err().contains("resource_metadata"));
        assert_eq!(outcome("stopped"), Ok(Outcome::Stopped));
        assert!(outcome("nonsense").unwrap_err().contains("abandoned"));
    }

    #[test]
    fn a_name_of_a_stranger_is_one_line() {
        let attempt = Attempt { client_name: Some("a\nb\u{1b}[31m".to_owned()), ..Attempt::default() };
        let text = text(&attempt);
        assert!(!text.lines().next().unwrap().contains('\u{1b}'), "{text}");
        assert!(text.contains("metadata_not_fetched"), "{text}");
    }
}
