//! The demo: the blog and its authorization server, with people in both whose passwords everybody knows.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use barewire_audit::{AuditConfig, FunnelConfig, MetricsConfig};
use barewire_issuers::{ExternalConfig, Signing};
use barewire_mcp_server::Limits;
use barewire_oauth_server::AuthConfig;
use barewire_serve::ServeConfig;
use barewire_store::SealingKeys;
use url::Url;

use crate::blog::Clock;
use crate::server::{Server, StartError};
use crate::setup::{DataServer, ServerConfig, Setup};

/// What an operator can set about the demo; see [`Setup`].
#[derive(Clone)]
#[expect(missing_docs, reason = "each is the field of `Setup` with its name")]
pub struct DemoConfig {
    pub listen: String,
    pub public_url: Option<Url>,
    pub data_dir: PathBuf,
    pub sealing_keys: Option<SealingKeys>,
    pub auth: AuthConfig,
    pub external: ExternalConfig,
    pub external_signing: Option<Signing>,
    pub mcp: Limits,
    pub serve: ServeConfig,
    pub audit: AuditConfig,
    pub funnel: FunnelConfig,
    pub metrics: MetricsConfig,
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
            external: ExternalConfig::default(),
            external_signing: None,
            mcp: Limits::default(),
            serve: ServeConfig::default(),
            audit: AuditConfig::default(),
            funnel: FunnelConfig::default(),
            metrics: MetricsConfig::default(),
            clock: Arc::new(SystemTime::now),
        }
    }
}

impl From<DemoConfig> for Setup {
    fn from(demo: DemoConfig) -> Self {
        Self {
            server: ServerConfig {
                listen: demo.listen,
                public_url: demo.public_url,
                data_dir: demo.data_dir,
                name: "Barewire demo blog".to_owned(),
                mcp: DataServer::Blog,
                authorization_server: true,
            },
            sample: true,
            sealing_keys: demo.sealing_keys,
            auth: demo.auth,
            external: demo.external,
            external_signing: demo.external_signing,
            mcp: demo.mcp,
            serve: demo.serve,
            audit: demo.audit,
            funnel: demo.funnel,
            metrics: demo.metrics,
            clock: demo.clock,
        }
    }
}

/// Runs the demo until `shutdown` is ready, and drains it then.
///
/// # Errors
/// [`StartError`] where it cannot start; nothing stops it later.
pub async fn run(config: DemoConfig, shutdown: impl Future<Output = ()> + Send) -> Result<(), StartError> {
    Demo::bind(config).await?.serve(shutdown).await;
    Ok(())
}

/// The demo, listening but not answering yet.
pub struct Demo(Server);

impl Demo {
    /// Opens the files and takes the address.
    ///
    /// # Errors
    /// [`StartError`], see its variants.
    pub async fn bind(config: DemoConfig) -> Result<Self, StartError> {
        Server::bind(config.into()).await.map(Self)
    }

    /// Its origin, for example `http://localhost:8000`.
    pub fn origin(&self) -> &str {
        self.0.origin()
    }

    /// Where its metrics are, if they are anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.0.metrics_address()
    }

    /// Answers until `shutdown` is ready; then refuses what is new, and lets what is in flight end within the grace.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) {
        self.0.serve(shutdown).await;
    }
}
