//! Runs calls in the background: once on the wire, and again where a login stood in between.

use std::sync::Arc;

use super::link::Trouble;
use super::{Call, Server, driver::Command};
use crate::api::{CallError, StartCall};
use crate::error::ApiError;
use crate::host::{App, millis};
use crate::session::Session;

/// Starts a call; it is on its way when this returns.
pub(crate) fn start(
    app: &App,
    session: &Session,
    server: &Arc<Server>,
    request: StartCall,
) -> Result<Arc<Call>, ApiError> {
    server.link()?;
    let limits = app.limits();
    let now = millis(app.now());
    let call = session.add_call(limits, || {
        Call::new(server.id(), request, now, limits.logs_per_call, session.events().clone(), server.closed())
    })?;
    spawn(app, server, &call);
    Ok(call)
}

/// Goes on with the calls that waited for scopes which are granted by now.
pub(crate) fn resume(app: &App, server: &Arc<Server>) {
    let Some(session) = server.session() else { return };
    let granted = server.view().scopes;
    for call in session.calls() {
        let Some(wanted) = call.scopes_wanted().filter(|_| call.server() == server.id()) else { continue };
        if wanted.iter().all(|it| granted.contains(it)) {
            call.runs();
            spawn(app, server, &call);
        }
    }
}

fn spawn(app: &App, server: &Arc<Server>, call: &Arc<Call>) {
    app.tasks().spawn(execute(app.clone(), server.clone(), call.clone()));
}

async fn execute(app: App, server: Arc<Server>, call: Arc<Call>) {
    let Ok(link) = server.link() else {
        let (message, what_next) =
            Trouble::lost("the connection was lost before the call could be sent").sentences();
        call.failed(CallError { message, what_next, code: None, data: None }, millis(app.now()));
        return;
    };
    let outcome = tokio::select! {
        biased;
        // Dropping the other branch closes the request, which is how a server hears of it (and is told so, in the
        // revision that has a notification for it).
        () = call.cancelled().cancelled() => Err(Trouble::Cancelled),
        outcome = link.call(&call) => outcome,
    };
    let now = || millis(app.now());
    match outcome {
        Ok(result) => call.done(result, now()),
        Err(Trouble::Cancelled) => call.was_cancelled(now()),
        Err(Trouble::ScopeRequired { scopes, message }) => wait_for_scopes(&call, scopes, message, now()),
        Err(Trouble::LoginRequired { scopes, message }) => {
            server.command(Command::LoginRequired(message.clone()));
            wait_for_scopes(&call, scopes, message, now());
        }
        Err(trouble) => {
            let (code, data) = trouble.rpc();
            let (message, what_next) = trouble.sentences();
            call.failed(CallError { message, what_next, code, data }, now());
        }
    }
}

/// The call waits for a login, unless it was cancelled in this very moment.
fn wait_for_scopes(call: &Call, scopes: Vec<String>, message: String, now: u64) {
    call.scope_required(scopes, message);
    if call.cancelled().is_cancelled() {
        call.was_cancelled(now);
    }
}
