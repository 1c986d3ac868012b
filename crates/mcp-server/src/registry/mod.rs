//! What a server offers, in the order in which it was registered.

mod app;
mod completion;
mod declaration;
mod foreign;
mod output;
mod prompt;
mod resource;
mod resource_list;
pub(crate) mod schema;
mod skill;
mod template;
mod tool;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use barewire_mcp::error::{Error, InvalidParams};
use barewire_mcp::http::mirrored::InvalidAnnotation;
use barewire_mcp::types::apps::AppFault;
use barewire_mcp::types::operation::Outcome;
use barewire_mcp::types::skills::SkillFault;
use indexmap::IndexMap;

pub use self::app::App;
pub(crate) use self::completion::{CompleteFn, complete_fn};
pub use self::completion::{CompletionInput, CompletionOf, CompletionOutput};
pub use self::foreign::InvalidSchema;
pub use self::output::{PromptOutput, ResourceOutput, Structured, ToolOutput};
pub use self::prompt::{Prompt, PromptArguments};
pub(crate) use self::prompt::{PromptEntry, prompt_fn};
pub use self::resource::{Resource, ResourceTemplate};
pub(crate) use self::resource::{ResourceEntry, TemplateEntry, read_fn, template_fn};
pub(crate) use self::resource_list::{ListEntry, list_fn};
pub use self::resource_list::{PageRequest, ResourceList, ResourcePage};
pub(crate) use self::skill::{FolderEntry, SkillEntry, Skills};
pub use self::skill::{Skill, SkillError};
pub use self::template::{TemplateError, UriVariables};
pub use self::tool::{NoArguments, Tool, ToolHints};
pub(crate) use self::tool::{ToolEntry, tool_fn};
use crate::auth::access::Rule;
use crate::error::ToolError;

/// A handler at work.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<Outcome, ToolError>> + Send>>;

/// Everything a server offers. Looked up by name, listed in order.
#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) tools: IndexMap<String, ToolEntry>,
    pub(crate) resources: IndexMap<String, ResourceEntry>,
    pub(crate) templates: IndexMap<String, TemplateEntry>,
    /// By template.
    pub(crate) resource_lists: IndexMap<String, ListEntry>,
    pub(crate) prompts: IndexMap<String, PromptEntry>,
    pub(crate) completions: HashMap<CompletionOf, CompleteFn>,
    pub(crate) skills: Skills,
    /// Whether there are any among the resources; what clients are told depends on whether they show apps then.
    pub(crate) has_apps: bool,
}

/// Why a server cannot be built. Found at start, not by the first client.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Two items have the same name or address.
    #[error("{0} is registered twice")]
    Twice(String),
    /// A tool's name that clients may not take.
    #[error("the tool name {0:?} is not 1 to 128 characters of A-Z a-z 0-9 _ - .")]
    ToolName(String),
    /// A schema whose root is not an object schema: strict clients drop the whole list for it.
    #[error("the {which} schema of the tool {tool} does not have type object at its root")]
    Schema {
        /// The tool.
        tool: String,
        /// `input` or `output`.
        which: &'static str,
    },
    /// A schema that was given as a value and is none, or refers to one outside of itself.
    #[error("the {which} schema of the tool {tool} is not a JSON Schema that can be checked")]
    Invalid {
        /// The tool.
        tool: String,
        /// `input` or `output`.
        which: &'static str,
        /// Where and why.
        source: InvalidSchema,
    },
    /// An `x-mcp-header` annotation that no client may accept.
    #[error("the tool {tool} has an invalid x-mcp-header annotation")]
    Header {
        /// The tool.
        tool: String,
        /// What is wrong with it.
        #[source]
        source: InvalidAnnotation,
    },
    /// A template that cannot be matched.
    #[error("the resource template {template} cannot be used")]
    Template {
        /// The template.
        template: String,
        /// What is wrong with it.
        #[source]
        source: TemplateError,
    },
    /// A list of what cannot be read.
    #[error("there is no resource template {0} to read what its list shows")]
    ResourceList(String),
    /// A skill that hosts would refuse.
    #[error("the skill {skill} cannot be offered")]
    Skill {
        /// Its name, or the first line of its file.
        skill: String,
        /// What is wrong with it.
        #[source]
        source: SkillFault,
    },
    /// An app that hosts would refuse.
    #[error("the app {app} cannot be offered")]
    App {
        /// Its address.
        app: String,
        /// What is wrong with it.
        #[source]
        source: AppFault,
    },
    /// What a tool says of apps, and hosts would refuse.
    #[error("what the tool {tool} says of apps cannot be offered")]
    ToolApp {
        /// The tool.
        tool: String,
        /// What is wrong with it.
        #[source]
        source: AppFault,
    },
    /// A tool names an app that is not there.
    #[error("the tool {tool} names the app {app}, which is not registered")]
    UnknownApp {
        /// The tool.
        tool: String,
        /// What it names.
        app: String,
    },
    /// A tool that nobody could ever call.
    #[error("the tool {0} is for apps only, and the server has none")]
    ForNoApp(String),
    /// What hosts would take for an app, and is registered as something else.
    #[error("{0} has the scheme or the media type of apps and is not registered as one")]
    NotAnApp(String),
    /// A completion for something that is not there.
    #[error("there is nothing to complete for {0:?}")]
    Completion(CompletionOf),
}

impl Registry {
    pub(crate) fn tool(&self, name: &str) -> Result<&ToolEntry, Error> {
        let unknown = || InvalidParams::UnknownTool { name: name.to_owned() };
        self.tools.get(name).ok_or_else(|| unknown().into())
    }

    pub(crate) fn prompt(&self, name: &str) -> Result<&PromptEntry, Error> {
        let unknown = || InvalidParams::UnknownPrompt { name: name.to_owned() };
        self.prompts.get(name).ok_or_else(|| unknown().into())
    }

    /// The resource with this address, or the first template that it matches.
    pub(crate) fn resource(&self, uri: &str) -> Result<Found<'_>, Error> {
        if let Some(entry) = self.resources.get(uri).or_else(|| self.skills.files.get(uri)) {
            return Ok(Found::Resource(entry));
        }
        self.templates
            .values()
            .find_map(|entry| {
                let values = entry.template.matches(uri)?;
                Some(Found::Template(entry, UriVariables { uri: uri.to_owned(), values }))
            })
            .ok_or_else(|| Error::ResourceNotFound { uri: uri.to_owned() })
    }

    /// Something that asks for scopes.
    pub(crate) fn first_with_scopes(&self) -> Option<&str> {
        let tools = self.tools.iter().map(|(name, entry)| (name, &entry.rule));
        let resources = self.resources.iter().map(|(name, entry)| (name, &entry.rule));
        let templates = self.templates.iter().map(|(name, entry)| (name, &entry.rule));
        let resource_lists = self.resource_lists.iter().map(|(name, entry)| (name, &entry.rule));
        let prompts = self.prompts.iter().map(|(name, entry)| (name, &entry.rule));
        let mut all = tools.chain(resources).chain(templates).chain(resource_lists).chain(prompts);
        all.find(|(_, rule)| !rule.scopes.is_empty()).map(|(name, _)| name.as_str())
    }

    /// Checks what only the whole can tell.
    pub(crate) fn check(&self) -> Result<(), RegistryError> {
        if let Some(template) =
            self.resource_lists.keys().find(|template| !self.templates.contains_key(*template))
        {
            return Err(RegistryError::ResourceList(template.clone()));
        }
        self.check_apps()?;
        for of in self.completions.keys() {
            let known = match of {
                CompletionOf::Prompt { prompt, argument } => self.prompts.get(prompt).is_some_and(|entry| {
                    entry.declared.arguments.iter().any(|known| known.name == *argument)
                }),
                CompletionOf::ResourceTemplate { template, variable } => {
                    self.templates.get(template).is_some_and(|entry| entry.template.has_variable(variable))
                }
            };
            if !known {
                return Err(RegistryError::Completion(of.clone()));
            }
        }
        Ok(())
    }
}

/// What an address stands for.
pub(crate) enum Found<'a> {
    Resource(&'a ResourceEntry),
    Template(&'a TemplateEntry, UriVariables),
}

/// Adds to a map what must not be there yet.
pub(crate) fn insert_new<T>(
    map: &mut IndexMap<String, T>,
    key: String,
    value: T,
) -> Result<(), RegistryError> {
    if map.contains_key(&key) {
        return Err(RegistryError::Twice(key));
    }
    map.insert(key, value);
    Ok(())
}

impl Found<'_> {
    pub(crate) fn rule(&self) -> &Rule {
        match self {
            Self::Resource(entry) => &entry.rule,
            Self::Template(entry, _) => &entry.rule,
        }
    }
}
