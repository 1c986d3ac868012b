//! A POST to the server: both readers of a request agree, and what is refused is refused in a message that echoes the id.
#![no_main]

use barewire_fuzz::request;
use barewire_mcp::jsonrpc::{Message, parse};
use barewire_mcp::server::{Accepted, Rejection, accept_post};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((parts, body)) = request(data) else { return };
    let usual = accept_post(&parts, &Bytes::copy_from_slice(body));
    if let Err(rejection) = &usual {
        let answer = rejection.response();
        let Ok(Message::Response(answer)) = parse(answer.body()) else { panic!("a refusal is a message") };
        assert!(answer.id == rejection.id && answer.outcome.is_err());
    }
    let Ok(Message::Request(request)) = parse(body) else { return };
    // The same request, spelled so that the reader of usual ones leaves it to the other.
    let id = serde_json::to_string(&request.id).expect("an id can be written");
    let method = serde_json::to_string(&request.method).expect("a text can be written");
    let mut unusual = format!(r#"{{"jsonrpc":"2\u002e0","id":{id},"method":{method}"#);
    if let Some(params) = request.params {
        unusual.extend([r#","params":"#, params.get()]);
    }
    unusual.push('}');
    assert_eq!(shown(usual), shown(accept_post(&parts, &unusual.into())));
});

fn shown(accepted: Result<Accepted, Rejection>) -> String {
    format!("{accepted:?}")
}
