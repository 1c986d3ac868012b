//! The authorization request: the URL that the user opens, and what has to be kept until the browser comes back.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::discover::Protected;
use super::identity::ClientIdentity;
use super::server::{AuthorizationServer, Provenance};
use super::settings::{DpopUse, Way};
use super::{FlowError, Judgement, LoginRequest, Step, push};
use crate::challenge::Challenge;
use crate::dpop::{self, ProofKey};
use crate::metadata::well_known::Form;
use crate::pkce::{self, CodeVerifier};
use crate::resource::Resource;
use crate::scope::{Scope, ScopeSet};
use crate::secret::{self, State};

/// The scope of refresh tokens
/// ([OpenID Connect Core §11](https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess)).
const OFFLINE_ACCESS: &str = "offline_access";

/// A URL for the user, and what to keep meanwhile.
#[derive(Debug, Clone)]
pub struct OpenBrowser {
    /// The authorization URL.
    pub url: String,
    /// To be kept by [`PendingAuthorization::state`] until the callback.
    pub pending: PendingAuthorization,
    /// What was made of the answer before.
    pub after: Option<Judgement>,
}

/// What belongs to one authorization request, until the browser comes back
/// ([Authorization Response Validation](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#authorization-response-validation)).
///
/// Serialises with its secrets: it belongs into an encrypted store. It is good for one callback; take it out of the
/// store before handing it the query.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingAuthorization {
    /// Ties the callback to this request.
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub state: State,
    #[serde(serialize_with = "exposed_verifier")]
    pub(super) verifier: CodeVerifier,
    /// The MCP endpoint the login is for.
    pub endpoint: String,
    /// What the token will be for; byte-identical in every request.
    pub resource: Resource,
    /// Whom the answer has to come from.
    pub server: AuthorizationServer,
    /// Who asks.
    pub client: ClientIdentity,
    /// The redirect URI of the request.
    pub redirect_uri: String,
    /// The scopes asked for; empty when the parameter was left out.
    pub scopes: ScopeSet,
    /// When it was made; so that the host can drop old ones.
    pub started_at: SystemTime,
    /// The key that the tokens will be bound to, if they will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proof_key: Option<ProofKey>,
    #[serde(default)]
    pub(super) dpop: DpopUse,
    /// [`super::FlowLimits::max_body`] of the login.
    pub max_body: usize,
}

fn exposed_verifier<S: Serializer>(verifier: &CodeVerifier, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verifier.expose())
}

/// Everything is known: makes the URL and what has to be kept.
pub(super) fn open(
    protected: Protected,
    server: AuthorizationServer,
    client: ClientIdentity,
    after: Judgement,
    now: SystemTime,
) -> Step {
    let proof_key = match proof_key(&protected, &server) {
        Ok(proof_key) => proof_key,
        Err(error) => return error.into(),
    };
    let Protected { context, resource, scopes_supported, .. } = protected;
    let scopes = scopes(&context.request, &scopes_supported, &server);
    let pending = PendingAuthorization {
        state: State::new(URL_SAFE_NO_PAD.encode(context.entropy.state)),
        verifier: CodeVerifier::from_random(&context.entropy.verifier),
        endpoint: context.request.endpoint,
        resource,
        server,
        client,
        redirect_uri: context.request.settings.redirect_uri.as_str().to_owned(),
        scopes,
        started_at: now,
        proof_key,
        dpop: context.request.settings.dpop,
        max_body: context.request.settings.limits.max_body,
    };
    match pending.server.push_to.clone() {
        Some(endpoint) => push::ask(pending, &endpoint, after),
        None => send_away(pending, None, after),
    }
}

/// Sends the browser away: with the request, or with the reference to it.
pub(super) fn send_away(pending: PendingAuthorization, reference: Option<&str>, after: Judgement) -> Step {
    let url = match reference {
        None => pending.url(),
        Some(reference) => pending
            .at_endpoint(&[("client_id", pending.client.client_id.as_str()), ("request_uri", reference)]),
    };
    match url {
        Some(url) => Step::OpenBrowser(Box::new(OpenBrowser { url, pending, after: Some(after) })),
        None => FlowError::UnusableEndpoint {
            issuer: pending.server.issuer,
            name: "authorization_endpoint",
            reason: "is not an absolute URL",
        }
        .into(),
    }
}

/// Which scope to ask for
/// ([Scope Selection Strategy](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#scope-selection-strategy)).
///
/// The challenge is authoritative; without one, everything the resource lists; without that, nothing. What is held
/// stays, and then the resource's list is not added: the new scope is what the operation needs, not all there is.
pub(super) fn scopes(request: &LoginRequest, supported: &ScopeSet, server: &AuthorizationServer) -> ScopeSet {
    let held = &request.held_scopes;
    let named = match request.challenge.as_ref().and_then(Challenge::scope) {
        Some(scopes) => scopes,
        None if held.is_empty() => supported.clone(),
        None => ScopeSet::new(),
    };
    let mut scopes = held.union(&named).union(&request.settings.extra_scopes);
    // The authorization server decides whether it knows the word, whatever the resource says about it
    // (https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#refresh-tokens).
    let wanted = scopes.remove(OFFLINE_ACCESS) || request.settings.offline_access;
    // Without a user there is nobody who could go offline. Alone it would take the place of the server's default scope.
    let user = matches!(request.settings.way, Way::AuthorizationCode);
    if user && wanted && server.offers_offline_access && !scopes.is_empty() {
        scopes.insert(Scope::parse(OFFLINE_ACCESS).expect("a legal scope token"));
    }
    scopes
}

/// The key that the tokens will be bound to; none where it was not asked for
/// ([RFC 9449 §5.1](https://www.rfc-editor.org/rfc/rfc9449#section-5.1),
/// [RFC 9728 §2](https://www.rfc-editor.org/rfc/rfc9728#section-2)).
pub(super) fn proof_key(
    protected: &Protected,
    server: &AuthorizationServer,
) -> Result<Option<ProofKey>, FlowError> {
    let request = &protected.context.request;
    let listed = dpop::ALGORITHM.is_in(server.dpop_algorithms.as_ref());
    let wanted = match request.settings.dpop {
        DpopUse::Never => false,
        DpopUse::Always => true,
        // Where both offer it there is no reason against it; a resource that offers it alone would get a token that it
        // cannot check.
        DpopUse::WhenOffered => {
            protected.dpop.is_demanded() || (protected.dpop.is_offered() && listed == Some(true))
        }
    };
    if !wanted {
        return Ok(None);
    }
    if listed == Some(false) {
        return Err(FlowError::NoDpop { issuer: server.issuer.clone() });
    }
    let reason = "tokens are to be bound to a key (DPoP), and there is none";
    request.proof_key.clone().map(Some).ok_or(FlowError::Settings { reason })
}

impl PendingAuthorization {
    /// The authorization URL; `None` when the endpoint is none. The endpoint's own query is kept.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let parameters = self.parameters();
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.at_endpoint(&pairs)
    }

    fn at_endpoint(&self, parameters: &[(&str, &str)]) -> Option<String> {
        let mut url = Url::parse(self.server.authorization_endpoint.as_deref()?).ok()?;
        url.query_pairs_mut().extend_pairs(parameters);
        Some(url.into())
    }

    /// The request
    /// ([OAuth 2.1 §4.1.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.1)).
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.client.client_id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
        ];
        if !self.scopes.is_empty() {
            query.push(("scope", self.scopes.to_string()));
        }
        query.push(("state", self.state.expose().to_owned()));
        query.push(("code_challenge", self.verifier.challenge().as_str().to_owned()));
        query.push(("code_challenge_method", pkce::S256.to_owned()));
        query.push(("resource", self.resource.as_str().to_owned()));
        // Ties the code to the key as well (RFC 9449 §10).
        if let Some(key) = &self.proof_key {
            query.push(("dpop_jkt", key.public.thumbprint()));
        }
        // OpenID Connect ignores `offline_access` unless consent is asked for; other servers do not know the word.
        let openid = matches!(
            &self.server.provenance,
            Provenance::Discovered(place) if matches!(place.form, Form::OpenidInserted | Form::OpenidAppended)
        );
        if openid && self.scopes.contains(OFFLINE_ACCESS) {
            query.push(("prompt", "consent".to_owned()));
        }
        query
    }
}
