//! `barewire login URL`

use std::sync::Arc;

use barewire_mcp_client::{
    Authorizer as _, Client, ClientOptions, ConnectError, DeviceLogin, Login, LoginRequired, Silent,
    log_in_unattended,
};
use barewire_oauth::client_flow::Grant;
use barewire_oauth::scope::ScopeSet;
use qrcode::render::unicode;
use qrcode::{EcLevel, QrCode};
use serde_json::json;

use crate::arguments::{Common, Login as Arguments};
use crate::connect::{LoopbackAuthorizer, Session, call_failure, connect_failure};
use crate::outcome::{Failure, Kind};
use crate::terminal::{self, note, print, safe};

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
        None if arguments.device => elsewhere(&session, required, scopes).await?,
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
        print(&terminal::safe_json(&report.to_string()));
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

/// With a browser on another machine: an address, a code, and for telephones a picture of both.
async fn elsewhere(session: &Session, required: LoginRequired, scopes: ScopeSet) -> Result<Grant, Failure> {
    let login = DeviceLogin::start(session.options.clone(), required, scopes).await.map_err(login_failure)?;
    let (address, code) = (safe(login.verification_uri()), safe(login.user_code()));
    note(&format!("Open {address} in any browser and type the code\n\n    {code}\n"));
    if let Some(picture) =
        login.verification_uri_complete().filter(|_| terminal::is_interactive()).and_then(qr_code)
    {
        note(&format!("or scan this, and compare the code:\n\n{picture}"));
    }
    note("Waiting for you there …");
    login.finish().await.map_err(login_failure)
}

/// The address as a QR code of half blocks, dark on light whatever the terminal's colours; `None` when it is too long.
fn qr_code(address: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(address, EcLevel::L).ok()?;
    let picture = code
        .render::<unicode::Dense1x2>()
        .dark_color(unicode::Dense1x2::Dark)
        .light_color(unicode::Dense1x2::Light)
        .quiet_zone(true)
        .build();
    // Black on white: phones do not read the inverse.
    Some(picture.lines().map(|line| format!("\u{1b}[30;107m{line}\u{1b}[0m\n")).collect())
}

fn login_failure(error: barewire_mcp_client::LoginError) -> Failure {
    let next = error.what_next();
    Failure::new(Kind::Login, error).with_next(next)
}
