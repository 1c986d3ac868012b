//! Tools that take their time and say something meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use barewire_mcp_server::types::logging::LoggingLevel;
use barewire_mcp_server::{Context, McpServerBuilder, NoArguments, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

/// Between two messages.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) fn register(builder: McpServerBuilder) -> McpServerBuilder {
    let probe = Arc::new(Probe::default());
    builder
        .tool(Tool::new("test_tool_with_progress", "Reports progress three times."), with_progress)
        .tool(Tool::new("test_tool_with_logging", "Sends three log messages."), with_logging)
        .tool(
            Tool::new("test_logging_tool", "Sends a log message where one is wanted."),
            async |ctx: Context, _: NoArguments| {
                ctx.log(LoggingLevel::Info, None, "a message").await;
                Ok("logged")
            },
        )
        .tool(
            Tool::new("test_reconnection", "Takes so long that a client may lose its stream meanwhile."),
            async |ctx: Context, _: NoArguments| {
                ctx.close_stream(Duration::from_millis(500)).await;
                tokio::time::sleep(Duration::from_millis(500)).await;
                Ok("still here")
            },
        )
        .tool(
            Tool::new("test_cancel_probe", "Works until it is cancelled, or says what became of that work."),
            move |_: Context, Action { action }: Action| {
                let probe = probe.clone();
                async move {
                    match action {
                        Step::Start => {
                            let _working = probe.start();
                            std::future::pending::<()>().await;
                            Ok("unreachable")
                        }
                        Step::Status => Ok(probe.status()),
                    }
                }
            },
        )
}

async fn with_progress(ctx: Context, _: NoArguments) -> Result<&'static str, barewire_mcp_server::ToolError> {
    for done in [0.0, 50.0, 100.0] {
        ctx.progress(done, Some(100.0), Some("working")).await;
        tokio::time::sleep(PAUSE).await;
    }
    Ok("done")
}

async fn with_logging(ctx: Context, _: NoArguments) -> Result<&'static str, barewire_mcp_server::ToolError> {
    for message in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        ctx.log(LoggingLevel::Info, Some("fixture"), message).await;
        tokio::time::sleep(PAUSE).await;
    }
    Ok("logged")
}

#[derive(Deserialize, JsonSchema)]
struct Action {
    action: Step,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Step {
    Start,
    Status,
}

/// What became of the work that was started last.
#[derive(Default)]
struct Probe(AtomicU8);

const IDLE: u8 = 0;
const RUNNING: u8 = 1;

/// The work. A handler that is not wanted any more is dropped, and this with it.
struct Working(Arc<Probe>);

impl Probe {
    fn start(self: &Arc<Self>) -> Working {
        self.0.store(RUNNING, Ordering::SeqCst);
        Working(self.clone())
    }

    fn status(&self) -> &'static str {
        match self.0.load(Ordering::SeqCst) {
            IDLE => "idle",
            RUNNING => "running",
            _ => "cancelled",
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.store(2, Ordering::SeqCst);
    }
}
