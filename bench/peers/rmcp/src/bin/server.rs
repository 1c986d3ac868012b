//! rmcp's streamable HTTP server on axum.
//!
//! For speed: a release build; the tool router and the users made once and shared, where rmcp's examples make the
//! router anew for every request; JSON answers switched on; no tracing subscriber; `TCP_NODELAY`. Everything else is as
//! rmcp ships it.

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use peer_common::arguments::ServerArguments;
use peer_common::token::{Claims, issue};
use peer_common::users::User;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    ProgressNotificationParam, RequestMetaObject, ServerCapabilities, ServerConfig, SubscriptionFilter,
};
use rmcp::service::SubscriptionContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, Json, Peer, RoleServer, ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;
use tokio::net::TcpListener;

#[derive(Deserialize, schemars::JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct GetUser {
    id: u64,
}

/// Cloned for every request, so all of it is shared.
#[derive(Clone)]
struct Bench {
    router: Arc<ToolRouter<Self>>,
    users: Arc<[User]>,
}

#[tool_router]
impl Bench {
    #[tool(description = "Says it again.")]
    fn echo(&self, Parameters(Echo { text }): Parameters<Echo>) -> String {
        text
    }

    #[tool(description = "A user's record.")]
    fn get_user(&self, Parameters(GetUser { id }): Parameters<GetUser>) -> Result<Json<User>, String> {
        let user = usize::try_from(id).ok().and_then(|id| self.users.get(id.checked_sub(1)?));
        user.cloned().map(Json).ok_or_else(|| "There is no such user.".to_owned())
    }

    #[tool(description = "Says it again, after three steps.")]
    async fn echo_with_progress(
        &self,
        Parameters(Echo { text }): Parameters<Echo>,
        meta: RequestMetaObject,
        client: Peer<RoleServer>,
    ) -> Result<String, ErrorData> {
        if let Some(token) = meta.get_progress_token() {
            for step in [1.0, 2.0, 3.0] {
                let progress = ProgressNotificationParam::new(token.clone(), step).with_total(3.0);
                client
                    .notify_progress(progress)
                    .await
                    .map_err(|e| ErrorData::internal_error(e.to_string(), None))?;
            }
        }
        Ok(text)
    }
}

#[tool_handler(router = self.router)]
impl ServerHandler for Bench {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    /// `subscriptions/listen`: nothing ever changes here.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        context.cancelled().await;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = ServerArguments::parse()?;
    let bench = Bench { router: Arc::new(Bench::tool_router()), users: User::all().into() };
    // Sessions for the revisions that have them. rmcp answers within a session with SSE always; JSON is for the rest.
    let config = StreamableHttpServerConfig::default().with_json_response(true);
    let service =
        StreamableHttpService::new(move || Ok(bench.clone()), Arc::<LocalSessionManager>::default(), config);
    let mut app = Router::new().route_service("/mcp", service);
    if arguments.auth {
        let issued = issue(arguments.issuer(), arguments.resource())?;
        let check = Check::new(&arguments, issued.public_pem.as_bytes())?;
        app = app.layer(from_fn_with_state(check, bearer));
        println!("token: {}", issued.token);
    }
    let listener = TcpListener::bind(arguments.listen).await?.tap_io(|stream| {
        let _no_matter = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await?;
    Ok(())
}

/// rmcp checks no tokens; its examples do it in an axum middleware, so this is what its users write.
struct Check {
    key: DecodingKey,
    rules: Validation,
    challenge: HeaderValue,
}

impl Check {
    fn new(arguments: &ServerArguments, public_pem: &[u8]) -> Result<Arc<Self>> {
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_issuer(&[arguments.issuer()]);
        rules.set_audience(&[arguments.resource()]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", arguments.issuer());
        let challenge = format!(r#"Bearer error="invalid_token", resource_metadata="{metadata}""#).parse()?;
        Ok(Arc::new(Self { key: DecodingKey::from_ec_pem(public_pem)?, rules, challenge }))
    }
}

async fn bearer(State(check): State<Arc<Check>>, mut request: Request, next: Next) -> Response {
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer "));
    match token.and_then(|token| decode::<Claims>(token, &check.key, &check.rules).ok()) {
        Some(verified) => {
            request.extensions_mut().insert(verified.claims);
            next.run(request).await
        }
        None => {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, check.challenge.clone())]).into_response()
        }
    }
}
