//! Whether an MCP server answers at the URL, in time.

use crate::finding::{Finding, Kind};
use crate::probe::{Answer, Cut};
use crate::rule::Rule;
use crate::survey::Chart;

const ANSWERS: Kind = Kind {
    id: "reach.answers",
    subject: "Something answers at the URL",
    fault: "What answers at the URL is not an MCP server",
    expected: "A POST to the MCP endpoint is answered with a JSON-RPC message, or with 401.",
    rule: Some(Rule::SendingMessages),
    next: "Check the URL: most servers live at /mcp. If it is right, a proxy or a web application answers before the MCP server does.",
};
const FAILING: Kind = Kind {
    id: "reach.failing",
    subject: "The server does not fail",
    fault: "The server fails",
    expected: "No well-formed request is answered with a status of 500 or more.",
    rule: Some(Rule::ServerErrors),
    next: "Look into the server's log at the time of these requests; behind a proxy, 502 to 504 mean that the server behind it was not reached.",
};
const HOST_REFUSED: Kind = Kind {
    id: "reach.own_name",
    subject: "The server takes requests to its own name",
    fault: "The server seems to refuse its own public name",
    expected: "Requests that name the host in this URL are served.",
    rule: Some(Rule::Endpoint),
    next: "Tell the server its public host: protection against DNS rebinding allows loopback names only until it is configured.",
};
const RATE: Kind = Kind {
    id: "reach.rate_limited",
    subject: "Requests are not limited while looking",
    fault: "The server answered 429 while it was examined",
    expected: "Some tens of requests in a minute are served.",
    rule: None,
    next: "What was answered with 429 could not be judged: examine it again later, or from an address without that limit.",
};
const SLOW: Kind = Kind {
    id: "reach.slow",
    subject: "Answers come promptly",
    fault: "Answers take long",
    expected: "A request that needs no work is answered within two seconds.",
    rule: None,
    next: "Hosts give up after some seconds; find out whether the server, a cold start or the way to it is slow.",
};
const ENDLESS: Kind = Kind {
    id: "reach.endless",
    subject: "Answers end",
    fault: "An answer does not end",
    expected: "Each request gets its response, and the answer ends with it.",
    rule: Some(Rule::ReceivingMessages),
    next: "A client reads until its own limits; send the response to the request, and end the answer.",
};
const TIME: Kind = Kind {
    id: "reach.left_out",
    subject: "There was time to look at everything",
    fault: "There was no time, or no request, left to look at everything",
    expected: "Everything can be asked within the limits of an examination.",
    rule: None,
    next: "Raise doctor.deadline or doctor.max_requests (--set doctor.deadline=5m).",
};

pub(super) const KINDS: &[&Kind] = &[&ANSWERS, &FAILING, &HOST_REFUSED, &RATE, &SLOW, &ENDLESS, &TIME];

/// From here on people notice.
const SLOW_MS: u64 = 2_000;

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    vec![
        answers(chart),
        failing(chart),
        own_name(chart),
        rate(chart),
        slow(chart),
        endless(chart),
        time(chart),
    ]
}

/// The two ways to open a conversation, as the caller and without a token.
fn openings(chart: &Chart) -> [&Answer; 4] {
    let eras = &chart.eras;
    [&eras.open_discover, &eras.open_initialize, &eras.discover, &eras.initialize]
}

fn answers(chart: &Chart) -> Finding {
    let openings = openings(chart);
    let speaks = openings.iter().any(|answer| answer.message().is_some() || answer.is(401));
    let [first, second, ..] = openings;
    let both = format!("server/discover: {}; initialize: {}", first.describe(), second.describe());
    if speaks {
        let version = first.reply().or_else(|| second.reply()).map(|reply| format!("{:?}", reply.http));
        return ANSWERS.ok(format!("{}; {both}", version.unwrap_or_default())).seen(first).seen(second);
    }
    if chart.eras.has_endpoint_event() {
        let said = "no POST is served here, but a GET opens the transport of 2024-11-05";
        return ANSWERS.ok(said).seen(&chart.eras.open_stream);
    }
    // Each of these has a finding of its own.
    let explained = openings.iter().any(|answer| {
        answer.is_server_error() || answer.is_refusal() || answer.is(421) || answer.cut().is_some()
    });
    let finding = if explained { ANSWERS.info(both) } else { ANSWERS.error(both) };
    let page = openings.iter().any(|answer| answer.is_page());
    let finding =
        if page { finding.titled("A web page answers at the URL, not an MCP server") } else { finding };
    finding.seen(first).seen(second)
}

fn failing(chart: &Chart) -> Finding {
    let failed: Vec<&Answer> =
        openings(chart).into_iter().filter(|answer| answer.is_server_error()).collect();
    // A modern request is something that an older server need not understand; it should still not fall over.
    let all = failed.len() == openings(chart).iter().filter(|answer| answer.reply().is_some()).count();
    match failed.first() {
        None => FAILING.ok("none of the opening requests was answered with a status of 500 or more"),
        Some(answer) if all => FAILING.error(format!("every opening request: {}", answer.describe())).all_seen(failed),
        Some(answer) => FAILING
            .warning(format!("one kind of opening request: {}", answer.describe()))
            .all_seen(failed)
            .next("Clients of both eras try one kind of request and go on to the other after a clear refusal (400 or 404); a 5xx looks like an outage and ends the attempt."),
    }
}

fn own_name(chart: &Chart) -> Finding {
    match openings(chart).into_iter().find(|answer| answer.is_about_the_name()) {
        Some(answer) => HOST_REFUSED.error(answer.describe()).seen(answer),
        None => HOST_REFUSED.ok("no answer spoke of the Host header"),
    }
}

fn rate(chart: &Chart) -> Finding {
    let limited = everything(chart).into_iter().find(|answer| answer.is(429));
    match limited {
        Some(answer) => {
            let wait =
                answer.header("retry-after").map(|wait| format!(", Retry-After {wait}")).unwrap_or_default();
            RATE.warning(format!("{}{wait}", answer.describe())).seen(answer)
        }
        None => RATE.ok("no request was answered with 429"),
    }
}

fn slow(chart: &Chart) -> Finding {
    let usual = chart.streams.usual_ms;
    let late = openings(chart).into_iter().find(|answer| answer.reply().is_none() && answer.was_asked());
    match late {
        Some(answer) => SLOW.warning(answer.describe()).seen(answer),
        None => SLOW.warning_unless(usual <= SLOW_MS, format!("the usual answer begins after {usual} ms")),
    }
}

fn endless(chart: &Chart) -> Finding {
    let endless = |answer: &&Answer| {
        let cut = matches!(answer.cut(), Some(Cut::TooLarge { .. } | Cut::Late { .. }));
        cut && answer.message().is_none()
    };
    match everything(chart).into_iter().find(endless) {
        Some(answer) => ENDLESS.error(answer.describe()).seen(answer),
        None => ENDLESS.ok("each answer was read to its end"),
    }
}

fn time(chart: &Chart) -> Finding {
    let left_out = &chart.left_out;
    if left_out.is_empty() {
        return TIME.ok("everything was asked");
    }
    let some: Vec<&str> = left_out.iter().take(5).map(String::as_str).collect();
    let more = if left_out.len() > some.len() { ", …" } else { "" };
    TIME.warning(format!("{} requests were not sent: {}{more}", left_out.len(), some.join(", ")))
}

/// Every answer of the MCP endpoint itself, streams that are meant to stay open left out.
fn everything(chart: &Chart) -> Vec<&Answer> {
    let mut all: Vec<&Answer> = openings(chart).into();
    all.extend(&chart.eras.open_list);
    all.extend(chart.eras.proposals.iter().map(|(_, answer)| answer));
    all.extend(&chart.page.granted);
    for refused in [&chart.refusals.modern, &chart.refusals.legacy].into_iter().flatten() {
        all.extend(refused.all());
    }
    for list in [&chart.lists.tools, &chart.lists.resources, &chart.lists.prompts].into_iter().flatten() {
        all.extend(&list.pages);
    }
    all
}
