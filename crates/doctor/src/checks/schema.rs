//! The schemas of tools, as the specification and as hosts take them. A schema is only looked at, never evaluated, and no
//! reference is followed out of it.

use std::collections::BTreeSet;

use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::types::json::RawJson;
use serde_json::Value;

use super::tool::{each, names, why_no_tools};
use crate::finding::{Finding, Kind};
use crate::rule::Rule;
use crate::survey::Chart;

const INPUT: Kind = Kind {
    id: "schema.input",
    subject: "Input schemas describe an object",
    fault: "An input schema does not describe an object",
    expected: "inputSchema is a JSON Schema whose root has \"type\": \"object\".",
    rule: Some(Rule::Tool),
    next: "Write {\"type\": \"object\"} at the root, for tools without parameters too: one tool without it costs some clients the whole list.",
};
const OUTPUT: Kind = Kind {
    id: "schema.output",
    subject: "Output schemas describe an object",
    fault: "An output schema does not describe an object",
    expected: "outputSchema has \"type\": \"object\" at its root; only 2026-07-28 allows anything else.",
    rule: Some(Rule::HostOutputRoot),
    next: "Wrap the value: {\"type\": \"object\", \"properties\": {\"result\": …}}. Clients of the older revisions drop the whole list for one such tool.",
};
const COMPOSITION: Kind = Kind {
    id: "schema.root_composition",
    subject: "Input schemas have no alternatives at their root",
    fault: "An input schema has alternatives at its root",
    expected: "No anyOf, oneOf, allOf, not, enum or $ref at the root of an input schema.",
    rule: Some(Rule::HostRootComposition),
    next: "Say it in the description, or move it into a property: model APIs refuse every request with such a tool in it, or the host drops the tool silently.",
};
const UNRESOLVED: Kind = Kind {
    id: "schema.unresolved",
    subject: "References lead somewhere",
    fault: "A reference leads nowhere",
    expected: "Each $ref that begins with # points at something in the same schema.",
    rule: Some(Rule::References),
    next: "Put the definition into the schema's $defs: clients that check schemas refuse the list of tools.",
};
const EXTERNAL: Kind = Kind {
    id: "schema.external",
    subject: "Schemas stand alone",
    fault: "A schema refers to another document",
    expected: "No $ref leads out of the schema: clients must not fetch it.",
    rule: Some(Rule::References),
    next: "Copy the definition into $defs.",
};
const REFERENCES: Kind = Kind {
    id: "schema.references",
    subject: "Input schemas have no references",
    fault: "An input schema has references",
    expected: "Definitions stand where they are used: some hosts do not resolve $ref.",
    rule: Some(Rule::HostReferences),
    next: "Write the definition in place, unless it is recursive.",
};
const ITEMS: Kind = Kind {
    id: "schema.items",
    subject: "Arrays say what is in them",
    fault: "An array does not say what is in it",
    expected: "\"type\": \"array\" has items.",
    rule: Some(Rule::HostArrayItems),
    next: "Add items with the type of the elements: some hosts refuse the tool when it is called.",
};
const KEYS: Kind = Kind {
    id: "schema.properties",
    subject: "Parameters have names that every host takes",
    fault: "A parameter's name is one that some hosts refuse",
    expected: "1 to 64 characters of A-Z, a-z, 0-9, `_`, `-` and `.`.",
    rule: Some(Rule::HostPropertyKeys),
    next: "Rename the parameter: a model API refuses every request with such a tool in it.",
};
const DIALECT: Kind = Kind {
    id: "schema.dialect",
    subject: "Schemas are of a dialect that clients know",
    fault: "A schema is of a dialect that clients need not know",
    expected: "No $schema, or that of 2020-12 or draft-07.",
    rule: Some(Rule::Dialect),
    next: "Write the schema in JSON Schema 2020-12.",
};
const MIRRORED: Kind = Kind {
    id: "schema.mirrored",
    subject: "Parameters that are repeated in headers are marked correctly",
    fault: "A parameter is marked for a header in a way that clients must refuse",
    expected: "x-mcp-header is a header-safe name of its own, on a string, integer or boolean that is reached through properties.",
    rule: Some(Rule::ParameterHeaders),
    next: "Correct the annotation: clients must leave the tool out.",
};

pub(super) const KINDS: &[&Kind] =
    &[&INPUT, &OUTPUT, &COMPOSITION, &UNRESOLVED, &EXTERNAL, &REFERENCES, &ITEMS, &KEYS, &DIALECT, &MIRRORED];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let Some(list) = chart.lists.tools.as_ref().filter(|list| !list.entries.is_empty()) else {
        return KINDS.iter().map(|kind| kind.na(why_no_tools(chart))).collect();
    };
    let tools = &list.entries;
    let page = list.pages.first();
    let input = |tool: &Value| tool.get("inputSchema").cloned().unwrap_or_default();
    let looked: Vec<Looked> = tools.iter().map(|tool| Looked::at(&input(tool))).collect();
    let of = |tool: &Value| {
        let index = tools.iter().position(|other| std::ptr::eq(other, tool));
        index.map(|index| &looked[index])
    };
    let errors = |kind: &'static Kind, is_bad: &dyn Fn(&Value) -> bool| {
        let bad: Vec<&Value> = tools.iter().filter(|tool| is_bad(tool)).collect();
        let finding =
            if bad.is_empty() { kind.ok(format!("{} tools", tools.len())) } else { kind.error(names(&bad)) };
        finding.all_seen(page)
    };

    let output_root = |tool: &Value| tool.get("outputSchema").is_some_and(|schema| !is_object_schema(schema));
    let output = if chart.eras.legacy.is_some() {
        errors(&OUTPUT, &output_root)
    } else {
        each(&OUTPUT, tools, page, output_root)
    };
    let references = each(&REFERENCES, tools, page, |tool| of(tool).is_some_and(|it| it.references));
    let dialect = each(&DIALECT, tools, page, |tool| !is_known_dialect(&input(tool)));
    vec![
        errors(&INPUT, &|tool| !is_object_schema(&input(tool))),
        output,
        each(&COMPOSITION, tools, page, |tool| has_root_composition(&input(tool))),
        errors(&UNRESOLVED, &|tool| of(tool).is_some_and(|it| it.unresolved)),
        each(&EXTERNAL, tools, page, |tool| of(tool).is_some_and(|it| it.external)),
        as_info(references),
        each(&ITEMS, tools, page, |tool| of(tool).is_some_and(|it| it.array_without_items)),
        each(&KEYS, tools, page, |tool| has_odd_keys(&input(tool))),
        as_info(dialect),
        errors(&MIRRORED, &|tool| is_wrongly_mirrored(&input(tool))),
    ]
}

/// Limits of few hosts are worth knowing, not worth a warning.
fn as_info(mut finding: Finding) -> Finding {
    use crate::finding::Severity;
    if finding.severity == Severity::Warning {
        finding.severity = Severity::Info;
    }
    finding
}

fn is_object_schema(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

fn has_root_composition(schema: &Value) -> bool {
    ["anyOf", "oneOf", "allOf", "not", "enum", "$ref"].iter().any(|word| schema.get(word).is_some())
}

/// Only the names at the root are checked by those who check.
fn has_odd_keys(schema: &Value) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.into_iter().any(|(name, _)| !(1..=64).contains(&name.len()) || !name.bytes().all(legal))
}

fn is_known_dialect(schema: &Value) -> bool {
    let Some(dialect) = schema.get("$schema").and_then(Value::as_str) else { return true };
    let plain = dialect.trim_end_matches('#').trim_start_matches("https://").trim_start_matches("http://");
    matches!(plain, "json-schema.org/draft/2020-12/schema" | "json-schema.org/draft-07/schema")
}

fn is_wrongly_mirrored(schema: &Value) -> bool {
    RawJson::parse(&schema.to_string()).is_ok_and(|schema| MirroredParams::of_schema(&schema).is_err())
}

/// What a walk through a schema found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Looked {
    references: bool,
    unresolved: bool,
    external: bool,
    array_without_items: bool,
}

/// More than this of one schema is not walked through.
const MAX_NODES: usize = 20_000;

impl Looked {
    fn at(schema: &Value) -> Self {
        let mut looked = Self::default();
        let anchors = anchors(schema);
        let mut waiting = vec![schema];
        let mut nodes = 0;
        while let Some(node) = waiting.pop() {
            nodes += 1;
            if nodes > MAX_NODES {
                break;
            }
            match node {
                Value::Object(members) => {
                    looked.note(schema, node, &anchors);
                    // What stands here is data, not schema.
                    let data = ["enum", "const", "default", "examples"];
                    waiting.extend(
                        members.iter().filter(|(name, _)| !data.contains(&name.as_str())).map(|(_, it)| it),
                    );
                }
                Value::Array(entries) => waiting.extend(entries),
                _ => {}
            }
        }
        looked
    }

    fn note(&mut self, root: &Value, node: &Value, anchors: &BTreeSet<&str>) {
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            self.references = true;
            match reference.strip_prefix('#') {
                None => self.external = true,
                Some("") => {}
                Some(pointer) if pointer.starts_with('/') => {
                    let pointer = percent_decoded(pointer);
                    self.unresolved |= root.pointer(&pointer).is_none();
                }
                Some(anchor) => self.unresolved |= !anchors.contains(anchor),
            }
        }
        let array = node.get("type").and_then(Value::as_str) == Some("array");
        self.array_without_items |= array && node.get("items").is_none() && node.get("prefixItems").is_none();
    }
}

fn anchors(schema: &Value) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![schema];
    let mut nodes = 0;
    while let Some(node) = waiting.pop() {
        nodes += 1;
        if nodes > MAX_NODES {
            break;
        }
        match node {
            Value::Object(members) => {
                found.extend(members.get("$anchor").and_then(Value::as_str));
                waiting.extend(members.values());
            }
            Value::Array(entries) => waiting.extend(entries),
            _ => {}
        }
    }
    found
}

/// A pointer in a URI fragment may be percent-encoded; of what schemas have in their names, these occur.
fn percent_decoded(pointer: &str) -> String {
    [("%24", "$"), ("%20", " "), ("%5B", "["), ("%5D", "]"), ("%3C", "<"), ("%3E", ">"), ("%25", "%")]
        .into_iter()
        .fold(pointer.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_looked_up_and_never_followed() {
        let looked = |schema: Value| Looked::at(&schema);
        let plain = looked(json!({ "type": "object", "properties": { "a": { "type": "string" } } }));
        assert_eq!(plain, Looked::default());
        let recursive = json!({ "$defs": { "n": { "properties": { "next": { "$ref": "#/$defs/n" } } } }, "$ref": "#/$defs/n" });
        assert_eq!(looked(recursive), Looked { references: true, ..Looked::default() });
        let missing = json!({ "properties": { "a": { "$ref": "#/$defs/gone" } } });
        assert_eq!(looked(missing), Looked { references: true, unresolved: true, ..Looked::default() });
        let outside = json!({ "properties": { "a": { "$ref": "https://a.example/schema" } } });
        assert_eq!(looked(outside), Looked { references: true, external: true, ..Looked::default() });
        let anchor = json!({ "$defs": { "n": { "$anchor": "n" } }, "properties": { "a": { "$ref": "#n" } } });
        assert_eq!(looked(anchor), Looked { references: true, ..Looked::default() });
        let list = json!({ "properties": { "a": { "type": "array" } } });
        assert_eq!(looked(list), Looked { array_without_items: true, ..Looked::default() });
        let data = json!({ "properties": { "a": { "default": { "$ref": "#/nowhere" } } } });
        assert_eq!(looked(data), Looked::default());
    }

    #[test]
    fn names_and_dialects() {
        for (key, odd) in [("a", false), ("a.b-c_1", false), ("filter[id]", true), ("$top", true), ("", true)]
        {
            assert_eq!(has_odd_keys(&json!({ "properties": { key: {} } })), odd, "{key}");
        }
        for (dialect, known) in [
            ("https://json-schema.org/draft/2020-12/schema", true),
            ("http://json-schema.org/draft-07/schema#", true),
            ("http://json-schema.org/draft-04/schema#", false),
        ] {
            assert_eq!(is_known_dialect(&json!({ "$schema": dialect })), known, "{dialect}");
        }
    }
}
