//! rmcp and its `auth` feature against `barewire demo`: discovery, registration, login, list, read, call, progress, step-up,
//! elicitation, refresh. `client SERVER_URL`; each revision that it speaks as a client.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use barewire_testkit::Browser;
use reqwest::Client as Http;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ElicitRequestParams,
    ElicitResult, ElicitationAction, GetPromptRequestParams, Implementation, ProgressNotificationParam,
    ProtocolVersion, ReadResourceRequestParams,
};
use rmcp::service::{NotificationContext, RequestContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{
    AuthClient, AuthorizationCallback, AuthorizationManager, AuthorizationRequest, OAuthState,
};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt as _, ErrorData, RoleClient, ServiceError};
use serde_json::{Value, json};

const CALLBACK: &str = "http://localhost:43121/callback";

/// Who is asked, and what they saw.
#[derive(Clone)]
struct Person {
    newest: ProtocolVersion,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    questions: usize,
    accepts: bool,
    progress: Vec<(f64, Option<f64>)>,
}

impl Person {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientHandler for Person {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_elicitation().build();
        ClientConfig::new(capabilities, Implementation::new("interop", "1"))
            .with_protocol_version(self.newest.clone())
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let mut seen = self.seen();
        seen.questions += 1;
        Ok(if seen.accepts {
            ElicitResult::new(ElicitationAction::Accept).with_content(json!({ "confirm": true }))
        } else {
            ElicitResult::new(ElicitationAction::Decline)
        })
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.seen().progress.push((progress.progress, progress.total));
    }
}

type Client = RunningService<RoleClient, Person>;

/// One client from the first 401 to the refresh.
struct Run<'a> {
    server: &'a str,
    name: &'static str,
    revision: ProtocolVersion,
    lifecycle: ClientLifecycleMode,
}

impl Run<'_> {
    async fn all(&self) -> Result<()> {
        let newest = if self.revision.has_initialize() {
            self.revision.clone()
        } else {
            ProtocolVersion::LATEST_WITH_INITIALIZE
        };
        let person = Person { newest, seen: Arc::default() };
        let stranger = AuthorizationManager::new(self.server).await?;
        let refused = match self.connect(&person, AuthClient::new(Http::default(), stranger)).await {
            Err(error) => error,
            Ok(_) => anyhow::bail!("the demo let a stranger in"),
        };
        let challenge = refused
            .downcast_ref::<rmcp::service::ClientInitializeError>()
            .and_then(|error| error.auth_challenge())
            .with_context(|| format!("no challenge: {refused:#}"))?
            .to_owned();

        let http = AuthClient::new(Http::default(), self.log_in(challenge).await?);
        let client = self.connect(&person, http.clone()).await?;
        let negotiated = client.peer_info().context("the server says who it is")?.protocol_version.clone();
        ensure!(negotiated == self.revision, "negotiated {negotiated}");
        self.done("login")?;
        self.look(&client).await?;
        // Older revisions have neither structured content nor questions.
        if self.revision >= ProtocolVersion::V_2025_06_18 {
            self.write(&client, &person, &http).await?;
        }
        self.refresh(&client, &http).await?;
        client.cancel().await?;
        Ok(())
    }

    async fn connect(&self, person: &Person, http: AuthClient<Http>) -> Result<Client> {
        let config = StreamableHttpClientTransportConfig::with_uri(self.server);
        let transport = StreamableHttpClientTransport::with_client(http, config);
        Ok(person.clone().serve_with_lifecycle(transport, self.lifecycle.clone()).await?)
    }

    async fn log_in(&self, challenge: String) -> Result<AuthorizationManager> {
        let mut state = OAuthState::new(self.server, None).await?;
        let request = AuthorizationRequest::new(CALLBACK)
            .with_client_name("interop test")
            .with_challenge(challenge)
            .with_initial_scope_selection();
        state.start_authorization(request).await?;
        let url = state.get_authorization_url().await?;
        ensure!(url.contains("posts%3Aread") && !url.contains("posts%3Awrite"), "asked too much: {url}");
        state.handle_callback_url(&back(&url).await?).await?;
        state.into_authorization_manager().context("the login is over")
    }

    async fn look(&self, client: &Client) -> Result<()> {
        let tools = client.list_all_tools().await?;
        for name in ["list_posts", "read_post", "create_post", "delete_post", "export_posts"] {
            ensure!(tools.iter().any(|tool| tool.name == name), "{name} is listed");
        }
        let resources = client.list_all_resources().await?;
        ensure!(!client.list_all_resource_templates().await?.is_empty());
        ensure!(!client.list_all_prompts().await?.is_empty());
        self.done("list")?;

        let page = call(client, "list_posts", json!({})).await?;
        ensure!(page.is_error != Some(true) && !page.content.is_empty(), "{page:?}");
        ensure!(
            self.revision < ProtocolVersion::V_2025_06_18 || page.structured_content.is_some(),
            "{page:?}"
        );
        let first = resources.first().context("a resource is listed")?;
        ensure!(!client.read_resource(ReadResourceRequestParams::new(&first.uri)).await?.contents.is_empty());
        let arguments = json!({ "id": "1" }).as_object().cloned().unwrap_or_default();
        let prompt = GetPromptRequestParams::new("summarize_post").with_arguments(arguments);
        ensure!(!client.get_prompt(prompt).await?.messages.is_empty());
        self.done("call")?;

        if let Ok(wrong) = call(client, "read_post", json!({ "id": "not a number" })).await {
            ensure!(wrong.is_error == Some(true), "{wrong:?}");
        }
        self.done("refusal")?;

        let exported = call(client, "export_posts", json!({ "pause_ms": 0 })).await?;
        ensure!(exported.is_error != Some(true), "{exported:?}");
        // rmcp hands notifications over beside the response, in any order.
        let told = || client.service().seen().progress.iter().any(|(done, total)| Some(*done) == *total);
        for _ in 0..40 {
            if told() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        ensure!(told(), "the last progress did not come: {:?}", client.service().seen().progress);
        self.done("progress")
    }

    async fn write(&self, client: &Client, person: &Person, http: &AuthClient<Http>) -> Result<()> {
        let new = json!({ "title": format!("Written by {}", self.name), "content": "Over the wire." });
        let created = match call(client, "create_post", new.clone()).await {
            Err(error) => {
                let challenge = error.auth_challenge().with_context(|| format!("{error:#}"))?;
                let scope = challenge.split("scope=\"").nth(1).and_then(|rest| rest.split('"').next());
                let manager = http.auth_manager.lock().await;
                let url =
                    manager.request_scope_upgrade(scope.context("the challenge names a scope")?).await?;
                ensure!(
                    url.contains("posts%3Aread") && url.contains("posts%3Awrite"),
                    "asked too little: {url}"
                );
                let answer = AuthorizationCallback::from_redirect_url(&back(&url).await?)?;
                let (code, state) = (&answer.code, &answer.csrf_token);
                manager.exchange_code_for_token_with_issuer(code, state, answer.issuer.as_deref()).await?;
                drop(manager);
                call(client, "create_post", new).await?
            }
            Ok(early) => anyhow::bail!("written without the scope for it: {early:?}"),
        };
        let post = json!({ "id": created.structured_content.as_ref().context("structured content")?["id"] });
        self.done("step-up")?;

        call(client, "delete_post", post.clone()).await?;
        ensure!(
            call(client, "read_post", post.clone()).await?.is_error != Some(true),
            "declined, so it stays"
        );
        person.seen().accepts = true;
        let deleted = call(client, "delete_post", post.clone()).await?;
        ensure!(deleted.structured_content.as_ref().is_some_and(|it| it["deleted"] == true), "{deleted:?}");
        ensure!(person.seen().questions == 2, "each deletion asked");
        ensure!(call(client, "read_post", post).await?.is_error == Some(true));
        self.done("question")
    }

    async fn refresh(&self, client: &Client, http: &AuthClient<Http>) -> Result<()> {
        let before = http.get_access_token().await?;
        http.auth_manager.lock().await.refresh_token().await?;
        ensure!(http.get_access_token().await? != before, "another token");
        ensure!(call(client, "list_posts", json!({})).await?.is_error != Some(true));
        self.done("refresh")
    }

    /// A line for the table of docs/interop.md.
    fn done(&self, step: &str) -> Result<()> {
        println!("ok {}, {}: {step}", self.name, self.revision);
        if let Some(report) = std::env::var_os("BAREWIRE_INTEROP_REPORT") {
            let line = json!({ "client": self.name, "revision": self.revision.to_string(), "step": step });
            writeln!(OpenOptions::new().create(true).append(true).open(report)?, "{line}")?;
        }
        Ok(())
    }
}

async fn call(client: &Client, tool: &'static str, arguments: Value) -> Result<CallToolResult, ServiceError> {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await
}

/// Where the browser is sent in the end.
async fn back(url: &str) -> Result<String> {
    Ok(Browser::new().login_and_consent(&url.parse()?, "johndoe", "secret").await?.into())
}

#[tokio::main]
async fn main() -> Result<()> {
    let server = std::env::args().nth(1).context("client SERVER_URL")?;
    let modern = ProtocolVersion::V_2026_07_28;
    let preferred_versions = vec![modern.clone()];
    let mut runs = vec![
        (
            "rmcp on 2026-07-28",
            modern.clone(),
            ClientLifecycleMode::Discover { preferred_versions: preferred_versions.clone() },
        ),
        (
            "rmcp choosing by itself",
            modern,
            ClientLifecycleMode::Auto { preferred_versions, legacy_version: None },
        ),
    ];
    for revision in ProtocolVersion::KNOWN_VERSIONS.iter().rev().filter(|revision| revision.has_initialize())
    {
        runs.push(("rmcp in its handshake mode", revision.clone(), ClientLifecycleMode::Initialize));
    }
    for (name, revision, lifecycle) in runs {
        let run = Run { server: &server, name, revision, lifecycle };
        let what = format!("{name}, {}", run.revision);
        tokio::time::timeout(std::time::Duration::from_secs(60), run.all())
            .await
            .with_context(|| format!("{what} took longer than a minute"))?
            .with_context(|| format!("{what} failed"))?;
    }
    Ok(())
}
