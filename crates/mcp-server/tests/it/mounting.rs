//! The server inside of somebody else's web framework.

use std::sync::Arc;

use axum::Router;
use barewire_mcp_server::McpServer;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Client, resource_server, toolbox};

pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let _ = axum_serve(listener, router).await;
    });
    url
}

/// What `axum::serve` does, which is not among the features that this workspace takes.
async fn axum_serve(listener: TcpListener, router: Router) -> std::io::Result<()> {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    loop {
        let (connection, _) = listener.accept().await?;
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let _ = http.serve_connection(TokioIo::new(connection), service).await;
        });
    }
}

fn protected() -> McpServer {
    toolbox(&Arc::default()).auth(resource_server()).build().unwrap()
}

#[tokio::test]
async fn one_line_mounts_it_with_and_without_the_slash() {
    let mcp = protected();
    let url = serve(Router::new().nest_service("/mcp", mcp.service())).await;
    for path in ["/mcp", "/mcp/"] {
        let client = Client::new(&format!("{url}{path}"), "2026-07-28").with_token("ann.read");
        let reply = client.call("whoami", json!({})).await;
        assert_eq!((reply.status, reply.text()), (StatusCode::OK, "ann"), "{path}");
    }
    let appended = reqwest::get(format!("{url}/mcp/.well-known/oauth-protected-resource")).await.unwrap();
    assert_eq!(appended.json::<Value>().await.unwrap()["resource"], "https://api.example.com/mcp");
}

#[tokio::test]
async fn the_metadata_is_at_every_place_where_clients_look() {
    let mcp = protected();
    let metadata = mcp.resource_metadata().unwrap();
    let mut router = Router::new().route_service("/mcp", mcp.service());
    for path in metadata.paths() {
        router = router.route_service(path, metadata.clone());
    }
    let url = serve(router).await;
    let paths = [
        "/.well-known/oauth-protected-resource/mcp",
        "/mcp/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource",
    ];
    assert!(metadata.paths().eq(paths));
    for path in paths {
        let response = reqwest::Client::new()
            .get(format!("{url}{path}"))
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("origin", "https://anywhere.example")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(
            response.json::<Value>().await.unwrap(),
            json!({
                "resource": "https://api.example.com/mcp",
                "authorization_servers": ["https://as.example.com"],
                "scopes_supported": ["read"],
                "bearer_methods_supported": ["header"],
                "dpop_signing_alg_values_supported": ["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "RS256"],
            })
        );
        let preflight =
            reqwest::Client::new().request(Method::OPTIONS, format!("{url}{path}")).send().await.unwrap();
        assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
        assert!(preflight.headers().contains_key("access-control-allow-headers"));
        let post = reqwest::Client::new().post(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    assert!(toolbox(&Arc::default()).build().unwrap().resource_metadata().is_none());
}

#[tokio::test]
async fn what_middleware_attaches_reaches_the_handler() {
    use barewire_mcp_server::{Context, NoArguments, Tool};

    #[derive(Clone)]
    struct Tenant(&'static str);

    let mcp = McpServer::builder("x", "1")
        .tool(Tool::new("tenant", "Which tenant?"), |ctx: Context, _: NoArguments| async move {
            Ok(ctx.extensions().get::<Tenant>().map_or("none", |tenant| tenant.0))
        })
        .build()
        .unwrap();
    let router = Router::new().route_service("/mcp", mcp.service()).layer(axum::Extension(Tenant("acme")));
    let client = Client::new(&format!("{}/mcp", serve(router).await), "2026-07-28");
    assert_eq!(client.call("tenant", json!({})).await.text(), "acme");
}
