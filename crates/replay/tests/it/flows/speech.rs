//! How a revision is spoken, and what holds for answers in all of them.

use barewire_replay::{Expect, Kind, Step, Varies};
use serde_json::{Value, json};

use super::steps::*;

/// What requests of a revision look like, and what holds for each of its answers.
pub(super) trait Speech {
    fn revision(&self) -> &'static str;

    /// Where it is written how messages are sent.
    fn sending(&self) -> String;

    /// Where it is written how progress is told.
    fn progress(&self) -> String;

    /// What has to come before anything else: a handshake, or nothing.
    fn greeting(&self, capabilities: Value) -> Vec<Step>;

    /// How to find out what the server has; it keeps `capabilities`.
    fn opening(&self) -> Vec<Step> {
        self.greeting(json!({}))
    }

    /// A request, with nothing said about its answer yet.
    fn ask(&self, name: &str, sentence: &str, id: i64, method: &str, params: Value) -> Step;

    /// What holds for every response, with a result or an error.
    fn response(&self, step: Step) -> Step;

    /// What holds for a response with a result.
    fn result(&self, step: Step) -> Step;

    /// What holds for a result that may be kept for a while.
    fn cacheable(&self, step: Step) -> Step {
        self.result(step)
    }

    /// What holds for a response with this error, and this status where the revision has one for it.
    fn refused(&self, step: Step, status: u16, code: i64, says: &str, place: &str) -> Step;

    /// What a header repeats of the request, as the end of a sentence.
    fn repeats_name(&self) -> &'static str {
        ""
    }

    fn rule(&self, place: &str) -> String {
        mcp(self.revision(), place)
    }

    /// What holds for the result of a tool.
    fn content(&self, step: Step) -> Step {
        let place = self.rule("server/tools#tool-result");
        self.result(step)
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
            .varies("/body/result/structuredContent", Varies::Content)
            .varies("/body/result/isError", Varies::Choice)
    }

    /// A call of the tool of this name.
    fn call(&self, name: &str, sentence: &str, id: i64, tool: &str) -> Step {
        self.ask(name, sentence, id, "tools/call", json!({ "name": tool, "arguments": {} })).calls()
    }

    /// Of errors whose code the specification advises, or gives in an example.
    fn advised(&self, step: Step, code: i64, says: &str, place: &str) -> Step {
        self.response(step)
            .without(&["/status"])
            .should("/body/result", Expect::Absent(true), says, place)
            .should("/body/error/code", is(code), says, place)
            .if_present()
            .must("/body/error/message", a(Kind::String), "An error has a message.", JSON_RPC_ERROR)
            .if_present()
            .varies("/body/error/message", Varies::Wording)
            .varies("/body/error/data", Varies::Choice)
            .varies("/status", Varies::Choice)
    }

    /// Progress on the stream of a call that asked for it.
    fn reports(&self, step: Step) -> Step {
        let place = self.progress();
        let progress = "/events/notifications~1progress";
        let mut step = step
            .must(
                "/headers/content-type",
                media_type(&["text/event-stream"]),
                "Messages before the response need a stream.",
                &self.sending(),
            )
            .must(&format!("{progress}/*/jsonrpc"), is("2.0"), JSON_RPC_SAYS, JSON_RPC_RESPONSE)
            .must(
                &format!("{progress}/*/params/progressToken"),
                same_as("/body/params/_meta/progressToken"),
                "Progress carries the token of the request that it is about.",
                &place,
            )
            .must(
                &format!("{progress}/*/params/progress"),
                Expect::Increase(true),
                "Progress becomes more with each message.",
                &place,
            )
            .varies(progress, Varies::Content);
        step.body()["params"]["_meta"]["progressToken"] = json!("p1");
        step
    }
}

pub(super) const JSON_RPC_SAYS: &str = "Every message says that it is JSON-RPC 2.0.";

/// What holds for the response in an answer to a request: in its own POST, or on a stream.
pub(super) fn responds(step: Step, id: Expect, rule: &str) -> Step {
    step.must("/body/jsonrpc", is("2.0"), JSON_RPC_SAYS, JSON_RPC_RESPONSE).must(
        "/body/id",
        id,
        "A response has the id of its request.",
        rule,
    )
}

/// An answer of which only the status, or a part, is ruled.
pub(super) fn otherwise_free(step: Step) -> Step {
    step.varies("/headers", Varies::Choice).varies("/body", Varies::Choice).varies("/text", Varies::Choice)
}
