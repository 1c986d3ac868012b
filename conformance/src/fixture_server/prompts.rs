//! Prompts.

use barewire_mcp_server::types::content::{ContentBlock, Role};
use barewire_mcp_server::types::elicitation::{ElicitRequest, ElicitSchema};
use barewire_mcp_server::types::prompts::PromptMessage;
use barewire_mcp_server::types::resources::ResourceContents;
use barewire_mcp_server::{
    CompletionInput, CompletionOf, Context, McpServerBuilder, Prompt, PromptArguments,
};

use super::asking::text;
use super::content::PNG;

pub(super) fn register(builder: McpServerBuilder) -> McpServerBuilder {
    builder
        .prompt(Prompt::new("test_simple_prompt", "One message."), async |_, _: PromptArguments| {
            Ok("This is a simple prompt for testing.".to_owned())
        })
        .prompt(
            Prompt::new("test_prompt_with_arguments", "Repeats its arguments.")
                .argument("arg1", "Any text.")
                .argument("arg2", "Any text."),
            async |_, arguments: PromptArguments| {
                Ok(format!("arg1='{}', arg2='{}'", arguments.get("arg1"), arguments.get("arg2")))
            },
        )
        .completion(
            CompletionOf::prompt("test_prompt_with_arguments", "arg1"),
            async |_, typed: CompletionInput| {
                let known = ["testValue1", "testValue2", "other"];
                let fitting = known.iter().filter(|value| value.starts_with(&typed.value));
                Ok(fitting.map(|value| (*value).to_owned()).collect::<Vec<_>>())
            },
        )
        .prompt(
            Prompt::new("test_prompt_with_embedded_resource", "Brings a resource along.")
                .argument("resourceUri", "Its address."),
            async |_, arguments: PromptArguments| {
                let uri = arguments.get("resourceUri");
                let resource =
                    ResourceContents::text(uri, "text/plain", "Embedded resource content for testing.");
                Ok(vec![
                    message(ContentBlock::resource(resource)),
                    message(ContentBlock::text("Read the resource.")),
                ])
            },
        )
        .prompt(
            Prompt::new("test_prompt_with_image", "Brings a picture along."),
            async |_, _: PromptArguments| {
                Ok(vec![
                    message(ContentBlock::image(PNG, "image/png")),
                    message(ContentBlock::text("Look at the picture.")),
                ])
            },
        )
        .prompt(
            Prompt::new("test_input_required_result_prompt", "Asks the user before it answers."),
            async |ctx: Context, _: PromptArguments| {
                let fields = ElicitSchema::new().required("context", text("Context"));
                let answer =
                    ctx.elicit("user_context", ElicitRequest::form("What is this about?", fields)).await?;
                let context = answer.content.unwrap_or_default();
                Ok(format!("Context: {}", serde_json::Value::from(context)))
            },
        )
}

fn message(content: ContentBlock) -> PromptMessage {
    PromptMessage { role: Role::User, content }
}
