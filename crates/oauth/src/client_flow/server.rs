//! The authorization server: what is known about it, and the search for its metadata
//! ([Authorization Server Metadata Discovery](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery#authorization-server-metadata-discovery)).

use std::collections::VecDeque;
use std::time::SystemTime;

use http::Method;
use serde::{Deserialize, Serialize};

use super::answer::document;
use super::discover::Protected;
use super::error::{Obstacle, shown};
use super::identity::{Choice, choose};
use super::settings::Way;
use super::{
    Answer, Fetch, FlowError, Judgement, Purpose, Stage, Step, Try, authorization, device, registration,
    token, unattended,
};
use crate::metadata::AuthorizationServerMetadata;
use crate::metadata::well_known::{self, Form, Location};

/// What the login needs to know of an authorization server.
///
/// Endpoints are `https`, or `http` on this machine; without fragment and user information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationServer {
    /// The issuer identifier, byte for byte as its document says and as it was looked up by. Without a document: the
    /// origin of the MCP server.
    pub issuer: String,
    /// Where the endpoints below come from.
    pub provenance: Provenance,
    /// Where the browser goes; a login without one does not look for it.
    pub authorization_endpoint: Option<String>,
    /// Where codes and refresh tokens are redeemed.
    pub token_endpoint: String,
    /// Where clients register.
    pub registration_endpoint: Option<String>,
    /// Where a program without a browser begins (RFC 8628).
    #[serde(default)]
    pub device_authorization_endpoint: Option<String>,
    /// Where tokens are revoked.
    pub revocation_endpoint: Option<String>,
    /// `token_endpoint_auth_methods_supported`; `None` when it does not say.
    pub auth_methods: Option<Vec<String>>,
    /// `token_endpoint_auth_signing_alg_values_supported`; `None` when it does not say.
    #[serde(default)]
    pub auth_algorithms: Option<Vec<String>>,
    /// `dpop_signing_alg_values_supported`; `None` when it does not say.
    #[serde(default)]
    pub dpop_algorithms: Option<Vec<String>>,
    /// Where authorization requests are pushed, if it takes no others
    /// ([RFC 9126 §5](https://www.rfc-editor.org/rfc/rfc9126#section-5)). A server that merely offers it is asked in the usual
    /// way: some list the endpoint for all of their clients and let few of them use it.
    #[serde(default)]
    pub push_to: Option<String>,
    /// `grant_types_supported`; `None` when it does not say.
    pub grant_types: Option<Vec<String>>,
    /// Whether `scopes_supported` has `offline_access`.
    pub offers_offline_access: bool,
    /// Whether every authorization response has to carry `iss`
    /// ([RFC 9207 §3](https://www.rfc-editor.org/rfc/rfc9207#section-3)).
    pub sends_iss: bool,
    /// Whether a client may be named by the URL of its document.
    pub accepts_client_documents: bool,
}

/// Where the endpoints of an authorization server come from; to be shown, because a guess explains many a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Provenance {
    /// Read from the document at this place.
    Discovered(Location),
    /// No document anywhere: the default paths of
    /// [revision 2025-03-26](https://modelcontextprotocol.io/specification/2025-03-26/basic/authorization#fallbacks-for-servers-without-metadata-discovery)
    /// at the origin of the MCP server.
    Assumed,
}

/// The search on its way.
pub(super) struct ServerSearch {
    protected: Protected,
    /// Whose metadata is being looked for.
    issuer: String,
    place: Location,
    places: VecDeque<Location>,
    tries: Vec<Try>,
    /// Who is asked when this one cannot be used.
    others: VecDeque<String>,
    /// Why the first of those before could not be used; told when none can.
    failure: Option<FlowError>,
    rules: Rules,
}

/// Which revision's rules hold.
#[derive(Clone)]
enum Rules {
    /// The resource names its authorization servers.
    Current,
    /// Revision 2025-03-26, because there was no resource metadata in these places.
    Older { resource_tries: Vec<Try> },
}

impl ServerSearch {
    /// Looks for the first usable one of these.
    pub(super) fn among(protected: Protected, issuers: VecDeque<String>, after: Judgement) -> Step {
        next_issuer(protected, issuers, None, Some(after))
    }

    /// Looks at the origin of the MCP server.
    pub(super) fn at_server_origin(protected: Protected, origin: String, resource_tries: Vec<Try>) -> Step {
        let url = format!("{origin}{}", well_known::AUTHORIZATION_SERVER);
        let place = Location { url, form: Form::OauthAtServerOrigin };
        let Ok(request) = token::request(Method::GET, &place.url) else {
            return FlowError::Endpoint { endpoint: shown(&origin) }.into();
        };
        let purpose = Purpose::ServerMetadata(place.form);
        let after = Judgement::NoResourceMetadata { tries: resource_tries.clone() };
        let search = Self {
            protected,
            issuer: origin,
            place,
            places: VecDeque::new(),
            tries: Vec::new(),
            others: VecDeque::new(),
            failure: None,
            rules: Rules::Older { resource_tries },
        };
        Fetch::step(request, purpose, Some(after), Stage::Server(Box::new(search)))
    }

    pub(super) fn answered(mut self, answer: &Answer, now: SystemTime) -> Step {
        let max_body = self.protected.context.request.settings.limits.max_body;
        let obstacle = match document::<AuthorizationServerMetadata>(answer, max_body) {
            Ok(metadata) if self.is_issuer(&metadata.issuer) => {
                return match self.read(metadata) {
                    Ok(server) => self.usable(server, now),
                    Err(failure) => self.unusable(failure),
                };
            }
            Ok(metadata) => Obstacle::OtherIssuer(shown(&metadata.issuer)),
            Err(obstacle) => obstacle,
        };
        self.tries.push(Try { url: shown(&self.place.url), obstacle });
        self.next_place(now)
    }

    /// The `issuer` has to be identical to the identifier the place was made of, without any normalisation
    /// ([RFC 8414 §3.3](https://www.rfc-editor.org/rfc/rfc8414#section-3.3)). Where the place was made of an origin that
    /// nobody wrote down, its two spellings are one.
    fn is_issuer(&self, found: &str) -> bool {
        match self.rules {
            Rules::Current => found == self.issuer,
            Rules::Older { .. } => found.strip_suffix('/').unwrap_or(found) == self.issuer,
        }
    }

    fn next_place(mut self, now: SystemTime) -> Step {
        let Some(place) = self.places.pop_front() else { return self.not_found(now) };
        match token::request(Method::GET, &place.url) {
            Ok(request) => {
                let purpose = Purpose::ServerMetadata(place.form);
                let after = self.tries.last().cloned().map(Judgement::NotHere);
                self.place = place;
                Fetch::step(request, purpose, after, Stage::Server(Box::new(self)))
            }
            Err(_) => self.not_found(now),
        }
    }

    fn not_found(self, now: SystemTime) -> Step {
        // A document with another issuer says more than the empty places around it.
        let mismatch = self.tries.iter().find_map(|one| match &one.obstacle {
            Obstacle::OtherIssuer(found) => Some(FlowError::MetadataIssuerMismatch {
                found_at: one.url.clone(),
                expected: self.issuer.clone(),
                found: found.clone(),
            }),
            _ => None,
        });
        if let Some(mismatch) = mismatch {
            return self.unusable(mismatch);
        }
        match &self.rules {
            Rules::Current => {
                let (issuer, tries) = (self.issuer.clone(), self.tries.clone());
                self.unusable(FlowError::NoServerMetadata { issuer, tries })
            }
            Rules::Older { resource_tries } => {
                let tries: Vec<Try> = resource_tries.iter().chain(&self.tries).cloned().collect();
                if tries.iter().any(|one| one.obstacle.is_transient()) {
                    return FlowError::Unavailable { tries }.into();
                }
                // A server whose challenge names a document is not one of the time before such documents.
                let challenge = self.protected.context.request.challenge.as_ref();
                if challenge.is_some_and(|challenge| challenge.resource_metadata().is_some()) {
                    return FlowError::NoResourceMetadata { tries }.into();
                }
                match self.assumed() {
                    Ok(server) => self.usable(server, now),
                    Err(failure) => failure.into(),
                }
            }
        }
    }

    /// [Default endpoints of revision 2025-03-26](https://modelcontextprotocol.io/specification/2025-03-26/basic/authorization#fallbacks-for-servers-without-metadata-discovery).
    fn assumed(&self) -> Result<AuthorizationServer, FlowError> {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let server = AuthorizationServer {
            issuer: self.issuer.clone(),
            provenance: Provenance::Assumed,
            authorization_endpoint: Some(at("/authorize")),
            token_endpoint: at("/token"),
            registration_endpoint: Some(at("/register")),
            device_authorization_endpoint: None,
            revocation_endpoint: None,
            auth_methods: None,
            auth_algorithms: None,
            dpop_algorithms: None,
            push_to: None,
            grant_types: None,
            offers_offline_access: false,
            sends_iss: false,
            accepts_client_documents: false,
        };
        self.protected.rule.endpoint(&server.token_endpoint).map_err(|reason| {
            FlowError::UnusableEndpoint { issuer: self.issuer.clone(), name: "token_endpoint", reason }
        })?;
        Ok(server)
    }

    /// Checks what the document says.
    fn read(&self, metadata: AuthorizationServerMetadata) -> Result<AuthorizationServer, FlowError> {
        let issuer = || shown(&metadata.issuer);
        let without_browser = self.protected.context.request.settings.way.grant_type();
        if let (Some(grant_type), Some(offered)) = (without_browser, &metadata.grant_types_supported)
            && !offered.iter().any(|offered| offered == grant_type)
        {
            let offered = shown(&offered.join(", "));
            return Err(FlowError::GrantNotOffered { issuer: issuer(), grant_type, offered });
        }
        // Absent means unsupported, except to revision 2025-03-26, which has no such rule.
        let may_be_silent = matches!(self.rules, Rules::Older { .. });
        let silent = metadata.code_challenge_methods_supported.is_none();
        if without_browser.is_none() && !metadata.supports_s256() && (!silent || !may_be_silent) {
            return Err(FlowError::NoPkce { issuer: issuer() });
        }
        let check = |name, url: Option<&String>| match url {
            None => Ok(None),
            Some(url) => match self.protected.rule.endpoint(url) {
                Ok(()) => Ok(Some(url.clone())),
                Err(reason) => Err(FlowError::UnusableEndpoint { issuer: issuer(), name, reason }),
            },
        };
        let required = |name, url| {
            check(name, url)?.ok_or_else(|| FlowError::UnusableEndpoint {
                issuer: issuer(),
                name,
                reason: "is missing",
            })
        };
        Ok(AuthorizationServer {
            authorization_endpoint: match without_browser {
                Some(_) => None,
                None => {
                    let endpoint = metadata.authorization_endpoint.as_ref();
                    Some(required("authorization_endpoint", endpoint)?)
                }
            },
            push_to: match (without_browser, metadata.require_pushed_authorization_requests) {
                (None, true) => {
                    let endpoint = metadata.pushed_authorization_request_endpoint.as_ref();
                    Some(required("pushed_authorization_request_endpoint", endpoint)?)
                }
                _ => None,
            },
            token_endpoint: required("token_endpoint", metadata.token_endpoint.as_ref())?,
            registration_endpoint: check("registration_endpoint", metadata.registration_endpoint.as_ref())?,
            device_authorization_endpoint: check(
                "device_authorization_endpoint",
                metadata.device_authorization_endpoint.as_ref(),
            )
            .unwrap_or_default(),
            // A login works without it; a bad one is never called.
            revocation_endpoint: check("revocation_endpoint", metadata.revocation_endpoint.as_ref())
                .unwrap_or_default(),
            provenance: Provenance::Discovered(self.place.clone()),
            offers_offline_access: metadata.offers_offline_access(),
            sends_iss: metadata.authorization_response_iss_parameter_supported,
            accepts_client_documents: metadata.client_id_metadata_document_supported,
            auth_methods: metadata.token_endpoint_auth_methods_supported,
            auth_algorithms: metadata.token_endpoint_auth_signing_alg_values_supported,
            dpop_algorithms: metadata.dpop_signing_alg_values_supported,
            grant_types: metadata.grant_types_supported,
            issuer: metadata.issuer,
        })
    }

    /// Goes on with this server; when the client cannot be anybody there, with the next one.
    fn usable(self, server: AuthorizationServer, now: SystemTime) -> Step {
        let request = &self.protected.context.request;
        if let Err(failure) = authorization::proof_key(&self.protected, &server) {
            return self.unusable(failure);
        }
        match choose(&request.settings, &request.known, &server, now) {
            Ok(Choice::Ready(identity)) => {
                let after = Judgement::Server(Box::new(server.clone()));
                match request.settings.way {
                    Way::AuthorizationCode => {
                        authorization::open(self.protected, server, identity, after, now)
                    }
                    Way::DeviceCode => device::begin(self.protected, server, identity, after),
                    _ => unattended::ask(self.protected, server, identity, after),
                }
            }
            Ok(Choice::Register { endpoint, auth_method }) => {
                registration::register(self.protected, server, &endpoint, auth_method)
            }
            Err(failure) => self.unusable(failure),
        }
    }

    fn unusable(self, failure: FlowError) -> Step {
        let after = Judgement::OtherServer(Box::new(failure.clone()));
        next_issuer(self.protected, self.others, Some(self.failure.unwrap_or(failure)), Some(after))
    }
}

fn next_issuer(
    protected: Protected,
    mut issuers: VecDeque<String>,
    failure: Option<FlowError>,
    after: Option<Judgement>,
) -> Step {
    while let Some(issuer) = issuers.pop_front() {
        let mut places = VecDeque::from(well_known::authorization_server(&issuer));
        let Some(place) = places.pop_front() else { continue };
        let Ok(request) = token::request(Method::GET, &place.url) else { continue };
        let purpose = Purpose::ServerMetadata(place.form);
        let search = ServerSearch {
            protected,
            issuer,
            place,
            places,
            tries: Vec::new(),
            others: issuers,
            failure,
            rules: Rules::Current,
        };
        return Fetch::step(request, purpose, after, Stage::Server(Box::new(search)));
    }
    failure.unwrap_or(FlowError::NoAuthorizationServer { found_at: protected.resource.to_string() }).into()
}
