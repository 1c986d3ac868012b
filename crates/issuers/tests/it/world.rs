//! Somebody's authorization server in a runtime of its own, so that it can be gone from one moment to the next, and an MCP
//! server that knows nothing of it but its settings.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use barewire_issuers::{ExternalConfig, Signing};
use barewire_mcp_server::{Context, McpServer, NoArguments, ResourceServer, Tool};
use barewire_oauth::resource::Resource;
use barewire_oauth_server::{AuthConfig, AuthorizationServer};
use barewire_store::Store;
use barewire_testkit::{TempDir, TestClock};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(crate) const MCP: &str = "https://rs.example/mcp";
pub(crate) const OTHER: &str = "https://rs.example/other";
pub(crate) const SECRET: &str = "a secret: nobody % guesses it";

/// The key of the client `rs-key`.
pub(crate) const KEY: &str = include_str!("../../../mcp-client/tests/keys/p256.jwk.json");

/// A server of ours, that takes the tokens of this issuer.
pub(crate) struct Visited {
    pub(crate) issuer: String,
    pub(crate) clock: TestClock,
    pub(crate) http: reqwest::Client,
}

pub(crate) struct World {
    visited: Visited,
    runtime: Option<Runtime>,
    _dir: TempDir,
}

impl std::ops::Deref for World {
    type Target = Visited;

    fn deref(&self) -> &Visited {
        &self.visited
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The usual way to end a runtime would wait, and a test must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A call's answer: status, `Retry-After`, the challenge, and what the tool said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<String>,
    pub(crate) challenge: String,
    pub(crate) text: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let (dir, clock) = (TempDir::new(), TestClock::at(std::time::SystemTime::now()));
        let (path, its_clock) = (dir.join("auth.sqlite"), clock.clone());
        let (tell, told) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let issuer = format!("http://{}", listener.local_addr().unwrap());
            let store = Arc::new(Store::open(path).await.unwrap());
            let server = AuthorizationServer::builder(&issuer, store)
                .resource(MCP)
                .resource(OTHER)
                .scope("posts:read", "Read posts")
                .default_scopes(["posts:read"])
                .config(config())
                .clock(its_clock.clock())
                .build()
                .await
                .unwrap();
            tell.send(issuer).unwrap();
            let app = server.router().into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, app).await.unwrap();
        });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let visited = Visited { issuer: told.await.unwrap(), clock, http };
        Self { visited, runtime: Some(runtime), _dir: dir }
    }

    /// The authorization server is gone, with every connection.
    pub(crate) fn stop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// A token of the client `backend`, for this resource.
    pub(crate) async fn token(&self, resource: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "backend"),
            ("client_secret", SECRET),
            ("resource", resource),
        ];
        let answer: Value = self.post("/token", &form).await.json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    pub(crate) async fn revoke(&self, token: &str) {
        let form = [("token", token), ("client_id", "backend"), ("client_secret", SECRET)];
        assert_eq!(self.post("/revoke", &form).await.status(), StatusCode::OK);
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> reqwest::Response {
        self.http.post(format!("{}{path}", self.issuer)).form(form).send().await.unwrap()
    }

    /// It is let in.
    pub(crate) async fn is_let_in(&self, mcp: &str, token: &str) {
        self.is_let_in_as(mcp, token, "client:backend").await;
    }
}

impl Visited {
    /// An MCP server with these settings, `ISSUER` in them standing for the issuer; its URL.
    pub(crate) async fn mcp(&self, settings: &str, signing: Option<Signing>) -> String {
        let config: ExternalConfig = toml::from_str(&settings.replace("ISSUER", &self.issuer)).unwrap();
        let verifier = config.verifier(&Resource::parse(MCP).unwrap(), &[], signing).unwrap();
        let mut auth = ResourceServer::new(MCP, verifier);
        for issuer in config.issuers() {
            auth = auth.authorization_server(issuer);
        }
        let server = McpServer::builder("rs", "1")
            .auth(auth)
            .clock(self.clock.clock())
            .tool(
                Tool::new("whoami", "Says who calls.").scopes(["posts:read"]),
                |ctx: Context, _: NoArguments| async move { Ok(ctx.subject()?.to_owned()) },
            )
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let app = Router::new().route_service("/mcp", server.service());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        url
    }

    /// Calls `whoami` with a token.
    pub(crate) async fn call(&self, mcp: &str, token: &str) -> Answer {
        const REVISION: &str = "2026-07-28";
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        });
        let message = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": "whoami", "arguments": {}, "_meta": meta }
        });
        let request = self
            .http
            .post(mcp)
            .bearer_auth(token)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", REVISION)
            .header("mcp-method", "tools/call")
            .header("mcp-name", "whoami");
        let answer = request.json(&message).send().await.unwrap();
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
        let (status, retry_after) = (answer.status(), header("retry-after"));
        let challenge = header("www-authenticate").unwrap_or_default();
        let body: Value = answer.json().await.unwrap();
        let text = body["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        Answer { status, retry_after, challenge, text }
    }

    /// It is let in, and known as this subject.
    pub(crate) async fn is_let_in_as(&self, mcp: &str, token: &str, subject: &str) {
        let answer = self.call(mcp, token).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, subject), "{answer:?}");
    }

    /// The token is at fault.
    pub(crate) async fn is_refused(&self, mcp: &str, token: &str) {
        let answer = self.call(mcp, token).await;
        assert_eq!((answer.status, answer.retry_after), (StatusCode::UNAUTHORIZED, None));
        assert!(answer.challenge.contains("error=\"invalid_token\""), "{}", answer.challenge);
    }

    /// Nobody's token is at fault, so nobody is sent to log in again.
    pub(crate) async fn is_told_to_come_back(&self, mcp: &str, token: &str) {
        let answer = self.call(mcp, token).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert!(answer.retry_after.is_some() && answer.challenge.is_empty(), "{answer:?}");
    }
}

fn config() -> AuthConfig {
    let mut public: Value = serde_json::from_str(KEY).unwrap();
    public.as_object_mut().unwrap().remove("d");
    let rs = json!({ "client_name": "rs", "introspects": [MCP] });
    let with = |base: &Value, more: Value| {
        let mut client = base.clone();
        client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client
    };
    serde_json::from_value(json!({
        "password_memory_kib": 64,
        "password_passes": 1,
        "own_access": { "backend": "posts:read" },
        "clients": [
            { "client_id": "backend", "client_name": "Backend", "client_secret": SECRET },
            with(&rs, json!({ "client_id": "rs", "client_secret": SECRET })),
            with(&rs, json!({ "client_id": "rs-key", "jwks": { "keys": [public] } })),
        ],
    }))
    .unwrap()
}
