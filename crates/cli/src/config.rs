//! Settings: defaults, then the file, then the environment, then `--set`; a later one wins.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::Source;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Value;
use serde::Deserialize;

use crate::arguments::Common;
use crate::outcome::Failure;

/// Everything that can be set, by section. A name that does not exist is an error, never ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// What `serve` puts together, and where.
    pub(crate) server: barewire_demo::ServerConfig,
    /// Listening and connections: times and limits, for `serve`, `demo` and `host`.
    pub(crate) serve: barewire_serve::ServeConfig,
    /// Databases: what seals the secrets in them.
    pub(crate) store: barewire_store::StoreConfig,
    /// The authorization server: lifetimes and limits.
    pub(crate) auth: barewire_oauth_server::AuthConfig,
    /// Other people's authorization servers: whose tokens open the MCP server.
    pub(crate) external: barewire_issuers::ExternalConfig,
    /// The MCP server: limits and times.
    pub(crate) mcp: barewire_mcp_server::Limits,
    /// The audit log.
    pub(crate) audit: barewire_audit::AuditConfig,
    /// The connection funnel.
    pub(crate) funnel: barewire_audit::FunnelConfig,
    /// Metrics for Prometheus.
    pub(crate) metrics: barewire_audit::MetricsConfig,
    /// The host: its origin, limits and times.
    pub(crate) host: barewire_host::HostConfig,
    /// What an examination may cost.
    pub(crate) doctor: barewire_doctor::DoctorConfig,
    /// What a replay may cost.
    pub(crate) replay: barewire_replay::ReplayConfig,
}

impl Settings {
    /// The folder that was named, or else that of the server which has these settings.
    pub(crate) fn data_dir(&self, named: Option<&PathBuf>) -> PathBuf {
        named.unwrap_or(&self.server.data_dir).clone()
    }

    /// Refuses settings that are given to a command which has no use for any: a name that is written wrong is told everywhere.
    pub(crate) fn check(common: &Common) -> Result<(), Failure> {
        if common.settings.is_empty() && common.config.is_none() {
            return Ok(());
        }
        Settings::load(common).map(drop)
    }

    /// Reads all four sources.
    pub(crate) fn load(common: &Common) -> Result<Settings, Failure> {
        let mut figment = Figment::new();
        if let Some(file) = &common.config {
            figment = figment.merge(toml_file(file)?);
        }
        figment = figment.merge(environment());
        for setting in &common.settings {
            let (path, value) =
                setting.split_once('=').filter(|(path, _)| path.contains('.')).ok_or_else(|| {
                    Failure::usage(format_args!("--set takes SECTION.NAME=VALUE, not `{setting}`"))
                })?;
            // Parsed as the file would be: 8 is a number, true a truth value, 8s a text.
            let value: Value = value.parse().unwrap_or_else(|never| match never {});
            figment = figment.merge(Serialized::default(path, value));
        }
        figment.extract().map_err(|error| Failure::usage(explain(&error)))
    }
}

fn toml_file(file: &Path) -> Result<figment::providers::Data<Toml>, Failure> {
    if file.is_file() {
        Ok(Toml::file_exact(file))
    } else {
        Err(Failure::usage(format_args!("there is no settings file {}", file.display())))
    }
}

/// `BAREWIRE_AUTH__ACCESS_TOKEN_TTL=8s` sets `auth.access_token_ttl`. Two underscores part section and name, so
/// that variables such as `BAREWIRE_CONFIG` are not taken for settings.
fn environment() -> Env {
    Env::prefixed("BAREWIRE_").filter(|name| name.as_str().contains("__")).split("__")
}

/// One line that names the setting, what is wrong with it, and where it came from.
fn explain(error: &figment::Error) -> String {
    let mut lines = Vec::new();
    for error in error.clone() {
        let source = error.metadata.as_ref().map_or_else(String::new, |metadata| {
            // Figment names a single value after its Rust type; the only ones here are from the command line.
            let name = if metadata.name.contains("::") { "--set" } else { metadata.name.as_ref() };
            match &metadata.source {
                Some(Source::File(path)) => format!(" (from {})", path.display()),
                _ => format!(" (from {name})"),
            }
        });
        let path = error.path.join(".");
        let place = if path.is_empty() { "the settings".to_owned() } else { format!("setting `{path}`") };
        lines.push(format!("{place}: {}{source}", error.kind));
    }
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(settings: &[&str]) -> Result<Settings, String> {
        let common = Common {
            json: false,
            trace: false,
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            config: None,
            credentials: None,
        };
        Settings::load(&common).map_err(|failure| failure.to_string())
    }

    #[test]
    fn short_lifetimes_can_be_set() {
        let settings = load(&["auth.access_token_ttl=8s", "mcp.max_body_bytes=1000"]).unwrap();
        assert_eq!(settings.auth.access_token_ttl.as_secs(), 8);
        assert_eq!(settings.mcp.max_body_bytes, 1000);
    }

    #[test]
    fn the_documented_file_is_the_defaults() {
        let guide = include_str!("../../../docs/configuration.md");
        let block = guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let documented: Settings = Figment::new().merge(Toml::string(block)).extract().unwrap();
        assert_eq!(format!("{documented:#?}"), format!("{:#?}", Settings::default()));
        // A setting that is not in the guide would have its default in both.
        let Settings {
            server,
            store,
            auth,
            external,
            mcp,
            audit,
            funnel,
            metrics,
            host,
            serve,
            doctor,
            replay,
        } = Settings::default();
        for section in [
            format!("{server:#?}"),
            format!("{external:#?}"),
            format!("{store:#?}"),
            format!("{auth:#?}"),
            format!("{mcp:#?}"),
            format!("{audit:#?}"),
            format!("{funnel:#?}"),
            format!("{metrics:#?}"),
            format!("{:#?}", host.limits),
            format!("{serve:#?}"),
            format!("{doctor:#?}"),
            format!("{replay:#?}"),
        ] {
            for line in section.lines() {
                let name = line.trim().split(':').next().unwrap();
                if line.starts_with("    ") && line.contains(": ") && !line.starts_with("     ") {
                    let named = guide
                        .lines()
                        .any(|line| line.trim_start_matches("# ").starts_with(&format!("{name} = ")));
                    assert!(named, "docs/configuration.md does not name {name}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_exist_or_does_not_fit_is_refused_by_name() {
        for (setting, expected) in [
            ("auth.acess_token_ttl=8s", "acess_token_ttl"),
            ("auht.access_token_ttl=8s", "auht"),
            ("auth.access_token_ttl=soon", "auth.access_token_ttl"),
            ("mcp.max_body_bytes=many", "mcp.max_body_bytes"),
            ("access_token_ttl=8s", "SECTION.NAME=VALUE"),
            ("auth.access_token_ttl", "SECTION.NAME=VALUE"),
        ] {
            let error = load(&[setting]).expect_err(setting);
            assert!(error.contains(expected), "{setting}: {error}");
            assert!(!error.contains("::"), "{setting} speaks of Rust types: {error}");
        }
    }
}
