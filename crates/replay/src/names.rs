//! Values by name, and what they stand for in requests and checks.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::transcript::Keep;

/// What is known by name so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    known: HashMap<String, Value>,
    /// What a server need not give, and did not.
    left_out: HashSet<String>,
}

/// Nothing is known by this name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unknown(pub(crate) String);

impl Names {
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.known.insert(name.to_owned(), value);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.known.get(name)
    }

    /// Whether the server need not give it, and did not.
    pub(crate) fn was_left_out(&self, name: &str) -> bool {
        self.left_out.contains(name)
    }

    /// Fills in what stands in braces, everywhere in a value.
    pub(crate) fn fill(&self, value: &Value) -> Result<Value, Unknown> {
        Ok(match value {
            Value::String(text) => match name_of(text) {
                Some(name) => self.known.get(name).cloned().ok_or_else(|| Unknown(name.to_owned()))?,
                None => Value::String(self.fill_text(text)?),
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .filter(|(_, value)| !self.is_left_out(value))
                    .map(|(name, value)| Ok((self.fill_text(name)?, self.fill(value)?)))
                    .collect::<Result<_, _>>()?,
            ),
            other => other.clone(),
        })
    }

    /// Whether this stands for something that the server need not give, and did not.
    fn is_left_out(&self, value: &Value) -> bool {
        value.as_str().and_then(name_of).is_some_and(|name| self.was_left_out(name))
    }

    /// Fills in what stands in braces, in one text. Braces around anything that is no name stay.
    pub(crate) fn fill_text(&self, text: &str) -> Result<String, Unknown> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after.split_once('}') {
                Some((name, behind)) if is_name(name) => {
                    match self.known.get(name) {
                        Some(Value::String(text)) => filled.push_str(text),
                        Some(other) => filled.push_str(&other.to_string()),
                        None => return Err(Unknown(name.to_owned())),
                    }
                    rest = behind;
                }
                _ => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Keeps what a step wants kept of an answer; what is not there is not kept.
    pub(crate) fn keep(&mut self, name: &str, keep: &Keep, answer: &Value) {
        match taken(keep, answer) {
            Some(value) => self.set(name, value),
            None if keep.optional => {
                self.left_out.insert(name.to_owned());
            }
            None => {}
        }
    }
}

/// What is to be kept of an answer.
pub(crate) fn taken(keep: &Keep, answer: &Value) -> Option<Value> {
    let mut value = answer.pointer(&keep.from)?;
    if let Some(without) = &keep.first_without {
        let lacks = |item: &&Value| item.pointer(without).is_none_or(is_empty);
        value = value.as_array()?.iter().find(lacks)?;
    }
    if let Some(with) = &keep.first_with {
        let has = |item: &&Value| !item.pointer(with).is_none_or(is_empty);
        value = value.as_array()?.iter().find(has)?;
    }
    if keep.first_name {
        return value.as_object()?.keys().next().map(|name| Value::String(name.clone()));
    }
    match &keep.then {
        Some(then) => value.pointer(then).cloned(),
        None => Some(value.clone()),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || *value == Value::Bool(false) || value.as_array().is_some_and(Vec::is_empty)
}

/// Names are lower case words: other braces, such as those of JSON and of URI templates, are no place for one unless they
/// look like it.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

pub(crate) fn name_of(text: &str) -> Option<&str> {
    text.strip_prefix('{')?.strip_suffix('}').filter(|name| is_name(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_in_braces_are_filled_in() {
        let mut names = Names::default();
        names.set("id", json!(7));
        names.set("tool", json!("add"));
        for (value, filled) in [
            (json!({ "id": "{id}", "name": "{tool}" }), json!({ "id": 7, "name": "add" })),
            (json!(["call {tool} as {id}", "{", "{}", "{A}"]), json!(["call add as 7", "{", "{}", "{A}"])),
            (json!({ "{tool}": 1 }), json!({ "add": 1 })),
        ] {
            assert_eq!(names.fill(&value), Ok(filled));
        }
        names.keep("gone", &Keep { from: "/x".to_owned(), optional: true, ..Keep::default() }, &json!({}));
        assert_eq!(names.fill(&json!({ "a": 1, "state": "{gone}" })), Ok(json!({ "a": 1 })));
        assert_eq!(names.fill(&json!({ "a": ["{session}"] })), Err(Unknown("session".to_owned())));
        assert_eq!(names.fill_text("Bearer {token}"), Err(Unknown("token".to_owned())));
    }

    #[test]
    fn the_first_tool_without_required_arguments_is_kept() {
        let keep = Keep {
            from: "/tools".to_owned(),
            first_without: Some("/inputSchema/required".to_owned()),
            then: Some("/name".to_owned()),
            ..Keep::default()
        };
        let tool =
            |name: &str, required: Value| json!({ "name": name, "inputSchema": { "required": required } });
        let list = |tools: Vec<Value>| json!({ "tools": tools });
        let needy = tool("needy", json!(["a"]));
        assert_eq!(taken(&keep, &list(vec![needy.clone(), tool("b", json!([]))])), Some(json!("b")));
        assert_eq!(taken(&keep, &list(vec![json!({ "name": "c" })])), Some(json!("c")));
        let with = Keep { first_with: keep.first_without.clone(), first_without: None, ..keep.clone() };
        assert_eq!(taken(&with, &list(vec![tool("b", json!([])), needy.clone()])), Some(json!("needy")));
        assert_eq!(taken(&keep, &list(vec![needy])), None);
    }
}
