//! Where metadata lives: the well-known URLs, in the order a client has to try them.

use url::{Position, Url};

/// `/.well-known/oauth-protected-resource` ([RFC 9728 §3](https://www.rfc-editor.org/rfc/rfc9728#section-3)).
pub const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";
/// `/.well-known/oauth-authorization-server` ([RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3)).
pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
/// `/.well-known/openid-configuration`
/// ([OpenID Connect Discovery §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)).
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";

/// How a well-known URL was made out of an identifier; kept, so that one can see where an endpoint came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The challenge named the URL (`resource_metadata`, RFC 9728 §5.1).
    NamedByChallenge,
    /// Protected resource metadata, well-known part between host and path.
    ResourceInserted,
    /// Protected resource metadata at the root of the origin.
    ResourceRoot,
    /// RFC 8414, well-known part between host and path (or no path).
    OauthInserted,
    /// OpenID Connect, well-known part between host and path (or no path).
    OpenidInserted,
    /// OpenID Connect, well-known part behind the path.
    OpenidAppended,
    /// RFC 8414 at the origin of the MCP server: revision 2025-03-26, before RFC 9728 was part of it.
    OauthAtServerOrigin,
}

/// One place to look.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Location {
    /// The URL to GET.
    pub url: String,
    /// How it was made.
    pub form: Form,
}

/// Where the metadata of the protected resource at `url` may be, when the challenge names no place: path-inserted,
/// then root. Empty when `url` is not an http(s) URL.
/// ([MCP: Protected Resource Metadata Discovery](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery#protected-resource-metadata-discovery-requirements))
#[must_use]
pub fn protected_resource(url: &str) -> Vec<Location> {
    let Some((origin, path, query)) = split(url) else { return Vec::new() };
    let mut locations = Vec::with_capacity(2);
    if !path.is_empty() || !query.is_empty() {
        let url = format!("{origin}{PROTECTED_RESOURCE}{path}{query}");
        locations.push(Location { url, form: Form::ResourceInserted });
    }
    locations.push(Location { url: format!("{origin}{PROTECTED_RESOURCE}"), form: Form::ResourceRoot });
    locations
}

/// Where the metadata of this issuer may be, in the order of priority. Empty when `issuer` is not an http(s) URL.
/// ([MCP: Authorization Server Metadata Discovery](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery#authorization-server-metadata-discovery))
#[must_use]
pub fn authorization_server(issuer: &str) -> Vec<Location> {
    let Some((origin, path, _)) = split(issuer) else { return Vec::new() };
    let at = |url: String, form| Location { url, form };
    let mut locations = vec![
        at(format!("{origin}{AUTHORIZATION_SERVER}{path}"), Form::OauthInserted),
        at(format!("{origin}{OPENID_CONFIGURATION}{path}"), Form::OpenidInserted),
    ];
    if !path.is_empty() {
        locations.push(at(format!("{origin}{path}{OPENID_CONFIGURATION}"), Form::OpenidAppended));
    }
    locations
}

/// The paths at which a server with this identifier answers with its document under `well_known`: inserted, appended
/// and root, without doubles. Clients look in all three.
#[must_use]
pub fn paths_to_serve(well_known: &str, identifier: &str) -> Vec<String> {
    let Some((_, path, _)) = split(identifier) else { return Vec::new() };
    let mut paths = vec![format!("{well_known}{path}"), format!("{path}{well_known}"), well_known.to_owned()];
    let mut seen = Vec::new();
    paths.retain(|path| {
        let new = !seen.contains(path);
        seen.push(path.clone());
        new
    });
    paths
}

/// Origin, path without the slash at its end, and the query with its question mark.
fn split(identifier: &str) -> Option<(String, String, String)> {
    let url = Url::parse(identifier).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return None;
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let query = url[Position::AfterPath..Position::AfterQuery].to_owned();
    Some((url.origin().ascii_serialization(), path, query))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(locations: Vec<Location>) -> Vec<String> {
        locations.into_iter().map(|location| location.url).collect()
    }

    #[test]
    fn order_for_a_resource() {
        for (url, expected) in [
            (
                "https://a.example/public/mcp",
                &[
                    "https://a.example/.well-known/oauth-protected-resource/public/mcp",
                    "https://a.example/.well-known/oauth-protected-resource",
                ][..],
            ),
            (
                "https://a.example/mcp/?tenant=1",
                &[
                    "https://a.example/.well-known/oauth-protected-resource/mcp?tenant=1",
                    "https://a.example/.well-known/oauth-protected-resource",
                ],
            ),
            ("http://localhost:8000/", &["http://localhost:8000/.well-known/oauth-protected-resource"]),
            ("https://a.example", &["https://a.example/.well-known/oauth-protected-resource"]),
            ("ftp://a.example/mcp", &[]),
            ("nonsense", &[]),
        ] {
            assert_eq!(urls(protected_resource(url)), expected, "{url}");
        }
    }

    #[test]
    fn order_for_an_issuer() {
        for (issuer, expected) in [
            (
                "https://auth.example.com/tenant1",
                &[
                    "https://auth.example.com/.well-known/oauth-authorization-server/tenant1",
                    "https://auth.example.com/.well-known/openid-configuration/tenant1",
                    "https://auth.example.com/tenant1/.well-known/openid-configuration",
                ][..],
            ),
            (
                "https://auth.example.com",
                &[
                    "https://auth.example.com/.well-known/oauth-authorization-server",
                    "https://auth.example.com/.well-known/openid-configuration",
                ],
            ),
            (
                "http://localhost:9000/",
                &[
                    "http://localhost:9000/.well-known/oauth-authorization-server",
                    "http://localhost:9000/.well-known/openid-configuration",
                ],
            ),
        ] {
            assert_eq!(urls(authorization_server(issuer)), expected, "{issuer}");
        }
    }

    #[test]
    fn every_form_is_served_once() {
        assert_eq!(
            paths_to_serve(AUTHORIZATION_SERVER, "https://a/t/1"),
            [
                "/.well-known/oauth-authorization-server/t/1",
                "/t/1/.well-known/oauth-authorization-server",
                "/.well-known/oauth-authorization-server",
            ]
        );
        assert_eq!(
            paths_to_serve(PROTECTED_RESOURCE, "https://a/"),
            ["/.well-known/oauth-protected-resource"]
        );
    }
}
