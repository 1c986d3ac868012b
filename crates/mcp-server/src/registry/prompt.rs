//! Prompts.

use std::future::Future;

use barewire_mcp::error::{Error, InvalidParams};
use barewire_mcp::types::operation::Outcome;
use barewire_mcp::types::prompts::{Prompt as Declared, PromptArgument};
use indexmap::IndexMap;

use super::Work;
use super::declaration::{described, ruled};
use super::output::PromptOutput;
use crate::auth::access::Rule;
use crate::context::Context;
use crate::error::ToolError;

/// The declaration of a prompt
/// ([Prompts](https://modelcontextprotocol.io/specification/2026-07-28/server/prompts)).
pub struct Prompt {
    declared: Declared,
    rule: Rule,
}

described!(Prompt);
ruled!(Prompt, "getting it");

impl Prompt {
    /// A prompt with this name and a description for people.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        let declared =
            Declared { name: name.into(), description: Some(description.into()), ..Declared::default() };
        Self { declared, rule: Rule::default() }
    }

    /// Adds an argument that has to be filled in.
    #[must_use]
    pub fn argument(self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.with_argument(name.into(), description.into(), true)
    }

    /// Adds an argument that may be left out.
    #[must_use]
    pub fn optional_argument(self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.with_argument(name.into(), description.into(), false)
    }

    fn with_argument(mut self, name: String, description: String, required: bool) -> Self {
        self.declared.arguments.push(PromptArgument {
            name,
            title: None,
            description: Some(description),
            required: Some(required),
        });
        self
    }

    pub(crate) fn into_entry(self, handler: PromptFn) -> PromptEntry {
        PromptEntry { declared: self.declared, rule: self.rule, handler }
    }
}

/// What a prompt was filled with. Required arguments are there; the handler is not run without them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PromptArguments(IndexMap<String, String>);

impl PromptArguments {
    /// An argument; empty when it was left out.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// An argument, if it was given.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// A registered prompt.
pub(crate) struct PromptEntry {
    pub(crate) declared: Declared,
    pub(crate) rule: Rule,
    handler: PromptFn,
}

impl PromptEntry {
    pub(crate) fn start(
        &self,
        context: Context,
        arguments: IndexMap<String, String>,
    ) -> Result<Work, ToolError> {
        let missing = self
            .declared
            .arguments
            .iter()
            .find(|argument| argument.required == Some(true) && !arguments.contains_key(&argument.name));
        if let Some(argument) = missing {
            let detail = format!("{} is missing", argument.name);
            let name = self.declared.name.clone();
            return Err(Error::from(InvalidParams::Arguments { name, detail }).into());
        }
        Ok((self.handler)(context, PromptArguments(arguments)))
    }
}

pub(crate) type PromptFn = Box<dyn Fn(Context, PromptArguments) -> Work + Send + Sync>;

pub(crate) fn prompt_fn<R, F, Fut>(handler: F) -> PromptFn
where
    R: PromptOutput,
    F: Fn(Context, PromptArguments) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
{
    Box::new(move |context, arguments| {
        let work = handler(context, arguments);
        Box::pin(async move { Ok(Outcome::GetPrompt(work.await?.into_messages())) })
    })
}
