//! What handlers may return.

use barewire_mcp::types::content::{ContentBlock, Role};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::prompts::{GetPromptResult, PromptMessage};
use barewire_mcp::types::resources::{ReadResourceResult, ResourceBody, ResourceContents};
use barewire_mcp::types::tools::CallToolResult;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::schema;
use crate::error::ToolError;

/// What a tool's handler may return.
pub trait ToolOutput: Send + 'static {
    /// Turns it into the result.
    ///
    /// # Errors
    /// When a value does not serialise.
    fn into_result(self) -> Result<CallToolResult, ToolError>;

    /// The JSON Schema of its structured content, if it has any.
    #[must_use]
    fn output_schema() -> Option<Value> {
        None
    }
}

/// Structured content: the value itself for programs, and its JSON as text for models and older clients. The tool
/// declares the schema of `T` as its output schema
/// ([Structured content](https://modelcontextprotocol.io/specification/2026-07-28/server/tools#structured-content)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structured<T>(pub T);

impl<T: Serialize + JsonSchema + Send + 'static> ToolOutput for Structured<T> {
    fn into_result(self) -> Result<CallToolResult, ToolError> {
        let json = RawJson::of(&self.0).map_err(ToolError::internal)?;
        Ok(CallToolResult { structured_content: Some(json.clone()), ..CallToolResult::text(json.as_str()) })
    }

    fn output_schema() -> Option<Value> {
        Some(schema::output::<T>())
    }
}

impl ToolOutput for CallToolResult {
    fn into_result(self) -> Result<CallToolResult, ToolError> {
        Ok(self)
    }
}

impl ToolOutput for String {
    fn into_result(self) -> Result<CallToolResult, ToolError> {
        Ok(CallToolResult::text(self))
    }
}

impl ToolOutput for &'static str {
    fn into_result(self) -> Result<CallToolResult, ToolError> {
        Ok(CallToolResult::text(self))
    }
}

/// Nothing to say beyond "done".
impl ToolOutput for () {
    fn into_result(self) -> Result<CallToolResult, ToolError> {
        Ok(CallToolResult::default())
    }
}

impl ToolOutput for ContentBlock {
    fn into_result(self) -> Result<CallToolResult, ToolError> {
        Ok(CallToolResult { content: vec![self], ..CallToolResult::default() })
    }
}

impl ToolOutput for Vec<ContentBlock> {
    fn into_result(self) -> Result<CallToolResult, ToolError> {
        Ok(CallToolResult { content: self, ..CallToolResult::default() })
    }
}

/// What a resource's handler may return. Address and media type of the declaration are filled in.
pub trait ResourceOutput: Send + 'static {
    /// Turns it into the result.
    fn into_contents(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult;
}

impl ResourceOutput for ReadResourceResult {
    fn into_contents(self, _uri: &str, _mime_type: Option<&str>) -> ReadResourceResult {
        self
    }
}

impl ResourceOutput for Vec<ResourceContents> {
    fn into_contents(self, _uri: &str, _mime_type: Option<&str>) -> ReadResourceResult {
        ReadResourceResult { contents: self, ..ReadResourceResult::default() }
    }
}

impl ResourceOutput for ResourceContents {
    fn into_contents(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult {
        vec![self].into_contents(uri, mime_type)
    }
}

impl ResourceOutput for String {
    fn into_contents(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult {
        whole(uri, mime_type, ResourceBody::Text(self))
    }
}

impl ResourceOutput for &'static str {
    fn into_contents(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult {
        self.to_owned().into_contents(uri, mime_type)
    }
}

impl ResourceOutput for Vec<u8> {
    fn into_contents(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult {
        whole(uri, mime_type, ResourceBody::Blob(STANDARD.encode(self)))
    }
}

impl ResourceOutput for Bytes {
    fn into_contents(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult {
        whole(uri, mime_type, ResourceBody::Blob(STANDARD.encode(self)))
    }
}

/// A value as JSON text.
impl<T: Serialize + Send + 'static> ResourceOutput for Structured<T> {
    fn into_contents(self, uri: &str, mime_type: Option<&str>) -> ReadResourceResult {
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        whole(uri, mime_type.or(Some("application/json")), ResourceBody::Text(text))
    }
}

fn whole(uri: &str, mime_type: Option<&str>, body: ResourceBody) -> ReadResourceResult {
    let mime_type = mime_type.map(str::to_owned);
    let contents = ResourceContents { uri: uri.to_owned(), mime_type, body, meta: serde_json::Map::new() };
    ReadResourceResult { contents: vec![contents], ..ReadResourceResult::default() }
}

/// What a prompt's handler may return.
pub trait PromptOutput: Send + 'static {
    /// Turns it into the result.
    fn into_messages(self) -> GetPromptResult;
}

impl PromptOutput for GetPromptResult {
    fn into_messages(self) -> GetPromptResult {
        self
    }
}

impl PromptOutput for Vec<PromptMessage> {
    fn into_messages(self) -> GetPromptResult {
        GetPromptResult { messages: self, ..GetPromptResult::default() }
    }
}

/// One message of the user.
impl PromptOutput for String {
    fn into_messages(self) -> GetPromptResult {
        vec![PromptMessage { role: Role::User, content: ContentBlock::text(self) }].into_messages()
    }
}
