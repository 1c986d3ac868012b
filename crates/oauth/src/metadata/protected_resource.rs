//! Protected resource metadata ([RFC 9728 §2](https://www.rfc-editor.org/rfc/rfc9728#section-2)).

use serde::{Deserialize, Serialize};

use super::{is_false, lenient, lenient_flag, lenient_list};
use crate::resource::Resource;

/// The document at `/.well-known/oauth-protected-resource`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedResourceMetadata {
    /// The resource's identifier; goes into `resource` parameters byte for byte.
    pub resource: Resource,
    /// Issuers that give out tokens for it; MCP requires at least one.
    #[serde(default, deserialize_with = "lenient_list", skip_serializing_if = "Vec::is_empty")]
    pub authorization_servers: Vec<String>,
    /// What a client asks for when the challenge names no scope.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub scopes_supported: Option<Vec<String>>,
    /// How the token may be sent; MCP knows `header` only.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub bearer_methods_supported: Option<Vec<String>>,
    /// The keys the resource signs with.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// A name for people.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// A page for developers.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub resource_documentation: Option<String>,
    /// A page about policy.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub resource_policy_uri: Option<String>,
    /// The terms of service.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub resource_tos_uri: Option<String>,
    /// Algorithms of `DPoP` proofs (RFC 9449).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub dpop_signing_alg_values_supported: Option<Vec<String>>,
    /// Whether only `DPoP`-bound tokens are accepted.
    #[serde(default, deserialize_with = "lenient_flag", skip_serializing_if = "is_false")]
    pub dpop_bound_access_tokens_required: bool,
}

impl ProtectedResourceMetadata {
    /// A document with what MCP requires, the token in the header, and nothing else.
    #[must_use]
    pub fn new(resource: Resource, authorization_servers: Vec<String>) -> Self {
        Self {
            resource,
            authorization_servers,
            scopes_supported: None,
            bearer_methods_supported: Some(vec!["header".to_owned()]),
            jwks_uri: None,
            resource_name: None,
            resource_documentation: None,
            resource_policy_uri: None,
            resource_tos_uri: None,
            dpop_signing_alg_values_supported: None,
            dpop_bound_access_tokens_required: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_keeps_its_bytes() {
        for resource in ["https://a.example", "https://a.example/", "HTTPS://A.example/mcp"] {
            let json =
                format!(r#"{{"resource":"{resource}","authorization_servers":["https://as.example"]}}"#);
            let metadata: ProtectedResourceMetadata = serde_json::from_str(&json).unwrap();
            assert_eq!(metadata.resource.as_str(), resource);
            assert_eq!(serde_json::to_string(&metadata).unwrap(), json);
        }
    }

    #[test]
    fn a_bad_resource_is_no_metadata() {
        for json in [r#"{}"#, r#"{"resource":"mcp"}"#, r#"{"resource":"https://a#f"}"#, "[]", "null"] {
            assert!(serde_json::from_str::<ProtectedResourceMetadata>(json).is_err(), "{json}");
        }
    }
}
