//! Results as this revision writes them.

use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use super::handshake::InitializeResult;
use crate::jsonrpc::{Id, write};
use crate::types::json::RawJson;
use crate::types::operation::{Operation, Outcome};
use crate::types::tools::Tool;
use crate::wire::results::{self, ResultFault, option};

/// Writes the answer to an operation. An [`Outcome::InputRequired`] has no form here: the server asks on the stream
/// instead.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_result(id: &Id, outcome: &Outcome) -> Result<Bytes, serde_json::Error> {
    write::result(id, &Legacy(outcome))
}

/// Writes the answer to `initialize`.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_initialize(id: &Id, result: &InitializeResult) -> Result<Bytes, serde_json::Error> {
    write::result(id, result)
}

/// Decodes the answer to an operation.
///
/// # Errors
/// It has not the shape of the method's result.
pub fn decode_result(operation: &Operation, result: &RawValue) -> Result<Outcome, ResultFault> {
    results::decode(operation, result)
}

struct Legacy<'a>(&'a Outcome);

impl Serialize for Legacy<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Outcome::ListTools(result) => {
                map.serialize_entry("tools", &LegacyTools(&result.tools))?;
                option("nextCursor", result.next_cursor.as_ref(), &mut map)?;
            }
            Outcome::CallTool(result) => {
                map.serialize_entry("content", &result.content)?;
                let structured = result.structured_content.as_ref().filter(|content| content.is_object());
                option("structuredContent", structured, &mut map)?;
                option("isError", result.is_error.then_some(&true), &mut map)?;
            }
            outcome => results::write_members(outcome, &mut map)?,
        }
        option("_meta", results::meta(self.0), &mut map)?;
        map.end()
    }
}

/// Tools without the output schemas that this revision cannot say.
struct LegacyTools<'a>(&'a [Tool]);

impl Serialize for LegacyTools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tools = serializer.serialize_seq(Some(self.0.len()))?;
        for tool in self.0 {
            if tool.output_schema.as_ref().is_none_or(is_object_schema) {
                tools.serialize_element(tool)?;
            } else {
                tools.serialize_element(&Tool { output_schema: None, ..tool.clone() })?;
            }
        }
        tools.end()
    }
}

fn is_object_schema(schema: &RawJson) -> bool {
    #[derive(serde::Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: String,
    }
    schema.decode::<Kind>().is_ok_and(|schema| schema.kind == "object")
}
