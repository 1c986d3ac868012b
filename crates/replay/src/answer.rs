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

impl Head {
    /// The headers as a map.
    pub(crate) fn map(&self) -> http::HeaderMap {
        let line = |(name, value): &(String, String)| {
            Some((name.parse::<http::HeaderName>().ok()?, value.parse::<http::HeaderValue>().ok()?))
        };
        let mut map = http::HeaderMap::new();
        for (name, value) in self.headers.iter().filter_map(line) {
            map.append(name, value);
        }
        map
    }
}

impl Answer {
    /// As checks look at it: `/status`, `/headers/NAME`, `/body`, `/responses/ID`, `/events/METHOD/NUMBER`, `/stream/WHAT`.
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
            // A batch: in any order, so by their ids.
            Content::Json(Value::Array(messages)) if !messages.is_empty() => {
                view.insert("responses".to_owned(), by_id(messages));
            }
            Content::Json(body) => {
                view.insert("body".to_owned(), body.clone());
            }
            Content::Text(text) => {
                view.insert("text".to_owned(), json!(text));
            }
            Content::Events(events) => view_stream(events, &mut view),
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

fn view_stream(events: &[Event], view: &mut Map<String, Value>) {
    let mut by_method: IndexMap<String, Vec<Value>> = IndexMap::new();
    let mut responses = Vec::new();
    for event in events {
        let messages = match &event.data {
            Value::Array(messages) => messages.as_slice(),
            message => std::slice::from_ref(message),
        };
        for message in messages {
            if is_response(message) {
                responses.push(message.clone());
            } else if let Some(method) = message.get("method").and_then(Value::as_str) {
                by_method.entry(method.to_owned()).or_default().push(message.clone());
            } else if let Some(kind) = &event.event {
                by_method.entry(kind.clone()).or_default().push(message.clone());
            }
        }
    }
    if responses.len() > 1 {
        view.insert("responses".to_owned(), by_id(&responses));
    }
    if let Some(response) = responses.pop() {
        view.insert("body".to_owned(), response);
    }
    view.insert("events".to_owned(), json!(by_method));
    let mut stream = Map::new();
    let ids: Vec<&str> = events.iter().filter_map(|event| event.id.as_deref()).collect();
    if let Some(last) = ids.last() {
        stream.insert("id".to_owned(), json!(last));
    }
    stream.insert("ids".to_owned(), json!(ids));
    if let Some(retry) = retry(events) {
        stream.insert("retry".to_owned(), json!(retry));
    }
    view.insert("stream".to_owned(), Value::Object(stream));
}

/// After how many milliseconds to come back, as the server said last.
pub(crate) fn retry(events: &[Event]) -> Option<u64> {
    events.iter().rev().find_map(|event| event.retry)
}

/// Responses by their ids, as text.
fn by_id(messages: &[Value]) -> Value {
    let id = |message: &Value| match message.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(id) => id.to_string(),
        None => "null".to_owned(),
    };
    Value::Object(messages.iter().map(|message| (id(message), message.clone())).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Option<&str>, id: Option<&str>, retry: Option<u64>, data: Value) -> Event {
        Event { event: kind.map(str::to_owned), id: id.map(str::to_owned), retry, data }
    }

    #[test]
    fn an_answer_looks_the_same_in_both_forms() {
        let one = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
        let two = json!({ "jsonrpc": "2.0", "id": "b", "result": {} });
        let none = json!({ "jsonrpc": "2.0", "error": { "code": -32600, "message": "?" } });
        let note = json!({ "jsonrpc": "2.0", "method": "notifications/progress" });
        let view = |content| Answer { head: None, content }.view();
        let whole = view(Content::Json(json!([two, none, one])));
        assert_eq!(whole, json!({ "responses": { "b": two, "null": none, "1": one } }));
        let streamed = view(Content::Events(vec![
            event(None, Some("x"), Some(7), json!("")),
            event(Some("endpoint"), None, None, json!("/messages")),
            event(None, Some("y"), None, json!([note, one])),
            event(None, None, None, two.clone()),
        ]));
        assert_eq!(
            streamed,
            json!({
                "body": two,
                "responses": { "1": one, "b": two },
                "events": { "endpoint": ["/messages"], "notifications/progress": [note] },
                "stream": { "id": "y", "ids": ["x", "y"], "retry": 7 },
            })
        );
        assert_eq!(view(Content::Json(json!([]))), json!({ "body": [] }));
    }
}
