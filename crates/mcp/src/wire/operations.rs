//! The params of what every revision has.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::{decode_params, malformed};
use crate::error::InvalidParams;
use crate::types::input::InputAnswers;
use crate::types::json::RawJson;
use crate::types::operation::{Operation, Page};
use crate::types::prompts::GetPromptRequest;
use crate::types::resources::ReadResourceRequest;
use crate::types::skills::SkillsRequest;
use crate::types::tools::CallToolRequest;

/// Decodes the params of an operation; nothing where the method is none.
pub(crate) fn decode(method: &str, params: Option<&RawValue>) -> Result<Option<Operation>, InvalidParams> {
    let page = || decode_params::<PageParams>(method, params).map(Page::from);
    Ok(Some(match method {
        "tools/list" => Operation::ListTools(page()?),
        "tools/call" => {
            let CallToolParams { name, arguments, input_responses, request_state } =
                decode_params(method, params)?;
            if arguments.as_ref().is_some_and(|arguments| !arguments.is_object()) {
                return Err(malformed(method, &"`arguments` has to be an object"));
            }
            let answers = answers(input_responses, request_state);
            Operation::CallTool(CallToolRequest { name, arguments, answers })
        }
        "resources/list" => Operation::ListResources(page()?),
        "resources/templates/list" => Operation::ListResourceTemplates(page()?),
        "resources/read" => {
            let ReadResourceParams { uri, input_responses, request_state } = decode_params(method, params)?;
            let answers = answers(input_responses, request_state);
            Operation::ReadResource(ReadResourceRequest { uri, answers })
        }
        "prompts/list" => Operation::ListPrompts(page()?),
        "prompts/get" => {
            let GetPromptParams { name, arguments, input_responses, request_state } =
                decode_params(method, params)?;
            let (arguments, answers) =
                (arguments.unwrap_or_default(), answers(input_responses, request_state));
            Operation::GetPrompt(GetPromptRequest { name, arguments, answers })
        }
        "completion/complete" => Operation::Complete(decode_params(method, params)?),
        _ => return Ok(None),
    }))
}

/// Decodes what the skills extension adds; nothing where the method is not of it. Only where the server has skills: to
/// others these methods are unknown.
pub(crate) fn decode_skills(
    method: &str,
    params: Option<&RawValue>,
) -> Result<Option<SkillsRequest>, InvalidParams> {
    Ok(Some(match method {
        "skills/list" => SkillsRequest::List(decode_params::<PageParams>(method, params)?.into()),
        "skills/get" => SkillsRequest::Get { uri: decode_params::<UriParams>(method, params)?.uri },
        "resources/directory/read" => {
            let UriParams { uri, cursor } = decode_params(method, params)?;
            SkillsRequest::ReadDirectory { uri, page: Page { cursor } }
        }
        _ => return Ok(None),
    }))
}

/// The params of an operation as a client writes them.
pub(crate) struct Params<'a, M> {
    pub(crate) operation: &'a Operation,
    /// The `_meta`, if there is any.
    pub(crate) meta: Option<&'a M>,
    /// Whether the revision knows answers to input requests.
    pub(crate) with_answers: bool,
}

impl<M: Serialize> Serialize for Params<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(meta) = self.meta {
            map.serialize_entry("_meta", meta)?;
        }
        match self.operation {
            Operation::ListTools(Page { cursor })
            | Operation::Skills(SkillsRequest::List(Page { cursor }))
            | Operation::ListResources(Page { cursor })
            | Operation::ListResourceTemplates(Page { cursor })
            | Operation::ListPrompts(Page { cursor }) => {
                if let Some(cursor) = cursor {
                    map.serialize_entry("cursor", cursor)?;
                }
            }
            Operation::CallTool(request) => {
                map.serialize_entry("name", &request.name)?;
                if let Some(arguments) = &request.arguments {
                    map.serialize_entry("arguments", arguments)?;
                }
                self.write_answers(&request.answers, &mut map)?;
            }
            Operation::ReadResource(request) => {
                map.serialize_entry("uri", &request.uri)?;
                self.write_answers(&request.answers, &mut map)?;
            }
            Operation::GetPrompt(request) => {
                map.serialize_entry("name", &request.name)?;
                if !request.arguments.is_empty() {
                    map.serialize_entry("arguments", &request.arguments)?;
                }
                self.write_answers(&request.answers, &mut map)?;
            }
            Operation::Skills(SkillsRequest::Get { uri }) => map.serialize_entry("uri", uri)?,
            Operation::Skills(SkillsRequest::ReadDirectory { uri, page }) => {
                map.serialize_entry("uri", uri)?;
                if let Some(cursor) = &page.cursor {
                    map.serialize_entry("cursor", cursor)?;
                }
            }
            Operation::Complete(request) => {
                map.serialize_entry("ref", &request.reference)?;
                map.serialize_entry("argument", &request.argument)?;
                if !request.context.arguments.is_empty() {
                    map.serialize_entry("context", &request.context)?;
                }
            }
        }
        map.end()
    }
}

impl<M> Params<'_, M> {
    fn write_answers<S: SerializeMap>(&self, answers: &InputAnswers, map: &mut S) -> Result<(), S::Error> {
        if !self.with_answers {
            return Ok(());
        }
        if !answers.responses.is_empty() {
            map.serialize_entry("inputResponses", &answers.responses)?;
        }
        if let Some(state) = &answers.state {
            map.serialize_entry("requestState", state)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct PageParams {
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct UriParams {
    uri: String,
    cursor: Option<String>,
}

impl From<PageParams> for Page {
    fn from(PageParams { cursor }: PageParams) -> Self {
        Self { cursor }
    }
}

type Responses = Option<IndexMap<String, RawJson>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallToolParams {
    name: String,
    arguments: Option<RawJson>,
    input_responses: Responses,
    request_state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadResourceParams {
    uri: String,
    input_responses: Responses,
    request_state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetPromptParams {
    name: String,
    arguments: Option<IndexMap<String, String>>,
    input_responses: Responses,
    request_state: Option<String>,
}

fn answers(responses: Responses, state: Option<String>) -> InputAnswers {
    InputAnswers { responses: responses.unwrap_or_default(), state }
}
