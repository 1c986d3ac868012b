//! Writing one message: from a value to the bytes of the whole message, in one pass.

use bytes::Bytes;
use serde::Serialize;

use super::{ErrorObject, Id, VERSION};

/// The bytes of a request.
///
/// # Errors
/// Only where the `Serialize` of `params` itself refuses.
pub fn request<P: Serialize + ?Sized>(id: &Id, method: &str, params: &P) -> Result<Bytes, serde_json::Error> {
    #[derive(Serialize)]
    struct Request<'a, P: ?Sized> {
        jsonrpc: &'static str,
        id: &'a Id,
        method: &'a str,
        params: &'a P,
    }
    bytes(&Request { jsonrpc: VERSION, id, method, params })
}

/// The bytes of a notification.
///
/// # Errors
/// Only where the `Serialize` of `params` itself refuses.
pub fn notification<P: Serialize + ?Sized>(method: &str, params: &P) -> Result<Bytes, serde_json::Error> {
    #[derive(Serialize)]
    struct Notification<'a, P: ?Sized> {
        jsonrpc: &'static str,
        method: &'a str,
        params: &'a P,
    }
    bytes(&Notification { jsonrpc: VERSION, method, params })
}

/// The bytes of a response with a result.
///
/// # Errors
/// Only where the `Serialize` of `result` itself refuses.
pub fn result<R: Serialize + ?Sized>(id: &Id, result: &R) -> Result<Bytes, serde_json::Error> {
    #[derive(Serialize)]
    struct Response<'a, R: ?Sized> {
        jsonrpc: &'static str,
        id: &'a Id,
        result: &'a R,
    }
    bytes(&Response { jsonrpc: VERSION, id, result })
}

/// The beginning of a response whose result is JSON text already, up to this part of the result. The rest of it follows, and
/// the brace that closes the message.
pub fn result_head(id: &Id, begun: &[&str]) -> Bytes {
    let length: usize = begun.iter().map(|piece| piece.len()).sum();
    // Room for an id of a usual length.
    let mut message = Vec::with_capacity(length + 64);
    message.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    serde_json::to_writer(&mut message, id).expect("a string or a number always serialises");
    message.extend_from_slice(b",\"result\":");
    begun.iter().for_each(|piece| message.extend_from_slice(piece.as_bytes()));
    Bytes::from(message)
}

/// The bytes of a response with an error. Without an id, the member is left out, as MCP's schema has it.
pub fn error(id: Option<&Id>, error: &ErrorObject) -> Bytes {
    #[derive(Serialize)]
    struct Response<'a> {
        jsonrpc: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a Id>,
        error: &'a ErrorObject,
    }
    bytes(&Response { jsonrpc: VERSION, id, error })
        .expect("strings, an integer and a serde_json::Value always serialise")
}

fn bytes<T: Serialize>(message: &T) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(message).map(Bytes::from)
}
