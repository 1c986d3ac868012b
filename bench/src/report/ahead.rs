//! Where somebody else is ahead of us, in a sentence each.

use std::fmt::Write as _;

use crate::report::{Report, Turn};
use crate::subject::Kind;

/// Every row in which somebody else's figure is better than ours.
pub(super) fn ahead(report: &Report) -> String {
    let mut text = String::new();
    let mut figure = |what: &str, title: &str, of: &str, theirs: f64, ours: f64| {
        if theirs < ours {
            let _ = writeln!(text, "* {of}, {title}: {what} is {:.0} % of ours.", theirs / ours * 100.0);
        }
    };
    for calls in &report.calls {
        let Some(ours) = calls.of(report.ours()) else { continue };
        for peer in calls.results.iter().filter(|result| result.kind == Kind::Peer) {
            let both = |figure: fn(&Turn) -> f64| (peer.spread(figure).median, ours.spread(figure).median);
            let title = &calls.row.title;
            let (theirs, our) = both(|turn| turn.cpu_us);
            figure("CPU per request", title, &peer.server, theirs, our);
            let (theirs, our) = both(|turn| turn.p99_us);
            figure("p99", title, &peer.server, theirs, our);
            let (theirs, our) = both(|turn| turn.peak_kib as f64);
            figure("the most memory", title, &peer.server, theirs, our);
        }
    }
    let of_ours = |rows: &[(String, String, f64)], server: &str, key: &str| {
        rows.iter().find(|(name, of, _)| name == server && of == key).map(|(_, _, value)| *value)
    };
    let starts: Vec<_> =
        report.starts.iter().map(|row| (row.server.clone(), row.state.clone(), row.ms.median)).collect();
    let idle: Vec<_> = report
        .starts
        .iter()
        .map(|row| (row.server.clone(), row.state.clone(), row.idle_kib.median))
        .collect();
    let streams: Vec<_> = report
        .streams
        .iter()
        .map(|row| (row.server.clone(), format!("{} of {}", row.count, row.kind), row.bytes_each))
        .collect();
    let client_cpu: Vec<_> = report
        .clients
        .iter()
        .map(|row| {
            (row.client.clone(), format!("{}, {} at once", row.era, row.concurrency), row.cpu_us.median)
        })
        .collect();
    for (what, title, rows) in [
        ("the time", "start to first answer", starts),
        ("memory", "at rest", idle),
        ("memory of one", "idle streams", streams),
        ("CPU per call", "client", client_cpu),
    ] {
        for (server, key, theirs) in rows.iter().filter(|(server, _, _)| report.is_peer(server)) {
            if let Some(ours) = of_ours(&rows, report.ours(), key) {
                figure(what, &format!("{title} ({key})"), server, *theirs, ours);
            }
        }
    }
    text
}
