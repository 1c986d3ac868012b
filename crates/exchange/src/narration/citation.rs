//! The documents that are cited, and their sections.

use serde::{Deserialize, Serialize};

/// A section of a document, as a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Citation {
    /// `RFC 9728`, `MCP 2026-07-28`, …
    pub document: String,
    /// `§5.1`, `Streamable HTTP, Backward Compatibility`, …
    pub section: String,
    /// Where it can be read.
    pub url: String,
}

impl Citation {
    /// The citation as a value.
    #[must_use]
    pub fn of(rule: Rule) -> Self {
        let (document, section, url) = rule.row();
        Self { document: document.to_owned(), section: section.to_owned(), url: url.to_owned() }
    }

    /// The same rule in the revision that was spoken. The pages about what a server offers stand at the same place in
    /// every revision; rules of transport and authorization do not, and are rows of their own.
    pub(crate) fn in_revision(&mut self, revision: &str) {
        if self.url.contains("/2026-07-28/server/") {
            self.url = self.url.replace("2026-07-28", revision);
            self.document = self.document.replace("2026-07-28", revision);
        }
    }
}

macro_rules! rules {
    ($($name:ident = $document:literal, $section:literal, $url:literal;)*) => {
        /// A rule that can be cited.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Rule { $($name,)* }

        impl Rule {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            fn row(self) -> (&'static str, &'static str, &'static str) {
                match self { $(Self::$name => ($document, $section, $url),)* }
            }
        }
    };
}

rules! {
    Unauthorized = "RFC 9728", "§5.1 WWW-Authenticate Response", "https://www.rfc-editor.org/rfc/rfc9728#section-5.1";
    ResourceValidation = "RFC 9728", "§3.3 Protected Resource Metadata Validation", "https://www.rfc-editor.org/rfc/rfc9728#section-3.3";
    ResourceDiscovery = "MCP 2026-07-28", "Authorization, Protected Resource Metadata Discovery Requirements", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery#protected-resource-metadata-discovery-requirements";
    ServerDiscovery = "MCP 2026-07-28", "Authorization, Authorization Server Metadata Discovery", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery#authorization-server-metadata-discovery";
    ServerLocation = "MCP 2026-07-28", "Authorization, Authorization Server Location", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery#authorization-server-location";
    IssuerValidation = "RFC 8414", "§3.3 Authorization Server Metadata Validation", "https://www.rfc-editor.org/rfc/rfc8414#section-3.3";
    OldDiscovery = "MCP 2025-03-26", "Authorization, Fallbacks for Servers without Metadata Discovery", "https://modelcontextprotocol.io/specification/2025-03-26/basic/authorization#fallbacks-for-servers-without-metadata-discovery";
    Registration = "MCP 2026-07-28", "Authorization, Client Registration", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration";
    ApplicationType = "MCP 2026-07-28", "Client Registration, Application Type and Redirect URI Constraints", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration#application-type-and-redirect-uri-constraints";
    ServerBinding = "MCP 2026-07-28", "Client Registration, Authorization Server Binding", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration#authorization-server-binding";
    DynamicRegistration = "RFC 7591", "§3.1 Client Registration Request", "https://www.rfc-editor.org/rfc/rfc7591#section-3.1";
    PushedRequest = "RFC 9126", "§2.1 Request", "https://www.rfc-editor.org/rfc/rfc9126#section-2.1";
    AuthorizationRequest = "OAuth 2.1", "§4.1.1 Authorization Request", "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.1";
    AuthorizationError = "OAuth 2.1", "§4.1.2.1 Error Response", "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2.1";
    TokenRequest = "OAuth 2.1", "§4.1.3 Token Endpoint Extension", "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3";
    TokenError = "OAuth 2.1", "§3.2.4 Error Response", "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.4";
    ClientCredentials = "MCP extension", "OAuth Client Credentials", "https://modelcontextprotocol.io/extensions/auth/oauth-client-credentials";
    Enterprise = "MCP extension", "Enterprise-Managed Authorization", "https://modelcontextprotocol.io/extensions/auth/enterprise-managed-authorization";
    JwtBearer = "RFC 7523", "§2.1 Using JWTs as Authorization Grants", "https://www.rfc-editor.org/rfc/rfc7523#section-2.1";
    DeviceFlow = "RFC 8628", "§3 Protocol", "https://datatracker.ietf.org/doc/html/rfc8628#section-3";
    ServerNonce = "RFC 9449", "§8 Authorization Server-Provided Nonce", "https://www.rfc-editor.org/rfc/rfc9449#section-8";
    ResourceNonce = "RFC 9449", "§9 Resource Server-Provided Nonce", "https://www.rfc-editor.org/rfc/rfc9449#section-9";
    Refresh = "OAuth 2.1", "§4.3 Refresh Token Grant", "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3";
    Revocation = "RFC 7009", "§2.1 Revocation Request", "https://www.rfc-editor.org/rfc/rfc7009#section-2.1";
    Pkce = "MCP 2026-07-28", "Authorization Security, Authorization Code Protection", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/security-considerations#authorization-code-protection";
    State = "MCP 2026-07-28", "Authorization Security, Open Redirection", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/security-considerations#open-redirection";
    ResponseIssuer = "MCP 2026-07-28", "Authorization, Authorization Response Validation", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#authorization-response-validation";
    ResourceParameter = "RFC 8707", "§2 Resource Parameter", "https://www.rfc-editor.org/rfc/rfc8707#section-2";
    ScopeSelection = "MCP 2026-07-28", "Authorization, Scope Selection Strategy", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#scope-selection-strategy";
    StepUp = "MCP 2026-07-28", "Authorization, Step-Up Authorization Flow", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#step-up-authorization-flow";
    CommunicationSecurity = "MCP 2026-07-28", "Authorization Security, Communication Security", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/security-considerations#communication-security";
    AccessTokenUsage = "MCP 2026-07-28", "Authorization, Access Token Usage", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#access-token-usage";
    Versioning = "MCP 2026-07-28", "Versioning, Protocol Version Negotiation", "https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#protocol-version-negotiation";
    BackwardCompatibility = "MCP 2026-07-28", "Streamable HTTP, Backward Compatibility", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#backward-compatibility";
    Discover = "MCP 2026-07-28", "Discovery", "https://modelcontextprotocol.io/specification/2026-07-28/server/discover";
    Initialize = "MCP 2025-11-25", "Lifecycle, Initialization", "https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization";
    Sessions = "MCP 2025-11-25", "Transports, Session Management", "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management";
    Listening = "MCP 2025-11-25", "Transports, Listening for Messages from the Server", "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#listening-for-messages-from-the-server";
    Resumability = "MCP 2025-11-25", "Transports, Resumability and Redelivery", "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery";
    OldTransport = "MCP 2025-11-25", "Transports, Backwards Compatibility", "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#backwards-compatibility";
    HttpSse = "MCP 2024-11-05", "Transports, HTTP with SSE", "https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse";
    SendingMessages = "MCP 2026-07-28", "Streamable HTTP, Sending Messages", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#sending-messages";
    Receiving = "MCP 2026-07-28", "Streamable HTTP, Receiving Messages", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#receiving-messages";
    ParameterHeaders = "MCP 2026-07-28", "Streamable HTTP, Custom Headers from Tool Parameters", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#custom-headers-from-tool-parameters";
    HeaderValidation = "MCP 2026-07-28", "Streamable HTTP, Server Validation", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation";
    Cancellation = "MCP 2026-07-28", "Streamable HTTP, Cancellation", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#cancellation";
    OldCancellation = "MCP 2025-11-25", "Cancellation", "https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation";
    InputRequired = "MCP 2026-07-28", "Multi Round-Trip Requests", "https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr";
    Tasks = "MCP extension", "Tasks", "https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md";
    Tools = "MCP 2026-07-28", "Tools", "https://modelcontextprotocol.io/specification/2026-07-28/server/tools";
    Resources = "MCP 2026-07-28", "Resources", "https://modelcontextprotocol.io/specification/2026-07-28/server/resources";
    Prompts = "MCP 2026-07-28", "Prompts", "https://modelcontextprotocol.io/specification/2026-07-28/server/prompts";
    Skills = "SEP-2640", "Skills Extension", "https://modelcontextprotocol.io/seps/2640-skills-extension";
    Completion = "MCP 2026-07-28", "Completion", "https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion";
    Pagination = "MCP 2026-07-28", "Pagination", "https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/pagination";
    Subscriptions = "MCP 2026-07-28", "Subscriptions", "https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions";
    Errors = "MCP 2026-07-28", "Overview, Error Codes", "https://modelcontextprotocol.io/specification/2026-07-28/basic/index#error-codes";
    Elicitation = "MCP 2025-11-25", "Elicitation", "https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_offers_is_cited_in_the_revision_that_was_spoken() {
        for (rule, document) in [(Rule::Tools, "MCP 2025-11-25"), (Rule::ScopeSelection, "MCP 2026-07-28")] {
            let mut citation = Citation::of(rule);
            citation.in_revision("2025-11-25");
            assert_eq!(citation.document, document);
            assert!(citation.url.contains(&document[4..]), "{citation:?}");
        }
    }

    #[test]
    fn every_rule_is_a_link() {
        for rule in Rule::ALL {
            let citation = Citation::of(*rule);
            assert!(url::Url::parse(&citation.url).is_ok_and(|url| url.scheme() == "https"), "{citation:?}");
            assert!(!citation.document.is_empty() && !citation.section.is_empty());
        }
    }
}
