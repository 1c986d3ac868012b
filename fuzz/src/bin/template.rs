//! URI templates: an address that matches one gives values from which the template makes an address with the same values.
#![no_main]

use std::sync::LazyLock;

use barewire_fuzz::ask;
use barewire_mcp::client::{self, Incoming};
use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::jsonrpc::Id;
use barewire_mcp::revision::Revision;
use barewire_mcp::types::capabilities::ClientCapabilities;
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::operation::Operation;
use barewire_mcp::types::resources::ReadResourceRequest;
use barewire_mcp::wire::v2026_07_28::{ClientMeta, Request};
use barewire_mcp_server::{Context, McpServer, McpService, ResourceTemplate, ToolError, UriVariables};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const NAMES: [&str; 2] = ["x", "y"];
/// What is between the variables cannot be in one; after those the same address can be read in two ways.
const TEMPLATES: [&str; 6] =
    ["post:{x}", "test://template/{x}/data", "a:{x}/{y}", "b:{y}?k={x}", "c:{x}-{y}", "d:{y}.{x}.txt"];
const IN_ONE_WAY: usize = 4;

static SERVICE: LazyLock<McpService> = LazyLock::new(|| {
    let mut server = McpServer::builder("fuzz", "1");
    for (index, template) in TEMPLATES.into_iter().enumerate() {
        let values = move |_: Context, variables: UriVariables| async move {
            let values = NAMES.map(|name| variables.get(name).to_owned());
            Ok::<_, ToolError>(json!({ "index": index, "values": values }).to_string())
        };
        server = server.resource_template(ResourceTemplate::new(template, template), values);
    }
    server.build().expect("the templates are fine").service()
});

fuzz_target!(|data: &[u8]| {
    let Ok(uri) = std::str::from_utf8(data) else { return };
    let Some((index, values)) = read(uri) else { return };
    let expanded = expand(TEMPLATES[index], &values);
    let (same, again) = read(&expanded).expect("an address made of a template matches it");
    assert_eq!(same, index);
    if index < IN_ONE_WAY {
        assert_eq!(again, values);
    }
});

fn read(uri: &str) -> Option<(usize, [String; 2])> {
    let (info, capabilities) = (Implementation::new("fuzz", "1"), ClientCapabilities::default());
    let meta = ClientMeta {
        revision: Revision::LATEST_MODERN,
        client_info: &info,
        client_capabilities: &capabilities,
        log_level: None,
        progress_token: None,
        extra: None,
    };
    let wanted = ReadResourceRequest { uri: uri.to_owned(), answers: Default::default() };
    let wanted = Request::Operation(Operation::ReadResource(wanted));
    let outgoing = client::modern::request(&Id::from(1), &wanted, &meta, &MirroredParams::default())
        .expect("it can be written");
    let mut request = http::Request::post("/mcp").body(outgoing.body).expect("it is a request");
    *request.headers_mut() = outgoing.headers;
    let answer = ask(&SERVICE, request);
    let read = client::read(Revision::LATEST_MODERN, &answer.body).expect("the answer is a message");
    let Incoming::Response { outcome, .. } = read else { panic!("the answer is a response") };
    let result: Value = outcome.ok()?.decode().expect("it is JSON");
    let text = result["contents"][0]["text"].as_str().expect("the handler gives text");
    let seen: Value = serde_json::from_str(text).expect("the handler gives JSON");
    let index = seen["index"].as_u64().and_then(|index| usize::try_from(index).ok());
    let values = serde_json::from_value(seen["values"].clone()).expect("the handler gives two texts");
    Some((index.expect("the handler says which"), values))
}

/// RFC 6570 §3.2.2: everything but unreserved characters in percent triplets.
fn expand(template: &str, values: &[String; 2]) -> String {
    let mut expanded = template.to_owned();
    for (name, value) in NAMES.iter().zip(values) {
        let mut written = String::new();
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                written.push(char::from(byte));
            } else {
                written.push_str(&format!("%{byte:02X}"));
            }
        }
        expanded = expanded.replace(&format!("{{{name}}}"), &written);
    }
    expanded
}
