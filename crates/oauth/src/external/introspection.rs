//! What an introspection endpoint answers ([RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2)), read by the
//! resource server that asked.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use serde_json::{Map, Value};

use super::profile::read_object;

/// The answer says nothing about the token: nobody's token is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectionError {
    /// We are not who may ask.
    #[error("it does not let this server ask ({0}): check how it authenticates")]
    NotAllowed(u16),
    /// Another status than 200.
    #[error("it answered with status {0}")]
    Status(u16),
    /// A signed answer ([RFC 9701](https://www.rfc-editor.org/rfc/rfc9701)).
    #[error(
        "it answered with a signed JWT (RFC 9701), which is not read here; have it answer with application/json"
    )]
    Signed,
    /// Something else than JSON.
    #[error("it did not answer with application/json")]
    ContentType,
    /// No object in which `active` is true or false, or one with a member that is there twice.
    #[error("its answer is no object in which `active` is true or false")]
    Malformed,
}

impl IntrospectionError {
    /// Whether any other question would be answered so, too. If not, it is about this token: too long for that endpoint,
    /// say, or of an alphabet that it does not know.
    #[must_use]
    pub fn is_about_every_token(&self) -> bool {
        match self {
            Self::NotAllowed(_) => true,
            Self::Status(status) => *status == 429 || (500..600).contains(status),
            Self::Signed | Self::ContentType | Self::Malformed => false,
        }
    }
}

/// Reads the answer: the claims of a token that is active, or `None`.
///
/// # Errors
/// [`IntrospectionError`].
pub fn read_introspection(
    answer: &Response<Bytes>,
) -> Result<Option<Map<String, Value>>, IntrospectionError> {
    match answer.status() {
        StatusCode::OK => {}
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(IntrospectionError::NotAllowed(status.as_u16()));
        }
        status => return Err(IntrospectionError::Status(status.as_u16())),
    }
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/token-introspection+jwt") {
        return Err(IntrospectionError::Signed);
    }
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(IntrospectionError::ContentType);
    }
    let claims = read_object(answer.body()).ok_or(IntrospectionError::Malformed)?;
    match claims.get("active") {
        Some(Value::Bool(true)) => Ok(Some(claims)),
        Some(Value::Bool(false)) => Ok(None),
        _ => Err(IntrospectionError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_yes_or_no_or_nothing() {
        let check =
            |status: u16, content_type: &str, body: &str, expected: Result<bool, IntrospectionError>| {
                let answer = Response::builder().status(status).header(CONTENT_TYPE, content_type);
                let answer = answer.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
                let read = read_introspection(&answer).map(|claims| claims.is_some());
                assert_eq!(read, expected, "{status} {content_type} {body}");
                let everybody = read.err().is_some_and(|error| error.is_about_every_token());
                assert_eq!(everybody, [401, 403, 429, 500].contains(&status), "{status} {content_type}");
            };
        const JSON: &str = "application/json";
        check(200, JSON, r#"{"active":true,"sub":"ann"}"#, Ok(true));
        check(200, "Application/JSON; charset=utf-8", r#"{"active":true}"#, Ok(true));
        check(200, JSON, r#"{"active":false}"#, Ok(false));
        check(200, JSON, r#"{"active":false,"sub":"ann"}"#, Ok(false));
        for body in [
            "",
            "{}",
            "true",
            "[]",
            r#"{"active":"true"}"#,
            r#"{"active":1}"#,
            r#"{"active":null}"#,
            r#"{"active":false,"active":true}"#,
            r#"{"active":true,"sub":"ann","sub":"bob"}"#,
            r#"{"active":true"#,
        ] {
            check(200, JSON, body, Err(IntrospectionError::Malformed));
        }
        check(200, "text/html", "<html>", Err(IntrospectionError::ContentType));
        check(200, "application/token-introspection+jwt", "e30.e30.", Err(IntrospectionError::Signed));
        check(401, JSON, r#"{"active":true}"#, Err(IntrospectionError::NotAllowed(401)));
        check(403, JSON, "{}", Err(IntrospectionError::NotAllowed(403)));
        check(204, JSON, "", Err(IntrospectionError::Status(204)));
        check(302, JSON, "", Err(IntrospectionError::Status(302)));
        check(429, JSON, "{}", Err(IntrospectionError::Status(429)));
        check(500, JSON, r#"{"active":false}"#, Err(IntrospectionError::Status(500)));
    }
}
