//! A tool that asks its user something.

use barewire_replay::{Expect, Kind, Step, Transcript, Varies};
use serde_json::json;

use super::handshake::Era;
use super::modern::{Modern, able, rule};
use super::speech::{JSON_RPC_SAYS, Speech};
use super::steps::*;

pub(super) const ASKING: (&str, &str, &str) =
    ("asking_tool", "a tool that asks its user for a text called `name` and takes no arguments", "ask_name");

const TITLE: &str = "A tool that asks its user something";

pub(super) fn modern() -> Transcript {
    let about = "The server does not send requests. It answers the call with what it needs to know, the client asks its user and \
                 sends the same call again, with the answers and the state that the server gave along.";
    with_given(transcript(Modern.revision(), "elicitation", TITLE, about, modern_steps()), &[ASKING])
}

pub(super) fn handshake(era: &Era) -> Transcript {
    let about = "The server sends a request of its own on the stream of the call. The client asks its user, sends the answer with a \
                 POST of its own, and the stream of the call goes on.";
    let mut steps = era.greeting(json!({ "elicitation": {} }));
    steps.extend(handshake_steps(era));
    with_given(transcript(era.revision, "elicitation", TITLE, about, steps), &[ASKING])
}

fn asking(name: &str, sentence: &str, id: i64) -> Step {
    able(Modern.call(name, sentence, id, "{asking_tool}"), &json!({ "elicitation": { "form": {} } }))
}

fn modern_steps() -> Vec<Step> {
    let mrtr = rule("basic/patterns/mrtr#inputrequiredresult");
    let form = rule("client/elicitation#form-mode-elicitation-requests");
    let first = asking(
        "call",
        "The client calls the tool, and says in its capabilities that it can ask its user. The server answers that it needs to know \
         something, in the words of a request that the client answers later.",
        1,
    );
    let first = Modern
        .result(first)
        .must("/body/result/resultType", is("input_required"), "A result that asks for input says so.", &mrtr)
        .must(
            "/body/result/inputRequests/*/method",
            is("elicitation/create"),
            "Each question is a request by its method.",
            &mrtr,
        )
        .must(
            "/body/result/inputRequests/*/params/message",
            a(Kind::String),
            "A question has a text for the user.",
            &form,
        )
        .must(
            "/body/result/inputRequests/*/params/requestedSchema/type",
            is("object"),
            "The schema of the answer is a flat object.",
            &form,
        )
        .must(
            "/body/result/requestState",
            a(Kind::String),
            "What the server has to remember is in an opaque text.",
            &mrtr,
        )
        .if_present()
        .varies("/body/result/inputRequests", Varies::Content)
        .varies("/body/result/requestState", Varies::Opaque);
    let mut first = first
        .keep_optional("state", "/body/result/requestState")
        .keep("question", "/body/result/inputRequests");
    first.keep.get_mut("question").unwrap().first_name = true;
    let mut answered = Modern.content(asking(
        "answer",
        "The client asked its user. It sends the same call with a new id, the answer under the name of the question, and the state as it \
         was given.",
        2,
    ));
    answered.body()["params"]["inputResponses"] =
        json!({ "{question}": { "action": "accept", "content": { "name": "Ada" } } });
    answered.body()["params"]["requestState"] = json!("{state}");
    let mut declined = Modern.content(asking(
        "decline",
        "A user may also decline. That is an answer like another, and what the tool makes of it is its business.",
        3,
    ));
    declined.body()["params"]["inputResponses"] = json!({ "{question}": { "action": "decline" } });
    declined.body()["params"]["requestState"] = json!("{state}");
    let mut tampered = asking(
        "tampered",
        "A state that the server did not give is refused: whatever a client holds in its hands can be forged.",
        4,
    );
    tampered.body()["params"]["inputResponses"] =
        json!({ "{question}": { "action": "accept", "content": { "name": "Ada" } } });
    tampered.body()["params"]["requestState"] = json!("forged");
    let tampered = Modern
        .refused(
            tampered,
            400,
            -32602,
            "A state that fails its check is refused.",
            &rule("basic/patterns/mrtr#server-requirements-basic-workflow"),
        )
        .without(&["/status"])
        .varies("/status", Varies::Choice);
    vec![first, answered, declined, tampered]
}

fn handshake_steps(era: &Era) -> Vec<Step> {
    let newest = era.newest;
    let place = era.rule(if newest {
        "client/elicitation#elicitation-requests"
    } else {
        "client/elicitation#creating-elicitation-requests"
    });
    let schema = era.rule(if newest {
        "client/elicitation#requested-schema"
    } else {
        "client/elicitation#request-schema"
    });
    let question = "/events/elicitation~1create/0";
    let call = era
        .call(
            "call",
            "The client calls the tool. The answer is a stream, and on it comes a request of the server: it needs to know something.",
            2,
            "{asking_tool}",
        )
        .open_after("elicitation/create")
        .must("/status", is(200), "The answer is a stream.", &era.sending())
        .must("/headers/content-type", media_type(&["text/event-stream"]), "Messages before the response need a stream.", &era.sending())
        .must(&format!("{question}/jsonrpc"), is("2.0"), JSON_RPC_SAYS, JSON_RPC_RESPONSE)
        .must(&format!("{question}/id"), Expect::Absent(false), "A request has an id, which is not null.", &era.rule("basic/index#requests"))
        .must(&format!("{question}/params/message"), a(Kind::String), "A question has a text for the user.", &place)
        .must(
            &format!("{question}/params/requestedSchema/type"),
            is("object"),
            "The schema of the answer is a flat object.",
            &schema,
        )
        .varies(question, Varies::Content)
        .varies("/headers/cache-control", Varies::Choice)
        .varies("/headers/x-accel-buffering", Varies::Choice)
        .keep_opaque("question", &format!("{question}/id"));
    let answer = era
        .accepted(era.post(
            "answer",
            "The client asked its user and sends the response to the server's request with a POST of its own.",
            json!({ "jsonrpc": "2.0", "id": "{question}", "result": { "action": "accept", "content": { "name": "Ada" } } }),
        ))
        .calls();
    let place = era.rule("server/tools#tool-result");
    let end =
        reading("result", "The stream of the call goes on: the tool ends, and so does the stream.", "call")
            .calls()
            .must("/body/jsonrpc", is("2.0"), JSON_RPC_SAYS, JSON_RPC_RESPONSE)
            .must(
                "/body/id",
                same_as("/body/id"),
                "A response has the id of its request.",
                &era.rule("basic/index#responses"),
            )
            .must(
                "/body/result/content",
                a(Kind::Array),
                "A result of a tool has content, which may be empty.",
                &place,
            )
            .must(
                "/body/result/content/*/type",
                a(Kind::String),
                "Each piece of content says what it is.",
                &place,
            )
            .varies("/body/result/content", Varies::Content)
            .varies("/body/result/isError", Varies::Choice)
            .varies("/body/result/_meta", Varies::Content);
    vec![call, answer, end]
}
