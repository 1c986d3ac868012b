//! `barewire tools URL`, `barewire tools show URL NAME`

use std::sync::Arc;

use barewire_mcp::types::apps::{UiToolMeta, Visibility};
use barewire_mcp::types::tools::Tool;
use serde_json::json;

use crate::arguments::{Common, Tools, ToolsAction};
use crate::connect::{Answers, Session, Terminal, call_failure};
use crate::outcome::{Failure, Kind};
use crate::terminal::{note, print, quoted, safe, safe_json, shell_word};

pub(crate) async fn run(arguments: Tools, common: &Common) -> Result<(), Failure> {
    let (url, access, name) = match (arguments.action, arguments.url) {
        (Some(ToolsAction::List { url, access }), _) => (url, *access, None),
        (None, Some(url)) => (url, arguments.access, None),
        (Some(ToolsAction::Show { url, name, access }), _) => (url, *access, Some(name)),
        (None, None) => return Err(Failure::usage("the URL of the server is missing")),
    };
    let mut session = Session::prepare(&url, common, &access, Arc::new(Terminal::new(Answers::Ask))).await?;
    // To see what a host sees that shows apps.
    session.options.shows_apps = true;
    let client = session.connect().await?;
    let tools = client.list_tools().await.map_err(call_failure)?;
    for rejected in client.rejected_tools() {
        note(&format!("left out {}: {}", safe(&rejected.name), safe(&rejected.reason)));
    }
    client.close().await;

    match name {
        Some(name) => {
            let tool = tools.into_iter().find(|tool| tool.name == name).ok_or_else(|| {
                let next = format!("`barewire tools {}` shows which there are", shell_word(url.as_str()));
                Failure::new(Kind::Refused, anyhow::anyhow!("the server lists no tool `{name}`"))
                    .with_next(Some(next))
            })?;
            if common.json { print(&safe_json(&json!(tool).to_string())) } else { show(&tool) }
        }
        None if common.json => print(&safe_json(&json!({ "tools": tools }).to_string())),
        None if tools.is_empty() => note("The server lists no tools."),
        None => tools.iter().for_each(line),
    }
    Ok(())
}

fn line(tool: &Tool) {
    let description = tool.description.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
    let apps = apps(tool).map(|apps| format!(" ({apps})")).unwrap_or_default();
    print(&format!("{:<28} {}{}", safe(&tool.name), safe(description), safe(&apps)));
}

/// For whom a tool is where apps are shown, and which one shows what it returns.
fn apps(tool: &Tool) -> Option<String> {
    let ui = match UiToolMeta::of(&tool.meta) {
        Ok(ui) => ui,
        Err(fault) => return Some(format!("for nobody: {fault}")),
    };
    let only = match (ui.is_visible_to(Visibility::Model), ui.is_visible_to(Visibility::App)) {
        (false, _) => Some("for apps only".to_owned()),
        (_, false) => Some("for the model only".to_owned()),
        _ => None,
    };
    let shown = ui.resource_uri.map(|uri| format!("shown by {uri}"));
    let parts: Vec<String> = shown.into_iter().chain(only).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn show(tool: &Tool) {
    print(&safe(&tool.name));
    if let Some(description) = &tool.description {
        print(&format!("\n{}", quoted(description)));
    }
    if let Some(annotations) = &tool.annotations {
        let hints = [
            (annotations.read_only_hint == Some(true), "only reads"),
            (annotations.destructive_hint == Some(true), "may destroy"),
            (annotations.idempotent_hint == Some(true), "repeating changes nothing more"),
            (annotations.open_world_hint == Some(true), "reaches the outside world"),
        ];
        let hints: Vec<&str> = hints.iter().filter(|(set, _)| *set).map(|(_, text)| *text).collect();
        if !hints.is_empty() {
            print(&format!("\nIt says of itself: {}.", hints.join(", ")));
        }
    }
    if let Some(apps) = apps(tool) {
        print(&format!("\nApps: {}.", safe(&apps)));
    }
    for (title, schema) in [("Input", Some(&tool.input_schema)), ("Output", tool.output_schema.as_ref())] {
        let Some(value) = schema.and_then(|schema| schema.decode::<serde_json::Value>().ok()) else {
            continue;
        };
        print(&format!("\n{title}:\n{}", safe_json(&format!("{value:#}"))));
    }
}
