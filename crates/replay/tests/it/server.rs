//! The server that is recorded: one of each thing, and short enough to be read beside its transcripts.

use std::time::{Duration, SystemTime};

use barewire_mcp::jsonrpc::ErrorObject;
use barewire_mcp_server::types::elicitation::{ElicitAction, ElicitRequest, ElicitSchema, StringSchema};
use barewire_mcp_server::{
    CompletionInput, CompletionOf, Context, InMemoryTasks, Limits, McpServer, McpServerBuilder, NoArguments,
    Principal, Prompt, PromptArguments, Resource, ResourceServer, ResourceTemplate, Skill, Structured,
    TaskOptions, TokenVerifier, Tool, ToolError, UriVariables,
};
use barewire_oauth::bearer::BearerError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

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

/// The skill that is offered.
const SKILL: &str =
    "---\nname: notes\ndescription: How notes are kept.\n---\nOne note a day. See references/STYLE.md.\n";

fn server() -> McpServerBuilder {
    let limits = Limits { max_batch: 5, task_poll_interval: Duration::from_millis(100), ..Limits::default() };
    let builder = McpServer::builder("wire", "1.0.0")
        .instructions("The server of the golden transcripts.")
        .limits(limits)
        .logging()
        .tasks(InMemoryTasks::default());
    things(tools(builder))
}

fn tools(builder: McpServerBuilder) -> McpServerBuilder {
    builder
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
                // What is said all at once leaves nothing to come back for.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok("three")
        })
        .tool(Tool::new("wait", "Lets its client go and come back."), async |ctx: Context, _: NoArguments| {
            ctx.close_stream(Duration::from_millis(100)).await;
            tokio::time::sleep(Duration::from_millis(150)).await;
            Ok("Here you are.")
        })
        .tool(Tool::new("ask_name", "Asks the user for a name."), async |ctx: Context, _: NoArguments| {
            greeting(&ctx).await
        })
        .tool(
            Tool::new("export", "Asks for a name while it goes on as a task."),
            async |ctx: Context, _: NoArguments| {
                ctx.start_task(TaskOptions::default().message("Begun.")).await?;
                greeting(&ctx).await
            },
        )
        .tool(Tool::new("fail", "Always fails."), async |_: Context, _: NoArguments| {
            Err::<String, _>(ToolError::new("The printer is on fire."))
        })
        .tool(
            Tool::new("visit", "Wants its user somewhere else first."),
            async |_: Context, _: NoArguments| {
                let data = json!({ "elicitations": [{
                "mode": "url",
                "elicitationId": "e1",
                "url": "https://example.com/connect",
                "message": "Connect your account first.",
            }] });
                let error = ErrorObject {
                    data: Some(data),
                    ..ErrorObject::new(-32042, "Somebody has to go there first")
                };
                Err::<String, _>(ToolError::protocol(error))
            },
        )
        .tool(
            Tool::new("touch", "Says that the note of today changed."),
            async |ctx: Context, _: NoArguments| {
                ctx.publish().resource_updated(TODAY);
                Ok("touched")
            },
        )
}

/// Resources, prompts and skills.
fn things(builder: McpServerBuilder) -> McpServerBuilder {
    builder
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
        .prompt(
            Prompt::new("letter", "Writes a letter.").argument("to", "To whom."),
            async |_, arguments: PromptArguments| Ok(format!("Write to {}.", arguments.get("to"))),
        )
        .completion(CompletionOf::prompt("greet", "name"), async |_: Context, _: CompletionInput| {
            Ok(vec!["Ada".to_owned()])
        })
        .skill(Skill::new(SKILL).file("references/STYLE.md", "Short sentences.\n"))
}

async fn greeting(ctx: &Context) -> Result<String, ToolError> {
    let name = StringSchema { title: Some("Name".to_owned()), ..Default::default() };
    let question = ElicitRequest::form("What is your name?", ElicitSchema::new().required("name", name));
    let answer = ctx.elicit("name", question).await?;
    if answer.action != ElicitAction::Accept {
        return Ok("You do not have to say.".to_owned());
    }
    let content = serde_json::Value::from(answer.content.unwrap_or_default());
    Ok(format!("Hello, {}.", content["name"].as_str().unwrap_or_default()))
}

/// Its users, whose tokens are their names.
struct Users;

impl TokenVerifier for Users {
    async fn verify(&self, token: &str, _: SystemTime) -> Result<Principal, BearerError> {
        if ["ann", "bob"].contains(&token) { Ok(Principal::new(token)) } else { Err(BearerError::Invalid) }
    }
}

/// Starts it; the URL of its endpoint. It runs until the test ends.
pub(crate) async fn start() -> Url {
    serve(|_| server()).await
}

/// The same for the users `ann` and `bob`, whose names are their tokens.
pub(crate) async fn start_with_users() -> Url {
    serve(|url| {
        let guard =
            ResourceServer::new(url.as_str(), Users).authorization_server("https://login.example.com");
        server().auth(guard)
    })
    .await
}

async fn serve(builder: impl FnOnce(&Url) -> McpServerBuilder) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap()).parse().unwrap();
    let mcp = builder(&url).sse_transport("/sse", "/messages").build().unwrap();
    let (streams, messages) = mcp.sse_services().unwrap();
    let app = axum::Router::new()
        .route_service("/mcp", mcp.service())
        .route_service("/sse", streams)
        .route_service("/messages", messages);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}
