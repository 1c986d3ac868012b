//! What came back, and how to look at it.

use barewire_mcp::http::headers::{EVENT_STREAM, media_type};
use barewire_mcp::http::sse::Event;
use barewire_mcp::types::json;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// The outcome of one request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The number of the exchange in the report.
    pub(crate) exchange: String,
    /// The id of the JSON-RPC request it answers.
    pub(crate) asked_id: Option<Value>,
    pub(crate) outcome: Result<Reply, Fault>,
}

/// An HTTP answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) http: http::Version,
    pub(crate) headers: HeaderMap,
    /// The body, as far as it was read. Empty for an event stream.
    pub(crate) body: Bytes,
    /// The events that were read.
    pub(crate) events: Vec<Event>,
    /// The JSON-RPC response in the body or in the events.
    pub(crate) message: Option<Value>,
    /// Milliseconds to the head.
    pub(crate) head_ms: u64,
    /// Why reading stopped before the end.
    pub(crate) cut: Option<Cut>,
}

/// Why an answer was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cut {
    /// More bytes than are read.
    TooLarge { limit: usize },
    /// The time was over.
    Late { ms: u64 },
    /// The connection broke.
    Broken { detail: String },
    /// We had what we wanted and closed it: the stream stayed open.
    StillOpen,
}

/// Why there is no HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The name does not resolve, nothing listens, the connection fails.
    Unreachable(String),
    /// The certificate is not accepted; the sentence says why.
    Certificate(String),
    /// No head in time.
    Late { ms: u64 },
    /// What came is not HTTP, or broke off.
    Broken(String),
    /// A URL named by the server that is not called.
    Forbidden(&'static str),
    /// The examination's time or number of requests is used up.
    NotAsked,
}

impl Answer {
    pub(crate) fn reply(&self) -> Option<&Reply> {
        self.outcome.as_ref().ok()
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.reply().map(|reply| reply.status.as_u16())
    }

    pub(crate) fn is(&self, status: u16) -> bool {
        self.status() == Some(status)
    }

    pub(crate) fn is_success(&self) -> bool {
        self.reply().is_some_and(|reply| reply.status.is_success())
    }

    pub(crate) fn is_server_error(&self) -> bool {
        self.reply().is_some_and(|reply| reply.status.is_server_error())
    }

    /// 401, or 403 with or without a challenge: the caller was not let in.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.status(), Some(401 | 403))
    }

    /// A refusal that is about the name the request was sent to, not about who sent it.
    pub(crate) fn is_about_the_name(&self) -> bool {
        let text = self.text().to_ascii_lowercase();
        let about_names = text.contains("host") || text.contains("rebinding");
        self.is(421) || (self.is(403) && self.header("www-authenticate").is_none() && about_names)
    }

    pub(crate) fn was_asked(&self) -> bool {
        !matches!(self.outcome, Err(Fault::NotAsked))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.reply()?.headers.get(name)?.to_str().ok()
    }

    /// All lines of a header.
    pub(crate) fn lines(&self, name: &str) -> Vec<&str> {
        let lines = self.reply().map(|reply| reply.headers.get_all(name).iter());
        lines.into_iter().flatten().filter_map(|value| value.to_str().ok()).collect()
    }

    pub(crate) fn media_type(&self) -> String {
        self.header(CONTENT_TYPE.as_str()).map(media_type).unwrap_or_default().to_ascii_lowercase()
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.is_success() && self.media_type() == EVENT_STREAM
    }

    /// Where a redirect leads.
    pub(crate) fn redirect(&self) -> Option<&str> {
        self.reply().filter(|reply| reply.status.is_redirection())?;
        self.header(LOCATION.as_str())
    }

    /// Meant for a browser.
    pub(crate) fn is_page(&self) -> bool {
        let start = |body: &Bytes| {
            let start =
                String::from_utf8_lossy(&body[..body.len().min(256)]).trim_start().to_ascii_lowercase();
            start.starts_with("<!doctype html") || start.starts_with("<html")
        };
        self.media_type().contains("html") || self.reply().is_some_and(|reply| start(&reply.body))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        read_json(&self.reply()?.body)
    }

    pub(crate) fn text(&self) -> String {
        self.reply().map(|reply| String::from_utf8_lossy(&reply.body).into_owned()).unwrap_or_default()
    }

    /// The JSON-RPC response.
    pub(crate) fn message(&self) -> Option<&Value> {
        self.reply()?.message.as_ref()
    }

    /// The result of the JSON-RPC response.
    pub(crate) fn result(&self) -> Option<&Value> {
        self.message()?.get("result")
    }

    /// Code and message of the JSON-RPC error.
    pub(crate) fn error(&self) -> Option<(i64, &str)> {
        let error = self.message()?.get("error")?;
        Some((error.get("code")?.as_i64()?, error.get("message").and_then(Value::as_str).unwrap_or_default()))
    }

    pub(crate) fn error_code(&self) -> Option<i64> {
        self.error().map(|(code, _)| code)
    }

    pub(crate) fn head_ms(&self) -> Option<u64> {
        self.reply().map(|reply| reply.head_ms)
    }

    pub(crate) fn cut(&self) -> Option<&Cut> {
        self.reply()?.cut.as_ref()
    }

    /// In a few words, for the sentence "it answered …".
    pub(crate) fn describe(&self) -> String {
        let reply = match &self.outcome {
            Ok(reply) => reply,
            Err(fault) => return fault.describe(),
        };
        let mut words = reply.status.to_string();
        if let Some((code, message)) = self.error() {
            words.push_str(&format!(" with error {code} \"{}\"", shorten(message, 120)));
        } else if self.result().is_some() {
            words.push_str(" with a result");
        } else if let Some(location) = self.redirect() {
            words.push_str(&format!(" to {}", shorten(location, 200)));
        } else if self.is_page() {
            words.push_str(" with an HTML page");
        } else if self.is_stream() {
            words.push_str(match reply.events.len() {
                0 => " with an event stream without an event",
                _ => " with an event stream",
            });
        } else if reply.body.is_empty() {
            words.push_str(" without a body");
        } else if self.json().is_some() {
            words.push_str(" with JSON");
        } else {
            let kind = self.media_type();
            let kind = if kind.is_empty() { "unnamed media type".to_owned() } else { kind };
            words.push_str(&format!(" with a body ({kind})"));
        }
        match &reply.cut {
            Some(Cut::TooLarge { limit }) => words.push_str(&format!(", larger than {limit} bytes")),
            Some(Cut::Late { ms }) => words.push_str(&format!(", not complete after {ms} ms")),
            Some(Cut::Broken { detail }) => {
                words.push_str(&format!(", broken off ({})", shorten(detail, 120)));
            }
            Some(Cut::StillOpen) | None => {}
        }
        words
    }
}

impl Fault {
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Unreachable(detail) => format!("no connection ({})", shorten(detail, 160)),
            Self::Certificate(problem) => format!("no connection: {problem}"),
            Self::Late { ms } => format!("no answer within {ms} ms"),
            Self::Broken(detail) => format!("a broken answer ({})", shorten(detail, 160)),
            Self::Forbidden(why) => format!("nothing, for the URL {why} and was not called"),
            Self::NotAsked => "nothing, for it was not asked".to_owned(),
        }
    }
}

/// The beginning of a text of somebody else, on one line.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(most).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

/// JSON of somebody else. One with a name that [`Value`] takes for something else is none.
pub(crate) fn read_json(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    if json::has_reserved_name(text) { None } else { serde_json::from_str(text).ok() }
}
