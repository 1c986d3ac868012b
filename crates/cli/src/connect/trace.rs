//! `--trace`: each exchange as it ends, with what it is for and which rule it follows.

use std::sync::atomic::{AtomicU32, Ordering};

use barewire_exchange::{Citation, Exchange, StreamEvent};
use barewire_mcp_client::Recorder;

use crate::terminal::{note, paint, safe};

/// Longest line of a body or event that is shown.
const SHOWN: usize = 400;

/// Prints to standard error; the result on standard output stays clean.
#[derive(Default)]
pub(crate) struct Trace {
    count: AtomicU32,
}

impl Recorder for Trace {
    fn event(&self, _: &Exchange, event: &StreamEvent) {
        note(&format!("     {} {}", paint("event", "36"), shorten(&event.data)));
    }

    fn finished(&self, exchange: &Exchange) {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let status = match (&exchange.response, &exchange.failure) {
            (Some(response), _) => paint(&response.status.to_string(), colour(response.status)),
            (None, Some(failure)) => paint(&safe(&failure.message), "31"),
            (None, None) => "no answer".to_owned(),
        };
        let took = exchange.duration_ms.map_or_else(String::new, |ms| format!("  {ms:.0} ms"));
        let request = &exchange.request;
        let head = format!("{number:3}  {} {}", request.method, safe(&request.url));
        note(&format!("{}  {status}{took}", paint(&head, "1")));
        let narration = &exchange.narration;
        note(&format!(
            "     {}: {}{}",
            safe(&narration.what),
            safe(&narration.why),
            cite(narration.rule.as_ref())
        ));
        for header in request.headers.iter().filter(|header| header.matters) {
            note(&format!("     > {}: {}", header.name, safe(&header.value)));
        }
        if let Some(text) = request.body.as_ref().and_then(|body| body.text.as_deref()) {
            note(&format!("     > {}", shorten(text)));
        }
        if let Some(response) = &exchange.response {
            for header in response.headers.iter().filter(|header| header.matters) {
                note(&format!("     < {}: {}", header.name, safe(&header.value)));
            }
            if let Some(text) = response.body.as_ref().and_then(|body| body.text.as_deref()) {
                note(&format!("     < {}", shorten(text)));
            }
        }
        for conclusion in &narration.conclusions {
            let mark = if conclusion.refused { paint("refused", "31") } else { paint("so", "32") };
            note(&format!("     {mark} {}{}", safe(&conclusion.text), cite(conclusion.rule.as_ref())));
            if let Some(next) = &conclusion.what_next {
                note(&format!("     what next: {}", safe(next)));
            }
        }
    }
}

fn cite(rule: Option<&Citation>) -> String {
    rule.map_or_else(String::new, |rule| paint(&format!(" [{} {}]", rule.document, rule.section), "2"))
}

fn colour(status: u16) -> &'static str {
    match status {
        200..=299 => "32",
        300..=399 => "36",
        _ => "33",
    }
}

fn shorten(text: &str) -> String {
    let mut characters = text.chars();
    let mut line: String = characters.by_ref().take(SHOWN).collect();
    if characters.next().is_some() {
        line.push('…');
    }
    safe(&line)
}
