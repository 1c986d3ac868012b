//! Schemas that an application gives as values hold for both sides.

use barewire_mcp_server::types::json::RawJson;
use barewire_mcp_server::types::tools::CallToolResult;
use barewire_mcp_server::{Context, McpServer, Tool};
use serde_json::{Map, Value, json};

use crate::support::Server;

#[tokio::test]
async fn arguments_and_results_keep_to_them() {
    let tool = Tool::new("measure", "Measures a thing.")
        .input_schema(json!({
            "type": "object",
            "properties": { "size": { "type": "integer", "minimum": 1 } },
            "required": ["size"]
        }))
        .output_schema(json!({
            "type": "object",
            "properties": { "size": { "type": "integer", "maximum": 10 } },
            "required": ["size"]
        }));
    let mcp = McpServer::builder("x", "1")
        .tool(tool, async |_: Context, arguments: Map<String, Value>| {
            let content = RawJson::from(Value::Object(arguments));
            Ok(CallToolResult {
                structured_content: Some(content.clone()),
                ..CallToolResult::text(content.as_str())
            })
        })
        .build()
        .unwrap();
    let server = Server::start(mcp).await;
    for client in [server.modern(), server.legacy().await] {
        let reply = client.call("measure", json!({ "size": 7 })).await;
        assert_eq!(reply.result()["structuredContent"], json!({ "size": 7 }));

        let reply = client.call("measure", json!({ "size": 0 })).await;
        assert_eq!(reply.result()["isError"], true, "the model may read it and do better");
        assert_eq!(reply.text(), "Invalid arguments for measure: 0 is less than the minimum of 1 at /size");

        let reply = client.call("measure", json!({ "size": 11 })).await;
        assert_eq!(reply.code(), -32603, "the client was promised something else: {}", reply.body);
    }
}
