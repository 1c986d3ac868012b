//! Reading one message, and the members of a batch.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{ErrorObject, Id, Message, Notification, Request, Response, VERSION};
use crate::types::json;

/// Reads one message from the bytes of one body.
///
/// Decided here, once: a batch is refused (only 2025-03-26 has them, see [`parse_batch`]), a member of the envelope that is
/// there twice is refused (two readers could take different ones), other members are ignored, `params` is an object.
/// All of the body is UTF-8, in members that nobody reads too: whoever stands between may read them.
/// A nesting bomb is harmless: what is skipped is skipped without recursion, and what is decoded later stops at
/// `serde_json`'s depth limit of 128. A name by which it would go on beyond that limit is refused, at any depth.
///
/// # Errors
/// [`EnvelopeError`], which carries the id when one could be read, because the answer has to echo it.
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, EnvelopeError> {
    let broken = |fault| EnvelopeError { id: None, fault };
    let body = std::str::from_utf8(bytes).map_err(|_| broken(EnvelopeFault::NotJson))?;
    let members: Members<'_> = serde_json::from_str(body).map_err(|error| broken(fault_of(&error, body)))?;
    // Of two ids neither is the one to echo.
    let only_id = members.id.filter(|_| members.twice != Some("id"));
    let (id, id_fault) = match only_id.map(|raw| serde_json::from_str::<Id>(raw.get())) {
        None => (None, None),
        Some(Ok(id)) => (Some(id), None),
        Some(Err(_)) => (None, Some(EnvelopeFault::Id)),
    };
    let fail = |fault| EnvelopeError { id: id.clone(), fault };
    if let Some(member) = members.twice {
        return Err(fail(EnvelopeFault::Twice(member)));
    }
    if json::has_reserved_name(body) {
        return Err(fail(EnvelopeFault::Reserved));
    }
    if members.jsonrpc.and_then(text).as_deref() != Some(VERSION) {
        return Err(fail(EnvelopeFault::Version));
    }
    let Some(method) = members.method else {
        return response(&members, id.clone(), id_fault).map(Message::Response).map_err(fail);
    };
    if let Some(fault) = id_fault {
        return Err(fail(fault));
    }
    if members.result.is_some() || members.error.is_some() {
        return Err(fail(EnvelopeFault::Shape));
    }
    let method = text(method).ok_or_else(|| fail(EnvelopeFault::Method))?;
    // Explicit null is what some serialisers write for "no params".
    let params = members.params.filter(|raw| raw.get() != "null");
    if params.is_some_and(|raw| !raw.get().starts_with('{')) {
        return Err(fail(EnvelopeFault::Params));
    }
    Ok(match id {
        Some(id) => Message::Request(Request { id, method, params }),
        None => Message::Notification(Notification { method, params }),
    })
}

/// Finds the members of a batch ([JSON-RPC](https://www.jsonrpc.org/specification#batch)), each of them still to be
/// [`parse`]d: at most `max`, at least one, and none of them an array.
///
/// # Errors
/// Not a batch, or not such a one. What comes after the member that is one too many is not looked at.
pub fn parse_batch(bytes: &[u8], max: usize) -> Result<Vec<&RawValue>, EnvelopeFault> {
    let body = std::str::from_utf8(bytes).map_err(|_| EnvelopeFault::NotJson)?;
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let mut fault = EnvelopeFault::NotJson;
    let members = deserializer
        .deserialize_seq(BatchVisitor { max, fault: &mut fault })
        .and_then(|members| deserializer.end().map(|()| members))
        .map_err(|_| fault)?;
    if members.is_empty() {
        return Err(EnvelopeFault::EmptyBatch);
    }
    if members.iter().any(|member| member.get().starts_with('[')) {
        return Err(EnvelopeFault::NestedBatch);
    }
    Ok(members)
}

/// A body that is not a JSON-RPC message, and the id that the answer echoes when it could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct EnvelopeError {
    /// The id of the refused message.
    pub id: Option<Id>,
    /// What is wrong with it.
    pub fault: EnvelopeFault,
}

/// What is wrong with an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// Not JSON at all; the only fault that is a parse error (-32700).
    #[error("the body is not valid JSON")]
    NotJson,
    /// A JSON array where there are no batches: only revision 2025-03-26 has them.
    #[error("the body is a batch; send one message per request")]
    Batch,
    /// A batch of nothing.
    #[error("the batch is empty")]
    EmptyBatch,
    /// A batch of more messages than the server takes at once.
    #[error("the batch has too many messages")]
    LongBatch,
    /// A batch in a batch.
    #[error("a batch cannot be in a batch")]
    NestedBatch,
    /// Two requests of a batch have the same id, so their answers could not be told apart.
    #[error("two requests of the batch have the same id")]
    SameId,
    /// `initialize` in a batch: before it is answered there is no session for the others.
    #[error("`initialize` cannot be in a batch")]
    HandshakeInBatch,
    /// JSON, but not an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// `jsonrpc` is missing or not "2.0".
    #[error("the member `jsonrpc` has to be \"2.0\"")]
    Version,
    /// `id` is null, a fraction, or another type.
    #[error("the member `id` has to be a string or an integer")]
    Id,
    /// `method` is not a string.
    #[error("the member `method` has to be a string")]
    Method,
    /// `params` is not an object.
    #[error("the member `params` has to be an object")]
    Params,
    /// `error` is not an object with an integer code and a message.
    #[error("the member `error` has to be an object with `code` and `message`")]
    Error,
    /// Neither a request nor a notification nor a response, or more than one of them.
    #[error("a message has either a method, or a result, or an error")]
    Shape,
    /// A member is there twice.
    #[error("the member `{0}` is there twice")]
    Twice(&'static str),
    /// A member has a name that readers may take for something else.
    #[error("a member has a reserved name")]
    Reserved,
}

fn response<'a>(
    members: &Members<'a>,
    id: Option<Id>,
    id_fault: Option<EnvelopeFault>,
) -> Result<Response<'a>, EnvelopeFault> {
    match (members.result, members.error) {
        (Some(result), None) => match (id, id_fault) {
            (Some(id), _) => Ok(Response { id: Some(id), outcome: Ok(result) }),
            (None, fault) => Err(fault.unwrap_or(EnvelopeFault::Id)),
        },
        // JSON-RPC itself writes `"id": null` where the id could not be read; MCP leaves the member out. Both are seen.
        (None, Some(error)) if id_fault.is_none() || members.id.is_some_and(|raw| raw.get() == "null") => {
            let error = json::object(&mut serde_json::Deserializer::from_str(error.get()));
            let error: ErrorObject = error.map_err(|_| EnvelopeFault::Error)?;
            Ok(Response { id, outcome: Err(error) })
        }
        (None, Some(_)) => Err(EnvelopeFault::Id),
        _ => Err(EnvelopeFault::Shape),
    }
}

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(serde::Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str(raw.get()).ok().map(|Text(text)| text)
}

fn fault_of(error: &serde_json::Error, body: &str) -> EnvelopeFault {
    if !error.is_data() {
        return EnvelopeFault::NotJson;
    }
    // The visitor refuses the first token of anything but an object, so the rest has not been looked at.
    if serde_json::from_str::<de::IgnoredAny>(body).is_err() {
        return EnvelopeFault::NotJson;
    }
    match body.bytes().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => EnvelopeFault::Batch,
        _ => EnvelopeFault::NotAnObject,
    }
}

/// The members of an envelope, all raw, so that a wrong type in one does not hide the id.
#[derive(Default)]
struct Members<'a> {
    jsonrpc: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    twice: Option<&'static str>,
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(Key(name)) = map.next_key()? {
            let (slot, name) = match &*name {
                "jsonrpc" => (&mut members.jsonrpc, "jsonrpc"),
                "id" => (&mut members.id, "id"),
                "method" => (&mut members.method, "method"),
                "params" => (&mut members.params, "params"),
                "result" => (&mut members.result, "result"),
                "error" => (&mut members.error, "error"),
                _ => {
                    map.next_value::<de::IgnoredAny>()?;
                    continue;
                }
            };
            if slot.replace(map.next_value()?).is_some() && members.twice != Some("id") {
                members.twice = Some(name);
            }
        }
        Ok(members)
    }
}

/// Stops one after the last member that there may be: a body of some megabytes can have a million.
struct BatchVisitor<'a> {
    max: usize,
    fault: &'a mut EnvelopeFault,
}

impl<'de> Visitor<'de> for BatchVisitor<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = array.next_element()? {
            if members.len() == self.max {
                *self.fault = EnvelopeFault::LongBatch;
                return Err(de::Error::custom("too many"));
            }
            members.push(member);
        }
        Ok(members)
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        let seen = match parse(body.as_bytes()) {
            Ok(Message::Request(m)) => {
                format!("request {} {} {:?}", m.id, m.method, m.params.map(RawValue::get))
            }
            Ok(Message::Notification(m)) => {
                format!("notification {} {:?}", m.method, m.params.map(RawValue::get))
            }
            Ok(Message::Response(m)) => match m.outcome {
                Ok(result) => format!("result {:?} {}", m.id, result.get()),
                Err(error) => format!("error {:?} {}", m.id, error.code),
            },
            Err(e) => format!("refused {:?} {:?}", e.id, e.fault),
        };
        assert_eq!(seen, expected, "{body}");
    }

    #[test]
    fn messages() {
        check(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request 1 ping None");
        check(
            r#"{"method":"a\u002fb","params":null,"id":"x","jsonrpc":"2.0","more":[{}]}"#,
            "request x a/b None",
        );
        check(r#"{"jsonrpc":"2.0","method":"n","params":{"a":1}}"#, r#"notification n Some("{\"a\":1}")"#);
        check(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "result Some(Integer(1)) {}");
        check(r#"{"jsonrpc":"2.0","error":{"code":-1,"message":""}}"#, "error None -1");
        check(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":""}}"#, "error None -1");
    }

    #[test]
    fn refused() {
        check("", "refused None NotJson");
        check("{", "refused None NotJson");
        check("[}", "refused None NotJson");
        check(r#"{"jsonrpc":"2.0","id":1,"method":"a"} x"#, "refused None NotJson");
        check("[]", "refused None Batch");
        check(r#" [{"jsonrpc":"2.0","id":1,"method":"a"}]"#, "refused None Batch");
        check("7", "refused None NotAnObject");
        check(r#"{"id":1,"method":"a"}"#, "refused Some(Integer(1)) Version");
        check(r#"{"jsonrpc":2.0,"id":1,"method":"a"}"#, "refused Some(Integer(1)) Version");
        check(r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, "refused None Id");
        check(r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#, "refused None Id");
        check(r#"{"jsonrpc":"2.0","id":9223372036854775808,"method":"a"}"#, "refused None Id");
        check(r#"{"jsonrpc":"2.0","id":1,"method":7}"#, "refused Some(Integer(1)) Method");
        check(r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#, "refused Some(Integer(1)) Params");
        check(r#"{"jsonrpc":"2.0","id":1,"method":"a","id":2}"#, r#"refused None Twice("id")"#);
        check(
            r#"{"jsonrpc":"2.0","id":1,"\u0069d":2,"method":"a","method":"b"}"#,
            r#"refused None Twice("id")"#,
        );
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#,
            r#"refused Some(Integer(1)) Twice("method")"#,
        );
        check(r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#, "refused Some(Integer(1)) Shape");
        check(r#"{"jsonrpc":"2.0","id":1}"#, "refused Some(Integer(1)) Shape");
        check(r#"{"jsonrpc":"2.0","result":{}}"#, "refused None Id");
        check(r#"{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}"#, "refused Some(Integer(1)) Error");
    }

    #[test]
    fn an_error_written_as_a_list_is_no_error_object() {
        check(r#"{"jsonrpc":"2.0","id":1,"error":[-1,"x"]}"#, "refused Some(Integer(1)) Error");
    }

    #[test]
    fn batches() {
        let check = |body: &str, expected: Result<&[&str], EnvelopeFault>| {
            let seen = parse_batch(body.as_bytes(), 2);
            let seen = seen.map(|members| members.into_iter().map(RawValue::get).collect::<Vec<_>>());
            assert_eq!(seen.as_deref(), expected.as_deref(), "{body}");
        };
        check(r#" [{"a":1}, 7 ] "#, Ok(&[r#"{"a":1}"#, "7"]));
        check("[1,2]", Ok(&["1", "2"]));
        check("[1,2,3]", Err(EnvelopeFault::LongBatch));
        check("[1,2,3,]", Err(EnvelopeFault::LongBatch));
        check("[]", Err(EnvelopeFault::EmptyBatch));
        check("[{},[]]", Err(EnvelopeFault::NestedBatch));
        for wrong in ["", "[", "[1", "[1,]", "[1] 2", "{}", "7"] {
            check(wrong, Err(EnvelopeFault::NotJson));
        }
        let depth = 200_000;
        check(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)), Err(EnvelopeFault::NestedBatch));
    }

    #[test]
    fn nesting_bomb() {
        let depth = 200_000;
        let bomb = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(&bomb, "refused None Batch");
        let ignored = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a","x":{bomb}}}"#);
        check(&ignored, "request 1 a None");
        let params = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{{"x":{bomb}}}}}"#);
        let Ok(Message::Request(request)) = parse(params.as_bytes()) else { panic!("the envelope is fine") };
        let raw = request.params.expect("params are there");
        assert!(serde_json::from_str::<serde_json::Value>(raw.get()).is_err());
    }

    /// JSON in a string in JSON, each level with a depth limit of its own.
    #[test]
    fn a_nesting_bomb_under_a_reserved_name() {
        let mut bomb = "1".to_owned();
        for _ in 0..10 {
            let inner = format!("{}{bomb}{}", "[".repeat(120), "]".repeat(120));
            bomb = serde_json::json!({ "$serde_json::private::RawValue": inner }).to_string();
        }
        let params = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{{"x":{bomb}}}}}"#);
        assert!(params.len() < 16 * 1024);
        check(&params, "refused Some(Integer(1)) Reserved");
        check(
            r#"{"jsonrpc":"2.0","id":1,"result":{"\u0024serde_json::private::RawValue":"1"}}"#,
            "refused Some(Integer(1)) Reserved",
        );
    }
}
