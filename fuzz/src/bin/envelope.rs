//! One JSON-RPC message: what was read is written, and reads the same.
#![no_main]

use barewire_mcp::jsonrpc::{Message, parse, write};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(message) = parse(data) else { return };
    // Whoever stands between reads the same bytes as JSON, and has to see the same.
    if let Ok(seen) = serde_json::from_slice::<Value>(data) {
        assert_eq!(seen["jsonrpc"], "2.0");
        assert_eq!(seen.get("method").is_some(), !matches!(message, Message::Response(_)));
        assert!(seen.get("error").is_none_or(Value::is_object));
    }
    let once = written(&message);
    let again = parse(&once).expect("what was written can be read");
    assert_eq!(written(&again), once);
});

fn written(message: &Message<'_>) -> Bytes {
    let no_params = serde_json::json!({});
    let written = match message {
        Message::Request(request) => match request.params {
            Some(params) => write::request(&request.id, &request.method, params),
            None => write::request(&request.id, &request.method, &no_params),
        },
        Message::Notification(notification) => match notification.params {
            Some(params) => write::notification(&notification.method, params),
            None => write::notification(&notification.method, &no_params),
        },
        Message::Response(response) => match (&response.id, &response.outcome) {
            (Some(id), Ok(result)) => write::result(id, result),
            (None, Ok(_)) => panic!("a result without an id answers nothing"),
            (id, Err(error)) => Ok(write::error(id.as_ref(), error)),
        },
    };
    written.expect("what was read can be written")
}
