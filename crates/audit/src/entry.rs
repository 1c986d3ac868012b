//! One record of the log, as a value.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::chain::Hash;

/// One record. Texts are borrowed from whoever writes it, or from the segment that it is read from.
///
/// No field can hold a token, a password or an argument: what is secret is not asked for, and arguments are a digest.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry<'a> {
    /// When it began.
    pub at: Time,
    /// What it is about.
    pub kind: Kind,
    /// What happened, where it is not a request: `login`, `refresh` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<&'a str>,
    /// Where it was asked for: the path of the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<&'a str>,
    /// The HTTP method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_method: Option<&'a str>,
    /// The JSON-RPC method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    /// The tool, prompt or resource; of a resource's address the part before its query. `oauth-protected-resource` where the
    /// metadata of the endpoint is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// A digest of a call's arguments under a key of this log: equal for equal bytes, and tells nothing else.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "hex")]
    pub arguments: Option<[u8; 16]>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// Whose word that is, where tokens of several issuers are taken: each has users of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<&'a str>,
    /// Who did it, where that is not the user: an administrator, or `operator:` and a name of the operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'a str>,
    /// The OAuth client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<&'a str>,
    /// How the client is known: `dynamic`, `document` or `preregistered`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<&'a str>,
    /// The authorization request: a digest that login, consent and code of one request have in common.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "hex")]
    pub request: Option<[u8; 8]>,
    /// The grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<&'a str>,
    /// The name that the client program gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<&'a str>,
    /// And its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_version: Option<&'a str>,
    /// The peer, or who the proxy says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The header `User-Agent`, where nothing better says who it is: of events, and of requests without a caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<&'a str>,
    /// What was decided about the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<&'a str>,
    /// The rule by which it was refused or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Scopes: those that were missing, or, of an event, those that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<&'a str>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'a str>,
    /// The JSON-RPC error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The revision spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<&'a str>,
    /// Bytes of the request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_in: Option<u64>,
    /// Bytes of the response's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_out: Option<u64>,
    /// From the request's head to the end of the response.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub duration: Option<Duration>,
    /// From the request's head to the head of a response that is a stream.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub streaming_after: Option<Duration>,
    /// The trace.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "hex")]
    pub trace_id: Option<[u8; 16]>,
    /// The span of whoever asked.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "hex")]
    pub parent_id: Option<[u8; 8]>,
    /// How many records a gap or a checkpoint is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Until when, of a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The last record that a checkpoint stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<u64>,
    /// That record's hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Hash>,
    /// The program's version, where it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'a str>,
}

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Kind {
    /// A request at an MCP endpoint.
    #[default]
    Request = 1,
    /// Something at the authorization server.
    Event = 2,
    /// Records that could not be kept.
    Gap = 3,
    /// Records that were deleted on purpose, and the hash of the last of them.
    Checkpoint = 4,
    /// The log was opened.
    Started = 5,
    /// The log was closed; without it, what came last may be missing.
    Stopped = 6,
}

impl Kind {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Event => "event",
            Self::Gap => "gap",
            Self::Checkpoint => "checkpoint",
            Self::Started => "started",
            Self::Stopped => "stopped",
        }
    }
}

/// Microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Time(pub u64);

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}

impl Time {
    /// `by` earlier.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// As RFC 3339 has it, in UTC.
impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok());
        f.write_str(time.as_deref().unwrap_or("-"))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = OffsetDateTime::parse(&text, &Rfc3339).map_err(D::Error::custom)?;
        u64::try_from(time.unix_timestamp_nanos() / 1000).map(Self).map_err(D::Error::custom)
    }
}

fn hex<S: Serializer, const N: usize>(bytes: &Option<[u8; N]>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serializer.collect_str(&Hex(bytes)),
        None => serializer.serialize_none(),
    }
}

fn seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serializer.serialize_f64(duration.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}

/// Bytes as people write them.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use barewire_oauth_server::EventKind;

    const GUIDE: &str = include_str!("../../../docs/audit.md");

    /// The words that the rows of a table of the guide begin with.
    fn first_words(heading: &str) -> BTreeSet<String> {
        let table = GUIDE.split(heading).nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| row.split('`').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_guide_has_every_field_and_no_other() {
        let full = serde_json::to_value(crate::codec::tests::full()).unwrap();
        let fields: BTreeSet<_> = full.as_object().unwrap().keys().cloned().collect();
        assert_eq!(first_words("\n## Fields\n"), fields);
    }

    #[test]
    fn the_guide_has_every_event_and_no_other() {
        let events: BTreeSet<_> = EventKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
        assert_eq!(events.len(), EventKind::ALL.len());
        assert_eq!(first_words("\n## Events\n"), events);
    }
}
