//! The search for the protected resource metadata: what is the server's identifier, and who issues tokens for it
//! ([Protected Resource Metadata Discovery](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery#protected-resource-metadata-discovery-requirements)).

use std::collections::VecDeque;

use http::Method;
use url::Url;

use super::answer::document;
use super::endpoint::EndpointRule;
use super::error::{Obstacle, shown};
use super::server::ServerSearch;
use super::settings::{PreRegistered, Way};
use super::{Answer, Context, Fetch, FlowError, Judgement, Purpose, Stage, Step, Try, token};
use crate::challenge::Challenge;
use crate::client_document::DocumentUrl;
use crate::dpop;
use crate::metadata::ProtectedResourceMetadata;
use crate::metadata::well_known::{self, Form, Location};
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// The search on its way: the current place, what comes after it, what was tried in vain.
pub(super) struct ResourceSearch {
    context: Context,
    rule: EndpointRule,
    place: Location,
    places: VecDeque<Location>,
    tries: Vec<Try>,
}

/// What the metadata says, checked; or what stands in for it.
pub(super) struct Protected {
    pub(super) context: Context,
    pub(super) rule: EndpointRule,
    /// Byte for byte what goes into `resource` parameters.
    pub(super) resource: Resource,
    pub(super) scopes_supported: ScopeSet,
    pub(super) dpop: Dpop,
}

/// What the resource says about tokens that are bound to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dpop {
    /// Nothing.
    Silent,
    /// It takes them, with our algorithm.
    Offered,
    /// It takes nothing else.
    Demanded,
}

impl Dpop {
    pub(super) fn is_offered(self) -> bool {
        self >= Self::Offered
    }

    pub(super) fn is_demanded(self) -> bool {
        self == Self::Demanded
    }

    fn of(challenge: Option<&Challenge>, metadata: Option<&ProtectedResourceMetadata>) -> Self {
        let listed = metadata
            .and_then(|metadata| dpop::ALGORITHM.is_in(metadata.dpop_signing_alg_values_supported.as_ref()));
        let required = metadata.is_some_and(|metadata| metadata.dpop_bound_access_tokens_required);
        if required || challenge.is_some_and(|challenge| challenge.scheme == "dpop") {
            Self::Demanded
        } else if listed == Some(true) {
            Self::Offered
        } else {
            Self::Silent
        }
    }
}

/// Begins with the place the challenge names, then the well-known ones.
pub(super) fn start(context: Context) -> Step {
    let request = &context.request;
    let url =
        Resource::of_server_url(&request.endpoint).ok().and_then(|_| Url::parse(&request.endpoint).ok());
    let Some(server) = url else {
        return FlowError::Endpoint { endpoint: shown(&request.endpoint) }.into();
    };
    if let Some(url) = &request.settings.client_document_url
        && DocumentUrl::parse(url, true).is_err()
    {
        let reason = "client_document_url has to be an https URL with a path";
        return FlowError::Settings { reason }.into();
    }
    let named = request.challenge.as_ref().and_then(Challenge::resource_metadata);
    let mut places: VecDeque<_> =
        named.map(|url| Location { url: url.to_owned(), form: Form::NamedByChallenge }).into_iter().collect();
    let known = well_known::protected_resource(&request.endpoint);
    places.extend(known.into_iter().filter(|place| named != Some(place.url.as_str())));
    let rule = EndpointRule::for_server(&server);
    ResourceSearch::next(context, rule, places, Vec::new())
}

impl ResourceSearch {
    pub(super) fn answered(mut self, answer: &Answer) -> Step {
        let max_body = self.context.request.settings.limits.max_body;
        match document::<ProtectedResourceMetadata>(answer, max_body) {
            Ok(metadata) => self.found(metadata),
            Err(obstacle) => {
                self.tries.push(Try { url: shown(&self.place.url), obstacle });
                Self::next(self.context, self.rule, self.places, self.tries)
            }
        }
    }

    /// The next place that may be asked; when there is none, the older rules or the end.
    fn next(
        context: Context,
        rule: EndpointRule,
        mut places: VecDeque<Location>,
        mut tries: Vec<Try>,
    ) -> Step {
        while let Some(place) = places.pop_front() {
            let request = rule.metadata(&place.url).and_then(|()| token::request(Method::GET, &place.url));
            match request {
                Ok(request) => {
                    let purpose = Purpose::ResourceMetadata(place.form);
                    let after = tries.last().cloned().map(Judgement::NotHere);
                    let search = Self { context, rule, place, places, tries };
                    return Fetch::step(request, purpose, after, Stage::Resource(Box::new(search)));
                }
                Err(reason) => {
                    tries.push(Try { url: shown(&place.url), obstacle: Obstacle::Forbidden(reason) });
                }
            }
        }
        // Nothing can be concluded from a server in trouble: taking it for an old one would send the user to guessed
        // endpoints just because of a restart.
        if tries.iter().any(|one| one.obstacle.is_transient()) {
            return FlowError::Unavailable { tries }.into();
        }
        Self::older_rules(context, rule, tries)
    }

    /// [Revision 2025-03-26](https://modelcontextprotocol.io/specification/2025-03-26/basic/authorization#authorization-base-url):
    /// the server's origin is its authorization server.
    fn older_rules(context: Context, rule: EndpointRule, tries: Vec<Try>) -> Step {
        let endpoint = &context.request.endpoint;
        let (Ok(url), Ok(resource)) = (Url::parse(endpoint), Resource::of_server_url(endpoint)) else {
            return FlowError::Endpoint { endpoint: shown(endpoint) }.into();
        };
        let origin = url.origin().ascii_serialization();
        let dpop = Dpop::of(context.request.challenge.as_ref(), None);
        let protected = Protected { context, rule, resource, scopes_supported: ScopeSet::new(), dpop };
        ServerSearch::at_server_origin(protected, origin, tries)
    }

    /// Checks that the document is about our server, and picks the authorization servers.
    fn found(self, metadata: ProtectedResourceMetadata) -> Step {
        let Self { context, rule, place, .. } = self;
        let request = &context.request;
        // A document about something else is not skipped: whoever wrote it would get the user to log in there.
        if !metadata.resource.covers(&request.endpoint) {
            return FlowError::ResourceMismatch {
                found_at: shown(&place.url),
                resource: shown(metadata.resource.as_str()),
                endpoint: shown(&request.endpoint),
            }
            .into();
        }
        let mut issuers: Vec<String> = Vec::new();
        for issuer in &metadata.authorization_servers {
            if rule.issuer(issuer).is_ok() && !issuers.contains(issuer) {
                issuers.push(issuer.clone());
            }
        }
        if issuers.is_empty() {
            return FlowError::NoAuthorizationServer { found_at: shown(&place.url) }.into();
        }
        // Where the user registered a client by hand, no other server is asked.
        if let Some(PreRegistered { issuer: Some(own), client_id, .. }) = &request.settings.pre_registered {
            if !issuers.contains(own) {
                return FlowError::OtherIssuersClient {
                    client_id: client_id.clone(),
                    registered_with: own.clone(),
                    found: shown(&issuers.join(", ")),
                }
                .into();
            }
            issuers.retain(|issuer| issuer == own);
        }
        // Nor where it is said which one may have the workload's token.
        if let Way::JwtBearer { issuer: Some(own), .. } = &request.settings.way
            && issuers.contains(own)
        {
            issuers.retain(|issuer| issuer == own);
        }
        // Among equals the one that knows us already needs no registration (RFC 9728 §7.6 leaves the choice to us).
        let by_hand = &request.settings.pre_registered_by_issuer;
        issuers.sort_by_key(|issuer| {
            let by_hand = by_hand.iter().any(|client| client.issuer.as_ref() == Some(issuer));
            !by_hand && !request.known.iter().any(|identity| identity.issuer == *issuer)
        });
        issuers.truncate(request.settings.limits.max_authorization_servers.max(1));
        let after = Judgement::Resource { resource: metadata.resource.clone(), issuers: issuers.clone() };
        let dpop = Dpop::of(request.challenge.as_ref(), Some(&metadata));
        let listed = metadata.scopes_supported.unwrap_or_default();
        let limit = request.settings.limits.max_scopes;
        let scopes_supported = ScopeSet::from_tokens(listed.iter().take(limit));
        let protected = Protected { context, rule, resource: metadata.resource, scopes_supported, dpop };
        ServerSearch::among(protected, issuers.into(), after)
    }
}
