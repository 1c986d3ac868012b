//! The usual request, read in one pass.
//!
//! Nearly every request is a well-formed call, read or list. What [`super::step_by_step`] finds out about one in five
//! passes over its bytes (envelope, `_meta`, its members, params, arguments), this reads in a single one, straight into
//! its types: 23,800 instructions become 10,600 for a `tools/call` of 330 bytes.
//!
//! Whatever is in any way unusual (another method, answers to questions, an escape in a name, a member twice, a header
//! that says something else) is not judged here but left to the step-by-step way, which knows the order of the checks
//! and what to answer. So this may say nothing where it could say more, and must never say anything else than that way;
//! a test holds the two against each other.

use bytes::Bytes;
use bytestring::ByteString;
use http::header::HeaderMap;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;

use super::legacy::{Incoming, Post, spoken};
use super::modern::Call;
use super::{Accepted, header_revision};
use crate::http::headers;
use crate::jsonrpc::{Id, VERSION};
use crate::revision::accept_modern;
use crate::types::capabilities::ClientCapabilities;
use crate::types::implementation::Implementation;
use crate::types::input::InputAnswers;
use crate::types::json::{self, RawJson};
use crate::types::logging::LoggingLevel;
use crate::types::operation::{Operation, Page};
use crate::types::progress::ProgressToken;
use crate::types::resources::ReadResourceRequest;
use crate::types::tools::CallToolRequest;
use crate::types::trace::{self, TraceParent};
use crate::wire::{v2025_11_25, v2026_07_28};

/// What a POST brings, where that is usual.
pub(super) fn read(headers: &HeaderMap, body: &Bytes) -> Option<Accepted> {
    let body = &ByteString::try_from(body.clone()).ok()?;
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let message: Message<'_> = json::object(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    if message.jsonrpc != VERSION || json::has_reserved_name(body) {
        return None;
    }
    match message.params.as_ref().and_then(|params| params.meta.as_ref()?.protocol_version) {
        Some(version) => modern(headers, version, message, body).map(|call| Accepted::Call(Box::new(call))),
        None => legacy(headers, message, body).map(|post| Accepted::Legacy(Box::new(post))),
    }
}

fn modern(headers: &HeaderMap, version: &str, message: Message<'_>, body: &ByteString) -> Option<Call> {
    headers::require_equal(headers, &headers::PROTOCOL_VERSION, version).ok()?;
    headers::require_equal(headers, &headers::METHOD, message.method).ok()?;
    let revision = accept_modern(version)?;
    let mut params = message.params?;
    let meta = params.meta.take()?;
    let meta = v2026_07_28::RequestMeta {
        client_info: meta.client_info,
        client_capabilities: meta.client_capabilities?,
        log_level: meta.log_level,
        progress_token: meta.progress_token,
        trace: meta.trace,
    };
    let operation = operation(message.method, &params, body)?;
    headers::check_name(headers, operation.name()).ok()?;
    Some(Call { id: message.id, revision, request: v2026_07_28::Request::Operation(operation), meta })
}

fn legacy(headers: &HeaderMap, message: Message<'_>, body: &ByteString) -> Option<Post> {
    let version = header_revision(headers);
    if version.is_modern() {
        return None;
    }
    let session = headers::session_id(headers).ok()?;
    let revision = spoken(&version, session).ok()?;
    let mut params = message.params.unwrap_or_default();
    let meta = params.meta.take().map(|meta| (meta.progress_token, meta.trace));
    let (progress_token, trace) = meta.unwrap_or_default();
    let request = v2025_11_25::Request::Operation(operation(message.method, &params, body)?);
    let meta = v2025_11_25::RequestMeta { progress_token, trace };
    let message = Incoming::Request { id: message.id, request, meta };
    Some(Post { session: session.map(str::to_owned), revision, message })
}

fn operation(method: &str, params: &Params<'_>, body: &ByteString) -> Option<Operation> {
    let page = |cursor: Option<&str>| Page { cursor: cursor.map(str::to_owned) };
    Some(match method {
        "tools/call" => {
            let arguments = params.arguments.map(|arguments| RawJson::part_of(body, arguments));
            if arguments.as_ref().is_some_and(|arguments| !arguments.is_object()) {
                return None;
            }
            let (name, answers) = (params.name?.to_owned(), InputAnswers::default());
            Operation::CallTool(CallToolRequest { name, arguments, answers })
        }
        "tools/list" => Operation::ListTools(page(params.cursor)),
        "resources/list" => Operation::ListResources(page(params.cursor)),
        "resources/templates/list" => Operation::ListResourceTemplates(page(params.cursor)),
        "prompts/list" => Operation::ListPrompts(page(params.cursor)),
        "resources/read" => {
            let (uri, answers) = (params.uri?.to_owned(), InputAnswers::default());
            Operation::ReadResource(ReadResourceRequest { uri, answers })
        }
        _ => return None,
    })
}

#[derive(serde::Deserialize)]
struct Message<'a> {
    jsonrpc: &'a str,
    id: Id,
    method: &'a str,
    #[serde(default, deserialize_with = "json::optional_object", borrow)]
    params: Option<Params<'a>>,
    #[serde(default, rename = "result")]
    _result: Absent,
    #[serde(default, rename = "error")]
    _error: Absent,
}

/// The params of all the methods that are read here.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params<'a> {
    #[serde(rename = "_meta", default, deserialize_with = "json::optional_object", borrow)]
    meta: Option<Meta<'a>>,
    name: Option<&'a str>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    uri: Option<&'a str>,
    cursor: Option<&'a str>,
    #[serde(default, rename = "inputResponses")]
    _input_responses: Absent,
    #[serde(default, rename = "requestState")]
    _request_state: Absent,
}

#[derive(serde::Deserialize)]
struct Meta<'a> {
    #[serde(rename = "io.modelcontextprotocol/protocolVersion", borrow)]
    protocol_version: Option<&'a str>,
    #[serde(
        rename = "io.modelcontextprotocol/clientInfo",
        default,
        deserialize_with = "json::optional_object"
    )]
    client_info: Option<Box<Implementation>>,
    #[serde(
        rename = "io.modelcontextprotocol/clientCapabilities",
        default,
        deserialize_with = "json::optional_object"
    )]
    client_capabilities: Option<Box<ClientCapabilities>>,
    #[serde(rename = "io.modelcontextprotocol/logLevel")]
    log_level: Option<LoggingLevel>,
    #[serde(rename = "progressToken")]
    progress_token: Option<ProgressToken>,
    #[serde(rename = "traceparent", default, deserialize_with = "trace::lenient")]
    trace: Option<TraceParent>,
}

/// A member that must not be there, whatever its value.
#[derive(Default)]
struct Absent;

impl<'de> Deserialize<'de> for Absent {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("not usual"))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::request::Parts;
    use serde_json::{Value, json};

    use super::super::step_by_step;
    use super::*;

    const META: &str = "io.modelcontextprotocol/";

    fn parts(modern: bool, method: &str, name: &str) -> Parts {
        let (mut parts, ()) = http::Request::post("/mcp").body(()).unwrap().into_parts();
        let mut set = |name, value| parts.headers.insert(name, HeaderValue::from_str(value).unwrap());
        if modern {
            set(headers::PROTOCOL_VERSION, "2026-07-28");
            set(headers::METHOD, method);
            set(headers::NAME, name);
        } else {
            set(headers::PROTOCOL_VERSION, "2025-11-25");
            set(headers::SESSION_ID, "s1");
        }
        parts
    }

    /// The two ways agree on a body, or this one says nothing. Returns whether it says something.
    fn agree(parts: &Parts, body: &[u8]) -> bool {
        let Some(usual) = read(&parts.headers, &Bytes::copy_from_slice(body)) else { return false };
        let text = String::from_utf8_lossy(body);
        match (usual, step_by_step(parts, body).unwrap_or_else(|error| panic!("{error}: {text}"))) {
            (Accepted::Call(usual), Accepted::Call(call)) => assert_eq!(usual, call, "{text}"),
            (Accepted::Legacy(usual), Accepted::Legacy(post)) => assert_eq!(usual, post, "{text}"),
            (usual, other) => panic!("{usual:?} {other:?} {text}"),
        }
        true
    }

    fn bodies(modern: bool) -> Vec<(&'static str, &'static str, Value)> {
        let mut bodies = vec![
            ("tools/call", "echo", json!({ "name": "echo", "arguments": { "a": [1, { "b": "ä\n" }] } })),
            ("tools/call", "echo", json!({ "name": "echo" })),
            ("tools/list", "", json!({ "cursor": "c" })),
            ("resources/list", "", json!({})),
            ("resources/templates/list", "", json!({ "cursor": null })),
            ("prompts/list", "", json!({ "unknown": { "cursor": 7 } })),
            ("resources/read", "a:b", json!({ "uri": "a:b" })),
        ];
        for (_, _, params) in &mut bodies {
            params["_meta"] = json!({ "progressToken": "t", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" });
            if modern {
                params["_meta"][format!("{META}protocolVersion")] = "2026-07-28".into();
                params["_meta"][format!("{META}clientCapabilities")] =
                    json!({ "roots": {}, "sampling": { "tools": {} } });
                params["_meta"][format!("{META}clientInfo")] =
                    json!({ "name": "x", "version": "1", "icons": [] });
                params["_meta"][format!("{META}logLevel")] = "info".into();
            }
        }
        bodies
    }

    fn message(method: &str, params: &Value) -> Vec<u8> {
        serde_json::to_vec(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })).unwrap()
    }

    #[test]
    fn what_is_usual_is_read_here() {
        for modern in [true, false] {
            for (method, name, params) in bodies(modern) {
                assert!(agree(&parts(modern, method, name), &message(method, &params)), "{method} {params}");
            }
        }
        let parts = parts(false, "", "");
        for body in [
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/list"}"#,
            r#" {"method":"tools/list","id":1,"x":[[]],"jsonrpc":"2.0","params":null}"#,
        ] {
            assert!(agree(&parts, body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn the_two_ways_never_disagree() {
        for modern in [true, false] {
            for (method, name, params) in bodies(modern) {
                let body = message(method, &params);
                for headers in [parts(modern, method, name), parts(!modern, method, name)] {
                    damage(&headers, &body);
                }
            }
        }
    }

    /// Every byte replaced by each of those that mean something in JSON, and every member there twice.
    fn damage(parts: &Parts, body: &[u8]) {
        let mut damaged = body.to_vec();
        for at in 0..body.len() {
            for byte in *b"\"\\{}[],:09-.eEntf \xC3\0" {
                damaged[at] = byte;
                agree(parts, &damaged);
            }
            damaged[at] = body[at];
            agree(parts, &body[..at]);
        }
        let text = std::str::from_utf8(body).unwrap();
        for name in [
            "jsonrpc",
            "id",
            "method",
            "params",
            "_meta",
            "name",
            "arguments",
            "uri",
            "cursor",
            "result",
            "error",
        ] {
            for value in ["null", "1", "\"x\"", "{}", "[]", "[\"2.0\"]", "{\"a\":1}"] {
                for opening in text.match_indices('{').map(|(at, _)| at + 1) {
                    let (before, after) = text.split_at(opening);
                    agree(parts, format!("{before}\"{name}\":{value},{after}").as_bytes());
                }
            }
        }
    }

    /// Bodies and headers with several things wrong at once, the same ones in each run.
    #[test]
    fn the_two_ways_never_disagree_whatever_is_done_to_a_message() {
        const MESSAGES: u32 = 30_000;
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
        let mut usual = 0;
        let good: Vec<_> = [true, false]
            .into_iter()
            .flat_map(|modern| bodies(modern).into_iter().map(move |body| (modern, body)))
            .map(|(modern, (method, name, params))| (parts(modern, method, name), message(method, &params)))
            .collect();
        for _ in 0..MESSAGES {
            let (mut parts, mut body) = good[chance.below(good.len())].clone();
            for _ in 0..chance.below(5) {
                chance.alter(&mut body);
            }
            if chance.below(3) == 0 {
                chance.alter_header(&mut parts.headers);
            }
            usual += u32::from(agree(&parts, &body));
        }
        assert!((MESSAGES / 10..MESSAGES * 9 / 10).contains(&usual), "{usual} of {MESSAGES} are usual");
    }

    /// A seeded generator of trouble (xorshift).
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % bound.max(1) as u64) as usize
        }

        fn of<T: Copy>(&mut self, all: &[T]) -> T {
            all[self.below(all.len())]
        }

        fn alter(&mut self, body: &mut Vec<u8>) {
            let at = self.below(body.len() + 1);
            let until = (at + self.below(40)).min(body.len());
            match self.below(8) {
                0 => drop(body.splice(at..until, [])),
                1 => {
                    let again = body[at..until].to_vec();
                    body.splice(until..until, again);
                }
                2 => {
                    let tokens: &[&str] = &[
                        "null",
                        "true",
                        "-0",
                        "1e400",
                        "9223372036854775808",
                        "0.1",
                        "\"\"",
                        "{}",
                        "[]",
                        "[[[",
                        "]}",
                        "\u{feff}",
                        "\0",
                        "\\u0000",
                        "\\ud800",
                        "\"2.0\"",
                        "\"tools/list\"",
                        " ",
                        "\u{a0}",
                    ];
                    let token = self.of(tokens);
                    body.splice(at..at, token.bytes());
                }
                3 => drop(body.splice(at..at, [self.below(256) as u8])),
                // A member at the beginning of some object.
                4 | 5 => {
                    let openings: Vec<usize> = (0..body.len()).filter(|&at| body[at] == b'{').collect();
                    if openings.is_empty() {
                        return;
                    }
                    let at = self.of(&openings) + 1;
                    let name = self.name();
                    let value = self.of(&[
                        "null",
                        "1",
                        "-1.5",
                        "\"x\"",
                        "\"2026-07-28\"",
                        "\"2025-11-25\"",
                        "{}",
                        "[]",
                        "[1]",
                        "{\"a\":1}",
                        "\"\\u0061\"",
                        "\"[1]\"",
                        "{\"roots\":{}}",
                        "{\"name\":\"n\",\"version\":\"1\"}",
                        "\"debug\"",
                    ]);
                    let comma = if body.get(at) == Some(&b'}') { "" } else { "," };
                    body.splice(at..at, format!("\"{name}\":{value}{comma}").bytes());
                }
                // One letter of a text written as an escape.
                6 => {
                    let letters: Vec<usize> =
                        (0..body.len()).filter(|&at| body[at].is_ascii_alphabetic()).collect();
                    if !letters.is_empty() {
                        let at = self.of(&letters);
                        let escape = format!("\\u{:04x}", body[at]);
                        body.splice(at..=at, escape.bytes());
                    }
                }
                _ => {
                    let depth = self.of(&[3, 100, 120, 126, 127, 128, 129, 200]);
                    let (open, close) = self.of(&[("[", "]"), ("{\"a\":", "}")]);
                    let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                    let values: Vec<usize> = (1..body.len()).filter(|&at| body[at - 1] == b':').collect();
                    if !values.is_empty() {
                        let at = self.of(&values);
                        body.splice(at..at, format!("{deep},\"y\":").bytes());
                    }
                }
            }
        }

        fn name(&mut self) -> String {
            let name = self.of(&[
                "jsonrpc",
                "id",
                "method",
                "params",
                "_meta",
                "name",
                "arguments",
                "uri",
                "cursor",
                "result",
                "error",
                "inputResponses",
                "requestState",
                "progressToken",
                "traceparent",
                "$serde_json::private::RawValue",
                "io.modelcontextprotocol/protocolVersion",
                "io.modelcontextprotocol/clientInfo",
                "io.modelcontextprotocol/clientCapabilities",
                "io.modelcontextprotocol/logLevel",
                "x",
            ]);
            let at = self.below(name.len());
            match self.below(4) {
                0 => format!("{}\\u{:04x}{}", &name[..at], name.as_bytes()[at], &name[at + 1..]),
                _ => name.to_owned(),
            }
        }

        fn alter_header(&mut self, headers: &mut HeaderMap) {
            let name = self.of(&["mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id"]);
            let value = self.of(&[
                "2026-07-28",
                "2025-11-25",
                "2025-03-26",
                "2024-11-05",
                "1999-01-01",
                " 2026-07-28 ",
                "",
                "tools/call",
                "tools/list",
                "Tools/call",
                "echo",
                "a:b",
                "=?base64?ZWNobw==?=",
                "=?base64?e?=",
                "s 1",
                "s1",
                "é",
            ]);
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            match self.below(3) {
                0 => drop(headers.remove(name)),
                1 => drop(headers.insert(name, value)),
                _ => drop(headers.append(name, value)),
            }
        }
    }

    #[test]
    fn what_is_not_usual_is_left_alone() {
        let parts = parts(false, "", "");
        let check = |body: &str| assert!(!agree(&parts, body.as_bytes()), "{body}");
        check(r#"["2.0",1,"tools/list"]"#);
        check(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"} x"#);
        check(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","result":null}"#);
        check(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#);
        check(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":[]}}"#);
        check(r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#);
        check(r#"{"jsonrpc":"2.0","method":"tools/list"}"#);
        check(r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"tools/list"}"#);
        check(r#"{"jsonrpc":"1.0","id":1,"method":"tools/list"}"#);
        check(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":[]}}"#);
        check(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","requestState":"x"}}"#);
        check(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","x":{"$serde_json::private::RawValue":"1"}}"#);
        check(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
        check("");
    }
}
