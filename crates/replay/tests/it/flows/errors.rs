//! Every error, and what causes it.

use barewire_replay::{Expect, Keep, Kind, Step, Transcript, Varies};
use serde_json::{Value, json};

use super::elicitation::ASKING;
use super::handshake::Era;
use super::lists;
use super::modern::{Modern, discover, http, rule};
use super::speech::{Speech, otherwise_free};
use super::steps::*;

const TITLE: &str = "Every error, and what causes it";

pub(super) fn modern() -> Transcript {
    let about = "What a server has to refuse, and how. The code says what is wrong, the HTTP status says it to whoever does not read \
                 the body.";
    let steps = modern_steps();
    with_given(transcript(Modern.revision(), "errors", TITLE, about, steps), &[ASKING_NEEDS])
}

const ASKING_NEEDS: (&str, &str, &str) =
    (ASKING.0, "a tool that cannot work unless the client can ask its user", ASKING.2);

pub(super) fn handshake(era: &Era) -> Transcript {
    let about = "What a server has to refuse, and how. Most errors of this era are JSON-RPC errors; the HTTP status speaks of the session, the \
                 revision and the origin.";
    let mut given = Vec::new();
    if era.newest {
        given.push((
            "visiting_tool",
            "a tool that cannot work before its user has opened an address",
            "visit",
        ));
    }
    with_given(transcript(era.revision, "errors", TITLE, about, handshake_steps(era)), &given)
}

fn modern_steps() -> Vec<Step> {
    let validation = http("server-validation");
    let versions = http("protocol-version-header");
    let asking =
        |name: &str, sentence: &str, id: i64| Modern.ask(name, sentence, id, "server/discover", json!({}));

    let not_json = not_json(&Modern, asking("not-json", NOT_JSON, 1)).must(
        "/status",
        Expect::Within(400, 499),
        "What cannot be accepted has a status that says so.",
        &http("sending-messages"),
    );
    let no_method = Modern.refused(
        Modern.ask(
            "unknown-method",
            "The server does not know the method. The status tells proxies, the code tells clients.",
            2,
            "no/such/method",
            json!({}),
        ),
        404,
        -32601,
        "An unknown method is refused with 404 and -32601.",
        &versions,
    );
    let mut no_meta =
        asking("no-meta", "The request does not say which revision it speaks and what the client can do.", 3);
    no_meta.body()["params"] = json!({});
    let says = "A request without the fields that it must have in `_meta` is malformed.";
    let no_meta = Modern.refused(no_meta, 400, -32602, says, &rule("basic/index#meta"));

    let mismatch = |step: Step, says: &str| Modern.refused(step, 400, -32020, says, &validation);
    let differs = "A header that does not say what the body says is refused.";
    let no_header = mismatch(
        asking(
            "no-method-header",
            "The header `Mcp-Method` is missing, so no proxy can tell what this is.",
            4,
        )
        .without_header("mcp-method"),
        "A request without a header that it must have is refused.",
    );
    let other_header = mismatch(
        asking(
            "other-method-header",
            "The header says another method than the body. Somebody on the way would decide about the wrong one.",
            5,
        )
        .header("mcp-method", "tools/list"),
        differs,
    );
    let other_name = mismatch(
        Modern
            .ask(
                "other-name-header",
                "The header names another tool than the body.",
                6,
                "tools/call",
                json!({ "name": "no-such-tool", "arguments": {} }),
            )
            .header("mcp-name", "another-tool"),
        differs,
    );

    let mut version = asking(
        "unknown-version",
        "The request speaks a revision that the server does not. The error names those that it does.",
        7,
    )
    .header("mcp-protocol-version", "1900-01-01");
    version.body()["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("1900-01-01");
    let says = "A revision that the server does not speak is refused.";
    let version = Modern
        .refused(version, 400, -32022, says, &versions)
        .must(
            "/body/error/data/supported",
            Expect::Contains(json!(Modern.revision())),
            "The error names the revisions that the server speaks.",
            &rule("basic/versioning#protocol-version-negotiation"),
        )
        .must(
            "/body/error/data/requested",
            is("1900-01-01"),
            "The error repeats the revision that was asked for.",
            &rule("schema#unsupportedprotocolversionerror"),
        );

    let mut again = discover();
    again.body()["id"] = json!(8);
    let mut steps = vec![not_json, no_method, no_meta, no_header, other_header, other_name, version, again];
    steps.push(needy(lists::one(&Modern, "prompts", 20)));
    steps.extend(nothing_of_that_name(&Modern, 9));
    let place = rule("server/resources#error-handling");
    // This revision says MUST of it; the older ones do not.
    let resource = steps.iter_mut().find(|step| step.name == "unknown-resource").unwrap();
    *resource = resource.clone().must("/body/error/code", is(-32602), NO_RESOURCE_MODERN, &place);
    let missing = Modern.call(
        "missing-capability",
        "The tool has to ask its user, and this client did not say that it can do that.",
        15,
        "{asking_tool}",
    );
    let meta = rule("basic/index#meta");
    let says = "What needs a capability that the client did not declare is refused.";
    steps.push(Modern.refused(missing, 400, -32021, says, &meta).must(
        "/body/error/data/requiredCapabilities",
        a(Kind::Object),
        "The error names the capabilities that are missing.",
        &meta,
    ));
    let mut level =
        asking("unknown-level", "The client asks for log messages of a level that there is not.", 19);
    level.body()["params"]["_meta"]["io.modelcontextprotocol/logLevel"] = json!("deafening");
    let says = "A level that there is not is answered with -32602.";
    let place = rule("server/utilities/logging#error-handling");
    steps.push(Modern.advised(level, -32602, says, &place).only_if(
        "capabilities",
        "/logging",
        "the server declares no logging",
    ));
    let mut several = asking("batch", BATCH, 16);
    steps.push(alone(&Modern, &mut several));
    let mut nothing = asking("not-a-message", NO_MESSAGE, 17);
    steps.push(no_message(&Modern, &mut nothing));
    let stranger = asking("stranger", STRANGER, 18).header("origin", "http://stranger.example");
    let says = "A request from an origin that is not allowed is refused with 403.";
    steps.push(otherwise_free(stranger).must("/status", is(403), says, &http("security-&-endpoint")));
    let get = step(
        "get",
        "Older revisions opened a stream with GET, this one does not. A server that speaks those too asks for what they need.",
        request(
            "GET",
            "{server}",
            &[("accept", "text/event-stream"), ("mcp-protocol-version", Modern.revision())],
        ),
    );
    steps.push(otherwise_free(get).should(
        "/status",
        Expect::Within(400, 499),
        "A GET of this revision is refused; 405 where the server speaks no older one.",
        &http("earlier-streamable-http-revisions"),
    ));
    steps
}

fn handshake_steps(era: &Era) -> Vec<Step> {
    // Only a client that can open addresses is told to.
    let mut steps =
        era.greeting(if era.newest { json!({ "elicitation": { "url": {} } }) } else { json!({}) });
    steps.push(not_json(era, era.post("not-json", NOT_JSON, json!({}))));
    let sentence = "The server does not know the method.";
    steps.push(era.refused(
        era.ask("unknown-method", sentence, 2, "no/such/method", json!({})),
        404,
        -32601,
        "An unknown method is answered with -32601.",
        JSON_RPC_ERROR,
    ));
    steps.push(needy(lists::one(era, "prompts", 15)));
    steps.extend(nothing_of_that_name(era, 3));
    let says = "A level that there is not is answered with -32602.";
    let level = era.ask(
        "unknown-level",
        "The client asks for log messages of a level that there is not.",
        9,
        "logging/setLevel",
        json!({ "level": "deafening" }),
    );
    steps.push(
        era.advised(level, -32602, says, &era.rule("server/utilities/logging#error-handling")).only_if(
            "capabilities",
            "/logging",
            "the server declares no logging",
        ),
    );
    if era.version_header {
        let unknown = era
            .ask("unknown-version", "The header names a revision that does not exist.", 10, "ping", json!({}))
            .header("mcp-protocol-version", "1900-01-01");
        steps.push(otherwise_free(unknown).must(
            "/status",
            is(400),
            "A revision that the server does not speak, in the header, is answered with 400.",
            &era.rule("basic/transports#protocol-version-header"),
        ));
    }
    let negotiation = era.rule("basic/lifecycle#version-negotiation");
    let mut proposal = era.opening().remove(0);
    proposal.name = "unknown-proposal".to_owned();
    proposal.sentence = "A client proposes a revision that the server does not speak. That is no error: the server answers with one that it \
                         speaks, and the client leaves if it does not speak that one."
        .to_owned();
    proposal.body()["params"]["protocolVersion"] = json!("1900-01-01");
    proposal.body()["id"] = json!(11);
    proposal.keep.clear();
    steps.push(
        proposal
            .must(
                "/body/result/protocolVersion",
                Expect::IsNot(json!("1900-01-01")),
                "A server answers with a revision that it speaks.",
                &negotiation,
            )
            .varies("/body/result/protocolVersion", Varies::Choice),
    );
    if !era.batches {
        let mut several = era.ask("batch", BATCH, 13, "ping", json!({}));
        steps.push(alone(era, &mut several));
    }
    let mut nothing = era.post("not-a-message", NO_MESSAGE, json!({}));
    steps.push(no_message(era, &mut nothing));
    let sessions = era.rule("basic/transports#session-management");
    let get = era.bare("GET", &[("accept", "text/event-stream")]);
    let lost = step("no-session", "The server opened a session, and the request does not name it.", get)
        .without_header("mcp-session-id")
        .open_after("head");
    let says = "A server that requires a session answers a request without one with 400; or it opens no stream, and says 405.";
    steps.push(
        otherwise_free(lost)
            .should("/status", Expect::OneOf(vec![json!(400), json!(405)]), says, &sessions)
            .only_if("session", "", "the server opens no session"),
    );
    let mut stranger = era.opening().remove(0);
    stranger.name = "stranger".to_owned();
    stranger.sentence = STRANGER.to_owned();
    stranger.must.clear();
    stranger.varies.clear();
    stranger.keep.clear();
    let (status, says) = if era.newest {
        (is(403), "A request from an origin that is not allowed is refused with 403.")
    } else {
        (Expect::Within(400, 499), "The server checks the origin of a request.")
    };
    steps.push(
        otherwise_free(stranger.header("origin", "http://stranger.example"))
            .must("/status", status, says, &era.rule("basic/transports#security-warning"))
            .varies("/status", Varies::Choice),
    );
    if era.newest {
        steps.push(visiting(era));
    }
    steps
}

pub(super) const NOT_JSON: &str = "The body is no JSON. Nothing in it can be answered, not even an id.";
const NO_MESSAGE: &str = "The body is JSON, and no message of JSON-RPC.";
const BATCH: &str = "The body is an array. Only 2025-03-26 has batches; here a body is one message.";
pub(super) const STRANGER: &str =
    "A page of another origin, in the user's browser, tries to use a server on the user's machine.";
const NO_RESOURCE_MODERN: &str = "A resource that is not there is answered with -32602.";

/// What is no JSON. Whether the refusal has a body is the server's choice.
fn not_json(speech: &dyn Speech, mut step: Step) -> Step {
    let sent = step.request.as_mut().unwrap();
    (sent.body, sent.text) = (None, Some("{\"jsonrpc\": \"2.0\", ".to_owned()));
    let says = "What is no JSON is answered with a parse error.";
    unacceptable(speech, step, -32700, says, JSON_RPC_ERROR)
}

/// JSON that is no message. Whether the refusal has a body is the server's choice.
fn no_message(speech: &dyn Speech, step: &mut Step) -> Step {
    *step.body() = json!({ "hello": "world" });
    unacceptable(speech, step.clone(), -32600, "What is no request is answered with -32600.", JSON_RPC_ERROR)
}

/// An array where there are no batches.
fn alone(speech: &dyn Speech, step: &mut Step) -> Step {
    let message: Value = step.body().take();
    *step.body() = json!([message]);
    unacceptable(speech, step.clone(), -32600, "A body is one message.", &speech.sending())
}

/// What a client must not send: a status that says so, and where there is a body a code. That a server must refuse it is not said.
fn unacceptable(speech: &dyn Speech, step: Step, code: i64, says: &str, place: &str) -> Step {
    otherwise_free(step)
        .should(
            "/status",
            Expect::Within(400, 499),
            "What cannot be accepted has a status that says so.",
            &speech.sending(),
        )
        .should("/body/error/code", is(code), says, place)
        .if_present()
}

/// A request about something that there is not.
pub(super) struct Unknown {
    pub(super) name: &'static str,
    pub(super) sentence: &'static str,
    pub(super) method: &'static str,
    pub(super) params: Value,
    pub(super) code: i64,
    pub(super) says: &'static str,
    pub(super) place: &'static str,
    capability: &'static str,
}

impl Unknown {
    pub(super) fn declared(&self, step: Step) -> Step {
        step.only_if(
            "capabilities",
            self.capability,
            &format!("the server declares no {}", &self.capability[1..]),
        )
    }
}

/// Requests about things that there are not.
pub(super) fn unknown(revision: &str) -> Vec<Unknown> {
    let resource = if revision == Modern.revision() {
        (
            "There is no such resource. Older revisions had a code of their own for it.",
            -32602,
            NO_RESOURCE_MODERN,
        )
    } else {
        (
            "There is no such resource, and this era has a code of its own for that.",
            -32002,
            "A resource that is not there is answered with -32002.",
        )
    };
    vec![
        Unknown {
            name: "unknown-tool",
            sentence: "There is no such tool. That is an error of the protocol: no tool ran.",
            method: "tools/call",
            params: json!({ "name": "no-such-tool", "arguments": {} }),
            code: -32602,
            says: "An unknown tool is answered with an error, and -32602 is its code.",
            place: "server/tools#error-handling",
            capability: "/tools",
        },
        Unknown {
            name: "unknown-resource",
            sentence: resource.0,
            method: "resources/read",
            params: json!({ "uri": "none://such/resource" }),
            code: resource.1,
            says: resource.2,
            place: "server/resources#error-handling",
            capability: "/resources",
        },
        Unknown {
            name: "unknown-prompt",
            sentence: "There is no such prompt.",
            method: "prompts/get",
            params: json!({ "name": "no-such-prompt" }),
            code: -32602,
            says: "A prompt that is not there is answered with -32602.",
            place: "server/prompts#error-handling",
            capability: "/prompts",
        },
        Unknown {
            name: "missing-argument",
            sentence: "The prompt requires an argument that is not given.",
            method: "prompts/get",
            params: json!({ "name": "{needy_prompt}" }),
            code: -32602,
            says: "A prompt without an argument that it requires is answered with -32602.",
            place: "server/prompts#error-handling",
            capability: "/prompts",
        },
        Unknown {
            name: "bad-cursor",
            sentence: "The cursor is not one that the server gave.",
            method: "tools/list",
            params: json!({ "cursor": "no-such-cursor" }),
            code: -32602,
            says: "A cursor that is not the server's own is answered with -32602.",
            place: "server/utilities/pagination#error-handling",
            capability: "/tools",
        },
        Unknown {
            name: "unknown-reference",
            sentence: "The client asks how an argument of a prompt goes on that there is not.",
            method: "completion/complete",
            params: json!({
                "ref": { "type": "ref/prompt", "name": "no-such-prompt" },
                "argument": { "name": "name", "value": "A" },
            }),
            code: -32602,
            says: "A completion for a prompt that is not there is answered with -32602.",
            place: "server/utilities/completion#error-handling",
            // 2024-11-05 has the method, and no capability for it.
            capability: if revision == "2024-11-05" { "/prompts" } else { "/completions" },
        },
    ]
}

/// The list of prompts, out of which one is kept that requires an argument.
pub(super) fn needy(mut prompts: Step) -> Step {
    let keep = Keep {
        from: "/body/result/prompts".to_owned(),
        first_with: Some("/arguments/0/required".to_owned()),
        then: Some("/name".to_owned()),
        ..Keep::default()
    };
    prompts.keep.insert("needy_prompt".to_owned(), keep);
    prompts
}

/// One step for each of them, with ids from here on.
fn nothing_of_that_name(speech: &dyn Speech, first_id: i64) -> Vec<Step> {
    let step = |(id, unknown): (i64, Unknown)| {
        let asked = speech.ask(unknown.name, unknown.sentence, id, unknown.method, unknown.params.clone());
        unknown.declared(speech.advised(asked, unknown.code, unknown.says, &speech.rule(unknown.place)))
    };
    (first_id..).zip(unknown(speech.revision())).map(step).collect()
}

/// The one error of 2025-11-25 alone.
fn visiting(era: &Era) -> Step {
    let place = era.rule("client/elicitation#url-elicitation-required-error");
    let says = "A call that has to wait for its user at an address is answered with -32042.";
    let each = "/body/error/data/elicitations/*";
    let call = era.call(
        "visit-first",
        "The tool cannot begin before its user has opened an address, so the call is an error that names it. The client asks its user, and \
         calls again.",
        12,
        "{visiting_tool}",
    );
    era.refused(call, 200, -32042, says, &place)
        .applies("/body/error/code", is(-32042), "the server asks its user for an address in another way")
        .must(
            "/body/error/data/elicitations",
            a(Kind::Array),
            "The error lists what the user has to do first.",
            &place,
        )
        .must(&format!("{each}/mode"), is("url"), "Each of them is about an address.", &place)
        .must(&format!("{each}/elicitationId"), a(Kind::String), "Each of them has an id.", &place)
        .must(&format!("{each}/url"), a(Kind::String), "Each of them names the address.", &place)
        .must(&format!("{each}/message"), a(Kind::String), "Each of them says what it is for.", &place)
        .varies("/body/error/data", Varies::Content)
}
