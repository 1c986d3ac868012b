//! What came back, in the shape that checks look at.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::transcript::{Event, Response};

/// An answer, or the next part of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// Nothing where the part does not begin the answer.
    pub(crate) head: Option<Head>,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Lower case names, in the order of the wire.
    pub(crate) headers: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Nothing,
    Json(Value),
    Text(String),
    Events(Vec<Event>),
}

impl Answer {
    /// As checks look at it: `/status`, `/headers/NAME`, `/body`, `/events/METHOD/NUMBER`.
    pub(crate) fn view(&self) -> Value {
        let mut view = Map::new();
        if let Some(head) = &self.head {
            view.insert("status".to_owned(), json!(head.status));
            let mut headers = Map::new();
            for (name, value) in &head.headers {
                match headers.get_mut(name) {
                    // Two lines of one name mean the same as one with a comma (RFC 9110 §5.2).
                    Some(Value::String(before)) => {
                        before.push_str(", ");
                        before.push_str(value);
                    }
                    _ => {
                        headers.insert(name.clone(), json!(value));
                    }
                }
            }
            view.insert("headers".to_owned(), Value::Object(headers));
        }
        match &self.content {
            Content::Nothing => {}
            Content::Json(body) => {
                view.insert("body".to_owned(), body.clone());
            }
            Content::Text(text) => {
                view.insert("text".to_owned(), json!(text));
            }
            Content::Events(events) => {
                let mut by_method: IndexMap<String, Vec<Value>> = IndexMap::new();
                for event in events {
                    if is_response(&event.data) {
                        view.insert("body".to_owned(), event.data.clone());
                    } else if let Some(method) = event.data.get("method").and_then(Value::as_str) {
                        by_method.entry(method.to_owned()).or_default().push(event.data.clone());
                    }
                }
                view.insert("events".to_owned(), json!(by_method));
            }
        }
        Value::Object(view)
    }

    /// As a transcript has it, with the headers that matter.
    pub(crate) fn response(&self) -> Response {
        let mut response = Response::default();
        if let Some(head) = &self.head {
            response.status = Some(head.status);
            for (name, value) in head.headers.iter().filter(|(name, _)| MATTER.contains(&name.as_str())) {
                response.headers.insert(name.clone(), value.clone());
            }
        }
        match &self.content {
            Content::Nothing => {}
            Content::Json(body) => response.body = Some(body.clone()),
            Content::Text(text) => response.text = Some(text.clone()),
            Content::Events(events) => response.events = Some(events.clone()),
        }
        response
    }
}

/// The headers that a transcript shows.
const MATTER: &[&str] = &[
    "content-type",
    "mcp-session-id",
    "www-authenticate",
    "allow",
    "location",
    "x-accel-buffering",
    "cache-control",
];

/// Whether this is a JSON-RPC response.
pub(crate) fn is_response(message: &Value) -> bool {
    message.get("method").is_none() && (message.get("result").is_some() || message.get("error").is_some())
}

/// A value that may be JSON; an empty text is one of its own.
pub(crate) fn data(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
