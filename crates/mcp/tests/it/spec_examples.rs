//! Every example of the specification is decoded into its type and written again, and nothing is lost.

use barewire_mcp::jsonrpc::{self, ErrorObject, Id, Message, write};
use barewire_mcp::revision::Revision;
use barewire_mcp::types::capabilities::{ClientCapabilities, ServerCapabilities};
use barewire_mcp::types::completion::{CompleteRequest, CompletionArgument, CompletionReference};
use barewire_mcp::types::content::ContentBlock;
use barewire_mcp::types::elicitation::{ElicitRequest, ElicitResult, PrimitiveSchema};
use barewire_mcp::types::input::{InputRequest, InputRequests};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::logging::LoggingMessage;
use barewire_mcp::types::notification::Cancelled;
use barewire_mcp::types::operation::{Operation, Page};
use barewire_mcp::types::progress::Progress;
use barewire_mcp::types::resources::{Resource, ResourceContents};
use barewire_mcp::types::roots::{ListRootsResult, Root};
use barewire_mcp::types::sampling::{
    CreateMessageRequest, CreateMessageResult, ModelPreferences, SamplingMessage,
};
use barewire_mcp::types::tools::Tool;
use barewire_mcp::wire::v2026_07_28::{self as wire, ClientMeta};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::spec;

#[test]
fn examples_of_2026_07_28_round_trip() {
    let Some(folder) = spec::folder("examples_of_2026_07_28_round_trip") else { return };
    let mut count = 0;
    for kind in spec::entries(&folder.join("2026-07-28/examples")) {
        let name = kind.file_name().unwrap().to_str().unwrap();
        for example in spec::entries(&kind) {
            let text = spec::text(&example);
            let written = round_trip(name, &text);
            let (written, read): (Value, Value) =
                (serde_json::from_str(&written).unwrap(), serde_json::from_str(&text).unwrap());
            assert_eq!(said(written), said(read), "{}", example.display());
            count += 1;
        }
    }
    assert!(count > 100, "only {count} examples in {}", folder.display());
}

/// Members that say what their absence says as well.
fn said(mut value: Value) -> Value {
    let silent = [
        ("isError", Value::from(false)),
        ("listChanged", Value::from(false)),
        ("subscribe", Value::from(false)),
        ("mode", Value::from("form")),
        // One example of a read leaves them out, although the schema requires them.
        ("ttlMs", Value::from(0)),
        ("cacheScope", Value::from("private")),
    ];
    if let Some(object) = value.as_object_mut() {
        for (name, default) in &silent {
            if object.get(*name) == Some(default) {
                object.remove(*name);
            }
        }
        for member in object.values_mut() {
            *member = said(member.take());
        }
    }
    value
}

fn round_trip(kind: &str, text: &str) -> String {
    match kind {
        "InputRequests" => typed::<InputRequests>(text),
        "InputResponses" => input_responses(text),
        "ElicitRequest" | "CreateMessageRequest" => typed::<InputRequest>(text),
        "ListRootsRequest" => with_id(&typed::<InputRequest>(text), text),
        "ElicitRequestFormParams" | "ElicitRequestURLParams" => typed::<ElicitRequest>(text),
        "CreateMessageRequestParams" => typed::<CreateMessageRequest>(text),
        "CreateMessageResult" => typed::<CreateMessageResult>(text),
        "ElicitResult" => typed::<ElicitResult>(text),
        "ListRootsResult" => typed::<ListRootsResult>(text),
        "Root" => typed::<Root>(text),
        "SamplingMessage" => typed::<SamplingMessage>(text),
        "ModelPreferences" => typed::<ModelPreferences>(text),
        "TextContent" | "ImageContent" | "AudioContent" | "EmbeddedResource" | "ResourceLink"
        | "ToolUseContent" | "ToolResultContent" => known_block(text),
        "TextResourceContents" | "BlobResourceContents" => typed::<ResourceContents>(text),
        "Resource" => typed::<Resource>(text),
        "Tool" => typed::<Tool>(text),
        "ClientCapabilities" => typed::<ClientCapabilities>(text),
        "ServerCapabilities" => typed::<ServerCapabilities>(text),
        "CancelledNotificationParams" => typed::<Cancelled>(text),
        "LoggingMessageNotificationParams" => typed::<LoggingMessage>(text),
        "ProgressNotificationParams" => typed::<Progress>(text),
        "ResourceUpdatedNotificationParams" => params_of("notifications/resources/updated", text),
        "InternalError" | "InvalidParamsError" | "MethodNotFoundError" | "ParseError" => {
            typed::<ErrorObject>(text)
        }
        "CallToolRequestParams" => params_of("tools/call", text),
        "CompleteRequestParams" => params_of("completion/complete", text),
        "GetPromptRequestParams" => params_of("prompts/get", text),
        "PaginatedRequestParams" => params_of("tools/list", text),
        _ if kind.ends_with("Schema") => typed::<PrimitiveSchema>(text),
        _ if kind.ends_with("Result") => result_of(kind, text),
        _ if kind.ends_with("Request") || kind.ends_with("Notification") => message(text),
        _ if kind.ends_with("ResultResponse") || kind.ends_with("Error") => response(kind, text),
        _ => panic!("no test knows the examples in {kind}"),
    }
}

fn typed<T: DeserializeOwned + Serialize>(text: &str) -> String {
    let value: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    serde_json::to_string(&value).unwrap()
}

fn known_block(text: &str) -> String {
    let block: ContentBlock = serde_json::from_str(text).unwrap();
    assert!(!matches!(block, ContentBlock::Other(_)), "{text}");
    serde_json::to_string(&block).unwrap()
}

/// The example of `roots/list` carries an id, which an input request has not.
fn with_id(written: &str, text: &str) -> String {
    let (mut written, read): (Value, Value) =
        (serde_json::from_str(written).unwrap(), serde_json::from_str(text).unwrap());
    written["id"] = read["id"].clone();
    written.to_string()
}

/// Answers have no type of their own: the key of the request says what each is.
fn input_responses(text: &str) -> String {
    let call = format!(r#"{{"name":"x","inputResponses":{text},"_meta":{META}}}"#);
    let written: Value = serde_json::from_str(&params_of("tools/call", &call)).unwrap();
    let responses = &written["inputResponses"];
    let _: ElicitResult = serde_json::from_value(responses["github_login"].clone()).unwrap();
    let _: CreateMessageResult = serde_json::from_value(responses["capital_of_france"].clone()).unwrap();
    responses.to_string()
}

const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"ExampleClient","version":"1.0.0"},"io.modelcontextprotocol/clientCapabilities":{}}"#;

fn params_of(method: &str, params: &str) -> String {
    let head = if method.starts_with("notifications/") { "" } else { r#""id":1,"# };
    let text = format!(r#"{{"jsonrpc":"2.0",{head}"method":"{method}","params":{params}}}"#);
    let written: Value = serde_json::from_str(&message(&text)).unwrap();
    written["params"].to_string()
}

fn message(text: &str) -> String {
    let bytes = match jsonrpc::parse(text.as_bytes()).unwrap() {
        Message::Request(request) => {
            let (version, meta) = wire::decode_meta(request.params).unwrap();
            let meta = ClientMeta {
                revision: Revision::parse(&version).unwrap(),
                client_info: meta.client_info.as_ref().unwrap(),
                client_capabilities: &meta.client_capabilities,
                log_level: meta.log_level,
                progress_token: meta.progress_token.as_ref(),
                extra: None,
            };
            wire::encode_request(&request.id, &wire::decode_request(&request).unwrap(), &meta).unwrap()
        }
        Message::Notification(notification) => {
            let (decoded, subscription) = wire::decode_server_notification(&notification).unwrap();
            wire::encode_notification(&decoded, subscription.as_ref())
        }
        Message::Response(_) => panic!("{text} is a response"),
    };
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn response(kind: &str, text: &str) -> String {
    let Message::Response(response) = jsonrpc::parse(text.as_bytes()).unwrap() else {
        panic!("{text} is no response")
    };
    match response.outcome {
        Err(error) => String::from_utf8(write::error(response.id.as_ref(), &error).to_vec()).unwrap(),
        Ok(result) => {
            let written = result_of(kind.strip_suffix("Response").unwrap(), result.get());
            let raw = RawJson::parse(&written).unwrap();
            let id = response.id.unwrap();
            String::from_utf8(write::result(&id, &raw).unwrap().to_vec()).unwrap()
        }
    }
}

fn result_of(kind: &str, text: &str) -> String {
    let raw: &RawValue = serde_json::from_str(text).unwrap();
    let id = Id::from(1);
    let bytes = match kind {
        "DiscoverResult" => wire::encode_discover(&id, &wire::decode_discover(raw).unwrap()).unwrap(),
        "SubscriptionsListenResult" => {
            let read: Value = serde_json::from_str(text).unwrap();
            let subscription = read["_meta"]["io.modelcontextprotocol/subscriptionId"].as_str().unwrap();
            wire::encode_listen_closed(&Id::from(subscription), None)
        }
        _ => {
            let decoded = wire::decode_result(&asked_for(kind), raw).unwrap();
            let cache = decoded.cache.unwrap_or_default();
            wire::encode_result(&id, &decoded.outcome, cache, decoded.server_info.as_ref()).unwrap()
        }
    };
    let Message::Response(response) = jsonrpc::parse(&bytes).unwrap() else { panic!("not a response") };
    response.outcome.unwrap().get().to_owned()
}

fn asked_for(kind: &str) -> Operation {
    let page = Page::default();
    match kind {
        "CallToolResult" | "InputRequiredResult" => Operation::CallTool(Default::default()),
        "ListToolsResult" => Operation::ListTools(page),
        "ListResourcesResult" => Operation::ListResources(page),
        "ListResourceTemplatesResult" => Operation::ListResourceTemplates(page),
        "ReadResourceResult" => Operation::ReadResource(Default::default()),
        "ListPromptsResult" => Operation::ListPrompts(page),
        "GetPromptResult" => Operation::GetPrompt(Default::default()),
        "CompleteResult" => Operation::Complete(CompleteRequest {
            reference: CompletionReference::Prompt { name: "x".into(), title: None },
            argument: CompletionArgument { name: "x".into(), value: String::new() },
            context: Default::default(),
        }),
        _ => panic!("no test knows the result {kind}"),
    }
}
