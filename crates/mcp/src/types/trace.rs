//! Which trace a request belongs to
//! ([W3C Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header)).

use std::fmt;

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A `traceparent`: of an HTTP header, or of the `_meta` of a request, where it is the one that counts
/// ([SEP-414](https://modelcontextprotocol.io/community/seps/414-request-meta)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The whole trace.
    pub trace_id: [u8; 16],
    /// The span of whoever sent the request.
    pub parent_id: [u8; 8],
    /// Bit 0: the sender has sampled the trace.
    pub flags: u8,
}

/// The name of the header and of the member of `_meta`.
pub const TRACEPARENT: &str = "traceparent";

impl TraceParent {
    /// Reads one. What is not one is no error: the standard has a receiver go on as if there were none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        // Version, trace, parent, flags; a later version than 00 may go on after another hyphen.
        let (head, rest) = bytes.split_at_checked(55)?;
        let version = hex::<1>(&head[..2])?[0];
        let ended = match version {
            0 => rest.is_empty(),
            0xff => return None,
            _ => rest.first().is_none_or(|&byte| byte == b'-'),
        };
        if !ended || [head[2], head[35], head[52]] != *b"---" {
            return None;
        }
        let (trace_id, parent_id) = (hex(&head[3..35])?, hex(&head[36..52])?);
        let nobody = trace_id == [0; 16] || parent_id == [0; 8];
        (!nobody).then_some(Self { trace_id, parent_id, flags: hex::<1>(&head[53..])?[0] })
    }
}

/// As it is written in a header.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace_id, parent_id, flags } = self;
        let (trace, parent) = (u128::from_be_bytes(*trace_id), u64::from_be_bytes(*parent_id));
        write!(f, "00-{trace:032x}-{parent:016x}-{flags:02x}")
    }
}

/// Reads the member of a `_meta`, whatever it holds.
pub(crate) fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TraceParent>, D::Error> {
    let raw = Option::<&RawValue>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| TraceParent::parse(raw.get().trim_matches('"'))))
}

/// Lower-case hexadecimal, as the standard demands.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_standard_allows() {
        fn check(text: &str, readable: bool) {
            let read = TraceParent::parse(text);
            assert_eq!(read.is_some(), readable, "{text}");
            if let Some(read) = read {
                assert_eq!(read.to_string()[3..], text[3..55]);
            }
        }
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true);
        check("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes-later", true);
        check("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x", false);
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false);
        check("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false);
        check("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false);
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false);
        check("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false);
        check("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false);
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false);
        check("00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01", false);
        check("", false);
    }
}
