//! 2025-03-26 to 2025-11-25: a handshake, and where the server wants one a session.

use barewire_replay::{Expect, Keep, Kind, Step, Transcript, Varies};
use serde_json::{Value, json};

use super::{
    JSON_OR_STREAM, JSON_RPC_ERROR, JSON_RPC_RESPONSE, Steps, a, given, is, mcp, media_type, modern, reading,
    request, same_as, step, transcript,
};

/// What is different between the revisions of this era, as far as the flows show it.
struct Era {
    revision: &'static str,
    /// The client says in a header which revision was agreed on.
    version_header: bool,
    /// The server may ask the user.
    elicitation: bool,
    /// A refused origin has its own status.
    origin_is_403: bool,
    /// The schema says how `id` of an unreadable request may be left out.
    wording: &'static str,
}

fn era(revision: &'static str) -> Era {
    Era {
        revision,
        version_header: revision != "2025-03-26",
        elicitation: revision != "2025-03-26",
        origin_is_403: revision == "2025-11-25",
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
        transcript(
            revision,
            "list",
            "Reading the lists",
            "After the handshake: what the server declared it has can be listed.",
            era.after_handshake(json!({}), era.lists()),
        ),
        with_tool(
            transcript(
                revision,
                "call",
                "Calling a tool, reading a resource, getting a prompt",
                "The three things that a server offers.",
                era.after_handshake(json!({}), era.call()),
            ),
            &[("failing_tool", "a tool that fails when it is called without arguments", "fail")],
        ),
        with_tool(
            transcript(
                revision,
                "stream",
                "A call that reports its progress",
                "A server may answer any request with an event stream instead of one JSON object: messages about the request come \
                 first, the response comes last and ends it. A client has to be able to read both.",
                era.after_handshake(json!({}), vec![era.stream()]),
            ),
            &[("counting_tool", "a tool that reports progress and takes no arguments", "count")],
        ),
    ];
    if era.elicitation {
        flows.push(with_tool(
            transcript(
                revision,
                "elicitation",
                "A tool that asks its user something",
                "The server sends a request of its own on the stream of the call. The client asks its user, sends the answer with a \
                 POST of its own, and the stream of the call goes on.",
                era.after_handshake(json!({ "elicitation": {} }), era.asking()),
            ),
            &[("asking_tool", "a tool that asks its user for a text called `name` and takes no arguments", "ask_name")],
        ));
    }
    flows.push(with_tool(
        transcript(
            revision,
            "subscription",
            "Hearing of changes",
            "The client opens a stream with GET, on which the server may speak without being asked, and subscribes to a resource with \
             a request.",
            era.after_handshake(json!({}), era.subscription()),
        ),
        &[("touching_tool", "a tool that changes the first resource and takes no arguments", "touch")],
    ));
    flows.push(transcript(
        revision,
        "errors",
        "Every error, and what causes it",
        "What a server has to refuse, and how. Most errors of this era are JSON-RPC errors; the HTTP status speaks of the session, the \
         revision and the origin.",
        era.after_handshake(json!({}), era.errors()),
    ));
    flows
}

fn with_tool(mut transcript: Transcript, names: &[(&str, &str, &str)]) -> Transcript {
    for (name, what, example) in names {
        transcript.given.insert((*name).to_owned(), given(what, example));
    }
    transcript
}

fn body(step: &mut Step) -> &mut Value {
    step.request.as_mut().unwrap().body.as_mut().unwrap()
}

impl Era {
    fn rule(&self, place: &str) -> String {
        mcp(self.revision, place)
    }

    fn sending(&self) -> String {
        self.rule("basic/transports#sending-messages-to-the-server")
    }

    fn post(&self, name: &str, sentence: &str, message: Value) -> Step {
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

    fn ask(&self, name: &str, sentence: &str, id: i64, method: &str, params: Value) -> Step {
        self.post(name, sentence, json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
    }

    /// What holds for every response.
    fn response(&self, step: Step) -> Step {
        step.must(
            "/headers/content-type",
            media_type(&JSON_OR_STREAM),
            "A request is answered with one JSON object or with an event stream.",
            &self.sending(),
        )
        .must("/body/jsonrpc", is("2.0"), "Every message says that it is JSON-RPC 2.0.", JSON_RPC_RESPONSE)
        .must(
            "/body/id",
            same_as("/body/id"),
            "A response has the id of its request.",
            &self.rule("basic/index#responses"),
        )
        .varies("/headers/cache-control", Varies::Choice)
        .varies("/headers/x-accel-buffering", Varies::Choice)
    }

    /// What holds for a response with a result.
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
            .must(
                "/body/result",
                a(Kind::Object),
                "A result is an object.",
                &self.rule("basic/index#responses"),
            )
            .varies("/body/result/_meta", Varies::Content)
    }

    /// What holds for a message that needs no response.
    fn accepted(&self, step: Step) -> Step {
        step.must(
            "/status",
            is(202),
            "A notification or a response that is accepted is answered with 202.",
            &self.sending(),
        )
        .must("/body", Expect::Absent(true), "The answer 202 has no body.", &self.sending())
        .varies("/headers", Varies::Choice)
    }

    fn handshake(&self, capabilities: Value) -> Vec<Step> {
        let negotiation = self.rule("basic/lifecycle#version-negotiation");
        let lifecycle = self.rule("basic/lifecycle#initialization");
        let ask = self
            .ask(
                "initialize",
                "The client proposes a revision and says who it is and what it can do. The server answers with the revision that they \
                 will speak, and with what it has.",
                1,
                "initialize",
                json!({
                    "protocolVersion": self.revision,
                    "capabilities": capabilities,
                    "clientInfo": { "name": "example", "version": "1.0.0" },
                }),
            )
            .without_header("mcp-session-id")
            .without_header("mcp-protocol-version");
        let initialize = self
            .result(ask)
            .must(
                "/body/result/protocolVersion",
                is(self.revision),
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
            .must(
                "/headers/mcp-session-id",
                Expect::VisibleAscii(true),
                "The id of a session has visible ASCII characters only.",
                &self.rule("basic/transports#session-management"),
            )
            .if_present()
            .varies("/body/result/capabilities", Varies::Choice)
            .varies("/body/result/serverInfo", Varies::Content)
            .varies("/body/result/instructions", Varies::Content)
            .varies("/headers/mcp-session-id", Varies::Opaque)
            .keep("capabilities", "/body/result/capabilities")
            .keep_optional("session", "/headers/mcp-session-id");
        let initialized = self.accepted(self.post(
            "initialized",
            "The client says that it is ready. From here on every request names the session, where the server opened one.",
            json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        ));
        vec![initialize, initialized]
    }

    fn after_handshake(&self, capabilities: Value, steps: Vec<Step>) -> Vec<Step> {
        let mut all = self.handshake(capabilities);
        all.extend(steps);
        all
    }

    fn initialize(&self) -> Vec<Step> {
        let mut steps = self.handshake(json!({}));
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
        let mut headers = vec![("mcp-session-id", "{session}")];
        if self.version_header {
            headers.push(("mcp-protocol-version", self.revision));
        }
        let end = step(
            "end",
            "A client that is done ends the session. A server may refuse that with 405 and end it in its own time.",
            request("DELETE", "{server}", &headers),
        )
        .applies("/status", Expect::IsNot(json!(405)), "the server does not let clients end a session")
        .must("/status", Expect::Within(200, 299), "Ending a session is answered with success, or refused with 405.", &sessions)
        .varies("/headers", Varies::Choice)
        .varies("/body", Varies::Choice)
        .varies("/status", Varies::Choice);
        let after = self
            .ask("after-the-end", "A session that was ended is not there any more, and the status says so. The client begins anew.", 3, "ping", json!({}))
            .must("/status", is(404), "A request in a session that was ended is answered with 404.", &sessions)
            .varies("/headers", Varies::Choice)
            .varies("/body", Varies::Choice);
        steps.extend([end, after]);
        for step in steps.iter_mut().rev().take(2) {
            step.only_if = None;
        }
        steps
    }

    fn lists(&self) -> Vec<Step> {
        modern::lists(
            self.revision,
            2,
            |name, sentence, id, method, params| self.ask(name, sentence, id, method, params),
            |step| {
                let mut step = self.result(step);
                step.must.retain(|check| check.at != "/body/result");
                step
            },
        )
        .into_iter()
        .map(|mut step| {
            step.varies.retain(|at, _| !at.ends_with("/ttlMs") && !at.ends_with("/cacheScope"));
            step
        })
        .collect()
    }

    fn one_list(&self, name: &str, id: i64) -> Step {
        let mut step = self.lists().into_iter().find(|step| step.name == name).unwrap();
        body(&mut step)["id"] = json!(id);
        step
    }

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

    fn call(&self) -> Vec<Step> {
        let call = |name: &str, sentence: &str, id, tool: &str| {
            self.content(self.ask(name, sentence, id, "tools/call", json!({ "name": tool, "arguments": {} })))
                .calls()
        };
        let mut steps = vec![self.one_list("tools", 2)];
        steps.push(call("call", "The client calls a tool by its name.", 3, "{tool}"));
        steps.push(
            call(
                "call-that-fails",
                "A tool that ran and failed is no error of the protocol: its result says so, for the model to read.",
                4,
                "{failing_tool}",
            )
            .must("/body/result/isError", is(true), "A tool that failed says so in its result.", &self.rule("server/tools#error-handling")),
        );
        steps.push(self.one_list("resources", 5).keep("uri", "/body/result/resources/0/uri"));
        let place = self.rule("server/resources#reading-resources");
        steps.push(
            self.result(self.ask(
                "read",
                "The client reads a resource by its address.",
                6,
                "resources/read",
                json!({ "uri": "{uri}" }),
            ))
            .only_if("capabilities", "/resources", "the server declares no resources")
            .must("/body/result/contents", a(Kind::Array), "What was read is a list of contents.", &place)
            .must(
                "/body/result/contents/*/uri",
                a(Kind::String),
                "Each of them says what it is the content of.",
                &place,
            )
            .varies("/body/result/contents", Varies::Content),
        );
        let mut prompts = self.one_list("prompts", 7);
        prompts.keep.insert(
            "prompt".to_owned(),
            Keep {
                from: "/body/result/prompts".to_owned(),
                first_without: Some("/arguments/0/required".to_owned()),
                then: Some("/name".to_owned()),
                ..Keep::default()
            },
        );
        steps.push(prompts);
        let place = self.rule("server/prompts#getting-a-prompt");
        steps.push(
            self.result(self.ask(
                "get",
                "The client gets a prompt, filled in with arguments.",
                8,
                "prompts/get",
                json!({ "name": "{prompt}", "arguments": {} }),
            ))
            .only_if("capabilities", "/prompts", "the server declares no prompts")
            .must("/body/result/messages", a(Kind::Array), "A prompt is a list of messages.", &place)
            .must(
                "/body/result/messages/*/role",
                Expect::OneOf(vec![json!("user"), json!("assistant")]),
                "Each message says who speaks.",
                &self.rule("server/prompts#promptmessage"),
            )
            .varies("/body/result/messages", Varies::Content)
            .varies("/body/result/description", Varies::Content),
        );
        steps
    }

    fn stream(&self) -> Step {
        let place = self.rule("basic/utilities/progress#progress-flow");
        let progress = "/events/notifications~1progress";
        self.content(self.ask(
            "call",
            "The client calls a tool and says with a progress token that it wants to hear how far it is.",
            2,
            "tools/call",
            json!({ "name": "{counting_tool}", "arguments": {}, "_meta": { "progressToken": "p1" } }),
        ))
        .must(
            "/headers/content-type",
            media_type(&["text/event-stream"]),
            "Messages before the response need a stream.",
            &self.sending(),
        )
        .must(
            &format!("{progress}/*/jsonrpc"),
            is("2.0"),
            "Every message says that it is JSON-RPC 2.0.",
            JSON_RPC_RESPONSE,
        )
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
        .varies(progress, Varies::Content)
        .calls()
    }

    fn asking(&self) -> Vec<Step> {
        let newest = self.revision == "2025-11-25";
        let place = self.rule(if newest {
            "client/elicitation#elicitation-requests"
        } else {
            "client/elicitation#creating-elicitation-requests"
        });
        let schema = self.rule(if newest {
            "client/elicitation#requested-schema"
        } else {
            "client/elicitation#request-schema"
        });
        let question = "/events/elicitation~1create/0";
        let call = self
            .ask(
                "call",
                "The client calls the tool. The answer is a stream, and on it comes a request of the server: it needs to know something.",
                2,
                "tools/call",
                json!({ "name": "{asking_tool}", "arguments": {} }),
            )
            .calls()
            .open_after("elicitation/create")
            .must("/status", is(200), "The answer is a stream.", &self.sending())
            .must("/headers/content-type", media_type(&["text/event-stream"]), "Messages before the response need a stream.", &self.sending())
            .must(&format!("{question}/jsonrpc"), is("2.0"), "Every message says that it is JSON-RPC 2.0.", JSON_RPC_RESPONSE)
            .must(&format!("{question}/id"), Expect::Absent(false), "A request has an id, which is not null.", &self.rule("basic/index#requests"))
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
        let answer = self
            .accepted(self.post(
                "answer",
                "The client asked its user and sends the response to the server's request with a POST of its own.",
                json!({ "jsonrpc": "2.0", "id": "{question}", "result": { "action": "accept", "content": { "name": "Ada" } } }),
            ))
            .calls();
        let place = self.rule("server/tools#tool-result");
        let end = reading(
            "result",
            "The stream of the call goes on: the tool ends, and so does the stream.",
            "call",
        )
        .calls()
        .must("/body/jsonrpc", is("2.0"), "Every message says that it is JSON-RPC 2.0.", JSON_RPC_RESPONSE)
        .must(
            "/body/id",
            same_as("/body/id"),
            "A response has the id of its request.",
            &self.rule("basic/index#responses"),
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

    fn subscription(&self) -> Vec<Step> {
        let otherwise = "the server declares no subscriptions to resources";
        let mut headers = vec![("accept", "text/event-stream"), ("mcp-session-id", "{session}")];
        if self.version_header {
            headers.push(("mcp-protocol-version", self.revision));
        }
        let listening = self.rule("basic/transports#listening-for-messages-from-the-server");
        let open = step(
            "open",
            "The client opens a stream for what the server has to say without being asked. A server that has nothing of that kind answers \
             405.",
            request("GET", "{server}", &headers),
        )
        .open_after("head")
        .applies("/status", Expect::IsNot(json!(405)), "the server opens no stream for a GET")
        .must("/status", is(200), "A GET is answered with an event stream or with 405.", &listening)
        .must("/headers/content-type", media_type(&["text/event-stream"]), "A GET is answered with an event stream or with 405.", &listening)
        .varies("/headers/cache-control", Varies::Choice)
        .varies("/headers/x-accel-buffering", Varies::Choice);
        let subscribe = self
            .result(self.ask(
                "subscribe",
                "The client subscribes to the resource.",
                3,
                "resources/subscribe",
                json!({ "uri": "{uri}" }),
            ))
            .only_if("capabilities", "/resources/subscribe", otherwise);
        let touch = self
            .content(self.ask(
                "touch",
                "Somebody changes the resource. Here it is the client itself, with another request.",
                4,
                "tools/call",
                json!({ "name": "{touching_tool}", "arguments": {} }),
            ))
            .only_if("capabilities", "/resources/subscribe", otherwise)
            .calls();
        let place = self.rule("server/resources#subscriptions");
        let updated = "/events/notifications~1resources~1updated/0";
        let heard = reading(
            "updated",
            "The stream says what changed. The client reads it again if it wants to know how.",
            "open",
        )
        .open_after("notifications/resources/updated")
        .only_if("capabilities", "/resources/subscribe", otherwise)
        .must(
            &format!("{updated}/jsonrpc"),
            is("2.0"),
            "Every message says that it is JSON-RPC 2.0.",
            JSON_RPC_RESPONSE,
        )
        .must(
            &format!("{updated}/params/uri"),
            is("{uri}"),
            "The message says which resource changed.",
            &place,
        )
        .calls();
        vec![
            self.one_list("resources", 2).keep("uri", "/body/result/resources/0/uri"),
            open,
            subscribe,
            touch,
            heard,
        ]
    }

    fn errors(&self) -> Vec<Step> {
        let refused = |step: Step, code: i64, says: &str, place: &str| {
            self.response(step)
                .must("/body/result", Expect::Absent(true), says, place)
                .must("/body/error/code", is(code), says, place)
                .must("/body/error/message", a(Kind::String), "An error has a message.", JSON_RPC_ERROR)
                .varies("/body/error/message", Varies::Wording)
                .varies("/body/error/data", Varies::Choice)
                .varies("/status", Varies::Choice)
        };
        // The specification says "SHOULD" of these codes, or gives them in an example.
        let advised = |step: Step, code: i64, says: &str, place: &str| {
            self.response(step)
                .should("/body/result", Expect::Absent(true), says, place)
                .should("/body/error/code", is(code), says, place)
                .if_present()
                .must("/body/error/message", a(Kind::String), "An error has a message.", JSON_RPC_ERROR)
                .if_present()
                .varies("/body/error/message", Varies::Wording)
                .varies("/body/error/data", Varies::Choice)
                .varies("/status", Varies::Choice)
        };
        let open = |step: Step| {
            step.varies("/headers", Varies::Choice)
                .varies("/body", Varies::Choice)
                .varies("/text", Varies::Choice)
        };
        let mut steps = Vec::new();

        let mut not_json = self.post(
            "not-json",
            "The body is no JSON. Nothing in it can be answered, not even an id.",
            json!({}),
        );
        let sent = not_json.request.as_mut().unwrap();
        (sent.body, sent.text) = (None, Some("{\"jsonrpc\": \"2.0\", ".to_owned()));
        let mut not_json =
            refused(not_json, -32700, "What is no JSON is answered with a parse error.", JSON_RPC_ERROR)
                .varies("/body/id", Varies::Choice);
        not_json.must.retain(|check| check.at != "/body/id");
        steps.push(not_json);
        steps.push(refused(
            self.ask(
                "unknown-method",
                "The server does not know the method.",
                2,
                "no/such/method",
                json!({}),
            ),
            -32601,
            "An unknown method is answered with -32601.",
            JSON_RPC_ERROR,
        ));
        let tool = advised(
            self.ask(
                "unknown-tool",
                "There is no such tool. That is an error of the protocol: no tool ran.",
                3,
                "tools/call",
                json!({ "name": "no-such-tool", "arguments": {} }),
            ),
            -32602,
            "An unknown tool is answered with an error, and -32602 is its code.",
            &self.rule("server/tools#error-handling"),
        )
        .only_if("capabilities", "/tools", "the server declares no tools");
        steps.push(tool);
        steps.push(
            advised(
                self.ask(
                    "unknown-resource",
                    "There is no such resource, and this era has a code of its own for that.",
                    4,
                    "resources/read",
                    json!({ "uri": "none://such/resource" }),
                ),
                -32002,
                "A resource that is not there is answered with -32002.",
                &self.rule("server/resources#error-handling"),
            )
            .only_if("capabilities", "/resources", "the server declares no resources"),
        );
        steps.push(
            advised(
                self.ask(
                    "unknown-prompt",
                    "There is no such prompt.",
                    5,
                    "prompts/get",
                    json!({ "name": "no-such-prompt" }),
                ),
                -32602,
                "A prompt that is not there is answered with -32602.",
                &self.rule("server/prompts#error-handling"),
            )
            .only_if("capabilities", "/prompts", "the server declares no prompts"),
        );
        steps.push(
            advised(
                self.ask(
                    "bad-cursor",
                    "The cursor is not one that the server gave.",
                    6,
                    "tools/list",
                    json!({ "cursor": "no-such-cursor" }),
                ),
                -32602,
                "A cursor that is not the server's own is answered with -32602.",
                &self.rule("server/utilities/pagination#error-handling"),
            )
            .only_if("capabilities", "/tools", "the server declares no tools"),
        );
        if self.version_header {
            steps.push(open(
                self.ask(
                    "unknown-version",
                    "The header names a revision that does not exist.",
                    7,
                    "ping",
                    json!({}),
                )
                .header("mcp-protocol-version", "1900-01-01")
                .must(
                    "/status",
                    is(400),
                    "A revision that the server does not speak, in the header, is answered with 400.",
                    &self.rule("basic/transports#protocol-version-header"),
                ),
            ));
        }
        let negotiation = self.rule("basic/lifecycle#version-negotiation");
        let mut proposal = self.handshake(json!({})).remove(0);
        proposal.name = "unknown-proposal".to_owned();
        proposal.sentence = "A client proposes a revision that the server does not speak. That is no error: the server answers with one that it \
                             speaks, and the client leaves if it does not speak that one."
            .to_owned();
        body(&mut proposal)["params"]["protocolVersion"] = json!("1900-01-01");
        body(&mut proposal)["id"] = json!(8);
        proposal.keep.clear();
        let proposal = proposal
            .must(
                "/body/result/protocolVersion",
                Expect::IsNot(json!("1900-01-01")),
                "A server answers with a revision that it speaks.",
                &negotiation,
            )
            .varies("/body/result/protocolVersion", Varies::Choice);
        steps.push(proposal);
        let status = if self.origin_is_403 { is(403) } else { Expect::Within(400, 499) };
        let says = if self.origin_is_403 {
            "A request from an origin that is not allowed is refused with 403."
        } else {
            "The server checks the origin of a request."
        };
        let mut stranger = self.handshake(json!({})).remove(0);
        stranger.name = "stranger".to_owned();
        stranger.sentence =
            "A page of another origin, in the user's browser, tries to use a server on the user's machine."
                .to_owned();
        stranger.must.clear();
        stranger.varies.clear();
        stranger.keep.clear();
        steps.push(open(
            stranger
                .header("origin", "http://stranger.example")
                .must("/status", status, says, &self.rule("basic/transports#security-warning"))
                .varies("/status", Varies::Choice),
        ));
        steps
    }
}
