//! `bench-server --listen ADDR [--auth [--no-login]] [--origin URL] [--observe] [--tools N] [--page-size N]`: our server for the benchmark. Ends on SIGTERM by draining.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use barewire_bench::server;
use barewire_mcp_server::Limits;
use barewire_store::Store;
use barewire_testkit::{OAuthClient, TempDir};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

/// Our server for the benchmark: `/mcp` with the tools `echo`, `get_user`, `echo_with_progress` and `publish`.
#[derive(Parser)]
struct Arguments {
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8100")]
    listen: String,
    /// Ask for a bearer token on every request, and print one line `token: …` with one that is good for an hour.
    #[arg(long)]
    auth: bool,
    /// With `--auth`: do not log in, and print no token.
    #[arg(long)]
    no_login: bool,
    /// The public origin, where it is another than the address.
    #[arg(long)]
    origin: Option<String>,
    /// Record every request in an audit log, and count it for metrics, as `barewire demo` does.
    #[arg(long)]
    observe: bool,
    /// Folder for the SQLite files of the authorization server, which is opened even without `--auth`, and of the audit
    /// log; a temporary one unless given.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Further tools that only make the list longer.
    #[arg(long, default_value_t = 0)]
    tools: usize,
    /// Entries of one page of a list, in place of the default.
    #[arg(long)]
    page_size: Option<usize>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let _as_many_as_may_be = barewire_bench::raw::raise_open_files();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let listeners = barewire_serve::bind(&arguments.listen).await?;
    let origin = arguments.origin.unwrap_or_else(|| format!("http://{}", listeners.addresses()[0]));

    let temporary = TempDir::new();
    let data = match (&arguments.data, arguments.auth) {
        (Some(folder), _) => Some(folder.as_path()),
        (None, true) => Some(temporary.path()),
        (None, false) => None,
    };
    let store = match data {
        Some(folder) => Some(Store::open(folder.join("auth.sqlite")).await?),
        None => None,
    };
    let mut mcp = server::tools(arguments.tools);
    if let Some(page_size) = arguments.page_size {
        mcp = mcp.limits(Limits { page_size, ..server::limits() });
    }
    let mut authorization = None;
    if let (true, Some(store)) = (arguments.auth, &store) {
        let (issuer, guard) = server::authorization(&origin, store.clone()).await?;
        mcp = mcp.auth(guard);
        authorization = Some(issuer);
    }
    let mut audit = None;
    if arguments.observe {
        let folder = data.unwrap_or(temporary.path());
        let store = Store::open(folder.join("audit.sqlite")).await?;
        let (log, recorder) = server::observed(&origin, &store);
        mcp = mcp.observer(recorder);
        audit = Some((log, store));
    }
    let mcp = mcp.build()?;
    let app = server::app(&mcp, authorization.as_ref(), arguments.observe);
    if arguments.auth && !arguments.no_login {
        tokio::spawn(print_token(origin));
    }
    let stopped = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        let _calls = mcp.drain();
    };
    barewire_serve::serve(listeners, app, limits(), stopped).await;
    if let Some((log, store)) = audit {
        log.close().await;
        store.close().await;
    }
    if let Some(store) = store {
        store.close().await;
    }
    Ok(())
}

/// As it ships, but for the connections: the benchmark opens more than a server should let in unasked.
fn limits() -> barewire_serve::ServeConfig {
    let many = std::num::NonZeroUsize::new(20_000).expect("it is not zero");
    barewire_serve::ServeConfig { max_connections: many, ..Default::default() }
}

/// Logs in as a person would, and tells the token to whoever started the program.
async fn print_token(origin: String) -> Result<()> {
    let issuer = Url::parse(&origin)?;
    let client = OAuthClient::register(&issuer, "bench").await.context("the client cannot register")?;
    let resource = format!("{origin}/mcp");
    let tokens = client.log_in(&resource, server::USER, server::SCOPE).await.context("the login failed")?;
    writeln!(std::io::stdout(), "token: {}", tokens.access)?;
    Ok(())
}
