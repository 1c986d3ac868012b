//! JSON Schemas of tools: from Rust types, or given as values.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The schema of what a handler takes.
pub(crate) fn input<T: JsonSchema>() -> Value {
    let mut schema = generate::<T>(SchemaSettings::draft2020_12().for_deserialize());
    // The unit type has a schema for null, and any JSON has an empty one; here they mean "no arguments" and "any".
    if schema.get("type").and_then(Value::as_str) == Some("null") {
        schema = json!({ "type": "object", "additionalProperties": false });
    } else if schema.as_object().is_some_and(serde_json::Map::is_empty) {
        schema = json!({ "type": "object" });
    }
    schema
}

/// The schema of what a handler returns.
pub(crate) fn output<T: JsonSchema>() -> Value {
    generate::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn generate<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Value::Object(members) = &mut schema {
        // 2020-12 is the protocol's default dialect, and the type's Rust name means nothing to a model.
        members.shift_remove("$schema");
        members.shift_remove("title");
    }
    schema
}

/// Every schema at the root of a tool is an object schema; a client that finds another one may drop the whole list.
pub(crate) fn is_object_schema(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema, serde::Serialize)]
    struct Post {
        /// What it is called.
        title: String,
        tags: Option<Vec<String>>,
    }

    #[test]
    fn schemas_are_objects_without_noise() {
        assert_eq!(
            input::<Post>(),
            json!({
                "type": "object",
                "properties": {
                    "title": { "type": "string", "description": "What it is called." },
                    "tags": { "type": ["array", "null"], "items": { "type": "string" } }
                },
                "required": ["title"]
            })
        );
        for schema in [input::<()>(), input::<Value>(), input::<serde_json::Map<String, Value>>()] {
            assert!(is_object_schema(&schema), "{schema}");
        }
        assert!(!is_object_schema(&output::<Vec<Post>>()));
    }
}
