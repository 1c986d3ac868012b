//! Header lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::names::{self, Kind};
use super::{Found, Masker};

/// Masks the value of one header line; `name` is lower case.
pub(super) fn mask(masker: &Masker, name: &str, value: &str, place: &str, found: &mut Found) -> String {
    match name {
        "authorization" | "proxy-authorization" => mask_credentials(masker, value, place, found),
        "cookie" => {
            value.split(';').map(|pair| mask_cookie(masker, pair, place, found)).collect::<Vec<_>>().join(";")
        }
        "set-cookie" => {
            let (pair, attributes) = match value.split_once(';') {
                Some((pair, attributes)) => (pair, Some(attributes)),
                None => (value, None),
            };
            let mut masked = mask_cookie(masker, pair, place, found);
            if let Some(attributes) = attributes {
                masked.push(';');
                masked.push_str(attributes);
            }
            masked
        }
        "location" | "referer" | "content-location" | "refresh" | "link" => {
            super::form::mask_url(masker, value, place, found)
        }
        _ => match names::header(name) {
            Some(kind) => masker.replace(kind, value.trim(), place, found),
            None => value.to_owned(),
        },
    }
}

/// Keeps the scheme, which is what one wants to see.
fn mask_credentials(masker: &Masker, value: &str, place: &str, found: &mut Found) -> String {
    match value.trim().split_once(' ') {
        Some((scheme, secret)) => {
            if scheme.eq_ignore_ascii_case("basic") {
                learn_basic(masker, secret.trim());
            }
            format!("{scheme} {}", masker.replace(Kind::Random, secret.trim(), place, found))
        }
        None => masker.replace(Kind::Random, value.trim(), place, found),
    }
}

/// `Basic` is a name and a secret in base64; the secret alone must not show up elsewhere either.
fn learn_basic(masker: &Masker, credentials: &str) {
    let Ok(bytes) = STANDARD.decode(credentials) else { return };
    if let Some((_, secret)) = String::from_utf8_lossy(&bytes).split_once(':') {
        masker.learn(secret);
        masker.learn(&percent_decode_str(secret).decode_utf8_lossy());
    }
}

fn mask_cookie(masker: &Masker, pair: &str, place: &str, found: &mut Found) -> String {
    match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}", masker.replace(Kind::Random, value.trim(), place, found)),
        None if pair.trim().is_empty() => pair.to_owned(),
        None => masker.replace(Kind::Random, pair.trim(), place, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let masker = Masker::new();
        for (name, value, expected) in [
            ("authorization", "Bearer short", "Bearer ••••"),
            ("authorization", "opaque", "••••"),
            ("authorization", "Basic dTpw", "Basic ••••"),
            ("authorization", "DPoP short", "DPoP ••••"),
            ("dpop", "short", "••••"),
            ("cookie", "a=1; b=2", "a=••••; b=••••"),
            ("set-cookie", "a=1; Path=/; HttpOnly", "a=••••; Path=/; HttpOnly"),
            ("location", "/cb?code=x&iss=https://a", "/cb?code=••••&iss=https://a"),
            ("mcp-session-id", "s-1", "••••"),
            ("mcp-method", "tools/call", "tools/call"),
            ("x-api-key", "k", "••••"),
            ("www-authenticate", "Bearer scope=\"a\"", "Bearer scope=\"a\""),
        ] {
            assert_eq!(
                mask(&masker, name, value, "header", &mut Found::default()),
                expected,
                "{name}: {value}"
            );
        }
    }
}
