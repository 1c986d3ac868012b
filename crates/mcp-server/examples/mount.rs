//! An axum server that exists, and the lines that give it `/mcp`. The README shows this file.

use axum::{Router, routing::get};
use barewire_mcp_server::{Context, McpServer, Structured, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Lookup {
    /// ISO 4217 code, such as EUR
    currency: String,
}

#[derive(Serialize, JsonSchema)]
struct Rate {
    per_usd: f64,
}

/// The business function that was always there: REST and MCP call the same one.
async fn rate(currency: &str) -> Option<Rate> {
    (currency == "EUR").then_some(Rate { per_usd: 0.92 })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mcp = McpServer::builder("rates", "1.0.0")
        .tool(Tool::new("rate", "The rate of a currency."), |_: Context, args: Lookup| async move {
            rate(&args.currency).await.map(Structured).ok_or(ToolError::new("no such currency"))
        })
        .build()?;
    let app = Router::new().route("/healthz", get(|| async { "ok" })).route_service("/mcp", mcp.service());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
