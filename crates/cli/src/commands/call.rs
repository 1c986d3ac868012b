//! `barewire call URL TOOL key=value … | --args JSON`

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use barewire_mcp::types::content::ContentBlock;
use barewire_mcp::types::json::{Object, RawJson};
use barewire_mcp::types::resources::ResourceBody;
use barewire_mcp::types::tools::CallToolResult;
use barewire_mcp_client::Client;
use serde_json::{Value, json};

use crate::arguments::{Call, Common};
use crate::connect::{
    Answers, Session, Terminal, call_failure, cancellable, interruptible, leave, typed, within,
};
use crate::outcome::{Failure, Kind};
use crate::terminal::{print, safe, safe_json, safe_lines, shell_word};

pub(crate) async fn run(arguments: Call, common: &Common) -> Result<(), Failure> {
    let literal = match arguments.args.as_deref() {
        Some(text) => Some(literal_arguments(text)?),
        None => None,
    };
    let terminal = Arc::new(Terminal::new(answers(&arguments)?));
    let mut session = Session::prepare(&arguments.url, common, &arguments.access, terminal.clone()).await?;
    session.options.shows_apps = arguments.as_app;
    let started = std::time::Instant::now();
    let (client, input) = within(arguments.timeout, async {
        let client = session.connect().await?;
        if arguments.as_app {
            interruptible(check_app(&client, &arguments.tool)).await?;
        }
        let input = match literal {
            Some(object) => object,
            None => interruptible(named_arguments(&client, &arguments.tool, &arguments.arguments)).await?,
        };
        Ok((client, input))
    })
    .await?;
    let input = RawJson::from(Value::Object(input));
    let left = arguments.timeout.map(|seconds| seconds.saturating_sub(started.elapsed().as_secs()));
    let result = cancellable(left, |options| client.call_tool(&arguments.tool, input, options)).await;
    terminal.clear();
    leave(&client).await;
    if let Some(misfit) = terminal.misfit() {
        return Err(Failure::usage(misfit));
    }
    let result = result.map_err(|failure| {
        let url = shell_word(arguments.url.as_str());
        failure.or_next(|| {
            format!(
                "`barewire tools {url}` lists the tools, `barewire tools show {url} TOOL` says what one takes"
            )
        })
    })?;

    if common.json {
        print(&safe_json(&json!(result).to_string()));
    } else {
        show(&result);
    }
    if result.is_error {
        // The tool's own words are on standard output already; the exit code says the rest.
        return Err(Failure::new(Kind::Tool, anyhow::anyhow!("the tool reported an error"))
            .already_printed(common.json));
    }
    Ok(())
}

/// What a host does before it lets an app call a tool.
async fn check_app(client: &Client, tool: &str) -> Result<(), Failure> {
    let tools = client.list_app_tools().await.map_err(call_failure)?;
    tools.check_call_from_app(tool).map_err(|fault| Failure::new(Kind::Refused, fault))
}

fn answers(arguments: &Call) -> Result<Answers, Failure> {
    if arguments.decline {
        return Ok(Answers::Decline);
    }
    if arguments.answers.is_empty() {
        return Ok(Answers::Ask);
    }
    let pairs = arguments.answers.iter().map(|answer| pair(answer));
    let values = pairs.map(|it| it.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(Answers::Accept(values.collect::<Result<_, _>>()?))
}

fn literal_arguments(text: &str) -> Result<Object, Failure> {
    let mut input = String::new();
    let text = if text == "-" {
        std::io::stdin().read_to_string(&mut input).map_err(Failure::internal)?;
        input.as_str()
    } else {
        text
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::usage("--args takes a JSON object")),
        Err(error) => Err(Failure::usage(format_args!("--args is not JSON: {error}"))),
    }
}

/// `name=value` with the type that the tool's schema gives to `name`; `name:=JSON` literally.
async fn named_arguments(client: &Client, tool: &str, pairs: &[String]) -> Result<Object, Failure> {
    if pairs.is_empty() {
        return Ok(Object::new());
    }
    let needs_schema = pairs.iter().any(|text| !is_literal(text));
    let schema = if needs_schema { input_schema(client, tool).await? } else { Value::Null };
    let mut object = Object::new();
    for text in pairs {
        let (name, value) = if is_literal(text) {
            let (name, json) = text.split_once(":=").unwrap_or((text, ""));
            let value = serde_json::from_str(json)
                .map_err(|error| Failure::usage(format_args!("{name}:= takes JSON: {error}")))?;
            (name, value)
        } else {
            let (name, value) = pair(text)?;
            let kinds = kinds(&schema["properties"][name], &schema, 0);
            let value = kinds.iter().find_map(|kind| typed(kind, value)).ok_or_else(|| {
                let kinds = kinds.join(" or ");
                Failure::usage(format_args!("{name} takes a value of type {kinds}, not `{value}`"))
            })?;
            (name, value)
        };
        object.insert(name.to_owned(), value);
    }
    Ok(object)
}

async fn input_schema(client: &Client, tool: &str) -> Result<Value, Failure> {
    let tools = client.list_tools().await.map_err(call_failure)?;
    // A tool that is not listed may still exist; its arguments are then taken as text.
    Ok(tools
        .iter()
        .find(|listed| listed.name == tool)
        .map_or(Value::Null, |tool| tool.input_schema.decode().unwrap_or(Value::Null)))
}

/// The types that a schema allows, in the order in which a text is tried: what anything fits (a text) comes after what only
/// some texts fit, and `null` last. What is left away is `null` to most tools, so a text may be written with these letters.
fn kinds(schema: &Value, root: &Value, depth: usize) -> Vec<&'static str> {
    const ORDER: [&str; 7] = ["integer", "number", "boolean", "array", "object", "string", "null"];
    let mut found = BTreeSet::new();
    collect_kinds(schema, root, depth, &mut |kind| found.extend(ORDER.iter().position(|it| *it == kind)));
    if found.is_empty() {
        return vec!["string"];
    }
    found.into_iter().map(|at| ORDER[at]).collect()
}

fn collect_kinds(schema: &Value, root: &Value, depth: usize, found: &mut impl FnMut(&str)) {
    // A schema may point at itself.
    if depth > 8 {
        return;
    }
    match &schema["type"] {
        Value::String(kind) => found(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).for_each(&mut *found),
        _ => {}
    }
    if let Some(pointer) = schema["$ref"].as_str().and_then(|it| it.strip_prefix('#')) {
        root.pointer(pointer).into_iter().for_each(|it| collect_kinds(it, root, depth + 1, found));
    }
    let choices = ["anyOf", "oneOf"].iter().filter_map(|name| schema[*name].as_array()).flatten();
    choices.for_each(|choice| collect_kinds(choice, root, depth + 1, found));
}

fn is_literal(text: &str) -> bool {
    text.find('=').is_some_and(|at| at > 0 && text.as_bytes()[at - 1] == b':')
}

fn pair(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| Failure::usage(format_args!("an argument is NAME=VALUE or NAME:=JSON, not `{text}`")))
}

fn show(result: &CallToolResult) {
    for block in &result.content {
        print(&content_text(block));
    }
    // Structured content usually repeats the text; it is shown where it is all there is.
    if result.content.is_empty()
        && let Some(Ok(value)) = result.structured_content.as_ref().map(RawJson::decode::<Value>)
    {
        print(&safe_json(&format!("{value:#}")));
    }
}

/// One content block as a person reads it.
pub(crate) fn content_text(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => safe_lines(&text.text),
        ContentBlock::Image(media) => format!("[image, {}]", safe(&media.mime_type)),
        ContentBlock::Audio(media) => format!("[audio, {}]", safe(&media.mime_type)),
        ContentBlock::ResourceLink(link) => format!("[resource {} at {}]", safe(&link.name), safe(&link.uri)),
        ContentBlock::Resource(embedded) => match &embedded.resource.body {
            ResourceBody::Text(text) => safe_lines(text),
            ResourceBody::Blob(_) => format!("[binary resource {}]", safe(&embedded.resource.uri)),
        },
        other => safe_json(&json!(other).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_told_from_a_text_that_has_both_signs() {
        for (text, literal) in
            [("a=1", false), ("a:=1", true), ("a=b:=c", false), ("=1", false), ("a", false)]
        {
            assert_eq!(is_literal(text), literal, "{text}");
        }
    }

    #[test]
    fn what_may_be_left_away_has_a_type_too() {
        let schema = json!({
            "properties": {
                "limit": { "type": ["integer", "null"] },
                "status": { "anyOf": [{ "$ref": "#/$defs/Status" }, { "type": "null" }] },
                "size": { "oneOf": [{ "type": "string" }, { "type": "number" }] },
                "itself": { "$ref": "#/properties/itself" },
                "anything": {},
            },
            "$defs": { "Status": { "type": "string", "enum": ["draft", "published"] } },
        });
        for (name, text, expected) in [
            ("limit", "7", Some(json!(7))),
            ("limit", "null", Some(Value::Null)),
            ("limit", "many", None),
            ("status", "draft", Some(json!("draft"))),
            ("size", "7.5", Some(json!(7.5))),
            ("size", "large", Some(json!("large"))),
            ("itself", "7", Some(json!("7"))),
            ("anything", "7", Some(json!("7"))),
        ] {
            let kinds = kinds(&schema["properties"][name], &schema, 0);
            assert_eq!(kinds.iter().find_map(|kind| typed(kind, text)), expected, "{name}={text}: {kinds:?}");
        }
    }

    #[test]
    fn values_follow_the_schema() {
        for (kind, text, expected) in [
            ("string", "7", Some(json!("7"))),
            ("integer", "7", Some(json!(7))),
            ("integer", "7.5", None),
            ("number", "7.5", Some(json!(7.5))),
            ("boolean", "yes", Some(json!(true))),
            ("boolean", "maybe", None),
            ("array", "a,b", Some(json!(["a", "b"]))),
            ("array", "[1,2]", Some(json!([1, 2]))),
            ("object", "{\"a\":1}", Some(json!({"a": 1}))),
            ("object", "a", None),
        ] {
            assert_eq!(typed(kind, text), expected, "{kind} {text}");
        }
    }
}
