//! A stream that breaks off, and is taken up again.

use barewire_replay::{Expect, Kind, Step, Transcript, Varies};
use serde_json::json;

use super::handshake::Era;
use super::speech::{Speech, responds};
use super::steps::*;
use super::stream::COUNTING;

pub(super) fn flow(era: &Era) -> Transcript {
    let resuming = era.rule("basic/transports#resumability-and-redelivery");
    let no_ids = "the server gives its events no ids, so nobody can come back to a stream";
    let mut about = "Connections break. A server that gives its events ids lets a client come back: with a GET that names the last event \
                     it has seen it gets what came after that, on that stream and no other."
        .to_owned();
    let mut given = vec![COUNTING];
    let mut steps = era.greeting(json!({}));

    let call = era
        .call("call", "The client calls a tool that reports its progress. Each event has an id. After the first report the connection breaks.", 2, "{counting_tool}")
        .open_after("notifications/progress");
    let call = era
        .reports(call)
        .must("/status", is(200), "The answer is a stream.", &era.sending())
        .applies("/stream/id", Expect::Absent(false), no_ids)
        .must(
            "/stream/ids/*",
            Expect::Distinct(true),
            "The id of an event is the only one of its kind in the session.",
            &resuming,
        )
        .varies("/headers/cache-control", Varies::Choice)
        .varies("/headers/x-accel-buffering", Varies::Choice)
        .keep_opaque("last_event", "/stream/id")
        .keep("seen", "/events/notifications~1progress/0/params/progress");
    steps.push(call);
    let resume = come_back(
        era,
        "resume",
        "The client comes back and names the last event that it has seen. What came after it comes now, the response among it, and nothing \
         that it has seen already.",
        "call",
        "{last_event}",
    );
    let resume = resume
        .must(
            "/events/notifications~1progress/*/params/progress",
            Expect::Increase(true),
            "Progress becomes more with each message.",
            &era.progress(),
        )
        .if_present()
        .must(
            "/events/notifications~1progress/0/params/progress",
            Expect::IsNot(json!("{seen}")),
            "What the client has seen does not come again.",
            &resuming,
        )
        .if_present()
        .varies("/events/notifications~1progress", Varies::Content);
    steps.push(content_of(era, responds(resume, is(2), &era.rule("basic/index#responses"))));

    if era.newest {
        about.push_str(
            " From this revision on a server may also let its client go on purpose: it closes the connection of a long call and says when to \
             come back.",
        );
        given.push((
            "polling_tool",
            "a tool that lets its client go and come back, and takes no arguments",
            "wait",
        ));
        let leave = era.call(
            "call-that-lets-go",
            "The call will take a while. The server says after how many milliseconds to come back (`retry`), and closes the connection. The \
             stream is not over: there was no response.",
            3,
            "{polling_tool}",
        );
        let leave = leave
            .must("/status", is(200), "The answer is a stream.", &era.sending())
            .must(
                "/headers/content-type",
                media_type(&["text/event-stream"]),
                "Only a stream can be taken up again.",
                &era.sending(),
            )
            .applies("/body", Expect::Absent(true), "the server does not let its clients go during a call")
            .must(
                "/stream/id",
                Expect::Absent(false),
                "A server that lets its client go has given it an event id.",
                &era.sending(),
            )
            .should(
                "/stream/retry",
                Expect::AtLeast(0),
                "A server that closes a connection before its stream is over says when to come back.",
                &era.sending(),
            )
            .varies("/headers/cache-control", Varies::Choice)
            .varies("/headers/x-accel-buffering", Varies::Choice)
            .keep_opaque("let_go_at", "/stream/id");
        steps.push(leave);
        let poll = come_back(
            era,
            "poll",
            "After that time the client comes back, and the response arrives on this connection.",
            "call-that-lets-go",
            "{let_go_at}",
        );
        steps.push(content_of(era, responds(poll, is(3), &era.rule("basic/index#responses"))));
    }
    with_given(transcript(era.revision, "resuming", "A stream that breaks off", &about, steps), &given)
}

/// The GET that takes up a stream. A server need not keep what was on it.
fn come_back(era: &Era, name: &str, sentence: &str, opened: &str, last: &str) -> Step {
    let get = era.bare("GET", &[("accept", "text/event-stream"), ("last-event-id", last)]);
    let listening = era.rule("basic/transports#listening-for-messages-from-the-server");
    let says = "A GET is answered with an event stream or with 405.";
    step(name, sentence, get)
        .leaves(opened)
        .calls()
        .applies("/body/result", Expect::Absent(false), "the server does not keep what a client has missed")
        .must("/status", is(200), says, &listening)
        .must("/headers/content-type", media_type(&["text/event-stream"]), says, &listening)
        .varies("/headers/cache-control", Varies::Choice)
        .varies("/headers/x-accel-buffering", Varies::Choice)
}

fn content_of(era: &Era, step: Step) -> Step {
    let place = era.rule("server/tools#tool-result");
    let says = "The response that was missed comes with its result.";
    step.must("/body/result/content", a(Kind::Array), says, &place).varies("/body/result", Varies::Content)
}
