//! A server on rmcp: `server PORT`.
//!
//! What it offers is what every server here does; xtask/src/interop/servers.rs says what is asked of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use rmcp::handler::server::tool::InputResponses;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, ElicitRequest, ElicitRequestParams, ElicitationSchema,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation, InputRequest,
    InputRequiredResult, ListPromptsResult, ListResourcesResult, PaginatedRequestParams,
    ProgressNotificationParam, Prompt, PromptArgument, PromptMessage, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, RequestMetaObject, Resource,
    ResourceContents, Role, ServerCapabilities, ServerConfig,
};
use rmcp::service::{ElicitationError, RequestContext};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{
    ErrorData, Json, Peer, RoleServer, ServerHandler, elicit_safe, schemars, tool, tool_handler, tool_router,
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Deserialize, schemars::JsonSchema)]
struct Add {
    a: f64,
    b: f64,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Sum {
    sum: f64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Count {
    to: u32,
}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct Name {
    name: String,
}
elicit_safe!(Name);

const QUESTION: &str = "Who are you?";

#[derive(Clone)]
struct Theirs;

#[tool_router]
impl Theirs {
    #[tool(description = "Adds")]
    fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> Json<Sum> {
        Json(Sum { sum: a + b })
    }

    #[tool(description = "Counts")]
    async fn count(
        &self,
        Parameters(Count { to }): Parameters<Count>,
        meta: RequestMetaObject,
        client: Peer<RoleServer>,
    ) -> Result<String, ErrorData> {
        if let Some(token) = meta.get_progress_token() {
            for step in 1..=to {
                let progress =
                    ProgressNotificationParam::new(token.clone(), step.into()).with_total(to.into());
                client.notify_progress(progress).await.map_err(internal)?;
            }
        }
        Ok(format!("counted to {to}"))
    }

    /// With a request on the stream where that is allowed, with an answer that asks otherwise.
    #[tool(description = "Asks for a name")]
    async fn ask(
        &self,
        InputResponses(answers): InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let modern =
            context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        let name = match (modern, answers) {
            (false, _) => match context.peer.elicit::<Name>(QUESTION).await {
                Ok(answer) => answer.map(|Name { name }| name),
                Err(ElicitationError::UserDeclined | ElicitationError::UserCancelled) => None,
                Err(error) => return Err(internal(error)),
            },
            (true, None) => {
                let requested_schema = ElicitationSchema::from_type::<Name>().map_err(internal)?;
                let form = ElicitRequestParams::FormElicitationParams {
                    meta: None,
                    message: QUESTION.to_owned(),
                    requested_schema,
                };
                let question = InputRequest::Elicitation(ElicitRequest::new(form));
                let questions = BTreeMap::from([("name".to_owned(), question)]);
                return Ok(InputRequiredResult::new(Some(questions), None).into());
            }
            (true, Some(answers)) => answers
                .get("name")
                .filter(|answer| answer["action"] == "accept")
                .and_then(|answer| answer["content"]["name"].as_str())
                .map(str::to_owned),
        };
        let text = match name {
            Some(name) => format!("Hello, {name}."),
            None => "Hello, whoever you are.".to_owned(),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

#[tool_handler]
impl ServerHandler for Theirs {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("theirs", "1.0.0"))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(vec![Resource::new("note://hello", "hello")]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if request.uri != "note://hello" {
            return Err(ErrorData::resource_not_found("there is no such note", None));
        }
        Ok(ReadResourceResult::new(vec![ResourceContents::text("Hello.", request.uri)]).into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let argument = PromptArgument::new("name").with_required(true);
        Ok(ListPromptsResult::with_all_items(vec![Prompt::new(
            "greet",
            Some("Greets"),
            Some(vec![argument]),
        )]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let name = request.arguments.as_ref().and_then(|given| given.get("name")?.as_str());
        let (true, Some(name)) = (request.name == "greet", name) else {
            return Err(ErrorData::invalid_params("there is no such prompt", None));
        };
        let message = PromptMessage::new_text(Role::User, format!("Greet {name}."));
        Ok(GetPromptResult::new(vec![message]).into())
    }
}

fn internal(error: impl std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

#[tokio::main]
async fn main() -> Result<()> {
    let port: u16 = std::env::args().nth(1).context("server PORT")?.parse()?;
    let service = StreamableHttpService::new(
        || Ok(Theirs),
        Arc::<LocalSessionManager>::default(),
        StreamableHttpServerConfig::default(),
    );
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, Router::new().route_service("/mcp", service)).await?;
    Ok(())
}
