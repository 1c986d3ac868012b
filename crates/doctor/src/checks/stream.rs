//! Event streams: whether they flow, and how they are dressed for the proxies on the way.

use http::header::CONTENT_ENCODING;

use crate::finding::{Finding, Kind};
use crate::probe::{Answer, Cut, Fault};
use crate::rule::Rule;
use crate::survey::Chart;

const FLOWS: Kind = Kind {
    id: "stream.flows",
    subject: "The first event of a stream comes at once",
    fault: "The stream is held back",
    expected: "The acknowledgment of subscriptions/listen arrives as soon as it is sent.",
    rule: Some(Rule::ProxyBuffering),
    next: "Switch buffering and compression off for this path (nginx: proxy_buffering off; or the header X-Accel-Buffering: no), and flush after each event.",
};
const ACKNOWLEDGED: Kind = Kind {
    id: "stream.acknowledged",
    subject: "A subscription is acknowledged first",
    fault: "A subscription is not acknowledged first",
    expected: "The first message on the stream is notifications/subscriptions/acknowledged.",
    rule: Some(Rule::Acknowledgment),
    next: "Send the acknowledgment with the subscription's id before anything else.",
};
const GET: Kind = Kind {
    id: "stream.get",
    subject: "GET opens a stream, or is refused with 405",
    fault: "GET neither opens a stream nor is refused with 405",
    expected: "GET in the session is answered with text/event-stream, or with 405 where the server has no stream of its own.",
    rule: Some(Rule::Listening),
    next: "Answer 405 where there is no stream: clients of the handshake era send this GET right after initialize, and some give up at anything else.",
};
const UNBUFFERED: Kind = Kind {
    id: "stream.unbuffered",
    subject: "Streams tell proxies not to hold them back",
    fault: "Streams do not tell proxies not to hold them back",
    expected: "An answer with events has X-Accel-Buffering: no.",
    rule: Some(Rule::ReceivingMessages),
    next: "Add X-Accel-Buffering: no to every answer with events: without it nginx and its relatives collect events before they pass them on.",
};
const COMPRESSED: Kind = Kind {
    id: "stream.compressed",
    subject: "Streams are not compressed",
    fault: "Streams are compressed",
    expected: "An answer with events has no Content-Encoding: whoever compresses waits for more to compress.",
    rule: Some(Rule::ProxyBuffering),
    next: "Leave text/event-stream out of compression.",
};
const CLOSED: Kind = Kind {
    id: "stream.closed",
    subject: "A stream ends with its response",
    fault: "A stream stays open after its response",
    expected: "The response is the last event of the answer to a request.",
    rule: Some(Rule::ReceivingMessages),
    next: "End the answer after the response: each one that stays open costs a connection, and some clients wait for its end.",
};

pub(super) const KINDS: &[&Kind] = &[&FLOWS, &ACKNOWLEDGED, &GET, &UNBUFFERED, &COMPRESSED, &CLOSED];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    if !chart.is_let_in() {
        return KINDS.iter().map(|kind| kind.na(chart.why_not_let_in())).collect();
    }
    vec![flows(chart), acknowledged(chart), get(chart), unbuffered(chart), compressed(chart), closed(chart)]
}

/// Whether a stream was opened and nothing came of it in time, although other answers come.
fn is_held_back(answer: &Answer) -> bool {
    match &answer.outcome {
        Err(Fault::Late { .. }) => true,
        Ok(reply) => {
            answer.is_stream() && reply.events.is_empty() && matches!(reply.cut, Some(Cut::Late { .. }))
        }
        Err(_) => false,
    }
}

fn flows(chart: &Chart) -> Finding {
    let Some(answer) = &chart.streams.listen else {
        return FLOWS.na("the server announces no changes to subscribe to");
    };
    if is_held_back(answer) && chart.streams.is_too_slow_to_tell() {
        return FLOWS.na("every answer takes long").seen(answer);
    }
    if is_held_back(answer) {
        let usual = chart.streams.usual_ms;
        return FLOWS
            .error(format!("{}; other answers begin after {usual} ms", answer.describe()))
            .seen(answer);
    }
    if !answer.is_stream() {
        return FLOWS.na(answer.describe()).seen(answer);
    }
    let took = answer.head_ms().unwrap_or_default();
    FLOWS.ok(format!("{}; the head came after {took} ms", answer.describe())).seen(answer)
}

fn acknowledged(chart: &Chart) -> Finding {
    let Some(answer) = &chart.streams.listen else {
        return ACKNOWLEDGED.na("the server announces no changes to subscribe to");
    };
    if is_held_back(answer) {
        return ACKNOWLEDGED.na("nothing came").seen(answer);
    }
    let events = answer.reply().map(|reply| reply.events.as_slice()).unwrap_or_default();
    let first = events.iter().find(|event| !event.data.is_empty());
    let fine = first.is_some_and(|event| event.data.contains("notifications/subscriptions/acknowledged"));
    ACKNOWLEDGED.error_unless(fine, answer.describe()).seen(answer)
}

fn get(chart: &Chart) -> Finding {
    let Some(answer) = &chart.streams.get else { return GET.na("the server has no handshake") };
    if matches!(answer.outcome, Err(Fault::Late { .. })) {
        if chart.streams.is_too_slow_to_tell() {
            return GET.na("every answer takes long").seen(answer);
        }
        return GET
            .error(format!("{}: not even the head of the answer comes", answer.describe()))
            .titled("The stream is held back until its first event")
            .next("Send the head at once and flush it; switch buffering off on the way. Some proxies pass the head on with the first byte of the body only: send a comment line (`:`) right away.")
            .seen(answer);
    }
    if chart.lost_session().is_some() {
        return GET.na("the session's id does not arrive").seen(answer);
    }
    GET.error_unless(answer.is_stream() || answer.is(405), answer.describe()).seen(answer)
}

fn streams(chart: &Chart) -> Vec<&Answer> {
    let eras = &chart.eras;
    let mut all = vec![&eras.discover, &eras.initialize];
    all.extend([&chart.streams.listen, &chart.streams.get, &chart.headers.in_session].into_iter().flatten());
    for list in [&chart.lists.tools, &chart.lists.resources, &chart.lists.prompts].into_iter().flatten() {
        all.extend(&list.pages);
    }
    all.retain(|answer| answer.is_stream());
    all
}

fn unbuffered(chart: &Chart) -> Finding {
    let streams = streams(chart);
    if streams.is_empty() {
        return UNBUFFERED.na("no answer was a stream");
    }
    let says_no = |answer: &&Answer| {
        answer.header("x-accel-buffering").is_some_and(|value| value.eq_ignore_ascii_case("no"))
    };
    let silent: Vec<&Answer> = streams.iter().copied().filter(|answer| !says_no(answer)).collect();
    if silent.is_empty() {
        return UNBUFFERED.ok(format!("{} stream(s)", streams.len())).all_seen(streams);
    }
    // nginx eats the header when it obeys, so behind it there is nothing to see.
    let eaten = chart.door.first.header("server").is_some_and(|server| server.starts_with("nginx"));
    let said = format!("{} of {} streams have no X-Accel-Buffering", silent.len(), streams.len());
    if eaten {
        UNBUFFERED.info(format!("{said}; nginx takes it away when it obeys"))
    } else {
        UNBUFFERED.warning(said)
    }
    .all_seen(silent)
}

fn compressed(chart: &Chart) -> Finding {
    let Some(answer) = &chart.streams.compressed else {
        return COMPRESSED.na("there is no stream to ask for");
    };
    if !answer.is_stream() {
        return COMPRESSED.na(answer.describe()).seen(answer);
    }
    match answer.header(CONTENT_ENCODING.as_str()) {
        None => COMPRESSED.ok("not even for a client that takes it").seen(answer),
        Some(coding) => COMPRESSED.warning(format!("Content-Encoding: {coding}")).seen(answer),
    }
}

fn closed(chart: &Chart) -> Finding {
    let answered: Vec<&Answer> =
        streams(chart).into_iter().filter(|answer| answer.message().is_some()).collect();
    if answered.is_empty() {
        return CLOSED.na("no response came on a stream");
    }
    let open: Vec<&Answer> =
        answered.iter().copied().filter(|answer| matches!(answer.cut(), Some(Cut::StillOpen))).collect();
    match open.first() {
        Some(answer) => CLOSED.warning(answer.describe()).all_seen(open.iter().copied()),
        None => CLOSED.ok(format!("{} stream(s)", answered.len())).all_seen(answered),
    }
}
