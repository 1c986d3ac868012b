//! Signed JSON Web Tokens in their compact form ([RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)),
//! taken apart without being believed: whether the signature is good, only the holder of the keys can say.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};

use crate::bearer::MAX_TOKEN_BYTES;
use crate::claims::ACCESS_TOKEN_TYPE;
use crate::json;

/// Longest signature: RSA with a modulus of 8,192 bits.
pub const MAX_SIGNATURE_BYTES: usize = 1024;

/// The three parts of a token, still encoded.
#[derive(Clone, Copy)]
pub struct Compact<'a> {
    /// What the signature is over: header and payload as they came.
    pub signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Compact<'a> {
    /// Cuts a token at its dots; `None` for a text that has not exactly two, or is longer than any token.
    #[must_use]
    pub fn cut(token: &'a str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let three = !payload.contains('.') && signature.len() <= MAX_SIGNATURE_BYTES * 4 / 3 + 1;
        three.then_some(Self { signed, header, payload, signature })
    }

    /// The bytes of the header, for [`Header::parse`].
    #[must_use]
    pub fn header(&self) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.header).ok()
    }

    /// The bytes of the payload.
    #[must_use]
    pub fn payload(&self) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.payload).ok()
    }

    /// The bytes of the signature.
    #[must_use]
    pub fn signature(&self) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.signature).ok()
    }
}

/// What the header says about the signature. Where it points to keys (`jku`, `jwk`, `x5u`, `x5c`), nobody looks:
/// a token does not choose who vouches for it.
#[derive(Deserialize)]
pub struct Header<'a> {
    /// The algorithm.
    #[serde(borrow)]
    pub alg: Text<'a>,
    /// The kind of token.
    #[serde(borrow, default)]
    pub typ: Option<Text<'a>>,
    /// The key.
    #[serde(borrow, default)]
    pub kid: Option<Text<'a>>,
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

impl<'a> Header<'a> {
    /// Reads a header; `None` too when it demands an extension
    /// ([RFC 7515 §4.1.11](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11)), because we know none.
    #[must_use]
    pub fn parse(header: &'a [u8]) -> Option<Self> {
        json::object::<Self>(header).ok().filter(|header| header.crit.is_none())
    }

    /// Whether it is an access token's ([RFC 9068 §2.1](https://www.rfc-editor.org/rfc/rfc9068#section-2.1)). An id
    /// token may be signed with the same key; the type tells them apart.
    #[must_use]
    pub fn is_access_token(&self) -> bool {
        self.has_type(ACCESS_TOKEN_TYPE)
    }

    /// Whether it says that it is of this kind, in any case and with `application/` before it or not
    /// ([RFC 7515 §4.1.9](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9)). The empty word stands for none.
    #[must_use]
    pub fn has_type(&self, expected: &str) -> bool {
        const PREFIX: &str = "application/";
        let typ = self.typ.as_deref().unwrap_or_default();
        let long = typ.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
        let typ = if long { &typ[PREFIX.len()..] } else { typ };
        typ.eq_ignore_ascii_case(expected)
    }
}

/// A string out of JSON, borrowed unless it was written with escapes. (`Option<Cow<str>>` would always be a copy.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<Text<'_>> for String {
    fn from(text: Text<'_>) -> Self {
        text.0.into_owned()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;

        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrowing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_parts_or_nothing() {
        fn check(token: &str, expected: Option<(&str, &str)>) {
            let cut = Compact::cut(token);
            assert_eq!(cut.map(|jwt| (jwt.signed, jwt.signature)), expected, "{token}");
        }
        check("e30.e30.c2ln", Some(("e30.e30", "c2ln")));
        check("..", Some((".", "")));
        for none in ["", ".", "e30.e30", "a.b.c.d", "...", &"a".repeat(MAX_TOKEN_BYTES + 1)] {
            check(none, None);
        }
        let long = "A".repeat(MAX_SIGNATURE_BYTES * 4 / 3 + 2);
        check(&format!("e30.e30.{long}"), None);
        // One way to write each part: no padding, no other alphabet, no bits left over.
        for part in ["e30=", "e3 0", "e+0/", "e31", "e", "é30"] {
            let token = format!("{part}.{part}.{part}");
            let jwt = Compact::cut(&token).unwrap();
            assert_eq!((jwt.header(), jwt.payload(), jwt.signature()), (None, None, None), "{part}");
        }
    }

    #[test]
    fn headers() {
        fn check(json: &str, expected: Option<(&str, Option<&str>, bool)>) {
            let header = Header::parse(json.as_bytes());
            let seen = header.as_ref().map(|h| (&*h.alg, h.kid.as_deref(), h.is_access_token()));
            assert_eq!(seen, expected, "{json}");
        }
        check(r#"{"alg":"ES256","typ":"at+jwt","kid":"k"}"#, Some(("ES256", Some("k"), true)));
        check(
            r#"{"alg":"none","typ":"Application/AT+jwt","jku":"https://evil"}"#,
            Some(("none", None, true)),
        );
        check(r#"{"alg":"ES\u0032","kid":null,"typ":"JWT"}"#, Some(("ES2", None, false)));
        check(r#"{"alg":"ES256"}"#, Some(("ES256", None, false)));
        check(r#"{"alg":"ES256","typ":"äpplication/at+jwt"}"#, Some(("ES256", None, false)));
        for none in [
            r#"{"typ":"at+jwt"}"#,
            r#"{"alg":1}"#,
            r#"{"alg":"ES256","alg":"none"}"#,
            r#"{"alg":"ES256","crit":["b64"],"b64":false}"#,
            r#"["ES256"]x"#,
            "",
        ] {
            check(none, None);
        }
        let escaped = Header::parse(br#"{"alg":"ES256","kid":"plain"}"#).unwrap();
        assert!(matches!(escaped.kid.unwrap().0, Cow::Borrowed("plain")));
    }
}
