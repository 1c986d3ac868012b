//! What is shown while a run goes on, and how it differs from an older one.

use crate::progress::line;
use crate::report::{Calls, Report};

/// A table of one row.
pub fn show(calls: &Calls) {
    line(&format!("\n{} ({} connections)", calls.row.title, calls.row.connections));
    line(&format!(
        "  {:<14} {:>20} {:>7} {:>9} {:>5} {:>9} {:>9} {:>9} {:>9}",
        "", "CPU µs/request", "ratio", "req/s", "busy", "p50 µs", "p99 µs", "p99.9 µs", "peak KiB"
    ));
    for result in &calls.results {
        let cpu = result.spread(|turn| turn.cpu_us);
        let ratio = calls.ratio(result, |turn| turn.cpu_us).map(|ratio| format!("{:.2}x", ratio.median));
        line(&format!(
            "  {:<14} {:>20} {:>7} {:>9.0} {:>4.0}% {:>9.0} {:>9.0} {:>9.0} {:>9.0}",
            result.server,
            format!("{:.1} ({:.1}–{:.1})", cpu.median, cpu.low, cpu.high),
            ratio.unwrap_or_default(),
            result.spread(|turn| turn.per_second).median,
            result.spread(|turn| turn.busy).median * 100.0,
            result.spread(|turn| turn.p50_us).median,
            result.spread(|turn| turn.p99_us).median,
            result.spread(|turn| turn.p999_us).median,
            result.spread(|turn| turn.peak_kib as f64).high,
        ));
        let lost: u64 = result.turns.iter().map(|turn| turn.unsent).sum();
        if lost > 0 {
            line(&format!("  {:<14} {lost} requests were due and never sent", ""));
        }
    }
}

/// What each row's ratio was and is. The ratios of two runs can be compared where their times cannot.
pub fn compare(before: &Report, now: &Report) {
    line(&format!(
        "\n{:<40} {:<14} {:>8} {:>8} {:>8}",
        "ratio to the serde floor", "", "before", "now", "change"
    ));
    for calls in &now.calls {
        let same =
            |old: &&Calls| (&old.row.name, old.row.connections) == (&calls.row.name, calls.row.connections);
        let Some(old) = before.calls.iter().find(same) else { continue };
        for result in &calls.results {
            let was = old.of(&result.server).and_then(|was| old.ratio(was, |turn| turn.cpu_us));
            let is = calls.ratio(result, |turn| turn.cpu_us);
            if let Some((was, is)) = was.zip(is) {
                let change = (is.median / was.median - 1.0) * 100.0;
                line(&format!(
                    "{:<40} {:<14} {:>7.2}x {:>7.2}x {change:>+7.0}%",
                    calls.row.name, result.server, was.median, is.median
                ));
            }
        }
    }
}
