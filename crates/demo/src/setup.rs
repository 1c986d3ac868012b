//! What a server is put together from, and what cannot go together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use barewire_audit::{AuditConfig, FunnelConfig, MetricsConfig};
use barewire_issuers::{ExternalConfig, Signing};
use barewire_mcp_server::Limits;
use barewire_oauth_server::AuthConfig;
use barewire_serve::{Listeners, ServeConfig};
use barewire_store::SealingKeys;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::blog::Clock;

/// The section `server`: what `barewire serve` puts together, and where.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Where to listen, `host:port`. `localhost` means both loopback addresses; port 0 takes a free one.
    pub listen: String,
    /// The one origin at which others know the server, e.g. `https://mcp.example.com`. Issuer, resource identifiers, cookies
    /// and the check of `Host` and `Origin` come from it, and nothing of them from a request. Without it:
    /// `http://localhost:{port}`, and only on a loopback address.
    #[schemars(example = &"https://mcp.example.com")]
    pub public_url: Option<Url>,
    /// The folder of its databases.
    pub data_dir: PathBuf,
    /// What pages and metadata call it.
    pub name: String,
    /// Which data server is put on MCP.
    pub mcp: DataServer,
    /// Whether there is an authorization server. Without one, `/mcp` takes the tokens of those in `[external]` only.
    pub authorization_server: bool,
}

/// What is put on MCP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataServer {
    /// Nothing: the authorization server alone.
    #[default]
    None,
    /// The blog of the demo, without its people and posts.
    Blog,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "localhost:8000".to_owned(),
            public_url: None,
            data_dir: PathBuf::from("barewire-data"),
            name: "Barewire".to_owned(),
            mcp: DataServer::None,
            authorization_server: true,
        }
    }
}

/// What a server consists of, and its settings.
#[derive(Clone)]
pub struct Setup {
    /// What is there, and where.
    pub server: ServerConfig,
    /// What seals the secrets in the databases, where it is not a key file beside each.
    pub sealing_keys: Option<SealingKeys>,
    /// Whether there are people and posts in it from the start, as in the demo; their passwords are known to everybody.
    pub sample: bool,
    /// Lifetimes and limits of the authorization server, and for whom else it issues tokens.
    pub auth: AuthConfig,
    /// Other people's authorization servers whose tokens open `/mcp`.
    pub external: ExternalConfig,
    /// The key with which one of those is asked, where the settings name one.
    pub external_signing: Option<Signing>,
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

impl Default for Setup {
    fn default() -> Self {
        Self {
            server: ServerConfig::default(),
            sealing_keys: None,
            sample: false,
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

/// Settings that do not go together, or that nothing here would read. Each says what to set instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Neither.
    #[error(
        "there is nothing to serve: set server.authorization_server = true, or server.mcp = \"blog\" with an issuer in [external]"
    )]
    Nothing,
    /// An authorization server alone that issues tokens for nobody.
    #[error(
        "the authorization server has nobody to issue tokens for: name MCP servers in [[auth.resources]], or set server.mcp = \"blog\""
    )]
    NoResources,
    /// An MCP server alone that takes nobody's tokens.
    #[error(
        "nobody's tokens would open the MCP server: name an issuer in [external], or set server.authorization_server = true"
    )]
    NoIssuers,
    /// Issuers of tokens for nothing.
    #[error(
        "[external] names issuers of tokens, and there is no MCP server here to take them: set server.mcp = \"blog\", or remove [external]"
    )]
    ExternalUnused,
    /// This server would trust itself twice.
    #[error(
        "[external] names {0}, which is this server itself: its tokens are taken already; remove it there"
    )]
    ExternalIsOwn(String),
    /// Resources of an authorization server that is not there.
    #[error(
        "[[auth.resources]] names MCP servers, and there is no authorization server here to issue tokens for them: set server.authorization_server = true, or remove them"
    )]
    ResourcesUnused,
    /// The public URL.
    #[error("server.public_url {reason}: {url}")]
    PublicUrl {
        /// As it was given.
        url: Url,
        /// Why it cannot be one.
        reason: &'static str,
    },
    /// The world can reach it, but nobody said by which name.
    #[error(
        "{0} can be reached from other machines; the server needs a public URL for that, or a loopback address to listen on"
    )]
    NoPublicUrl(std::net::SocketAddr),
}

impl Setup {
    /// The demo: the blog and its authorization server, with people in both whose passwords everybody knows.
    pub fn demo(listen: impl Into<String>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            server: ServerConfig {
                listen: listen.into(),
                data_dir: data_dir.into(),
                name: "Barewire demo blog".to_owned(),
                mcp: DataServer::Blog,
                ..ServerConfig::default()
            },
            sample: true,
            ..Self::default()
        }
    }

    pub(crate) fn has_blog(&self) -> bool {
        self.server.mcp == DataServer::Blog
    }

    /// A file in the data folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.server.data_dir.join(name)
    }

    /// Whether what there is makes sense together. Nothing that was set is ignored in silence.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        let (resources, external) = (!self.auth.resources.is_empty(), self.external.is_used());
        match (self.server.authorization_server, self.has_blog()) {
            (false, false) => return Err(SetupError::Nothing),
            (true, false) if external => return Err(SetupError::ExternalUnused),
            (true, false) if !resources => return Err(SetupError::NoResources),
            (false, true) if resources => return Err(SetupError::ResourcesUnused),
            (false, true) if !external => return Err(SetupError::NoIssuers),
            _ => {}
        }
        match self.server.public_url.as_ref().and_then(|url| Some((url, unfit(url)?))) {
            Some((url, reason)) => Err(SetupError::PublicUrl { url: url.clone(), reason }),
            None => Ok(()),
        }
    }

    /// The one name by which the world knows this server.
    pub(crate) fn origin(&self, listeners: &Listeners) -> Result<String, SetupError> {
        let origin = match &self.server.public_url {
            Some(url) => url.origin().ascii_serialization(),
            None => {
                let reachable = || SetupError::NoPublicUrl(listeners.addresses()[0]);
                listeners.loopback_origin().ok_or_else(reachable)?
            }
        };
        match self.external.issuers().find(|issuer| self.server.authorization_server && *issuer == origin) {
            Some(own) => Err(SetupError::ExternalIsOwn(own.to_owned())),
            None => Ok(origin),
        }
    }
}

/// Why a URL cannot be the public one, if it cannot.
fn unfit(url: &Url) -> Option<&'static str> {
    let bare = url.username().is_empty() && url.query().is_none() && url.fragment().is_none();
    if url.path() != "/" || !bare {
        Some("is an origin, without a path")
    } else if url.scheme() != "https" && !is_loopback(url) {
        Some("has to be https (http only on this machine)")
    } else {
        None
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
