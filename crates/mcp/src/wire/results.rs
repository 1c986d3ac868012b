//! The results of what every revision has.

use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap};
use serde_json::value::RawValue;

use crate::types::json::Meta;
use crate::types::operation::{Operation, Outcome};
use crate::types::skills::{SkillsRequest, SkillsResult};
use crate::types::tasks::TaskResult;

/// A result that a server sent and that its request's method does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResultFault {
    /// It has not the shape of the method's result.
    #[error("malformed result of {method}: {detail}")]
    Malformed {
        /// The method.
        method: String,
        /// What the parser says.
        detail: String,
    },
    /// A `resultType` that this build does not know, or that the method cannot have.
    #[error("unexpected resultType `{result_type}` of {method}")]
    ResultType {
        /// The method.
        method: String,
        /// The type.
        result_type: String,
    },
}

impl ResultFault {
    pub(crate) fn malformed(method: &str, detail: &dyn std::fmt::Display) -> Self {
        Self::Malformed { method: method.to_owned(), detail: detail.to_string() }
    }
}

/// Decodes a complete result by what was asked, never by its shape.
pub(crate) fn decode(operation: &Operation, result: &RawValue) -> Result<Outcome, ResultFault> {
    let method = operation.method();
    Ok(match operation {
        Operation::ListTools(_) => Outcome::ListTools(typed(method, result)?),
        Operation::CallTool(_) => Outcome::CallTool(typed(method, result)?),
        Operation::ListResources(_) => Outcome::ListResources(typed(method, result)?),
        Operation::ListResourceTemplates(_) => Outcome::ListResourceTemplates(typed(method, result)?),
        Operation::ReadResource(_) => Outcome::ReadResource(typed(method, result)?),
        Operation::ListPrompts(_) => Outcome::ListPrompts(typed(method, result)?),
        Operation::GetPrompt(_) => Outcome::GetPrompt(typed(method, result)?),
        Operation::Complete(_) => Outcome::Complete(typed(method, result)?),
        Operation::Skills(request) => Outcome::Skills(match request {
            SkillsRequest::List(_) => SkillsResult::List(typed(method, result)?),
            SkillsRequest::Get { .. } => SkillsResult::Get(typed(method, result)?),
            SkillsRequest::ReadDirectory { .. } => SkillsResult::Directory(typed(method, result)?),
        }),
    })
}

pub(crate) fn typed<T: DeserializeOwned>(method: &str, result: &RawValue) -> Result<T, ResultFault> {
    serde_json::from_str(result.get()).map_err(|error| ResultFault::malformed(method, &error))
}

/// Writes the members of a result that are the same in every revision; `_meta` is not among them.
pub(crate) fn write_members<S: SerializeMap>(outcome: &Outcome, map: &mut S) -> Result<(), S::Error> {
    match outcome {
        Outcome::ListTools(result) => {
            map.serialize_entry("tools", &result.tools)?;
            option("nextCursor", result.next_cursor.as_ref(), map)
        }
        Outcome::CallTool(result) => {
            map.serialize_entry("content", &result.content)?;
            option("structuredContent", result.structured_content.as_ref(), map)?;
            option("isError", result.is_error.then_some(&true), map)
        }
        Outcome::ListResources(result) => {
            map.serialize_entry("resources", &result.resources)?;
            option("nextCursor", result.next_cursor.as_ref(), map)
        }
        Outcome::ListResourceTemplates(result) => {
            map.serialize_entry("resourceTemplates", &result.resource_templates)?;
            option("nextCursor", result.next_cursor.as_ref(), map)
        }
        Outcome::ReadResource(result) => map.serialize_entry("contents", &result.contents),
        Outcome::ListPrompts(result) => {
            map.serialize_entry("prompts", &result.prompts)?;
            option("nextCursor", result.next_cursor.as_ref(), map)
        }
        Outcome::GetPrompt(result) => {
            option("description", result.description.as_ref(), map)?;
            map.serialize_entry("messages", &result.messages)
        }
        Outcome::Complete(result) => map.serialize_entry("completion", &result.completion),
        Outcome::Skills(SkillsResult::List(result)) => {
            map.serialize_entry("skills", &result.skills)?;
            option("nextCursor", result.next_cursor.as_ref(), map)
        }
        Outcome::Skills(SkillsResult::Get(result)) => map.serialize_entry("skill", &result.skill),
        Outcome::Skills(SkillsResult::Directory(result)) => {
            map.serialize_entry("resources", &result.resources)?;
            option("nextCursor", result.next_cursor.as_ref(), map)
        }
        Outcome::InputRequired(required) => {
            if !required.requests.is_empty() {
                map.serialize_entry("inputRequests", &required.requests)?;
            }
            option("requestState", required.state.as_ref(), map)
        }
        Outcome::Task(result) => match &**result {
            TaskResult::Created(task) => task.write_members(map),
            TaskResult::Found(task) => task.write_members(map),
            TaskResult::Acknowledged => Ok(()),
        },
    }
}

/// The metadata that the application put on a result.
pub(crate) fn meta(outcome: &Outcome) -> Option<&Meta> {
    match outcome {
        Outcome::ListTools(result) => Some(&result.meta),
        Outcome::CallTool(result) => Some(&result.meta),
        Outcome::ListResources(result) => Some(&result.meta),
        Outcome::ListResourceTemplates(result) => Some(&result.meta),
        Outcome::ReadResource(result) => Some(&result.meta),
        Outcome::ListPrompts(result) => Some(&result.meta),
        Outcome::GetPrompt(result) => Some(&result.meta),
        Outcome::Complete(result) => Some(&result.meta),
        Outcome::Skills(SkillsResult::List(result)) => Some(&result.meta),
        Outcome::Skills(SkillsResult::Get(result)) => Some(&result.meta),
        Outcome::Skills(SkillsResult::Directory(result)) => Some(&result.meta),
        Outcome::InputRequired(_) | Outcome::Task(_) => None,
    }
    .filter(|meta| !meta.is_empty())
}

pub(crate) fn option<S: SerializeMap, T: Serialize>(
    name: &'static str,
    value: Option<&T>,
    map: &mut S,
) -> Result<(), S::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}
