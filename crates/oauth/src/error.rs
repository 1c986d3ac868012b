//! OAuth error codes: one table from the code to its word on the wire and its HTTP status.

use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::stranger::printable;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:ident;)*) => {
        /// The `error` value of an OAuth error response, redirect or challenge.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
            /// A code this table does not know; kept as it came, peers invent them.
            Other(String),
        }

        impl ErrorCode {
            /// The word on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $word,)*
                    Self::Other(word) => word,
                }
            }

            /// Reads the word from the wire; an unknown one is kept.
            #[must_use]
            pub fn from_word(word: &str) -> Self {
                match word {
                    $($word => Self::$name,)*
                    other => Self::Other(other.to_owned()),
                }
            }

            /// The status of a direct (not redirected) response that carries this code.
            #[must_use]
            pub fn http_status(&self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                    Self::Other(_) => StatusCode::BAD_REQUEST,
                }
            }
        }
    };
}

error_codes! {
    // OAuth 2.1 §3.2.4 (token endpoint) and §4.1.2.1 (authorization endpoint)
    /// A parameter is missing, repeated or malformed.
    InvalidRequest = "invalid_request", BAD_REQUEST;
    /// Client authentication failed or the client is unknown.
    InvalidClient = "invalid_client", UNAUTHORIZED;
    /// The code or refresh token is invalid, expired, revoked, or belongs to somebody else.
    InvalidGrant = "invalid_grant", BAD_REQUEST;
    /// This client may not use this grant type.
    UnauthorizedClient = "unauthorized_client", BAD_REQUEST;
    /// The server does not know this grant type.
    UnsupportedGrantType = "unsupported_grant_type", BAD_REQUEST;
    /// The scope is unknown, malformed, or exceeds what was granted.
    InvalidScope = "invalid_scope", BAD_REQUEST;
    /// The user or the server said no. Without a redirect, only a device is told so.
    AccessDenied = "access_denied", BAD_REQUEST;
    /// Only `code` exists.
    UnsupportedResponseType = "unsupported_response_type", BAD_REQUEST;
    /// Something broke on the server.
    ServerError = "server_error", INTERNAL_SERVER_ERROR;
    /// Overloaded or in maintenance; try again later.
    TemporarilyUnavailable = "temporarily_unavailable", SERVICE_UNAVAILABLE;
    // RFC 6750 §3.1
    /// The access token is expired, revoked, malformed or meant for somebody else.
    InvalidToken = "invalid_token", UNAUTHORIZED;
    /// The access token does not carry the scope this needs.
    InsufficientScope = "insufficient_scope", FORBIDDEN;
    // RFC 7591 §3.2.2
    /// A redirection URI is not acceptable.
    InvalidRedirectUri = "invalid_redirect_uri", BAD_REQUEST;
    /// A field of the client metadata is not acceptable.
    InvalidClientMetadata = "invalid_client_metadata", BAD_REQUEST;
    /// The software statement is invalid.
    InvalidSoftwareStatement = "invalid_software_statement", BAD_REQUEST;
    /// The software statement is not approved here.
    UnapprovedSoftwareStatement = "unapproved_software_statement", BAD_REQUEST;
    // RFC 8707 §2
    /// The requested resource is unknown, malformed or not allowed.
    InvalidTarget = "invalid_target", BAD_REQUEST;
    // RFC 7009 §2.2.1
    /// This kind of token cannot be revoked here.
    UnsupportedTokenType = "unsupported_token_type", BAD_REQUEST;
    // RFC 8628 §3.5
    /// The user has not decided yet.
    AuthorizationPending = "authorization_pending", BAD_REQUEST;
    /// The device asks too often.
    SlowDown = "slow_down", BAD_REQUEST;
    /// The device code has expired.
    ExpiredToken = "expired_token", BAD_REQUEST;
    // RFC 9449 §5, §8
    /// The `DPoP` proof does not hold.
    InvalidDpopProof = "invalid_dpop_proof", BAD_REQUEST;
    /// The `DPoP` proof needs the nonce that this response carries.
    UseDpopNonce = "use_dpop_nonce", BAD_REQUEST;
    // OpenID Connect Core §3.1.2.6
    /// `prompt=none` was asked, and the user has to log in.
    LoginRequired = "login_required", BAD_REQUEST;
    /// `prompt=none` was asked, and the user has to consent.
    ConsentRequired = "consent_required", BAD_REQUEST;
    /// `prompt=none` was asked, and the user has to do something.
    InteractionRequired = "interaction_required", BAD_REQUEST;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::from_word(&word))
    }
}

/// The JSON body of a direct error response
/// ([OAuth 2.1 §3.2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.4)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// What went wrong, as a code.
    pub error: ErrorCode,
    /// What went wrong, for a developer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// A page about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_uri: Option<String>,
}

impl ErrorResponse {
    /// An error with a sentence for the developer on the other side, in the [letters](printable) that it may have:
    /// some sentences repeat what a stranger sent.
    #[must_use]
    pub fn new(error: ErrorCode, description: impl AsRef<str>) -> Self {
        Self { error, error_description: Some(printable(description.as_ref())), error_uri: None }
    }
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error_description {
            Some(description) => write!(f, "{}: {description}", self.error),
            None => write!(f, "{}", self.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_round_trip() {
        for word in
            ["invalid_request", "invalid_client", "invalid_target", "use_dpop_nonce", "made_up_by_a_peer"]
        {
            assert_eq!(ErrorCode::from_word(word).as_str(), word);
        }
    }

    #[test]
    fn statuses_of_the_special_ones() {
        assert_eq!(ErrorCode::InvalidClient.http_status(), 401);
        assert_eq!(ErrorCode::InvalidToken.http_status(), 401);
        assert_eq!(ErrorCode::InsufficientScope.http_status(), 403);
        assert_eq!(ErrorCode::Other("x".into()).http_status(), 400);
    }
}
