//! `barewire resources URL`, `barewire resources read URL URI`

use std::sync::Arc;

use barewire_mcp::types::apps::{SCHEME, UiCsp, UiResourceMeta};
use barewire_mcp::types::resources::{Resource, ResourceBody};
use serde_json::json;
use url::Url;

use crate::arguments::{Access, Common, Resources, ResourcesAction};
use crate::connect::{Answers, Session, Terminal, call_failure, cancellable, interruptible, leave};
use crate::outcome::Failure;
use crate::terminal::{note, print, safe, safe_json, safe_lines};

pub(crate) async fn run(arguments: Resources, common: &Common) -> Result<(), Failure> {
    match (arguments.action, arguments.url) {
        (Some(ResourcesAction::List { url, access }), _) => interruptible(list(&url, &access, common)).await,
        (None, Some(url)) => interruptible(list(&url, &arguments.access, common)).await,
        (Some(ResourcesAction::Read { url, uri, access }), _) => read(&url, &uri, &access, common).await,
        (None, None) => Err(Failure::usage("the URL of the server is missing")),
    }
}

async fn list(url: &Url, access: &Access, common: &Common) -> Result<(), Failure> {
    let mut session = Session::prepare(url, common, access, Arc::new(Terminal::new(Answers::Ask))).await?;
    // To see what a host sees that shows apps.
    session.options.shows_apps = true;
    let client = session.connect().await?;
    let resources = client.list_resources().await.map_err(call_failure)?;
    let templates = client.list_resource_templates().await.map_err(call_failure)?;
    client.close().await;

    if common.json {
        print(&safe_json(&json!({ "resources": resources, "resourceTemplates": templates }).to_string()));
        return Ok(());
    }
    if resources.is_empty() && templates.is_empty() {
        note("The server lists no resources.");
    }
    for resource in &resources {
        print(&format!("{:<36} {}{}", safe(&resource.uri), safe(&resource.name), safe(&app(resource))));
    }
    for template in &templates {
        print(&format!("{:<36} {} (template)", safe(&template.uri_template), safe(&template.name)));
    }
    Ok(())
}

/// That a resource is an app, and which origins it wants to reach.
fn app(resource: &Resource) -> String {
    if !resource.uri.starts_with(SCHEME) {
        return String::new();
    }
    let csp = match UiResourceMeta::of(&resource.meta) {
        Ok(ui) => ui.and_then(|ui| ui.csp).unwrap_or_default(),
        Err(fault) => return format!(" (app, not to be shown: {fault})"),
    };
    let UiCsp { connect_domains, resource_domains, frame_domains, base_uri_domains } = csp;
    let mut origins = [connect_domains, resource_domains, frame_domains, base_uri_domains].concat();
    origins.sort();
    origins.dedup();
    if origins.is_empty() { " (app)".to_owned() } else { format!(" (app, reaches {})", origins.join(", ")) }
}

async fn read(url: &Url, uri: &str, access: &Access, common: &Common) -> Result<(), Failure> {
    let session = Session::prepare(url, common, access, Arc::new(Terminal::new(Answers::Ask))).await?;
    let client = session.connect().await?;
    let result = cancellable(None, |options| client.read_resource(uri, options)).await;
    leave(&client).await;
    let result = result?;
    if common.json {
        print(&safe_json(&json!(result).to_string()));
        return Ok(());
    }
    for contents in &result.contents {
        match &contents.body {
            ResourceBody::Text(text) => print(&safe_lines(text)),
            ResourceBody::Blob(_) => {
                let kind = contents.mime_type.as_deref().unwrap_or("application/octet-stream");
                note(&format!(
                    "{} is binary ({}); --json shows it in base64",
                    safe(&contents.uri),
                    safe(kind)
                ));
            }
        }
    }
    Ok(())
}
