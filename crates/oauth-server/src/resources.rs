//! The resources that tokens can be for: those that are part of this program, and those that the settings name.

use barewire_oauth::authorize::Offered;
use barewire_oauth::resource::{Resource, ResourceError};
use barewire_oauth::scope::{Scope, ScopeError, ScopeSet};
use indexmap::IndexMap;
use serde::Deserialize;

use crate::server::is_loopback;

/// An MCP server elsewhere, for which tokens are issued here. It takes them by this server's keys (`/jwks`) or by asking
/// (`/introspect`), and names this server in its metadata.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IssuedFor {
    /// Its identifier, exactly as its own metadata spells it: the URL at which clients know it.
    #[cfg_attr(feature = "schema", schemars(example = &"https://mcp.bank.example/mcp"))]
    pub url: String,
    /// What people call it. They are shown the URL, too.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"Bank"))]
    pub name: Option<String>,
    /// Its scopes, each with what it allows in the words of the person who is asked: "Read your posts".
    #[cfg_attr(feature = "schema", schemars(example = serde_json::json!({ "accounts:read": "See your accounts" })))]
    pub scopes: IndexMap<String, String>,
    /// What a request without `scope` asks for; all of them if nothing is said.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"accounts:read"))]
    pub default_scopes: ScopeSet,
}

/// Why no tokens can be issued for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitResource {
    /// Its URL is no identifier ([RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)).
    #[error("its url is not a resource identifier: {0}")]
    Url(ResourceError),
    /// Tokens would travel in the clear ([RFC 6750 §5.3](https://www.rfc-editor.org/rfc/rfc6750#section-5.3)).
    #[error("its url has to be https (http only on this machine)")]
    Plain,
    /// There is another one that is the same.
    #[error("it is there twice")]
    Twice,
    /// A grant would be for nothing.
    #[error("it has no scopes; a server without any needs one word for all that it does")]
    NoScopes,
    /// One of its scopes is not one.
    #[error("one of its scopes cannot be used: {0}")]
    Scope(ScopeError),
    /// A default scope that is not among its scopes.
    #[error("its default_scopes are not among its scopes: {0}")]
    UnknownDefault(ScopeSet),
}

impl IssuedFor {
    pub(crate) fn offered(&self) -> Result<Offered, UnfitResource> {
        let resource = Resource::parse(&self.url).map_err(UnfitResource::Url)?;
        let url = resource.url();
        if url.scheme() != "https" && !url.host().is_some_and(|host| is_loopback(&host)) {
            return Err(UnfitResource::Plain);
        }
        let scopes = self.scopes.keys().map(|scope| Scope::parse(scope));
        let scopes: ScopeSet = scopes.collect::<Result<_, _>>().map_err(UnfitResource::Scope)?;
        if scopes.is_empty() {
            return Err(UnfitResource::NoScopes);
        }
        let unknown = self.default_scopes.difference(&scopes);
        if !unknown.is_empty() {
            return Err(UnfitResource::UnknownDefault(unknown));
        }
        let default_scopes =
            if self.default_scopes.is_empty() { scopes.clone() } else { self.default_scopes.clone() };
        Ok(Offered { resource, scopes, default_scopes })
    }
}

/// What people read about resources and their scopes.
#[derive(Debug, Default)]
pub(crate) struct Words(IndexMap<String, WordsOf>);

#[derive(Debug, Default)]
struct WordsOf {
    name: Option<String>,
    scopes: IndexMap<String, String>,
}

impl Words {
    /// A resource, spelled as in the policy.
    pub(crate) fn add(
        &mut self,
        resource: &str,
        name: Option<String>,
        scopes: impl IntoIterator<Item = (String, String)>,
    ) {
        self.0.insert(resource.to_owned(), WordsOf { name, scopes: scopes.into_iter().collect() });
    }

    /// What a resource is called, where somebody said that.
    pub(crate) fn name(&self, resource: &str) -> Option<&str> {
        self.0.get(resource)?.name.as_deref()
    }

    /// What a scope allows there, where somebody said that.
    pub(crate) fn scope(&self, resource: &str, scope: &str) -> Option<&str> {
        self.0.get(resource)?.scopes.get(scope).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tokens_can_be_for() {
        fn check(settings: &str, expected: Result<&str, &str>) {
            let found = serde_json::from_str::<IssuedFor>(settings).map_err(|error| error.to_string());
            let found = found.and_then(|it| it.offered().map_err(|error| error.to_string()));
            match (found, expected) {
                (Ok(offered), Ok(default_scopes)) => {
                    assert_eq!(offered.default_scopes.to_string(), default_scopes, "{settings}");
                }
                (Err(error), Err(part)) => assert!(error.contains(part), "{settings}: {error}"),
                (found, expected) => panic!("{settings}: {found:?} is not {expected:?}"),
            }
        }
        const SCOPES: &str = r#""scopes": { "a": "Read", "b": "Write" }"#;
        check(&format!(r#"{{ "url": "https://x.example/mcp", {SCOPES} }}"#), Ok("a b"));
        check(
            &format!(r#"{{ "url": "https://x.example/mcp", "name": "X", {SCOPES}, "default_scopes": "b" }}"#),
            Ok("b"),
        );
        check(&format!(r#"{{ "url": "http://localhost:8001/mcp", {SCOPES} }}"#), Ok("a b"));
        check(&format!(r#"{{ "url": "http://x.example/mcp", {SCOPES} }}"#), Err("https"));
        check(&format!(r#"{{ "url": "x.example/mcp", {SCOPES} }}"#), Err("not a resource identifier"));
        check(&format!(r#"{{ "url": "https://x.example/mcp#a", {SCOPES} }}"#), Err("fragment"));
        check(r#"{ "url": "https://x.example/mcp", "scopes": {} }"#, Err("no scopes"));
        check(r#"{ "url": "https://x.example/mcp", "scopes": { "a b": "Read" } }"#, Err("scope"));
        check(&format!(r#"{{ "url": "https://x.example/mcp", {SCOPES}, "default_scopes": "c" }}"#), Err("c"));
        check(&format!(r#"{{ "url": "https://x.example/mcp", {SCOPES}, "scope": "c" }}"#), Err("scope"));
    }
}
