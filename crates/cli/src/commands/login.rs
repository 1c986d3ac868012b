//! `barewire login URL`

use std::sync::Arc;

use barewire_mcp_client::{
    Authorizer as _, Client, ClientOptions, ConnectError, Login, LoginRequired, Silent, log_in_unattended,
};
use barewire_oauth::client_flow::Grant;
use barewire_oauth::scope::ScopeSet;
use serde_json::json;

use crate::arguments::{Common, Login as Arguments};
use crate::connect::{LoopbackAuthorizer, Session, call_failure, connect_failure};
use crate::outcome::{Failure, Kind};
use crate::terminal::{note, print, safe};

/// Logs in even if there is a token already: the way to ask for more scopes or to become somebody else.
pub(crate) async fn run(arguments: Arguments, common: &Common) -> Result<(), Failure> {
    let mut session = Session::without_login(&arguments.url, common, Arc::new(Silent)).await?;
    arguments.access.apply(&mut session.options)?;
    let scopes = ScopeSet::from_tokens(arguments.scopes.iter().map(String::as_str));

    // What the server says to a stranger, and nothing more yet.
    let probe = ClientOptions { unattended: None, ..session.options.clone() };
    let required = match Client::connect(arguments.url.as_str(), probe).await {
        Err(ConnectError::LoginRequired(required)) => *required,
        Err(error) => return Err(connect_failure(error)),
        Ok(client) => match client.grant().await.map_err(call_failure)? {
            Some(grant) => {
                LoginRequired { scopes: grant.requested, ..LoginRequired::to(arguments.url.as_str()) }
            }
            None => return no_login_needed(&client, common),
        },
    };

    let grant = match &session.options.unattended {
        Some(_) => {
            log_in_unattended(session.options.clone(), required, scopes).await.map_err(login_failure)?
        }
        None => in_the_browser(&mut session, required, scopes, !arguments.no_browser).await?,
    };

    // The login is worth what the first call with its token says.
    session.options.authorizer = None;
    let client = session.connect().await?;
    let server = client.server();
    let scopes: Vec<String> = grant.tokens.scope.iter().map(ToString::to_string).collect();
    if common.json {
        let report = json!({
            "server": arguments.url, "issuer": grant.issuer, "clientId": grant.client.client_id,
            "scopes": scopes, "grant": grant.kind, "tokenType": grant.tokens.token_type.as_str(),
            "protocolVersion": server.revision.as_str(),
        });
        print(&crate::terminal::safe_json(&report.to_string()));
    } else {
        let name = server.implementation.map_or_else(|| arguments.url.to_string(), |it| it.name);
        let scopes =
            if scopes.is_empty() { String::new() } else { format!(" with {}", safe(&scopes.join(" "))) };
        let bound = if grant.tokens.is_bound() { ", tokens bound to a key" } else { "" };
        let revision = server.revision.as_str();
        note(&format!("Logged in to {}{scopes} (protocol {revision}{bound}).", safe(&name)));
    }
    client.close().await;
    Ok(())
}

fn no_login_needed(client: &Client, common: &Common) -> Result<(), Failure> {
    let revision = client.server().revision;
    if common.json {
        print(
            &json!({ "server": client.url(), "issuer": null, "protocolVersion": revision.as_str() })
                .to_string(),
        );
    } else {
        note(&format!("This server asks for no login (protocol {}).", revision.as_str()));
    }
    Ok(())
}

async fn in_the_browser(
    session: &mut Session,
    required: LoginRequired,
    scopes: ScopeSet,
    open_browser: bool,
) -> Result<Grant, Failure> {
    let authorizer = LoopbackAuthorizer::listen(open_browser).await?;
    authorizer.redirect_uri().clone_into(&mut session.options.login.redirect_uri);
    let login = Login::start(session.options.clone(), required, scopes).await.map_err(login_failure)?;
    let query = authorizer
        .authorize(login.authorize_url())
        .await
        .map_err(|error| Failure::new(Kind::Login, error))?;
    login.finish(&query).await.map_err(login_failure)
}

fn login_failure(error: barewire_mcp_client::LoginError) -> Failure {
    let next = error.what_next();
    Failure::new(Kind::Login, error).with_next(next)
}
