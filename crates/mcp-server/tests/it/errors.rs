//! What a client is told when something goes wrong, and what it is not told.

use std::sync::Arc;
use std::time::Duration;

use barewire_mcp_server::{Context, Limits, McpServer, NoArguments, Tool};
use serde_json::json;

use crate::support::{Client, Server, toolbox};

async fn start() -> Server {
    Server::start(toolbox(&Arc::default()).build().unwrap()).await
}

#[tokio::test]
async fn a_tools_own_failures_are_for_the_model() {
    let server = start().await;
    for client in [server.modern(), server.legacy().await] {
        let reply = client.call("fail", json!({})).await;
        assert_eq!((&reply.result()["isError"], reply.text()), (&json!(true), "no luck"));
        // Arguments too: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#error-handling
        let reply = client.call("echo", json!({ "text": 7 })).await;
        assert_eq!(reply.result()["isError"], true);
        assert!(
            reply.text().starts_with("Invalid arguments for echo: invalid type: integer `7`"),
            "{}",
            reply.text()
        );
        let reply = client.request(1, "tools/call", json!({ "name": "echo" })).await;
        assert!(reply.text().contains("missing field `text`"));
    }
}

#[tokio::test]
async fn errors_of_the_protocol() {
    let server = start().await;
    let (modern, legacy) = (server.modern(), server.legacy().await);
    for (method, params, code, modern_status) in [
        ("tools/call", json!({ "name": "nothing" }), -32602, 200),
        ("tools/call", json!({ "name": 7 }), -32602, 400),
        ("tools/call", json!({ "name": "echo", "arguments": [] }), -32602, 400),
        ("nonsense", json!({}), -32601, 404),
        ("tasks/list", json!({}), -32601, 404),
    ] {
        let client =
            if params["name"] == 7 { modern.clone().with_header("mcp-name", "7") } else { modern.clone() };
        let reply = client.request("id", method, params.clone()).await;
        assert_eq!((reply.code(), reply.status.as_u16()), (code, modern_status), "{method} {params}");
        assert_eq!(reply.body["id"], "id");
        let reply = legacy.request("id", method, params.clone()).await;
        assert_eq!((reply.code(), reply.status.as_u16()), (code, 200), "{method} {params}");
    }
    for gone in ["ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "initialize"] {
        let reply = modern.request(1, gone, json!({ "uri": "test://static", "level": "info" })).await;
        assert_eq!((reply.code(), reply.status.as_u16()), (-32601, 404), "{gone}");
    }
    for client in [&modern, &legacy] {
        let reply = client.request(1, "server/discover", json!({})).await;
        assert_eq!(client.revision == "2026-07-28", reply.status == 200, "{}", reply.body);
    }
}

#[tokio::test]
async fn what_is_not_offered_is_not_there() {
    let mcp = McpServer::builder("x", "1")
        .tool(Tool::new("a", "b"), |_: Context, _: NoArguments| async { Ok("c") })
        .build()
        .unwrap();
    let server = Server::start(mcp).await;
    for client in [server.modern(), server.legacy().await] {
        for method in ["prompts/list", "resources/list", "resources/templates/list", "completion/complete"] {
            let params = json!({ "ref": { "type": "ref/prompt", "name": "x" }, "argument": { "name": "", "value": "" } });
            assert_eq!(client.request(1, method, params).await.code(), -32601, "{method}");
        }
    }
    let legacy = server.legacy().await;
    assert_eq!(legacy.request(1, "logging/setLevel", json!({ "level": "info" })).await.code(), -32601);
    assert_eq!(legacy.request(1, "resources/subscribe", json!({ "uri": "a:b" })).await.code(), -32601);
}

#[tokio::test]
async fn a_panic_and_a_fault_are_internal_errors_and_no_more() {
    let server = start().await;
    for client in [server.modern(), server.legacy().await] {
        for tool in ["panic", "break"] {
            let reply = client.call(tool, json!({})).await;
            assert_eq!(reply.body["error"], json!({ "code": -32603, "message": "Internal error" }));
            assert_eq!(reply.body["id"], 7);
        }
        assert_eq!(client.call("echo", json!({ "text": "still there" })).await.text(), "still there");
    }
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_ended() {
    let limits = Limits { call_timeout: Duration::from_millis(5), ..Limits::default() };
    let server = Server::start(toolbox(&Arc::default()).limits(limits).build().unwrap()).await;
    for client in [server.modern(), server.legacy().await] {
        assert_eq!(client.call("quiet", json!({})).await.code(), -32603);
    }
}

#[tokio::test]
async fn headers_and_body_agree() {
    let server = start().await;
    let modern = server.modern();
    let list = json!({});
    let check = async |client: Client, params: serde_json::Value, method: &str, fine: bool| {
        let reply = client.request(1, method, params).await;
        if fine {
            assert_eq!(reply.status, 200, "{}", reply.body);
        } else {
            assert_eq!((reply.status.as_u16(), reply.code()), (400, -32020), "{}", reply.body);
        }
    };
    check(modern.clone().with_header("mcp-method", "prompts/list"), list.clone(), "tools/list", false).await;
    check(modern.clone().with_header("mcp-method", "TOOLS/LIST"), list.clone(), "tools/list", false).await;
    check(modern.clone().with_header("mcp-method", ""), list.clone(), "tools/list", false).await;
    check(modern.clone().with_header("mcp-protocol-version", ""), list.clone(), "tools/list", false).await;
    check(modern.clone().with_header("mcp-protocol-version", "2025-11-25"), list, "tools/list", false).await;
    let call = json!({ "name": "echo", "arguments": { "text": "x" } });
    check(modern.clone().with_header("mcp-name", "add"), call.clone(), "tools/call", false).await;
    check(modern.clone().with_header("mcp-name", ""), call, "tools/call", false).await;

    let region = |value: &str| json!({ "name": "region", "arguments": { "region": value } });
    let with = |value: &str| modern.clone().with_header("mcp-param-region", value);
    check(with("eu"), region("eu"), "tools/call", true).await;
    check(with("=?base64?SGVsbG8=?="), region("Hello"), "tools/call", true).await;
    check(with("SGVsbG8="), region("SGVsbG8="), "tools/call", true).await;
    check(with("us"), region("eu"), "tools/call", false).await;
    check(with("=?base64?SGVs!!!bG8=?="), region("Hello"), "tools/call", false).await;
    check(modern.clone(), region("eu"), "tools/call", false).await;

    let unspoken = json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": "x" } });
    let mut message = modern.message(1, "tools/list", unspoken);
    message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("v999.0.0");
    let client = modern.clone().with_header("mcp-protocol-version", "v999.0.0");
    let reply = crate::support::Reply::read(client.post(&message).await).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, -32022));
    assert_eq!(
        reply.body["error"]["data"],
        json!({ "supported": barewire_mcp::revision::Revision::SPOKEN, "requested": "v999.0.0" })
    );
}
