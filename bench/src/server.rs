//! Our server as it is measured: three tools over the public API, mounted as an application would.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use barewire_audit::{Audit, AuditConfig, Metrics, MetricsConfig, Recorder};
use barewire_mcp_server::{
    Context, Limits, McpServer, McpServerBuilder, McpService, NoArguments, Principal, ResourceServer,
    Structured, TokenVerifier, Tool, ToolError,
};
use barewire_oauth::bearer::{BearerError, Standing};
use barewire_oauth::claims::seconds;
use barewire_oauth::client::{GrantType, RedirectUri};
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::{AccessTokens, AuthConfig, AuthorizationServer, ConfiguredClient, Dpop, Issued};
use barewire_serve::{Mount, WithPeer};
use barewire_store::Store;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::oauth::{SERVICE, WEB};
use crate::streams::PUBLISHING_TOOL;
use crate::users::User;

/// The one user who logs in where a token is asked for.
pub const USER: (&str, &str) = ("johndoe", "a password for the benchmark");

/// What his token is good for.
pub const SCOPE: &str = "bench";

/// How many tools every measured server has: those of [`tools`] without further ones.
pub const TOOLS: usize = 4;

/// Long-lived streams at once: the benchmark opens more, and all from one place, than a server should let in unasked.
const STREAMS: usize = 20_000;

#[derive(Deserialize, JsonSchema)]
struct Echo {
    /// What comes back.
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct GetUser {
    /// From 1 to 1000.
    id: u64,
}

/// What it lets in: as it ships, but for the streams.
pub fn limits() -> Limits {
    Limits { max_streams: STREAMS, max_streams_per_principal: STREAMS, ..Limits::default() }
}

/// The tools that every measured server has, and `more` that only fill the list.
pub fn tools(more: usize) -> McpServerBuilder {
    let users: Arc<[User]> = User::all().into();
    let server = McpServer::builder("bench", "1.0.0")
        .tool(Tool::new("echo", "Says it again."), async |_: Context, args: Echo| {
            Ok::<_, ToolError>(args.text)
        })
        .tool(Tool::new("get_user", "A user's record."), move |_: Context, args: GetUser| {
            let user = usize::try_from(args.id).ok().and_then(|id| users.get(id.checked_sub(1)?)).cloned();
            async move { user.map(Structured).ok_or_else(|| ToolError::new("There is no such user.")) }
        })
        .tool(
            Tool::new("echo_with_progress", "Says it again, after three steps."),
            async |ctx: Context, args: Echo| {
                for step in [1.0, 2.0, 3.0] {
                    ctx.progress(step, Some(3.0), None).await;
                }
                Ok::<_, ToolError>(args.text)
            },
        )
        .tool(
            Tool::new(PUBLISHING_TOOL, "Tells all clients that the list of tools changed."),
            async |ctx: Context, NoArguments {}| {
                ctx.publish().tools_changed();
                Ok::<_, ToolError>("published")
            },
        )
        .limits(limits());
    (0..more).fold(server, |server, number| {
        let tool = Tool::new(format!("tool_{number:05}"), "One of many.");
        server.tool(tool, async |_: Context, args: Echo| Ok::<_, ToolError>(args.text))
    })
}

/// An authorization server beside the MCP server, and the check of its tokens.
///
/// # Errors
/// When its state cannot be opened.
pub async fn authorization(
    origin: &str,
    store: Store,
) -> anyhow::Result<(AuthorizationServer, ResourceServer)> {
    let resource = format!("{origin}/mcp");
    let client = |id: &str| ConfiguredClient {
        client_id: id.to_owned(),
        client_name: id.to_owned(),
        ..ConfiguredClient::default()
    };
    let service = ConfiguredClient {
        client_secret: Some(SERVICE.1.into()),
        grant_types: vec![GrantType::ClientCredentials],
        introspects: vec![resource.clone()],
        ..client(SERVICE.0)
    };
    let web = ConfiguredClient { redirect_uris: vec![RedirectUri::parse(WEB.1)?], ..client(WEB.0) };
    let config = AuthConfig {
        access_token_ttl: std::time::Duration::from_secs(3600),
        dpop: Dpop::Offered,
        clients: vec![service, web],
        own_access: [(SERVICE.0.to_owned(), ScopeSet::parse(SCOPE)?)].into(),
        max_clients: 200_000,
        ..AuthConfig::default()
    };
    let authorization = AuthorizationServer::builder(origin, Arc::new(store))
        .resource(&resource)
        .scope(SCOPE, "Take part in the benchmark")
        .default_scopes([SCOPE])
        .config(config)
        .build()
        .await?;
    let _exists_already = authorization.create_user(USER.0, USER.1).await?;
    let tokens = Tokens { access: authorization.access_tokens(), resource: Resource::parse(&resource)? };
    let guard = ResourceServer::new(&resource, tokens).authorization_server(origin).scopes_supported([SCOPE]);
    Ok((authorization, guard))
}

/// A log in `store` and metrics, and what observes requests for both.
pub fn observed(origin: &str, store: &Store) -> (Audit, Recorder) {
    let clock: barewire_audit::Clock = Arc::new(std::time::SystemTime::now);
    let audit = Audit::start(Arc::new(store.clone()), AuditConfig::default(), clock.clone());
    let metrics = Arc::new(Metrics::new(&MetricsConfig::default()));
    let peer = |head: &http::request::Parts| {
        head.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
    };
    let recorder = Recorder::new(format!("{origin}/mcp"))
        .audit(&audit, &[7; 32], clock)
        .metrics(metrics)
        .address(Arc::new(peer));
    (audit, recorder)
}

/// What answers at the address, as in the demo: the MCP server directly, and a router for the rest.
pub fn app(
    server: &McpServer,
    authorization: Option<&AuthorizationServer>,
    observed: bool,
) -> Mount<WithPeer<McpService>> {
    let rest = authorization.map_or_else(Router::new, AuthorizationServer::router);
    Mount::new("/mcp", WithPeer::only_if(observed, server.service()), rest)
}

/// As the demo has it.
struct Tokens {
    access: AccessTokens,
    resource: Resource,
}

impl TokenVerifier for Tokens {
    async fn verify(&self, token: &str, now: std::time::SystemTime) -> Result<Principal, BearerError> {
        self.access.verify(token, std::slice::from_ref(&self.resource), now).map(Principal::from)
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
