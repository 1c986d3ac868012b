//! Batches, which 2025-03-26 alone has.

use barewire_replay::{Expect, Kind, Step, Transcript, Varies};
use serde_json::{Value, json};

use super::handshake::{Era, hello};
use super::speech::{JSON_RPC_SAYS, Speech, otherwise_free};
use super::steps::*;

const BATCH: &str = "https://www.jsonrpc.org/specification#batch";

pub(super) fn flow(era: &Era) -> Transcript {
    let about = "A body may be an array of requests and notifications. The answer is an array of the responses, in any order, or a stream \
                 with each of them; what needs no response has no place in it. Every server of this revision has to take them, and no \
                 other revision has them.";
    let mut steps = era.opening();
    steps.extend(batches(era));
    transcript(era.revision, "batch", "Several messages at once", about, steps)
}

fn ask(id: impl Into<Value>, method: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": {} })
}

fn note() -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "nobody" } })
}

fn batches(era: &Era) -> Vec<Step> {
    let batching = era.rule("basic/index#batching");
    let ping = era.rule("basic/utilities/ping#behavior-requirements");
    let answered = |step: Step, id: &str| {
        let says = "Each request of a batch has its response.";
        step.must(&format!("/responses/{id}/jsonrpc"), is("2.0"), JSON_RPC_SAYS, JSON_RPC_RESPONSE).must(
            &format!("/responses/{id}/id"),
            Expect::Absent(false),
            says,
            BATCH,
        )
    };
    let pinged = |step: Step, id: &str| {
        let says = "A ping is answered with an empty result, also in a batch.";
        answered(step, id).must(&format!("/responses/{id}/result"), is(json!({})), says, &ping)
    };
    let failed = |step: Step, id: &str, code: i64, says: &str| {
        answered(step, id)
            .must(&format!("/responses/{id}/error/code"), is(code), says, JSON_RPC_ERROR)
            .must(
                &format!("/responses/{id}/error/message"),
                a(Kind::String),
                "An error has a message.",
                JSON_RPC_ERROR,
            )
            .varies(&format!("/responses/{id}/error/message"), Varies::Wording)
            .varies(&format!("/responses/{id}/error/data"), Varies::Choice)
    };
    let whole = |step: Step| {
        step.must("/status", is(200), "A batch with requests in it is answered with 200.", &batching)
            .must(
                "/headers/content-type",
                media_type(&JSON_OR_STREAM),
                "A batch with requests in it is answered with JSON or with an event stream.",
                &era.sending(),
            )
            .varies("/headers/cache-control", Varies::Choice)
            .varies("/headers/x-accel-buffering", Varies::Choice)
    };

    let requests = era.post(
        "requests",
        "Two requests. Each has its response; which comes first does not matter, since the ids tell them apart.",
        json!([ask(2, "ping"), ask("three", "ping")]),
    );
    let requests = pinged(pinged(whole(requests), "2"), "three");

    let mixed = era.post(
        "mixed",
        "A notification, a request, and a request of a method that there is not. The notification has no response, and the error stands in \
         the place of its request only.",
        json!([note(), ask(4, "ping"), ask(5, "no/such/method")]),
    );
    let mixed = failed(
        pinged(whole(mixed), "4"),
        "5",
        -32601,
        "An unknown method in a batch is answered with -32601, for this request only.",
    );

    let notifications = era.accepted(era.post(
        "notifications",
        "Notifications only. There is nothing to answer, so the answer is 202 without a body.",
        json!([note(), note()]),
    ));

    let odd = era.post(
        "not-a-message-inside",
        "One entry is no message. It has an error without an id in its place; the others are answered.",
        json!([7, ask(6, "ping")]),
    );
    let says = "An entry that is no message is answered with -32600 and without an id.";
    let odd = otherwise_free(odd)
        .should("/responses/null/error/code", is(-32600), says, BATCH)
        .should("/responses/6/result", is(json!({})), "What is right in a batch is answered.", BATCH)
        .varies("/status", Varies::Choice)
        .varies("/responses", Varies::Choice);

    let empty = era.post("empty", "An array with nothing in it is no batch.", json!([]));
    let says = "An empty array is answered with one error, -32600.";
    let empty = otherwise_free(empty)
        .must("/body/error/code", is(-32600), says, BATCH)
        .if_present()
        .must("/status", Expect::Within(200, 499), "It is refused, in one way or the other.", &era.sending())
        .varies("/status", Varies::Choice);

    let inside = era.post(
        "initialize-inside",
        "A handshake in a batch. Nothing can be done before it is over, so it is never part of one.",
        json!([{ "jsonrpc": "2.0", "id": 7, "method": "initialize", "params": hello(era.revision, &json!({})) }, ask(8, "ping")]),
    );
    let inside = otherwise_free(inside)
        .should(
            "/responses/7/result",
            Expect::Absent(true),
            "`initialize` is never part of a batch.",
            &era.rule("basic/lifecycle#initialization"),
        )
        .varies("/status", Varies::Choice)
        .varies("/responses", Varies::Choice);

    let many = era.post(
        "too-many",
        "More messages than the recorded server takes at once. How many that is, is the server's choice; it refuses them all and does \
         none, so that nobody has to find out which.",
        Value::from((10..16).map(|id| ask(id, "ping")).collect::<Vec<_>>()),
    );
    let many = otherwise_free(many)
        .must(
            "/status",
            Expect::OneOf([200, 400, 413, 429].map(Value::from).to_vec()),
            "A batch is answered, or refused with a status that says so.",
            &era.sending(),
        )
        .varies("/responses", Varies::Choice);
    vec![requests, mixed, notifications, odd, empty, inside, many]
}
