//! Text in a header: as it is where it can be, and otherwise in base64 between two markers
//! ([Value encoding](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#value-encoding)).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// The header value that says `text`.
pub fn encode(text: &str) -> HeaderValue {
    let written = if is_plain(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{PREFIX}{}{SUFFIX}", STANDARD.encode(text)))
    };
    HeaderValue::from_str(&written).expect("plain text is visible ASCII, blanks and tabs, and so is base64")
}

/// What a header value says, or nothing where its base64 is broken: wrong alphabet, missing padding, not UTF-8.
///
/// A value with one of the two markers only is text.
pub fn decode(value: &str) -> Option<Cow<'_, str>> {
    let Some(encoded) = between_markers(value) else { return Some(Cow::Borrowed(value)) };
    let bytes = STANDARD.decode(encoded).ok()?;
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn between_markers(value: &str) -> Option<&str> {
    value.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)
}

fn is_plain(text: &str) -> bool {
    let safe = text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
    let padded = text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
    // Text that looks like the encoded form would be decoded by the reader.
    safe && !padded && between_markers(text).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_the_specification() {
        let check = |text: &str, value: &str| {
            assert_eq!(encode(text), value);
            assert_eq!(decode(value).as_deref(), Some(text));
        };
        check("us-west1", "us-west1");
        check("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?=");
        check(" padded ", "=?base64?IHBhZGRlZCA=?=");
        check("line1\nline2", "=?base64?bGluZTEKbGluZTI=?=");
        check("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=");
        check("", "");
        check("inner \t blanks", "inner \t blanks");
        check("\ttab", "=?base64?CXRhYg==?=");
        check("a\u{7f}", "=?base64?YX8=?=");
    }

    #[test]
    fn sentinels() {
        let check = |value: &str, text: Option<&str>| assert_eq!(decode(value).as_deref(), text, "{value}");
        check("=?base64?SGVsbG8=?=", Some("Hello"));
        check("=?base64?SGVsbG8?=", None);
        check("=?base64?SGVs!!!bG8=?=", None);
        check("SGVsbG8=", Some("SGVsbG8="));
        check("=?base64?SGVsbG8=", Some("=?base64?SGVsbG8="));
        check("=?BASE64?SGVsbG8=?=", Some("=?BASE64?SGVsbG8=?="));
        check("=?base64??=", Some(""));
        check("=?base64?/w==?=", None);
        check("=?base64?=", Some("=?base64?="));
    }
}
