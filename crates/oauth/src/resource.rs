//! The `resource` parameter ([RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Position, Url};

/// A resource identifier, kept exactly as it was written.
///
/// A URL type would add a trailing slash to a bare origin and fold cases; the authorization server
/// compares bytes, and so `https://mcp.example.com` has to stay without the slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource(String);

/// Why a text is not a resource identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// Relative, without a host, or no URI at all.
    #[error("a resource has to be an absolute http or https URL")]
    NotAbsolute,
    /// RFC 8707 §2 forbids a fragment.
    #[error("a resource must not have a fragment")]
    Fragment,
    /// Credentials in a URL leak into logs and compare differently.
    #[error("a resource must not carry user information")]
    UserInfo,
    /// A path on an origin begins with one slash; two would begin a host.
    #[error("a path has to begin with one slash")]
    NotAPath,
}

impl Resource {
    /// Checks the identifier and keeps it byte for byte.
    ///
    /// # Errors
    /// [`ResourceError`] says which rule of RFC 8707 it breaks.
    pub fn parse(text: &str) -> Result<Self, ResourceError> {
        // The URL parser trims and drops control characters; a text it would change is not an identifier.
        if text.chars().any(|c| c.is_control() || matches!(c, ' ' | '\\')) {
            return Err(ResourceError::NotAbsolute);
        }
        let url = Url::parse(text).map_err(|_| ResourceError::NotAbsolute)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(ResourceError::NotAbsolute);
        }
        if text.contains('#') {
            return Err(ResourceError::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ResourceError::UserInfo);
        }
        Ok(Self(text.to_owned()))
    }

    /// The canonical identifier of the server behind this URL, for a server that publishes no metadata: the text
    /// without fragment, and without the slash that a URL type puts behind a bare origin.
    ///
    /// # Errors
    /// As [`Resource::parse`].
    pub fn of_server_url(url: &str) -> Result<Self, ResourceError> {
        let text = url.split('#').next().unwrap_or(url);
        let parsed = Self::parse(text)?;
        let bare = parsed.url().path() == "/" && parsed.url().query().is_none();
        Ok(if bare { Self(text.trim_end_matches('/').to_owned()) } else { parsed })
    }

    /// The identifier of what is at `path` on the same origin. Scheme and host stay as they were written here.
    ///
    /// # Errors
    /// [`ResourceError::NotAPath`] for anything that does not begin with one slash, and as [`Resource::parse`].
    pub fn beside(&self, path: &str) -> Result<Self, ResourceError> {
        if !path.starts_with('/') || path.starts_with("//") {
            return Err(ResourceError::NotAPath);
        }
        let scheme = self.0.find("://").map_or(0, |at| at + "://".len());
        let host = self.0[scheme..].find(['/', '?']).map_or(self.0.len(), |at| scheme + at);
        Self::parse(&[&self.0[..host], path].concat())
    }

    /// The identifier as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a client that connected to `url` may use metadata for this resource: same origin, and the resource's
    /// path is that of the URL or a parent of it
    /// ([RFC 9728 §3.3](https://www.rfc-editor.org/rfc/rfc9728#section-3.3), and root metadata as MCP allows it).
    #[must_use]
    pub fn covers(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else { return false };
        let own = self.url();
        if own.origin() != url.origin() {
            return false;
        }
        if own.query().is_some() && own.query() != url.query() {
            return false;
        }
        let parent = own.path().trim_end_matches('/');
        match url.path().strip_prefix(parent) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }

    /// Whether both name the same server: equal but for the case of scheme and host, a default port, and the slash
    /// behind the last segment. For a server that reads what clients of several hands send as *its* identifier.
    #[must_use]
    pub fn is_equivalent(&self, other: &Self) -> bool {
        if self.0 == other.0 {
            return true;
        }
        let (ours, theirs) = (self.url(), other.url());
        let tail = |url: &Url| url[Position::AfterPath..].to_owned();
        ours.origin() == theirs.origin()
            && ours.path().trim_end_matches('/') == theirs.path().trim_end_matches('/')
            && tail(&ours) == tail(&theirs)
    }

    /// The parsed form, for comparing; never for sending.
    #[must_use]
    pub fn url(&self) -> Url {
        Url::parse(&self.0).expect("`parse` accepted this text, and it has not changed since")
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_resource() {
        for (text, expected) in [
            ("https://mcp.example.com", Ok(())),
            ("https://mcp.example.com/mcp?tenant=1", Ok(())),
            ("http://localhost:8000/mcp", Ok(())),
            ("mcp.example.com", Err(ResourceError::NotAbsolute)),
            ("urn:example:1", Err(ResourceError::NotAbsolute)),
            (" https://mcp.example.com", Err(ResourceError::NotAbsolute)),
            ("https:\\\\evil", Err(ResourceError::NotAbsolute)),
            ("https://mcp.example.com#f", Err(ResourceError::Fragment)),
            ("https://u:p@mcp.example.com", Err(ResourceError::UserInfo)),
        ] {
            assert_eq!(Resource::parse(text).map(|r| assert_eq!(r.as_str(), text)), expected, "{text}");
        }
    }

    #[test]
    fn a_control_character_beyond_ascii_is_one_too() {
        assert_eq!(Resource::parse("https://mcp.example.com/\u{9b}31m"), Err(ResourceError::NotAbsolute));
    }

    #[test]
    fn no_slash_is_ever_added() {
        for (url, expected) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example/", "https://a.example"),
            ("https://a.example/mcp", "https://a.example/mcp"),
            ("https://a.example/mcp/", "https://a.example/mcp/"),
            ("https://a.example/mcp#x", "https://a.example/mcp"),
        ] {
            assert_eq!(Resource::of_server_url(url).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_lies_beside_it() {
        for (resource, path, expected) in [
            ("https://a.example/mcp", "/sse", Ok("https://a.example/sse")),
            ("https://A.example:443", "/x/sse", Ok("https://A.example:443/x/sse")),
            ("http://[::1]:8000/a/b?c", "/sse?t=1", Ok("http://[::1]:8000/sse?t=1")),
            ("https://a.example?c", "/", Ok("https://a.example/")),
            ("https://a.example/mcp", "sse", Err(ResourceError::NotAPath)),
            ("https://a.example/mcp", "", Err(ResourceError::NotAPath)),
            ("https://a.example/mcp", "//b.example/sse", Err(ResourceError::NotAPath)),
            ("https://a.example/mcp", "https://b.example/sse", Err(ResourceError::NotAPath)),
            ("https://a.example/mcp", "/sse#f", Err(ResourceError::Fragment)),
            ("https://a.example/mcp", "/\\b.example", Err(ResourceError::NotAbsolute)),
        ] {
            let found = Resource::parse(resource).unwrap().beside(path);
            assert_eq!(found.as_ref().map(Resource::as_str), expected.as_ref().copied(), "{resource} {path}");
        }
    }

    #[test]
    fn covers_itself_and_what_lies_below() {
        for (resource, url, expected) in [
            ("https://a.example/mcp", "https://a.example/mcp", true),
            ("https://a.example", "https://a.example/mcp", true),
            ("https://A.example:443", "https://a.example/mcp", true),
            ("https://a.example/mcp/", "https://a.example/mcp", true),
            ("https://a.example/mcp", "https://a.example/mcp/", true),
            ("https://a.example/mcp", "https://a.example/mcp?x=1", true),
            ("https://a.example/mc", "https://a.example/mcp", false),
            ("https://a.example/mcp/deep", "https://a.example/mcp", false),
            ("https://a.example/mcp", "https://a.example/mcp/../other", false),
            ("https://evil.example/mcp", "https://a.example/mcp", false),
            ("http://a.example/mcp", "https://a.example/mcp", false),
            ("https://a.example:8443/mcp", "https://a.example/mcp", false),
            ("https://a.example/mcp?t=1", "https://a.example/mcp?t=2", false),
        ] {
            assert_eq!(Resource::parse(resource).unwrap().covers(url), expected, "{resource} over {url}");
        }
    }

    #[test]
    fn equivalence_forgives_case_port_and_one_slash_only() {
        let r = |text: &str| Resource::parse(text).unwrap();
        assert!(r("https://a.example").is_equivalent(&r("https://A.example:443/")));
        assert!(r("https://a.example/mcp").is_equivalent(&r("https://a.example/mcp/")));
        assert!(!r("https://a.example/mcp").is_equivalent(&r("https://a.example/MCP")));
        assert!(!r("https://a.example/mcp").is_equivalent(&r("https://a.example/mcp?x")));
        assert!(!r("https://a.example/mcp").is_equivalent(&r("https://a.example")));
    }
}
