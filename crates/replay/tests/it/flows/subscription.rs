//! Hearing of changes.

use barewire_replay::{Expect, Kind, Step, Transcript, Varies};
use serde_json::json;

use super::handshake::Era;
use super::lists;
use super::modern::{Modern, http, rule};
use super::speech::{JSON_RPC_SAYS, Speech};
use super::steps::*;

const TITLE: &str = "Hearing of changes";
const TOUCHING: (&str, &str, &str) =
    ("touching_tool", "a tool that changes the first resource and takes no arguments", "touch");
const UPDATED: &str = "/events/notifications~1resources~1updated/0";
const UPDATE: &str = "notifications/resources/updated";

/// The place of the subscription's id in a message of it.
pub(super) const SUBSCRIPTION_ID: &str = "/params/_meta/io.modelcontextprotocol~1subscriptionId";
pub(super) const ACKNOWLEDGED: &str = "/events/notifications~1subscriptions~1acknowledged/0";
const CARRIES: &str = "Messages of a subscription carry the id of the request that opened it.";

pub(super) fn modern() -> Transcript {
    let mut steps = Modern.opening();
    steps.push(resources(&Modern));
    let listen = Modern.ask(
        "listen",
        "The client says which changes it wants to hear of. The first thing on the stream is what the server agreed to.",
        3,
        "subscriptions/listen",
        json!({ "notifications": { "resourceSubscriptions": ["{uri}"] } }),
    );
    let listen = acknowledges(listen).must(
        &format!("{ACKNOWLEDGED}/params/notifications/resourceSubscriptions"),
        Expect::Contains(json!("{uri}")),
        "The first message repeats what the server agreed to.",
        &rule("basic/patterns/subscriptions#acknowledgment"),
    );
    let place = rule("basic/patterns/subscriptions#receiving-notifications");
    let heard = updated("listen", &place).must(
        &format!("{UPDATED}{SUBSCRIPTION_ID}"),
        same_as("/body/id"),
        CARRIES,
        &place,
    );
    steps.extend([listen, touch(&Modern), heard].map(declared));
    let about = "One long request whose answer is a stream. It begins with what the server agreed to, and then tells each change.";
    with_given(transcript(Modern.revision(), "subscription", TITLE, about, steps), &[TOUCHING])
}

pub(super) fn handshake(era: &Era) -> Transcript {
    let mut steps = era.opening();
    steps.push(resources(era));
    let listening = era.rule("basic/transports#listening-for-messages-from-the-server");
    let says = "A GET is answered with an event stream or with 405.";
    let open = step(
        "open",
        "The client opens a stream for what the server has to say without being asked. A server that has nothing of that kind answers \
         405.",
        era.bare("GET", &[("accept", "text/event-stream")]),
    )
    .open_after("head")
    .applies("/status", Expect::IsNot(json!(405)), "the server opens no stream for a GET")
    .must("/status", is(200), says, &listening)
    .must("/headers/content-type", media_type(&["text/event-stream"]), says, &listening)
    .varies("/headers/cache-control", Varies::Choice)
    .varies("/headers/x-accel-buffering", Varies::Choice);
    steps.push(open);
    let sentence = "The client subscribes to the resource.";
    let place = era.rule("server/resources#subscriptions");
    let subscribe = era
        .result(era.ask("subscribe", sentence, 3, "resources/subscribe", json!({ "uri": "{uri}" })))
        .must("/body/result", a(Kind::Object), "A subscription is answered with a result.", &place);
    steps.extend([subscribe, touch(era), updated("open", &place)].map(declared));
    let about = "The client opens a stream with GET, on which the server may speak without being asked, and subscribes to a resource with \
                 a request.";
    with_given(transcript(era.revision, "subscription", TITLE, about, steps), &[TOUCHING])
}

/// What holds for the first messages of a subscription of 2026-07-28.
pub(super) fn acknowledges(listen: Step) -> Step {
    let receiving = http("receiving-messages");
    let place = rule("basic/patterns/subscriptions#acknowledgment");
    listen
        .open_after("notifications/subscriptions/acknowledged")
        .must("/status", is(200), "The answer is a stream.", &receiving)
        .must(
            "/headers/content-type",
            media_type(&["text/event-stream"]),
            "The answer is a stream.",
            &receiving,
        )
        .should(
            "/headers/x-accel-buffering",
            is("no"),
            "The stream asks proxies not to hold it back.",
            &receiving,
        )
        .must(&format!("{ACKNOWLEDGED}/jsonrpc"), is("2.0"), JSON_RPC_SAYS, JSON_RPC_RESPONSE)
        .must(&format!("{ACKNOWLEDGED}{SUBSCRIPTION_ID}"), same_as("/body/id"), CARRIES, &place)
        .varies("/headers/cache-control", Varies::Choice)
}

fn resources(speech: &dyn Speech) -> Step {
    lists::one(speech, "resources", 2).keep("uri", "/body/result/resources/0/uri")
}

fn touch(speech: &dyn Speech) -> Step {
    speech.content(speech.call(
        "touch",
        "Somebody changes the resource. Here it is the client itself, with another request.",
        4,
        "{touching_tool}",
    ))
}

fn updated(opened: &str, place: &str) -> Step {
    let sentence = "The stream says what changed. The client reads it again if it wants to know how.";
    reading("updated", sentence, opened)
        .open_after(UPDATE)
        .must(&format!("{UPDATED}/jsonrpc"), is("2.0"), JSON_RPC_SAYS, JSON_RPC_RESPONSE)
        .must(
            &format!("{UPDATED}/params/uri"),
            is("{uri}"),
            "The message says which resource changed.",
            place,
        )
        .calls()
}

fn declared(step: Step) -> Step {
    step.only_if("capabilities", "/resources/subscribe", "the server declares no subscriptions to resources")
}
