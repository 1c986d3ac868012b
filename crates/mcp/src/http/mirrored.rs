//! Arguments of a tool that are repeated in headers: the annotation `x-mcp-header` of its schema
//! ([Custom headers](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#custom-headers-from-tool-parameters)).

use std::borrow::Cow;
use std::fmt;

use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};
use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::headers::{PARAM_PREFIX, different, single};
use super::value;
use crate::error::HeaderMismatch;
use crate::types::json::RawJson;

const ANNOTATION: &str = "x-mcp-header";

/// The largest integer that a header may carry, either sign: 2^53 - 1.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// The arguments of one tool that are repeated in headers. Read once, when the tool is registered or listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MirroredParams(Vec<MirroredParam>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct MirroredParam {
    header: HeaderName,
    /// The property names from the root of the arguments to the value.
    path: Vec<String>,
}

/// Why a tool's annotations are invalid. A client leaves the tool out; a server does not start with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnnotation {
    /// The schema is not a JSON object.
    #[error("the schema is not a JSON object")]
    Schema,
    /// The annotation is not a text, is empty, or cannot be part of a header's name.
    #[error("x-mcp-header of `{property}` cannot be part of a header's name")]
    Name {
        /// The property.
        property: String,
    },
    /// Two properties have the same one; case does not count.
    #[error("x-mcp-header `{name}` is there twice")]
    Twice {
        /// The annotation.
        name: String,
    },
    /// The property is not a string, an integer or a boolean.
    #[error("x-mcp-header is on `{property}`, which is not a string, an integer or a boolean")]
    Type {
        /// The property.
        property: String,
    },
    /// The property cannot be reached from the root by `properties` alone.
    #[error("x-mcp-header is at a place that is not reachable by `properties` alone")]
    Unreachable,
}

/// An argument that cannot be put into its header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitArgument {
    /// The arguments are not a JSON object.
    #[error("the arguments are not a JSON object")]
    Arguments,
    /// An integer beyond 2^53 - 1, or something that is not a string, an integer or a boolean.
    #[error("the argument for {header} is neither a string, nor a boolean, nor a safe integer")]
    Value {
        /// The header.
        header: String,
    },
}

impl MirroredParams {
    /// Reads the annotations of an input schema.
    ///
    /// # Errors
    /// One of them breaks a rule.
    pub fn of_schema(schema: &RawJson) -> Result<Self, InvalidAnnotation> {
        // Almost no tool has the annotation, and then there is nothing to parse.
        if !schema.as_str().contains(ANNOTATION) {
            return Ok(Self::default());
        }
        let schema: Value = schema.decode().map_err(|_| InvalidAnnotation::Schema)?;
        let mut found = Vec::new();
        walk(&schema, &mut Vec::new(), true, &mut found)?;
        Ok(Self(found))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The headers for a call with these arguments.
    ///
    /// # Errors
    /// An argument cannot be put into its header.
    pub fn write(&self, arguments: Option<&RawJson>, headers: &mut HeaderMap) -> Result<(), UnfitArgument> {
        if self.is_empty() {
            return Ok(());
        }
        let arguments = match arguments {
            Some(arguments) if !arguments.is_object() => return Err(UnfitArgument::Arguments),
            arguments => arguments.map(RawJson::as_raw),
        };
        for param in &self.0 {
            let unfit = || UnfitArgument::Value { header: param.header.to_string() };
            let value = match primitive(at(arguments, &param.path).map_err(|Ambiguous| unfit())?) {
                None | Some(Value::Null) => continue,
                Some(Value::String(text)) => value::encode(&text),
                Some(Value::Bool(flag)) => HeaderValue::from_static(if flag { "true" } else { "false" }),
                Some(Value::Number(number)) => integer(&number).ok_or_else(unfit)?.into(),
                Some(Value::Array(_) | Value::Object(_)) => return Err(unfit()),
            };
            headers.insert(param.header.clone(), value);
        }
        Ok(())
    }

    /// Checks the headers of a call against its arguments. Integers are compared as numbers.
    ///
    /// # Errors
    /// A header is missing, is there without its argument, is broken, or says something else.
    pub fn check(&self, arguments: Option<&RawJson>, headers: &HeaderMap) -> Result<(), HeaderMismatch> {
        if self.is_empty() {
            return Ok(());
        }
        let arguments = arguments.map(RawJson::as_raw);
        for param in &self.0 {
            let name = || spelled(&param.header);
            let header = single(headers, &param.header)?;
            let body = at(arguments, &param.path)
                .map_err(|Ambiguous| HeaderMismatch::Ambiguous { header: name() })?;
            let body = primitive(body).filter(|value| !value.is_null());
            match (header, body) {
                (None, None) => {}
                (None, Some(_)) => return Err(HeaderMismatch::Missing { header: name() }),
                (Some(_), None) => return Err(HeaderMismatch::Unexpected { header: name() }),
                (Some(written), Some(body)) => {
                    let decoded =
                        value::decode(written).ok_or_else(|| HeaderMismatch::Malformed { header: name() })?;
                    if !says(&decoded, &body) {
                        return Err(different(&param.header, written, &body.to_string()));
                    }
                }
            }
        }
        Ok(())
    }
}

fn says(header: &str, body: &Value) -> bool {
    match body {
        Value::String(text) => header == text,
        Value::Bool(flag) => header == if *flag { "true" } else { "false" },
        Value::Number(number) => {
            let digits = header.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            let safe = number.as_f64().is_some_and(|number| number.abs() <= MAX_SAFE_INTEGER);
            digits && safe && header.parse::<f64>().ok() == number.as_f64()
        }
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn integer(number: &serde_json::Number) -> Option<i64> {
    let float = number.as_f64()?;
    // 42.0 is the integer 42 for JSON Schema.
    (float.fract() == 0.0 && float.abs() <= MAX_SAFE_INTEGER).then_some(float as i64)
}

/// The raw value at a path of property names. Nothing beside the path is decoded, so that neither size nor depth of the
/// other arguments can keep a header from being checked.
fn at<'a>(arguments: Option<&'a RawValue>, path: &[String]) -> Result<Option<&'a RawValue>, Ambiguous> {
    let mut value = arguments;
    for name in path {
        let Some(object) = value.filter(|value| value.get().starts_with('{')) else { return Ok(None) };
        let mut deserializer = serde_json::Deserializer::from_str(object.get());
        value = deserializer.deserialize_map(Member(name)).map_err(|_| Ambiguous)?;
    }
    Ok(value)
}

/// Two readers of the arguments may see different values.
struct Ambiguous;

/// Reads the one member of this name.
struct Member<'n>(&'n str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        #[derive(serde::Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        let mut found = None;
        while let Some(Name(name)) = members.next_key()? {
            if *name != *self.0 {
                members.next_value::<IgnoredAny>()?;
            } else if found.replace(members.next_value()?).is_some() {
                return Err(A::Error::custom("it is there twice"));
            }
        }
        Ok(found)
    }
}

/// The value, where it is small. Anything else has no form in a header and stands for itself as an empty array.
fn primitive(raw: Option<&RawValue>) -> Option<Value> {
    raw.map(|raw| match raw.get().as_bytes().first() {
        Some(b'{' | b'[') => Value::Array(Vec::new()),
        _ => serde_json::from_str(raw.get()).unwrap_or_default(),
    })
}

fn spelled(header: &HeaderName) -> String {
    header.as_str().replacen(PARAM_PREFIX, "Mcp-Param-", 1)
}

/// Walks a schema the way a reader of schemas does: into the places where a schema can be, not into data such as
/// `default` or `enum`, and not taking a property that happens to be called `x-mcp-header` for an annotation.
fn walk(
    schema: &Value,
    path: &mut Vec<String>,
    reachable: bool,
    found: &mut Vec<MirroredParam>,
) -> Result<(), InvalidAnnotation> {
    let Some(object) = schema.as_object() else { return Ok(()) };
    if let Some(annotation) = object.get(ANNOTATION) {
        if !reachable || path.is_empty() {
            return Err(InvalidAnnotation::Unreachable);
        }
        found.push(annotated(annotation, object.get("type"), path, found)?);
    }
    for (keyword, below) in object {
        match keyword.as_str() {
            "properties" => {
                for (name, property) in below.as_object().into_iter().flatten() {
                    path.push(name.clone());
                    walk(property, path, reachable, found)?;
                    path.pop();
                }
            }
            "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                for schema in below.as_object().into_iter().flat_map(serde_json::Map::values) {
                    walk(schema, path, false, found)?;
                }
            }
            "default" | "const" | "enum" | "examples" | ANNOTATION => {}
            _ => match below {
                Value::Array(schemas) => {
                    for schema in schemas {
                        walk(schema, path, false, found)?;
                    }
                }
                below => walk(below, path, false, found)?,
            },
        }
    }
    Ok(())
}

fn annotated(
    annotation: &Value,
    kind: Option<&Value>,
    path: &[String],
    found: &[MirroredParam],
) -> Result<MirroredParam, InvalidAnnotation> {
    let property = path.join(".");
    let header = annotation
        .as_str()
        .filter(|name| !name.is_empty())
        .and_then(|name| HeaderName::from_bytes(format!("{PARAM_PREFIX}{name}").as_bytes()).ok())
        .ok_or_else(|| InvalidAnnotation::Name { property: property.clone() })?;
    if found.iter().any(|other| other.header == header) {
        return Err(InvalidAnnotation::Twice { name: annotation.as_str().unwrap_or_default().to_owned() });
    }
    if !kind.is_some_and(is_primitive) {
        return Err(InvalidAnnotation::Type { property });
    }
    Ok(MirroredParam { header, path: path.to_vec() })
}

/// One of the three types, or one of them and null.
fn is_primitive(kind: &Value) -> bool {
    let primitive = |kind: &Value| matches!(kind.as_str(), Some("string" | "integer" | "boolean"));
    match kind {
        Value::Array(kinds) => {
            let mut others = kinds.iter().filter(|kind| kind.as_str() != Some("null"));
            matches!((others.next(), others.next()), (Some(kind), None) if primitive(kind))
        }
        kind => primitive(kind),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn params(properties: &Value) -> Result<MirroredParams, InvalidAnnotation> {
        MirroredParams::of_schema(&json!({ "type": "object", "properties": properties }).into())
    }

    #[test]
    fn annotations() {
        let check = |properties: Value, expected: Result<usize, InvalidAnnotation>| {
            assert_eq!(params(&properties).map(|found| found.0.len()), expected, "{properties}");
        };
        let name = || Err(InvalidAnnotation::Name { property: "a".into() });
        let kind = || Err(InvalidAnnotation::Type { property: "a".into() });
        check(json!({ "a": { "type": "string" } }), Ok(0));
        check(json!({ "a": { "type": "string", "x-mcp-header": "Region" } }), Ok(1));
        check(json!({ "a": { "type": "string", "x-mcp-header": "Method" } }), Ok(1));
        check(json!({ "a": { "type": ["string", "null"], "x-mcp-header": "A" } }), Ok(1));
        let nested = json!({ "a": { "type": "object", "properties": { "b": { "type": "integer", "x-mcp-header": "B" } } } });
        check(nested, Ok(1));
        for bad in
            [json!(""), json!("a b"), json!("a:b"), json!("ü"), json!("a\r\nb"), json!("\u{1}"), json!(7)]
        {
            check(json!({ "a": { "type": "string", "x-mcp-header": bad } }), name());
        }
        for bad in
            [json!("object"), json!("array"), json!("null"), json!("number"), json!(["string", "integer"])]
        {
            check(json!({ "a": { "type": bad, "x-mcp-header": "A" } }), kind());
        }
        check(json!({ "a": { "x-mcp-header": "A" } }), kind());
        let twice = json!({ "a": { "type": "string", "x-mcp-header": "A" }, "b": { "type": "string", "x-mcp-header": "a" } });
        check(twice, Err(InvalidAnnotation::Twice { name: "a".into() }));
        for keyword in ["items", "not", "if", "additionalProperties", "contains"] {
            let inside =
                json!({ "a": { "type": "array", keyword: { "type": "string", "x-mcp-header": "A" } } });
            check(inside, Err(InvalidAnnotation::Unreachable));
        }
        let inside = json!({ "a": { "anyOf": [{ "type": "string", "x-mcp-header": "A" }] } });
        check(inside, Err(InvalidAnnotation::Unreachable));
        // A property of that name, or data that looks like an annotation, is none.
        check(json!({ "x-mcp-header": { "type": "string" } }), Ok(0));
        check(json!({ "a": { "type": "object", "default": { "x-mcp-header": "A" } } }), Ok(0));
        let on_root = json!({ "type": "object", "x-mcp-header": "A" });
        assert_eq!(MirroredParams::of_schema(&on_root.into()), Err(InvalidAnnotation::Unreachable));
    }

    #[test]
    fn written_headers_are_accepted() {
        let params = params(&json!({
            "s": { "type": "string", "x-mcp-header": "S" }, "i": { "type": "integer", "x-mcp-header": "I" },
            "b": { "type": "boolean", "x-mcp-header": "B" }, "n": { "type": "string", "x-mcp-header": "N" },
        }))
        .unwrap();
        let arguments = RawJson::from(json!({ "s": " ü ", "i": -7, "b": false, "n": null }));
        let mut headers = HeaderMap::new();
        params.write(Some(&arguments), &mut headers).unwrap();
        let mut lines: Vec<_> =
            headers.iter().map(|(k, v)| format!("{k}: {}", v.to_str().unwrap())).collect();
        lines.sort();
        assert_eq!(lines, ["mcp-param-b: false", "mcp-param-i: -7", "mcp-param-s: =?base64?IMO8IA==?="]);
        assert_eq!(params.check(Some(&arguments), &headers), Ok(()));
        let unsafe_integer = RawJson::from(json!({ "i": 9_007_199_254_740_992_i64 }));
        assert!(params.write(Some(&unsafe_integer), &mut HeaderMap::new()).is_err());
    }

    #[test]
    fn an_argument_that_is_there_twice_equals_no_header() {
        let params = params(&json!({
            "a": { "type": "object", "properties": { "s": { "type": "string", "x-mcp-header": "S" } } },
        }))
        .unwrap();
        let check = |arguments: &str, header: Option<&'static str>, fine: bool| {
            let mut headers = HeaderMap::new();
            headers.extend(
                header.map(|value| (HeaderName::from_static("mcp-param-s"), HeaderValue::from_static(value))),
            );
            let checked = params.check(Some(&RawJson::parse(arguments).unwrap()), &headers);
            assert_eq!(checked.is_ok(), fine, "{arguments} {header:?}");
        };
        check(r#"{"a":{"s":"x"},"b":1,"b":2}"#, Some("x"), true);
        for header in [None, Some("x"), Some("y")] {
            check(r#"{"a":{"s":"x","s":"y"}}"#, header, false);
            check(r#"{"a":{"s":"x","\u0073":"x"}}"#, header, false);
            check(r#"{"a":{"s":"x"},"a":null}"#, header, false);
            // Half of a character: to one reader this is no object at all.
            check(r#"{"a":{"s":"x","\ud800":1}}"#, header, false);
        }
        check(r#"{"a":[{"s":"x"}]}"#, None, true);
        check(r#"{"a":"s"}"#, Some("x"), false);
    }

    #[test]
    fn checked_against_the_arguments() {
        let params = params(&json!({
            "s": { "type": "string", "x-mcp-header": "S" }, "i": { "type": "integer", "x-mcp-header": "I" },
        }))
        .unwrap();
        let check = |header: &[(&'static str, &'static str)], arguments: Value, fine: bool| {
            let line = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            let headers: HeaderMap = header.iter().map(line).collect();
            let seen = params.check(Some(&arguments.clone().into()), &headers);
            assert_eq!(seen.is_ok(), fine, "{header:?} {arguments} {seen:?}");
        };
        check(&[("mcp-param-s", "=?base64?SGVsbG8=?=")], json!({ "s": "Hello" }), true);
        check(&[("mcp-param-s", "=?base64?SGVsbG8?=")], json!({ "s": "Hello" }), false);
        check(&[("mcp-param-s", "=?base64?SGVs!!!bG8=?=")], json!({ "s": "Hello" }), false);
        check(&[("mcp-param-s", "SGVsbG8=")], json!({ "s": "SGVsbG8=" }), true);
        check(&[("mcp-param-s", "=?base64?SGVsbG8=")], json!({ "s": "=?base64?SGVsbG8=" }), true);
        check(&[], json!({ "s": "Hello" }), false);
        check(&[], json!({ "s": null }), true);
        check(&[], json!({}), true);
        check(&[("mcp-param-s", "x")], json!({}), false);
        check(&[("mcp-param-s", "")], json!({ "s": "" }), true);
        check(&[("mcp-param-i", "42.0")], json!({ "i": 42 }), true);
        check(&[("mcp-param-i", "42")], json!({ "i": 42.0 }), true);
        check(&[("mcp-param-i", "43")], json!({ "i": 42 }), false);
        check(&[("mcp-param-i", "inf")], json!({ "i": 42 }), false);
        check(&[("mcp-param-s", "x"), ("mcp-param-s", "x")], json!({ "s": "x" }), false);
        check(&[("mcp-param-unknown", "x")], json!({}), true);
        check(&[("mcp-param-s", "x")], json!({ "s": ["x"] }), false);
        check(&[("mcp-param-s", "x")], json!([]), false);
    }

    #[test]
    fn depth_elsewhere_does_not_hide_a_mismatch() {
        let params = params(&json!({ "s": { "type": "string", "x-mcp-header": "S" } })).unwrap();
        let deep = format!(r#"{{"x":{}{},"s":"body"}}"#, "[".repeat(1000), "]".repeat(1000));
        let arguments = RawJson::parse(&deep).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("mcp-param-s", HeaderValue::from_static("header"));
        assert!(params.check(Some(&arguments), &headers).is_err());
        headers.insert("mcp-param-s", HeaderValue::from_static("body"));
        assert_eq!(params.check(Some(&arguments), &headers), Ok(()));
    }
}
