//! `barewire login URL`

use std::sync::Arc;

use barewire_mcp_client::{Client, ConnectError, Login, LoginRequired, PreRegistered, Silent};
use barewire_oauth::scope::ScopeSet;
use serde_json::json;

use crate::arguments::{Common, Login as Arguments};
use crate::connect::{LoopbackAuthorizer, Session, call_failure, connect_failure};
use crate::outcome::{Failure, Kind};
use crate::terminal::{note, print, safe};

/// Logs in even if there is a token already: the way to ask for more scopes or to become somebody else.
pub(crate) async fn run(arguments: Arguments, common: &Common) -> Result<(), Failure> {
    let mut session = Session::without_login(&arguments.url, common, Arc::new(Silent)).await?;
    if let Some(client) = arguments.client_id {
        session.options.login.pre_registered = vec![pre_registered(client, arguments.issuer)?];
    }
    let scopes = ScopeSet::from_tokens(arguments.scopes.iter().map(String::as_str));

    let required = match Client::connect(arguments.url.as_str(), session.options.clone()).await {
        Err(ConnectError::LoginRequired(required)) => *required,
        Err(error) => return Err(connect_failure(error)),
        Ok(client) => match client.grant().await.map_err(call_failure)? {
            Some(grant) => {
                LoginRequired { scopes: grant.requested, ..LoginRequired::to(arguments.url.as_str()) }
            }
            None => return no_login_needed(&client, common),
        },
    };

    let authorizer = LoopbackAuthorizer::listen(!arguments.no_browser).await?;
    authorizer.redirect_uri().clone_into(&mut session.options.login.redirect_uri);
    let login = Login::start(session.options.clone(), required, scopes).await.map_err(login_failure)?;
    let query = {
        use barewire_mcp_client::Authorizer as _;
        authorizer.authorize(login.authorize_url()).await.map_err(|error| Failure::new(Kind::Login, error))?
    };
    let grant = login.finish(&query).await.map_err(login_failure)?;

    // The login is worth what the first call with its token says.
    session.options.authorizer = None;
    let client = session.connect().await?;
    let server = client.server();
    let scopes: Vec<String> = grant.tokens.scope.iter().map(ToString::to_string).collect();
    if common.json {
        let report = json!({
            "server": arguments.url, "issuer": grant.issuer, "clientId": grant.client.client_id,
            "scopes": scopes, "protocolVersion": server.revision.as_str(),
        });
        print(&crate::terminal::safe_json(&report.to_string()));
    } else {
        let name = server.implementation.map_or_else(|| arguments.url.to_string(), |it| it.name);
        note(&format!(
            "Logged in to {} with {} (protocol {}).",
            safe(&name),
            scopes.join(" "),
            server.revision.as_str()
        ));
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

fn pre_registered(client_id: String, issuer: Option<String>) -> Result<PreRegistered, Failure> {
    let issuer = issuer
        .ok_or_else(|| Failure::usage("--client-id needs --issuer: a client is known to one issuer only"))?;
    let client_secret = std::env::var("BAREWIRE_CLIENT_SECRET").ok().map(Into::into);
    Ok(PreRegistered { issuer, client_id, client_secret, auth_method: None })
}

fn login_failure(error: barewire_mcp_client::LoginError) -> Failure {
    let next = error.what_next();
    Failure::new(Kind::Login, error).with_next(next)
}
