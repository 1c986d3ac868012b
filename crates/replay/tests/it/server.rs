//! The server that is recorded: one of each thing, and short enough to be read beside its transcripts.

use std::sync::{Arc, OnceLock};

use barewire_mcp_server::types::elicitation::{ElicitAction, ElicitRequest, ElicitSchema, StringSchema};
use barewire_mcp_server::{
    Context, McpServer, NoArguments, Prompt, PromptArguments, Publisher, Resource, ResourceTemplate,
    Structured, Tool, ToolError, UriVariables,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// The resource that changes.
const TODAY: &str = "note://today";

#[derive(Deserialize, JsonSchema)]
struct Addends {
    /// The one.
    a: i64,
    /// The other.
    b: i64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

fn server() -> McpServer {
    let publisher = Arc::new(OnceLock::<Publisher>::new());
    let later = publisher.clone();
    let server = McpServer::builder("wire", "1.0.0")
        .instructions("The server of the golden transcripts.")
        .tool(
            Tool::new("hello", "Says hello.").annotations(|hints| hints.read_only(true)),
            async |_: Context, _: NoArguments| Ok("Hello."),
        )
        .tool(Tool::new("add", "Adds two integers."), async |_: Context, Addends { a, b }: Addends| {
            Ok(Structured(Sum { sum: a.saturating_add(b) }))
        })
        .tool(Tool::new("count", "Counts to three."), async |ctx: Context, _: NoArguments| {
            for done in 1..=3_u32 {
                ctx.progress(f64::from(done), Some(3.0), Some("counting")).await;
            }
            Ok("three")
        })
        .tool(Tool::new("ask_name", "Asks the user for a name."), async |ctx: Context, _: NoArguments| {
            let name = StringSchema { title: Some("Name".to_owned()), ..Default::default() };
            let question =
                ElicitRequest::form("What is your name?", ElicitSchema::new().required("name", name));
            let answer = ctx.elicit("name", question).await?;
            if answer.action != ElicitAction::Accept {
                return Ok("You do not have to say.".to_owned());
            }
            let content = serde_json::Value::from(answer.content.unwrap_or_default());
            Ok(format!("Hello, {}.", content["name"].as_str().unwrap_or_default()))
        })
        .tool(Tool::new("fail", "Always fails."), async |_: Context, _: NoArguments| {
            Err::<String, _>(ToolError::new("The printer is on fire."))
        })
        .tool(
            Tool::new("touch", "Says that the note of today changed."),
            move |_: Context, _: NoArguments| {
                if let Some(publisher) = later.get() {
                    publisher.resource_updated(TODAY);
                }
                async { Ok("touched") }
            },
        )
        .resource(
            Resource::new(TODAY, "today").description("The note of today.").mime_type("text/plain"),
            async |_| Ok("Buy milk."),
        )
        .resource_template(
            ResourceTemplate::new("note://{day}", "day")
                .description("The note of a day.")
                .mime_type("text/plain"),
            async |_, variables: UriVariables| Ok(format!("Nothing on {}.", variables.get("day"))),
        )
        .prompt(
            Prompt::new("greet", "Greets somebody.").optional_argument("name", "Who."),
            async |_, arguments: PromptArguments| {
                Ok(format!("Say hello to {}.", arguments.optional("name").unwrap_or("everybody")))
            },
        )
        .build()
        .unwrap();
    publisher.get_or_init(|| server.publish());
    server
}

/// Starts it; the URL of its endpoint. It runs until the test ends.
pub(crate) async fn start() -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let app = axum::Router::new().route_service("/mcp", server().service());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url.parse().unwrap()
}
