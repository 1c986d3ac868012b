//! Tools that hosts refuse.

use serde_json::{Value, json};

use super::Case;
use crate::proxy::Fault;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case(
            "bad tools",
            tools(bad_tools),
            &[
                "error schema.input",
                "error schema.output",
                "error schema.unresolved",
                "error schema.mirrored",
                "error list.unique",
                "warning schema.name",
                "warning schema.host_name",
                "warning schema.dot",
                "warning schema.description",
                "warning schema.description_length",
                "warning schema.icons",
                "warning schema.hints",
                "warning schema.root_composition",
                "warning schema.external",
                "info schema.references",
                "warning schema.items",
                "warning schema.properties",
                "info schema.dialect",
            ],
        ),
        Case("too many tools", tools(many_tools), &["warning schema.count", "warning list.size"]),
    ]
}

fn tools(make: fn() -> Value) -> Fault {
    Fault::answering(move |asked, answered| {
        if asked.rpc() == "tools/list" && answered.status == 200 {
            answered.edit(|message| message["result"]["tools"] = make());
        }
    })
}

fn bad_tools() -> Value {
    let tool =
        |name: &str, schema: Value| json!({ "name": name, "description": "A tool.", "inputSchema": schema });
    let object = json!({ "type": "object" });
    let with = |name: &str, member: &str, value: Value| {
        let mut tool = tool(name, json!({ "type": "object" }));
        tool[member] = value;
        tool
    };
    json!([
        tool("no_type", json!({})),
        tool("twice", object.clone()),
        tool("twice", object.clone()),
        tool("has a space", object.clone()),
        tool("with.dot", object.clone()),
        tool(&"long_name_".repeat(6), object.clone()),
        tool("alternatives", json!({ "type": "object", "anyOf": [{ "required": ["a"] }] })),
        tool("nowhere", json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/gone" } } })),
        tool(
            "elsewhere",
            json!({ "type": "object", "properties": { "a": { "$ref": "https://schemas.invalid/a" } } })
        ),
        tool("list", json!({ "type": "object", "properties": { "a": { "type": "array" } } })),
        tool("brackets", json!({ "type": "object", "properties": { "filter[id]": { "type": "string" } } })),
        tool("old", json!({ "type": "object", "$schema": "http://json-schema.org/draft-04/schema#" })),
        tool(
            "mirrored",
            json!({ "type": "object", "properties": { "a": { "type": "number", "x-mcp-header": "A" } } })
        ),
        with("silent", "description", json!("")),
        with("talkative", "description", json!("word ".repeat(600))),
        with("array_out", "outputSchema", json!({ "type": "array", "items": {} })),
        with("icon", "icons", json!([{ "src": "http://icons.invalid/i.png" }])),
        with("both", "annotations", json!({ "readOnlyHint": true, "destructiveHint": true })),
    ])
}

fn many_tools() -> Value {
    let description =
        "This tool does one thing, and it says so at some length, as tools that are made by a program do. "
            .repeat(9);
    let tools: Vec<Value> = (0..150)
        .map(|n| json!({ "name": format!("tool_{n}"), "description": description, "inputSchema": { "type": "object" } }))
        .collect();
    json!(tools)
}
