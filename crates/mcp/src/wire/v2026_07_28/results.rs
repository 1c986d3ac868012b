//! Results as this revision writes them: they say what they are, how long they may be kept and who made them.

use bytes::Bytes;
use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::key;
use crate::jsonrpc::{Id, write};
use crate::types::caching::{CacheHint, CacheScope};
use crate::types::capabilities::ServerCapabilities;
use crate::types::implementation::Implementation;
use crate::types::input::{InputRequests, InputRequired};
use crate::types::json::Meta;
use crate::types::operation::{Operation, Outcome};
use crate::types::skills::SkillsResult;
use crate::types::tasks::{TaskRequest, TaskResult, TaskWanted};
use crate::wire::results::{self, ResultFault, option, typed};

const COMPLETE: &str = "complete";
const INPUT_REQUIRED: &str = "input_required";
/// Reserved by the extension of [`crate::types::tasks`].
const TASK: &str = "task";

/// What a server offers
/// ([Discovery](https://modelcontextprotocol.io/specification/2026-07-28/server/discover)).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DiscoverResult {
    /// Every revision that it speaks, legacy ones included, preferred first. Names, because a client may meet one
    /// that it does not know.
    pub supported_versions: Vec<String>,
    /// What it offers.
    pub capabilities: ServerCapabilities,
    /// How to use it, for the model.
    pub instructions: Option<String>,
    /// Who it is.
    pub server_info: Option<Implementation>,
    /// How long this may be kept.
    pub cache: CacheHint,
}

/// A result, and what it says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The result.
    pub outcome: Outcome,
    /// How long it may be kept; nothing where the method's results are not kept.
    pub cache: Option<CacheHint>,
    /// Who made it.
    pub server_info: Option<Implementation>,
}

/// Writes the answer to an operation. `cache` is written where this revision has it: on lists and reads.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_result(
    id: &Id,
    outcome: &Outcome,
    cache: CacheHint,
    server_info: Option<&Implementation>,
) -> Result<Bytes, serde_json::Error> {
    write::result(id, &Modern { outcome, cache: is_cacheable(outcome).then_some(cache), server_info })
}

/// Writes the answer to `server/discover`.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_discover(id: &Id, result: &DiscoverResult) -> Result<Bytes, serde_json::Error> {
    write::result(id, result)
}

/// Writes the answer to `subscriptions/listen`, which ends the subscription.
pub fn encode_listen_closed(id: &Id, server_info: Option<&Implementation>) -> Bytes {
    struct Closed<'a>(ResultMeta<'a>);
    impl Serialize for Closed<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(2))?;
            map.serialize_entry("resultType", COMPLETE)?;
            map.serialize_entry("_meta", &self.0)?;
            map.end()
        }
    }
    write::result(id, &Closed(ResultMeta { own: None, server_info, subscription: Some(id) }))
        .expect("strings, numbers and JSON that is already written always serialise")
}

/// Decodes the answer to an operation.
///
/// # Errors
/// It has not the shape of the method's result, or a `resultType` that the method cannot have.
pub fn decode_result(operation: &Operation, result: &RawValue) -> Result<Decoded, ResultFault> {
    let method = operation.method();
    let head: Head = typed(method, result)?;
    let outcome = match head.result_type.as_deref() {
        // Servers of earlier revisions do not say, and a client has to take that for complete.
        None | Some(COMPLETE) => results::decode(operation, result)?,
        Some(INPUT_REQUIRED) if may_require_input(operation) => {
            let Unfinished { input_requests, request_state } = typed(method, result)?;
            let requests = input_requests.unwrap_or_default();
            if requests.is_empty() && request_state.is_none() {
                return Err(ResultFault::malformed(method, &"neither inputRequests nor requestState"));
            }
            Outcome::InputRequired(InputRequired { requests, state: request_state })
        }
        // Any other request has no task to give.
        Some(TASK) if matches!(operation, Operation::CallTool(_)) => {
            Outcome::Task(Box::new(TaskResult::Created(typed(method, result)?)))
        }
        Some(other) => return Err(unexpected(method, other)),
    };
    let cache = is_cacheable(&outcome).then(|| head.cache());
    Ok(Decoded { outcome, cache, server_info: head.server_info() })
}

/// Decodes the answer to a request about a task.
///
/// # Errors
/// It has not the shape of the method's result.
pub fn decode_task_result(request: &TaskRequest, result: &RawValue) -> Result<TaskResult, ResultFault> {
    let method = request.method();
    let head: Head = typed(method, result)?;
    if let Some(other) = head.result_type.as_deref().filter(|kind| *kind != COMPLETE) {
        return Err(unexpected(method, other));
    }
    Ok(match request.wanted {
        TaskWanted::Get => TaskResult::Found(typed(method, result)?),
        TaskWanted::Update(_) | TaskWanted::Cancel => TaskResult::Acknowledged,
    })
}

/// Decodes the answer to `server/discover`.
///
/// # Errors
/// It has not the shape of the method's result.
pub fn decode_discover(result: &RawValue) -> Result<DiscoverResult, ResultFault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        supported_versions: Vec<String>,
        capabilities: ServerCapabilities,
        instructions: Option<String>,
    }
    let method = "server/discover";
    let head: Head = typed(method, result)?;
    if let Some(other) = head.result_type.as_deref().filter(|kind| *kind != COMPLETE) {
        return Err(unexpected(method, other));
    }
    let Wire { supported_versions, capabilities, instructions } = typed(method, result)?;
    let (cache, server_info) = (head.cache(), head.server_info());
    Ok(DiscoverResult { supported_versions, capabilities, instructions, server_info, cache })
}

impl Serialize for DiscoverResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("resultType", COMPLETE)?;
        map.serialize_entry("supportedVersions", &self.supported_versions)?;
        map.serialize_entry("capabilities", &self.capabilities)?;
        option("instructions", self.instructions.as_ref(), &mut map)?;
        write_cache(self.cache, &mut map)?;
        let meta = ResultMeta { own: None, server_info: self.server_info.as_ref(), subscription: None };
        option("_meta", Some(&meta).filter(|meta| !meta.is_empty()), &mut map)?;
        map.end()
    }
}

struct Modern<'a> {
    outcome: &'a Outcome,
    cache: Option<CacheHint>,
    server_info: Option<&'a Implementation>,
}

impl Serialize for Modern<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let kind = match self.outcome {
            Outcome::InputRequired(_) => INPUT_REQUIRED,
            Outcome::Task(result) if matches!(**result, TaskResult::Created(_)) => TASK,
            _ => COMPLETE,
        };
        map.serialize_entry("resultType", kind)?;
        results::write_members(self.outcome, &mut map)?;
        if let Some(cache) = self.cache {
            write_cache(cache, &mut map)?;
        }
        let own = results::meta(self.outcome);
        let meta = ResultMeta { own, server_info: self.server_info, subscription: None };
        option("_meta", Some(&meta).filter(|meta| !meta.is_empty()), &mut map)?;
        map.end()
    }
}

/// The `_meta` of a result.
struct ResultMeta<'a> {
    /// What the application put there; the reserved members win.
    own: Option<&'a Meta>,
    server_info: Option<&'a Implementation>,
    subscription: Option<&'a Id>,
}

impl ResultMeta<'_> {
    fn is_empty(&self) -> bool {
        self.applications().next().is_none() && self.server_info.is_none() && self.subscription.is_none()
    }

    /// What is left of the application's when the reserved names are taken away.
    fn applications(&self) -> impl Iterator<Item = (&String, &serde_json::Value)> {
        let reserved = |name: &str| name == key::SERVER_INFO || name == key::SUBSCRIPTION_ID;
        self.own.into_iter().flatten().filter(move |(name, _)| !reserved(name))
    }
}

impl Serialize for ResultMeta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        option(key::SERVER_INFO, self.server_info, &mut map)?;
        option(key::SUBSCRIPTION_ID, self.subscription, &mut map)?;
        for (name, value) in self.applications() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn write_cache<S: SerializeMap>(cache: CacheHint, map: &mut S) -> Result<(), S::Error> {
    map.serialize_entry("ttlMs", &cache.ttl_ms)?;
    map.serialize_entry("cacheScope", &cache.cache_scope)
}

const fn is_cacheable(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::ListTools(_)
            | Outcome::ListPrompts(_)
            | Outcome::ListResources(_)
            | Outcome::ListResourceTemplates(_)
            | Outcome::ReadResource(_)
            | Outcome::Skills(SkillsResult::List(_) | SkillsResult::Get(_))
    )
}

const fn may_require_input(operation: &Operation) -> bool {
    matches!(operation, Operation::CallTool(_) | Operation::ReadResource(_) | Operation::GetPrompt(_))
}

fn unexpected(method: &str, result_type: &str) -> ResultFault {
    ResultFault::ResultType { method: method.to_owned(), result_type: result_type.to_owned() }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unfinished {
    input_requests: Option<InputRequests>,
    request_state: Option<String>,
}

/// What every result may say about itself. These are hints: one that is out of range is not an error.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    result_type: Option<String>,
    ttl_ms: Option<serde_json::Value>,
    cache_scope: Option<serde_json::Value>,
    #[serde(rename = "_meta")]
    meta: Option<Meta>,
}

impl Head {
    fn cache(&self) -> CacheHint {
        let ttl_ms = self.ttl_ms.as_ref().and_then(serde_json::Value::as_u64).unwrap_or(0);
        let public = self.cache_scope.as_ref().is_some_and(|scope| scope == "public");
        CacheHint { ttl_ms, cache_scope: if public { CacheScope::Public } else { CacheScope::Private } }
    }

    fn server_info(&self) -> Option<Implementation> {
        let info = self.meta.as_ref()?.get(key::SERVER_INFO)?;
        serde_json::from_value(info.clone()).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::tools::CallToolResult;

    #[test]
    fn reserved_names_alone_are_no_meta() {
        let write = |meta| {
            let serde_json::Value::Object(meta) = meta else { panic!("it is an object") };
            let outcome = Outcome::CallTool(CallToolResult { meta, ..CallToolResult::default() });
            let message = encode_result(&Id::from(1), &outcome, CacheHint::default(), None).unwrap();
            serde_json::from_slice::<serde_json::Value>(&message).unwrap()["result"]["_meta"].clone()
        };
        assert_eq!(write(json!({ (key::SERVER_INFO): 7, "a": 1 })), json!({ "a": 1 }));
        assert_eq!(write(json!({ (key::SERVER_INFO): 7 })), json!(null));
    }
}
