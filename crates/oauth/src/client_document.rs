//! Clients named by the URL of their own metadata document
//! ([Client ID Metadata Document](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00)):
//! which URLs can be one, from which addresses one may be fetched, what has to be in it, how long it is kept.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use url::{Host, Url};

use crate::client::{Client, ClientAuthentication, Registration};
use crate::register::{
    ClientMetadata, RegistrationError, RegistrationPolicy, object, private_key_jwt, read_metadata, settled,
};

/// Longest accepted client identifier, in bytes.
pub const MAX_URL: usize = 1024;

/// A client identifier that is the URL of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DocumentUrl {
    text: String,
    url: Url,
}

/// Why a document does not make a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The URL breaks a rule of [§3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00#section-3).
    #[error("a client_id that is a URL {0}")]
    Url(&'static str),
    /// The document names another client.
    #[error("the document's client_id is not the URL it was fetched from")]
    OtherClient,
    /// No name to show.
    #[error("the document has no client_name")]
    NoName,
    /// Documents are public; a secret in one is none.
    #[error("the document has a client_secret, or an authentication method that needs one")]
    Secret,
    /// `tls_client_auth` and the like.
    #[error("the document demands an authentication method that this server does not support")]
    Authentication,
    /// As in a registration.
    #[error(transparent)]
    Metadata(#[from] RegistrationError),
}

impl DocumentUrl {
    /// Whether this identifier means a document; configured and registered identifiers never look like this.
    #[must_use]
    pub fn looks_like_one(client_id: &str) -> bool {
        client_id.starts_with("https://") || client_id.starts_with("http://")
    }

    /// Checks the URL. `allow_loopback` lets plain `http` to this machine pass, for development.
    ///
    /// # Errors
    /// [`DocumentError::Url`].
    pub fn parse(client_id: &str, allow_loopback: bool) -> Result<Self, DocumentError> {
        if client_id.len() > MAX_URL {
            return Err(DocumentError::Url("has to be at most 1024 bytes long"));
        }
        let url = Url::parse(client_id).map_err(|_| DocumentError::Url("has to be a valid URL"))?;
        // What the parser would rewrite (case, dots, escapes, controls) has two spellings and so two identities.
        if url.as_str() != client_id {
            return Err(DocumentError::Url("has to be written in its normal form, without dot segments"));
        }
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(allow_loopback && loopback && url.scheme() == "http") {
            return Err(DocumentError::Url("has to be https"));
        }
        if url.path() == "/" {
            return Err(DocumentError::Url("has to have a path"));
        }
        if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(DocumentError::Url("must not have a fragment or user information"));
        }
        Ok(Self { text: client_id.to_owned(), url })
    }

    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parsed URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

/// The client that the document at `url` describes.
///
/// # Errors
/// [`DocumentError`]; [§4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00#section-4.1)
/// and [MCP client registration](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration#implementation-requirements).
pub fn read(url: &DocumentUrl, body: &[u8], policy: RegistrationPolicy) -> Result<Client, DocumentError> {
    let metadata: ClientMetadata = object(body)?;
    if metadata.client_id.as_deref() != Some(url.as_str()) {
        return Err(DocumentError::OtherClient);
    }
    if metadata.client_secret.is_some() {
        return Err(DocumentError::Secret);
    }
    let authentication = match metadata.token_endpoint_auth_method.as_deref() {
        None | Some("none") => ClientAuthentication::None,
        Some("private_key_jwt") => private_key_jwt(&metadata, policy)?,
        Some(method) if method.starts_with("client_secret_") => return Err(DocumentError::Secret),
        Some(_) => return Err(DocumentError::Authentication),
    };
    let mut client = read_metadata(&metadata, policy)?;
    if client.name.is_none() {
        return Err(DocumentError::NoName);
    }
    url.as_str().clone_into(&mut client.id);
    client.registration = Registration::Document;
    client.authentication = authentication;
    Ok(settled(client)?)
}

/// How long a fetched document counts, by its `Cache-Control` header, within bounds of ours
/// ([§4.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00#section-4.3) allows both).
///
/// The lower one lets one login, which needs the document several times, see one document.
#[must_use]
pub fn freshness(
    cache_control: Option<&str>,
    age: Option<&str>,
    least: Duration,
    most: Duration,
) -> Duration {
    let mut max_age = None;
    for directive in cache_control.unwrap_or_default().split(',') {
        let (name, value) = directive.trim().split_once('=').unwrap_or((directive.trim(), ""));
        match name.to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return least,
            "max-age" => max_age = value.trim().trim_matches('"').parse::<u64>().ok(),
            _ => {}
        }
    }
    let age = age.and_then(|age| age.trim().parse::<u64>().ok()).unwrap_or(0);
    let fresh = max_age.map_or(Duration::ZERO, |max_age| Duration::from_secs(max_age.saturating_sub(age)));
    fresh.clamp(least, most.max(least))
}

/// Whether an address belongs to the public internet, so that fetching from it cannot reach into a private network
/// ([§6.5](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00#section-6.5);
/// the tables are the [IANA special-purpose registries](https://www.iana.org/assignments/iana-ipv4-special-registry)).
#[must_use]
pub fn is_public_address(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match (a, b, c) {
        (0 | 10 | 127, _, _) => true,           // this network, private, loopback
        (100, 64..=127, _) => true,             // carrier-grade NAT
        (169, 254, _) => true,                  // link-local, cloud metadata
        (172, 16..=31, _) => true,              // private
        (192, 0, 0 | 2) => true,                // protocol assignments, documentation
        (192, 88, 99) => true,                  // 6to4 relay
        (192, 168, _) => true,                  // private
        (198, 18 | 19, _) => true,              // benchmarks
        (198, 51, 100) | (203, 0, 113) => true, // documentation
        (224..=255, _, _) => true,              // multicast, reserved, broadcast
        _ => false,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // An IPv4 address in IPv6 clothes is judged as what it is: mapped, NAT64, 6to4.
        [0, 0, 0, 0, 0, 0xFFFF, high, low] | [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, benchmarks, ORCHID and the other assignments of 2001::/23; documentation.
        [0x2001, second, ..] => second > 0x01FF && second != 0x0DB8,
        [0x3FFF, second, ..] => second > 0x0FFF,
        // Everything else that is routed lies in 2000::/3.
        [first, ..] => first & 0xE000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn which_urls_can_name_a_client() {
        fn check(text: &str, allow_loopback: bool, expected: bool) {
            assert_eq!(DocumentUrl::parse(text, allow_loopback).is_ok(), expected, "{text}");
        }
        check("https://app.example/client.json", false, true);
        check("https://app.example:8443/a/b?v=1", false, true);
        check("https://localhost/client.json", false, true); // the address check stops it
        check("http://localhost:5173/client.json", true, true);
        check("http://127.0.0.1:5173/client.json", true, true);
        check("http://localhost:5173/client.json", false, false);
        check("http://app.example/client.json", true, false);
        check("https://app.example/", false, false);
        check("https://app.example", false, false);
        check("https://app.example/a/../b", false, false);
        check("https://app.example/./b", false, false);
        check("https://app.example/%2e%2e/b", false, false);
        check("https://APP.example/b", false, false);
        check("https://app.example:443/b", false, false);
        check("https://app.example/b#f", false, false);
        check("https://u:p@app.example/b", false, false);
        check("ftp://app.example/b", false, false);
        check(&format!("https://app.example/{}", "a".repeat(1024)), false, false);
    }

    #[test]
    fn what_has_to_be_in_the_document() {
        let check = |change: Value, expected: Result<(), &str>| {
            let url = DocumentUrl::parse("https://app.example/client.json", false).unwrap();
            let mut body = json!({
                "client_id": "https://app.example/client.json", "client_name": "App",
                "redirect_uris": ["http://127.0.0.1:3000/callback", "https://app.example/cb"]
            });
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let read = read(&url, body.to_string().as_bytes(), RegistrationPolicy::default());
            let read = read.map(|client| assert_eq!(client.id, url.as_str()));
            match (read, expected) {
                (Ok(()), Ok(())) => {}
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (read, expected) => panic!("{body}: {read:?}, not {expected:?}"),
            }
        };
        check(json!({}), Ok(()));
        check(
            json!({ "token_endpoint_auth_method": "none", "logo_uri": "https://app.example/x.png" }),
            Ok(()),
        );
        check(json!({ "client_id": "https://app.example/client.json/" }), Err("client_id"));
        check(json!({ "client_id": null }), Err("client_id"));
        check(json!({ "client_name": "" }), Err("client_name"));
        check(json!({ "client_secret": "x" }), Err("secret"));
        check(json!({ "token_endpoint_auth_method": "client_secret_post" }), Err("secret"));
        check(json!({ "token_endpoint_auth_method": "tls_client_auth" }), Err("authentication"));
        let jwt = |more: Value| {
            let mut change = json!({ "token_endpoint_auth_method": "private_key_jwt" });
            change.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            change
        };
        let keys = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "x", "y": "y" }] });
        check(jwt(json!({ "jwks": keys })), Ok(()));
        check(jwt(json!({ "jwks_uri": "https://app.example/jwks" })), Ok(()));
        check(jwt(json!({ "jwks": keys, "jwks_uri": "https://app.example/jwks" })), Err("not both"));
        check(jwt(json!({})), Err("not both"));
        check(jwt(json!({ "jwks": { "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] } })), Err("jwks"));
        check(jwt(json!({ "jwks_uri": "http://app.example/jwks" })), Err("jwks_uri"));
        check(jwt(json!({ "jwks": keys, "token_endpoint_auth_signing_alg": "HS256" })), Err("signing_alg"));
        check(json!({ "redirect_uris": [] }), Err("redirect_uris"));
        check(json!({ "redirect_uris": ["http://evil.example/"] }), Err("redirect_uris[0]"));
        check(json!({ "grant_types": ["implicit"] }), Err("grant_types"));
    }

    #[test]
    fn cache_headers_count_within_bounds() {
        fn check(cache_control: Option<&str>, age: Option<&str>, expected: u64) {
            let (least, most) = (Duration::from_secs(60), Duration::from_secs(86_400));
            assert_eq!(
                freshness(cache_control, age, least, most).as_secs(),
                expected,
                "{cache_control:?} {age:?}"
            );
        }
        check(None, None, 60);
        check(Some("max-age=3600"), None, 3600);
        check(Some("public, Max-Age=\"3600\""), Some("600"), 3000);
        check(Some("max-age=1"), None, 60);
        check(Some("max-age=9999999999"), None, 86_400);
        check(Some("max-age=3600, no-store"), None, 60);
        check(Some("no-cache"), None, 60);
        check(Some("max-age=nonsense"), Some("x"), 60);
    }

    #[test]
    fn only_public_addresses_are_fetched_from() {
        for public in [
            "93.184.216.34",
            "1.1.1.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2001:4860::1",
        ] {
            assert!(is_public_address(public.parse().unwrap()), "{public}");
        }
        for special in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.2.1",
            "192.0.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "::127.0.0.1",
            "3fff::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!is_public_address(special.parse().unwrap()), "{special}");
        }
    }
}
