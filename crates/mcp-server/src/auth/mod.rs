//! The MCP server as an OAuth resource server: who is calling, what they may see, and how to ask for more
//! ([Authorization](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/index)).

pub(crate) mod access;
mod introspection;
mod issuers;
mod jwt;
mod principal;
mod refusal;
mod resource_metadata;
mod verifier;

use std::sync::Arc;
use std::time::SystemTime;

use barewire_oauth::bearer::{BearerError, ChallengeContext, Scheme};
use barewire_oauth::challenge::Challenge;
use barewire_oauth::dpop::{self, NONCE_HEADER, Proofs, Target};
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::metadata::{ProtectedResourceMetadata, well_known};
use barewire_oauth::resource::{Resource, ResourceError};
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::AccessToken;
use http::Response;
use http::header::HeaderMap;
use http::request::Parts;

pub use self::access::Access;
pub use self::introspection::{
    IntrospectionEndpoint, IntrospectionLimits, IntrospectionVerifier, NotAnswered,
};
pub use self::issuers::Issuers;
pub use self::jwt::JwtVerifier;
pub use self::principal::Principal;
pub(crate) use self::refusal::Refusal;
use self::refusal::Refusals;
pub(crate) use self::resource_metadata::Document;
pub use self::resource_metadata::ResourceMetadata;
use self::verifier::{Erased, credentials};
pub use self::verifier::{Possession, Presented, TokenVerifier, VerifiedTokens};
use crate::config::Limits;
use crate::seal::KeyRing;

/// How a server is protected: its own identifier, who verifies its tokens, and who issues them.
pub struct ResourceServer {
    resource: String,
    verifier: Box<dyn Erased>,
    authorization_servers: Vec<String>,
    scopes_supported: Option<ScopeSet>,
    required_scopes: ScopeSet,
    implied: Vec<(String, ScopeSet)>,
    anonymous: bool,
    binding_required: bool,
    name: Option<String>,
    documentation: Option<String>,
}

impl ResourceServer {
    /// A server known to its clients by the URL `resource`, for example `https://api.example.com/mcp`.
    ///
    /// The URL is the endpoint's identifier in metadata and tokens, byte for byte, and the source of the public
    /// origin; nothing of the kind is ever taken from a request.
    pub fn new(resource: impl Into<String>, verifier: impl TokenVerifier) -> Self {
        Self {
            resource: resource.into(),
            verifier: Box::new(verifier),
            authorization_servers: Vec::new(),
            scopes_supported: None,
            required_scopes: ScopeSet::new(),
            implied: Vec::new(),
            anonymous: false,
            binding_required: false,
            name: None,
            documentation: None,
        }
    }

    /// Adds an authorization server that issues tokens for this resource. At least one is needed.
    #[must_use]
    pub fn authorization_server(mut self, issuer: impl Into<String>) -> Self {
        self.authorization_servers.push(issuer.into());
        self
    }

    /// The scopes a client asks for at its first login: the least that is useful, not everything there is.
    /// `offline_access` does not belong here, because it is no matter of the resource.
    #[must_use]
    pub fn scopes_supported<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes_supported = Some(ScopeSet::from_tokens(scopes));
        self
    }

    /// Scopes without which nothing at all is answered.
    #[must_use]
    pub fn required_scopes<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.required_scopes = ScopeSet::from_tokens(scopes);
        self
    }

    /// Says that whoever has `broad` has `narrow` too.
    #[must_use]
    pub fn implies<S: AsRef<str>>(
        mut self,
        broad: impl Into<String>,
        narrow: impl IntoIterator<Item = S>,
    ) -> Self {
        self.implied.push((broad.into(), ScopeSet::from_tokens(narrow)));
        self
    }

    /// Answers requests without a token too. They see what is marked as public
    /// ([`Tool::public`](crate::Tool::public)) and get a 401 for the rest. Off unless called.
    #[must_use]
    pub fn allow_anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// Takes no tokens but those that are bound to a key of their client
    /// ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)), so that a stolen one is of no use. Without this, bound tokens
    /// are taken beside others, and never without a proof. Most clients know no others than Bearer tokens yet.
    #[must_use]
    pub fn require_dpop(mut self) -> Self {
        self.binding_required = true;
        self
    }

    /// The resource's name for people, in its metadata.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A page for developers, in its metadata.
    #[must_use]
    pub fn documentation(mut self, url: impl Into<String>) -> Self {
        self.documentation = Some(url.into());
        self
    }

    /// Whatever was made before `now` is not known to be unused.
    pub(crate) fn into_guard(
        self,
        limits: &Limits,
        keys: &KeyRing,
        now: SystemTime,
    ) -> Result<Guard, ResourceServerError> {
        let resource = Resource::parse(&self.resource)?;
        if !self.verifier.takes_tokens_for(&resource) {
            return Err(ResourceServerError::NoTokensFor(resource));
        }
        if self.authorization_servers.is_empty() {
            return Err(ResourceServerError::NoAuthorizationServer);
        }
        let mut metadata = ProtectedResourceMetadata::new(resource.clone(), self.authorization_servers);
        metadata.scopes_supported =
            self.scopes_supported.as_ref().map(|scopes| scopes.iter().map(str::to_owned).collect());
        metadata.resource_name = self.name;
        metadata.resource_documentation = self.documentation;
        metadata.dpop_signing_alg_values_supported = Some(dpop::ALGORITHMS.map(str::to_owned).to_vec());
        metadata.dpop_bound_access_tokens_required = self.binding_required;

        let first_scopes = if self.required_scopes.is_empty() {
            self.scopes_supported
        } else {
            Some(self.required_scopes.clone())
        };
        let (entries, ttl) = (limits.token_cache_entries, limits.token_cache_ttl);
        let possession = Possession {
            proofs: Proofs::new(&limits.proofs(), keys.nonce_secret(), barewire_jose::verifies, now),
            required: self.binding_required,
        };
        Ok(Guard {
            tokens: VerifiedTokens::with_erased(self.verifier, entries, ttl, possession),
            required_scopes: self.required_scopes,
            implied: self.implied,
            anonymous: self.anonymous,
            identity: Identity::new(metadata, first_scopes)?,
        })
    }
}

/// A mistake in how the protection was configured.
#[derive(Debug, thiserror::Error)]
pub enum ResourceServerError {
    /// The identifier is no resource identifier.
    #[error("the server's public URL is not usable")]
    Resource(#[from] ResourceError),
    /// Nobody issues tokens for it.
    #[error("a protected server needs at least one authorization server")]
    NoAuthorizationServer,
    /// Whoever logs in for it gets tokens that are refused.
    #[error(
        "the verifier takes no tokens for {0}, which is a resource of this server: tell it of that one, too \
         (JwtVerifier::also_for, or the names that your own verifier compares)"
    )]
    NoTokensFor(Resource),
}

/// A [`ResourceServer`] at work, at one endpoint.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) tokens: VerifiedTokens,
    required_scopes: ScopeSet,
    implied: Vec<(String, ScopeSet)>,
    anonymous: bool,
    identity: Identity,
}

/// What a client learns about the endpoint that it knocks at: which resource that is, and so for what it needs a token.
#[derive(Clone)]
struct Identity {
    metadata: ProtectedResourceMetadata,
    document: Document,
    context: ChallengeContext,
    refusals: Refusals,
    /// What proofs of possession have to be for.
    target: Target,
}

impl Identity {
    fn new(
        metadata: ProtectedResourceMetadata,
        first_scopes: Option<ScopeSet>,
    ) -> Result<Self, ResourceError> {
        let resource = metadata.resource.as_str();
        let target = Target::parse(resource).ok_or(ResourceError::NotAbsolute)?;
        let url = well_known::protected_resource(resource).into_iter().next().map(|location| location.url);
        let context = ChallengeContext {
            resource_metadata: url,
            scope: first_scopes,
            binding_required: metadata.dpop_bound_access_tokens_required,
        };
        let (document, refusals) = (Document::new(&metadata), Refusals::new(&context));
        Ok(Self { document, refusals, metadata, context, target })
    }
}

/// Who reads a stream, and what they were allowed when they began to.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    token: AccessToken,
    scopes: ScopeSet,
}

impl Guard {
    /// The same protection at another endpoint of the same server, as a resource of its own. A client compares the
    /// resource with the URL it was given ([RFC 9728 §3.3](https://www.rfc-editor.org/rfc/rfc9728#section-3.3)), so one
    /// that was given `/sse` can do nothing with the metadata of `/mcp`. Whose tokens count there is the verifier's to
    /// say, here as everywhere.
    pub(crate) fn at(&self, path: &str) -> Result<Self, ResourceServerError> {
        let resource = self.resource().beside(path)?;
        if !self.tokens.take_tokens_for(&resource) {
            return Err(ResourceServerError::NoTokensFor(resource));
        }
        let metadata = ProtectedResourceMetadata { resource, ..self.identity.metadata.clone() };
        let identity = Identity::new(metadata, self.identity.context.scope.clone())?;
        Ok(Self { identity, ..self.clone() })
    }

    /// The same resource at a further endpoint. What it says of itself stays as it is; a proof of possession is for the
    /// URL that is called ([RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3), check 9).
    pub(crate) fn also_at(&self, path: &str) -> Result<Self, ResourceError> {
        let url = self.resource().beside(path)?;
        let target = Target::parse(url.as_str()).ok_or(ResourceError::NotAbsolute)?;
        Ok(Self { identity: Identity { target, ..self.identity.clone() }, ..self.clone() })
    }

    /// The endpoint's identifier.
    pub(crate) fn resource(&self) -> &Resource {
        &self.identity.metadata.resource
    }

    /// The endpoint's metadata, as it is served.
    pub(crate) fn document(&self) -> &Document {
        &self.identity.document
    }

    /// Who sent this request. `None` only where anonymous requests are allowed and no token came.
    pub(crate) async fn authenticate(
        &self,
        parts: &Parts,
        now: SystemTime,
    ) -> Result<Option<Arc<Principal>>, Refusal> {
        let target = &self.identity.target;
        let request = Presented { method: &parts.method, target, headers: &parts.headers };
        let principal = match self.tokens.authenticate(&request, now).await {
            Ok(principal) => principal,
            Err(BearerError::Missing) if self.anonymous => return Ok(None),
            Err(error) => return Err(self.refuse(&error, &parts.headers, now)),
        };
        if !self.has(&principal, &self.required_scopes) {
            return Err(self.insufficient(&principal, &self.required_scopes));
        }
        Ok(Some(principal))
    }

    /// Gives the answer to a proof the nonce for the next one, where every proof needs one.
    pub(crate) fn give_nonce<B>(&self, headers: &HeaderMap, now: SystemTime, response: &mut Response<B>) {
        if let Some(nonce) = self.tokens.next_nonce(None, headers, now) {
            response.headers_mut().insert(NONCE_HEADER, nonce);
        }
    }

    /// Whoever sent these headers, for a stream that has to ask about them again.
    pub(crate) fn reader(&self, headers: &HeaderMap, caller: Option<&Principal>) -> Option<Reader> {
        let token = AccessToken::new(credentials(headers).ok()?.token);
        Some(Reader { token, scopes: caller.map(|caller| caller.scopes.clone()).unwrap_or_default() })
    }

    /// Whether a reader may still have what it was let in for: its token is not revoked, not expired, and allows what
    /// it did.
    pub(crate) async fn is_still_good(&self, reader: &Reader, now: SystemTime) -> bool {
        let principal = self.tokens.verify(reader.token.expose(), now).await;
        principal.is_ok_and(|principal| reader.scopes.is_subset(&principal.scopes))
    }

    /// Whether the principal's scopes, and those they imply, include all of `needed`.
    pub(crate) fn has(&self, principal: &Principal, needed: &ScopeSet) -> bool {
        needed.iter().all(|scope| {
            principal.scopes.contains(scope)
                || self
                    .implied
                    .iter()
                    .any(|(broad, narrow)| principal.scopes.contains(broad) && narrow.contains(scope))
        })
    }

    /// 401: nobody has logged in yet, and this needs somebody, with these scopes.
    pub(crate) fn login_required(&self, needed: &ScopeSet) -> Refusal {
        let mut context = self.identity.context.clone();
        if !needed.is_empty() {
            context.scope = Some(self.required_scopes.union(needed));
        }
        Refusal::new(&BearerError::Missing, Scheme::Bearer, &context)
    }

    /// 403: the principal lacks a scope. The challenge names what is needed together with what was granted, because
    /// clients exist that ask for exactly what the challenge says and would lose the rest.
    pub(crate) fn insufficient(&self, principal: &Principal, needed: &ScopeSet) -> Refusal {
        let description = format!("this needs the scope {needed}");
        let challenge = if principal.bound_to.is_some() { Challenge::dpop() } else { Challenge::bearer() };
        let mut challenge = challenge
            .with("error", ErrorCode::InsufficientScope)
            .with("error_description", &description)
            .with("scope", needed.union(&principal.scopes));
        if let Some(url) = &self.identity.context.resource_metadata {
            challenge = challenge.with("resource_metadata", url);
        }
        let body = ErrorResponse::new(ErrorCode::InsufficientScope, description);
        Refusal::with(BearerError::InsufficientScope { required: needed.clone() }, Some(&challenge), &body)
    }

    fn refuse(&self, error: &BearerError, headers: &HeaderMap, now: SystemTime) -> Refusal {
        let (scheme, identity) = (Scheme::of(headers), &self.identity);
        let known = identity.refusals.of(error, scheme);
        let mut refusal = known.unwrap_or_else(|| Refusal::new(error, scheme, &identity.context));
        refusal.nonce = self.tokens.next_nonce(Some(error), headers, now);
        refusal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Secret;

    struct Nobody;

    impl TokenVerifier for Nobody {
        async fn verify(&self, token: &str, _now: SystemTime) -> Result<Principal, BearerError> {
            match token {
                "alice" => {
                    let mut principal = Principal::new("alice");
                    principal.scopes = ScopeSet::from_tokens(["posts:read"]);
                    Ok(principal)
                }
                "late" => Err(BearerError::Expired),
                "down" => Err(BearerError::Unavailable),
                _ => Err(BearerError::Invalid),
            }
        }
    }

    fn server() -> ResourceServer {
        ResourceServer::new("https://a.example/mcp", Nobody)
            .authorization_server("https://as.example")
            .scopes_supported(["posts:read"])
    }

    const METADATA: &str =
        r#"resource_metadata="https://a.example/.well-known/oauth-protected-resource/mcp""#;

    fn guard(server: ResourceServer) -> Result<Guard, ResourceServerError> {
        let keys = KeyRing::new(&Secret::random(), &[]);
        server.into_guard(&Limits::default(), &keys, SystemTime::UNIX_EPOCH)
    }

    fn request(lines: &[&str]) -> Parts {
        let mut request = http::Request::post("/mcp");
        for line in lines {
            request = request.header("authorization", *line);
        }
        request.body(()).unwrap().into_parts().0
    }

    async fn check(server: ResourceServer, lines: &[&str], status: u16, challenge: Option<String>) {
        let guard = guard(server).unwrap();
        let refusal = guard.authenticate(&request(lines), SystemTime::UNIX_EPOCH).await.unwrap_err();
        assert_eq!(refusal.status.as_u16(), status, "{lines:?}");
        let seen = refusal.challenge.map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(seen, challenge, "{lines:?}");
    }

    #[tokio::test]
    async fn challenges() {
        check(server(), &[], 401, Some(format!(r#"Bearer scope="posts:read", {METADATA}"#))).await;
        check(server(), &["Basic dTpw"], 401, Some(format!(r#"Bearer scope="posts:read", {METADATA}"#)))
            .await;
        check(
            server(),
            &["Bearer late"],
            401,
            Some(format!(
                r#"Bearer error="invalid_token", error_description="the access token has expired", scope="posts:read", {METADATA}"#
            )),
        )
        .await;
        check(
            server(),
            &["Bearer alice", "Bearer alice"],
            400,
            Some(format!(
                r#"Bearer error="invalid_request", error_description="the Authorization header is malformed", scope="posts:read", {METADATA}"#
            )),
        )
        .await;
        check(server(), &["Bearer down"], 503, None).await;
        check(
            server().required_scopes(["admin"]),
            &["Bearer alice"],
            403,
            Some(format!(
                r#"Bearer error="insufficient_scope", error_description="this needs the scope admin", scope="admin posts:read", {METADATA}"#
            )),
        )
        .await;
    }

    #[tokio::test]
    async fn no_token_is_an_answer_only_where_allowed() {
        let guard = guard(server().allow_anonymous()).unwrap();
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(guard.authenticate(&request(&[]), now).await.unwrap(), None);
        // A bad token is not the same as none: the client believes it is logged in.
        assert!(guard.authenticate(&request(&["Bearer forged"]), now).await.is_err());
    }

    #[tokio::test]
    async fn another_endpoint_is_another_resource_with_the_same_tokens() {
        let guard = guard(server().required_scopes(["posts:read"])).unwrap();
        let sse = guard.at("/old/sse").unwrap();
        assert_eq!(sse.resource().as_str(), "https://a.example/old/sse");
        assert!(sse.document().json().contains(r#""resource":"https://a.example/old/sse""#));
        let named = r#"resource_metadata="https://a.example/.well-known/oauth-protected-resource/old/sse""#;
        let now = SystemTime::UNIX_EPOCH;
        let refusal = sse.authenticate(&request(&[]), now).await.unwrap_err();
        assert!(refusal.challenge.unwrap().to_str().unwrap().contains(named));
        let alice = sse.authenticate(&request(&["Bearer alice"]), now).await.unwrap().unwrap();
        let refusal = sse.insufficient(&alice, &ScopeSet::from_tokens(["posts:write"]));
        assert!(refusal.challenge.unwrap().to_str().unwrap().contains(named));
        for wrong in ["sse", "", "//b.example", "/sse#x"] {
            assert!(guard.at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn broad_scopes_imply_narrow_ones() {
        let guard = guard(server().implies("posts:admin", ["posts:write", "posts:read"])).unwrap();
        let mut principal = Principal::new("p");
        principal.scopes = ScopeSet::from_tokens(["posts:admin"]);
        assert!(guard.has(&principal, &ScopeSet::from_tokens(["posts:write", "posts:admin"])));
        assert!(!guard.has(&principal, &ScopeSet::from_tokens(["users:read"])));
    }

    #[test]
    fn mistakes_are_found_at_start() {
        let build = |server: ResourceServer| guard(server).err();
        assert!(matches!(
            build(ResourceServer::new("https://a.example/mcp", Nobody)),
            Some(ResourceServerError::NoAuthorizationServer)
        ));
        assert!(matches!(
            build(ResourceServer::new("/mcp", Nobody).authorization_server("https://as.example")),
            Some(ResourceServerError::Resource(_))
        ));
    }
}
