//! Runs calls in the background: once on the wire, and again where a login stood in between.

use std::sync::Arc;

use super::trouble::Trouble;
use super::{Call, Server, link};
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
        Call::new(server.id(), request, now, limits, session.events().clone(), server.closed())
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
    let (app, server, call) = (app.clone(), server.clone(), call.clone());
    app.clone().tasks().spawn(async move {
        execute(&app, &server, &call).await;
        if let Some(session) = server.session() {
            session.shed_calls(app.limits());
        }
    });
}

/// Tells the calls that wait for scopes that a login did not give them.
pub(crate) fn refused(server: &Server, message: &str) {
    let Some(session) = server.session() else { return };
    for call in session.calls() {
        if let Some(wanted) = call.scopes_wanted().filter(|_| call.server() == server.id()) {
            call.scope_required(wanted, message.to_owned());
        }
    }
}

async fn execute(app: &App, server: &Arc<Server>, call: &Arc<Call>) {
    // The client notices a cancellation by itself and tells the server in the way of its era.
    let outcome = match server.link() {
        Ok(link) => {
            let outcome = link.call(call).await;
            link::show_renewed(app, &link, server).await;
            outcome
        }
        Err(_) => Err(Trouble::Lost {
            message: "The connection was lost before the call was sent.".to_owned(),
            what_next: Some("Call it again when the server is back.".to_owned()),
        }),
    };
    let now = || millis(app.now());
    let trouble = match outcome {
        Ok(result) => return call.done(result, now()),
        Err(_) if call.cancelled().is_cancelled() => return call.was_cancelled(now()),
        Err(trouble) => trouble,
    };
    server.noticed(&trouble);
    match trouble {
        Trouble::ScopeRequired { login, scopes, message } => {
            server.set_login_required(Some(*login));
            wait_for_scopes(call, scopes, message, now());
        }
        Trouble::LoginRequired { message, .. } => wait_for_scopes(call, Vec::new(), message, now()),
        Trouble::Cancelled => call.was_cancelled(now()),
        trouble => {
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
