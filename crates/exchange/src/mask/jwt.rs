//! JSON Web Tokens: recognised by their shape, decoded for the reader, never kept whole.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{Found, Masker, fingerprint};
use crate::exchange::DecodedToken;

/// A longer token is masked and not decoded.
const MAX_DECODED_BYTES: usize = 16 * 1024;

/// The readable halves of a token.
pub(super) struct Decoded {
    header: Value,
    claims: Option<Value>,
}

impl Decoded {
    pub(super) fn at(self, place: &str, mask: &str) -> DecodedToken {
        DecodedToken {
            place: place.to_owned(),
            mask: mask.to_owned(),
            header: self.header,
            claims: self.claims.map(hide_members),
        }
    }
}

/// Decodes a compact JWS, or the header of a compact JWE
/// ([RFC 7519 §3](https://www.rfc-editor.org/rfc/rfc7519#section-3)).
pub(super) fn decode(token: &str) -> Option<Decoded> {
    if token.len() > MAX_DECODED_BYTES {
        return None;
    }
    let parts: Vec<&str> = token.split('.').collect();
    let object = |part: &str| {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
        if may_have_a_reserved_name(&text) {
            return None;
        }
        serde_json::from_str::<Value>(&text).ok().filter(Value::is_object)
    };
    let header = object(parts.first()?)?;
    header.get("alg")?;
    match parts.len() {
        3 => Some(Decoded { header, claims: Some(object(parts[1])?) }),
        5 => Some(Decoded { header, claims: None }),
        _ => None,
    }
}

/// Whether it is best not read into a [`Value`], which takes the member `$serde_json::private::RawValue` for the JSON in
/// its text, and counts its depth anew: what is nested so can run out of stack.
fn may_have_a_reserved_name(text: &str) -> bool {
    text.contains("$s") || text.contains("$\\") || text.contains("\\u0024")
}

/// Masks every token inside a text.
pub(super) fn mask_all(masker: &Masker, text: &str, place: &str, found: &mut Found) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    // Every JWT begins with `{"` in base64url.
    while let Some(start) = rest.find("eyJ") {
        let (before, candidate) = rest.split_at(start);
        masked.push_str(before);
        let end = candidate.find(|c: char| !legal(c)).unwrap_or(candidate.len());
        let (candidate, after) = candidate.split_at(end);
        let inside_a_word = before.ends_with(legal);
        if !inside_a_word && candidate.matches('.').count() >= 2 {
            let token = candidate.trim_end_matches('.');
            let mask = fingerprint(token);
            masker.learn(token);
            // The signed part alone is of no use to anybody, the signature alone neither; but halves leak too.
            if let Some(signature) = token.rsplit('.').next() {
                masker.learn(signature);
            }
            if let Some(decoded) = decode(token) {
                found.tokens.push(decoded.at(place, &mask));
            }
            masked.push_str(&mask);
            masked.push_str(&candidate[token.len()..]);
        } else {
            masked.push_str(candidate);
        }
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// Where a token begins that the text ends in.
pub(super) fn start_of_unfinished(text: &str) -> Option<usize> {
    let last = text.len() - text.chars().rev().take_while(|c| legal(*c)).count();
    text[last..].starts_with("eyJ").then_some(last)
}

fn legal(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// A claim can be a secret too: some servers nest their upstream's token.
fn hide_members(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let hidden = super::names::member(&name).is_some();
                let value = if hidden { Value::from(super::MASK) } else { hide_members(value) };
                (name, value)
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(hide_members).collect(),
        Value::String(text) if text.starts_with("eyJ") && text.matches('.').count() >= 2 => {
            Value::from(super::MASK)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!(
            "{}.{}.{}",
            part(r#"{"alg":"ES256","typ":"at+jwt"}"#),
            part(claims),
            part("the signature bytes")
        )
    }

    #[test]
    fn decodes_and_never_shows_the_signature() {
        let token = token(r#"{"sub":"u","upstream":{"access_token":"inner-secret"}}"#);
        let mut found = Found::default();
        let masked = mask_all(&Masker::new(), &format!("got {token}."), "text", &mut found);
        assert!(masked.starts_with("got ••••") && masked.ends_with('.'));
        let decoded = &found.tokens[0];
        assert_eq!(decoded.header["typ"], "at+jwt");
        assert_eq!(decoded.claims.as_ref().unwrap()["sub"], "u");
        let json = serde_json::to_string(decoded).unwrap();
        assert!(!json.contains("inner-secret"));
        assert!(!json.contains(token.rsplit('.').next().unwrap()));
    }

    #[test]
    fn what_only_looks_like_one_is_masked_or_left() {
        let mut found = Found::default();
        let mut mask = |text: &str| mask_all(&Masker::new(), text, "text", &mut found);
        assert_eq!(mask("keyJ.a.b heyJ.x.y"), "keyJ.a.b heyJ.x.y");
        assert_eq!(mask("eyJ alone"), "eyJ alone");
        assert!(mask("eyJhb.broken.token-without-sense").starts_with("••••"));
        assert!(found.tokens.is_empty());
    }

    #[test]
    fn a_token_that_would_be_read_beyond_all_depth_is_masked_all_the_same() {
        let mut bomb = r#""x""#.to_owned();
        for _ in 0..10 {
            let inner = format!("{}{bomb}{}", "[".repeat(120), "]".repeat(120));
            bomb = serde_json::json!({ "$serde_json::private::RawValue": inner }).to_string();
        }
        for claims in [bomb.clone(), bomb.replace('$', "\\u0024"), bomb.replace("$s", "$\\u0073")] {
            let token = token(&format!(r#"{{"a":{claims}}}"#));
            assert!(token.len() < MAX_DECODED_BYTES);
            let mut found = Found::default();
            let masked = mask_all(&Masker::new(), &format!("Bearer {token}"), "here", &mut found);
            assert!(masked.len() < 64 && !masked.contains("eyJ"), "{masked}");
            assert!(found.tokens.is_empty());
        }
    }
}
