//! A whole request to a whole server: whatever comes, the answer is HTTP and JSON-RPC, and belongs to the request.
//! `{session}` in a header stands for a session that is open.
#![no_main]

use std::sync::LazyLock;

use barewire_fuzz::{ask, request};
use barewire_mcp::http::sse::Decoder;
use barewire_mcp::jsonrpc::{Message, parse, parse_batch};
use barewire_mcp_server::{
    Context, McpServer, McpService, NoArguments, Prompt, PromptArguments, Resource, ResourceTemplate, Tool,
    ToolError, UriVariables,
};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use libfuzzer_sys::fuzz_target;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Echo {
    text: String,
    #[serde(default)]
    times: u8,
}

struct Subject {
    service: McpService,
    session: HeaderValue,
}

static SUBJECT: LazyLock<Subject> = LazyLock::new(|| {
    let server = McpServer::builder("fuzz", "1")
        .logging()
        .tool(Tool::new("echo", "Says it again."), |_: Context, echo: Echo| async move {
            Ok::<_, ToolError>(echo.text.repeat(usize::from(echo.times % 4)))
        })
        .tool(Tool::new("fail", "Does not work."), |_: Context, _: NoArguments| async move {
            Err::<String, _>(ToolError::new("it does not"))
        })
        .resource(Resource::new("a:b", "text"), |_: Context| async { Ok::<_, ToolError>("text") })
        .resource_template(
            ResourceTemplate::new("post://{id}", "post"),
            |_: Context, variables: UriVariables| async move {
                variables.parse::<u64>("id").map(|id| id.to_string())
            },
        )
        .prompt(Prompt::new("ask", "Asks."), |_: Context, _: PromptArguments| async {
            Ok::<_, ToolError>("What?".to_owned())
        });
    let service = server.build().expect("it is a server").service();
    let opening = b"POST /mcp\ncontent-type: application/json\n\n{\"jsonrpc\":\"2.0\",\"id\":1,\
        \"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{},\
        \"clientInfo\":{\"name\":\"fuzz\",\"version\":\"1\"}}}";
    let (parts, body) = request(opening).expect("it is a request");
    let opened = ask(&service, Request::from_parts(parts, Bytes::copy_from_slice(body)));
    let session = opened.parts.headers.get("mcp-session-id").expect("there is a session").clone();
    Subject { service, session }
});

fuzz_target!(|data: &[u8]| {
    let Some((mut parts, body)) = request(data) else { return };
    for value in parts.headers.values_mut().filter(|value| value.as_bytes() == b"{session}") {
        value.clone_from(&SUBJECT.session);
    }
    // The session has to outlive the input.
    if parts.method == Method::DELETE {
        return;
    }
    let posted = parts.method == Method::POST;
    let answer = ask(&SUBJECT.service, Request::from_parts(parts, Bytes::copy_from_slice(body)));

    let status = answer.parts.status;
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "no handler of this server fails so");
    assert!(status != StatusCode::METHOD_NOT_ALLOWED || answer.parts.headers.contains_key(ALLOW));
    let asked = parse(body).ok();
    let id = match &asked {
        Some(Message::Request(request)) if posted => Some(&request.id),
        _ => None,
    };
    let media_type = answer.parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    match media_type {
        Some(b"text/event-stream") => {
            let events = Decoder::new(1 << 20).feed(&answer.body).expect("an event has a size");
            for data in events.iter().map(|event| &event.data).filter(|data| !data.is_empty()) {
                belongs(data.as_bytes(), id);
            }
        }
        Some(b"application/json") if answer.body.starts_with(b"[") => {
            assert!(asked.is_none(), "a batch answers a batch");
            for member in parse_batch(&answer.body, 50).expect("it is a batch") {
                belongs(member.get().as_bytes(), None);
            }
        }
        Some(b"application/json") => belongs(&answer.body, id),
        Some(other) => panic!("{}", other.escape_ascii()),
        None => assert!(answer.body.is_empty() && id.is_none()),
    }
});

/// It is a message; and if it answers, then what was asked.
fn belongs(message: &[u8], asked: Option<&barewire_mcp::jsonrpc::Id>) {
    match parse(message) {
        Ok(Message::Response(response)) => {
            if let (Some(id), Some(asked)) = (&response.id, asked) {
                assert_eq!(id, asked);
            }
        }
        Ok(Message::Notification(_)) => {}
        other => panic!("{other:?}: {}", message.escape_ascii()),
    }
}
