//! Every revision with a handshake against one server: what is agreed, and in which words it answers from then on.

use std::sync::Arc;

use barewire_mcp::revision::{Era, Revision};
use serde_json::json;

use crate::support::{Client, Server, toolbox};

#[tokio::test]
async fn a_session_speaks_what_its_handshake_agreed_on() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    for revision in Revision::ALL.into_iter().filter(|revision| revision.era() == Era::Legacy) {
        let mut client = Client::new(&server.url, revision.as_str());
        let hello = json!({
            "protocolVersion": revision,
            "capabilities": client.capabilities,
            "clientInfo": { "name": "test", "version": "1" },
        });
        let answer = client.request(1, "initialize", hello).await;
        assert_eq!(answer.result()["protocolVersion"], revision.as_str());
        let completes = answer.result()["capabilities"].get("completions").is_some();
        assert_eq!(completes, revision >= Revision::V2025_03_26, "{revision}");
        client.handshake().await;

        let structured = revision >= Revision::V2025_06_18;
        let list = client.request(2, "tools/list", json!({})).await;
        let tools = list.result()["tools"].as_array().unwrap();
        let add = tools.iter().find(|tool| tool["name"] == "add").unwrap();
        assert_eq!(add.get("outputSchema").is_some(), structured, "{revision}");

        let sum = client.call("add", json!({ "a": 1, "b": 2 })).await;
        assert_eq!(sum.text(), r#"{"sum":3}"#, "{revision}: whoever cannot read the one reads the other");
        assert_eq!(sum.result().get("structuredContent").is_some(), structured, "{revision}");

        // Declared, and still nothing that this revision has: the model is told, rather than nobody.
        if !structured {
            let reply = client.call("ask_name", json!({ "text": "" })).await;
            assert_eq!(reply.result()["isError"], true, "{revision} {}", reply.body);
        }
    }
}

/// Without a session, the header says the revision; without that too, it is taken for 2025-03-26.
#[tokio::test]
async fn a_request_without_a_session_is_answered_in_its_own_words() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let check = |version: &'static str, structured: bool| {
        let client = Client::new(&server.url, "2025-11-25").with_header("mcp-protocol-version", version);
        async move {
            let sum = client.call("add", json!({ "a": 1, "b": 2 })).await;
            assert_eq!(sum.result().get("structuredContent").is_some(), structured, "{version:?}");
        }
    };
    check("2025-11-25", true).await;
    check("2025-06-18", true).await;
    check("2025-03-26", false).await;
    check("2024-11-05", false).await;
    check("", false).await;
}
