//! A running server, a client of each era, and the tools that both call.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use barewire_mcp::http::sse::Decoder;
use barewire_mcp_server::types::elicitation::{ElicitRequest, ElicitSchema, StringSchema};
use barewire_mcp_server::types::logging::LoggingLevel;
use barewire_mcp_server::types::sampling::CreateMessageRequest;
use barewire_mcp_server::{
    CompletionInput, CompletionOf, Context, McpServer, McpServerBuilder, NoArguments, Principal, Prompt,
    PromptArguments, Resource, ResourceServer, ResourceTemplate, Structured, TokenVerifier, Tool, ToolError,
    UriVariables, ask,
};
use barewire_oauth::bearer::BearerError;
use barewire_oauth::scope::ScopeSet;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub(crate) const MODERN: &str = "2026-07-28";
pub(crate) const LEGACY: &str = "2025-11-25";

/// A server on a port of its own, until the test ends.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) mcp: McpServer,
}

impl Server {
    /// On bare hyper.
    pub(crate) async fn start(mcp: McpServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let service = mcp.service();
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(service.clone());
                tokio::spawn(async move {
                    let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = http.serve_connection(TokioIo::new(connection), service).await;
                });
            }
        });
        Self { url, mcp }
    }

    pub(crate) fn modern(&self) -> Client {
        Client::new(&self.url, MODERN)
    }

    /// A client after its handshake, with every capability.
    pub(crate) async fn legacy(&self) -> Client {
        self.legacy_as(None).await
    }

    pub(crate) async fn legacy_as(&self, token: Option<&str>) -> Client {
        let mut client = Client::new(&self.url, LEGACY);
        client.token = token.map(str::to_owned);
        client.handshake().await;
        client
    }
}

/// A client that speaks HTTP and JSON itself, so that it can also speak them wrongly.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) revision: &'static str,
    pub(crate) token: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) capabilities: Value,
    pub(crate) extra: HeaderMap,
}

impl Client {
    pub(crate) fn new(url: &str, revision: &'static str) -> Self {
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            url: url.to_owned(),
            revision,
            token: None,
            session: None,
            capabilities: json!({ "elicitation": {}, "sampling": {}, "roots": {} }),
            extra: HeaderMap::new(),
        }
    }

    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn with_capabilities(mut self, capabilities: Value) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Sets a header over what the client would send; an empty value takes it away.
    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.extra.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    pub(crate) async fn handshake(&mut self) {
        let params = json!({
            "protocolVersion": self.revision,
            "capabilities": self.capabilities,
            "clientInfo": { "name": "test", "version": "1" },
        });
        let reply = self.request(1, "initialize", params).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        self.session = Some(reply.header("mcp-session-id").to_owned());
        let told = self.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        assert_eq!(told.status(), StatusCode::ACCEPTED);
    }

    /// The message of a request, with what a modern one has to carry.
    pub(crate) fn message(&self, id: impl Into<Value>, method: &str, mut params: Value) -> Value {
        if self.revision == MODERN {
            let meta = params.as_object_mut().unwrap().entry("_meta").or_insert_with(|| json!({}));
            meta["io.modelcontextprotocol/protocolVersion"] = MODERN.into();
            meta["io.modelcontextprotocol/clientCapabilities"] = self.capabilities.clone();
            meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "test", "version": "1" });
        }
        json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
    }

    fn headers(&self, message: &Value) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        };
        set("content-type", "application/json");
        set("accept", "application/json, text/event-stream");
        let opens = message["method"] == "initialize";
        if !opens || self.revision == MODERN {
            set("mcp-protocol-version", self.revision);
        }
        if self.revision == MODERN {
            if let Some(method) = message["method"].as_str() {
                set("mcp-method", method);
            }
            let params = &message["params"];
            let name = match message["method"].as_str() {
                Some("tools/call" | "prompts/get") => params["name"].as_str(),
                Some("resources/read") => params["uri"].as_str(),
                Some("tasks/get" | "tasks/update" | "tasks/cancel") => params["taskId"].as_str(),
                _ => None,
            };
            if let Some(name) = name {
                set("mcp-name", name);
            }
        }
        if let Some(token) = &self.token {
            set("authorization", &format!("Bearer {token}"));
        }
        if let (Some(session), false) = (&self.session, opens) {
            set("mcp-session-id", session);
        }
        for (name, value) in &self.extra {
            if value.is_empty() {
                headers.remove(name);
            } else {
                headers.insert(name, value.clone());
            }
        }
        headers
    }

    /// POSTs a message and gives the response as soon as its head is there.
    pub(crate) async fn post(&self, message: &Value) -> reqwest::Response {
        self.http
            .post(&self.url)
            .headers(self.headers(message))
            .body(message.to_string())
            .send()
            .await
            .unwrap()
    }

    /// A request, whole.
    pub(crate) async fn request(&self, id: impl Into<Value>, method: &str, params: Value) -> Reply {
        Reply::read(self.post(&self.message(id, method, params)).await).await
    }

    /// Calls a tool.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Reply {
        self.request(7, "tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// Calls a tool and reads its answer as it comes.
    pub(crate) async fn call_streaming(&self, id: i64, tool: &str, arguments: Value) -> Stream {
        let params = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": "t" } });
        Stream::open(self.post(&self.message(id, "tools/call", params)).await)
    }

    /// Another HTTP method, without a body.
    pub(crate) async fn bare(&self, method: Method) -> reqwest::Response {
        let mut headers = self.headers(&Value::Null);
        headers.remove("content-type");
        self.http.request(method, &self.url).headers(headers).send().await.unwrap()
    }

    /// Opens the GET stream of the session.
    pub(crate) async fn listen(&self) -> Stream {
        let response = self.bare(Method::GET).await;
        assert_eq!(response.status(), StatusCode::OK);
        Stream::open(response)
    }

    /// Answers a question of the server.
    pub(crate) async fn answer(&self, question: &Value, result: Value) -> StatusCode {
        self.post(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": result })).await.status()
    }
}

/// A whole response: the messages of a stream, or the one of a JSON body, which is the last of them.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) streamed: bool,
    pub(crate) notifications: Vec<Value>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let kind = headers.get("content-type").map_or("", |value| value.to_str().unwrap());
        if kind == "text/event-stream" {
            let mut stream = Stream::open(response);
            let mut notifications = Vec::new();
            while let Some(message) = stream.next().await {
                notifications.push(message);
            }
            let body = notifications.pop().unwrap_or_default();
            return Self { status, headers, streamed: true, notifications, body };
        }
        let body = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
        Self { status, headers, streamed: false, notifications: Vec::new(), body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn result(&self) -> &Value {
        assert!(self.body["result"].is_object(), "no result: {}", self.body);
        &self.body["result"]
    }

    pub(crate) fn text(&self) -> &str {
        self.result()["content"][0]["text"].as_str().unwrap()
    }

    pub(crate) fn code(&self) -> i64 {
        self.body["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {}", self.body))
    }
}

/// A response that is read event by event.
pub(crate) struct Stream {
    response: reqwest::Response,
    decoder: Decoder,
    ready: VecDeque<Value>,
    /// The id of the last event that had one.
    pub(crate) last_event_id: Option<String>,
}

impl Stream {
    pub(crate) fn open(response: reqwest::Response) -> Self {
        Self { response, decoder: Decoder::new(1 << 20), ready: VecDeque::new(), last_event_id: None }
    }

    /// The first event id, which may come before any message.
    pub(crate) async fn event_id(&mut self) -> String {
        while self.last_event_id.is_none() {
            let piece = self.response.chunk().await.unwrap().unwrap();
            for event in self.decoder.feed(&piece).unwrap() {
                self.last_event_id = event.id.or(self.last_event_id.take());
            }
        }
        self.last_event_id.clone().unwrap()
    }

    /// When to come back, if the server said so.
    pub(crate) fn retry(&self) -> Option<std::time::Duration> {
        self.decoder.retry()
    }

    /// The next message; nothing at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            let piece = self.response.chunk().await.unwrap()?;
            let events = self.decoder.feed(&piece).unwrap();
            for event in events {
                self.last_event_id = event.id.or(self.last_event_id.take());
                if !event.data.is_empty() {
                    self.ready.push_back(serde_json::from_str(&event.data).unwrap());
                }
            }
        }
    }
}

/// What the tools of one test share with it.
#[derive(Default)]
pub(crate) struct Probe {
    /// How often a step ran.
    pub(crate) runs: AtomicUsize,
    /// A handler got to where it waits.
    pub(crate) reached: Notify,
    /// The test lets a waiting handler go on.
    pub(crate) go: Notify,
    /// A handler's work was dropped or told to end.
    pub(crate) ended: Notify,
    /// A handler came to its end by itself.
    pub(crate) finished: Notify,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Echo {
    /// What to say.
    pub(crate) text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Numbers {
    a: i64,
    b: i64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(Deserialize, JsonSchema)]
struct Region {
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
}

pub(crate) fn name_form() -> ElicitRequest {
    ElicitRequest::form("Who?", ElicitSchema::new().required("name", StringSchema::default()))
}

/// Notices that it is dropped.
struct Dropped(Arc<Probe>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.ended.notify_one();
    }
}

/// One of everything.
pub(crate) fn toolbox(probe: &Arc<Probe>) -> McpServerBuilder {
    let with = |probe: &Arc<Probe>| probe.clone();
    let (slow, deaf, memo, quiet) = (with(probe), with(probe), with(probe), with(probe));
    McpServer::builder("toolbox", "1.2.3")
        .instructions("Try them.")
        .logging()
        .tool(Tool::new("echo", "Says it again."), |_: Context, args: Echo| async move { Ok(args.text) })
        .tool(Tool::new("add", "Adds."), |_: Context, args: Numbers| async move {
            Ok(Structured(Sum { sum: args.a + args.b }))
        })
        .tool(Tool::new("whoami", "Says who calls."), |ctx: Context, _: NoArguments| async move {
            // Give others a chance to come in between.
            tokio::task::yield_now().await;
            Ok(ctx.subject()?.to_owned())
        })
        .tool(Tool::new("region", "Has a mirrored argument."), |_: Context, args: Region| async move {
            Ok(args.region)
        })
        .tool(Tool::new("ask_name", "Asks for a name."), |ctx: Context, _: Echo| async move {
            let answer = ctx.elicit("name", name_form()).await?;
            match answer.content {
                Some(content) => Ok(format!("Hello {}", content["name"].as_str().unwrap_or("?"))),
                None => Ok(format!("{:?}", answer.action)),
            }
        })
        .tool(
            Tool::new("ask_twice", "Does something, then asks twice."),
            move |ctx: Context, _: NoArguments| {
                let probe = memo.clone();
                async move {
                    let order: u64 = ctx
                        .memo("order", async {
                            probe.runs.fetch_add(1, Ordering::SeqCst);
                            Ok(41)
                        })
                        .await?;
                    let first = ctx.elicit("first", name_form()).await?;
                    let second = ctx.elicit("second", name_form()).await?;
                    let name = |result: &barewire_mcp_server::types::elicitation::ElicitResult| {
                        result
                            .content
                            .as_ref()
                            .map_or_else(String::new, |content| content["name"].to_string())
                    };
                    Ok(format!("{order} {} {}", name(&first), name(&second)))
                }
            },
        )
        .tool(
            Tool::new("ask_all", "Asks for three things at once."),
            |ctx: Context, _: NoArguments| async move {
                let request = CreateMessageRequest { max_tokens: 10, ..CreateMessageRequest::default() };
                let (name, said, roots) = ask::all_three(
                    ctx.elicit("name", name_form()),
                    ctx.sample("said", request),
                    ctx.roots("roots"),
                )
                .await?;
                Ok(format!("{:?} {} {}", name.action, said.model, roots.roots.len()))
            },
        )
        .tool(
            Tool::new("needs_sampling", "Cannot do without.").requires(
                barewire_mcp_server::types::capabilities::ClientCapabilities {
                    sampling: Some(Default::default()),
                    ..Default::default()
                },
            ),
            |_: Context, _: NoArguments| async move { Ok("ok") },
        )
        .tool(Tool::new("progress", "Reports progress."), |ctx: Context, _: NoArguments| async move {
            for done in [0.0, 50.0, 50.0, 20.0, 100.0] {
                ctx.progress(done, Some(100.0), Some("working")).await;
            }
            Ok("done")
        })
        .tool(Tool::new("log", "Logs."), |ctx: Context, _: NoArguments| async move {
            ctx.log(LoggingLevel::Debug, Some("db"), json!({ "n": 1 })).await;
            ctx.log(LoggingLevel::Warning, None, "careful").await;
            Ok("logged")
        })
        .tool(Tool::new("slow", "Works until it is stopped."), move |ctx: Context, _: NoArguments| {
            let dropped = Dropped(slow.clone());
            async move {
                ctx.progress(1.0, None, None).await;
                dropped.0.reached.notify_one();
                dropped.0.go.notified().await;
                dropped.0.finished.notify_one();
                Ok("finished")
            }
        })
        .tool(Tool::new("elsewhere", "Works on another task."), move |ctx: Context, _: NoArguments| {
            let probe = deaf.clone();
            async move {
                let (inner, watched) = (ctx.clone(), probe.clone());
                tokio::spawn(async move {
                    inner.cancelled().await;
                    assert!(inner.is_cancelled());
                    watched.ended.notify_one();
                });
                probe.reached.notify_one();
                std::future::pending::<()>().await;
                Ok("never")
            }
        })
        .tool(Tool::new("quiet", "Says nothing until it may."), move |_: Context, _: NoArguments| {
            let probe = quiet.clone();
            async move {
                probe.go.notified().await;
                Ok("at last")
            }
        })
        .tool(Tool::new("panic", "Panics."), |_: Context, _: NoArguments| async move {
            if true {
                panic!("on purpose");
            }
            Ok("never")
        })
        .tool(Tool::new("fail", "Fails."), |_: Context, _: NoArguments| async move {
            Err::<String, _>(ToolError::new("no luck"))
        })
        .tool(Tool::new("break", "Breaks."), |_: Context, _: NoArguments| async move {
            Err::<String, _>(ToolError::internal("password is hunter2"))
        })
        .resource(Resource::new("test://static", "Static").mime_type("text/plain"), |_: Context| async move {
            Ok("static text")
        })
        .resource(Resource::new("test://bytes", "Bytes").mime_type("image/png"), |_: Context| async move {
            Ok(vec![1_u8, 2, 3])
        })
        .resource_template(
            ResourceTemplate::new("test://item/{id}", "Item").mime_type("text/plain"),
            |_: Context, variables: UriVariables| async move {
                let id: u32 = variables.parse("id")?;
                Ok(format!("item {id}"))
            },
        )
        .prompt(
            Prompt::new("greet", "Greets.").argument("name", "Whom").optional_argument("mood", "How"),
            |_: Context, args: PromptArguments| async move {
                Ok(format!("Greet {} {}", args.get("name"), args.get("mood")))
            },
        )
        .prompt(Prompt::new("ask", "Asks first."), |ctx: Context, _: PromptArguments| async move {
            let answer = ctx.elicit("name", name_form()).await?;
            Ok(format!("{:?}", answer.action))
        })
        .completion(CompletionOf::prompt("greet", "name"), |_: Context, input: CompletionInput| async move {
            Ok((0..150).map(|number| format!("{}{number}", input.value)).collect::<Vec<_>>())
        })
}

/// Tokens are `user.scope+scope`, or `user.scope.thumbprint` of the key that they are bound to; everything else is none.
pub(crate) struct Users;

impl TokenVerifier for Users {
    async fn verify(&self, token: &str, _now: SystemTime) -> Result<Principal, BearerError> {
        let (user, scopes) = token.split_once('.').ok_or(BearerError::Invalid)?;
        let (scopes, key) =
            scopes.split_once('.').map_or((scopes, None), |(scopes, key)| (scopes, Some(key)));
        let mut principal = Principal::new(user);
        principal.bound_to = key.map(str::to_owned);
        principal.client_id = Some("client".into());
        principal.scopes = ScopeSet::from_tokens(scopes.split('+'));
        Ok(principal)
    }
}

pub(crate) fn resource_server() -> ResourceServer {
    ResourceServer::new("https://api.example.com/mcp", Users)
        .authorization_server("https://as.example.com")
        .scopes_supported(["read"])
}
