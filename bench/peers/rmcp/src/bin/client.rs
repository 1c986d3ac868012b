//! rmcp's streamable HTTP client on reqwest: connects once, calls `echo` so many times, and says what it cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use peer_common::arguments::ClientArguments;
use peer_common::report::Measured;
use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion};
use rmcp::service::RunningService;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt as _, RoleClient};
use serde_json::json;
use tokio::task::JoinSet;

const WARM_UP: u64 = 100;

type Client = Arc<RunningService<RoleClient, ClientConfig>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = ClientArguments::parse()?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(arguments.url);
    // Its default lets 16 calls go at a time.
    config.max_concurrent_requests = arguments.concurrency.max(1);
    let lifecycle = if arguments.legacy {
        ClientLifecycleMode::Initialize
    } else {
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
    };
    let transport = StreamableHttpClientTransport::from_config(config);
    let client = Arc::new(ClientConfig::default().serve_with_lifecycle(transport, lifecycle).await?);
    call(&client, WARM_UP, 1).await?;
    let measured = Measured::start()?;
    call(&client, arguments.calls, arguments.concurrency).await?;
    measured.print(arguments.calls)
}

async fn call(client: &Client, calls: u64, concurrency: usize) -> Result<()> {
    let taken = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..concurrency {
        let (client, taken) = (client.clone(), taken.clone());
        callers.spawn(async move {
            while taken.fetch_add(1, Ordering::Relaxed) < calls {
                let arguments = json!({ "text": "hello" }).as_object().cloned().unwrap_or_default();
                let result =
                    client.call_tool(CallToolRequestParams::new("echo").with_arguments(arguments)).await?;
                ensure!(result.is_error != Some(true), "echo failed: {result:?}");
            }
            Ok(())
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended??;
    }
    Ok(())
}
