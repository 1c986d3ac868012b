//! `barewire audit list`, `barewire audit verify`

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use barewire_audit::{AuditStore as _, Entry, Head, Kind as Of, Time, Verifier};
use barewire_store::Store;
use serde_json::{Value, json};

use crate::arguments::{Audit, AuditAction, AuditFilter, Common};
use crate::config::Settings;
use crate::outcome::{Failure, Kind};
use crate::terminal::{note, print, safe, safe_json};

/// Segments that are read at once: 1 MiB.
const PAGE: u32 = 16;

pub(crate) async fn run(arguments: Audit, common: &Common) -> Result<(), Failure> {
    let settings = Settings::load(common)?;
    match arguments.action {
        AuditAction::List { data_dir, limit, filter } => {
            let store = open(&settings.data_dir(data_dir.as_ref())).await?;
            let listed = list(&store, limit, &filter, common.json).await;
            store.close().await;
            listed
        }
        AuditAction::Verify { data_dir, head } => {
            let store = open(&settings.data_dir(data_dir.as_ref())).await?;
            let verified = verify(&store, head, common.json).await;
            store.close().await;
            verified
        }
    }
}

/// The log of a server, running or not. Looking at it never creates one.
async fn open(data_dir: &Path) -> Result<Store, Failure> {
    let path: PathBuf = data_dir.join("audit.sqlite");
    if !path.is_file() {
        let error = anyhow::anyhow!("there is no audit log {}", path.display());
        return Err(
            Failure::new(Kind::Usage, error).with_next(Some("name its folder with --data-dir".to_owned()))
        );
    }
    Store::open(path).await.map_err(Failure::internal)
}

async fn list(store: &Store, limit: usize, filter: &AuditFilter, as_json: bool) -> Result<(), Failure> {
    let mut newest = VecDeque::new();
    let mut first = true;
    let mut show = |text: String| {
        // One document, and still no need to hold all of it.
        match (as_json, std::mem::take(&mut first)) {
            (true, true) => print(&format!("{{\"records\":[\n{text}")),
            (true, false) => print(&format!(",{text}")),
            (false, _) => print(&text),
        }
    };
    let mut after = 0;
    loop {
        let segments = store.segments(after, filter.since, PAGE).await.map_err(Failure::internal)?;
        let Some(last) = segments.last() else { break };
        after = last.first;
        for segment in &segments {
            let mut head = Head { sequence: segment.first.saturating_sub(1), hash: segment.before };
            for stored in segment.records() {
                let stored = stored.map_err(unreadable(head.sequence + 1))?;
                head = head.then(stored.bytes);
                let entry = stored.entry().map_err(unreadable(head.sequence))?;
                if !wanted(filter, &entry) {
                    continue;
                }
                let text = if as_json { json_line(&head, &entry)? } else { line(&head, &entry) };
                if limit == 0 {
                    show(text);
                    continue;
                }
                newest.push_back(text);
                if newest.len() > limit {
                    newest.pop_front();
                }
            }
        }
    }
    newest.into_iter().for_each(&mut show);
    if as_json {
        print(if first { "{\"records\":[]}" } else { "]}" });
    }
    Ok(())
}

fn unreadable(sequence: u64) -> impl Fn(barewire_audit::NotARecord) -> Failure {
    move |error| {
        let error = anyhow::Error::new(error).context(format!("record {sequence} cannot be read"));
        Failure::new(Kind::Broken, error).with_next(Some("run barewire audit verify".to_owned()))
    }
}

fn wanted(filter: &AuditFilter, entry: &Entry<'_>) -> bool {
    let is = |wanted: &Option<String>, value: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
    };
    filter.since.is_none_or(|since| entry.at >= since)
        && filter.until.is_none_or(|until| entry.at < until)
        && (is(&filter.user, entry.user) || is(&filter.user, entry.by))
        && is(&filter.client, entry.client)
        && is(&filter.name, entry.name)
        && (!filter.refused || entry.decision.is_some_and(|decision| decision != "allowed"))
}

fn json_line(head: &Head, entry: &Entry<'_>) -> Result<String, Failure> {
    let mut record = json!({ "sequence": head.sequence });
    let more = serde_json::to_value(entry).map_err(Failure::internal)?;
    if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
        record.extend(more);
        record.insert("chain".to_owned(), json!(head.hash));
    }
    Ok(safe_json(&record.to_string()))
}

/// When, who, what, and what became of it.
fn line(head: &Head, entry: &Entry<'_>) -> String {
    let mut words = vec![format!("{:>8}", head.sequence), entry.at.to_string()];
    let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
    match entry.kind {
        Of::Request | Of::Event => {
            words.push(or_dash(entry.user));
            words.extend(entry.issuer.map(|issuer| format!("(of {issuer})")));
            words.extend(entry.by.map(|by| format!("(by {by})")));
            words.push(entry.client_name.or(entry.client).unwrap_or("-").to_owned());
            words.extend(entry.address.map(|address| address.to_string()));
            words.push(or_dash(entry.event.or(entry.method).or(entry.http_method)));
            words.extend(entry.name.map(str::to_owned));
            words.push(or_dash(entry.decision));
            words.extend(entry.outcome.map(str::to_owned));
            words.extend(entry.reason.map(|reason| format!("({reason})")));
            words.extend(entry.status.map(|status| status.to_string()));
            words.extend(entry.duration.map(|duration| format!("{:.1}ms", duration.as_secs_f64() * 1e3)));
        }
        Of::Gap => {
            let (count, until) = (entry.count.unwrap_or(0), entry.until.unwrap_or_default());
            words.push(format!("gap: {count} records until {until} found no room"));
        }
        Of::Checkpoint => {
            let through = entry.through.unwrap_or(0);
            words.push(format!("checkpoint: records to {through} deleted ({})", or_dash(entry.reason)));
        }
        Of::Started => words.push(format!("started: barewire {}", or_dash(entry.version))),
        Of::Stopped => words.push("stopped".to_owned()),
    }
    safe(&words.join(" "))
}

async fn verify(store: &Store, noted: Option<Head>, as_json: bool) -> Result<(), Failure> {
    let mut verifier = Verifier::expecting(noted);
    let mut after = 0;
    loop {
        let segments = store.segments(after, None, PAGE).await.map_err(Failure::internal)?;
        let Some(last) = segments.last() else { break };
        after = last.first;
        for segment in &segments {
            verifier.check(segment).map_err(|broken| Failure::new(Kind::Broken, broken))?;
        }
    }
    let report = verifier.finish().map_err(|broken| Failure::new(Kind::Broken, broken))?;
    let head = report.head.map(|head| head.to_string());
    if as_json {
        print(
            &json!({
                "intact": true,
                "records": report.records,
                "first": report.first,
                "lost": report.lost,
                "notClosed": report.not_closed,
                "head": head,
            })
            .to_string(),
        );
        return Ok(());
    }
    let Some(head) = head else {
        note("The log is empty.");
        return Ok(());
    };
    print(&format!("intact: {} records from {}", report.records, report.first));
    if report.lost > 0 {
        print(&format!("{} more found no room and are lost; the gaps are recorded", report.lost));
    }
    if report.not_closed > 0 {
        let times = if report.not_closed == 1 { "once" } else { &format!("{} times", report.not_closed) };
        print(&format!("opened and not closed: {times} (by a program that runs now, or was killed)"));
    }
    print(&format!("head {head}"));
    note(
        "Note the head somewhere else; `audit verify --head` finds out later whether the log was rewritten.",
    );
    Ok(())
}

/// `1h`, `7d`: so long ago. Otherwise a time as RFC 3339 has it.
pub(crate) fn moment(text: &str) -> Result<Time, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(Time::from(std::time::SystemTime::now()).before(ago));
    }
    let time = humantime::parse_rfc3339_weak(text).map(Time::from);
    time.map_err(|_| "neither a time such as 1h or 7d ago nor one such as 2026-07-28T10:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_as_people_write_them() {
        for (text, expected) in [
            ("2026-07-28T10:00:00Z", Some("2026-07-28T10:00:00Z")),
            ("2026-07-28 10:00:00", Some("2026-07-28T10:00:00Z")),
            ("yesterday", None),
        ] {
            assert_eq!(moment(text).ok().map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
        assert!(moment("1h").unwrap() < moment("1m").unwrap());
    }
}
