//! Data server, authorization server and MCP server on one listener.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use barewire_audit::{AuditConfig, FunnelConfig, MetricsConfig};
use barewire_mcp_server::{KeyRing, Limits, McpServer, Principal, ResourceServer, Secret, TokenVerifier};
use barewire_oauth::bearer::{BearerError, ChallengeContext, Standing};
use barewire_oauth::claims::seconds;
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::store::{self, Keys as _};
use barewire_oauth_server::{AccessTokens, AuthConfig, AuthorizationServer, Dpop, Issued};
use barewire_serve::{BindError, Listeners, Mount, ServeConfig, WithPeer};
use barewire_store::{SealingKeys, Store};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::around::around;
use crate::blog::{Blog, Clock, READ, WRITE};
use crate::observed::Observed;
use crate::rest::{self, Door};
use crate::{mcp, seed};

/// Where clients of 2024-11-05 find their streams, and where these send them with their messages.
const SSE: &str = "/sse";
const MESSAGES: &str = "/messages";

/// What an operator can set about the demo.
#[derive(Clone)]
pub struct DemoConfig {
    /// `host:port`; port 0 takes a free one.
    pub listen: String,
    /// The origin by which others know the server. Needed where others can reach it; no request can change it.
    pub public_url: Option<Url>,
    /// Where its files are: `blog.sqlite`, `auth.sqlite` and `audit.sqlite`.
    pub data_dir: PathBuf,
    /// What seals the secrets in them, where it is not a key file beside each.
    pub sealing_keys: Option<SealingKeys>,
    /// Lifetimes and limits of the authorization server.
    pub auth: AuthConfig,
    /// Limits of the MCP server.
    pub mcp: Limits,
    /// Limits of connections.
    pub serve: ServeConfig,
    /// The audit log.
    pub audit: AuditConfig,
    /// The connection funnel, which is kept in the log's file.
    pub funnel: FunnelConfig,
    /// Metrics for Prometheus.
    pub metrics: MetricsConfig,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Default for DemoConfig {
    fn default() -> Self {
        Self {
            listen: "localhost:8000".to_owned(),
            public_url: None,
            data_dir: PathBuf::from("barewire-data"),
            sealing_keys: None,
            auth: AuthConfig::default(),
            mcp: Limits::default(),
            serve: ServeConfig::default(),
            audit: AuditConfig::default(),
            funnel: FunnelConfig::default(),
            metrics: MetricsConfig::default(),
            clock: Arc::new(SystemTime::now),
        }
    }
}

/// Why the demo cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The address.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// The metrics' address.
    #[error("metrics.listen cannot be used")]
    ListenMetrics(#[source] BindError),
    /// What is in the connection funnel.
    #[error("the connection funnel cannot be read")]
    Funnel(#[from] barewire_audit::StoreError),
    /// The audit log's secret.
    #[error("the audit log's key is damaged")]
    AuditKey,
    /// The world can reach it, but nobody said by which name.
    #[error(
        "{0} can be reached from other machines; the demo needs a public URL for that, or a loopback address to listen on"
    )]
    NoPublicUrl(SocketAddr),
    /// The blog's file.
    #[error("the blog cannot be opened")]
    Blog(#[from] crate::blog::BlogError),
    /// The authorization server's file.
    #[error(transparent)]
    Store(#[from] barewire_store::OpenError),
    /// Its key.
    #[error(transparent)]
    Sealed(#[from] barewire_store::UnlockError),
    /// Its contents.
    #[error("the authorization server's state cannot be used")]
    State(#[from] store::StoreError),
    /// Its secret for the MCP server.
    #[error("the MCP server's sealing key is damaged")]
    Key(#[from] barewire_mcp_server::SecretTooShort),
    /// The URL does not do as an identifier.
    #[error("the public URL cannot be a resource identifier")]
    Resource(#[from] barewire_oauth::resource::ResourceError),
    /// The authorization server's settings.
    #[error("the authorization server cannot start")]
    Authorization(#[from] barewire_oauth_server::BuildError),
    /// The two users.
    #[error("the demo's users cannot be created")]
    Users(#[from] barewire_oauth_server::CreateUserError),
    /// The MCP server's settings.
    #[error("the MCP server cannot start")]
    Mcp(#[from] barewire_mcp_server::BuildError),
}

/// Runs the demo until `shutdown` is ready, and drains it then.
///
/// # Errors
/// [`DemoError`] where it cannot start; nothing stops it later.
pub async fn run(config: DemoConfig, shutdown: impl Future<Output = ()> + Send) -> Result<(), DemoError> {
    Demo::bind(config).await?.serve(shutdown).await;
    Ok(())
}

/// The demo, listening but not answering yet.
pub struct Demo {
    listeners: Listeners,
    origin: String,
    app: Router,
    parts: Parts,
    observed: Observed,
    limits: ServeConfig,
}

#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) blog: Blog,
    pub(crate) store: Store,
    mcp: McpServer,
    pub(crate) stopping: CancellationToken,
}

impl Demo {
    /// Opens the files and takes the address.
    ///
    /// # Errors
    /// [`DemoError`], see its variants.
    pub async fn bind(config: DemoConfig) -> Result<Self, DemoError> {
        let listeners = barewire_serve::bind(&config.listen).await?;
        let origin = match &config.public_url {
            Some(url) => url.origin().ascii_serialization(),
            None => {
                let reachable = || DemoError::NoPublicUrl(listeners.addresses()[0]);
                listeners.loopback_origin().ok_or_else(reachable)?
            }
        };
        let resource = format!("{origin}/mcp");
        // The same server, as clients know it that know nothing newer than 2024-11-05.
        let sse_resource = format!("{origin}{SSE}");

        // The business, as it was before anybody spoke of MCP.
        let sealing_keys = config.sealing_keys;
        let store = Store::open_with(config.data_dir.join("auth.sqlite"), sealing_keys.clone()).await?;
        store.unlock().await?;
        let blog = Blog::open(&config.data_dir.join("blog.sqlite"), config.clock.clone()).await?;

        // Who sees what happens.
        let address_header = config.auth.client_address_header.clone();
        let observed = Observed::open(
            &config.data_dir,
            sealing_keys,
            &config.audit,
            &config.funnel,
            &config.metrics,
            address_header,
            &config.clock,
        )
        .await?;

        // Who may come in, and who says so.
        let bound_only = config.auth.dpop == Dpop::Required;
        let mut authorization = AuthorizationServer::builder(&origin, Arc::new(store.clone()))
            .display_name("Barewire demo blog")
            .resource(&resource)
            .resource(&sse_resource)
            .scope(READ, "Read posts and your drafts")
            .scope(WRITE, "Write, change and delete your posts")
            .default_scopes([READ])
            .config(config.auth)
            .witness(observed.events())
            .clock(config.clock.clone());
        if let Some(attempts) = observed.attempts() {
            authorization = authorization.connection_attempts(attempts);
        }
        let authorization = authorization.build().await?;
        for user in seed::USERS {
            let _exists_already = authorization.create_user(user.username, user.password).await?;
        }
        // Everybody knows this password, so it opens nothing where others can reach it.
        if config.public_url.is_none() {
            let seed::SeedUser { username, password, .. } = seed::ADMINISTRATOR;
            let _exists_already = authorization.create_administrator(username, password).await?;
        }
        let resources = [Resource::parse(&resource)?, Resource::parse(&sse_resource)?];
        let tokens = Tokens { access: authorization.access_tokens(), resources };

        // The two translations of the business, behind the same tokens.
        let mut auth = ResourceServer::new(&resource, tokens)
            .authorization_server(&origin)
            .scopes_supported([READ])
            .name("Barewire demo blog");
        if bound_only {
            auth = auth.require_dpop();
        }

        // Sessions and pending questions are sealed, so with a key that is kept they outlive a restart.
        let key = store.secret("mcp.seal", &store::Secret::new(rand::random::<[u8; 32]>().to_vec())).await?;
        let mut mcp = mcp::server(&blog);
        if let Some(recorder) = observed.recorder(&resource) {
            mcp = mcp.observer(recorder);
        }
        let mcp = mcp
            .auth(auth)
            .sse_transport(SSE, MESSAGES)
            .limits(config.mcp)
            .keys(KeyRing::new(&Secret::new(key.expose())?, &[]))
            .clock(config.clock.clone())
            .build()?;
        let door = Door {
            tokens: mcp.verified_tokens().expect("`auth` was called a few lines above"),
            origin: origin.clone(),
            clock: config.clock,
            challenge: ChallengeContext {
                resource_metadata: Some(format!("{origin}/.well-known/oauth-protected-resource/mcp")),
                scope: Some(ScopeSet::from_tokens([READ])),
                binding_required: bound_only,
            },
        };
        let parts = Parts { blog: blog.clone(), store, mcp, stopping: CancellationToken::new() };
        let (streams, messages) = parts.mcp.sse_services().expect("`sse_transport` was called above");
        let mut app = Router::new()
            .merge(rest::router(blog, Arc::new(door)))
            .merge(authorization.router())
            .route_service(SSE, streams)
            .route_service(MESSAGES, messages)
            .merge(around(parts.clone()));
        if let Some(metadata) = parts.mcp.resource_metadata() {
            for path in metadata.paths() {
                app = app.route_service(path, metadata.clone());
            }
        }
        Ok(Self { listeners, origin, app, parts, observed, limits: config.serve })
    }

    /// Its origin, for example `http://localhost:8000`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Where its metrics are, if they are anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.observed.metrics_address()
    }

    /// Answers until `shutdown` is ready; then refuses what is new, and lets what is in flight end within the grace.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) {
        let Self { listeners, app, parts, observed, limits, .. } = self;
        let publishing = tokio::spawn(mcp::publish_changes(parts.blog.clone(), parts.mcp.publish()));
        let stopped = async {
            shutdown.await;
            parts.stopping.cancel();
            let _calls = parts.mcp.drain();
        };
        // Models ask more often than people, so their requests do not pass the router.
        let mcp = WithPeer::only_if(observed.wants_peers(), parts.mcp.service());
        let app = Mount::new("/mcp", mcp, app);
        let served = barewire_serve::serve(listeners, app, limits.clone(), stopped);
        observed.while_serving(limits, served).await;
        publishing.abort();
        parts.store.close().await;
    }
}

/// The ten lines between an authorization server and a resource server.
#[derive(Clone)]
struct Tokens {
    access: AccessTokens,
    /// The names of this one server.
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
