//! The blog behind its tokens: REST and MCP, which the same tokens open.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use barewire_mcp_server::{KeyRing, McpServer, Principal, ResourceServer, Secret, TokenVerifier};
use barewire_oauth::bearer::{BearerError, ChallengeContext, Standing};
use barewire_oauth::claims::seconds;
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::store::{self, Keys as _};
use barewire_oauth_server::{AccessTokens, AuthorizationServer, Dpop, Issued};
use barewire_store::Store;

use crate::blog::{Blog, READ};
use crate::mcp;
use crate::observed::Observed;
use crate::rest::{self, Door};
use crate::server::StartError;
use crate::setup::Setup;

/// Where the MCP server is.
pub(crate) const MCP: &str = "/mcp";
/// Where clients of 2024-11-05 find their streams, and where these send them with their messages.
pub(crate) const SSE: &str = "/sse";
const MESSAGES: &str = "/messages";

/// The MCP server, and the routes around it; [`MCP`] itself is not among them.
pub(crate) struct Endpoint {
    pub(crate) mcp: McpServer,
    pub(crate) routes: Router,
}

impl Endpoint {
    /// `own` is the authorization server here, where there is one; `store` is where the key of sessions is kept.
    pub(crate) async fn open(
        setup: &Setup,
        origin: &str,
        blog: &Blog,
        own: Option<&AuthorizationServer>,
        store: &Store,
        observed: &Observed,
    ) -> Result<Self, StartError> {
        let resource = format!("{origin}{MCP}");
        let bound_only = own.is_some() && setup.auth.dpop == Dpop::Required;
        let mut auth = resource_server(setup, origin, own)?.scopes_supported([READ]).name(&setup.server.name);
        if bound_only {
            auth = auth.require_dpop();
        }

        // Sessions and pending questions are sealed, so with a key that is kept they outlive a restart.
        let key = store.secret("mcp.seal", &store::Secret::new(rand::random::<[u8; 32]>().to_vec())).await?;
        let mut mcp = mcp::server(blog, &setup.server.name);
        if let Some(recorder) = observed.recorder(&resource) {
            mcp = mcp.observer(recorder);
        }
        let mcp = mcp
            .auth(auth)
            .sse_transport(SSE, MESSAGES)
            .limits(setup.mcp.clone())
            .keys(KeyRing::new(&Secret::new(key.expose())?, &[]))
            .clock(setup.clock.clone())
            .build()?;

        // The two translations of the business, behind the same tokens.
        let door = Door {
            tokens: mcp.verified_tokens().expect("`auth` was called a few lines above"),
            origin: origin.to_owned(),
            clock: setup.clock.clone(),
            challenge: ChallengeContext {
                resource_metadata: Some(format!("{origin}/.well-known/oauth-protected-resource{MCP}")),
                scope: Some(ScopeSet::from_tokens([READ])),
                binding_required: bound_only,
            },
        };
        let (streams, messages) = mcp.sse_services().expect("`sse_transport` was called above");
        let mut routes = Router::new()
            .merge(rest::router(blog.clone(), Arc::new(door)))
            .route_service(SSE, streams)
            .route_service(MESSAGES, messages);
        if let Some(metadata) = mcp.resource_metadata() {
            for path in metadata.paths() {
                routes = routes.route_service(path, metadata.clone());
            }
        }
        Ok(Self { mcp, routes })
    }
}

/// Whose tokens open it: those of the authorization server here, those of others, or both. Each has to be for this server.
fn resource_server(
    setup: &Setup,
    origin: &str,
    own: Option<&AuthorizationServer>,
) -> Result<ResourceServer, StartError> {
    let resource = format!("{origin}{MCP}");
    // The names of this one server.
    let names = [Resource::parse(&resource)?, Resource::parse(&format!("{origin}{SSE}"))?];
    let own = own.map(|server| Tokens { access: server.access_tokens(), resources: names.clone() });
    let mut auth = match own {
        Some(tokens) if !setup.external.is_used() => ResourceServer::new(&resource, tokens),
        own => {
            let signing = setup.external_signing.clone();
            let mut issuers = setup.external.verifier(&names[0], &names[1..], signing)?;
            if let Some(tokens) = own {
                issuers = issuers.own(origin, tokens);
            }
            ResourceServer::new(&resource, issuers)
        }
    };
    if setup.server.authorization_server {
        auth = auth.authorization_server(origin);
    }
    for issuer in setup.external.issuers() {
        auth = auth.authorization_server(issuer);
    }
    Ok(auth)
}

/// The ten lines between an authorization server and a resource server.
#[derive(Clone)]
struct Tokens {
    access: AccessTokens,
    resources: [Resource; 2],
}

impl TokenVerifier for Tokens {
    async fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, BearerError> {
        self.access.verify(token, &self.resources, now).map(Principal::from)
    }

    fn standing(&self, principal: &Principal) -> Standing {
        self.access.standing(&Issued {
            id: principal.token_id.as_deref().unwrap_or_default(),
            subject: &principal.subject,
            client_id: principal.client_id.as_deref().unwrap_or_default(),
            grant_id: principal.grant_id.as_deref(),
            at: principal.issued_at.map_or(0, seconds),
            scope: &principal.scopes,
            signed_by: principal.signed_by.as_deref(),
        })
    }
}
