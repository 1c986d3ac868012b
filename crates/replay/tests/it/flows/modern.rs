//! 2026-07-28: each request says everything; there is no handshake and no session.

use barewire_replay::{Expect, Keep, Kind, Step, Transcript, Varies};
use serde_json::{Value, json};

use super::{
    JSON_OR_STREAM, JSON_RPC_ERROR, Steps, a, given, is, login, mcp, media_type, reading, request, same_as,
    step, transcript,
};

const REVISION: &str = "2026-07-28";

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
        transcript(
            REVISION,
            "list",
            "Reading the lists",
            "What a server declared it has can be listed, and lists say how long they may be kept. A client that reads nothing but \
             this can already show a server.",
            list(),
        ),
        with_tool(
            transcript(
                REVISION,
                "call",
                "Calling a tool, reading a resource, getting a prompt",
                "The three things that a server offers. Each request repeats in a header what proxies want to know of it.",
                call(),
            ),
            &[("failing_tool", "a tool that fails when it is called without arguments", "fail")],
        ),
        with_tool(
            transcript(
                REVISION,
                "stream",
                "A call that reports its progress",
                "A server may answer any request with an event stream instead of one JSON object: messages about the request come \
                 first, the response comes last and ends it. A client has to be able to read both.",
                stream(),
            ),
            &[("counting_tool", "a tool that reports progress and takes no arguments", "count")],
        ),
        with_tool(
            transcript(
                REVISION,
                "elicitation",
                "A tool that asks its user something",
                "The server does not send requests. It answers the call with what it needs to know, the client asks its user and \
                 sends the same call again, with the answers and the state that the server gave along.",
                elicitation(),
            ),
            &[(
                "asking_tool",
                "a tool that asks its user for a text called `name` and takes no arguments",
                "ask_name",
            )],
        ),
        with_tool(
            transcript(
                REVISION,
                "subscription",
                "Hearing of changes",
                "One long request whose answer is a stream. It begins with what the server agreed to, and then tells each change.",
                subscription(),
            ),
            &[("touching_tool", "a tool that changes the first resource and takes no arguments", "touch")],
        ),
        with_tool(
            transcript(
                REVISION,
                "errors",
                "Every error, and what causes it",
                "What a server has to refuse, and how. The code says what is wrong, the HTTP status says it to whoever does not read \
                 the body.",
                errors(),
            ),
            &[("asking_tool", "a tool that cannot work unless the client can ask its user", "ask_name")],
        ),
        login::flow(REVISION),
    ]
}

fn with_tool(mut transcript: Transcript, names: &[(&str, &str, &str)]) -> Transcript {
    for (name, what, example) in names {
        transcript.given.insert((*name).to_owned(), given(what, example));
    }
    transcript
}

pub(super) fn rule(place: &str) -> String {
    mcp(REVISION, place)
}

fn http(section: &str) -> String {
    rule(&format!("basic/transports/streamable-http#{section}"))
}

fn meta(capabilities: Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientInfo": { "name": "example", "version": "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    })
}

/// A request, with nothing said about its answer yet.
pub(super) fn ask(name: &str, sentence: &str, id: i64, method: &str, mut params: Value) -> Step {
    params["_meta"] = meta(json!({}));
    let mut headers = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", REVISION),
        ("mcp-method", method),
    ];
    let named = params.get("name").or_else(|| params.get("uri")).and_then(Value::as_str).map(str::to_owned);
    if let Some(named) = &named {
        headers.push(("mcp-name", named));
    }
    let mut request = request("POST", "{server}", &headers);
    request.body = Some(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    step(name, sentence, request)
}

/// The same, with capabilities of the client.
fn able(mut step: Step, capabilities: Value) -> Step {
    body(&mut step)["params"]["_meta"] = meta(capabilities);
    step
}

fn body(step: &mut Step) -> &mut Value {
    step.request.as_mut().unwrap().body.as_mut().unwrap()
}

/// What holds for every response.
fn response(step: Step, status: u16) -> Step {
    step.must(
        "/status",
        is(status),
        "A request that is answered with a result has status 200.",
        &http("sending-messages"),
    )
    .must(
        "/headers/content-type",
        media_type(&JSON_OR_STREAM),
        "A request is answered with one JSON object or with an event stream.",
        &http("sending-messages"),
    )
    .must("/body/jsonrpc", is("2.0"), "Every message says that it is JSON-RPC 2.0.", super::JSON_RPC_RESPONSE)
    .must(
        "/body/id",
        same_as("/body/id"),
        "A response has the id of its request.",
        &rule("basic/index#responses"),
    )
    .varies("/headers/cache-control", Varies::Choice)
    .varies("/headers/x-accel-buffering", Varies::Choice)
}

/// What holds for a response with a result.
pub(super) fn result(step: Step) -> Step {
    response(step, 200)
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
}

/// What holds for a result that may be kept for a while.
fn cacheable(step: Step) -> Step {
    let place = rule("server/utilities/caching#cacheable-results");
    result(step)
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
}

/// What holds for a response with an error.
fn refused(step: Step, status: u16, code: i64, says: &str, place: &str) -> Step {
    response(step, status)
        .must("/status", is(status), says, place)
        .must("/body/error/code", is(code), says, place)
        .must("/body/error/message", a(Kind::String), "An error has a message.", JSON_RPC_ERROR)
        .varies("/body/error/message", Varies::Wording)
        .varies("/body/error/data", Varies::Choice)
}

pub(super) fn discover() -> Step {
    let place = rule("server/discover#discoverresult");
    cacheable(ask(
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
    .varies("/body/result/_meta", Varies::Content)
    .varies("/body/result/instructions", Varies::Content)
    .varies("/body/result/supportedVersions", Varies::Choice)
    .varies("/body/result/capabilities", Varies::Choice)
    .varies("/body/result/ttlMs", Varies::Choice)
    .varies("/body/result/cacheScope", Varies::Choice)
    .keep("capabilities", "/body/result/capabilities")
}

struct Listed {
    name: &'static str,
    method: &'static str,
    member: &'static str,
    capability: &'static str,
    sentence: &'static str,
    place: &'static str,
    required: &'static [&'static str],
}

const LISTS: [Listed; 4] = [
    Listed {
        name: "tools",
        method: "tools/list",
        member: "tools",
        capability: "/tools",
        sentence: "The client asks for the tools: their names, what they are for, and the schema of their arguments.",
        place: "server/tools#tool",
        required: &["name"],
    },
    Listed {
        name: "resources",
        method: "resources/list",
        member: "resources",
        capability: "/resources",
        sentence: "The client asks for the resources that have a fixed address.",
        place: "server/resources#resource",
        required: &["uri", "name"],
    },
    Listed {
        name: "resource-templates",
        method: "resources/templates/list",
        member: "resourceTemplates",
        capability: "/resources",
        sentence: "The client asks for the templates of addresses that resources can have.",
        place: "server/resources#resource-templates",
        required: &["uriTemplate", "name"],
    },
    Listed {
        name: "prompts",
        method: "prompts/list",
        member: "prompts",
        capability: "/prompts",
        sentence: "The client asks for the prompts and their arguments.",
        place: "server/prompts#prompt",
        required: &["name"],
    },
];

/// The steps that list, for either era: `dress` says what holds for every list of it.
pub(super) fn lists(
    revision: &str,
    first_id: i64,
    ask: impl Fn(&str, &str, i64, &str, Value) -> Step,
    dress: impl Fn(Step) -> Step,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for (id, list) in (first_id..).zip(&LISTS) {
        let items = format!("/body/result/{}", list.member);
        let rule = mcp(revision, list.place);
        let mut step = dress(ask(list.name, list.sentence, id, list.method, json!({})))
            .only_if(
                "capabilities",
                list.capability,
                &format!("the server declares no {}", &list.capability[1..]),
            )
            .must(&items, a(Kind::Array), "The result has the list, also where it is empty.", &rule);
        for member in list.required {
            let says = format!("Each of them has a {member}.");
            step = step.must(&format!("{items}/*/{member}"), a(Kind::String), &says, &rule);
        }
        if list.name == "tools" {
            step = step
                .must(
                    "/body/result/tools/*/inputSchema/type",
                    is("object"),
                    "The arguments of a tool are an object, and its schema says so.",
                    &rule,
                )
                .varies(&items, Varies::Content);
            step.keep.insert(
                "tool".to_owned(),
                Keep {
                    from: items.clone(),
                    first_without: Some("/inputSchema/required".to_owned()),
                    then: Some("/name".to_owned()),
                    ..Keep::default()
                },
            );
        }
        step = step
            .must(
                "/body/result/nextCursor",
                a(Kind::String),
                "Where there are more, the cursor to them is a text.",
                &mcp(revision, "server/utilities/pagination#response-format"),
            )
            .if_present()
            .varies(&items, Varies::Content)
            .varies("/body/result/_meta", Varies::Content)
            .varies("/body/result/ttlMs", Varies::Choice)
            .varies("/body/result/cacheScope", Varies::Choice);
        steps.push(step);
    }
    steps
}

fn list() -> Vec<Step> {
    let mut steps = vec![discover()];
    steps.extend(lists(REVISION, 2, ask, cacheable));
    steps
}

/// Discovers, and reads the one list.
fn after_list(name: &str) -> Vec<Step> {
    list().into_iter().filter(|step| step.name == "discover" || step.name == name).collect()
}

fn content(step: Step) -> Step {
    let place = rule("server/tools#tool-result");
    step.must(
        "/body/result/content",
        a(Kind::Array),
        "A result of a tool has content, which may be empty.",
        &place,
    )
    .must("/body/result/content/*/type", a(Kind::String), "Each piece of content says what it is.", &place)
    .varies("/body/result/content", Varies::Content)
    .varies("/body/result/structuredContent", Varies::Content)
    .varies("/body/result/_meta", Varies::Content)
    .varies("/body/result/isError", Varies::Choice)
}

fn call() -> Vec<Step> {
    let mut steps = after_list("tools");
    steps.push(
        content(result(ask(
            "call",
            "The client calls a tool by its name. `Mcp-Name` repeats the name for proxies.",
            3,
            "tools/call",
            json!({ "name": "{tool}", "arguments": {} }),
        )))
        .calls(),
    );
    let failing = content(result(ask(
        "call-that-fails",
        "A tool that ran and failed is no error of the protocol: its result says so, for the model to read.",
        4,
        "tools/call",
        json!({ "name": "{failing_tool}", "arguments": {} }),
    )));
    steps.push(
        failing
            .must(
                "/body/result/isError",
                is(true),
                "A tool that failed says so in its result.",
                &rule("server/tools#error-handling"),
            )
            .calls(),
    );
    let mut resources = after_list("resources").remove(1).keep("uri", "/body/result/resources/0/uri");
    body(&mut resources)["id"] = json!(5);
    steps.push(resources);
    let place = rule("server/resources#reading-resources");
    steps.push(
        cacheable(ask(
            "read",
            "The client reads a resource by its address, which `Mcp-Name` repeats.",
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
        .varies("/body/result/contents", Varies::Content)
        .varies("/body/result/_meta", Varies::Content)
        .varies("/body/result/ttlMs", Varies::Choice)
        .varies("/body/result/cacheScope", Varies::Choice),
    );
    let mut prompts = after_list("prompts").remove(1);
    body(&mut prompts)["id"] = json!(7);
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
    let place = rule("server/prompts#getting-a-prompt");
    steps.push(
        result(ask(
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
            &rule("server/prompts#promptmessage"),
        )
        .varies("/body/result/messages", Varies::Content)
        .varies("/body/result/description", Varies::Content)
        .varies("/body/result/_meta", Varies::Content),
    );
    steps
}

fn stream() -> Vec<Step> {
    let place = rule("basic/patterns/progress#progress-flow");
    let mut step = content(result(ask(
        "call",
        "The client calls a tool and says with a progress token that it wants to hear how far it is.",
        1,
        "tools/call",
        json!({ "name": "{counting_tool}", "arguments": {} }),
    )))
    .must(
        "/headers/content-type",
        media_type(&["text/event-stream"]),
        "Messages before the response need a stream.",
        &http("receiving-messages"),
    )
    .should(
        "/headers/x-accel-buffering",
        is("no"),
        "The stream asks proxies not to hold it back.",
        &http("receiving-messages"),
    )
    .must(
        "/events/notifications~1progress/*/jsonrpc",
        is("2.0"),
        "Every message says that it is JSON-RPC 2.0.",
        super::JSON_RPC_RESPONSE,
    )
    .must(
        "/events/notifications~1progress/*/params/progressToken",
        same_as("/body/params/_meta/progressToken"),
        "Progress carries the token of the request that it is about.",
        &place,
    )
    .must(
        "/events/notifications~1progress/*/params/progress",
        Expect::Increase(true),
        "Progress becomes more with each message.",
        &place,
    )
    .varies("/events/notifications~1progress", Varies::Content)
    .calls();
    body(&mut step)["params"]["_meta"]["progressToken"] = json!("p1");
    vec![step]
}

fn asking(name: &str, sentence: &str, id: i64) -> Step {
    able(
        ask(name, sentence, id, "tools/call", json!({ "name": "{asking_tool}", "arguments": {} })),
        json!({ "elicitation": { "form": {} } }),
    )
    .calls()
}

fn elicitation() -> Vec<Step> {
    let mrtr = rule("basic/patterns/mrtr#inputrequiredresult");
    let form = rule("client/elicitation#form-mode-elicitation-requests");
    let first = asking(
        "call",
        "The client calls the tool, and says in its capabilities that it can ask its user. The server answers that it needs to know \
         something, in the words of a request that the client answers later.",
        1,
    );
    let first = result(first)
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
        .varies("/body/result/_meta", Varies::Content)
        .varies("/body/result/requestState", Varies::Opaque);
    let mut first = first
        .keep_optional("state", "/body/result/requestState")
        .keep("question", "/body/result/inputRequests");
    first.keep.get_mut("question").unwrap().first_name = true;
    let mut answered = content(result(asking(
        "answer",
        "The client asked its user. It sends the same call with a new id, the answer under the name of the question, and the state as it \
         was given.",
        2,
    )));
    body(&mut answered)["params"]["inputResponses"] =
        json!({ "{question}": { "action": "accept", "content": { "name": "Ada" } } });
    body(&mut answered)["params"]["requestState"] = json!("{state}");
    let mut declined = content(result(asking(
        "decline",
        "A user may also decline. That is an answer like another, and what the tool makes of it is its business.",
        3,
    )));
    body(&mut declined)["params"]["inputResponses"] = json!({ "{question}": { "action": "decline" } });
    body(&mut declined)["params"]["requestState"] = json!("{state}");
    let mut tampered = asking(
        "tampered",
        "A state that the server did not give is refused: whatever a client holds in its hands can be forged.",
        4,
    );
    body(&mut tampered)["params"]["inputResponses"] =
        json!({ "{question}": { "action": "accept", "content": { "name": "Ada" } } });
    body(&mut tampered)["params"]["requestState"] = json!("forged");
    let tampered = refused(
        tampered,
        400,
        -32602,
        "A state that fails its check is refused.",
        &rule("basic/patterns/mrtr#server-requirements-basic-workflow"),
    )
    .varies("/status", Varies::Choice);
    let mut tampered = tampered;
    tampered.must.retain(|check| check.at != "/status");
    vec![first, answered, declined, tampered]
}

fn subscription() -> Vec<Step> {
    let mut steps = after_list("resources");
    let resources = steps.remove(1).keep("uri", "/body/result/resources/0/uri");
    steps.push(resources);
    body(&mut steps[1])["id"] = json!(2);
    let place = rule("basic/patterns/subscriptions#acknowledgment");
    let id = "/params/_meta/io.modelcontextprotocol~1subscriptionId";
    let acknowledged = "/events/notifications~1subscriptions~1acknowledged/0";
    let listen = ask(
        "listen",
        "The client says which changes it wants to hear of. The first thing on the stream is what the server agreed to.",
        3,
        "subscriptions/listen",
        json!({ "notifications": { "resourceSubscriptions": ["{uri}"] } }),
    )
    .only_if("capabilities", "/resources/subscribe", "the server declares no subscriptions to resources")
    .open_after("notifications/subscriptions/acknowledged")
    .must("/status", is(200), "The answer is a stream.", &http("receiving-messages"))
    .must("/headers/content-type", media_type(&["text/event-stream"]), "The answer is a stream.", &http("receiving-messages"))
    .should("/headers/x-accel-buffering", is("no"), "The stream asks proxies not to hold it back.", &http("receiving-messages"))
    .must(&format!("{acknowledged}/jsonrpc"), is("2.0"), "Every message says that it is JSON-RPC 2.0.", super::JSON_RPC_RESPONSE)
    .must(&format!("{acknowledged}{id}"), same_as("/body/id"), "Messages of a subscription carry the id of the request that opened it.", &place)
    .must(
        &format!("{acknowledged}/params/notifications/resourceSubscriptions"),
        Expect::Contains(json!("{uri}")),
        "The first message repeats what the server agreed to.",
        &place,
    )
    .varies("/headers/cache-control", Varies::Choice);
    steps.push(listen);
    let mut touch = content(result(ask(
        "touch",
        "Somebody changes the resource. Here it is the client itself, with another request.",
        4,
        "tools/call",
        json!({ "name": "{touching_tool}", "arguments": {} }),
    )))
    .calls();
    touch.only_if = steps[2].only_if.clone();
    steps.push(touch);
    let received = rule("basic/patterns/subscriptions#receiving-notifications");
    let updated = "/events/notifications~1resources~1updated/0";
    let mut heard = reading(
        "updated",
        "The stream says what changed. The client reads it again if it wants to know how.",
        "listen",
    )
    .open_after("notifications/resources/updated")
    .must(
        &format!("{updated}/jsonrpc"),
        is("2.0"),
        "Every message says that it is JSON-RPC 2.0.",
        super::JSON_RPC_RESPONSE,
    )
    .must(
        &format!("{updated}{id}"),
        same_as("/body/id"),
        "Messages of a subscription carry the id of the request that opened it.",
        &received,
    )
    .must(
        &format!("{updated}/params/uri"),
        is("{uri}"),
        "The message says which resource changed.",
        &received,
    )
    .calls();
    heard.only_if = steps[2].only_if.clone();
    steps.push(heard);
    steps
}

fn errors() -> Vec<Step> {
    let validation = http("server-validation");
    let versions = http("protocol-version-header");
    let listing = |name: &str, sentence: &str, id: i64| ask(name, sentence, id, "server/discover", json!({}));

    let mut not_json =
        listing("not-json", "The body is no JSON. Nothing in it can be answered, not even an id.", 1);
    let sent = not_json.request.as_mut().unwrap();
    (sent.body, sent.text) = (None, Some("{\"jsonrpc\": \"2.0\", ".to_owned()));
    let mut not_json =
        refused(not_json, 400, -32700, "What is no JSON is answered with a parse error.", JSON_RPC_ERROR)
            .must(
                "/status",
                Expect::Within(400, 499),
                "What cannot be accepted has a status that says so.",
                &http("sending-messages"),
            )
            .varies("/body/id", Varies::Choice);
    not_json.must.retain(|check| check.at != "/body/id");

    let mut no_method = refused(
        ask(
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
    no_method.name = "unknown-method".to_owned();

    let mut no_meta = listing(
        "no-meta",
        "The request does not say which revision it speaks and what the client can do.",
        3,
    );
    body(&mut no_meta)["params"] = json!({});
    let no_meta = refused(
        no_meta,
        400,
        -32602,
        "A request without the fields that it must have in `_meta` is malformed.",
        &rule("basic/index#meta"),
    );

    let no_header = refused(
        listing(
            "no-method-header",
            "The header `Mcp-Method` is missing, so no proxy can tell what this is.",
            4,
        )
        .without_header("mcp-method"),
        400,
        -32020,
        "A request without a header that it must have is refused.",
        &validation,
    );
    let other_header = refused(
        listing("other-method-header", "The header says another method than the body. Somebody on the way would decide about the wrong one.", 5)
            .header("mcp-method", "tools/list"),
        400,
        -32020,
        "A header that does not say what the body says is refused.",
        &validation,
    );
    let other_name = refused(
        ask(
            "other-name-header",
            "The header names another tool than the body.",
            6,
            "tools/call",
            json!({ "name": "no-such-tool", "arguments": {} }),
        )
        .header("mcp-name", "another-tool"),
        400,
        -32020,
        "A header that does not say what the body says is refused.",
        &validation,
    );

    let mut version = listing(
        "unknown-version",
        "The request speaks a revision that the server does not. The error names those that it does.",
        7,
    )
    .header("mcp-protocol-version", "1900-01-01");
    body(&mut version)["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("1900-01-01");
    let negotiation = rule("basic/versioning#protocol-version-negotiation");
    let version =
        refused(version, 400, -32022, "A revision that the server does not speak is refused.", &versions)
            .must(
                "/body/error/data/supported",
                Expect::Contains(json!(REVISION)),
                "The error names the revisions that the server speaks.",
                &negotiation,
            )
            .must(
                "/body/error/data/requested",
                is("1900-01-01"),
                "The error repeats the revision that was asked for.",
                &rule("schema#unsupportedprotocolversionerror"),
            );

    let mut steps = vec![not_json, no_method, no_meta, no_header, other_header, other_name, version];

    // The specification says "SHOULD" of these codes, or gives them in an example.
    let loose = |step: Step, says: &str, place: &str| {
        let mut step = response(step, 200)
            .should("/body/result", Expect::Absent(true), says, place)
            .should("/body/error/code", is(-32602), says, place)
            .if_present()
            .must("/body/error/message", a(Kind::String), "An error has a message.", JSON_RPC_ERROR)
            .if_present()
            .varies("/body/error/message", Varies::Wording)
            .varies("/body/error/data", Varies::Choice)
            .varies("/status", Varies::Choice);
        step.must.retain(|check| check.at != "/status");
        step
    };
    let mut again = discover();
    body(&mut again)["id"] = json!(8);
    steps.push(again);
    steps.push(
        loose(
            ask(
                "unknown-tool",
                "There is no such tool. That is an error of the protocol: no tool ran.",
                9,
                "tools/call",
                json!({ "name": "no-such-tool", "arguments": {} }),
            ),
            "An unknown tool is answered with an error, and -32602 is its code.",
            &rule("server/tools#error-handling"),
        )
        .only_if("capabilities", "/tools", "the server declares no tools"),
    );
    steps.push(
        loose(
            ask(
                "unknown-resource",
                "There is no such resource. Older revisions had a code of their own for it.",
                10,
                "resources/read",
                json!({ "uri": "none://such/resource" }),
            ),
            "A resource that is not there is answered with -32602.",
            &rule("server/resources#error-handling"),
        )
        .must(
            "/body/error/code",
            is(-32602),
            "A resource that is not there is answered with -32602.",
            &rule("server/resources#error-handling"),
        )
        .only_if("capabilities", "/resources", "the server declares no resources"),
    );
    steps.push(
        loose(
            ask(
                "unknown-prompt",
                "There is no such prompt.",
                11,
                "prompts/get",
                json!({ "name": "no-such-prompt" }),
            ),
            "A prompt that is not there is answered with -32602.",
            &rule("server/prompts#error-handling"),
        )
        .only_if("capabilities", "/prompts", "the server declares no prompts"),
    );
    steps.push(
        loose(
            ask(
                "bad-cursor",
                "The cursor is not one that the server gave.",
                12,
                "tools/list",
                json!({ "cursor": "no-such-cursor" }),
            ),
            "A cursor that is not the server's own is answered with -32602.",
            &rule("server/utilities/pagination#error-handling"),
        )
        .only_if("capabilities", "/tools", "the server declares no tools"),
    );
    let missing = ask(
        "missing-capability",
        "The tool has to ask its user, and this client did not say that it can do that.",
        13,
        "tools/call",
        json!({ "name": "{asking_tool}", "arguments": {} }),
    );
    steps.push(
        refused(
            missing,
            400,
            -32021,
            "What needs a capability that the client did not declare is refused.",
            &rule("basic/index#meta"),
        )
        .must(
            "/body/error/data/requiredCapabilities",
            a(Kind::Object),
            "The error names the capabilities that are missing.",
            &rule("basic/index#meta"),
        )
        .calls(),
    );

    let stranger = listing(
        "stranger",
        "A page of another origin, in the user's browser, tries to use a server on the user's machine.",
        14,
    )
    .header("origin", "http://stranger.example")
    .must(
        "/status",
        is(403),
        "A request from an origin that is not allowed is refused with 403.",
        &http("security-&-endpoint"),
    )
    .varies("/body", Varies::Choice)
    .varies("/text", Varies::Choice)
    .varies("/headers", Varies::Choice);
    steps.push(stranger);
    let get = step(
        "get",
        "Older revisions opened a stream with GET, this one does not. A server that speaks those too asks for what they need.",
        request("GET", "{server}", &[("accept", "text/event-stream"), ("mcp-protocol-version", REVISION)]),
    )
    .should("/status", Expect::Within(400, 499), "A GET of this revision is refused; 405 where the server speaks no older one.", &http("earlier-streamable-http-revisions"))
    .varies("/body", Varies::Choice)
    .varies("/text", Varies::Choice)
    .varies("/headers", Varies::Choice);
    steps.push(get);
    steps
}
