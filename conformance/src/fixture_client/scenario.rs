//! What is done in each scenario. The names are the suite's.

use anyhow::{Context, Result};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::skills::SkillResources;
use barewire_mcp::types::subscriptions::SubscriptionFilter;
use barewire_mcp::types::tools::Tool;
use barewire_mcp_client::{CallOptions, Client, SkillError};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::Orders;

pub(super) async fn play(client: &Client, orders: &Orders) -> Result<()> {
    match orders.scenario.as_str() {
        "tools_call" => {
            client.list_tools().await?;
            call(client, "add_numbers", json!({ "a": 5, "b": 3 })).await
        }
        "elicitation-sep1034-client-defaults" => {
            // The question comes on the session's own stream, which therefore has to be open.
            let _changes = client.listen(SubscriptionFilter::default()).await?;
            call(client, "test_client_elicitation_defaults", json!({})).await
        }
        "sse-retry" => call(client, "test_reconnection", json!({})).await,
        "sep-2322-client-request-state" => round_trips(client).await,
        "http-standard-headers" => everything(client).await,
        "http-custom-headers" => ordered_calls(client, &orders.context).await,
        "http-invalid-tool-headers" => {
            for tool in client.list_tools().await? {
                call(client, &tool.name, json!({ "region": "us-east1" })).await?;
            }
            Ok(())
        }
        "json-schema-2020-12-preservation" => echo_schema(client).await,
        // It lists, and waits until somebody wants one.
        "sep-2640-client-no-prefetch" => client.list_skills().await.map(drop).context("the listing"),
        "sep-2640-client-verify-digest"
        | "sep-2640-client-verify-size"
        | "sep-2640-client-verify-frontmatter" => skills(client).await,
        login if login.starts_with("auth/") => {
            client.list_tools().await?;
            call(client, "test-tool", json!({})).await?;
            // Once more, because one scenario changes the authorization server meanwhile.
            client.list_tools().await.map(drop).context("the second listing")
        }
        // `initialize`, `request-metadata` and `json-schema-ref-no-deref` want no more than this.
        _ => client.list_tools().await.map(drop).context("the listing"),
    }
}

/// Loads each skill that can be loaded, and reads its other files.
async fn skills(client: &Client) -> Result<()> {
    for skill in client.list_skills().await? {
        let files = skill.resources.clone();
        let folder = skill.folder().to_owned();
        match client.load_skill(skill).await {
            Ok(loaded) => {
                let SkillResources::Files(files) = files else { continue };
                for path in files.iter().filter_map(|file| file.uri.strip_prefix(&folder)?.strip_prefix('/'))
                {
                    client.read_skill_file(&loaded, path).await?;
                }
            }
            Err(SkillError::Fault(fault)) => tracing::warn!(folder, %fault, "not loaded"),
            Err(error) => return Err(error).with_context(|| format!("loading {folder}")),
        }
    }
    Ok(())
}

async fn call(client: &Client, name: &str, arguments: Value) -> Result<()> {
    let called = client.call_tool(name, RawJson::from(arguments), CallOptions::default()).await;
    let result = called.with_context(|| format!("calling {name}"))?;
    tracing::info!(name, is_error = result.is_error, "called");
    Ok(())
}

/// Four tools that ask differently. The one that has nothing to do with the others runs beside the first.
async fn round_trips(client: &Client) -> Result<()> {
    client.list_tools().await?;
    let (echoed, unrelated) = tokio::join!(
        call(client, "test_mrtr_echo_state", json!({})),
        call(client, "test_mrtr_unrelated", json!({})),
    );
    echoed?;
    unrelated?;
    call(client, "test_mrtr_no_state", json!({})).await?;
    call(client, "test_mrtr_no_result_type", json!({})).await
}

/// One request of each kind that has headers of its own.
async fn everything(client: &Client) -> Result<()> {
    for Tool { name, .. } in client.list_tools().await? {
        call(client, &name, json!({})).await?;
    }
    for resource in client.list_resources().await? {
        client.read_resource(&resource.uri, CallOptions::default()).await?;
    }
    for prompt in client.list_prompts().await? {
        client.get_prompt(&prompt.name, IndexMap::new(), CallOptions::default()).await?;
    }
    Ok(())
}

async fn ordered_calls(client: &Client, context: &Value) -> Result<()> {
    client.list_tools().await?;
    let calls = context.get("toolCalls").and_then(Value::as_array).context("the context has no toolCalls")?;
    for ordered in calls {
        let name = ordered.get("name").and_then(Value::as_str).context("a call without a name")?;
        call(client, name, ordered.get("arguments").cloned().unwrap_or_else(|| json!({}))).await?;
    }
    Ok(())
}

async fn echo_schema(client: &Client) -> Result<()> {
    let tools = client.list_tools().await?;
    let tool = tools.iter().find(|tool| tool.name == "json_schema_2020_12_tool");
    let schema: Value = tool.context("the tool is not there")?.input_schema.decode()?;
    call(client, "json_schema_echo", json!({ "schema": schema })).await
}
