//! Schemas that an application gives as values: compiled once, when the server is built, and checked at each call.
//!
//! What comes from a Rust type needs none of this, since reading the type is the check.

use std::collections::HashSet;
use std::fmt::{self, Write as _};

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// Faults that one answer lists; a model mends a few at a time.
const MAX_FAULTS: usize = 8;
/// Bytes of one fault's text, which may quote the value.
const MAX_FAULT_BYTES: usize = 256;
/// Up to this many bytes of JSON all that is wrong with it is looked for, since the library makes a list of it first: of
/// numbers where texts belong, a list a hundred times as long. In more than that the first fault has to do.
const MAX_LISTED_BYTES: usize = 16 * 1024;
/// Steps of one `pattern` on one text. A pattern is the application's, the text a client's.
const MAX_BACKTRACKING: usize = 10_000;

/// A schema that was given as a value and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSchema(String);

/// Brackets within brackets up to which it is found out what is wrong, where a schema refers to itself. Whether there is
/// something wrong is known at once; to find out what, the library tries every alternative within every alternative, and
/// each level of the value doubles the time (a filter of 12 levels, 300 bytes: three seconds).
const MAX_LISTED_DEPTH: usize = 8;

/// A compiled schema.
pub(crate) struct Foreign {
    validator: Validator,
    /// Whether it may refer to itself.
    recursive: bool,
}

/// What is wrong with a value, for its author.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Faults(String);

impl Foreign {
    /// Fetches nothing: a reference that leaves the schema is an error.
    pub(crate) fn compile(schema: &Value) -> Result<Self, InvalidSchema> {
        jsonschema::options()
            .offline()
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(MAX_BACKTRACKING))
            .build(schema)
            .map(|validator| Self { validator, recursive: may_be_recursive(schema) })
            .map_err(|error| InvalidSchema(fault(&error)))
    }

    pub(crate) fn check(&self, json: &str) -> Result<(), Faults> {
        let value: Value = serde_json::from_str(json).map_err(|error| Faults(error.to_string()))?;
        if self.validator.is_valid(&value) {
            return Ok(());
        }
        if self.recursive && depth(&value) > MAX_LISTED_DEPTH {
            return Err(Faults("it does not fit the schema".to_owned()));
        }
        if json.len() > MAX_LISTED_BYTES {
            let first = self.validator.validate(&value).err();
            return Err(Faults(
                first.map_or_else(|| "it does not fit the schema".to_owned(), |error| fault(&error)),
            ));
        }
        let mut found = self.validator.iter_errors(&value);
        let mut text = String::new();
        for error in found.by_ref().take(MAX_FAULTS) {
            let separator = if text.is_empty() { "" } else { "; " };
            let _infallible = write!(text, "{separator}{}", fault(&error));
        }
        if found.next().is_some() {
            text.push_str("; and more");
        }
        Err(Faults(text))
    }
}

/// Whether following its references may come back to where it was. Only references to a place in the same document are
/// followed; of any other kind it is assumed.
fn may_be_recursive(schema: &Value) -> bool {
    fn walk<'a>(
        root: &'a Value,
        at: &'a Value,
        open: &mut Vec<&'a str>,
        done: &mut HashSet<&'a str>,
    ) -> bool {
        match at {
            Value::Array(items) => items.iter().any(|item| walk(root, item, open, done)),
            Value::Object(members) => members.iter().any(|(name, value)| match (name.as_str(), value) {
                ("$dynamicRef" | "$recursiveRef", _) => true,
                // Places are counted from here on.
                ("$id", Value::String(_)) if !std::ptr::eq(at, root) => true,
                ("$ref", Value::String(target)) => {
                    // A reference to what encloses it is found on the second way round at the latest.
                    let Some(next) = target.strip_prefix('#').and_then(|place| root.pointer(place)) else {
                        return true;
                    };
                    if open.contains(&target.as_str()) {
                        return true;
                    }
                    if !done.insert(target) {
                        return false;
                    }
                    open.push(target);
                    let recursive = walk(root, next, open, done);
                    open.pop();
                    recursive
                }
                _ => walk(root, value, open, done),
            }),
            _ => false,
        }
    }
    walk(schema, schema, &mut Vec::new(), &mut HashSet::new())
}

/// Brackets within brackets; what was read has 127 at most.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Foreign")
    }
}

/// What and where, cut to a length that a reader bears.
fn fault(error: &jsonschema::ValidationError<'_>) -> String {
    let mut what = error.to_string();
    if what.len() > MAX_FAULT_BYTES {
        what.truncate(what.floor_char_boundary(MAX_FAULT_BYTES));
        what.push('…');
    }
    let place = error.instance_path().to_string();
    if place.is_empty() { what } else { format!("{what} at {place}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_checked_and_faults_are_named() {
        let schema = Foreign::compile(&json!({
            "type": "object",
            "$defs": { "size": { "type": "integer", "minimum": 1 } },
            "properties": { "size": { "$ref": "#/$defs/size" }, "colour": { "enum": ["red", "blue"] } },
            "required": ["size"],
            "additionalProperties": false
        }))
        .unwrap();
        let check = |json: &str, expected: Result<(), &str>| {
            let checked = schema.check(json).map_err(|faults| faults.to_string());
            match expected {
                Ok(()) => assert_eq!(checked, Ok(()), "{json}"),
                Err(part) => {
                    assert!(checked.as_ref().is_err_and(|text| text.contains(part)), "{json}: {checked:?}");
                }
            }
        };
        check(r#"{"size":1,"colour":"red"}"#, Ok(()));
        check("{}", Err("size"));
        check(r#"{"size":0}"#, Err("at /size"));
        check(r#"{"size":1,"colour":"green"}"#, Err("at /colour"));
        check(r#"{"size":1,"more":true}"#, Err("more"));
        check("[]", Err("object"));
        check("{", Err("EOF"));
    }

    #[test]
    fn an_answer_stays_short() {
        let schema =
            Foreign::compile(&json!({ "additionalProperties": { "type": "string", "maxLength": 1 } }))
                .unwrap();
        let many: serde_json::Map<_, _> = (0..30).map(|n| (n.to_string(), json!("é".repeat(200)))).collect();
        let text = schema.check(&Value::Object(many).to_string()).unwrap_err().to_string();
        assert!(text.ends_with("; and more"), "{text}");
        assert!(text.len() < MAX_FAULTS * (MAX_FAULT_BYTES + 64), "{}", text.len());
    }

    #[test]
    fn a_schema_that_refers_to_itself_does_not_cost_twice_as_much_for_each_level() {
        let node = |op| {
            json!({
                "properties": { "op": { "const": op }, "args": { "type": "array", "items": { "$ref": "#" } } },
                "required": ["op", "args"]
            })
        };
        let leaf = json!({ "properties": { "op": { "const": "eq" }, "x": { "type": "string" } }, "required": ["x"] });
        let schema = Foreign::compile(&json!({ "anyOf": [node("and"), node("or"), leaf] })).unwrap();
        let filter = |levels: usize, x: Value| {
            let leaf = json!({ "op": "eq", "x": x });
            let wrap =
                |inner, level| json!({ "op": if level % 2 == 0 { "and" } else { "or" }, "args": [inner] });
            (0..levels).fold(leaf, wrap).to_string()
        };
        assert_eq!(schema.check(&filter(50, json!("text"))), Ok(()));
        // In vain this would take longer than anybody lives.
        assert_eq!(
            schema.check(&filter(50, json!(7))).unwrap_err().to_string(),
            "it does not fit the schema"
        );
        let shallow = schema.check(&filter(2, json!(7))).unwrap_err().to_string();
        assert!(shallow.contains("not valid under any"), "{shallow}");
    }

    #[test]
    fn which_schemas_refer_to_themselves() {
        let check = |schema: Value, expected| assert_eq!(may_be_recursive(&schema), expected, "{schema}");
        check(
            json!({ "properties": { "a": { "$ref": "#/$defs/a" } }, "$defs": { "a": { "type": "string" } } }),
            false,
        );
        check(
            json!({ "items": { "$ref": "#/$defs/a" }, "not": { "$ref": "#/$defs/a" }, "$defs": { "a": { "$ref": "#/$defs/b" }, "b": {} } }),
            false,
        );
        check(json!({ "items": { "$ref": "#" } }), true);
        check(
            json!({ "$defs": { "a": { "items": { "$ref": "#/$defs/b" } }, "b": { "not": { "$ref": "#/$defs/a" } } } }),
            true,
        );
        check(json!({ "$defs": { "a": { "items": { "$ref": "#/$defs/a" } } } }), true);
        check(json!({ "$defs": { "a": { "$anchor": "x" } }, "items": { "$ref": "#x" } }), true);
        check(json!({ "items": { "$dynamicRef": "#x" } }), true);
        check(json!({ "items": { "$id": "https://a.example/", "items": { "$ref": "#" } } }), true);
        check(json!({ "$id": "https://a.example/", "properties": { "$id": { "type": "string" } } }), false);
        check(json!({ "const": { "$ref": 7 } }), false);
    }

    #[test]
    fn a_long_value_with_everything_wrong_is_refused_for_the_first_fault() {
        let schema = Foreign::compile(&json!({ "items": { "type": "string" } })).unwrap();
        let wrong = format!("[\"a\",0{}]", ",0".repeat(MAX_LISTED_BYTES / 2));
        assert_eq!(schema.check(&wrong).unwrap_err().to_string(), "0 is not of type \"string\" at /1");
        let right = format!("[\"a\"{}]", ",\"a\"".repeat(MAX_LISTED_BYTES / 4));
        assert_eq!(schema.check(&right), Ok(()));
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_refused_when_it_is_given() {
        let refused = |schema: Value| assert!(Foreign::compile(&schema).is_err(), "{schema}");
        refused(json!({ "type": "thing" }));
        refused(json!({ "properties": { "a": { "pattern": "(" } } }));
        refused(json!({ "$ref": "https://example.com/schema.json" }));
        refused(json!({ "$ref": "file:///etc/passwd" }));
        refused(json!({ "$ref": "#/$defs/nowhere" }));
    }

    #[test]
    fn a_pattern_cannot_be_made_to_run_for_ever() {
        let schema = Foreign::compile(&json!({ "type": "string", "pattern": "^(?=a)(a+)+\\1$" })).unwrap();
        let evil = serde_json::to_string(&format!("{}b", "a".repeat(200))).unwrap();
        assert!(schema.check(&evil).is_err());
    }
}
