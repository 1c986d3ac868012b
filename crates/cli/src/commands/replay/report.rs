//! A report for people.

use barewire_replay::{Level, Outcome, Played, PlayedStep, Report};

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
    for played in &report.transcripts {
        tell(played, all);
    }
    line("");
    line(&numbers(report));
    if !all {
        line(&paint("--all shows every step; --json gives it to a program, with every exchange.", "2"));
    }
}

fn tell(played: &Played, all: bool) {
    let name = format!("{} {}", played.revision, played.flow);
    let first = played.steps.first();
    // A transcript that was left out as a whole has one reason.
    let one_reason = first.is_some_and(|first| {
        first.reason.is_some()
            && played.steps.iter().all(|step| step.reason == first.reason && step.outcome == first.outcome)
    });
    if let (true, false, Some(first)) = (one_reason, all, first) {
        let reason = safe(first.reason.as_deref().unwrap_or_default());
        line(&format!("{} {name}: {}: {reason}", mark(first.outcome), word(first.outcome)));
        return;
    }
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
    for step in played.steps.iter().filter(|step| all || step.outcome != Outcome::Same) {
        detail(step);
    }
}

fn detail(step: &PlayedStep) {
    let reason = step.reason.as_deref().map(|reason| format!(": {}", safe(reason))).unwrap_or_default();
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
