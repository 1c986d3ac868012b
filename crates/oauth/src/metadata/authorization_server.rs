//! Authorization server metadata ([RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)), which
//! OpenID Connect Discovery shares.

use serde::{Deserialize, Serialize};

use super::{is_false, lenient, lenient_flag};
use crate::pkce;

/// The document at `/.well-known/oauth-authorization-server` or `/.well-known/openid-configuration`.
///
/// URLs are the raw strings: the issuer is compared byte for byte, and what is shown is what was fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationServerMetadata {
    /// The issuer identifier; has to be identical to the one the document was looked up by (RFC 8414 §3.3).
    pub issuer: String,
    /// Where the browser goes.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where codes and refresh tokens are redeemed.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Where clients register themselves (RFC 7591); most identity providers have none.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    /// The public keys of issued tokens.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Scopes worth mentioning; `offline_access` belongs here and not into the resource's metadata.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub scopes_supported: Option<Vec<String>>,
    /// `code`.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub response_types_supported: Option<Vec<String>>,
    /// `query`, `form_post`, …
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub response_modes_supported: Option<Vec<String>>,
    /// `authorization_code`, `refresh_token`, …
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub grant_types_supported: Option<Vec<String>>,
    /// `none`, `client_secret_basic`, `client_secret_post`, `private_key_jwt`; absent means `client_secret_basic`.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Algorithms of client assertions.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg_values_supported: Option<Vec<String>>,
    /// Where devices without a browser begin (RFC 8628).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// Where tokens are revoked (RFC 7009).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// How clients authenticate there.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Algorithms of client assertions there.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint_auth_signing_alg_values_supported: Option<Vec<String>>,
    /// Where resource servers ask about tokens (RFC 7662).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// How resource servers authenticate there.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Algorithms of client assertions there.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint_auth_signing_alg_values_supported: Option<Vec<String>>,
    /// PKCE methods; absent means no PKCE, and an MCP client has to refuse.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub code_challenge_methods_supported: Option<Vec<String>>,
    /// Whether every authorization response carries `iss` (RFC 9207 §3).
    #[serde(default, deserialize_with = "lenient_flag", skip_serializing_if = "is_false")]
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether a client may be named by the URL of its metadata document.
    #[serde(default, deserialize_with = "lenient_flag", skip_serializing_if = "is_false")]
    pub client_id_metadata_document_supported: bool,
    /// Where authorization requests are pushed (RFC 9126 §5).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub pushed_authorization_request_endpoint: Option<String>,
    /// Whether others are not accepted.
    #[serde(default, deserialize_with = "lenient_flag", skip_serializing_if = "is_false")]
    pub require_pushed_authorization_requests: bool,
    /// Algorithms of `DPoP` proofs (RFC 9449 §5.1).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub dpop_signing_alg_values_supported: Option<Vec<String>>,
    /// A page for developers.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub service_documentation: Option<String>,
}

impl AuthorizationServerMetadata {
    /// Whether `S256` is listed; an absent list means that PKCE is not supported.
    #[must_use]
    pub fn supports_s256(&self) -> bool {
        lists(self.code_challenge_methods_supported.as_ref(), pkce::S256)
    }

    /// Whether `offline_access` is a scope here, so that a client may ask for it.
    #[must_use]
    pub fn offers_offline_access(&self) -> bool {
        lists(self.scopes_supported.as_ref(), "offline_access")
    }

    /// Whether this way to authenticate at the token endpoint is listed; the default list is `client_secret_basic`.
    #[must_use]
    pub fn supports_auth_method(&self, method: &str) -> bool {
        match &self.token_endpoint_auth_methods_supported {
            Some(methods) => methods.iter().any(|m| m == method),
            None => method == "client_secret_basic",
        }
    }
}

fn lists(list: Option<&Vec<String>>, word: &str) -> bool {
    list.is_some_and(|list| list.iter().any(|entry| entry == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<AuthorizationServerMetadata> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn reads_what_identity_providers_publish() {
        // No registration endpoint, no RFC 8414 fields, lists that are null, a flag that is a string.
        let entra = read(
            r#"{"issuer":"https://login.example/t/v2.0","authorization_endpoint":"https://login.example/authorize",
                "token_endpoint":"https://login.example/token","scopes_supported":null,
                "client_id_metadata_document_supported":"yes","frontchannel_logout_supported":true,
                "code_challenge_methods_supported":"S256"}"#,
        )
        .unwrap();
        assert_eq!(entra.registration_endpoint, None);
        assert_eq!(entra.scopes_supported, None);
        assert!(!entra.client_id_metadata_document_supported);
        assert!(!entra.supports_s256(), "a string is not a list");
    }

    #[test]
    fn the_issuer_is_strict() {
        assert_eq!(read(r#"{"token_endpoint":"https://a/token"}"#), None);
        assert_eq!(read(r#"{"issuer":7}"#), None);
        assert_eq!(read("<!doctype html>"), None);
    }

    #[test]
    fn what_is_absent_is_not_written() {
        let json = serde_json::to_string(&read(r#"{"issuer":"https://a"}"#).unwrap()).unwrap();
        assert_eq!(json, r#"{"issuer":"https://a"}"#);
    }

    #[test]
    fn auth_method_default_is_basic() {
        let mut metadata = read(r#"{"issuer":"https://a"}"#).unwrap();
        assert!(metadata.supports_auth_method("client_secret_basic"));
        assert!(!metadata.supports_auth_method("none"));
        metadata.token_endpoint_auth_methods_supported = Some(vec!["none".into()]);
        assert!(!metadata.supports_auth_method("client_secret_basic"));
        assert!(metadata.supports_auth_method("none"));
    }
}
