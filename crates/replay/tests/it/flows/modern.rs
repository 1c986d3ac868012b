//! 2026-07-28: each request says everything; there is no handshake and no session.

use barewire_replay::{Expect, Kind, Step, Transcript, Varies};
use serde_json::{Value, json};

use super::speech::{JSON_RPC_SAYS, Speech};
use super::steps::*;
use super::{call, elicitation, errors, lists, login, skills, stream, subscription, tasks};

const REVISION: &str = "2026-07-28";

/// How it is spoken.
pub(super) struct Modern;

pub(super) fn flows() -> Vec<Transcript> {
    vec![
        transcript(
            REVISION,
            "discover",
            "Finding out what a server is",
            "There is no handshake: a client may begin with any request. Asking first what the server speaks and offers is good \
             manners of a host that wants to show it, and every server has to be able to answer.",
            vec![discover()],
        ),
        lists::flow(
            &Modern,
            "What a server declared it has can be listed, and lists say how long they may be kept. A client that reads nothing but \
             this can already show a server.",
        ),
        call::flow(
            &Modern,
            "The three things that a server offers. Each request repeats in a header what proxies want to know of it.",
        ),
        stream::flow(&Modern),
        elicitation::modern(),
        subscription::modern(),
        tasks::flow(),
        skills::flow(),
        errors::modern(),
        login::flow(REVISION),
    ]
}

pub(super) fn rule(place: &str) -> String {
    mcp(REVISION, place)
}

pub(super) fn http(section: &str) -> String {
    rule(&format!("basic/transports/streamable-http#{section}"))
}

fn meta(capabilities: &Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientInfo": { "name": "example", "version": "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    })
}

/// The same request, with capabilities of the client.
pub(super) fn able(mut step: Step, capabilities: &Value) -> Step {
    step.body()["params"]["_meta"] = meta(capabilities);
    step
}

pub(super) fn discover() -> Step {
    let place = rule("server/discover#discoverresult");
    Modern
        .cacheable(Modern.ask(
            "discover",
            "The client asks which revisions the server speaks and what it has. The headers say the same as the body; `_meta` says who \
             asks, in which revision, and what the client can do.",
            1,
            "server/discover",
            json!({}),
        ))
        .must(
            "/body/result/supportedVersions",
            Expect::Contains(json!(REVISION)),
            "The server names every revision that it speaks, and it speaks this one.",
            &place,
        )
        .must("/body/result/capabilities", a(Kind::Object), "The server says what it has.", &place)
        .must("/body/result/instructions", a(Kind::String), "Instructions for the model are a text.", &place)
        .if_present()
        .varies("/body/result/instructions", Varies::Content)
        .varies("/body/result/supportedVersions", Varies::Choice)
        .varies("/body/result/capabilities", Varies::Choice)
        .keep("capabilities", "/body/result/capabilities")
}

impl Speech for Modern {
    fn revision(&self) -> &'static str {
        REVISION
    }

    fn sending(&self) -> String {
        http("sending-messages")
    }

    fn progress(&self) -> String {
        rule("basic/patterns/progress#progress-flow")
    }

    fn greeting(&self, _: Value) -> Vec<Step> {
        Vec::new()
    }

    fn opening(&self) -> Vec<Step> {
        vec![discover()]
    }

    fn ask(&self, name: &str, sentence: &str, id: i64, method: &str, mut params: Value) -> Step {
        params["_meta"] = meta(&json!({}));
        let mut headers = vec![
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", REVISION),
            ("mcp-method", method),
        ];
        let named = ["name", "uri", "taskId"].into_iter().find_map(|member| params.get(member));
        let named = named.and_then(Value::as_str).map(str::to_owned);
        if let Some(named) = named.as_deref().filter(|_| has_name(method)) {
            headers.push(("mcp-name", named));
        }
        let mut request = request("POST", "{server}", &headers);
        request.body = Some(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        step(name, sentence, request)
    }

    fn response(&self, step: Step) -> Step {
        step.must(
            "/headers/content-type",
            media_type(&JSON_OR_STREAM),
            "A request is answered with one JSON object or with an event stream.",
            &self.sending(),
        )
        .must("/body/jsonrpc", is("2.0"), JSON_RPC_SAYS, JSON_RPC_RESPONSE)
        .must(
            "/body/id",
            same_as("/body/id"),
            "A response has the id of its request.",
            &rule("basic/index#responses"),
        )
        .varies("/headers/cache-control", Varies::Choice)
        .varies("/headers/x-accel-buffering", Varies::Choice)
    }

    fn result(&self, step: Step) -> Step {
        self.response(step)
            .must(
                "/status",
                is(200),
                "A request that is answered with a result has status 200.",
                &self.sending(),
            )
            .must(
                "/body/result/resultType",
                is("complete"),
                "A result says whether it is complete or asks for input.",
                &rule("basic/index#resulttype"),
            )
            .should(
                "/body/result/_meta/io.modelcontextprotocol~1serverInfo/name",
                a(Kind::String),
                "A result says which server it is from.",
                &rule("basic/index#meta"),
            )
            .should(
                "/body/result/_meta/io.modelcontextprotocol~1serverInfo/version",
                a(Kind::String),
                "A result says which version of the server it is from.",
                &rule("basic/index#meta"),
            )
            .varies("/body/result/_meta", Varies::Content)
    }

    fn cacheable(&self, step: Step) -> Step {
        let place = rule("server/utilities/caching#cacheable-results");
        self.result(step)
            .must(
                "/body/result/ttlMs",
                Expect::AtLeast(0),
                "The result says for how many milliseconds it may be kept.",
                &place,
            )
            .must(
                "/body/result/cacheScope",
                Expect::OneOf(vec![json!("public"), json!("private")]),
                "The result says whether others may be given it, too.",
                &place,
            )
            .varies("/body/result/ttlMs", Varies::Choice)
            .varies("/body/result/cacheScope", Varies::Choice)
    }

    fn refused(&self, step: Step, status: u16, code: i64, says: &str, place: &str) -> Step {
        self.response(step)
            .must("/status", is(status), says, place)
            .must("/body/error/code", is(code), says, place)
            .must("/body/error/message", a(Kind::String), "An error has a message.", JSON_RPC_ERROR)
            .varies("/body/error/message", Varies::Wording)
            .varies("/body/error/data", Varies::Choice)
    }

    fn repeats_name(&self) -> &'static str {
        " `Mcp-Name` repeats it for proxies."
    }
}

/// The methods whose requests repeat in `Mcp-Name` what they are about.
fn has_name(method: &str) -> bool {
    matches!(method, "tools/call" | "prompts/get" | "resources/read")
        || matches!(method, "tasks/get" | "tasks/update" | "tasks/cancel")
}
