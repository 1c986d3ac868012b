//! From a URL on the command line to a connected client: credentials, login, trace, progress and questions.

mod access;
mod answers;
mod authorizer;
mod trace;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use barewire_mcp_client::{
    CallError, CallOptions, Client, ClientOptions, ConnectError, CredentialStore, GrantKey, Handler, Keys,
    Silent,
};
use barewire_oauth::dpop::Possession;
use barewire_oauth::secret::AccessToken;
use barewire_store::Store;
use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) use answers::{Answers, Terminal, typed};
pub(crate) use authorizer::LoopbackAuthorizer;
pub(crate) use trace::Trace;

use crate::arguments::{Access, Common};
use crate::outcome::{Failure, Kind};
use crate::terminal::{self, shell_word};

/// Everything a client command needs beside its own arguments.
pub(crate) struct Session {
    pub(crate) options: ClientOptions,
    url: Url,
}

impl Session {
    /// Prepares a session that logs in by itself where somebody sits at the terminal.
    pub(crate) async fn prepare(
        url: &Url,
        common: &Common,
        access: &Access,
        handler: Arc<dyn Handler>,
    ) -> Result<Session, Failure> {
        let mut session = Session::without_login(url, common, handler).await?;
        access.apply(&mut session.options)?;
        if terminal::is_interactive() && session.options.unattended.is_none() {
            session.log_in_with(LoopbackAuthorizer::listen(true).await?);
        }
        Ok(session)
    }

    /// Prepares a session that never opens a browser.
    pub(crate) async fn without_login(
        url: &Url,
        common: &Common,
        handler: Arc<dyn Handler>,
    ) -> Result<Session, Failure> {
        let mut options = ClientOptions::new("barewire", env!("CARGO_PKG_VERSION"));
        options.credentials = credentials(common).await?;
        options.handler = handler;
        options.login.client_name = "Barewire command line".to_owned();
        if common.trace {
            options.recorder = Arc::new(Trace::default());
        }
        Ok(Session { options, url: url.clone() })
    }

    /// Lets the session open the browser when the server wants a login.
    pub(crate) fn log_in_with(&mut self, authorizer: LoopbackAuthorizer) {
        authorizer.redirect_uri().clone_into(&mut self.options.login.redirect_uri);
        self.options.authorizer = Some(Arc::new(authorizer));
    }

    /// Revokes and forgets the grant; whether there was one. The server itself need not be reached.
    pub(crate) async fn log_out(&self) -> Result<bool, CallError> {
        barewire_mcp_client::log_out(self.url.as_str(), &self.options).await
    }

    /// Connects; Ctrl-C ends the attempt.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let connecting = Client::connect(self.url.as_str(), self.options.clone());
        interruptible(async { connecting.await.map_err(connect_failure) }).await
    }
}

/// Work that nobody has to be told of when Ctrl-C ends it.
pub(crate) async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = interrupted() => Err(Failure::new(Kind::Interrupted, anyhow::anyhow!("interrupted"))),
        result = work => result,
    }
}

/// Work that is given up when its time is over; a server that takes the connection and stays silent would else hold the
/// command for as long as the client's own limits allow.
pub(crate) async fn within<T>(
    seconds: Option<u64>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(seconds) = seconds else { return work.await };
    match tokio::time::timeout(Duration::from_secs(seconds), work).await {
        Ok(result) => result,
        Err(_) => Err(Failure::new(Kind::Connection, anyhow::anyhow!("no answer within {seconds} s"))),
    }
}

/// One request that Ctrl-C, or the end of its time, cancels in the protocol's own way. Whoever presses Ctrl-C again
/// does not want to wait for that.
pub(crate) async fn cancellable<T, F>(
    seconds: Option<u64>,
    request: impl FnOnce(CallOptions) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, CallError>>,
{
    let cancel = CancellationToken::new();
    let request = request(CallOptions { cancel: cancel.clone(), ..CallOptions::default() });
    tokio::pin!(request);
    let late = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let (kind, why) = tokio::select! {
        biased;
        () = interrupted() => (Kind::Interrupted, "interrupted".to_owned()),
        result = &mut request => return result.map_err(call_failure),
        () = late => (Kind::Connection, format!("no answer within {} s", seconds.unwrap_or(0))),
    };
    cancel.cancel();
    let result = tokio::select! {
        result = request => result,
        () = interrupted() => Err(CallError::Cancelled),
    };
    match result {
        Err(CallError::Cancelled) => Err(Failure::new(kind, anyhow::anyhow!(why))),
        // It was faster.
        result => result.map_err(call_failure),
    }
}

/// Ends the connection in the protocol's own way, after a cancelled request too; Ctrl-C ends the waiting.
pub(crate) async fn leave(client: &Client) {
    tokio::select! {
        () = client.close() => {}
        () = interrupted() => {}
    }
}

/// The connection's error with its exit code and what to do next.
pub(crate) fn connect_failure(error: ConnectError) -> Failure {
    let kind = match &error {
        ConnectError::Url { .. } => Kind::Usage,
        ConnectError::LoginRequired(_) | ConnectError::Login(_) => Kind::Login,
        ConnectError::NotMcp { .. }
        | ConnectError::Revision { .. }
        | ConnectError::Endpoint { .. }
        | ConnectError::Transport(_) => Kind::Connection,
        ConnectError::Refused { .. } | ConnectError::Rpc(_) => Kind::Refused,
        ConnectError::Store(_) => Kind::Internal,
    };
    let next = match &error {
        ConnectError::LoginRequired(login) => {
            Some(format!("run `barewire login {}`", shell_word(&login.server)))
        }
        _ => error.what_next(),
    };
    Failure::new(kind, error).with_next(next)
}

/// The request's error with its exit code and what to do next.
pub(crate) fn call_failure(error: CallError) -> Failure {
    let kind = match &error {
        CallError::LoginRequired(_) | CallError::Login(_) | CallError::ScopeRequired { .. } => Kind::Login,
        CallError::Transport(_) | CallError::Http(_) | CallError::Session(_) => Kind::Connection,
        CallError::Cancelled => Kind::Interrupted,
        CallError::Store(_) => Kind::Internal,
        _ => Kind::Refused,
    };
    let next = match &error {
        CallError::ScopeRequired { scopes, login, .. } => {
            let scopes: Vec<String> =
                scopes.iter().map(|scope| format!("--scope {}", shell_word(scope))).collect();
            Some(format!("run `barewire login {} {}`", shell_word(&login.server), scopes.join(" ")))
        }
        CallError::LoginRequired(login) => {
            Some(format!("run `barewire login {}`", shell_word(&login.server)))
        }
        _ => error.what_next(),
    };
    Failure::new(kind, error).with_next(next)
}

/// Logins are kept in the user's data folder, sealed by the store.
async fn credentials(common: &Common) -> Result<Arc<dyn CredentialStore>, Failure> {
    let path = match &common.credentials {
        Some(path) => path.clone(),
        None => dirs::data_dir()
            .map(|folder: PathBuf| folder.join("barewire").join("credentials.sqlite"))
            .ok_or_else(|| {
                Failure::usage("this system has no data folder for a user: name one with --credentials")
            })?,
    };
    Ok(Arc::new(Store::open(&path).await.map_err(Failure::internal)?))
}

/// A token, and the key that it is bound to, if it is bound to one.
pub(crate) struct Token {
    pub(crate) token: AccessToken,
    pub(crate) possession: Option<Possession>,
}

/// The access token of `barewire login`, as it is: for commands that look at a server and renew nothing.
pub(crate) async fn kept_token(url: &Url, common: &Common) -> Result<Token, Failure> {
    let session = Session::without_login(url, common, Arc::new(Silent)).await?;
    let key = GrantKey { owner: session.options.owner.clone(), server: url.as_str().to_owned() };
    let grant = session.options.credentials.grant(&key).await.map_err(Failure::internal)?;
    let again = |message: &str| {
        let next = Some(format!("run `barewire login {}`", shell_word(url.as_str())));
        Failure::new(Kind::Login, anyhow::anyhow!("{message}")).with_next(next)
    };
    let grant = grant.ok_or_else(|| again("there is no login for this server"))?;
    if grant.tokens.expires_within(Duration::ZERO, (session.options.clock)()) {
        return Err(again("the login for this server has run out"));
    }
    let possession = match grant.proof_key.filter(|_| grant.tokens.is_bound()) {
        Some(key) => Some(Possession { key, signer: Arc::new(Keys) }),
        None if grant.tokens.is_bound() => {
            return Err(again("the kept token is bound to a key that was not kept"));
        }
        None => None,
    };
    Ok(Token { token: grant.tokens.access_token, possession })
}

/// Ctrl-C. One that comes before this was polled is lost, so it is polled before the work that it ends: that may have begun, and
/// said so, when it is polled for the first time.
async fn interrupted() {
    // Without a signal handler there is nothing to wait for; the process then ends by the signal itself.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
