//! Export as HAR 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), which every browser's network panel opens.
//! What HAR has no word for goes into members that begin with `_`, as the format allows.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::exchange::{Body, Exchange, Header, Phase};
use crate::narration::Narration;

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Har {
    /// Its only member.
    pub log: Log,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// `1.2`.
    pub version: String,
    /// Who wrote it.
    pub creator: Creator,
    /// The exchanges, oldest first.
    pub entries: Vec<Entry>,
}

/// Who wrote the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creator {
    /// `Barewire`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// One exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members of HAR 1.2, by their own names")]
pub struct Entry {
    pub started_date_time: String,
    pub time: f64,
    pub request: HarRequest,
    pub response: HarResponse,
    pub cache: Empty,
    pub timings: Timings,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(rename = "_phase")]
    pub phase: Phase,
    #[serde(rename = "_narration")]
    pub narration: Narration,
    #[serde(rename = "_repeats", skip_serializing_if = "Option::is_none")]
    pub repeats: Option<String>,
    #[serde(rename = "_error", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `{}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// The request of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members of HAR 1.2, by their own names")]
pub struct HarRequest {
    pub method: String,
    pub url: String,
    pub http_version: String,
    pub cookies: Vec<Pair>,
    pub headers: Vec<Pair>,
    pub query_string: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_data: Option<PostData>,
    pub headers_size: i64,
    pub body_size: i64,
}

/// The response of an entry; status 0 when there was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members of HAR 1.2, by their own names")]
pub struct HarResponse {
    pub status: u16,
    pub status_text: String,
    pub http_version: String,
    pub cookies: Vec<Pair>,
    pub headers: Vec<Pair>,
    pub content: Content,
    #[serde(rename = "redirectURL")]
    pub redirect_url: String,
    pub headers_size: i64,
    pub body_size: i64,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members of HAR 1.2, by their own names")]
pub struct Pair {
    pub name: String,
    pub value: String,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members of HAR 1.2, by their own names")]
pub struct PostData {
    pub mime_type: String,
    pub text: String,
}

/// The body of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members of HAR 1.2, by their own names")]
pub struct Content {
    pub size: i64,
    pub mime_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Milliseconds; the three add up to `time`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members of HAR 1.2, by their own names")]
pub struct Timings {
    pub send: f64,
    pub wait: f64,
    pub receive: f64,
}

/// Makes the file out of exchanges. They are masked already; nothing is added here.
#[must_use]
pub fn export<'a>(exchanges: impl IntoIterator<Item = &'a Exchange>, version: &str) -> Har {
    let entries = exchanges.into_iter().map(entry).collect();
    let creator = Creator { name: "Barewire".to_owned(), version: version.to_owned() };
    Har { log: Log { version: "1.2".to_owned(), creator, entries } }
}

fn entry(exchange: &Exchange) -> Entry {
    let time = exchange.duration_ms.unwrap_or(0.0);
    let wait = exchange.response.as_ref().and_then(|r| r.first_byte_ms).unwrap_or(time).min(time);
    let comment = std::iter::once(exchange.narration.what.as_str())
        .chain(exchange.narration.conclusions.iter().map(|conclusion| conclusion.text.as_str()))
        .collect::<Vec<_>>()
        .join(" — ");
    Entry {
        started_date_time: timestamp(exchange.at),
        time,
        request: request(exchange),
        response: response(exchange),
        cache: Empty {},
        timings: Timings { send: 0.0, wait, receive: time - wait },
        comment,
        id: exchange.id.clone(),
        phase: exchange.phase,
        narration: exchange.narration.clone(),
        repeats: exchange.repeats.clone(),
        error: exchange.failure.as_ref().map(|failure| failure.message.clone()),
    }
}

fn request(exchange: &Exchange) -> HarRequest {
    let request = &exchange.request;
    HarRequest {
        method: request.method.clone(),
        url: request.url.clone(),
        http_version: "HTTP/1.1".to_owned(),
        cookies: Vec::new(),
        headers: pairs(&request.headers),
        query_string: query(&request.url),
        post_data: request.body.as_ref().map(|body| PostData {
            mime_type: body.media_type.clone(),
            text: body.text.clone().unwrap_or_default(),
        }),
        headers_size: -1,
        body_size: size(request.body.as_ref()),
    }
}

fn response(exchange: &Exchange) -> HarResponse {
    let response = exchange.response.as_ref();
    let headers = response.map_or(&[][..], |response| &response.headers);
    let find =
        |name: &str| headers.iter().find(|h| h.name == name).map(|h| h.value.clone()).unwrap_or_default();
    let body = response.and_then(|response| response.body.as_ref());
    // A stream is written as the text it was on the wire.
    let stream = response.filter(|response| !response.events.is_empty()).map(|response| {
        response.events.iter().fold(String::new(), |mut text, event| {
            for (field, value) in [("id", &event.id), ("event", &event.event)] {
                if let Some(value) = value {
                    text.push_str(&format!("{field}: {value}\n"));
                }
            }
            for line in event.data.lines() {
                text.push_str(&format!("data: {line}\n"));
            }
            text.push('\n');
            text
        })
    });
    let text = stream.or_else(|| body.and_then(|body| body.text.clone()));
    let length = |text: &String| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let size = body.map_or_else(|| text.as_ref().map_or(0, length), |body| size(Some(body)));
    HarResponse {
        status: response.map_or(0, |response| response.status),
        status_text: response
            .and_then(|response| http::StatusCode::from_u16(response.status).ok())
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default()
            .to_owned(),
        http_version: "HTTP/1.1".to_owned(),
        cookies: Vec::new(),
        headers: pairs(headers),
        content: Content { size, mime_type: find("content-type"), text },
        redirect_url: find("location"),
        headers_size: -1,
        body_size: size,
    }
}

fn pairs(headers: &[Header]) -> Vec<Pair> {
    headers.iter().map(|h| Pair { name: h.name.clone(), value: h.value.clone() }).collect()
}

fn query(url: &str) -> Vec<Pair> {
    let Some((_, query)) = url.split_once('?') else { return Vec::new() };
    let query = query.split('#').next().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| Pair { name: name.into_owned(), value: value.into_owned() })
        .collect()
}

fn size(body: Option<&Body>) -> i64 {
    body.map_or(0, |body| i64::try_from(body.bytes).unwrap_or(i64::MAX))
}

fn timestamp(milliseconds: u64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}
