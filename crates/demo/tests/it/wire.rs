//! MCP by hand, in both eras: what a client writes and reads on the wire, and nothing of our own client.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use crate::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// 2025-11-25: a handshake and a session.
    Legacy,
    /// 2026-07-28: each request for itself.
    Modern,
}

pub(crate) const ERAS: [Era; 2] = [Era::Legacy, Era::Modern];

/// One client with one token.
pub(crate) struct Caller<'a> {
    pub(crate) world: &'a World,
    pub(crate) era: Era,
    pub(crate) token: String,
    session: Option<String>,
}

/// What came back for one request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Everything on the stream before the response.
    pub(crate) notifications: Vec<Value>,
    /// The response.
    pub(crate) message: Value,
}

impl<'a> Caller<'a> {
    pub(crate) async fn open(world: &'a World, era: Era, token: String) -> Self {
        let mut caller = Self { world, era, token, session: None };
        if era == Era::Legacy {
            let hello = json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "elicitation": {} },
                "clientInfo": { "name": "by-hand", "version": "0" },
            });
            let reply = caller.request(json!(0), "initialize", hello, |_| Value::Null).await;
            assert_eq!(reply.message["result"]["protocolVersion"], "2025-11-25", "{reply:?}");
            caller.session = Some(reply.headers["mcp-session-id"].to_str().unwrap().to_owned());
            let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            assert_eq!(caller.post(&ready).await.status(), StatusCode::ACCEPTED);
        }
        caller
    }

    /// The result of a tool that did not fail.
    pub(crate) async fn tool(&self, name: &str, arguments: Value) -> Value {
        let reply = self.call_tool(json!(1), name, arguments).await;
        let result = &reply.message["result"];
        assert!(result.is_object() && result["isError"] != true, "{name}: {reply:?}");
        result["structuredContent"].clone()
    }

    /// The text of a tool that failed.
    pub(crate) async fn tool_error(&self, name: &str, arguments: Value) -> String {
        let reply = self.call_tool(json!(1), name, arguments).await;
        assert_eq!(reply.message["result"]["isError"], true, "{name}: {reply:?}");
        reply.message["result"]["content"][0]["text"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn call_tool(&self, id: Value, name: &str, arguments: Value) -> Reply {
        self.call(id, "tools/call", json!({ "name": name, "arguments": arguments })).await
    }

    pub(crate) async fn call(&self, id: Value, method: &str, params: Value) -> Reply {
        self.request(id, method, params, |question| panic!("unexpected question {question}")).await
    }

    /// One request; `answer` is asked what the person says, with the params of each question, in either era.
    pub(crate) async fn request(
        &self,
        id: Value,
        method: &str,
        mut params: Value,
        answer: impl Fn(&Value) -> Value,
    ) -> Reply {
        loop {
            if self.era == Era::Modern {
                params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
                params["_meta"]["io.modelcontextprotocol/clientInfo"] =
                    json!({ "name": "by-hand", "version": "0" });
                params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {} });
            }
            let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
            let reply = self.read(self.post(&message).await, &id, &answer).await;
            if reply.message["result"]["resultType"] != "input_required" {
                return reply;
            }
            let questions = reply.message["result"]["inputRequests"].as_object().unwrap();
            params["inputResponses"] =
                questions.iter().map(|(key, question)| (key.clone(), answer(&question["params"]))).collect();
            params["requestState"] = reply.message["result"]["requestState"].clone();
        }
    }

    /// One request whose answer the caller reads.
    pub(crate) async fn send(&self, id: Value, method: &str, mut params: Value) -> reqwest::Response {
        if self.era == Era::Modern {
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
            params["_meta"]["io.modelcontextprotocol/clientInfo"] =
                json!({ "name": "by-hand", "version": "0" });
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {} });
        }
        self.post(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await
    }

    /// The stream of a legacy session.
    pub(crate) async fn stream(&self) -> reqwest::Response {
        let session = self.session.as_ref().unwrap();
        let request = self.world.http.get(self.world.url("/mcp")).bearer_auth(&self.token);
        let request = request.header("accept", "text/event-stream").header("mcp-session-id", session);
        request.header("mcp-protocol-version", "2025-11-25").send().await.unwrap()
    }

    async fn post(&self, message: &Value) -> reqwest::Response {
        let accept = "application/json, text/event-stream";
        let mut request =
            self.world.http.post(self.world.url("/mcp")).bearer_auth(&self.token).header("accept", accept);
        if self.era == Era::Modern {
            request = request.header("mcp-protocol-version", "2026-07-28");
            request = request.header("mcp-method", message["method"].as_str().unwrap());
            let name = ["name", "uri"].iter().find_map(|key| message["params"][*key].as_str());
            if let Some(name) = name.filter(|_| message["method"] != "completion/complete") {
                request = request.header("mcp-name", name);
            }
        } else if let Some(session) = &self.session {
            request = request.header("mcp-protocol-version", "2025-11-25").header("mcp-session-id", session);
        }
        request.json(message).send().await.unwrap()
    }

    async fn read(
        &self,
        mut response: reqwest::Response,
        id: &Value,
        answer: &impl Fn(&Value) -> Value,
    ) -> Reply {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut notifications = Vec::new();
        let is_stream = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        if !is_stream {
            let body = response.text().await.unwrap();
            let message: Value = serde_json::from_str(&body).unwrap_or_else(|_| json!({ "body": body }));
            if status.is_success() {
                assert_eq!(message["id"], *id, "an answer crossed");
            }
            return Reply { status, headers, notifications, message };
        }
        let mut text = String::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((event, rest)) = text.split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned()))
            {
                text = rest;
                let data: String =
                    event.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).collect();
                let Ok(message) = serde_json::from_str::<Value>(&data) else { continue };
                match (message.get("method"), message.get("id")) {
                    (Some(_), Some(question)) => {
                        let result = answer(&message["params"]);
                        let message = json!({ "jsonrpc": "2.0", "id": question, "result": result });
                        assert_eq!(self.post(&message).await.status(), StatusCode::ACCEPTED);
                    }
                    (Some(_), None) => notifications.push(message),
                    (None, _) => {
                        assert_eq!(message["id"], *id, "an answer crossed");
                        return Reply { status, headers, notifications, message };
                    }
                }
            }
        }
        panic!("the stream ended without a response: {notifications:?}");
    }
}
