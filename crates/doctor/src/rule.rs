//! The documents that findings cite.
//!
//! Three kinds of documents: specifications; the manual of a proxy; and public reports about hosts, where a limit is known
//! from its consequences only.

use barewire_exchange::Citation;

macro_rules! rules {
    ($($name:ident = $document:literal, $section:literal, $url:literal;)*) => {
        /// A rule that a finding cites.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Rule { $($name,)* }

        impl Rule {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)*];

            const fn row(self) -> (&'static str, &'static str, &'static str) {
                match self { $(Self::$name => ($document, $section, $url),)* }
            }
        }
    };
}

impl Rule {
    pub(crate) fn citation(self) -> Citation {
        let (document, section, url) = self.row();
        Citation { document: document.to_owned(), section: section.to_owned(), url: url.to_owned() }
    }
}

rules! {
    // ── MCP ────────────────────────────────────────────────────────────────────────────────────────────────────
    Endpoint = "MCP 2026-07-28", "Streamable HTTP, Security & Endpoint", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security-&-endpoint";
    SendingMessages = "MCP 2026-07-28", "Streamable HTTP, Sending Messages", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#sending-messages";
    ReceivingMessages = "MCP 2026-07-28", "Streamable HTTP, Receiving Messages", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#receiving-messages";
    VersionHeader = "MCP 2026-07-28", "Streamable HTTP, Protocol Version Header", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#protocol-version-header";
    ServerValidation = "MCP 2026-07-28", "Streamable HTTP, Server Validation", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation";
    RequestHeaders = "MCP 2026-07-28", "Streamable HTTP, Standard Request Headers", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#standard-request-headers";
    ParameterHeaders = "MCP 2026-07-28", "Tools, x-mcp-header", "https://modelcontextprotocol.io/specification/2026-07-28/server/tools#x-mcp-header";
    EarlierRevisions = "MCP 2026-07-28", "Streamable HTTP, Earlier Streamable HTTP Revisions", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#earlier-streamable-http-revisions";
    BackwardCompatibility = "MCP 2026-07-28", "Streamable HTTP, Backward Compatibility", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#backward-compatibility";
    OldTransport = "MCP 2026-07-28", "Streamable HTTP, HTTP+SSE Transport (2024-11-05)", "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#http+sse-transport-2024-11-05";
    Versioning = "MCP 2026-07-28", "Versioning, Protocol Version Negotiation", "https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#protocol-version-negotiation";
    Discover = "MCP 2026-07-28", "Discovery", "https://modelcontextprotocol.io/specification/2026-07-28/server/discover";
    Responses = "MCP 2026-07-28", "Overview, Responses", "https://modelcontextprotocol.io/specification/2026-07-28/basic/index#responses";
    ErrorCodes = "MCP 2026-07-28", "Overview, Error Codes", "https://modelcontextprotocol.io/specification/2026-07-28/basic/index#error-codes";
    MetaFields = "MCP 2026-07-28", "Overview, _meta", "https://modelcontextprotocol.io/specification/2026-07-28/basic/index#meta";
    Icons = "MCP 2026-07-28", "Overview, icons", "https://modelcontextprotocol.io/specification/2026-07-28/basic/index#icons";
    Dialect = "MCP 2026-07-28", "Overview, JSON Schema Usage", "https://modelcontextprotocol.io/specification/2026-07-28/basic/index#json-schema-usage";
    References = "MCP 2026-07-28", "Overview, $ref Resolution", "https://modelcontextprotocol.io/specification/2026-07-28/basic/index#$ref-resolution";
    Caching = "MCP 2026-07-28", "Caching, Cacheable Results", "https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching#cacheable-results";
    Pagination = "MCP 2026-07-28", "Pagination", "https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/pagination";
    Acknowledgment = "MCP 2026-07-28", "Subscriptions, Acknowledgment", "https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions#acknowledgment";
    Tools = "MCP 2026-07-28", "Tools, Capabilities", "https://modelcontextprotocol.io/specification/2026-07-28/server/tools#capabilities";
    Tool = "MCP 2026-07-28", "Tools, Tool", "https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool";
    ToolNames = "MCP 2026-07-28", "Tools, Tool Names", "https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool-names";
    ToolErrors = "MCP 2026-07-28", "Tools, Error Handling", "https://modelcontextprotocol.io/specification/2026-07-28/server/tools#error-handling";
    ResourceErrors = "MCP 2026-07-28", "Resources, Error Handling", "https://modelcontextprotocol.io/specification/2026-07-28/server/resources#error-handling";
    PromptErrors = "MCP 2026-07-28", "Prompts, Error Handling", "https://modelcontextprotocol.io/specification/2026-07-28/server/prompts#error-handling";
    // ── MCP, the handshake era ─────────────────────────────────────────────────────────────────────────────────
    Lifecycle = "MCP 2025-11-25", "Lifecycle, Version Negotiation", "https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation";
    Sessions = "MCP 2025-11-25", "Transports, Session Management", "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management";
    Listening = "MCP 2025-11-25", "Transports, Listening for Messages from the Server", "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#listening-for-messages-from-the-server";
    OldVersionHeader = "MCP 2025-11-25", "Transports, Protocol Version Header", "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#protocol-version-header";
    SessionHijacking = "MCP 2025-11-25", "Security Best Practices, Session Hijacking", "https://modelcontextprotocol.io/specification/2025-11-25/basic/security_best_practices#session-hijacking";
    // ── MCP, authorization ─────────────────────────────────────────────────────────────────────────────────────
    Authorization = "MCP 2026-07-28", "Authorization, Protocol Requirements", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#protocol-requirements";
    AuthorizationErrors = "MCP 2026-07-28", "Authorization, Error Handling", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#error-handling";
    TokenHandling = "MCP 2026-07-28", "Authorization, Token Handling", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#token-handling";
    TokenRequirements = "MCP 2026-07-28", "Authorization, Token Requirements", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#token-requirements";
    ScopeSelection = "MCP 2026-07-28", "Authorization, Scope Selection Strategy", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#scope-selection-strategy";
    RefreshTokens = "MCP 2026-07-28", "Authorization, Refresh Tokens", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#refresh-tokens";
    ResponseIssuer = "MCP 2026-07-28", "Authorization, Authorization Response Validation", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#authorization-response-validation";
    ServerLocation = "MCP 2026-07-28", "Authorization Server Discovery, Authorization Server Location", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery#authorization-server-location";
    ResourceDiscovery = "MCP 2026-07-28", "Authorization Server Discovery, Protected Resource Metadata Discovery Requirements", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery#protected-resource-metadata-discovery-requirements";
    ServerDiscovery = "MCP 2026-07-28", "Authorization Server Discovery, Authorization Server Metadata Discovery", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery#authorization-server-metadata-discovery";
    Registration = "MCP 2026-07-28", "Client Registration", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration";
    CommunicationSecurity = "MCP 2026-07-28", "Authorization Security, Communication Security", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/security-considerations#communication-security";
    CodeProtection = "MCP 2026-07-28", "Authorization Security, Authorization Code Protection", "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/security-considerations#authorization-code-protection";
    // ── OAuth ──────────────────────────────────────────────────────────────────────────────────────────────────
    BearerErrors = "RFC 6750", "§3.1 Error Codes", "https://www.rfc-editor.org/rfc/rfc6750#section-3.1";
    AuthserverMetadata = "RFC 8414", "§2 Authorization Server Metadata", "https://www.rfc-editor.org/rfc/rfc8414#section-2";
    IssuerValidation = "RFC 8414", "§3.3 Authorization Server Metadata Validation", "https://www.rfc-editor.org/rfc/rfc8414#section-3.3";
    ResourceResponse = "RFC 9728", "§3.2 Protected Resource Metadata Response", "https://www.rfc-editor.org/rfc/rfc9728#section-3.2";
    ResourceValidation = "RFC 9728", "§3.3 Protected Resource Metadata Validation", "https://www.rfc-editor.org/rfc/rfc9728#section-3.3";
    ResourceChallenge = "RFC 9728", "§5.1 WWW-Authenticate Response", "https://www.rfc-editor.org/rfc/rfc9728#section-5.1";
    TokenEndpoint = "OAuth 2.1", "§3.2.4 Error Response", "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.4";
    AuthorizationEndpoint = "OAuth 2.1", "§3.1 Authorization Endpoint", "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.1";
    // ── HTTP and the web ───────────────────────────────────────────────────────────────────────────────────────
    Unauthorized = "RFC 9110", "§15.5.2 401 Unauthorized", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2";
    ServerErrors = "RFC 9110", "§15.6 Server Error 5xx", "https://www.rfc-editor.org/rfc/rfc9110#section-15.6";
    ServerIdentity = "RFC 9110", "§4.3.4 https Certificate Verification", "https://www.rfc-editor.org/rfc/rfc9110#section-4.3.4";
    Preflight = "Fetch Standard", "§4.8 CORS-preflight fetch", "https://fetch.spec.whatwg.org/#cors-preflight-fetch";
    Cors = "Fetch Standard", "§3.3 HTTP CORS protocol", "https://fetch.spec.whatwg.org/#http-cors-protocol";
    ExposedHeaders = "Fetch Standard", "§3.3.4 HTTP responses, Access-Control-Expose-Headers", "https://fetch.spec.whatwg.org/#http-access-control-expose-headers";
    SimpleRequests = "Fetch Standard", "§2.2.2 CORS-safelisted request-header", "https://fetch.spec.whatwg.org/#cors-safelisted-request-header";
    ProxyBuffering = "nginx manual", "proxy_buffering", "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering";
    JsonRpc = "JSON-RPC 2.0", "§5 Response object", "https://www.jsonrpc.org/specification#response_object";
    // ── Known limits of hosts ──────────────────────────────────────────────────────────────────────────────────
    HostNameCharset = "Host report", "github/copilot-cli#1879: a dot in a tool's name is refused by the model's API", "https://github.com/github/copilot-cli/issues/1879";
    HostNameLength = "Host report", "microsoft/vscode#243602: names over 64 characters, the host's prefix included", "https://github.com/microsoft/vscode/issues/243602";
    HostRootComposition = "Host report", "anthropics/claude-code#95504: anyOf, oneOf, allOf at the root of an input schema", "https://github.com/anthropics/claude-code/issues/95504";
    HostPropertyKeys = "Host report", "twilio-labs/mcp#58: property names other than ^[a-zA-Z0-9_.-]{1,64}$", "https://github.com/twilio-labs/mcp/issues/58";
    HostArrayItems = "Host report", "microsoft/vscode#246119: an array without items", "https://github.com/microsoft/vscode/issues/246119";
    HostDescription = "Host report", "anthropics/claude-code#41593: descriptions are cut at 2048 characters", "https://github.com/anthropics/claude-code/issues/41593";
    HostToolCount = "Host report", "microsoft/vscode-copilot-release#9375: at most 128 tools in a request", "https://github.com/microsoft/vscode-copilot-release/issues/9375";
    HostReferences = "Host report", "google-gemini/gemini-cli#13326: $defs and $ref in an input schema", "https://github.com/google-gemini/gemini-cli/issues/13326";
    HostOutputRoot = "Host report", "kenn-io/msgvault#626: one output schema whose root is no object costs the whole list", "https://github.com/kenn-io/msgvault/issues/626";
    HostListSize = "Host report", "dbt-labs/dbt-mcp#178: what a host can hold of a server's texts", "https://github.com/dbt-labs/dbt-mcp/issues/178";
    HostFirstPage = "Host report", "github/copilot-cli#4006: only the first page of tools is read", "https://github.com/github/copilot-cli/issues/4006";
    HostEntraResource = "Host report", "python-sdk#2578: Microsoft Entra refuses the parameter resource", "https://github.com/modelcontextprotocol/python-sdk/issues/2578";
    HostRedirectedLogin = "Host report", "python-sdk#951: /mcp redirected to /mcp/ breaks clients after the login", "https://github.com/modelcontextprotocol/python-sdk/issues/951";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_a_link() {
        for rule in Rule::ALL {
            let citation = rule.citation();
            assert!(url::Url::parse(&citation.url).is_ok_and(|url| url.scheme() == "https"), "{citation:?}");
            assert!(!citation.document.is_empty() && !citation.section.is_empty());
        }
    }
}
