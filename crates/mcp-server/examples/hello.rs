//! The smallest server: one tool, on bare hyper.
//!
//! ```text
//! cargo run -p barewire-mcp-server --example hello
//! curl -s http://127.0.0.1:3001/mcp -H 'Content-Type: application/json' \
//!   -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet","arguments":{"name":"Ann"}}}'
//! ```

use barewire_mcp_server::{Context, McpServer, Tool};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpListener;

#[derive(Deserialize, JsonSchema)]
struct Greet {
    /// Whom to greet.
    name: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = McpServer::builder("hello", "1.0.0")
        .tool(Tool::new("greet", "Greets somebody."), async |_: Context, args: Greet| {
            Ok(format!("Hello {}!", args.name))
        })
        .build()?;

    // In axum this would be `Router::new().route_service("/mcp", server.service())`.
    let listener = TcpListener::bind("127.0.0.1:3001").await?;
    loop {
        let (connection, _) = listener.accept().await?;
        let service = TowerToHyperService::new(server.service());
        tokio::spawn(async move {
            let http = Builder::new(TokioExecutor::new());
            let _closed = http.serve_connection(TokioIo::new(connection), service).await;
        });
    }
}
