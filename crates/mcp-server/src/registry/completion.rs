//! Completion of prompt arguments and template variables.

use std::future::Future;

use barewire_mcp::types::completion::{CompleteResult, Completion};
use barewire_mcp::types::operation::Outcome;
use indexmap::IndexMap;

use super::Work;
use crate::context::Context;
use crate::error::ToolError;

/// What a completion is for
/// ([Completion](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion)).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CompletionOf {
    /// An argument of a prompt.
    Prompt {
        /// The prompt's name.
        prompt: String,
        /// The argument's name.
        argument: String,
    },
    /// A variable of a resource template.
    ResourceTemplate {
        /// The template, as it was declared.
        template: String,
        /// The variable's name.
        variable: String,
    },
}

impl CompletionOf {
    /// An argument of a prompt.
    pub fn prompt(prompt: impl Into<String>, argument: impl Into<String>) -> Self {
        Self::Prompt { prompt: prompt.into(), argument: argument.into() }
    }

    /// A variable of a resource template.
    pub fn resource_template(template: impl Into<String>, variable: impl Into<String>) -> Self {
        Self::ResourceTemplate { template: template.into(), variable: variable.into() }
    }
}

/// What has been typed so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompletionInput {
    /// The beginning of the value.
    pub value: String,
    /// The other arguments that have values already.
    pub arguments: IndexMap<String, String>,
}

/// What a completion's handler may return.
pub trait CompletionOutput: Send + 'static {
    /// Turns it into a completion of at most 100 values.
    fn into_completion(self) -> Completion;
}

impl CompletionOutput for Completion {
    fn into_completion(mut self) -> Completion {
        if self.values.len() > barewire_mcp::types::completion::MAX_VALUES {
            let rest = Completion::of(self.values);
            self = Completion { total: self.total.or(rest.total), ..rest };
        }
        self
    }
}

/// All values that fit, best first.
impl CompletionOutput for Vec<String> {
    fn into_completion(self) -> Completion {
        Completion::of(self)
    }
}

pub(crate) type CompleteFn = Box<dyn Fn(Context, CompletionInput) -> Work + Send + Sync>;

pub(crate) fn complete_fn<R, F, Fut>(handler: F) -> CompleteFn
where
    R: CompletionOutput,
    F: Fn(Context, CompletionInput) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
{
    Box::new(move |context, input| {
        let work = handler(context, input);
        Box::pin(async move {
            let completion = work.await?.into_completion();
            Ok(Outcome::Complete(CompleteResult { completion, ..CompleteResult::default() }))
        })
    })
}
