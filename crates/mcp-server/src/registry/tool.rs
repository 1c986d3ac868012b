//! Tools: their declaration and their handler.

use std::future::Future;
use std::sync::Arc;

use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::types::apps::{DEPRECATED_META_KEY, META_KEY, UiToolMeta, Visibility};
use barewire_mcp::types::capabilities::ClientCapabilities;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::operation::Outcome;
use barewire_mcp::types::tools::{Tool as Declared, ToolAnnotations};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::declaration::{described, ruled};
use super::foreign::Foreign;
use super::output::ToolOutput;
use super::{RegistryError, Work, schema};
use crate::auth::access::Rule;
use crate::context::Context;
use crate::error::ToolError;

/// The declaration of a tool: what lists show and who may call it
/// ([Tools](https://modelcontextprotocol.io/specification/2026-07-28/server/tools)).
///
/// Its input schema comes from the handler's argument type, and its output schema from a [`Structured`](super::Structured)
/// return type; both can be given as values instead.
pub struct Tool {
    declared: Declared,
    input_schema: Option<Value>,
    output_schema: Option<Value>,
    rule: Rule,
    requires: ClientCapabilities,
    ui: UiToolMeta,
}

described!(Tool);
ruled!(Tool, "a call");

impl Tool {
    /// A tool with this name (1 to 128 characters of `A-Z a-z 0-9 _ - .`) and a description for the model.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            declared: Declared::new(name, description),
            input_schema: None,
            output_schema: None,
            rule: Rule::default(),
            requires: ClientCapabilities::default(),
            ui: UiToolMeta::default(),
        }
    }

    /// Hints on what the tool does to the world.
    #[must_use]
    pub fn annotations(mut self, hints: impl FnOnce(ToolHints) -> ToolHints) -> Self {
        let before = ToolHints(self.declared.annotations.take().unwrap_or_default());
        self.declared.annotations = Some(hints(before).0);
        self
    }

    /// The JSON Schema of the arguments, instead of that of the handler's type. Shown to clients as it is,
    /// `x-mcp-header` annotations included. Arguments are checked against it before the handler's type reads them.
    #[must_use]
    pub fn input_schema(mut self, schema: Value) -> Self {
        self.input_schema = Some(schema);
        self
    }

    /// The JSON Schema of the structured content, instead of that of the handler's return type. A result that does not
    /// keep to it is an internal error: the client was promised something else.
    #[must_use]
    pub fn output_schema(mut self, schema: Value) -> Self {
        self.output_schema = Some(schema);
        self
    }

    /// What a client has to be able to do before it may call the tool at all.
    #[must_use]
    pub fn requires(mut self, capabilities: ClientCapabilities) -> Self {
        self.requires = capabilities;
        self
    }

    /// The app that shows what the tool returns, by the address that it is registered under
    /// ([`McpServerBuilder::app`](crate::McpServerBuilder::app)). The tool still returns content: for the model, and for hosts
    /// that show no apps.
    #[must_use]
    pub fn app(mut self, uri: impl Into<String>) -> Self {
        self.ui.resource_uri = Some(uri.into());
        self
    }

    /// Who may use the tool where apps are shown, the model or apps; both unless said otherwise. It is for hosts to keep to:
    /// a call does not say who made it, so this is no protection of anything. One that is for apps only does not exist for
    /// clients that show none.
    #[must_use]
    pub fn visibility(mut self, visibility: impl IntoIterator<Item = Visibility>) -> Self {
        self.ui.visibility = Some(visibility.into_iter().collect());
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.declared.name
    }

    pub(crate) fn into_entry(mut self, typed: Typed, handler: ToolFn) -> Result<ToolEntry, RegistryError> {
        let name = self.declared.name.clone();
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if name.is_empty() || name.len() > 128 || !name.bytes().all(legal) {
            return Err(RegistryError::ToolName(name));
        }
        self.say_scopes();
        if self.ui != UiToolMeta::default() {
            self.declared.meta.insert(META_KEY.to_owned(), json!(self.ui));
        }
        // Also where it was written by hand.
        let ui = UiToolMeta::of(&self.declared.meta)
            .map_err(|source| RegistryError::ToolApp { tool: name.clone(), source })?;
        let foreign = |which, schema: Option<&Value>| {
            let compiled = schema.map(Foreign::compile).transpose();
            compiled.map_err(|source| RegistryError::Invalid { tool: name.clone(), which, source })
        };
        let takes = foreign("input", self.input_schema.as_ref())?;
        let gives = foreign("output", self.output_schema.as_ref())?.map(Arc::new);
        let input = self.input_schema.unwrap_or(typed.input);
        let output = self.output_schema.or(typed.output);
        for (which, schema) in [("input", Some(&input)), ("output", output.as_ref())] {
            if schema.is_some_and(|schema| !schema::is_object_schema(schema)) {
                return Err(RegistryError::Schema { tool: name, which });
            }
        }
        self.declared.input_schema = RawJson::from(input);
        self.declared.output_schema = output.map(RawJson::from);
        let mirrored = MirroredParams::of_schema(&self.declared.input_schema)
            .map_err(|source| RegistryError::Header { tool: name, source })?;
        Ok(ToolEntry {
            declared: self.declared,
            rule: self.rule,
            requires: self.requires,
            mirrored,
            ui,
            takes,
            gives,
            handler,
        })
    }

    /// Lets a client say beforehand that a call will ask for more. MCP has no word for the scopes of a tool; hosts that
    /// show them read `securitySchemes` in `_meta`.
    fn say_scopes(&mut self) {
        if !self.rule.scopes.is_empty() {
            let scopes: Vec<&str> = self.rule.scopes.iter().collect();
            let schemes = json!([{ "type": "oauth2", "scopes": scopes }]);
            self.declared.meta.entry("securitySchemes").or_insert(schemes);
        }
    }
}

/// Hints on a tool's effects; all are about honest servers, none is a guarantee.
pub struct ToolHints(ToolAnnotations);

impl ToolHints {
    /// The tool changes nothing.
    #[must_use]
    pub fn read_only(mut self, yes: bool) -> Self {
        self.0.read_only_hint = Some(yes);
        self
    }

    /// The tool may destroy something.
    #[must_use]
    pub fn destructive(mut self, yes: bool) -> Self {
        self.0.destructive_hint = Some(yes);
        self
    }

    /// Calling it twice does what calling it once does.
    #[must_use]
    pub fn idempotent(mut self, yes: bool) -> Self {
        self.0.idempotent_hint = Some(yes);
        self
    }

    /// The tool reaches out to things beyond the server.
    #[must_use]
    pub fn open_world(mut self, yes: bool) -> Self {
        self.0.open_world_hint = Some(yes);
        self
    }
}

/// The arguments of a tool that takes none; unknown members are let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub struct NoArguments {}

/// A registered tool.
pub(crate) struct ToolEntry {
    pub(crate) declared: Declared,
    pub(crate) rule: Rule,
    pub(crate) requires: ClientCapabilities,
    pub(crate) mirrored: MirroredParams,
    /// What it says of apps.
    pub(crate) ui: UiToolMeta,
    /// What the arguments are checked against besides the handler's type.
    takes: Option<Foreign>,
    /// What structured content is checked against.
    gives: Option<Arc<Foreign>>,
    handler: ToolFn,
}

impl ToolEntry {
    /// As it is listed.
    pub(crate) fn listed(&self, shows_apps: bool) -> Declared {
        let mut declared = self.declared.clone();
        if !shows_apps {
            declared.meta.remove(META_KEY);
            declared.meta.remove(DEPRECATED_META_KEY);
        }
        declared
    }

    /// Starts the handler.
    ///
    /// # Errors
    /// The arguments are not what it takes; the model reads why.
    pub(crate) fn start(&self, context: Context, arguments: Option<&RawJson>) -> Result<Work, ToolError> {
        if let Some(schema) = &self.takes {
            let text = arguments.map_or("{}", RawJson::as_str);
            schema.check(text).map_err(|faults| unfit(&self.declared.name, &faults))?;
        }
        let work = (self.handler)(context, arguments)?;
        let Some(schema) = self.gives.clone() else { return Ok(work) };
        Ok(Box::pin(async move {
            let outcome = work.await?;
            if let Outcome::CallTool(result) = &outcome
                && let Some(content) = result.structured_content.as_ref().filter(|_| !result.is_error)
            {
                schema.check(content.as_str()).map_err(ToolError::internal)?;
            }
            Ok(outcome)
        }))
    }
}

/// A model that got an argument wrong can read why and do better, so this is the tool's error, not the protocol's
/// ([Error handling](https://modelcontextprotocol.io/specification/2026-07-28/server/tools#error-handling)).
fn unfit(tool: &str, why: &dyn std::fmt::Display) -> ToolError {
    ToolError::new(format!("Invalid arguments for {tool}: {why}"))
}

/// A handler without its types. Reading the arguments happens before the future is made, so that they need not be
/// kept.
pub(crate) type ToolFn = Box<dyn Fn(Context, Option<&RawJson>) -> Result<Work, ToolError> + Send + Sync>;

/// The schemas that a handler's types give.
pub(crate) struct Typed {
    input: Value,
    output: Option<Value>,
}

pub(crate) fn tool_fn<A, R, F, Fut>(name: String, handler: F) -> (Typed, ToolFn)
where
    A: DeserializeOwned + JsonSchema + Send + 'static,
    R: ToolOutput,
    F: Fn(Context, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
{
    let typed = Typed { input: schema::input::<A>(), output: R::output_schema() };
    let handler: ToolFn = Box::new(move |context, arguments| {
        let text = arguments.map_or("{}", RawJson::as_str);
        let arguments = serde_json::from_str::<A>(text).map_err(|error| unfit(&name, &error))?;
        let work = handler(context, arguments);
        Ok(Box::pin(async move { work.await?.into_result().map(Outcome::CallTool) }))
    });
    (typed, handler)
}
