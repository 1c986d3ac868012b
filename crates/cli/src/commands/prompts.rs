//! `barewire prompts URL`, `barewire prompts get URL NAME key=value …`

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::json;
use url::Url;

use crate::arguments::{Access, Common, Prompts, PromptsAction};
use crate::commands::call::content_text;
use crate::connect::{Answers, Session, Terminal, call_failure, cancellable, interruptible, leave};
use crate::outcome::Failure;
use crate::terminal::{note, print, quoted, safe, safe_json};

pub(crate) async fn run(arguments: Prompts, common: &Common) -> Result<(), Failure> {
    match (arguments.action, arguments.url) {
        (Some(PromptsAction::List { url, access }), _) => interruptible(list(&url, &access, common)).await,
        (None, Some(url)) => interruptible(list(&url, &arguments.access, common)).await,
        (Some(PromptsAction::Get { url, name, arguments, access }), _) => {
            get(&url, &name, &arguments, &access, common).await
        }
        (None, None) => Err(Failure::usage("the URL of the server is missing")),
    }
}

async fn list(url: &Url, access: &Access, common: &Common) -> Result<(), Failure> {
    let session = Session::prepare(url, common, access, Arc::new(Terminal::new(Answers::Ask))).await?;
    let client = session.connect().await?;
    let prompts = client.list_prompts().await.map_err(call_failure)?;
    client.close().await;
    if common.json {
        print(&safe_json(&json!({ "prompts": prompts }).to_string()));
        return Ok(());
    }
    if prompts.is_empty() {
        note("The server lists no prompts.");
    }
    for prompt in &prompts {
        let arguments: Vec<String> = prompt
            .arguments
            .iter()
            .map(|argument| {
                if argument.required == Some(true) {
                    argument.name.clone()
                } else {
                    format!("[{}]", argument.name)
                }
            })
            .collect();
        let description = prompt.description.as_deref().unwrap_or_default();
        print(&format!("{:<28} {}  {}", safe(&prompt.name), safe(&arguments.join(" ")), safe(description)));
    }
    Ok(())
}

async fn get(
    url: &Url,
    name: &str,
    arguments: &[String],
    access: &Access,
    common: &Common,
) -> Result<(), Failure> {
    let mut named = IndexMap::new();
    for argument in arguments {
        let (key, value) = argument
            .split_once('=')
            .ok_or_else(|| Failure::usage(format_args!("an argument is NAME=VALUE, not `{argument}`")))?;
        named.insert(key.to_owned(), value.to_owned());
    }
    let session = Session::prepare(url, common, access, Arc::new(Terminal::new(Answers::Ask))).await?;
    let client = session.connect().await?;
    let result = cancellable(None, |options| client.get_prompt(name, named, options)).await;
    leave(&client).await;
    let result = result?;
    if common.json {
        print(&safe_json(&json!(result).to_string()));
        return Ok(());
    }
    for message in &result.messages {
        let role = json!(message.role);
        let text = quoted(&content_text(&message.content));
        print(&format!("{}:\n{text}", role.as_str().unwrap_or_default()));
    }
    Ok(())
}
