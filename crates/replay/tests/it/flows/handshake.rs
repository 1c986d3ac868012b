//! 2025-03-26 to 2025-11-25: a handshake, and where the server wants one a session.

use barewire_replay::{Expect, Kind, Request, Step, Transcript, Varies};
use serde_json::{Value, json};

use super::speech::{JSON_RPC_SAYS, Speech, otherwise_free};
use super::steps::*;
use super::{batch, call, elicitation, errors, lists, resuming, stream, subscription};

/// What is different between the revisions of this era, as far as the flows show it.
pub(super) struct Era {
    pub(super) revision: &'static str,
    /// The client says in a header which revision was agreed on.
    pub(super) version_header: bool,
    /// The server may ask the user.
    elicitation: bool,
    /// A body may have several messages.
    pub(super) batches: bool,
    /// The newest of this era: a refused origin has its own status, a server may let a client go and come back, and send it to an
    /// address before it goes on.
    pub(super) newest: bool,
    wording: &'static str,
}

fn era(revision: &'static str) -> Era {
    let oldest = revision == "2025-03-26";
    Era {
        revision,
        version_header: !oldest,
        elicitation: !oldest,
        batches: oldest,
        newest: revision == "2025-11-25",
        wording: match revision {
            "2025-11-25" => "the newest revision that begins with a handshake",
            "2025-06-18" => {
                "the first revision whose requests repeat the revision in a header, and the first in which a server may ask the user"
            }
            _ => "the first revision of this transport",
        },
    }
}

pub(super) fn flows(revision: &'static str) -> Vec<Transcript> {
    let era = era(revision);
    let mut flows = vec![
        transcript(
            revision,
            "initialize",
            "The handshake, and the end of the session",
            &format!(
                "This is {}. Before anything else client and server agree on it and say what they can do. The server may open a \
                 session; then each request names it.",
                era.wording
            ),
            era.initialize(),
        ),
        lists::flow(&era, "After the handshake: what the server declared it has can be listed."),
        call::flow(&era, "The three things that a server offers."),
        stream::flow(&era),
        resuming::flow(&era),
    ];
    if era.elicitation {
        flows.push(elicitation::handshake(&era));
    }
    flows.push(subscription::handshake(&era));
    if era.batches {
        flows.push(batch::flow(&era));
    }
    flows.push(errors::handshake(&era));
    flows
}

impl Era {
    pub(super) fn post(&self, name: &str, sentence: &str, message: Value) -> Step {
        let mut headers = vec![
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-session-id", "{session}"),
        ];
        if self.version_header {
            headers.push(("mcp-protocol-version", self.revision));
        }
        let mut request = request("POST", "{server}", &headers);
        request.body = Some(message);
        step(name, sentence, request)
    }

    /// A GET or a DELETE, which names the session.
    pub(super) fn bare(&self, method: &str, more: &[(&str, &str)]) -> Request {
        let mut headers = more.to_vec();
        headers.push(("mcp-session-id", "{session}"));
        if self.version_header {
            headers.push(("mcp-protocol-version", self.revision));
        }
        request(method, "{server}", &headers)
    }

    /// What holds for a message that needs no response.
    pub(super) fn accepted(&self, step: Step) -> Step {
        step.must(
            "/status",
            is(202),
            "A notification or a response that is accepted is answered with 202.",
            &self.sending(),
        )
        .must("/body", Expect::Absent(true), "The answer 202 has no body.", &self.sending())
        .varies("/headers", Varies::Choice)
    }

    fn initialize(&self) -> Vec<Step> {
        let mut steps = self.opening();
        steps.push(
            self.result(self.ask(
                "ping",
                "Either side may ask whether the other is still there.",
                2,
                "ping",
                json!({}),
            ))
            .must(
                "/body/result",
                is(json!({})),
                "A ping is answered with an empty result, at once.",
                &self.rule("basic/utilities/ping#behavior-requirements"),
            ),
        );
        let sessions = self.rule("basic/transports#session-management");
        let end = step(
            "end",
            "A client that is done ends the session. A server may refuse that with 405 and end it in its own time.",
            self.bare("DELETE", &[]),
        )
        .applies("/status", Expect::IsNot(json!(405)), "the server does not let clients end a session")
        .must(
            "/status",
            Expect::Within(200, 299),
            "Ending a session is answered with success, or refused with 405.",
            &sessions,
        )
        .varies("/headers", Varies::Choice)
        .varies("/body", Varies::Choice)
        .varies("/status", Varies::Choice);
        let after = self.ask(
            "after-the-end",
            "A session that was ended is not there any more, and the status says so. The client begins anew.",
            3,
            "ping",
            json!({}),
        );
        let after = otherwise_free(after).must(
            "/status",
            is(404),
            "A request in a session that was ended is answered with 404.",
            &sessions,
        );
        steps.extend([end, after]);
        steps
    }
}

/// What holds for the answer to `initialize`, in every revision that has it.
pub(super) fn introduces(speech: &dyn Speech, step: Step) -> Step {
    let negotiation = speech.rule("basic/lifecycle#version-negotiation");
    let lifecycle = speech.rule("basic/lifecycle#initialization");
    step.must(
        "/body/result/protocolVersion",
        is(speech.revision()),
        "A server that speaks the proposed revision answers with it.",
        &negotiation,
    )
    .must("/body/result/capabilities", a(Kind::Object), "The server says what it has.", &lifecycle)
    .must("/body/result/serverInfo/name", a(Kind::String), "The server says who it is.", &lifecycle)
    .must(
        "/body/result/serverInfo/version",
        a(Kind::String),
        "The server says which version of itself it is.",
        &lifecycle,
    )
    .varies("/body/result/capabilities", Varies::Choice)
    .varies("/body/result/serverInfo", Varies::Content)
    .varies("/body/result/instructions", Varies::Content)
    .keep("capabilities", "/body/result/capabilities")
}

/// The body of `initialize`.
pub(super) fn hello(revision: &str, capabilities: &Value) -> Value {
    json!({
        "protocolVersion": revision,
        "capabilities": capabilities,
        "clientInfo": { "name": "example", "version": "1.0.0" },
    })
}

pub(super) const HELLO: &str = "The client proposes a revision and says who it is and what it can do. The server answers with the \
                                revision that they will speak, and with what it has.";

impl Speech for Era {
    fn revision(&self) -> &'static str {
        self.revision
    }

    fn sending(&self) -> String {
        self.rule("basic/transports#sending-messages-to-the-server")
    }

    fn progress(&self) -> String {
        self.rule("basic/utilities/progress#progress-flow")
    }

    fn greeting(&self, capabilities: Value) -> Vec<Step> {
        let ask = self
            .ask("initialize", HELLO, 1, "initialize", hello(self.revision, &capabilities))
            .without_header("mcp-session-id")
            .without_header("mcp-protocol-version");
        let initialize = introduces(self, self.result(ask))
            .must(
                "/headers/mcp-session-id",
                Expect::VisibleAscii(true),
                "The id of a session has visible ASCII characters only.",
                &self.rule("basic/transports#session-management"),
            )
            .if_present()
            .varies("/headers/mcp-session-id", Varies::Opaque)
            .keep_optional("session", "/headers/mcp-session-id");
        let initialized = self.accepted(self.post(
            "initialized",
            "The client says that it is ready. From here on every request names the session, where the server opened one.",
            json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        ));
        vec![initialize, initialized]
    }

    fn ask(&self, name: &str, sentence: &str, id: i64, method: &str, params: Value) -> Step {
        self.post(name, sentence, json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
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
            &self.rule("basic/index#responses"),
        )
        .varies("/headers/cache-control", Varies::Choice)
        .varies("/headers/x-accel-buffering", Varies::Choice)
    }

    fn result(&self, step: Step) -> Step {
        let says = "A request that is answered with a result has status 200.";
        self.response(step)
            .must("/status", is(200), says, &self.sending())
            .must(
                "/body/error",
                Expect::Absent(true),
                "A response has a result or an error, not both.",
                JSON_RPC_RESPONSE,
            )
            .varies("/body/result/_meta", Varies::Content)
    }

    fn refused(&self, step: Step, _: u16, code: i64, says: &str, place: &str) -> Step {
        self.response(step)
            .must("/body/result", Expect::Absent(true), says, place)
            .must("/body/error/code", is(code), says, place)
            .must("/body/error/message", a(Kind::String), "An error has a message.", JSON_RPC_ERROR)
            .varies("/body/error/message", Varies::Wording)
            .varies("/body/error/data", Varies::Choice)
            .varies("/status", Varies::Choice)
    }
}
