//! Authorization server, data server and MCP server on one listener: whichever of them a [`Setup`] names.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use barewire_issuers::ExternalError;
use barewire_mcp_server::{McpServer, Publisher};
use barewire_oauth_server::Taken;
use barewire_oauth_server::store::StoreError;
use barewire_serve::{BindError, Listeners, Mount, ServeConfig, WithPeer};
use barewire_store::Store;
use tokio_util::sync::CancellationToken;

use crate::around::{around, front_page};
use crate::authorization::Authorization;
use crate::blog::Blog;
use crate::endpoint::{Endpoint, MCP};
use crate::mcp;
use crate::observed::Observed;
use crate::setup::{Setup, SetupError};

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What was asked for does not go together.
    #[error(transparent)]
    Setup(#[from] SetupError),
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
    /// The blog's file.
    #[error("the blog cannot be opened")]
    Blog(#[from] crate::blog::BlogError),
    /// A file.
    #[error(transparent)]
    Store(#[from] barewire_store::OpenError),
    /// Its key.
    #[error(transparent)]
    Sealed(#[from] barewire_store::UnlockError),
    /// Its contents.
    #[error("the server's state cannot be used")]
    State(#[from] StoreError),
    /// Its secret for the MCP server.
    #[error("the MCP server's sealing key is damaged")]
    Key(#[from] barewire_mcp_server::SecretTooShort),
    /// The URL does not do as an identifier.
    #[error("the public URL cannot be a resource identifier")]
    Resource(#[from] barewire_oauth::resource::ResourceError),
    /// The authorization server's settings.
    #[error("the authorization server cannot start")]
    Authorization(#[from] barewire_oauth_server::BuildError),
    /// Other people's authorization servers.
    #[error("the issuers in [external] cannot be used")]
    External(#[from] ExternalError),
    /// The people that the demo begins with.
    #[error("the demo's people cannot be created")]
    People(#[from] barewire_oauth_server::CreateUserError),
    /// The demo would let everybody into somebody's server.
    #[error(
        "the people in this folder are not the demo's, and it would add some whose passwords everybody knows"
    )]
    NotTheDemos,
    /// The demo was here.
    #[error("everybody knows the password of {0}, who is from the demo")]
    KnownPassword(&'static str),
    /// The MCP server's settings.
    #[error("the MCP server cannot start")]
    Mcp(#[from] barewire_mcp_server::BuildError),
}

/// A server, listening but not answering yet.
pub struct Server {
    listeners: Listeners,
    origin: String,
    app: Router,
    parts: Parts,
    observed: Observed,
    limits: ServeConfig,
}

/// What it consists of.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) authorization: Option<Authorization>,
    pub(crate) blog: Option<Blog>,
    pub(crate) mcp: Option<McpServer>,
    /// What is kept in files beside the blog.
    pub(crate) stores: Vec<Store>,
    pub(crate) stopping: CancellationToken,
}

impl Server {
    /// Opens the files and takes the address.
    ///
    /// # Errors
    /// [`StartError`], see its variants.
    pub async fn bind(setup: Setup) -> Result<Self, StartError> {
        setup.check()?;
        let listeners = barewire_serve::bind(&setup.server.listen).await?;
        let origin = setup.origin(&listeners)?;
        let (mut app, mut stores) = (Router::new(), Vec::new());

        // Who sees what happens.
        let observed = Observed::open(&setup).await?;

        // Who may come in, and who says so.
        let authorization = match setup.server.authorization_server {
            true => Some(Authorization::open(&setup, &origin, &observed).await?),
            false => None,
        };
        if let Some(Authorization { server, store }) = &authorization {
            app = app.merge(server.router());
            stores.push(store.clone());
        }

        // The business, as it was before anybody spoke of MCP; and as MCP.
        let (mut blog, mut mcp) = (None, None);
        if setup.has_blog() {
            if stores.is_empty() {
                let store = Store::open_with(setup.file("mcp.sqlite"), setup.sealing_keys.clone()).await?;
                store.unlock().await?;
                stores.push(store);
            }
            let (path, clock) = (setup.file("blog.sqlite"), setup.clock.clone());
            let data = match setup.sample {
                true => Blog::open(&path, clock).await?,
                false => Blog::open_to_everybody(&path, clock).await?,
            };
            let own = authorization.as_ref().map(|it| &it.server);
            let endpoint = Endpoint::open(&setup, &origin, &data, own, &stores[0], &observed).await?;
            app = app.merge(endpoint.routes);
            (blog, mcp) = (Some(data), Some(endpoint.mcp));
        }

        let parts = Parts { authorization, blog, mcp, stores, stopping: CancellationToken::new() };
        let app = app.merge(around(front_page(&setup, &origin), parts.clone()));
        Ok(Self { listeners, origin, app, parts, observed, limits: setup.serve })
    }

    /// Its origin, for example `http://localhost:8000`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Where its metrics are, if they are anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.observed.metrics_address()
    }

    /// Whether there is anybody who could log in; `None` where there is nothing to log in to.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn has_people(&self) -> Result<Option<bool>, StartError> {
        match &self.parts.authorization {
            Some(authorization) => authorization.has_people().await.map(Some),
            None => Ok(None),
        }
    }

    /// Answers until `shutdown` is ready; then refuses what is new, and lets what is in flight end within the grace.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) {
        let Self { listeners, app, parts, observed, limits, .. } = self;
        let stopped = async {
            shutdown.await;
            parts.stopping.cancel();
            if let Some(mcp) = &parts.mcp {
                let _calls = mcp.drain();
            }
        };
        match (&parts.mcp, &parts.blog) {
            (Some(mcp), Some(blog)) => {
                let publishing = tokio::spawn(mcp::publish_changes(blog.clone(), mcp.publish()));
                let taken = parts.authorization.as_ref().map(|it| it.server.access_tokens().taken());
                let ending = taken.map(|taken| tokio::spawn(end_streams(taken, mcp.publish())));
                // Models ask more often than people, so their requests do not pass the router.
                let service = WithPeer::only_if(observed.wants_peers(), mcp.service());
                let app = Mount::new(MCP, service, app);
                let served = barewire_serve::serve(listeners, app, limits.clone(), stopped);
                observed.while_serving(limits, served).await;
                publishing.abort();
                if let Some(ending) = ending {
                    ending.abort();
                }
            }
            _ => {
                let served = barewire_serve::serve(listeners, WithPeer::new(app), limits.clone(), stopped);
                observed.while_serving(limits, served).await;
            }
        }
        for store in &parts.stores {
            store.close().await;
        }
    }
}

/// However much is taken away at once, all streams ask twice a second at most.
const BETWEEN_DOUBTS: Duration = Duration::from_millis(500);

/// Has streams end whose readers have lost access, which a silent one would not notice.
async fn end_streams(mut taken: Taken, publish: Publisher) {
    while taken.again().await {
        publish.access_changed();
        tokio::time::sleep(BETWEEN_DOUBTS).await;
    }
}
