//! tower-mcp's HTTP transport.
//!
//! For speed: a release build without its `schema-validation` (ours and rmcp's check no output either); JSON answers, as
//! it ships; no tracing subscriber; `TCP_NODELAY`. Sessions are optional, as it ships. Only its limit of 256 streams is
//! raised, or the idle ones could not be measured.

use std::sync::Arc;

use anyhow::Result;
use axum::serve::ListenerExt as _;
use peer_common::arguments::ServerArguments;
use peer_common::token::{SCOPE, issue};
use peer_common::users::User;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpListener;
use tower_mcp::extract::{Context, Json};
use tower_mcp::oauth::{JwtValidator, ProtectedResourceMetadata, ScopePolicy};
use tower_mcp::{CallToolResult, HttpTransport, McpRouter, SubscriptionLimits, ToolBuilder};

#[derive(Debug, Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct GetUser {
    id: u64,
}

fn router() -> McpRouter {
    let users: Arc<[User]> = User::all().into();
    let echo = ToolBuilder::new("echo")
        .description("Says it again.")
        .handler(async |Echo { text }: Echo| Ok(CallToolResult::text(text)))
        .build();
    let get_user = ToolBuilder::new("get_user")
        .description("A user's record.")
        .output_schema_for::<User>()
        .handler(move |GetUser { id }: GetUser| {
            let user = usize::try_from(id).ok().and_then(|id| users.get(id.checked_sub(1)?));
            let result = match user {
                Some(user) => CallToolResult::from_serialize(user),
                None => Ok(CallToolResult::error("There is no such user.")),
            };
            async move { result }
        })
        .build();
    let echo_with_progress = ToolBuilder::new("echo_with_progress")
        .description("Says it again, after three steps.")
        .extractor_handler((), |context: Context, Json(Echo { text }): Json<Echo>| async move {
            for step in [1.0, 2.0, 3.0] {
                context.report_progress(step, Some(3.0), None).await;
            }
            Ok(CallToolResult::text(text))
        })
        .build();
    McpRouter::new().server_info("bench", "1.0.0").tool(echo).tool(get_user).tool(echo_with_progress)
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = ServerArguments::parse()?;
    let streams = SubscriptionLimits::default().max_active(20_000);
    let transport = HttpTransport::new(router()).subscription_limits(streams);
    let app = if arguments.auth {
        let issued = issue(arguments.issuer(), arguments.resource())?;
        let validator = JwtValidator::from_ec_pem(issued.public_pem.as_bytes())?
            .expected_issuer(&arguments.issuer())
            .expected_audience(&arguments.resource());
        let metadata = ProtectedResourceMetadata::new(arguments.resource())
            .authorization_server(arguments.issuer())
            .scope(SCOPE);
        let app = transport.into_oauth_router_at("/mcp", validator, metadata, ScopePolicy::new())?;
        println!("token: {}", issued.token);
        app
    } else {
        transport.into_router_at("/mcp")
    };
    let listener = TcpListener::bind(arguments.listen).await?.tap_io(|stream| {
        let _no_matter = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await?;
    Ok(())
}
