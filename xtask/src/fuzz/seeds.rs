//! What the targets begin with: the golden transcripts of `docs/wire`, taken apart into the texts that each target reads. What
//! no transcript has is in `fuzz/seeds`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// Words that inputs are made of.
pub(super) const DICTIONARY: &str = "dictionary";
const TRANSCRIPTS: &str = "docs/wire";
/// Longest of these words, in bytes.
const MAX_WORD: usize = 48;
/// Members of a batch that the target for batches takes.
const MAX_BATCH: usize = 8;

/// Writes the seeds of each target into its folder below `work`, and the dictionary.
pub(super) fn write(work: &Path) -> Result<()> {
    let mut seeds = Seeds::default();
    for revision in std::fs::read_dir(TRANSCRIPTS).context("cannot read docs/wire")? {
        let revision = revision?.path();
        if !revision.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(revision)? {
            let file = file?.path();
            let text = std::fs::read_to_string(&file)?;
            let transcript = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
            seeds.take(&transcript);
        }
    }
    for (target, texts) in &seeds.texts {
        let folder = work.join("seeds").join(target);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        for (number, text) in texts.iter().enumerate() {
            std::fs::write(folder.join(format!("{number:03}")), text)?;
        }
    }
    let words: String = seeds.words.iter().map(|word| format!("\"{}\"\n", escaped(word))).collect();
    std::fs::write(work.join(DICTIONARY), words).context("cannot write the dictionary")
}

/// Each text once, by target, and the words.
#[derive(Default)]
struct Seeds {
    texts: BTreeMap<&'static str, BTreeSet<String>>,
    words: BTreeSet<String>,
}

impl Seeds {
    /// Takes one transcript apart.
    fn take(&mut self, transcript: &Value) {
        let names = names(transcript);
        let mut batch = Vec::new();
        let mut answers = Vec::new();
        for step in transcript["steps"].as_array().into_iter().flatten() {
            let request = filled_in(&step["request"], &names);
            let response = filled_in(&step["response"], &names);
            self.words_of(&request);
            self.words_of(&response);
            if let Some(text) = request_text(&request) {
                for target in ["post", "server", "headers", "mask"] {
                    self.add(target, text.clone());
                }
            }
            if request["body"].get("jsonrpc").is_some() {
                batch.push(request["body"].to_string());
                self.add("envelope", request["body"].to_string());
            }
            self.answer(&response);
            // The browser's part of a login is no answer to the client.
            if step["name"] != "authorize" {
                answers.push(answer_text(&response));
            }
        }
        batch.truncate(MAX_BATCH);
        self.add("batch", format!("[{}]", batch.join(",")));
        if transcript["flow"] == "login" {
            // The target's server is one on the internet.
            let answers = answers.join("\n---\n");
            self.add("login", answers.replace("http://localhost:8000", "https://mcp.example.com"));
        }
    }

    fn answer(&mut self, response: &Value) {
        let body = &response["body"];
        if body.get("jsonrpc").is_some() {
            self.add("client", body.to_string());
            self.add("envelope", body.to_string());
        } else if body.is_object() {
            self.add("metadata", body.to_string());
        }
        if let Some(challenge) = response["headers"]["www-authenticate"].as_str() {
            self.add("challenge", challenge.to_owned());
        }
        if let Some(events) = response["events"].as_array() {
            let mut stream = String::from("\u{7}");
            for event in events {
                for field in ["event", "id", "retry"] {
                    if let Some(value) = event.get(field) {
                        stream.push_str(&format!("{field}: {}\n", plain(value)));
                    }
                }
                stream.push_str(&format!("data: {}\n\n", plain(&event["data"])));
                if event["data"].is_object() {
                    self.add("client", event["data"].to_string());
                }
            }
            self.add("sse", stream);
        }
    }

    fn add(&mut self, target: &'static str, text: String) {
        self.texts.entry(target).or_default().insert(text);
    }

    /// Names of members and headers, and short texts.
    fn words_of(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    self.word(name);
                    self.words_of(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.words_of(item)),
            Value::String(text) => self.word(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn word(&mut self, word: &str) {
        if (3..=MAX_WORD).contains(&word.len()) {
            self.words.insert(word.to_owned());
        }
    }
}

/// What stands for the names in braces: what it was in the recording. The session is filled in by the target.
fn names(transcript: &Value) -> Map<String, Value> {
    let steps = transcript["steps"].as_array().into_iter().flatten();
    let groups = std::iter::once(&transcript["given"]).chain(steps.map(|step| &step["keep"]));
    let named = groups.filter_map(Value::as_object).flatten();
    let mut names: Map<String, Value> =
        named.filter_map(|(name, what)| Some((name.clone(), what.get("example")?.clone()))).collect();
    names.insert("server".to_owned(), "http://localhost:8000/mcp".into());
    names.insert("origin".to_owned(), "http://localhost:8000".into());
    names.remove("session");
    names
}

fn filled_in(value: &Value, names: &Map<String, Value>) -> Value {
    match value {
        Value::String(text) => {
            let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            if let Some(value) = name.and_then(|name| names.get(name)) {
                return value.clone();
            }
            let mut text = text.clone();
            for (name, value) in names {
                text = text.replace(&format!("{{{name}}}"), &plain(value));
            }
            Value::String(text)
        }
        Value::Array(items) => items.iter().map(|item| filled_in(item, names)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), filled_in(value, names))).collect()
        }
        other => other.clone(),
    }
}

/// A request as `barewire_fuzz::request` reads it.
fn request_text(request: &Value) -> Option<String> {
    let method = request["method"].as_str()?;
    let url = request["url"].as_str()?;
    let target = url.splitn(4, '/').nth(3).map_or_else(|| "/".to_owned(), |path| format!("/{path}"));
    let form = request["form"].as_object().map(|fields| {
        let pairs = fields.iter().map(|(name, value)| format!("{name}={}", plain(value)));
        pairs.collect::<Vec<_>>().join("&")
    });
    let head = match (&form, method) {
        (Some(form), "GET") => format!("GET {target}?{form}"),
        _ => format!("{method} {target}"),
    };
    let body = match (form, &request["body"], &request["text"]) {
        (Some(form), ..) if method != "GET" => form,
        (None, Value::Null, Value::String(text)) => text.clone(),
        (None, body, _) if !body.is_null() => body.to_string(),
        _ => String::new(),
    };
    Some(format!("{head}\n{}\n{body}", header_lines(request)))
}

/// An answer as `barewire_fuzz::response` reads it.
fn answer_text(response: &Value) -> String {
    let body = &response["body"];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    format!("{}\n{}\n{body}", response["status"], header_lines(response))
}

fn header_lines(message: &Value) -> String {
    let headers = message["headers"].as_object().into_iter().flatten();
    headers.map(|(name, value)| format!("{name}: {}\n", plain(value))).collect()
}

/// A text without its quotes, and anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// As a word is written in a dictionary of libFuzzer.
fn escaped(word: &str) -> String {
    let write = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02X}"),
    };
    word.bytes().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_gives_each_target_its_text() {
        let transcript = serde_json::json!({
            "flow": "login",
            "given": { "server": { "example": "https://example.com" }, "tool": { "example": "add" } },
            "steps": [{
                "request": {
                    "method": "POST",
                    "url": "{server}",
                    "headers": { "mcp-name": "{tool}", "mcp-session-id": "{session}" },
                    "body": { "jsonrpc": "2.0", "id": 1, "method": "tools/call" },
                },
                "response": { "status": 401, "headers": { "www-authenticate": "Bearer" }, "body": { "error": "x" } },
            }],
        });
        let mut seeds = Seeds::default();
        seeds.take(&transcript);
        let seed = |target: &str| seeds.texts[target].iter().next().cloned().unwrap_or_default();
        assert_eq!(
            seed("post"),
            "POST /mcp\nmcp-name: add\nmcp-session-id: {session}\n\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}"
        );
        assert_eq!(seed("login"), "401\nwww-authenticate: Bearer\n\n{\"error\":\"x\"}");
        assert_eq!(
            (seed("challenge"), seed("metadata")),
            ("Bearer".to_owned(), "{\"error\":\"x\"}".to_owned())
        );
        assert!(seeds.words.contains("mcp-name") && seeds.words.contains("tools/call"));
        assert_eq!(escaped("a\"\\ü"), "a\\\"\\\\\\xC3\\xBC");
    }
}
