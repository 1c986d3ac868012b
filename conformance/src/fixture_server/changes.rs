//! Tools that change what clients keep a copy of.

use std::sync::{Arc, OnceLock};

use barewire_mcp_server::{Context, McpServerBuilder, NoArguments, Publisher, Tool};

use super::resources::WATCHED;

/// Where the handlers find the publisher, which is there only after the server was built.
type Later = Arc<OnceLock<Publisher>>;

pub(super) fn register(builder: McpServerBuilder, publisher: &Later) -> McpServerBuilder {
    let publishing = |publish: fn(&Publisher)| {
        let publisher = publisher.clone();
        move |_: Context, _: NoArguments| {
            if let Some(publisher) = publisher.get() {
                publish(publisher);
            }
            async { Ok("published") }
        }
    };
    builder
        .tool(
            Tool::new("test_trigger_tool_change", "Says that the list of tools changed."),
            publishing(Publisher::tools_changed),
        )
        .tool(
            Tool::new("test_trigger_prompt_change", "Says that the list of prompts changed."),
            publishing(Publisher::prompts_changed),
        )
        .tool(
            Tool::new("test_update_resource", "Says that the watched resource changed."),
            publishing(|publisher| publisher.resource_updated(WATCHED)),
        )
}
