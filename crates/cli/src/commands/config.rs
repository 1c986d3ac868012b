//! `barewire config example`, `config schema`: what can be set. `config check`, `config show`: what is set.

use std::path::Path;

use barewire_oauth::resource::Resource;
use figment::value::Value;
use serde_json::{Map, Value as Json, json};
use url::Url;

use crate::arguments::{Common, Config, ConfigAction};
use crate::commands::serve;
use crate::config::{
    DEFAULT, Mistake, Settings, Shape, Sources, discriminator, example, is_secret, key, kind, refusal,
    schema, shape, toml,
};
use crate::outcome::Failure;
use crate::sealing;
use crate::terminal::{print, safe};

/// What is shown in place of a secret.
const HIDDEN: &str = "(hidden)";

pub(crate) fn run(arguments: Config, common: &Common) -> Result<(), Failure> {
    match arguments.action {
        ConfigAction::Example if common.json => print(&json!({ "example": example() }).to_string()),
        ConfigAction::Example => print(example().trim_end()),
        ConfigAction::Schema => print(&format!("{:#}", schema())),
        ConfigAction::Check { file } => check(file.as_deref().or(common.config.as_deref()), common)?,
        ConfigAction::Show { changed } => show(changed, common)?,
    }
    Ok(())
}

fn check(file: Option<&Path>, common: &Common) -> Result<(), Failure> {
    let sources = Sources::read(file, &common.settings)?;
    let mistakes = match sources.settings() {
        Ok(settings) => together(&settings),
        Err(mistakes) => mistakes,
    };
    let is_good = mistakes.is_empty();
    if common.json {
        let mistakes: Vec<_> = mistakes.iter().map(Mistake::document).collect();
        print(&json!({ "ok": is_good, "read": sources.used(), "mistakes": mistakes }).to_string());
    }
    if !is_good {
        return Err(refusal(&mistakes).already_printed(common.json));
    }
    if !common.json {
        let read =
            if sources.used().is_empty() { "nothing is set".to_owned() } else { sources.used().join(", ") };
        print(&format!("The settings are good: {}", safe(&read)));
    }
    Ok(())
}

/// What is wrong with settings that are right one by one, as far as that can be told without starting anything.
fn together(settings: &Settings) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    mistakes.extend(settings.auth.mistake().map(Mistake::said));
    for (name, upstream) in &settings.auth.upstream {
        if let Some(error) = upstream.mistake(name) {
            let setting = format!("auth.upstream.{}", key(name));
            let what = format!("{:#}", anyhow::Error::new(error));
            mistakes.push(Mistake { setting, what, nearest: None, source: None });
        }
    }
    if let Err(failure) = sealing::keys(&settings.store) {
        mistakes.push(Mistake::said(failure));
    }
    match serve::signing(&settings.external) {
        Err(failure) => mistakes.push(Mistake::said(failure)),
        // Whose tokens are taken does not depend on which server takes them.
        Ok(signing) => {
            if let Ok(resource) = Resource::parse("http://localhost/mcp")
                && let Err(error) = settings.external.verifier(&resource, &[], signing)
            {
                mistakes.push(Mistake::said(format_args!("external: {error}")));
            }
        }
    }
    if settings.host.public_origin.is_some()
        && let Err(error) = settings.host.origin(None)
    {
        mistakes.push(Mistake::said(error));
    }
    mistakes
}

fn show(only_changed: bool, common: &Common) -> Result<(), Failure> {
    let sources = Sources::read(common.config.as_deref(), &common.settings)?;
    sources.settings().map_err(|mistakes| refusal(&mistakes))?;
    let mut all = Vec::new();
    list(schema(), Some(sources.values()), "", &sources, &mut all);
    if only_changed {
        all.retain(|setting| setting.source.as_deref().is_some_and(|source| source != DEFAULT));
    }
    if common.json {
        let document = |setting: Setting| {
            let name = join(&setting.table, &setting.name);
            (name, json!({ "value": setting.value, "source": setting.source }))
        };
        let all: Map<_, _> = all.into_iter().map(document).collect();
        print(&json!({ "settings": all }).to_string());
        return Ok(());
    }
    let mut table = None;
    for setting in &all {
        let before = table.replace(&setting.table);
        if before != Some(&setting.table) {
            if before.is_some() {
                print("");
            }
            print(&safe(&format!("[{}]", setting.table)));
        }
        let line = match &setting.source {
            Some(source) => format!("{} = {}  # {source}", key(&setting.name), toml(&setting.value)),
            None => format!("# {} is not set", key(&setting.name)),
        };
        print(&safe(&line));
    }
    Ok(())
}

/// One setting that counts.
struct Setting {
    table: String,
    name: String,
    value: Json,
    /// `None`: it is not set, and there is no default.
    source: Option<String>,
}

/// All settings of a table, and then those of the tables in it, as TOML has them.
fn list(schema: &Json, value: Option<&Value>, path: &str, sources: &Sources, all: &mut Vec<Setting>) {
    let Shape::Table(settings) = shape(schema) else { return };
    let mut tables = Vec::new();
    for (name, schema) in settings {
        let value = value.and_then(Value::as_dict).and_then(|table| table.get(name));
        match shape(schema) {
            Shape::Table(_) if value.is_some() || schema.get("default").is_some() => {
                tables.push((join(path, &key(name)), schema, value));
            }
            Shape::Map(one) if matches!(shape(one), Shape::Table(_)) => {
                for (one_name, value) in value.and_then(Value::as_dict).into_iter().flatten() {
                    let path = join(&join(path, &key(name)), &key(one_name));
                    tables.push((path, one, Some(value)));
                }
            }
            _ => {
                let default = || schema.get("default").cloned();
                let (value, source) = match value {
                    Some(value) => (Some(shown(schema, value)), source(value, sources)),
                    None => (default(), default().map(|_| DEFAULT.to_owned())),
                };
                let (table, name) = (path.to_owned(), name.clone());
                all.push(Setting { table, name, value: value.unwrap_or_default(), source });
            }
        }
    }
    for (path, schema, value) in tables {
        list(schema, value, &path, sources, all);
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Where a value is from; of a table without settings of its own, where what is in it is from.
fn source(value: &Value, sources: &Sources) -> Option<String> {
    let inner = value.as_dict().and_then(|table| table.values().next());
    inner.and_then(|inner| sources.of(inner)).or_else(|| sources.of(value))
}

/// The value without its secrets.
fn shown(schema: &Json, value: &Value) -> Json {
    if is_secret(schema) {
        return HIDDEN.into();
    }
    match (shape(schema), value) {
        (Shape::Table(settings), Value::Dict(_, table)) => {
            let shown = |name: &String, value| Some((name.clone(), shown(settings.get(name)?, value)));
            table.iter().filter_map(|(name, value)| shown(name, value)).collect::<Map<_, _>>().into()
        }
        (Shape::Kinds(kinds), Value::Dict(_, table)) => {
            let of_kind = discriminator(kinds)
                .and_then(|(name, _)| kind(kinds, name, table.get(name).and_then(Value::as_str)));
            of_kind.map(|kind| shown(kind, value)).unwrap_or_default()
        }
        (Shape::Map(one), Value::Dict(_, table)) => {
            let shown = table.iter().map(|(name, value)| (name.clone(), shown(one, value)));
            shown.collect::<Map<_, _>>().into()
        }
        (Shape::List(one), Value::Array(_, all)) => all.iter().map(|value| shown(one, value)).collect(),
        (_, Value::String(_, text)) => without_password(text).into(),
        _ => serde_json::to_value(value).unwrap_or_default(),
    }
}

/// A password in a URL is a secret, too.
fn without_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
    let hidden = url.password().is_some() && url.set_password(Some(HIDDEN)).is_ok();
    if hidden { url.into() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_not_shown() {
        for (text, expected) in [
            ("https://a.example/x", "https://a.example/x"),
            ("https://u:hush@a.example/x", "https://u:(hidden)@a.example/x"),
            ("8s", "8s"),
        ] {
            assert_eq!(without_password(text), expected);
        }
    }
}
