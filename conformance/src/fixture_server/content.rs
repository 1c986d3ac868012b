//! Tools about what arguments and results look like.

use barewire_mcp_server::types::content::ContentBlock;
use barewire_mcp_server::types::resources::ResourceContents;
use barewire_mcp_server::{McpServerBuilder, NoArguments, Structured, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A red picture of one pixel.
pub(super) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/// A sound without a single sample.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

pub(super) fn register(builder: McpServerBuilder) -> McpServerBuilder {
    builder
        .tool(Tool::new("test_simple_text", "Returns one block of text."), async |_, _: NoArguments| {
            Ok("This is a simple text response for testing.")
        })
        .tool(Tool::new("test_image_content", "Returns a picture."), async |_, _: NoArguments| {
            Ok(ContentBlock::image(PNG, "image/png"))
        })
        .tool(Tool::new("test_audio_content", "Returns a sound."), async |_, _: NoArguments| {
            Ok(ContentBlock::audio(WAV, "audio/wav"))
        })
        .tool(Tool::new("test_embedded_resource", "Returns a resource."), async |_, _: NoArguments| {
            Ok(embedded("test://embedded-resource"))
        })
        .tool(
            Tool::new("test_multiple_content_types", "Returns text, a picture and a resource."),
            async |_, _: NoArguments| {
                Ok(vec![
                    ContentBlock::text("Several kinds of content."),
                    ContentBlock::image(PNG, "image/png"),
                    embedded("test://mixed-content-resource"),
                ])
            },
        )
        .tool(
            Tool::new("test_error_handling", "Always fails, and says so in its result."),
            async |_, _: NoArguments| Err::<(), _>(ToolError::new("This tool always fails.")),
        )
        .tool(
            Tool::new("test_structured_output", "Adds two integers.").annotations(|a| a.read_only(true)),
            async |_, Addends { a, b }: Addends| Ok(Structured(Sum { sum: a.saturating_add(b) })),
        )
        .tool(
            Tool::new("json_schema_2020_12_tool", "Has a schema that uses much of JSON Schema 2020-12.")
                .input_schema(schema_2020_12()),
            async |_, arguments: Map<String, Value>| {
                Ok(format!("Called with {} arguments.", arguments.len()))
            },
        )
        .tool(
            Tool::new("test_header_parameter", "Has an argument that clients repeat in a header.")
                .input_schema(json!({
                    "type": "object",
                    "properties": {
                        "region": { "type": "string", "description": "Any text.", "x-mcp-header": "Region" }
                    },
                    "required": ["region"]
                })),
            async |_, Region { region }: Region| Ok(format!("region: {region}")),
        )
}

fn embedded(uri: &str) -> ContentBlock {
    ContentBlock::resource(ResourceContents::text(uri, "text/plain", "The text of an embedded resource."))
}

/// Two integers.
#[derive(Deserialize, JsonSchema)]
struct Addends {
    /// The one.
    a: i64,
    /// The other.
    b: i64,
}

/// Their sum.
#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(Deserialize, JsonSchema)]
struct Region {
    region: String,
}

fn schema_2020_12() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
            }
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" }
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false
    })
}
