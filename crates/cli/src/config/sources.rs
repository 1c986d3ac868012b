//! Where settings come from, put together. Each value remembers where it is from.

use std::path::Path;

use figment::providers::{Format, Toml};
use figment::util::nest;
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider, Source};

use super::Settings;
use super::mistakes::{Mistake, mistakes};
use super::schema::{Shape, defaults, schema, shape};
use crate::outcome::Failure;

/// The source of what nobody has set.
pub(crate) const DEFAULT: &str = "default";
const PREFIX: &str = "BAREWIRE_";

/// All settings, as they are written.
pub(crate) struct Sources {
    figment: Figment,
    values: Value,
    used: Vec<String>,
}

impl Sources {
    /// Defaults, then the file, then the environment, then what `--set` was given; a later one wins.
    pub(crate) fn read(file: Option<&Path>, command_line: &[String]) -> Result<Sources, Failure> {
        let mut used = Vec::new();
        let defaults = Value::serialize(defaults(schema())).map_err(Failure::internal)?;
        let mut figment = Figment::from(Given { source: DEFAULT.to_owned(), values: defaults });
        if let Some(file) = file {
            if !file.is_file() {
                return Err(Failure::usage(format_args!("there is no settings file {}", file.display())));
            }
            figment = figment.merge(Toml::file_exact(file));
            used.push(file.display().to_string());
        }
        for (name, text) in environment() {
            let path = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
            let text = text.into_string().map_err(|_| Failure::usage(format_args!("{name} is not UTF-8")))?;
            figment = figment.merge(Given::one(name.clone(), &path, &text));
            used.push(name);
        }
        for setting in command_line {
            let (path, text) =
                setting.split_once('=').filter(|(path, _)| path.contains('.')).ok_or_else(|| {
                    Failure::usage(format_args!("--set takes SECTION.NAME=VALUE, not `{setting}`"))
                })?;
            figment = figment.merge(Given::one("--set".to_owned(), path, text));
            used.push(format!("--set {path}"));
        }
        let unreadable = |error: Error| {
            let file = file.unwrap_or(Path::new("")).display();
            Failure::usage(format_args!("the settings file {file} cannot be read: {}", error.kind))
        };
        let values = figment.data().map_err(unreadable)?.remove(&Profile::Default).unwrap_or_default();
        Ok(Sources { figment, values: values.into(), used })
    }

    /// The settings, or everything that is wrong with them.
    pub(crate) fn settings(&self) -> Result<Settings, Vec<Mistake>> {
        let found = mistakes(self);
        if !found.is_empty() {
            return Err(found);
        }
        // What only the types know: how a list of scopes or a redirect URI is written, for example.
        self.figment.extract().map_err(|error| {
            let of = |error: Error| Mistake {
                setting: error.path.join("."),
                what: error.kind.to_string(),
                nearest: None,
                source: error.metadata.as_ref().map(name),
            };
            error.into_iter().map(of).collect()
        })
    }

    /// All values.
    pub(crate) fn values(&self) -> &Value {
        &self.values
    }

    /// Where a value is from.
    pub(crate) fn of(&self, value: &Value) -> Option<String> {
        self.figment.get_metadata(value.tag()).map(name)
    }

    /// What was read beside the defaults.
    pub(crate) fn used(&self) -> &[String] {
        &self.used
    }
}

fn name(metadata: &Metadata) -> String {
    match &metadata.source {
        Some(Source::File(path)) => path.display().to_string(),
        _ => metadata.name.to_string(),
    }
}

/// `BAREWIRE_AUTH__ACCESS_TOKEN_TTL=8s` sets `auth.access_token_ttl`. Two underscores part section and name, so that variables
/// such as `BAREWIRE_CONFIG` are not taken for settings.
fn environment() -> Vec<(String, std::ffi::OsString)> {
    let mut variables: Vec<_> = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text)))
        .filter(|(name, _)| {
            let start = name.get(..PREFIX.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX)) && name.contains("__")
        })
        .collect();
    variables.sort();
    variables
}

/// Values that were not in a file.
struct Given {
    source: String,
    values: Value,
}

impl Given {
    /// One value, read as the file would be: 8 is a number, true a truth value, 8s a text. What has to be a text is one, also
    /// if there are only digits in it.
    fn one(source: String, path: &str, text: &str) -> Given {
        let value: Value = text.parse().unwrap_or_else(|never| match never {});
        let is_text = matches!(at(path).map(shape), Some(Shape::Text | Shape::Time | Shape::Words(_)));
        let value = match value {
            Value::String(..) => value,
            _ if is_text => Value::from(text),
            _ => value,
        };
        Given { source, values: nest(path, value) }
    }
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone().into_dict().unwrap_or_default()))
    }
}

/// The schema of the setting with this path.
fn at(path: &str) -> Option<&'static serde_json::Value> {
    path.split('.').try_fold(schema(), |schema, name| match shape(schema) {
        Shape::Table(settings) => settings.get(name),
        Shape::Map(one) => Some(one),
        _ => None,
    })
}
