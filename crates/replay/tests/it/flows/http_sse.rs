//! 2024-11-05 and its transport: one stream for everything that the server says, and one address for what the client says.

use barewire_replay::{Expect, Kind, Step, Transcript, Varies};
use serde_json::{Value, json};

use super::call::{self, FAILING};
use super::errors::{NOT_JSON, STRANGER, needy, unknown};
use super::handshake::{HELLO, hello, introduces};
use super::lists;
use super::speech::{Speech, otherwise_free, responds};
use super::steps::*;
use super::stream::COUNTING;

const REVISION: &str = "2024-11-05";
const OPEN: &str = "open";

/// How it is spoken. A request and its answer are two steps.
struct Old;

pub(super) fn flows() -> Vec<Transcript> {
    let flow = |flow: &str, title: &str, about: &str, steps: Vec<Step>, given: &[(&str, &str, &str)]| {
        let mut all = Old.opening();
        all.extend(steps);
        let mut transcript = transcript(REVISION, flow, title, about, all);
        transcript.given.shift_remove("server");
        let address =
            "the address of the stream; where nobody says it, the endpoint's with `sse` as its last part";
        with_given(transcript, &[&[("sse", address, "http://localhost:8000/sse")], given].concat())
    };
    vec![
        flow(
            "initialize",
            "The stream, the handshake, and a ping",
            "The first revision has two addresses. A GET opens a stream, whose first event says where to POST. Each message of the client \
             is a POST there, answered with a status only; each message of the server is an event on the stream. There is no session but \
             the stream.",
            exchange("ping", "Either side may ask whether the other is still there.", 2, "ping", &json!({}))
                .map_answer(|step| {
                    step.must(
                        "/body/result",
                        is(json!({})),
                        "A ping is answered with an empty result, at once.",
                        &Old.rule("basic/utilities/ping#behavior-requirements"),
                    )
                })
                .steps(),
            &[],
        ),
        flow(
            "list",
            "Reading the lists",
            "After the handshake: what the server declared it has can be listed.",
            ["tools", "resources", "resource-templates", "prompts"]
                .into_iter()
                .zip(3..)
                .flat_map(|(name, id)| list(name, id))
                .collect(),
            &[],
        ),
        flow(
            "call",
            "Calling a tool, reading a resource, getting a prompt",
            "The three things that a server offers.",
            calls(),
            &[FAILING],
        ),
        flow(
            "stream",
            "A call that reports its progress",
            "Progress comes on the same stream as everything else, before the response.",
            reports(),
            &[COUNTING],
        ),
        flow(
            "errors",
            "Every error, and what causes it",
            "What goes wrong with a request is a JSON-RPC error on the stream. A status of the POST speaks of what cannot be answered \
             there. This revision gives no statuses; those here are what clients can make sense of.",
            errors(),
            &[],
        ),
    ]
}

/// A POST, and the answer to it on the stream.
struct Exchange {
    sent: Step,
    answer: Step,
}

impl Exchange {
    fn map_answer(self, dress: impl FnOnce(Step) -> Step) -> Self {
        Self { answer: dress(self.answer), ..self }
    }

    fn both(self, dress: impl Fn(Step) -> Step) -> Self {
        Self { sent: dress(self.sent), answer: dress(self.answer) }
    }

    fn steps(self) -> Vec<Step> {
        vec![self.sent, self.answer]
    }
}

/// A request whose answer is a result.
fn exchange(name: &str, sentence: &str, id: i64, method: &str, params: &Value) -> Exchange {
    bare_exchange(name, sentence, id, method, params).map_answer(|answer| Old.result(answer))
}

/// A request whose answer may be anything.
fn bare_exchange(name: &str, sentence: &str, id: i64, method: &str, params: &Value) -> Exchange {
    let sent = Old.ask(&format!("send-{name}"), sentence, id, method, params.clone());
    let answer = reading(name, "The answer comes on the stream.", OPEN).open_after("response");
    Exchange { sent, answer: responds(answer, is(id), &Old.rule("basic/messages#responses")) }
}

/// What holds for the POST of a message: it says only that it has arrived.
fn taken(step: Step) -> Step {
    let says = "A message is taken with a status of success; its answer comes on the stream.";
    otherwise_free(step)
        .should("/status", Expect::Within(200, 299), says, &transport())
        .varies("/status", Varies::Choice)
}

fn transport() -> String {
    Old.rule("basic/transports#http-with-sse")
}

fn post(name: &str, sentence: &str, message: Value) -> Step {
    let mut request = request("POST", "{messages}", &[("content-type", "application/json")]);
    request.body = Some(message);
    step(name, sentence, request)
}

fn list(name: &str, id: i64) -> [Step; 2] {
    lists::on_the_stream(&Old, name, id, |name, sentence, id, method| {
        let Exchange { sent, answer } = exchange(name, sentence, id, method, &json!({}));
        (sent, answer)
    })
}

fn calls() -> Vec<Step> {
    let tool = |name: &str, sentence: &str, id: i64, tool: &str| {
        let params = json!({ "name": tool, "arguments": {} });
        bare_exchange(name, sentence, id, "tools/call", &params)
            .map_answer(|answer| Old.content(answer))
            .both(Step::calls)
    };
    let mut steps = list("tools", 3).to_vec();
    steps.extend(tool("call", "The client calls a tool by its name.", 4, "{tool}").steps());
    let sentence =
        "A tool that ran and failed is no error of the protocol: its result says so, for the model to read.";
    let failing = tool("call-that-fails", sentence, 5, "{failing_tool}");
    steps.extend(failing.map_answer(|answer| call::fails(&Old, answer)).steps());
    let [sent, resources] = list("resources", 6);
    steps.extend([sent, resources.keep("uri", "/body/result/resources/0/uri")]);
    let sentence = "The client reads a resource by its address.";
    let read = exchange("read", sentence, 7, "resources/read", &json!({ "uri": "{uri}" }))
        .map_answer(|answer| call::contents(&Old, answer))
        .both(|step| step.only_if("capabilities", "/resources", "the server declares no resources"));
    steps.extend(read.steps());
    let [sent, mut prompts] = list("prompts", 8);
    let first = lists::first_without("/body/result/prompts", "/arguments/0/required");
    prompts.keep.insert("prompt".to_owned(), first);
    steps.extend([sent, prompts]);
    let params = json!({ "name": "{prompt}", "arguments": {} });
    let get =
        exchange("get", "The client gets a prompt, filled in with arguments.", 9, "prompts/get", &params)
            .map_answer(|answer| call::messages(&Old, answer))
            .both(|step| step.only_if("capabilities", "/prompts", "the server declares no prompts"));
    steps.extend(get.steps());
    steps
}

fn reports() -> Vec<Step> {
    let params = json!({ "name": "{counting_tool}", "arguments": {}, "_meta": { "progressToken": "p1" } });
    let sentence =
        "The client calls a tool and says with a progress token that it wants to hear how far it is.";
    let call = bare_exchange("call", sentence, 3, "tools/call", &params);
    let progress = "/events/notifications~1progress";
    let told = |answer: Step| {
        Old.content(answer)
            .must(
                &format!("{progress}/*/params/progressToken"),
                is("p1"),
                "Progress carries the token of the request that it is about.",
                &Old.progress(),
            )
            .must(
                &format!("{progress}/*/params/progress"),
                Expect::Increase(true),
                "Progress becomes more with each message.",
                &Old.progress(),
            )
            .varies(progress, Varies::Content)
    };
    call.map_answer(told).both(Step::calls).steps()
}

fn errors() -> Vec<Step> {
    let mut steps = Vec::new();
    let mut not_json = post("not-json", NOT_JSON, json!({}));
    let sent = not_json.request.as_mut().unwrap();
    (sent.body, sent.text) = (None, Some("{\"jsonrpc\": \"2.0\", ".to_owned()));
    let says = "What is no message is refused with a status that says so.";
    let refused = |step: Step, says: &str| {
        otherwise_free(step)
            .should("/status", Expect::Within(400, 499), says, &transport())
            .varies("/status", Varies::Choice)
    };
    steps.push(refused(not_json, says));
    let method = bare_exchange(
        "unknown-method",
        "The server does not know the method.",
        3,
        "no/such/method",
        &json!({}),
    )
    .map_answer(|answer| {
        let says = "An unknown method is answered with -32601.";
        Old.refused(answer, 200, -32601, says, JSON_RPC_ERROR)
    });
    steps.extend(method.steps());
    let [sent, prompts] = list("prompts", 12);
    steps.extend([sent, needy(prompts)]);
    for (id, unknown) in (4..).zip(unknown(REVISION)) {
        let asked = bare_exchange(unknown.name, unknown.sentence, id, unknown.method, &unknown.params)
            .map_answer(|answer| Old.advised(answer, unknown.code, unknown.says, &Old.rule(unknown.place)))
            .both(|step| unknown.declared(step));
        steps.extend(asked.steps());
    }
    let sentence = "The client asks for log messages of a level that there is not.";
    let level =
        bare_exchange("unknown-level", sentence, 10, "logging/setLevel", &json!({ "level": "deafening" }))
            .map_answer(|answer| {
                let says = "A level that there is not is answered with -32602.";
                Old.advised(answer, -32602, says, &Old.rule("server/utilities/logging#error-handling"))
            })
            .both(|step| step.only_if("capabilities", "/logging", "the server declares no logging"));
    steps.extend(level.steps());
    let mut stranger = opened();
    stranger.name = "stranger".to_owned();
    stranger.sentence = STRANGER.to_owned();
    (stranger.leaves_open_after, stranger.applies) = (Some("head".to_owned()), None);
    stranger.must.clear();
    stranger.varies.clear();
    stranger.keep.clear();
    steps.push(otherwise_free(stranger.header("origin", "http://stranger.example")).must(
        "/status",
        Expect::Within(400, 499),
        "The server checks the origin of a request.",
        &Old.rule("basic/transports#security-warning"),
    ));
    let gone = Old
        .ask(
            "after-the-stream",
            "The stream is gone, and its session with it: nobody could be given an answer. The client begins anew.",
            11,
            "ping",
            json!({}),
        )
        .leaves(OPEN)
        .until("/status", Expect::Within(400, 499));
    steps.push(refused(gone, "A message to a stream that is gone is refused."));
    steps
}

/// The GET that everything begins with.
fn opened() -> Step {
    let says = "The first event of the stream says where messages are sent.";
    let mut step = step(
        OPEN,
        "The client opens the stream. Its first event is the address for the client's messages, which tells this stream from others.",
        request("GET", "{sse}", &[("accept", "text/event-stream")]),
    )
    .open_after("endpoint")
    .must("/status", is(200), "A GET opens an event stream.", &transport())
    .must("/headers/content-type", media_type(&["text/event-stream"]), "A GET opens an event stream.", &transport())
    .must("/events/endpoint/0", a(Kind::String), says, &transport())
    .varies("/events/endpoint", Varies::Opaque)
    .varies("/headers/cache-control", Varies::Choice)
    .varies("/headers/x-accel-buffering", Varies::Choice)
    .keep_opaque("messages", "/events/endpoint/0");
    step.keep.get_mut("messages").unwrap().address = true;
    step
}

impl Speech for Old {
    fn revision(&self) -> &'static str {
        REVISION
    }

    fn sending(&self) -> String {
        transport()
    }

    fn progress(&self) -> String {
        self.rule("basic/utilities/progress#progress-flow")
    }

    fn greeting(&self, capabilities: Value) -> Vec<Step> {
        let Exchange { sent, answer } =
            bare_exchange("initialize", HELLO, 1, "initialize", &hello(REVISION, &capabilities));
        let answer = introduces(self, self.result(answer)).applies(
            "/body/result/protocolVersion",
            is(REVISION),
            "the server has the transport and speaks another revision on it",
        );
        let ready = taken(post(
            "initialized",
            "The client says that it is ready.",
            json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        ));
        vec![opened(), sent, answer, ready]
    }

    /// The POST; its answer is another step.
    fn ask(&self, name: &str, sentence: &str, id: i64, method: &str, params: Value) -> Step {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        taken(post(name, sentence, message))
    }

    fn response(&self, step: Step) -> Step {
        step
    }

    fn result(&self, step: Step) -> Step {
        step.must(
            "/body/error",
            Expect::Absent(true),
            "A response has a result or an error, not both.",
            JSON_RPC_RESPONSE,
        )
        .varies("/body/result/_meta", Varies::Content)
    }

    fn refused(&self, step: Step, _: u16, code: i64, says: &str, place: &str) -> Step {
        step.must("/body/error/code", is(code), says, place)
            .must("/body/error/message", a(Kind::String), "An error has a message.", JSON_RPC_ERROR)
            .varies("/body/error/message", Varies::Wording)
            .varies("/body/error/data", Varies::Choice)
    }
}
