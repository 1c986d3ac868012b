//! The JSON-RPC 2.0 envelope, as MCP narrows it: an id is a string or an integer and never null, and one HTTP body
//! is one message ([Messages](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#messages)).
//!
//! Reading borrows: [`parse`] finds the members of the envelope and leaves `params` and `result` as the raw text
//! they arrived in, so that whoever knows the method decodes them once, into the right type.
//! Writing serialises once: [`mod@write`] goes from a value straight to the bytes of the whole message.

mod id;
mod parse;
pub mod write;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::id::Id;
pub use self::parse::{EnvelopeError, EnvelopeFault, parse, parse_batch};

/// The only value that the member `jsonrpc` may have.
pub const VERSION: &str = "2.0";

/// One message as it arrived, borrowing from its bytes.
#[derive(Debug, Clone)]
pub enum Message<'a> {
    /// Has a method and an id: an answer is expected.
    Request(Request<'a>),
    /// Has a method and no id: nothing is answered.
    Notification(Notification<'a>),
    /// Has a result or an error: answers a request sent earlier.
    Response(Response<'a>),
}

/// A request whose params are still raw.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What the answer has to carry.
    pub id: Id,
    /// The method's name, not yet looked up.
    pub method: Cow<'a, str>,
    /// The raw params: a JSON object, or nothing.
    pub params: Option<&'a RawValue>,
}

/// A notification whose params are still raw.
#[derive(Debug, Clone)]
pub struct Notification<'a> {
    /// The method's name, not yet looked up.
    pub method: Cow<'a, str>,
    /// The raw params: a JSON object, or nothing.
    pub params: Option<&'a RawValue>,
}

/// A response whose result is still raw; the method of the pending request says how to decode it.
#[derive(Debug, Clone)]
pub struct Response<'a> {
    /// The id of the request that it answers. Absent only in an error about a message whose id could not be read.
    pub id: Option<Id>,
    /// The raw result, or the error.
    pub outcome: Result<&'a RawValue, ErrorObject>,
}

/// The member `error` of a response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorObject {
    /// What kind of error it is; see [`crate::error`] for the codes of MCP.
    pub code: i64,
    /// One sentence for a human.
    pub message: String,
    /// What a program needs to act on the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

impl ErrorObject {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The same error with data.
    #[must_use]
    pub fn with_data(mut self, data: serde_json::Value) -> Self {
        self.data = Some(data);
        self
    }
}
