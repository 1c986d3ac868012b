//! What is counted, for one combination of labels.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use barewire_mcp::error::code;
use barewire_mcp::revision::Revision;
use barewire_mcp_server::{Outcome, Record};
use http::{Method, StatusCode};

use crate::queue::slot;

/// Upper bounds of the duration buckets in nanoseconds. They are those that OpenTelemetry names for
/// `mcp.server.operation.duration` together with those for `http.server.request.duration`, and some below, because most
/// calls here take less than the lowest of them. Each exposed histogram takes the ones that are its own.
pub(crate) const BOUNDS: [u64; 27] = {
    const MICRO: u64 = 1_000;
    const MILLI: u64 = 1_000_000;
    [
        50 * MICRO,
        100 * MICRO,
        250 * MICRO,
        500 * MICRO,
        MILLI,
        2_500 * MICRO,
        5 * MILLI,
        10 * MILLI,
        20 * MILLI,
        25 * MILLI,
        50 * MILLI,
        75 * MILLI,
        100 * MILLI,
        200 * MILLI,
        250 * MILLI,
        500 * MILLI,
        750 * MILLI,
        1_000 * MILLI,
        2_000 * MILLI,
        2_500 * MILLI,
        5_000 * MILLI,
        7_500 * MILLI,
        10_000 * MILLI,
        30_000 * MILLI,
        60_000 * MILLI,
        120_000 * MILLI,
        300_000 * MILLI,
    ]
};

/// A combination of labels. Everything in it comes from a fixed set: from clients comes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) endpoint: u16,
    pub(crate) http_method: HttpMethod,
    pub(crate) status: u16,
    pub(crate) method: Option<&'static str>,
    /// The number of a tool or prompt that the server has; [`OTHER_NAME`] stands for all other names.
    pub(crate) name: Option<u16>,
    pub(crate) revision: Option<Revision>,
    pub(crate) ending: Ending,
    pub(crate) reason: Option<&'static str>,
    /// A member of a batch, which is no request of HTTP by itself.
    pub(crate) batched: bool,
}

/// A name that the server does not have.
pub(crate) const OTHER_NAME: u16 = u16::MAX;

/// An HTTP method that has a name here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum HttpMethod {
    Post,
    Get,
    Delete,
    Options,
    Other,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ending {
    Result,
    ToolError,
    InputRequired,
    Task,
    /// A JSON-RPC error of a code that the protocol knows.
    Error(i32),
    /// Of another one: applications can have any number.
    OtherError,
    Nothing,
    Cancelled,
}

/// The counts of one combination, a shard for each thread: a line of memory that two processors write to in turn costs
/// each of them more than all the counting.
#[derive(Debug)]
pub(crate) struct Series(Box<[Shard]>);

#[repr(align(128))]
#[derive(Debug, Default)]
struct Shard {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// The counts of one or more combinations, added up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Total {
    pub(crate) buckets: [u64; BOUNDS.len() + 1],
    pub(crate) nanos: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Key {
    pub(crate) fn of(endpoint: u16, record: &Record<'_>, name: Option<u16>) -> Self {
        Self {
            endpoint,
            http_method: record.http_method.into(),
            status: record.status.as_u16(),
            method: record.method,
            name,
            revision: record.revision,
            ending: record.outcome.into(),
            reason: record.reason,
            batched: record.batched,
        }
    }

    /// Where everything goes that comes after there are too many combinations.
    pub(crate) const fn overflow(endpoint: u16) -> Self {
        Self {
            endpoint,
            http_method: HttpMethod::Other,
            status: 0,
            method: Some("_OTHER"),
            name: None,
            revision: None,
            ending: Ending::Nothing,
            reason: None,
            batched: false,
        }
    }
}

impl Series {
    pub(crate) fn new(shards: usize) -> Self {
        Self((0..shards).map(|_| Shard::default()).collect())
    }

    pub(crate) fn record(&self, record: &Record<'_>) {
        let shard = &self.0[slot() % self.0.len()];
        let nanos = nanos(record.duration);
        let bucket = BOUNDS.partition_point(|&bound| bound < nanos);
        shard.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        shard.nanos.fetch_add(nanos, Ordering::Relaxed);
        shard.bytes_in.fetch_add(record.bytes_in, Ordering::Relaxed);
        shard.bytes_out.fetch_add(record.bytes_out, Ordering::Relaxed);
    }

    pub(crate) fn add_to(&self, total: &mut Total) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        for shard in &self.0 {
            for (sum, bucket) in total.buckets.iter_mut().zip(&shard.buckets) {
                *sum += read(bucket);
            }
            total.nanos += read(&shard.nanos);
            total.bytes_in += read(&shard.bytes_in);
            total.bytes_out += read(&shard.bytes_out);
        }
    }
}

impl Total {
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The buckets of a histogram with these bounds, which are some of [`BOUNDS`].
    pub(crate) fn histogram(&self, bounds: &[u64]) -> Vec<(f64, u64)> {
        let mut counts = self.buckets.iter().zip(BOUNDS.iter().chain([&u64::MAX])).peekable();
        let mut bucket = |until: u64| {
            let mut count = 0;
            while let Some((more, _)) = counts.next_if(|(_, bound)| **bound <= until) {
                count += more;
            }
            count
        };
        let mut buckets: Vec<_> =
            bounds.iter().map(|&bound| (Duration::from_nanos(bound).as_secs_f64(), bucket(bound))).collect();
        buckets.push((f64::MAX, bucket(u64::MAX)));
        buckets
    }
}

impl From<&Method> for HttpMethod {
    fn from(method: &Method) -> Self {
        match *method {
            Method::POST => Self::Post,
            Method::GET => Self::Get,
            Method::DELETE => Self::Delete,
            Method::OPTIONS => Self::Options,
            _ => Self::Other,
        }
    }
}

impl HttpMethod {
    pub(crate) const ALL: [Self; 5] = [Self::Post, Self::Get, Self::Delete, Self::Options, Self::Other];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other => "_OTHER",
        }
    }
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        const KNOWN: [i64; 8] = [
            code::PARSE_ERROR,
            code::INVALID_REQUEST,
            code::METHOD_NOT_FOUND,
            code::INVALID_PARAMS,
            code::INTERNAL_ERROR,
            code::HEADER_MISMATCH,
            code::UNSUPPORTED_PROTOCOL_VERSION,
            code::MISSING_REQUIRED_CLIENT_CAPABILITY,
        ];
        match outcome {
            Outcome::Result => Self::Result,
            Outcome::ToolError => Self::ToolError,
            Outcome::InputRequired => Self::InputRequired,
            Outcome::Task => Self::Task,
            Outcome::Error(code) if KNOWN.contains(&code) || code == code::LEGACY_RESOURCE_NOT_FOUND => {
                i32::try_from(code).map_or(Self::OtherError, Self::Error)
            }
            Outcome::Error(_) => Self::OtherError,
            Outcome::Nothing => Self::Nothing,
            Outcome::Cancelled => Self::Cancelled,
        }
    }
}

impl Ending {
    pub(crate) const fn outcome(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::ToolError => "tool_error",
            Self::InputRequired => "input_required",
            Self::Task => "task",
            Self::Error(_) | Self::OtherError => "error",
            Self::Nothing => "nothing",
            Self::Cancelled => "cancelled",
        }
    }

    /// `rpc.response.status_code`.
    pub(crate) fn code(self) -> Option<String> {
        match self {
            Self::Error(code) => Some(code.to_string()),
            Self::OtherError => Some("_OTHER".to_owned()),
            _ => None,
        }
    }

    /// `error.type` of an operation.
    pub(crate) fn error_type(self, status: u16) -> Option<String> {
        match self {
            Self::ToolError => Some("tool_error".to_owned()),
            Self::Cancelled => Some("cancelled".to_owned()),
            Self::Nothing if StatusCode::from_u16(status).is_ok_and(|status| status.as_u16() >= 400) => {
                Some(status.to_string())
            }
            Self::Error(_) | Self::OtherError => self.code(),
            Self::Result | Self::InputRequired | Self::Task | Self::Nothing => None,
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_everything_once() {
        let mut total = Total::default();
        for nanos in [1, 50_000, 50_001, 10_000_000, 10_000_001, 300_000_000_000, 300_000_000_001, u64::MAX] {
            total.buckets[BOUNDS.partition_point(|&bound| bound < nanos)] += 1;
        }
        assert_eq!(total.count(), 8);
        let buckets = total.histogram(&[10_000_000, 300_000_000_000]);
        assert_eq!(buckets.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [4, 2, 2]);
        assert!(BOUNDS.is_sorted());
    }
}
