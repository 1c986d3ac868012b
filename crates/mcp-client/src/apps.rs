//! Apps of a server: which tools have one, its page, checked, and who may call what
//! ([MCP Apps](https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx)).
//!
//! Showing them is for the application, and so is to say that it does
//! ([`ClientOptions::shows_apps`](crate::ClientOptions::shows_apps)). The page of an app is a stranger's, however well it was
//! checked: it belongs into a sandbox, under a policy that lets it reach what its metadata names and no more.

use barewire_mcp::types::apps::{App, AppFault, AppTools, check_uri};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::resources::Resource;
use barewire_mcp::types::tools::CallToolResult;

use crate::client::{CallOptions, Client};
use crate::error::CallError;

/// Why an app was not read, or a call of an app not made.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The request failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The server offers something else than an app, or the app wants what is not for it.
    #[error(transparent)]
    Fault(#[from] AppFault),
}

impl Client {
    /// All tools that can be called, and for whom each of them is. Those that say it wrongly are for nobody, with a line in the
    /// log.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn list_app_tools(&self) -> Result<AppTools, CallError> {
        let tools = AppTools::new(self.list_tools().await?);
        for (tool, fault) in tools.faults() {
            tracing::warn!(tool, reason = %fault, "the tool is for nobody");
        }
        Ok(tools)
    }

    /// Reads an app, at most [`ClientConfig::max_app_bytes`](crate::ClientConfig::max_app_bytes) of it. What the server's list
    /// of resources says of it counts where its contents say nothing; it may be empty.
    ///
    /// # Errors
    /// [`AppError`]. What is no address of an app is not asked for.
    pub async fn read_app(&self, uri: &str, listed: &[Resource]) -> Result<App, AppError> {
        check_uri(uri)?;
        let contents = self.read_resource(uri, CallOptions::default()).await?.contents;
        let listed = listed.iter().find(|resource| resource.uri == uri).map(|resource| &resource.meta);
        let max_bytes = self.connection().options.config.max_app_bytes;
        Ok(App::new(uri, contents, listed, max_bytes)?)
    }

    /// Calls a tool for an app of this server. The tools are those that [`Client::list_app_tools`] gave.
    ///
    /// # Errors
    /// [`AppError`]. A call of what is not for apps is not made.
    pub async fn call_tool_from_app(
        &self,
        tools: &AppTools,
        name: &str,
        arguments: RawJson,
        options: CallOptions,
    ) -> Result<CallToolResult, AppError> {
        tools.check_call_from_app(name)?;
        Ok(self.call_tool(name, arguments, options).await?)
    }
}
