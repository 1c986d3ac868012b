//! A message of a server, as the client reads it in each revision: what was decoded is written, and decodes to the same.
#![no_main]

use std::sync::LazyLock;

use barewire_mcp::client::{self, Incoming};
use barewire_mcp::jsonrpc::{Id, Message, parse};
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::operation::Operation;
use barewire_mcp::wire::v2025_11_25::{self as legacy, ServerRequest};
use barewire_mcp::wire::v2026_07_28 as modern;
use libfuzzer_sys::fuzz_target;

/// One of each operation that a result can be the answer to.
static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let operations = [
        ("tools/list", "{}"),
        ("tools/call", r#"{"name":"a"}"#),
        ("resources/list", "{}"),
        ("resources/templates/list", "{}"),
        ("resources/read", r#"{"uri":"a:b"}"#),
        ("prompts/list", "{}"),
        ("prompts/get", r#"{"name":"a"}"#),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"a"},"argument":{"name":"b","value":"c"}}"#,
        ),
    ];
    let decode = |(method, params): (&str, &str)| {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let Ok(Message::Request(request)) = parse(text.as_bytes()) else { panic!("{method} is a request") };
        match modern::decode_request(&request) {
            Ok(modern::Request::Operation(operation)) => operation,
            other => panic!("{method} is an operation: {other:?}"),
        }
    };
    operations.into_iter().map(decode).collect()
});

fuzz_target!(|data: &[u8]| {
    for revision in Revision::ALL {
        for message in client::messages(revision, data, 8).unwrap_or_default() {
            match client::read(revision, message) {
                Ok(Incoming::Response { outcome: Ok(result), .. }) => results(revision, &result),
                Ok(Incoming::Response { outcome: Err(error), .. }) => {
                    let _ = client::is_resource_not_found(&error);
                }
                Ok(Incoming::Notification { notification, subscription }) => {
                    let once = match revision.era() {
                        Era::Modern => modern::encode_notification(&notification, subscription.as_ref()),
                        Era::Legacy => legacy::encode_notification(&notification),
                    };
                    let again = client::read(revision, &once).expect("what was written can be read");
                    let Incoming::Notification { notification: same, .. } = again else {
                        panic!("it is a notification")
                    };
                    assert_eq!(same, notification);
                }
                Ok(Incoming::Request { id, request: Ok(ServerRequest::Input(input)) }) => {
                    let once = legacy::encode_server_request(&id, &input).expect("it was read");
                    let again = client::read(revision, &once).expect("what was written can be read");
                    let Incoming::Request { request: Ok(ServerRequest::Input(same)), .. } = again else {
                        panic!("it is a request")
                    };
                    let once_more = legacy::encode_server_request(&id, &same).expect("it was read");
                    assert_eq!(once_more, once);
                }
                Ok(Incoming::Request { .. }) | Err(_) => {}
            }
        }
    }
});

fn results(revision: Revision, result: &RawJson) {
    let id = Id::from(1);
    for operation in OPERATIONS.iter() {
        if revision.era() == Era::Modern {
            let decode = |result: &RawJson| modern::decode_result(operation, result.as_raw());
            let Ok(decoded) = decode(result) else { continue };
            let write = |decoded: &modern::Decoded| {
                let cache = decoded.cache.unwrap_or_default();
                modern::encode_result(&id, &decoded.outcome, cache, decoded.server_info.as_ref())
            };
            let once = write(&decoded).expect("what was decoded can be written");
            let again = decode(&result_of(&once)).expect("what was written can be decoded");
            assert_eq!(write(&again).expect("and written again"), once);
        } else if revision == Revision::LATEST_LEGACY {
            let decode = |result: &RawJson| legacy::decode_result(operation, result.as_raw());
            let Ok(decoded) = decode(result) else { continue };
            let once = legacy::encode_result(&id, &decoded).expect("what was decoded can be written");
            let again = decode(&result_of(&once)).expect("what was written can be decoded");
            assert_eq!(legacy::encode_result(&id, &again).expect("and written again"), once);
        }
    }
    if revision.era() == Era::Modern
        && let Ok(discovered) = modern::decode_discover(result.as_raw())
    {
        let once = modern::encode_discover(&id, &discovered).expect("what was decoded can be written");
        let again = modern::decode_discover(result_of(&once).as_raw()).expect("it can be decoded");
        assert_eq!(again, discovered);
    }
}

fn result_of(message: &[u8]) -> RawJson {
    match parse(message) {
        Ok(Message::Response(response)) => response.outcome.expect("it is no error").into(),
        other => panic!("it is a response: {other:?}"),
    }
}
