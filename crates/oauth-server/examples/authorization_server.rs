//! An authorization server by itself, to look at its pages: `cargo run -p barewire-oauth-server --example authorization_server`,
//! then open the printed URL and log in as `johndoe` with the password `secret`.

use std::net::SocketAddr;
use std::sync::Arc;

use barewire_oauth_server::{AuthConfig, AuthorizationServer, ConfiguredClient};
use barewire_store::Store;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it says where to look")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "8000".to_owned());
    let issuer = format!("http://localhost:{port}");
    let store = Store::open(std::env::temp_dir().join("barewire-example.sqlite")).await?;
    let server = AuthorizationServer::builder(issuer.as_str(), Arc::new(store))
        .display_name("Blog")
        .resource(format!("{issuer}/mcp"))
        .scope("posts:read", "Read your posts")
        .scope("posts:write", "Write and publish posts as you")
        .config(AuthConfig {
            clients: vec![ConfiguredClient {
                client_id: "example".to_owned(),
                client_name: "Example app".to_owned(),
                redirect_uris: vec!["http://localhost:5173/callback".to_owned().try_into()?],
                ..ConfiguredClient::default()
            }],
            client_documents_from_loopback: true,
            ..AuthConfig::default()
        })
        .build()
        .await?;
    server.create_user("johndoe", "secret").await?;
    println!(
        "{issuer}/authorize?response_type=code&client_id=example&redirect_uri=http%3A%2F%2Flocalhost%3A5173%2Fcallback\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&state=x"
    );
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, server.router().into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
