//! The schema of the settings ([JSON Schema 2020-12](https://json-schema.org/draft/2020-12)). Names, types and defaults come
//! from the types, sentences from their doc comments. What is done here is to say it so that editors and people understand it:
//! one tree without references, times as text, and no `null`, which TOML does not have.

use std::sync::LazyLock;
use std::time::Duration;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Settings;

/// How a time is written; a setting with this pattern is one. The words are those of `humantime`.
const TIME: &str = r"^\s*([0-9][0-9\s]*(\.[0-9\s]+)?(nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds|second|secs|sec|s|minutes|minute|mins|min|m|hours|hour|hrs|hr|h|days|day|d|weeks|week|wks|wk|w|months|month|M|years|year|yrs|yr|y)\s*)+$";

type Object = Map<String, Value>;

/// The schema of the whole file. A section that is always there has the default `{}`; one that has to be written to be there
/// has none.
pub(crate) fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(make);
    &SCHEMA
}

/// What counts where nothing is set.
pub(crate) fn defaults(schema: &Value) -> Value {
    match shape(schema) {
        Shape::Table(properties) => {
            let there = properties.iter().filter(|(_, property)| property.get("default").is_some());
            there.map(|(name, property)| (name.clone(), defaults(property))).collect::<Object>().into()
        }
        _ => schema["default"].clone(),
    }
}

/// What kind of value a setting has.
pub(crate) enum Shape<'a> {
    /// A table with these settings.
    Table(&'a Object),
    /// A table of one of several kinds.
    Kinds(&'a [Value]),
    /// A table in which every name is fine.
    Map(&'a Value),
    /// A list.
    List(&'a Value),
    /// One of these words.
    Words(Vec<&'a str>),
    /// A time such as `8s`.
    Time,
    /// Any text.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Truth,
    /// Not said here.
    Anything,
}

/// The kind of value that this schema describes.
pub(crate) fn shape(schema: &Value) -> Shape<'_> {
    if let Some(properties) = schema["properties"].as_object() {
        return Shape::Table(properties);
    }
    let words = words(schema);
    if !words.is_empty() {
        return Shape::Words(words.into_iter().map(|(word, _)| word).collect());
    }
    if let Some(kinds) = schema["oneOf"].as_array() {
        return Shape::Kinds(kinds);
    }
    match schema["type"].as_str() {
        Some("object") if schema["additionalProperties"].is_object() => {
            Shape::Map(&schema["additionalProperties"])
        }
        Some("array") => Shape::List(&schema["items"]),
        Some("string") if schema["pattern"] == TIME => Shape::Time,
        Some("string") => Shape::Text,
        Some("integer") => Shape::Number,
        Some("boolean") => Shape::Truth,
        _ => Shape::Anything,
    }
}

/// The words that a setting can be, with what each of them means where that is said.
pub(crate) fn words(schema: &Value) -> Vec<(&str, Option<&str>)> {
    let listed = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut words: Vec<_> = listed.map(|word| (word, None)).collect();
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        words.extend(one["const"].as_str().map(|word| (word, one["description"].as_str())));
        words.extend(self::words(one));
    }
    words
}

/// Whether the value must not be shown.
pub(crate) fn is_secret(schema: &Value) -> bool {
    schema["writeOnly"] == true
}

/// How a time is written: in the largest unit that it has a whole number of.
fn time(time: Duration) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    let whole = time.as_millis();
    match units.into_iter().find(|(_, unit)| whole != 0 && whole.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", whole / unit),
        None if whole == 0 => "0s".to_owned(),
        None => format!("{whole}ms"),
    }
}

fn make() -> Value {
    let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let Value::Object(mut root) = Value::from(generator.into_root_schema_for::<Settings>()) else {
        unreachable!("the schema of a struct is an object");
    };
    let mut definitions = match root.remove("$defs") {
        Some(Value::Object(definitions)) => definitions,
        _ => Object::new(),
    };
    definitions.insert(
        "Duration".to_owned(),
        json!({ "type": "string", "pattern": TIME, "examples": ["500ms", "8s", "10m", "12h", "30d"] }),
    );
    let (mut root, _) = complete(root, &definitions, "");
    root.insert("title".to_owned(), "Settings of Barewire".into());
    in_order(root).into()
}

/// One schema, with everything that it refers to in its place; and whether it is of a setting that can be absent, whatever
/// its kind.
fn complete(mut schema: Object, definitions: &Object, path: &str) -> (Object, bool) {
    let mut optional = false;
    while let Some(other) = referred(&mut schema, definitions, &mut optional) {
        // What is said at this place counts for more than what the type says of itself.
        for (keyword, value) in other {
            schema.entry(keyword).or_insert(value);
        }
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        optional |= types.iter().any(|name| name == "null");
        types.retain(|name| name != "null");
        if let [one] = &types[..] {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = paragraphs(text);
    }
    if schema.get("pattern").is_some_and(|pattern| pattern == TIME)
        && let Some(Value::String(text)) = schema.get_mut("default")
        && let Ok(default) = humantime::parse_duration(text)
    {
        *text = time(default);
    }
    whole_numbers(&mut schema);
    kinds(&mut schema);
    tables(&mut schema, definitions, path);
    for (keyword, suffix) in [("items", "[]"), ("additionalProperties", ".NAME")] {
        if let Some(Value::Object(inner)) = schema.get_mut(keyword) {
            *inner = complete(std::mem::take(inner), definitions, &format!("{path}{suffix}")).0;
        }
    }
    if let Some(Value::Array(several)) = schema.get_mut("oneOf") {
        for inner in several.iter_mut().filter_map(Value::as_object_mut) {
            let of_setting = !inner.contains_key("const");
            *inner = complete(std::mem::take(inner), definitions, if of_setting { path } else { "" }).0;
        }
    }
    if !path.is_empty() {
        schema.insert("title".to_owned(), path.into());
    }
    (in_order(schema), optional)
}

/// What a schema refers to, taken out of it: a definition, or what it is if it is not `null`.
fn referred(schema: &mut Object, definitions: &Object, optional: &mut bool) -> Option<Object> {
    if let Some(Value::String(name)) = schema.remove("$ref") {
        return definitions.get(name.trim_start_matches("#/$defs/"))?.as_object().cloned();
    }
    let is_null = |one: &Value| one["type"] == "null";
    if !schema.get("anyOf")?.as_array()?.iter().any(is_null) {
        return None;
    }
    *optional = true;
    let Some(Value::Array(any)) = schema.remove("anyOf") else { return None };
    any.into_iter().find(|one| !is_null(one))?.as_object().cloned()
}

/// The sizes of Rust's integers as limits.
fn whole_numbers(schema: &mut Object) {
    if schema.get("type").is_some_and(|name| name == "integer")
        && schema.remove("format").is_some_and(|format| format == "uint32")
    {
        schema.insert("maximum".to_owned(), u32::MAX.into());
    }
}

/// A table of several kinds: what they have in common, in each of them, so that each can say which names there are.
fn kinds(schema: &mut Object) {
    let Some(common) = schema.get("properties").and_then(Value::as_object).cloned() else { return };
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Array(several)) = schema.get_mut("oneOf") else { return };
    for one in several.iter_mut().filter_map(Value::as_object_mut) {
        let own = one.remove("properties").unwrap_or_default();
        let mut all = common.clone();
        all.extend(own.as_object().cloned().unwrap_or_default());
        one.insert("properties".to_owned(), all.into());
        let mut names = required.clone();
        names.extend(one.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
        one.insert("required".to_owned(), names.into());
    }
    for keyword in ["properties", "required", "additionalProperties"] {
        schema.remove(keyword);
    }
}

/// The settings of a table, and that there are no others.
fn tables(schema: &mut Object, definitions: &Object, path: &str) {
    let of_table = schema.remove("default");
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        if let Some(default) = of_table {
            schema.insert("default".to_owned(), default);
        }
        return;
    };
    for (name, property) in properties.iter_mut() {
        let Some(inner) = property.as_object_mut() else { continue };
        let mut inner = std::mem::take(inner);
        // A table in a table can have other defaults than by itself.
        match of_table.as_ref().and_then(|table| table.get(name)) {
            Some(Value::Null) => drop(inner.remove("default")),
            Some(default) => drop(inner.insert("default".to_owned(), default.clone())),
            None => {}
        }
        let inner_path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let (mut inner, optional) = complete(inner, definitions, &inner_path);
        if !optional && !required.iter().any(|one| one == name) {
            let empty = match inner.get("type").and_then(Value::as_str) {
                Some("array") => Some(json!([])),
                Some("object") => Some(json!({})),
                _ => None,
            };
            if let Some(empty) = empty {
                inner.entry("default").or_insert(empty);
            }
        }
        *property = in_order(inner).into();
    }
    schema.insert("additionalProperties".to_owned(), false.into());
}

/// Lines of a paragraph put together.
fn paragraphs(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// What a reader looks for first comes first.
fn in_order(mut schema: Object) -> Object {
    let first = [
        "$schema",
        "title",
        "description",
        "type",
        "format",
        "pattern",
        "const",
        "enum",
        "minimum",
        "maximum",
        "default",
        "examples",
        "writeOnly",
        "propertyNames",
    ];
    let mut ordered = Object::new();
    for keyword in first {
        ordered.extend(schema.remove(keyword).map(|value| (keyword.to_owned(), value)));
    }
    ordered.extend(schema);
    ordered
}
