//! A report for people.

use barewire_doctor::{Area, Finding, Posture, Report, Severity};
use barewire_exchange::{Exchange, Header};

use crate::terminal::{paint_result as paint, print as line, safe};

/// Columns of text.
const WIDTH: usize = 100;
/// Characters of a body that are shown.
const SHOWN: usize = 240;
/// Events of a stream that are shown.
const EVENTS: usize = 2;

/// Who is there, then one part after the other, worst first in each, then the numbers.
pub(super) fn print(report: &Report, all: bool) {
    head(report);
    let mut apart = true;
    for area in Area::ALL {
        let findings: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.area == *area).collect();
        let tells = all || findings.iter().any(|finding| !is_quiet(finding));
        if apart || tells {
            line("");
        }
        part(report, *area, findings, all);
        apart = tells;
    }
    line("");
    line(&numbers(report));
    if !all && report.summary.error + report.summary.warning > 0 {
        line(&paint(
            "--all shows everything that was looked at, with all evidence; --json gives it to a program.",
            "2",
        ));
    }
}

fn head(report: &Report) {
    line(&paint(&safe(report.url.as_str()), "1"));
    if report.examined != report.url {
        line(&format!("examined at {}, where it redirects", safe(report.examined.as_str())));
    }
    let server = &report.server;
    let name = server.name.as_deref().unwrap_or("a server without a name");
    let mut about = vec![match &server.version {
        Some(version) => format!("{} {}", safe(name), safe(version)),
        None => safe(name),
    }];
    let spoken: Vec<&str> =
        server.revisions.iter().filter(|it| it.spoken == Some(true)).map(|it| it.revision.as_str()).collect();
    about.push(if spoken.is_empty() {
        "revisions unknown".to_owned()
    } else {
        format!("speaks {}", spoken.join(", "))
    });
    about.push(posture(server.authorization, report.with_token).to_owned());
    line(&about.join(" · "));
    let seconds = report.duration_ms as f64 / 1_000.0;
    line(&paint(&format!("{} requests in {seconds:.1} s", report.exchanges.len()), "2"));
}

fn posture(posture: Posture, with_token: bool) -> &'static str {
    match (posture, with_token) {
        (Posture::None, _) => "has no authorization",
        (Posture::Mixed, _) => "needs a token for some of it",
        (Posture::Required, true) => "needs a token, and was given one",
        (Posture::Required, false) => "needs a token (give one with --token or --logged-in to see more)",
        (Posture::Broken, _) => "authorization is broken",
        (Posture::Other, _) => "wants credentials that are not OAuth's",
        (Posture::Unknown, _) => "authorization unknown",
    }
}

/// The findings of one area: those that say something in full, the others as numbers.
fn part(report: &Report, area: Area, mut findings: Vec<&Finding>, all: bool) {
    findings.sort_by_key(|finding| finding.severity);
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (fine, not) = (count(Severity::Ok), count(Severity::NotApplicable));
    let told = findings.len() - fine - not;
    if findings.is_empty() {
        return;
    }
    if told == 0 && !all {
        // Where there is nothing to tell, one line will do.
        let (mark, numbers) =
            (mark(if fine > 0 { Severity::Ok } else { Severity::NotApplicable }), quiet(&findings));
        line(&format!("{mark} {}: {numbers}", area.title()));
        return;
    }
    line(&paint(area.title(), "1"));
    for finding in findings.iter().filter(|finding| all || !is_quiet(finding)) {
        tell(report, finding, all);
    }
    if all {
        return;
    }
    if fine + not > 0 {
        line(&paint(&format!("  and {}", quiet(&findings)), "2"));
    }
}

fn is_quiet(finding: &Finding) -> bool {
    matches!(finding.severity, Severity::Ok | Severity::NotApplicable)
}

/// How many are fine and how many do not apply; with the reason, where it is one.
fn quiet(findings: &[&Finding]) -> String {
    let of = |severity| -> Vec<&&Finding> { findings.iter().filter(|it| it.severity == severity).collect() };
    let (fine, not) = (of(Severity::Ok), of(Severity::NotApplicable));
    let mut numbers = Vec::new();
    if !fine.is_empty() {
        numbers.push(format!("{} fine", fine.len()));
    }
    if let Some(first) = not.first() {
        let same = not.iter().all(|finding| finding.observed == first.observed);
        let why = if same { format!(" ({})", safe(&first.observed)) } else { String::new() };
        numbers.push(format!("{} not applicable{why}", not.len()));
    }
    numbers.join(", ")
}

fn tell(report: &Report, finding: &Finding, all: bool) {
    let id = paint(&finding.id, "2");
    line(&format!("  {} {}  {id}", mark(finding.severity), title(finding)));
    match finding.severity {
        Severity::Ok | Severity::NotApplicable | Severity::Info => {
            wrapped("", &safe(&finding.observed));
            if let (Some(next), Severity::Info) = (&finding.next, finding.severity) {
                wrapped("next", &safe(next));
            }
        }
        Severity::Error | Severity::Warning => {
            wrapped("expected", &safe(&finding.expected));
            wrapped("observed", &safe(&finding.observed));
            if let Some(next) = &finding.next {
                wrapped("next", &safe(next));
            }
            if let Some(rule) = &finding.rule {
                wrapped("rule", &format!("{}, {}", rule.document, rule.section));
                line(&format!("               {}", paint(&rule.url, "2")));
            }
        }
    }
    let shown = match (all, finding.severity) {
        (true, Severity::Error | Severity::Warning | Severity::Info) => usize::MAX,
        (false, Severity::Error) => 1,
        (_, _) => 0,
    };
    for id in finding.evidence.iter().take(shown) {
        if let Some(exchange) = report.exchange(id) {
            evidence(exchange);
        }
    }
    if shown == 0 && matches!(finding.severity, Severity::Warning) && !finding.evidence.is_empty() {
        line(&paint(&format!("      evidence exchange {}", finding.evidence.join(", ")), "2"));
    }
}

fn mark(severity: Severity) -> String {
    match severity {
        Severity::Error => paint("✘", "1;31"),
        Severity::Warning => paint("!", "1;33"),
        Severity::Info => paint("i", "36"),
        Severity::Ok => paint("✔", "32"),
        Severity::NotApplicable => paint("–", "2"),
    }
}

fn title(finding: &Finding) -> String {
    match finding.severity {
        Severity::Error => paint(&safe(&finding.title), "1;31"),
        Severity::Warning => paint(&safe(&finding.title), "1;33"),
        Severity::Info | Severity::Ok | Severity::NotApplicable => safe(&finding.title),
    }
}

/// The exchange as it was on the wire, without what says nothing about it.
fn evidence(exchange: &Exchange) {
    let dim = |text: &str| line(&paint(&format!("      {text}"), "2"));
    let request = &exchange.request;
    dim(&format!("exchange {}: {}", exchange.id, safe(&exchange.narration.what)));
    dim(&format!("  > {} {}", request.method, safe(&request.url)));
    for header in request.headers.iter().filter(|header| tells(header)) {
        dim(&format!("  > {}: {}", header.name, safe(&header.value)));
    }
    if let Some(text) = request.body.as_ref().and_then(|body| body.text.as_deref()) {
        dim(&format!("  > {}", shorten(text)));
    }
    if let Some(response) = &exchange.response {
        dim(&format!("  < {}", response.status));
        for header in response.headers.iter().filter(|header| tells(header)) {
            dim(&format!("  < {}: {}", header.name, safe(&header.value)));
        }
        if let Some(text) = response.body.as_ref().and_then(|body| body.text.as_deref()) {
            dim(&format!("  < {}", shorten(text)));
        }
        for event in response.events.iter().take(EVENTS) {
            dim(&format!("  < data: {}", shorten(&event.data)));
        }
    }
    if let Some(failure) = &exchange.failure {
        dim(&format!("  < {}", safe(&failure.message)));
    }
}

fn tells(header: &Header) -> bool {
    header.matters || header.name.starts_with("access-control-") || header.name == "host"
}

fn shorten(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(SHOWN).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    safe(&short)
}

/// A text behind its label, broken between words.
fn wrapped(label: &str, text: &str) {
    let margin = if label.is_empty() { "      ".to_owned() } else { format!("      {label:<8} ") };
    let indent = " ".repeat(margin.chars().count());
    let mut row = margin;
    let mut used = indent.len();
    let mut empty = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !empty && used + 1 + length > WIDTH {
            line(row.trim_end());
            row.clone_from(&indent);
            used = indent.len();
            empty = true;
        }
        if !empty {
            row.push(' ');
            used += 1;
        }
        row.push_str(word);
        used += length;
        empty = false;
    }
    line(row.trim_end());
}

fn numbers(report: &Report) -> String {
    let summary = &report.summary;
    let counted = |count: usize, one: &str, many: &str, code: &str| {
        let text = format!("{count} {}", if count == 1 { one } else { many });
        if count > 0 { paint(&text, code) } else { text }
    };
    [
        counted(summary.error, "error", "errors", "1;31"),
        counted(summary.warning, "warning", "warnings", "1;33"),
        counted(summary.info, "info", "infos", "36"),
        counted(summary.ok, "fine", "fine", "32"),
        format!("{} not applicable", summary.not_applicable),
    ]
    .join(" · ")
}
