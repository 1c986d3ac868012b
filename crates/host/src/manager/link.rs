//! The connection to one server: the one place that drives the MCP client.

use std::sync::Arc;
use std::time::Duration;

use barewire_mcp::types::completion::{
    CompleteRequest, CompletionArgument, CompletionContext, CompletionReference,
};
use barewire_mcp::types::json::{RawJson, has_reserved_name};
use barewire_mcp::types::logging::LoggingLevel;
use barewire_mcp::types::subscriptions::SubscriptionFilter;
use barewire_mcp_client::{CallError, CallOptions, Client, ClientOptions, EraChoice};
use serde_json::Value;

use super::trouble::Trouble;
use super::watch::Watch;
use super::{Call, Server, view};
use crate::api::{
    Authorization, CallResult, Complete, CompleteReference, Completion, Era, PromptList, ResourceList,
    ServerView, StartCall, TemplateList, ToolList,
};
use crate::host::{App, millis};

/// Largest answer of `/users/me/` that is shown.
const USER_BYTES: usize = 64 << 10;

/// Tokens are renewed some time before they end; not longer than this.
const RENEWED_BEFORE: Duration = Duration::from_secs(120);

/// A connection to one server.
pub(crate) struct Link {
    client: Client,
    /// How many entries of a list the client fetches.
    entries: usize,
    /// The pause before a stream of changes that the server ended is opened again.
    pause: Duration,
}

/// The options of a server's client: the host's, with the server's own ears and eyes, and its session's grants.
pub(crate) fn options(app: &App, server: &Arc<Server>) -> ClientOptions {
    let watch = Arc::new(Watch::new(app, server));
    let (all, spoken) = (app.client().clone(), server.spoken());
    ClientOptions {
        handler: watch.clone(),
        recorder: watch,
        era: match spoken.era {
            Era::Either => EraChoice::Either,
            Era::Modern => EraChoice::Modern,
            Era::Legacy => EraChoice::Legacy,
        },
        newest: spoken.newest.unwrap_or(all.newest),
        owner: server.key().as_str().to_owned(),
        ..all
    }
}

impl Link {
    pub(crate) async fn connect(app: &App, server: &Arc<Server>) -> Result<Self, Trouble> {
        let client = Client::connect(server.url().as_str(), options(app, server)).await?;
        let entries = app.client().config.max_entries;
        Ok(Self { client, entries, pause: app.limits().reconnect_after })
    }

    /// What the server said about itself.
    pub(crate) fn describe(&self, view: &mut ServerView) {
        let server = self.client.server();
        view.revision = Some(server.revision.as_str().to_owned());
        view.supported_revisions = server.supported;
        view.capabilities = server.raw_capabilities.decode().ok();
        view.instructions = server.instructions;
        view.server_info = server.implementation.map(view::implementation);
        if let Some(info) = &view.server_info {
            view.name = info.title.clone().unwrap_or_else(|| info.name.clone());
        }
    }

    /// Listens for changes, and returns when the connection is lost.
    pub(crate) async fn lost(&self) -> Trouble {
        let filter = self.filter();
        if filter == SubscriptionFilter::default() {
            // Without a stream nothing tells; the next call will.
            return std::future::pending().await;
        }
        loop {
            match self.client.listen(filter.clone()).await.map_err(Trouble::from) {
                // Changes go to the handler. A stream may end at any time, silence is no news, and a connection that
                // breaks says little: whether the server is there shows when the stream is opened again.
                Ok(mut subscription) => while let Ok(Some(_)) = subscription.next().await {},
                Err(trouble @ (Trouble::Lost { .. } | Trouble::LoginRequired { .. })) => return trouble,
                // It declared changes and does not send them. Everything else works.
                Err(trouble) => {
                    tracing::debug!(?trouble, "no stream of changes");
                    return std::future::pending().await;
                }
            }
            tokio::time::sleep(self.pause).await;
        }
    }

    /// Ends the connection in the way of its era.
    pub(crate) async fn close(&self) {
        self.client.close().await;
    }

    /// Revokes the grant where that can be done, and forgets it.
    pub(crate) async fn log_out(&self) -> Result<(), Trouble> {
        Ok(self.client.log_out().await?)
    }

    /// `/users/me/` of the server's origin: what the data server knows of who is logged in.
    pub(crate) async fn user(&self) -> Option<Value> {
        let response = self.client.authorized_get("/users/me/").await.ok()?;
        if !response.status.is_success() || response.body.len() > USER_BYTES {
            return None;
        }
        let text = std::str::from_utf8(&response.body).ok()?;
        if has_reserved_name(text) {
            return None;
        }
        serde_json::from_str(text).ok().filter(Value::is_object)
    }

    pub(crate) async fn tools(&self) -> Result<ToolList, Trouble> {
        let tools = self.client.list_tools().await?;
        let granted = self.client.grant().await?.map(|it| it.tokens.scope);
        let truncated = tools.len() >= self.entries;
        let rejected = self.client.rejected_tools().into_iter().map(view::rejected).collect();
        let tools = tools.into_iter().map(|it| view::tool(it, granted.as_ref())).collect();
        Ok(ToolList { tools, rejected, truncated })
    }

    pub(crate) async fn resources(&self) -> Result<ResourceList, Trouble> {
        let resources = self.client.list_resources().await?;
        let truncated = resources.len() >= self.entries;
        Ok(ResourceList { resources: resources.into_iter().map(view::resource).collect(), truncated })
    }

    pub(crate) async fn templates(&self) -> Result<TemplateList, Trouble> {
        let templates = self.client.list_resource_templates().await?;
        let truncated = templates.len() >= self.entries;
        Ok(TemplateList { templates: templates.into_iter().map(view::template).collect(), truncated })
    }

    pub(crate) async fn prompts(&self) -> Result<PromptList, Trouble> {
        let prompts = self.client.list_prompts().await?;
        let truncated = prompts.len() >= self.entries;
        Ok(PromptList { prompts: prompts.into_iter().map(view::prompt).collect(), truncated })
    }

    pub(crate) async fn complete(&self, request: Complete) -> Result<Completion, Trouble> {
        let reference = match request.reference {
            CompleteReference::Prompt { name } => CompletionReference::Prompt { name, title: None },
            CompleteReference::Resource { uri } => CompletionReference::Resource { uri },
        };
        let request = CompleteRequest {
            reference,
            argument: CompletionArgument { name: request.argument, value: request.value },
            context: CompletionContext { arguments: request.context.into_iter().collect() },
        };
        let completion = self.client.complete(request).await?.completion;
        Ok(Completion {
            has_more: completion.has_more.unwrap_or_default(),
            total: completion.total,
            values: completion.values,
        })
    }

    /// Makes the call. Its questions, progress and exchanges find it by its id.
    pub(crate) async fn call(&self, call: &Call) -> Result<CallResult, Trouble> {
        let options = CallOptions {
            tag: Some(call.id().to_owned()),
            cancel: call.cancelled().clone(),
            log_level: Some(LoggingLevel::Debug),
        };
        Ok(match call.request() {
            StartCall::Tool { name, arguments } => {
                let arguments = RawJson::from(Value::Object(arguments.clone()));
                let result = self.client.call_tool(name, arguments, options).await?;
                CallResult::Tool {
                    content: view::values(&result.content),
                    structured_content: result.structured_content.and_then(|it| it.decode().ok()),
                    is_error: result.is_error,
                }
            }
            StartCall::Resource { uri } => {
                let result = self.client.read_resource(uri, options).await?;
                CallResult::Resource { contents: view::values(&result.contents) }
            }
            StartCall::Prompt { name, arguments } => {
                let arguments = arguments.iter().map(|(name, value)| (name.clone(), text(value))).collect();
                let result = self.client.get_prompt(name, arguments, options).await?;
                CallResult::Prompt {
                    description: result.description,
                    messages: view::values(&result.messages),
                }
            }
        })
    }

    /// What the server can tell about, of what the page shows.
    fn filter(&self) -> SubscriptionFilter {
        let capabilities = self.client.server().capabilities;
        SubscriptionFilter {
            tools_list_changed: capabilities.tools.is_some_and(|it| it.list_changed),
            prompts_list_changed: capabilities.prompts.is_some_and(|it| it.list_changed),
            resources_list_changed: capabilities.resources.is_some_and(|it| it.list_changed),
            resource_subscriptions: Vec::new(),
            task_ids: Vec::new(),
        }
    }

    async fn grant(&self) -> Result<Option<barewire_oauth::client_flow::Grant>, CallError> {
        self.client.grant().await
    }
}

/// Shows what is known of the grant in use.
pub(crate) async fn show_grant(link: &Link, server: &Server) {
    let grant = match link.grant().await {
        Ok(grant) => grant,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the grant cannot be read");
            return;
        }
    };
    server.update(|view| view::grant(view, grant.as_ref()));
}

/// Shows what is known of the grant again if it was renewed, or will be soon.
pub(crate) async fn show_renewed(app: &App, link: &Link, server: &Server) {
    let soon = millis(app.now() + RENEWED_BEFORE);
    if server.view().token_expires_at.is_some_and(|it| it <= soon) {
        show_grant(link, server).await;
    }
}

/// Shows who is logged in. Asked only of servers that the operator has named: what answers there need not be the MCP server,
/// and a token is for that.
pub(crate) async fn show_user(app: &App, link: &Link, server: &Server) {
    if app.config().offers(server.url()) && server.view().authorization == Authorization::Authorized {
        let user = link.user().await;
        server.update(|view| view.user = user);
    }
}

/// Prompts take strings only; what the page sends otherwise is written as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
