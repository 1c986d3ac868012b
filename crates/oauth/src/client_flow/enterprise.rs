//! Enterprise-managed authorization: the identity provider of the user's organisation says that this user may use this
//! server through this client, and the server's authorization server takes its word
//! ([Enterprise-Managed Authorization](https://modelcontextprotocol.io/extensions/auth/enterprise-managed-authorization),
//! [draft-ietf-oauth-identity-assertion-authz-grant §4.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-identity-assertion-authz-grant-04#section-4.3)).

use std::collections::VecDeque;

use http::Method;
use serde::{Deserialize, Serialize};
use url::Url;

use super::answer::document;
use super::endpoint::EndpointRule;
use super::error::{Obstacle, shown};
use super::identity::{ClientIdentity, Supported};
use super::redeem::Redeeming;
use super::settings::PreRegistered;
use super::signatures::Signatures;
use super::token::{self, Possession};
use super::{Answer, Fetch, FlowError, Judgement, Purpose, Stage, Step, Try};
use crate::metadata::AuthorizationServerMetadata;
use crate::metadata::well_known::{self, Location};
use crate::secret::Assertion;
use crate::token_exchange::TOKEN_EXCHANGE;

/// An Identity Assertion JWT Authorization Grant.
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";

/// The identity provider of an organisation, and what the client has from it.
#[derive(Debug, Clone)]
pub struct IdentityProvider {
    /// Its issuer identifier.
    pub issuer: String,
    /// Where it exchanges tokens; without it, its metadata says so.
    pub token_endpoint: Option<String>,
    /// Who the client is there; that is another client than at the server's authorization server.
    pub client: PreRegistered,
    /// What the user's login there left: it says who the user is.
    pub subject_token: Assertion,
    /// What kind of token that is.
    pub subject_token_type: SubjectTokenType,
}

/// What says who the user is ([RFC 8693 §3](https://www.rfc-editor.org/rfc/rfc8693#section-3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectTokenType {
    /// An ID token of OpenID Connect.
    #[default]
    IdToken,
    /// A refresh token of the identity provider, which outlives the ID token.
    RefreshToken,
    /// A SAML 2.0 assertion.
    Saml2,
}

impl SubjectTokenType {
    /// The identifier on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::RefreshToken => "urn:ietf:params:oauth:token-type:refresh_token",
            Self::Saml2 => "urn:ietf:params:oauth:token-type:saml2",
        }
    }
}

/// The search for the provider's metadata.
pub(super) struct ProviderSearch {
    provider: IdentityProvider,
    redeeming: Redeeming,
    place: Location,
    places: VecDeque<Location>,
    tries: Vec<Try>,
}

/// The exchange at the provider.
pub(super) struct Exchange {
    provider: IdentityProvider,
    client: ClientIdentity,
    redeeming: Redeeming,
}

/// Asks the provider, or first where it can be asked. The user configured it, so it may be anywhere; it must only be
/// reached safely.
pub(super) fn begin(redeeming: Redeeming, provider: IdentityProvider, after: Judgement) -> Step {
    let Some(endpoint) = provider.token_endpoint.clone() else {
        let wrong = || {
            let reason = "the issuer of the identity provider has to be an https URL";
            FlowError::Settings { reason }.into()
        };
        if rule(&provider.issuer).and_then(|rule| rule.issuer(&provider.issuer)).is_err() {
            return wrong();
        }
        let mut places = VecDeque::from(well_known::authorization_server(&provider.issuer));
        let Some(place) = places.pop_front() else { return wrong() };
        return ProviderSearch { provider, redeeming, place, places, tries: Vec::new() }.fetch(after);
    };
    if rule(&endpoint).and_then(|rule| rule.endpoint(&endpoint)).is_err() {
        let reason = "the token endpoint of the identity provider has to be an https URL";
        return FlowError::Settings { reason }.into();
    }
    let nothing = Supported { methods: None, algorithms: None };
    match provider.client.identity(&provider.issuer, &nothing, "") {
        Ok(client) => Exchange { provider, client, redeeming }.ask(&endpoint, after),
        Err(error) => error.into(),
    }
}

fn rule(text: &str) -> Result<EndpointRule, &'static str> {
    Url::parse(text).map(|url| EndpointRule::for_server(&url)).map_err(|_| "is not an absolute URL")
}

impl ProviderSearch {
    fn fetch(self, after: Judgement) -> Step {
        match token::request(Method::GET, &self.place.url) {
            Ok(request) => {
                let purpose = Purpose::ProviderMetadata(self.place.form);
                Fetch::step(request, purpose, Some(after), Stage::Provider(Box::new(self)))
            }
            Err(_) => FlowError::Settings { reason: "the issuer of the identity provider is no URL" }.into(),
        }
    }

    pub(super) fn answered(mut self, answer: &Answer) -> Step {
        let obstacle = match document::<AuthorizationServerMetadata>(answer, self.redeeming.max_body) {
            Ok(metadata) if metadata.issuer == self.provider.issuer => return self.found(&metadata),
            Ok(metadata) => Obstacle::OtherIssuer(shown(&metadata.issuer)),
            Err(obstacle) => obstacle,
        };
        let tried = Try { url: shown(&self.place.url), obstacle };
        self.tries.push(tried.clone());
        match self.places.pop_front() {
            Some(place) => Self { place, ..self }.fetch(Judgement::NotHere(tried)),
            None => FlowError::NoServerMetadata { issuer: self.provider.issuer, tries: self.tries }.into(),
        }
    }

    fn found(self, metadata: &AuthorizationServerMetadata) -> Step {
        let Self { provider, redeeming, .. } = self;
        let unusable = |reason| {
            let name = "token_endpoint";
            Step::from(FlowError::UnusableEndpoint { issuer: provider.issuer.clone(), name, reason })
        };
        let Some(endpoint) = &metadata.token_endpoint else { return unusable("is missing") };
        if let Err(reason) = rule(&provider.issuer).and_then(|rule| rule.endpoint(endpoint)) {
            return unusable(reason);
        }
        let supported = Supported {
            methods: metadata.token_endpoint_auth_methods_supported.as_ref(),
            algorithms: metadata.token_endpoint_auth_signing_alg_values_supported.as_ref(),
        };
        match provider.client.identity(&provider.issuer, &supported, "") {
            Ok(client) => {
                let after = Judgement::Provider { issuer: provider.issuer.clone() };
                Exchange { provider, client, redeeming }.ask(endpoint, after)
            }
            Err(error) => error.into(),
        }
    }
}

impl Exchange {
    /// The request names both who will take the assertion and what the token will be for: neither may be another than
    /// the other's ([§7.6 of the extension](https://modelcontextprotocol.io/extensions/auth/enterprise-managed-authorization)).
    fn ask(self, endpoint: &str, after: Judgement) -> Step {
        let scope = self.redeeming.scopes.to_string();
        let mut form = vec![
            ("grant_type", TOKEN_EXCHANGE),
            ("requested_token_type", ID_JAG),
            ("audience", &self.redeeming.server.issuer),
            ("resource", self.redeeming.resource.as_str()),
            ("subject_token", self.provider.subject_token.expose()),
            ("subject_token_type", self.provider.subject_token_type.as_str()),
        ];
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        let signatures = Signatures::of(&self.client, &self.provider.issuer, None);
        match token::post(endpoint, &self.client, &form) {
            Ok(request) => {
                let stage = Stage::Exchange(Box::new(self));
                Fetch::step(request, Purpose::TokenExchange, Some(after), stage).signed(signatures)
            }
            Err(reason) => {
                let name = "token_endpoint";
                FlowError::UnusableEndpoint { issuer: self.provider.issuer, name, reason }.into()
            }
        }
    }

    /// The answer calls the assertion `access_token`, which it is not
    /// ([RFC 8693 §2.2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1)).
    pub(super) fn answered(self, answer: &Answer) -> Step {
        let reading = token::Reading {
            issuer: &self.provider.issuer,
            client_id: &self.client.client_id,
            requested: &self.redeeming.scopes,
            possession: Possession::None,
            by_assertion: true,
            max_body: self.redeeming.max_body,
        };
        let assertion = match reading.exchanged(answer, ID_JAG) {
            Ok(assertion) => assertion,
            Err(error) => return error.into(),
        };
        let after = Judgement::IdentityAssertion { provider: self.provider.issuer };
        self.redeeming.by_assertion(&assertion, after)
    }
}
