//! Bodies that are not messages: what comes back, and that nothing panics.

use barewire_mcp::client;
use barewire_mcp::http::sse::Decoder;
use barewire_mcp::revision::Revision;
use barewire_mcp::server;
use bytes::Bytes;

use crate::acceptance::head;

fn refused(body: &[u8]) -> (u16, String) {
    let response =
        server::accept_post(&head("POST", &[]), &Bytes::copy_from_slice(body)).unwrap_err().response();
    (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
}

#[test]
fn an_answer_without_an_id_leaves_the_member_out() {
    let (status, body) = refused(b"{");
    assert_eq!(status, 400);
    assert_eq!(body, r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"the body is not valid JSON"}}"#);
}

#[test]
fn the_id_is_echoed_when_it_can_be_read() {
    let check = |body: &str, code: &str, id: &str| {
        let (status, answer) = refused(body.as_bytes());
        assert_eq!(status, 400, "{body}");
        assert!(answer.contains(code) && answer.contains(id), "{body}: {answer}");
    };
    check(r#"{"jsonrpc":"1.0","id":"x","method":"a"}"#, "-32600", r#""id":"x""#);
    check(r#"{"jsonrpc":"2.0","id":"x","method":1}"#, "-32600", r#""id":"x""#);
    check(r#"{"jsonrpc":"2.0","id":5,"method":"a","params":[]}"#, "-32600", r#""id":5"#);
    // Where it cannot be a batch.
    let parts = head("POST", &[("mcp-protocol-version", "2025-06-18")]);
    let batch = server::accept_post(&parts, &r#"[{"jsonrpc":"2.0","id":5,"method":"a"}]"#.into());
    assert_eq!(batch.unwrap_err().error.to_string(), "the body is a batch; send one message per request");
}

/// Every prefix of a real message, and every message with one byte changed, is refused or taken, and never a panic.
#[test]
fn damaged_messages() {
    let message = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":[1,{"b":"\u00e4"}]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let parts = head("POST", &[("mcp-protocol-version", "2026-07-28")]);
    for end in 0..message.len() {
        assert!(server::accept_post(&parts, &Bytes::from_static(&message[..end])).is_err());
    }
    let mut damaged = message.to_vec();
    for at in 0..message.len() {
        for byte in [0, b'"', b'{', b'}', b'[', b',', b'9', 0xFF] {
            damaged[at] = byte;
            let _ = server::accept_post(&parts, &Bytes::copy_from_slice(&damaged));
            let _ = client::read(Revision::V2025_11_25, &damaged);
            let _ = client::messages(Revision::V2025_03_26, &damaged, 2);
            let _ = Decoder::new(1000).feed(&damaged);
        }
        damaged[at] = message[at];
    }
}
