//! A server with `/mcp` and a login of its own: the authorization server beside it, on SQLite. `docs/mounting.md` shows this file.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use barewire_mcp_server::{Context, McpServer, NoArguments, Principal, ResourceServer, TokenVerifier, Tool};
use barewire_oauth::bearer::{BearerError, Standing};
use barewire_oauth::claims::seconds;
use barewire_oauth::resource::Resource;
use barewire_oauth_server::{AccessTokens, AuthorizationServer, Issued};
use barewire_store::Store;

/// By which name everybody knows it. No request can change that.
const ORIGIN: &str = "http://127.0.0.1:3000";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = format!("{ORIGIN}/mcp");

    // Who is who, and what they have let which client do. Users are a part of it; the demo's password is short on purpose.
    let store = Store::open("bank-data/auth.sqlite").await?;
    store.unlock().await?;
    let login = AuthorizationServer::builder(ORIGIN, Arc::new(store))
        .display_name("Bank")
        .resource(&url)
        .scope("accounts:read", "See your accounts")
        .build()
        .await?;
    login.create_user("johndoe", "secret").await?;

    // What they can do here.
    let tokens = Tokens { access: login.access_tokens(), resource: Resource::parse(&url)? };
    let auth =
        ResourceServer::new(&url, tokens).authorization_server(ORIGIN).scopes_supported(["accounts:read"]);
    let mcp = McpServer::builder("bank", "1.0.0")
        .auth(auth)
        .tool(
            Tool::new("balance", "Your balance.").scopes(["accounts:read"]),
            |ctx: Context, _: NoArguments| async move { Ok(format!("{} owns nothing yet", ctx.subject()?)) },
        )
        .build()?;

    let mut app = Router::new().merge(login.router()).route_service("/mcp", mcp.service());
    let metadata = mcp.resource_metadata().expect("`auth` was called a few lines above");
    for path in metadata.paths() {
        app = app.route_service(path, metadata.clone());
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    // With the peer's address: wrong passwords are counted by it.
    Ok(axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?)
}

/// The two do not know each other; this introduces them.
struct Tokens {
    access: AccessTokens,
    resource: Resource,
}

impl TokenVerifier for Tokens {
    async fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, BearerError> {
        self.access.verify(token, std::slice::from_ref(&self.resource), now).map(Principal::from)
    }

    /// Asked with each request: a grant can be ended or narrowed at any moment.
    fn standing(&self, principal: &Principal) -> Standing {
        self.access.standing(&Issued {
            id: principal.token_id.as_deref().unwrap_or_default(),
            subject: &principal.subject,
            client_id: principal.client_id.as_deref().unwrap_or_default(),
            grant_id: principal.grant_id.as_deref(),
            at: principal.issued_at.map_or(0, seconds),
            scope: &principal.scopes,
            signed_by: principal.signed_by.as_deref(),
        })
    }
}
