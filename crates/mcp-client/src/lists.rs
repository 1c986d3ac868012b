//! Reading whole lists, page by page, within bounds.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use barewire_exchange::Decision;
use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::types::operation::{Operation, Outcome, Page};
use barewire_mcp::types::prompts::Prompt;
use barewire_mcp::types::resources::{Resource, ResourceTemplate};
use barewire_mcp::types::skills::{Skill, SkillsRequest, SkillsResult};
use barewire_mcp::types::tools::Tool;

use crate::client::{CallOptions, RejectedTool};
use crate::connection::{Connection, Done, Spoken};
use crate::error::CallError;
use crate::recording::Recording;

/// One page.
struct Part<T> {
    entries: Vec<T>,
    next: Option<String>,
}

impl Connection {
    /// All tools that can be called. Definitions that the transport cannot carry are left out, and kept by name.
    pub(crate) async fn list_tools(self: &Arc<Self>) -> Result<Vec<Tool>, CallError> {
        let (listed, recording) = self
            .list(Operation::ListTools, |outcome| match outcome {
                Outcome::ListTools(result) => Some(Part { entries: result.tools, next: result.next_cursor }),
                _ => None,
            })
            .await?;
        // Headers are a matter of the modern transport; an older server may annotate what it likes.
        if matches!(self.spoken, Spoken::Legacy(_)) {
            return Ok(listed);
        }
        let mut mirrored = HashMap::new();
        let mut rejected = Vec::new();
        let mut tools = Vec::with_capacity(listed.len());
        for tool in listed {
            match MirroredParams::of_schema(&tool.input_schema) {
                Ok(params) => {
                    if !params.is_empty() {
                        mirrored.insert(tool.name.clone(), params);
                    }
                    tools.push(tool);
                }
                Err(fault) => {
                    tracing::warn!(tool = %tool.name, reason = %fault, "the tool is left out");
                    rejected.push(RejectedTool { name: tool.name, reason: fault.to_string() });
                }
            }
        }
        if !rejected.is_empty() {
            let tools = rejected.iter().map(|tool| tool.name.clone()).collect();
            recording.decide(&Decision::ToolsLeftOut { tools });
        }
        self.remember_tools(mirrored, rejected);
        Ok(tools)
    }

    /// All resources; none where the server does not declare any.
    pub(crate) async fn list_resources(self: &Arc<Self>) -> Result<Vec<Resource>, CallError> {
        if self.info().capabilities.resources.is_none() {
            return Ok(Vec::new());
        }
        self.list(Operation::ListResources, |outcome| match outcome {
            Outcome::ListResources(result) => {
                Some(Part { entries: result.resources, next: result.next_cursor })
            }
            _ => None,
        })
        .await
        .map(|(entries, _)| entries)
    }

    /// All resource templates; none where the server does not declare any resources.
    pub(crate) async fn list_resource_templates(
        self: &Arc<Self>,
    ) -> Result<Vec<ResourceTemplate>, CallError> {
        if self.info().capabilities.resources.is_none() {
            return Ok(Vec::new());
        }
        self.list(Operation::ListResourceTemplates, |outcome| match outcome {
            Outcome::ListResourceTemplates(result) => {
                Some(Part { entries: result.resource_templates, next: result.next_cursor })
            }
            _ => None,
        })
        .await
        .map(|(entries, _)| entries)
    }

    /// All prompts; none where the server does not declare any.
    pub(crate) async fn list_prompts(self: &Arc<Self>) -> Result<Vec<Prompt>, CallError> {
        if self.info().capabilities.prompts.is_none() {
            return Ok(Vec::new());
        }
        self.list(Operation::ListPrompts, |outcome| match outcome {
            Outcome::ListPrompts(result) => Some(Part { entries: result.prompts, next: result.next_cursor }),
            _ => None,
        })
        .await
        .map(|(entries, _)| entries)
    }

    /// All skills.
    pub(crate) async fn list_skills(self: &Arc<Self>) -> Result<Vec<Skill>, CallError> {
        self.list(
            |page| Operation::Skills(SkillsRequest::List(page)),
            |outcome| match outcome {
                Outcome::Skills(SkillsResult::List(result)) => {
                    Some(Part { entries: result.skills, next: result.next_cursor })
                }
                _ => None,
            },
        )
        .await
        .map(|(entries, _)| entries)
    }

    /// Everything directly in a folder.
    pub(crate) async fn read_directory(self: &Arc<Self>, uri: &str) -> Result<Vec<Resource>, CallError> {
        self.list(
            |page| Operation::Skills(SkillsRequest::ReadDirectory { uri: uri.to_owned(), page }),
            |outcome| match outcome {
                Outcome::Skills(SkillsResult::Directory(result)) => {
                    Some(Part { entries: result.resources, next: result.next_cursor })
                }
                _ => None,
            },
        )
        .await
        .map(|(entries, _)| entries)
    }

    /// Reads pages until there is none, or `max_entries` are there. A server that gives a cursor twice, or more pages
    /// than `max_pages`, never ends.
    async fn list<T>(
        self: &Arc<Self>,
        operation: impl Fn(Page) -> Operation,
        part: impl Fn(Outcome) -> Option<Part<T>>,
    ) -> Result<(Vec<T>, Recording), CallError> {
        let config = &self.options.config;
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        let mut cursor = None;
        let mut last = Recording::disabled();
        for _ in 0..config.max_pages {
            let operation = operation(Page { cursor: cursor.take() });
            let method = operation.method();
            let Done { outcome, recording } = self.run(operation, &CallOptions::default()).await?;
            last = recording;
            let Some(Part { entries: more, next }) = part(outcome) else {
                return Err(CallError::Malformed {
                    method: method.to_owned(),
                    detail: "the result is another method's".to_owned(),
                });
            };
            entries.extend(more);
            if entries.len() >= config.max_entries {
                entries.truncate(config.max_entries);
                return Ok((entries, last));
            }
            let Some(next) = next else { return Ok((entries, last)) };
            if !seen.insert(next.clone()) {
                last.decide(&Decision::PageLimit { pages: seen.len() });
                return Err(CallError::TooManyPages { pages: seen.len() });
            }
            cursor = Some(next);
        }
        last.decide(&Decision::PageLimit { pages: config.max_pages });
        Err(CallError::TooManyPages { pages: config.max_pages })
    }
}
