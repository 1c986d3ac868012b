//! Every revision over every transport that it has: each kind of message, answered in its words and by its schema.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::wire::legacy::has_batches;
use serde_json::{Value, json};

use crate::mounting::serve;
use crate::sse_transport::Old;
use crate::support::{Client, Reply, toolbox};

/// A client of one revision over one transport.
enum Peer {
    Streamable(Box<Client>),
    /// HTTP with SSE.
    Old(Box<Old>),
}

impl Peer {
    async fn connect(url: &str, revision: Revision, old: bool) -> (Self, Value) {
        let hello = json!({
            "protocolVersion": revision,
            "capabilities": {},
            "clientInfo": { "name": "matrix", "version": "1" },
        });
        if old {
            let mut client = Box::new(Old::open(url, None).await);
            let answer = client.request(1, "initialize", hello).await;
            return (Self::Old(client), answer);
        }
        let mut client = Box::new(Client::new(&format!("{url}/mcp"), revision.as_str()));
        let answer = match revision.era() {
            Era::Modern => client.request(1, "server/discover", json!({})).await,
            Era::Legacy => client.request(1, "initialize", hello).await,
        };
        if revision.era() == Era::Legacy {
            client.session = Some(answer.header("mcp-session-id").to_owned());
        }
        (Self::Streamable(client), answer.body)
    }

    async fn request(&mut self, id: i64, method: &str, params: Value) -> Value {
        match self {
            Self::Streamable(client) => client.request(id, method, params).await.body,
            Self::Old(client) => client.request(id, method, params).await,
        }
    }

    /// A message without an answer, or several; gives the status.
    async fn post(&self, message: &Value) -> reqwest::Response {
        match self {
            Self::Streamable(client) => client.post(message).await,
            Self::Old(client) => client.post(message).await,
        }
    }
}

/// The schema of one revision, where this machine has it.
struct Schema(Option<Value>);

impl Schema {
    #[expect(clippy::print_stderr, reason = "what is skipped has to be said")]
    fn of(revision: Revision) -> Self {
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let folder = std::env::var("BAREWIRE_SPEC").ok().map(Into::into);
        let folder =
            folder.or_else(|| above.map(|folder| folder.join("shared/spec")).find(|folder| folder.is_dir()));
        let Some(folder) = folder else {
            eprintln!("SKIPPED the schema of {revision}: no folder shared/spec and no BAREWIRE_SPEC");
            return Self(None);
        };
        let text = std::fs::read_to_string(folder.join(revision.as_str()).join("schema.json")).unwrap();
        Self(Some(serde_json::from_str(&text).unwrap()))
    }

    fn check(&self, definition: &str, value: &Value) {
        let Some(schema) = &self.0 else { return };
        let place = if schema.get("$defs").is_some() { "$defs" } else { "definitions" };
        assert!(schema[place].get(definition).is_some(), "the schema has no {definition}");
        let mut one = schema.clone();
        one["$ref"] = format!("#/{place}/{definition}").into();
        let schema = jsonschema::options().build(&one).unwrap();
        let faults: Vec<_> = schema.iter_errors(value).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{definition}: {faults:?}\n{value}");
    }

    /// A response with a result of this kind.
    fn check_result(&self, definition: &str, message: &Value) {
        self.check("JSONRPCMessage", message);
        assert!(message["result"].is_object(), "{message}");
        self.check(definition, &message["result"]);
    }
}

#[tokio::test]
async fn every_revision_over_every_transport() {
    let mcp = toolbox(&Arc::default()).sse_transport("/sse", "/messages").build().unwrap();
    let (streams, messages) = mcp.sse_services().unwrap();
    let router = Router::new()
        .route_service("/mcp", mcp.service())
        .route_service("/sse", streams)
        .route_service("/messages", messages);
    let url = serve(router).await;
    for revision in Revision::ALL {
        let schema = Schema::of(revision);
        let legacy = revision.era() == Era::Legacy;
        // Clients of newer revisions with a handshake come over the old transport, too.
        for old in [false, true].into_iter().take(1 + usize::from(legacy)) {
            let (mut peer, hello) = Peer::connect(&url, revision, old).await;
            schema.check_result(if legacy { "InitializeResult" } else { "DiscoverResult" }, &hello);

            if legacy {
                schema.check_result("EmptyResult", &peer.request(2, "ping", json!({})).await);
                let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
                assert_eq!(peer.post(&told).await.status().as_u16(), 202, "{revision} {old}");
            }
            schema.check_result("ListToolsResult", &peer.request(3, "tools/list", json!({})).await);
            let call = json!({ "name": "add", "arguments": { "a": 1, "b": 2 } });
            let sum = peer.request(4, "tools/call", call.clone()).await;
            schema.check_result("CallToolResult", &sum);
            assert_eq!(sum["result"]["content"][0]["text"], r#"{"sum":3}"#);
            let structured = revision >= Revision::V2025_06_18;
            assert_eq!(sum["result"].get("structuredContent").is_some(), structured, "{revision} {old}");
            schema.check_result("ListResourcesResult", &peer.request(5, "resources/list", json!({})).await);
            let read = peer.request(6, "resources/read", json!({ "uri": "test://static" })).await;
            schema.check_result("ReadResourceResult", &read);
            schema.check_result("ListPromptsResult", &peer.request(7, "prompts/list", json!({})).await);
            let prompt = json!({ "name": "greet", "arguments": { "name": "Ann" } });
            schema.check_result("GetPromptResult", &peer.request(8, "prompts/get", prompt).await);

            let nothing = peer.request(9, "resources/read", json!({ "uri": "test://nothing" })).await;
            schema.check("JSONRPCMessage", &nothing);
            assert_eq!(nothing["error"]["code"], if legacy { -32002 } else { -32602 });
            let unknown = peer.request(10, "nonsense", json!({})).await;
            schema.check("JSONRPCMessage", &unknown);
            assert_eq!(unknown["error"]["code"], -32601);

            let ping = json!({ "jsonrpc": "2.0", "id": 11, "method": "ping" });
            let call = json!({ "jsonrpc": "2.0", "id": 12, "method": "tools/call", "params": call });
            let batch = Reply::read(peer.post(&json!([ping, call])).await).await;
            if has_batches(revision) && !old {
                schema.check("JSONRPCMessage", &batch.body);
                schema.check("JSONRPCBatchResponse", &batch.body);
                schema.check("CallToolResult", &batch.body[1]["result"]);
            } else {
                assert_eq!((batch.status.as_u16(), batch.code()), (400, -32600), "{revision} {old}");
            }
        }
    }
}
