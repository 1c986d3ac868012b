//! What is wrong with settings, each by its name, with what was expected and what was perhaps meant.

use std::fmt;

use figment::value::Value;
use serde_json::{Value as Json, json};

use super::schema::{Shape, is_secret, schema, shape};
use super::sources::Sources;
use crate::outcome::Failure;

/// From which likeness on a name may have been meant: two letters that are swapped in a word of three, `mpc` for `mcp`.
const ALIKE: f64 = 0.65;
/// Of a longer value only the beginning is shown.
const SHOWN: usize = 60;

/// Something that is wrong.
#[derive(Debug)]
pub(crate) struct Mistake {
    /// Which setting; empty where it is in none or in several.
    pub(crate) setting: String,
    /// What is wrong with it.
    pub(crate) what: String,
    /// The name that was perhaps meant.
    pub(crate) nearest: Option<String>,
    /// Where the value is from.
    pub(crate) source: Option<String>,
}

impl Mistake {
    /// In words of somebody who names the setting.
    pub(crate) fn said(what: impl fmt::Display) -> Mistake {
        Mistake { setting: String::new(), what: what.to_string(), nearest: None, source: None }
    }

    pub(crate) fn document(&self) -> Json {
        json!({
            "setting": Some(&self.setting).filter(|name| !name.is_empty()),
            "message": self.what,
            "didYouMean": self.nearest,
            "source": self.source,
        })
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.setting.is_empty() {
            write!(formatter, "{}: ", self.setting)?;
        }
        formatter.write_str(&self.what)?;
        if let Some(nearest) = &self.nearest {
            write!(formatter, "; did you mean {nearest}?")?;
        }
        match &self.source {
            Some(source) => write!(formatter, " (from {source})"),
            None => Ok(()),
        }
    }
}

/// All of them as one error.
pub(crate) fn refusal(mistakes: &[Mistake]) -> Failure {
    let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    let text = match &lines[..] {
        [one] => one.clone(),
        several => format!("{} mistakes in the settings\n{}", several.len(), several.join("\n")),
    };
    Failure::usage(text).with_next(Some("barewire config example prints every setting".to_owned()))
}

/// Everything that the schema can tell.
pub(crate) fn mistakes(sources: &Sources) -> Vec<Mistake> {
    let mut search = Search { sources, found: Vec::new() };
    search.look(schema(), sources.values(), "");
    search.found
}

struct Search<'a> {
    sources: &'a Sources,
    found: Vec<Mistake>,
}

impl Search<'_> {
    fn look(&mut self, schema: &Json, value: &Value, path: &str) {
        match (shape(schema), value) {
            (Shape::Table(_), Value::Dict(..)) => self.table(schema, value, path),
            (Shape::Kinds(kinds), Value::Dict(..)) => self.kinds(kinds, value, path),
            (Shape::Map(one), Value::Dict(_, all)) => {
                for (name, value) in all {
                    self.look(one, value, &join(path, name));
                }
            }
            (Shape::List(one), Value::Array(_, all)) => {
                for (index, value) in all.iter().enumerate() {
                    self.look(one, value, &format!("{path}[{index}]"));
                }
            }
            (Shape::Words(words), Value::String(_, text)) if words.contains(&text.as_str()) => {}
            (Shape::Words(words), Value::String(_, text)) => {
                self.differs(schema, value, path, nearest(text, words));
            }
            (Shape::Time, Value::String(_, text)) if humantime::parse_duration(text).is_ok() => {}
            (Shape::Text, Value::String(..) | Value::Char(..)) => {}
            (Shape::Number, Value::Num(_, number)) => {
                let number = number.to_i128().or_else(|| i128::try_from(number.to_u128()?).ok());
                let limit = |name: &str, none| schema[name].as_i64().map_or(none, i128::from);
                let (least, most) = (limit("minimum", i128::MIN), limit("maximum", i128::MAX));
                if !number.is_some_and(|number| (least..=most).contains(&number)) {
                    self.differs(schema, value, path, None);
                }
            }
            (Shape::Truth, Value::Bool(..)) | (Shape::Anything, _) => {}
            _ => self.differs(schema, value, path, None),
        }
    }

    fn table(&mut self, schema: &Json, value: &Value, path: &str) {
        let (Shape::Table(settings), Value::Dict(_, all)) = (shape(schema), value) else { return };
        for (name, value) in all {
            match settings.get(name) {
                Some(setting) => self.look(setting, value, &join(path, name)),
                None => self.unknown(settings.keys().map(String::as_str), name, value, path),
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            if !all.contains_key(name) {
                let source = all.values().next().and_then(|beside| self.source(beside));
                self.missing(&settings[name], &join(path, name), source);
            }
        }
    }

    /// A table of the kind that its word says.
    fn kinds(&mut self, kinds: &[Json], value: &Value, path: &str) {
        let Value::Dict(_, all) = value else { return };
        let Some((name, words)) = discriminator(kinds) else { return };
        let schema = json!({ "enum": words });
        match all.get(name) {
            None => {
                let source = all.values().next().and_then(|beside| self.source(beside));
                self.missing(&schema, &join(path, name), source);
            }
            Some(word) => match kind(kinds, name, word.as_str()) {
                Some(kind) => self.table(kind, value, path),
                None => self.look(&schema, word, &join(path, name)),
            },
        }
    }

    fn unknown<'n>(
        &mut self,
        siblings: impl Iterator<Item = &'n str>,
        name: &str,
        value: &Value,
        path: &str,
    ) {
        let elsewhere = || {
            let mut names = Vec::new();
            named(schema(), name, "", &mut names);
            (!names.is_empty()).then(|| names.join(" or "))
        };
        let near = nearest(name, siblings.collect()).or_else(elsewhere);
        self.push(join(path, name), "there is no such setting".to_owned(), near, value);
    }

    fn missing(&mut self, schema: &Json, path: &str, source: Option<String>) {
        let what = format!("it has to be set, to {}", expected(schema));
        self.found.push(Mistake { setting: path.to_owned(), what, nearest: None, source });
    }

    fn differs(&mut self, schema: &Json, value: &Value, path: &str, nearest: Option<String>) {
        let expected = expected(schema);
        let what = match is_secret(schema) {
            true => format!("it has to be {expected}"),
            false => format!("it has to be {expected}, not {}", found(value)),
        };
        self.push(path.to_owned(), what, nearest, value);
    }

    fn push(&mut self, setting: String, what: String, nearest: Option<String>, value: &Value) {
        let source = self.source(value);
        self.found.push(Mistake { setting, what, nearest, source });
    }

    /// Where a value is from; of a table, what is in it.
    fn source(&self, value: &Value) -> Option<String> {
        match value {
            Value::Dict(_, all) if !all.is_empty() => self.source(all.values().next()?),
            Value::Array(_, all) if !all.is_empty() => self.source(all.first()?),
            _ => self.sources.of(value),
        }
    }
}

/// The setting that tells kinds of tables apart, and its words.
pub(crate) fn discriminator(kinds: &[Json]) -> Option<(&str, Vec<&str>)> {
    let properties = kinds.first()?["properties"].as_object()?;
    let (name, _) = properties.iter().find(|(_, one)| one["const"].is_string())?;
    Some((name, kinds.iter().filter_map(|kind| kind["properties"][name]["const"].as_str()).collect()))
}

/// The kind with this word.
pub(crate) fn kind<'a>(kinds: &'a [Json], name: &str, word: Option<&str>) -> Option<&'a Json> {
    kinds.iter().find(|kind| kind["properties"][name]["const"].as_str() == word && word.is_some())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn expected(schema: &Json) -> String {
    match shape(schema) {
        Shape::Table(_) | Shape::Kinds(_) | Shape::Map(_) => "a table".to_owned(),
        Shape::List(_) => "a list".to_owned(),
        Shape::Words(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
            if let [one] = &words[..] { one.clone() } else { format!("one of {}", words.join(", ")) }
        }
        Shape::Time => "a time such as \"8s\" or \"10m\"".to_owned(),
        Shape::Text if schema["format"] == "uri" => "a URL".to_owned(),
        Shape::Text => "a text".to_owned(),
        Shape::Number => match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
            (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
            (Some(least), None) => format!("a whole number from {least} on"),
            _ => "a whole number".to_owned(),
        },
        Shape::Truth => "true or false".to_owned(),
        Shape::Anything => "something else".to_owned(),
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Array(..) => "a list".to_owned(),
        Value::Dict(..) => "a table".to_owned(),
        Value::Empty(..) => "nothing".to_owned(),
        Value::String(_, text) if text.chars().count() > SHOWN => {
            format!("{:?}…", text.chars().take(SHOWN).collect::<String>())
        }
        Value::String(_, text) => format!("{text:?}"),
        Value::Char(_, letter) => format!("{:?}", letter.to_string()),
        Value::Bool(_, truth) => truth.to_string(),
        Value::Num(..) => serde_json::to_string(value).unwrap_or_default(),
    }
}

fn nearest(name: &str, names: Vec<&str>) -> Option<String> {
    let alike = |other: &str| strsim::normalized_damerau_levenshtein(name, other);
    let near = names.into_iter().map(|other| (alike(other), other)).filter(|(alike, _)| *alike >= ALIKE);
    near.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name.to_owned())
}

/// The paths of all settings with this name, in whatever table.
fn named(schema: &Json, name: &str, path: &str, found: &mut Vec<String>) {
    if let Shape::Table(settings) = shape(schema) {
        for (one, schema) in settings {
            let path = join(path, one);
            if one == name {
                found.push(path.clone());
            }
            named(schema, name, &path, found);
        }
    }
}
