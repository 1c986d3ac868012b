//! Who answers when a server asks: the person at the terminal, or what the command line says. And the progress bar.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use barewire_mcp::types::capabilities::{ClientCapabilities, ElicitationCapability};
use barewire_mcp::types::elicitation::{ElicitAction, ElicitForm, ElicitRequest, ElicitResult};
use barewire_mcp::types::json::Object;
use barewire_mcp::types::logging::LoggingMessage;
use barewire_mcp::types::progress::Progress;
use barewire_mcp::types::tasks::{Task, TaskStatus};
use barewire_mcp_client::{Asked, Handler};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::terminal::{self, note, quoted, safe};

/// What the command line says about questions.
#[derive(Clone, Debug)]
pub(crate) enum Answers {
    /// Ask the person; where nobody is there, decline and say so.
    Ask,
    /// Accept with these names and values, as they were typed, over the schema's defaults.
    Accept(Vec<(String, String)>),
    /// Decline.
    Decline,
}

/// The terminal's side of a connection.
pub(crate) struct Terminal {
    answers: Answers,
    bar: Mutex<Option<ProgressBar>>,
    misfit: Mutex<Option<String>>,
}

impl Terminal {
    pub(crate) fn new(answers: Answers) -> Terminal {
        Terminal { answers, bar: Mutex::new(None), misfit: Mutex::new(None) }
    }

    /// Why a question was not answered with what the command line says.
    pub(crate) fn misfit(&self) -> Option<String> {
        self.misfit.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the command line says, where that fits the form. Where not, the question is given up: sent all the same, most
    /// servers would ask it again, and again.
    fn accept(&self, form: &ElicitForm, values: &[(String, String)]) -> (ElicitAction, Option<Object>) {
        match filled(form, values) {
            Ok(content) => (ElicitAction::Accept, Some(content)),
            Err(misfit) => {
                *self.misfit.lock().unwrap_or_else(PoisonError::into_inner) = Some(misfit);
                (ElicitAction::Cancel, None)
            }
        }
    }

    /// Takes the bar away before the result is printed.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.lock().take() {
            bar.finish_and_clear();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        // Nothing can panic while the bar is held that would leave it half done.
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Handler for Terminal {
    fn capabilities(&self) -> ClientCapabilities {
        let elicitation = ElicitationCapability { form: Some(Object::new()), url: Some(Object::new()) };
        ClientCapabilities { elicitation: Some(elicitation), ..ClientCapabilities::default() }
    }

    async fn elicit(&self, _: Asked, request: ElicitRequest) -> ElicitResult {
        self.clear();
        let (action, content) = match (&self.answers, request) {
            (Answers::Decline, _) => (ElicitAction::Decline, None),
            (Answers::Accept(values), ElicitRequest::Form(form)) => self.accept(&form, values),
            (Answers::Ask, ElicitRequest::Form(form)) if terminal::is_interactive() => {
                let schema = serde_json::to_value(&form.requested_schema).unwrap_or_default();
                // Reading a line blocks; the connection's streams go on meanwhile.
                tokio::task::spawn_blocking(move || ask_form(&form.message, &schema))
                    .await
                    .unwrap_or((ElicitAction::Cancel, None))
            }
            (Answers::Ask, ElicitRequest::Url(url)) if terminal::is_interactive() => {
                tokio::task::spawn_blocking(move || ask_url(&url.message, &url.url))
                    .await
                    .unwrap_or((ElicitAction::Cancel, None))
            }
            (_, ElicitRequest::Form(form)) => {
                decline_aloud(&form.message, &format!("use --answer {} to accept, ", fields(&form)));
                (ElicitAction::Decline, None)
            }
            (_, ElicitRequest::Url(url)) => {
                decline_aloud(&url.message, "");
                (ElicitAction::Decline, None)
            }
        };
        ElicitResult { action, content, meta: Object::new() }
    }

    /// On a terminal it turns until the task changes; elsewhere each change is a line.
    fn task(&self, _: Option<&str>, task: &Task<TaskStatus>) {
        let line = task_line(task);
        if !terminal::is_interactive() {
            note(&line);
            return;
        }
        let mut bar = self.lock();
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(line);
    }

    fn progress(&self, _: Option<&str>, progress: &Progress) {
        let message = progress.message.as_deref().map(safe).unwrap_or_default();
        if !terminal::is_interactive() {
            return;
        }
        let mut bar = self.lock();
        let bar = bar.get_or_insert_with(|| {
            ProgressBar::with_draw_target(
                progress.total.map(|total| total as u64),
                ProgressDrawTarget::stderr(),
            )
            .with_style(
                ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
        });
        bar.set_position(progress.progress as u64);
        bar.set_message(message);
    }

    fn log(&self, _: Option<&str>, message: &LoggingMessage) {
        let text = message.data.decode::<String>().unwrap_or_else(|_| message.data.as_str().to_owned());
        let level = serde_json::to_value(message.level).unwrap_or_default();
        note(&format!("server says ({}): {}", level.as_str().unwrap_or_default(), safe(&text)));
    }
}

/// How far a task is, for whoever waits for it.
fn task_line(task: &Task<TaskStatus>) -> String {
    let how = match task.state {
        TaskStatus::Working => "at work",
        TaskStatus::InputRequired => "waits for an answer",
        TaskStatus::Completed => "done",
        TaskStatus::Failed => "failed",
        TaskStatus::Cancelled => "cancelled",
    };
    let says = task.status_message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
    safe(&format!("task {} {how}{says}", task.task_id))
}

fn decline_aloud(message: &str, accept: &str) {
    note(&format!("The server asks:\n{}", quoted(message)));
    note(&format!("Declined, since nobody can be asked here: {accept}--decline to decline quietly."));
}

/// The fields of a form, as one writes them behind `--answer`.
fn fields(form: &ElicitForm) -> String {
    let schema = serde_json::to_value(&form.requested_schema).unwrap_or_default();
    let empty = Object::new();
    let fields = schema["properties"].as_object().unwrap_or(&empty).iter().map(|(name, field)| {
        safe(&format!("{name}={}", field["type"].as_str().unwrap_or("string").to_uppercase()))
    });
    fields.collect::<Vec<_>>().join(" --answer ")
}

/// The form, filled in with what was typed. What belongs to no field of it may belong to another question of the same call.
fn filled(form: &ElicitForm, values: &[(String, String)]) -> Result<Object, String> {
    let schema = serde_json::to_value(&form.requested_schema).unwrap_or_default();
    let mut content = form.requested_schema.defaults();
    for (name, text) in values {
        let Some(field) = schema["properties"].get(name) else { continue };
        let kind = field["type"].as_str().unwrap_or("string");
        let value = typed(kind, text)
            .ok_or_else(|| format!("the question wants a value of type {kind} for {name}, not `{text}`"))?;
        content.insert(name.clone(), value);
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match required.into_iter().find(|name| !content.contains_key(*name)) {
        None => Ok(content),
        Some(missing) => {
            Err(format!("the question wants an answer for {missing}: --answer {}", fields(form)))
        }
    }
}

/// Each field of the form in turn. An empty line takes the default; the end of input cancels.
fn ask_form(message: &str, schema: &Value) -> (ElicitAction, Option<Object>) {
    note(&format!("\nThe server asks:\n{}", quoted(message)));
    let mut content = Object::new();
    let empty = Object::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    for (name, field) in properties {
        let title = field["title"].as_str().or(field["description"].as_str()).unwrap_or(name);
        let kind = field["type"].as_str().unwrap_or("string");
        let choices: Vec<&str> =
            field["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let hint = match (kind, choices.is_empty(), field.get("default")) {
            (_, false, _) => format!(" ({})", choices.join(", ")),
            (_, _, Some(default)) => format!(" [{default}]"),
            ("boolean", ..) => " (yes, no)".to_owned(),
            _ => String::new(),
        };
        let required =
            schema["required"].as_array().is_some_and(|list| list.iter().any(|entry| entry == name));
        let value = loop {
            let Some(line) = terminal::ask(&format!("  {}{}:", safe(title), safe(&hint))) else {
                return (ElicitAction::Cancel, None);
            };
            if line.is_empty() {
                match field.get("default") {
                    Some(default) => break Some(default.clone()),
                    None if !required => break None,
                    None => continue,
                }
            }
            match typed(kind, &line) {
                Some(value) => break Some(value),
                None => note(&format!("  that is not a value of type {}", safe(kind))),
            }
        };
        if let Some(value) = value {
            content.insert(name.clone(), value);
        }
    }
    match terminal::ask("  Send this answer? [yes/no]:").as_deref() {
        Some("yes" | "y" | "") => (ElicitAction::Accept, Some(content)),
        Some(_) => (ElicitAction::Decline, None),
        None => (ElicitAction::Cancel, None),
    }
}

/// The address is shown before anything is opened: the person decides whether to go there.
fn ask_url(message: &str, url: &str) -> (ElicitAction, Option<Object>) {
    note(&format!("\nThe server asks you to open an address:\n{}\n\n  {}\n", quoted(message), safe(url)));
    match terminal::ask("  Open it? [yes/no]:").as_deref() {
        Some("yes" | "y") => {
            if !terminal::open_browser(url) {
                note("  not opened: it is no web page, or no browser could be started");
            }
            (ElicitAction::Accept, None)
        }
        Some(_) => (ElicitAction::Decline, None),
        None => (ElicitAction::Cancel, None),
    }
}

/// A typed line as a value of that JSON Schema type.
pub(crate) fn typed(kind: &str, text: &str) -> Option<Value> {
    match kind {
        "string" => Some(Value::from(text)),
        "integer" => text.parse::<i64>().ok().map(Value::from),
        "number" => text.parse::<f64>().ok().map(Value::from),
        "boolean" => match text {
            "true" | "yes" | "y" => Some(Value::from(true)),
            "false" | "no" | "n" => Some(Value::from(false)),
            _ => None,
        },
        "null" => (text == "null").then_some(Value::Null),
        "array" if !text.trim_start().starts_with('[') => {
            Some(Value::from(text.split(',').map(str::trim).collect::<Vec<_>>()))
        }
        _ => serde_json::from_str(text).ok(),
    }
}
