//! A report for people.

use barewire_replay::{Level, Outcome, Played, PlayedStep, Report};
use indexmap::IndexMap;

use crate::terminal::{paint_result as paint, print as line, safe};

/// Who is there, then one transcript after the other, then the numbers. What is as it should be is told in one line, unless `all`.
pub(super) fn print(report: &Report, all: bool) {
    line(&paint(&safe(report.url.as_str()), "1"));
    for spoken in &report.revisions {
        let word = match spoken.spoken {
            Some(true) => "spoken",
            Some(false) => "not spoken",
            None => "not known",
        };
        line(&format!("{} {word}: {}", spoken.revision, safe(&spoken.because)));
    }
    let seconds = report.duration_ms as f64 / 1_000.0;
    line(&paint(&format!("{} requests in {seconds:.1} s", report.exchanges.len()), "2"));
    line("");
    let (left_out, told): (Vec<_>, Vec<_>) =
        report.transcripts.iter().partition(|played| !all && whole_reason(played).is_some());
    for played in told {
        tell(played, all);
    }
    for ((outcome, reason), flows) in by_reason(&left_out) {
        line(&format!("{} {}: {}", mark(outcome), word(outcome), safe(reason)));
        line(&format!("  {}", flows.join(", ")));
    }
    line("");
    line(&numbers(report));
    if !all {
        line(&paint("--all shows every step; --json gives it to a program, with every exchange.", "2"));
    }
}

/// Why a transcript was left out as a whole, where it was.
fn whole_reason(played: &Played) -> Option<(Outcome, &str)> {
    let first = played.steps.first()?;
    let same = |step: &PlayedStep| step.reason == first.reason && step.outcome == first.outcome;
    first.reason.as_deref().filter(|_| played.steps.iter().all(same)).map(|reason| (first.outcome, reason))
}

/// The transcripts that were left out for each reason: it is said once.
fn by_reason<'a>(left_out: &[&'a Played]) -> IndexMap<(Outcome, &'a str), Vec<String>> {
    let mut reasons: IndexMap<_, Vec<String>> = IndexMap::new();
    for played in left_out {
        if let Some(reason) = whole_reason(played) {
            reasons.entry(reason).or_default().push(format!("{} {}", played.revision, played.flow));
        }
    }
    reasons
}

fn tell(played: &Played, all: bool) {
    let name = format!("{} {}", played.revision, played.flow);
    let count = |outcome| played.steps.iter().filter(|step| step.outcome == outcome).count();
    let told: Vec<String> =
        [Outcome::Same, Outcome::Differs, Outcome::Advised, Outcome::NotApplicable, Outcome::NotReplayed]
            .into_iter()
            .filter(|outcome| count(*outcome) > 0)
            .map(|outcome| format!("{} {}", count(outcome), word(outcome)))
            .collect();
    let worst =
        [Outcome::Differs, Outcome::Advised, Outcome::Same, Outcome::NotReplayed, Outcome::NotApplicable]
            .into_iter()
            .find(|outcome| count(*outcome) > 0)
            .unwrap_or(Outcome::Same);
    line(&format!("{} {}: {}", mark(worst), paint(&name, "1"), told.join(", ")));
    let mut said = None;
    for step in played.steps.iter().filter(|step| all || step.outcome != Outcome::Same) {
        // Steps in a row with one reason say it once.
        let again = !all && step.reason.is_some() && said == Some((step.outcome, &step.reason));
        detail(step, again);
        said = Some((step.outcome, &step.reason));
    }
}

fn detail(step: &PlayedStep, again: bool) {
    let reason = match &step.reason {
        Some(_) if again => ": for the same reason".to_owned(),
        Some(reason) => format!(": {}", safe(reason)),
        None => String::new(),
    };
    line(&format!("  {} {}{reason}", mark(step.outcome), step.name));
    for difference in &step.differences {
        let level = match difference.level {
            Level::Must => "",
            Level::Should => " (should)",
        };
        line(&format!(
            "      {} is {}, not {}{level}",
            safe(&difference.at),
            safe(&difference.found),
            safe(&difference.expected)
        ));
        line(&format!("      {}", difference.says));
        line(&paint(&format!("      {}", difference.rule), "2"));
    }
    if let (false, Some(exchange)) = (step.differences.is_empty(), &step.exchange) {
        line(&paint(&format!("      exchange {exchange}"), "2"));
    }
}

fn mark(outcome: Outcome) -> String {
    match outcome {
        Outcome::Same => paint("✔", "32"),
        Outcome::Differs => paint("✘", "1;31"),
        Outcome::Advised => paint("!", "1;33"),
        Outcome::NotApplicable | Outcome::NotReplayed => paint("–", "2"),
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Same => "same",
        Outcome::Differs => "differ",
        Outcome::Advised => "advised",
        Outcome::NotApplicable => "not applicable",
        Outcome::NotReplayed => "not replayed",
    }
}

fn numbers(report: &Report) -> String {
    let summary = &report.summary;
    let counted = |count: usize, outcome, code: &str| {
        let text = format!("{count} {}", word(outcome));
        if count > 0 { paint(&text, code) } else { text }
    };
    [
        counted(summary.same, Outcome::Same, "32"),
        counted(summary.differs, Outcome::Differs, "1;31"),
        counted(summary.advised, Outcome::Advised, "1;33"),
        counted(summary.not_applicable, Outcome::NotApplicable, "2"),
        counted(summary.not_replayed, Outcome::NotReplayed, "2"),
    ]
    .join(" · ")
}
