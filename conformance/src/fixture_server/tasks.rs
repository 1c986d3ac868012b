//! Tools that go on as tasks where the client understands that.

use std::time::Duration;

use barewire_mcp::jsonrpc::ErrorObject;
use barewire_mcp_server::types::elicitation::{BooleanSchema, ElicitRequest, ElicitSchema};

use barewire_mcp_server::types::tasks::required_capabilities;
use barewire_mcp_server::{
    Context, InMemoryTasks, McpServerBuilder, NoArguments, TaskOptions, Tool, ToolError, ask,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::asking::text;

/// What one of the suite's jobs takes.
const WORK: Duration = Duration::from_millis(300);

pub(super) fn register(builder: McpServerBuilder) -> McpServerBuilder {
    builder
        .tasks(InMemoryTasks::default())
        .tool(Tool::new("greet", "Greets, at once."), async |_: Context, Name { name }: Name| {
            Ok(format!("Hello, {name}!"))
        })
        .tool(Tool::new("slow_compute", "Takes its time."), async |ctx: Context, args: Slow| {
            ctx.start_task(TaskOptions::default().message("Computing")).await?;
            tokio::time::sleep(Duration::from_secs_f64(args.seconds.clamp(0.0, 60.0))).await;
            Ok(format!("{} is done", args.label.unwrap_or_default()))
        })
        .tool(
            Tool::new("failing_job", "Fails, as a tool does.").requires(required_capabilities()),
            async |ctx: Context, _: NoArguments| {
                ctx.start_task(TaskOptions::default()).await?;
                tokio::time::sleep(WORK).await;
                Err::<String, _>(ToolError::new("the job failed"))
            },
        )
        .tool(
            Tool::new("protocol_error_job", "Fails, as a request does."),
            async |ctx: Context, _: NoArguments| {
                ctx.start_task(TaskOptions::default()).await?;
                tokio::time::sleep(WORK).await;
                Err::<String, _>(ToolError::protocol(ErrorObject::new(-32603, "the job broke")))
            },
        )
        .tool(
            Tool::new("confirm_delete", "Asks before it deletes."),
            async |ctx: Context, Filename { filename }: Filename| {
                ctx.start_task(TaskOptions::default()).await?;
                let question = format!("Delete {filename}?");
                let form = ElicitSchema::new().required("confirm", BooleanSchema::default());
                let answer = ctx.elicit("confirm", ElicitRequest::form(question, form)).await?;
                let sure = answer.content.is_some_and(|content| content["confirm"] == Value::Bool(true));
                Ok(format!("{filename} is {}", if sure { "deleted" } else { "kept" }))
            },
        )
        .tool(Tool::new("multi_input", "Asks two things at once."), async |ctx: Context, _: NoArguments| {
            ctx.start_task(TaskOptions::default()).await?;
            let sure = ElicitSchema::new().required("confirm", BooleanSchema::default());
            let (name, confirm) = ask::both(
                ctx.elicit("name", name_form()),
                ctx.elicit("confirm", ElicitRequest::form("Are you sure?", sure)),
            )
            .await?;
            Ok(format!("{:?} and {:?}", name.content, confirm.content))
        })
        .tool(
            Tool::new("test_tool_with_task", "Asks for a name before it goes on as a task.")
                .requires(required_capabilities()),
            async |ctx: Context, _: NoArguments| {
                let answer = ctx.elicit("name", name_form()).await?;
                ctx.start_task(TaskOptions::default()).await?;
                let name = answer.content.and_then(|content| content["name"].as_str().map(str::to_owned));
                Ok(format!("Hello, {}!", name.unwrap_or_default()))
            },
        )
}

fn name_form() -> ElicitRequest {
    ElicitRequest::form("What is your name?", ElicitSchema::new().required("name", text("Name")))
}

#[derive(Deserialize, JsonSchema)]
struct Name {
    name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Slow {
    /// How long it takes.
    seconds: f64,
    /// What is said at the end.
    label: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Filename {
    filename: String,
}
