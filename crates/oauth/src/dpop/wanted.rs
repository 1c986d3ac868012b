//! What servers say about proofs, read by the client: the nonce that they give, and whether they insist on it.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{MAX_NONCE_BYTES, NONCE_HEADER};
use crate::challenge::Challenge;
use crate::error::{ErrorCode, ErrorResponse};
use crate::json;

/// The nonce that a response gives for the next proofs; responses of any status may
/// ([RFC 9449 §8.2](https://www.rfc-editor.org/rfc/rfc9449#section-8.2)). What does not have its
/// [syntax](https://www.rfc-editor.org/rfc/rfc9449#section-8.1), or is there twice, is none.
#[must_use]
pub fn nonce(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(NONCE_HEADER).iter();
    let nonce = lines.next()?.to_str().ok()?;
    let legal = |b: u8| matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~');
    let fits = (1..=MAX_NONCE_BYTES).contains(&nonce.len()) && nonce.bytes().all(legal);
    (fits && lines.next().is_none()).then_some(nonce)
}

/// The nonce without which an authorization server refuses this request
/// ([RFC 9449 §8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).
#[must_use]
pub fn wanted_by_authorization_server(response: &http::Response<Bytes>) -> Option<&str> {
    if !response.status().is_client_error() {
        return None;
    }
    let error: ErrorResponse = json::object(response.body()).ok()?;
    (error.error == ErrorCode::UseDpopNonce).then(|| nonce(response.headers())).flatten()
}

/// The nonce without which a resource refuses this request
/// ([RFC 9449 §9](https://www.rfc-editor.org/rfc/rfc9449#section-9)). The error counts in the `DPoP` challenge only;
/// others may stand beside it.
#[must_use]
pub fn wanted_by_resource(status: StatusCode, headers: &HeaderMap) -> Option<&str> {
    if status != StatusCode::UNAUTHORIZED {
        return None;
    }
    let lines =
        headers.get_all(http::header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let wanted = lines
        .flat_map(Challenge::parse_all)
        .any(|challenge| challenge.scheme == "dpop" && challenge.error() == Some(ErrorCode::UseDpopNonce));
    if wanted { nonce(headers) } else { None }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn which_nonces_are_taken() {
        let longest = "n".repeat(MAX_NONCE_BYTES);
        for (values, expected) in [
            (vec!["abc-._~!#[]"], Some("abc-._~!#[]")),
            (vec![longest.as_str()], Some(longest.as_str())),
            (vec![], None),
            (vec![""], None),
            (vec!["a b"], None),
            (vec!["a\"b"], None),
            (vec!["a\\b"], None),
            (vec!["a", "b"], None),
            (vec![&format!("{longest}n")], None),
        ] {
            let lines: Vec<_> = values.iter().map(|value| (NONCE_HEADER, *value)).collect();
            assert_eq!(nonce(&headers(&lines)), expected, "{values:?}");
        }
    }

    #[test]
    fn what_an_authorization_server_says_when_it_wants_one() {
        for (status, body, nonce, expected) in [
            (400, r#"{"error":"use_dpop_nonce"}"#, Some("n1"), Some("n1")),
            (401, r#"{"error":"use_dpop_nonce","error_description":"x"}"#, Some("n1"), Some("n1")),
            (400, r#"{"error":"use_dpop_nonce"}"#, None, None),
            (400, r#"{"error":"invalid_grant"}"#, Some("n1"), None),
            (200, r#"{"error":"use_dpop_nonce"}"#, Some("n1"), None),
            (400, "<html>", Some("n1"), None),
        ] {
            let mut response = http::Response::new(Bytes::from_static(body.as_bytes()));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            *response.headers_mut() =
                headers(&nonce.map(|nonce| (NONCE_HEADER, nonce)).into_iter().collect::<Vec<_>>());
            assert_eq!(wanted_by_authorization_server(&response), expected, "{status} {body} {nonce:?}");
        }
    }

    #[test]
    fn what_a_resource_says_when_it_wants_one() {
        for (status, challenge, expected) in [
            (401, r#"DPoP error="use_dpop_nonce""#, Some("n1")),
            (401, r#"Bearer error="invalid_token", DPoP algs="ES256", error="use_dpop_nonce""#, Some("n1")),
            (401, r#"Bearer error="use_dpop_nonce", DPoP error="invalid_token""#, None),
            (401, r#"DPoP error="invalid_token""#, None),
            (403, r#"DPoP error="use_dpop_nonce""#, None),
        ] {
            let headers = headers(&[("www-authenticate", challenge), (NONCE_HEADER, "n1")]);
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(wanted_by_resource(status, &headers), expected, "{status} {challenge}");
        }
        let without = headers(&[("www-authenticate", r#"DPoP error="use_dpop_nonce""#)]);
        assert_eq!(wanted_by_resource(StatusCode::UNAUTHORIZED, &without), None);
    }
}
