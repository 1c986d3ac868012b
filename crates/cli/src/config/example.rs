//! The annotated settings file: every section and setting of the schema, with what it means and its default.

use serde_json::{Map, Value};

use super::schema::{Shape, schema, shape, words};

/// Columns of a line.
const WIDTH: usize = 118;
/// Of longer lists of words only the words are shown.
const EXPLAINED_WORDS: usize = 5;

const TOP: &str = "\
#:schema ./barewire.schema.json
# Every setting of Barewire with its default. What begins with `#` and no blank is not set: take the `#` away. The first
# line tells an editor what there is (`barewire config schema > barewire.schema.json`).
";

/// The file. As it stands, it sets what is set without it.
pub(crate) fn example() -> String {
    let mut file = File(TOP.to_owned());
    if let Shape::Table(sections) = shape(schema()) {
        for (name, section) in sections {
            file.section(&key(name), section, false);
        }
    }
    file.0
}

struct File(String);

impl File {
    /// A table, or one of a list or a map of tables. What is not there without being written is commented out.
    fn section(&mut self, path: &str, schema: &Value, inside_comment: bool) {
        let comment = inside_comment || is_absent(schema);
        match shape(schema) {
            Shape::Table(settings) => {
                self.table(&format!("[{path}]"), path, description(schema), settings, comment);
            }
            Shape::Map(one) => {
                let name = schema["propertyNames"]["examples"][0].as_str().unwrap_or("NAME");
                let path = format!("{path}.{}", key(name));
                if let Shape::Table(settings) = shape(one) {
                    self.table(&format!("[{path}]"), &path, description(schema), settings, comment);
                }
            }
            Shape::List(one) => match shape(one) {
                Shape::Table(settings) => {
                    self.table(&format!("[[{path}]]"), path, description(schema), settings, comment);
                }
                Shape::Kinds(kinds) => {
                    self.blank();
                    self.prose(description(schema));
                    for kind in kinds {
                        if let Shape::Table(settings) = shape(kind) {
                            self.table(&format!("[[{path}]]"), path, description(kind), settings, comment);
                        }
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn table(&mut self, header: &str, path: &str, prose: &str, settings: &Map<String, Value>, comment: bool) {
        self.blank();
        self.prose(prose);
        self.line(header, comment);
        // TOML reads what stands below the next header as part of that.
        let (sections, settings): (Vec<_>, Vec<_>) = settings.iter().partition(|(_, one)| is_section(one));
        for (name, schema) in settings {
            self.setting(name, schema, comment);
        }
        for (name, schema) in sections {
            self.section(&format!("{path}.{}", key(name)), schema, comment);
        }
    }

    fn setting(&mut self, name: &str, schema: &Value, inside_comment: bool) {
        self.prose(description(schema));
        self.choice(schema, "One of");
        self.choice(&schema["items"], "Each is one of");
        let (default, example) = (&schema["default"], &schema["examples"][0]);
        let is_time = matches!(shape(schema), Shape::Time);
        // A section that is an example as a whole shows values that fit together.
        let value = match (is_absent(schema), schema["const"].as_str()) {
            (_, Some(_)) => &schema["const"],
            (true, _) if !example.is_null() => example,
            (false, _) if inside_comment && !example.is_null() && !is_time => {
                if default != example {
                    self.prose(&format!("If nothing is said: {}.", toml(default)));
                }
                example
            }
            _ => default,
        };
        self.line(&format!("{} = {}", key(name), toml(value)), inside_comment || is_absent(schema));
    }

    /// The words that a setting can be.
    fn choice(&mut self, schema: &Value, of: &str) {
        let words = words(schema);
        let quoted = |word: &str| toml(&word.into());
        if words.iter().all(|(_, meaning)| meaning.is_none()) || words.len() > EXPLAINED_WORDS {
            if !words.is_empty() {
                let all: Vec<_> = words.iter().map(|(word, _)| quoted(word)).collect();
                self.prose(&format!("{of} {}.", all.join(", ")));
            }
            return;
        }
        for (word, meaning) in words {
            self.wrapped(
                &format!("{}: {}", quoted(word), plain(meaning.unwrap_or_default())),
                "#   ",
                "#     ",
            );
        }
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }

    fn line(&mut self, text: &str, comment: bool) {
        self.0.push_str(if comment { "#" } else { "" });
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn prose(&mut self, text: &str) {
        for paragraph in plain(text).split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
            self.wrapped(paragraph, "# ", "# ");
        }
    }

    fn wrapped(&mut self, text: &str, first: &str, further: &str) {
        let mut line = first.to_owned();
        let mut is_empty = true;
        for word in text.split_whitespace() {
            if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line, false);
                further.clone_into(&mut line);
                is_empty = true;
            }
            line.push_str(if is_empty { "" } else { " " });
            line.push_str(word);
            is_empty = false;
        }
        self.line(&line, false);
    }
}

fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// Whether nothing is there unless it is written.
fn is_absent(schema: &Value) -> bool {
    match &schema["default"] {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        // A table with settings is there with their defaults.
        Value::Object(table) => table.is_empty() && !matches!(shape(schema), Shape::Table(_)),
        _ => false,
    }
}

/// Whether it has a header of its own in the file.
fn is_section(schema: &Value) -> bool {
    schema["examples"].is_null()
        && match shape(schema) {
            Shape::Table(_) => true,
            Shape::Map(one) | Shape::List(one) => matches!(shape(one), Shape::Table(_) | Shape::Kinds(_)),
            _ => false,
        }
}

/// A value as TOML, on one line.
pub(crate) fn toml(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            format!("[{}]", list.iter().map(toml).collect::<Vec<_>>().join(", "))
        }
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        Value::Object(table) => {
            let pairs = table.iter().map(|(name, value)| format!("{} = {}", key(name), toml(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        // JSON escapes texts as TOML does, and writes numbers and truth values the same way.
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => value.to_string(),
    }
}

/// A name as TOML.
pub(crate) fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { toml(&name.into()) }
}

/// Markdown without the addresses of its links.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        plain.push_str(before);
        match link.split_once("](").and_then(|(words, after)| Some((words, after.split_once(')')?.1))) {
            Some((words, after)) if !words.contains(']') => {
                plain.push_str(words);
                rest = after;
            }
            _ => {
                plain.push('[');
                rest = link;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};

    use super::*;

    #[test]
    fn links_are_their_words() {
        for (markdown, expected) in [
            ("Bound ([RFC 9449](https://x.example/rfc9449)), so", "Bound (RFC 9449), so"),
            (
                "a list `[1]` and [two](https://x.example) links [three](https://x.example)",
                "a list `[1]` and two links three",
            ),
            ("nothing", "nothing"),
        ] {
            assert_eq!(plain(markdown), expected);
        }
    }

    #[test]
    fn names_and_values_are_toml() {
        let value = serde_json::json!({ "a b": ["x\ny\"", 1, true, {}], "c": { "d": "…" } });
        let text = format!("value = {}", toml(&value));
        let read: Value = Figment::from(Toml::string(&text)).extract().unwrap();
        assert_eq!(read["value"], value, "{text}");
    }
}
