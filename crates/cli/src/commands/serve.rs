//! `barewire serve`: an authorization server, an MCP server, or both, as the settings say; for production.

use std::path::Path;
use std::sync::Arc;

use barewire_demo::{DataServer, Server, ServerConfig, Setup, SetupError, StartError};
use barewire_issuers::{ExternalConfig, Signing};
use barewire_mcp_client::{Keys, client_key};
use barewire_oauth::secret::PrivateKey;
use barewire_oauth_server::BuildError;

use crate::arguments::{Common, Serve};
use crate::commands::host::bind_failure;
use crate::config::Settings;
use crate::descriptors;
use crate::outcome::{Failure, Kind};
use crate::sealing;
use crate::terminal::{note, safe, shell_word, stop_signal};

pub(crate) async fn run(arguments: Serve, common: &Common) -> Result<(), Failure> {
    let settings = Settings::load(common)?;
    // Before anything is made for it.
    if let Some(mistake) = settings.auth.mistake().filter(|_| settings.server.authorization_server) {
        return Err(Failure::usage(mistake));
    }
    descriptors::take_all();
    let server = ServerConfig {
        listen: arguments.listen.unwrap_or(settings.server.listen),
        public_url: arguments.public_url.or(settings.server.public_url),
        data_dir: arguments.data_dir.unwrap_or(settings.server.data_dir),
        ..settings.server
    };
    let logs_in_here = settings.auth.local_logins;
    let issuers: Vec<_> = settings.external.issuers().map(str::to_owned).collect();
    let resources: Vec<_> = settings.auth.resources.iter().map(|resource| resource.url.clone()).collect();
    let running = Server::bind(Setup {
        server: server.clone(),
        sealing_keys: sealing::keys(&settings.store)?,
        external_signing: signing(&settings.external)?,
        external: settings.external,
        auth: settings.auth,
        mcp: settings.mcp,
        serve: settings.serve,
        audit: settings.audit,
        funnel: settings.funnel,
        metrics: settings.metrics,
        ..Setup::default()
    })
    .await
    .map_err(|error| start_failure(error, &server, common))?;

    let origin = running.origin();
    if server.mcp == DataServer::Blog {
        note(&format!("MCP server     {origin}/mcp"));
    }
    if server.authorization_server {
        note(&format!("Authorization  {origin}"));
    }
    resources.iter().for_each(|url| note(&safe(&format!("  for          {url}"))));
    issuers.iter().for_each(|issuer| note(&safe(&format!("Tokens of      {issuer}"))));
    if let Some(address) = running.metrics_address() {
        note(&format!("Metrics        http://{address}/metrics"));
    }
    let people = running.has_people().await.map_err(Failure::internal)?;
    if logs_in_here && people == Some(false) {
        let add = command("user add admin --admin", &server.data_dir, common);
        note(&format!("Nobody can log in yet. Add an administrator, while this runs: {add}"));
    }
    note("Ctrl-C ends it.");
    running.serve(stop_signal().cancelled_owned()).await;
    Ok(())
}

/// Why it does not start, and what to set.
fn start_failure(error: StartError, server: &ServerConfig, common: &Common) -> Failure {
    match error {
        StartError::Setup(error @ SetupError::NoPublicUrl(_)) => {
            let next = "set server.public_url, or name it with --public-url https://…";
            Failure::usage(error).with_next(Some(next.to_owned()))
        }
        StartError::Setup(error) => Failure::usage(error),
        error @ StartError::Authorization(
            BuildError::Store(_) | BuildError::Keys(_) | BuildError::Http(_),
        ) => Failure::internal(error),
        error @ (StartError::Authorization(_) | StartError::External(_)) => Failure::new(Kind::Usage, error),
        StartError::KnownPassword(name) => {
            let other = command(&format!("user password {name}"), &server.data_dir, common);
            let next =
                format!("take another folder (server.data_dir), or give {name} another password: {other}");
            Failure::new(Kind::Usage, StartError::KnownPassword(name)).with_next(Some(next))
        }
        error => usual_failure(error, "server.listen"),
    }
}

/// The same for what `demo` and `serve` have in common; `listen` names what sets the address.
pub(crate) fn usual_failure(error: StartError, listen: &str) -> Failure {
    match error {
        StartError::Sealed(error) => sealing::failure(error),
        StartError::Listen(error) => bind_failure(error, listen),
        StartError::ListenMetrics(error) => bind_failure(error, "--set metrics.listen=…"),
        error => Failure::internal(error),
    }
}

/// A command at the same store, as it has to be typed.
fn command(words: &str, data_dir: &Path, common: &Common) -> String {
    let mut command = format!("barewire {words} --data-dir {}", shell_word(&data_dir.to_string_lossy()));
    if let Some(file) = &common.config {
        command.push_str(&format!(" --config {}", shell_word(&file.to_string_lossy())));
    }
    // No others: some are secrets, and none of those is of any use there.
    for setting in common.settings.iter().filter(|setting| setting.starts_with("store.")) {
        command.push_str(&format!(" --set {}", shell_word(setting)));
    }
    safe(&command)
}

/// The key with which an issuer is asked about its tokens, out of the file that the settings name.
pub(crate) fn signing(external: &ExternalConfig) -> Result<Option<Signing>, Failure> {
    let Some(asked) = &external.introspection else { return Ok(None) };
    let Some(path) = &asked.private_key else { return Ok(None) };
    let unusable = |error: &dyn std::fmt::Display| {
        let (setting, path) = ("external.introspection.private_key", path.display());
        Failure::usage(format_args!("{setting}: the key {path} cannot be used: {error}"))
    };
    let text = std::fs::read_to_string(path).map_err(|error| unusable(&error))?;
    let key = client_key(&PrivateKey::new(text), asked.algorithm, asked.key_id.clone());
    let key = key.map_err(|error| unusable(&error))?;
    Ok(Some(Signing { key, signer: Arc::new(Keys) }))
}
