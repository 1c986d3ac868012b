//! Tools that ask their client something. The same handlers serve both eras: the suite calls some on the one wire and
//! some on the other.

use barewire_mcp_server::types::capabilities::{ClientCapabilities, SamplingCapability};
use barewire_mcp_server::types::content::Role;
use barewire_mcp_server::types::elicitation::{
    BooleanSchema, ChoiceSchema, ElicitRequest, ElicitResult, ElicitSchema, MultiChoiceItems,
    MultiChoiceSchema, NumberSchema, NumberType, StringSchema, StringType, TitledValue,
};
use barewire_mcp_server::types::sampling::{CreateMessageRequest, CreateMessageResult, SamplingMessage};
use barewire_mcp_server::{Context, McpServerBuilder, NoArguments, Tool, ToolError, ask};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) fn register(builder: McpServerBuilder) -> McpServerBuilder {
    let builder = session_tools(builder);
    round_trip_tools(builder)
}

/// Called on the wire of 2025-11-25.
fn session_tools(builder: McpServerBuilder) -> McpServerBuilder {
    builder
        .tool(
            Tool::new("test_sampling", "Has the client's model answer a prompt."),
            async |ctx: Context, Prompt { prompt }: Prompt| {
                Ok(format!("The model said: {}", said(&ctx.sample("answer", question(&prompt)).await?)))
            },
        )
        .tool(
            Tool::new("test_elicitation", "Asks the user for a name and an address."),
            async |ctx: Context, Message { message }: Message| {
                let fields = ElicitSchema::new()
                    .required("username", text("User name"))
                    .required("email", text("Email"));
                Ok(answered(&ctx.elicit("user", ElicitRequest::form(message, fields)).await?))
            },
        )
        .tool(
            Tool::new("test_elicitation_sep1034_defaults", "Asks with a default in each field."),
            async |ctx: Context, _: NoArguments| {
                Ok(answered(
                    &ctx.elicit(
                        "defaults",
                        ElicitRequest::form("Look through the defaults.", with_defaults()),
                    )
                    .await?,
                ))
            },
        )
        .tool(
            Tool::new("test_elicitation_sep1330_enums", "Asks with each kind of choice."),
            async |ctx: Context, _: NoArguments| {
                Ok(answered(&ctx.elicit("choices", ElicitRequest::form("Choose.", with_choices())).await?))
            },
        )
}

/// Called on the wire of 2026-07-28.
fn round_trip_tools(builder: McpServerBuilder) -> McpServerBuilder {
    let sampling = ClientCapabilities { sampling: Some(SamplingCapability::default()), ..Default::default() };
    builder
        .tool(
            Tool::new("test_missing_capability", "Can only be called by clients that can sample.")
                .requires(sampling),
            async |_: Context, _: NoArguments| Ok("sampling is there"),
        )
        .tool(
            Tool::new("test_streaming_elicitation", "Reports progress, then asks the user."),
            async |ctx: Context, _: NoArguments| {
                ctx.progress(1.0, Some(2.0), None).await;
                Ok(answered(&ctx.elicit("user_name", name_form()).await?))
            },
        )
        .tool(
            Tool::new("test_input_required_result_elicitation", "Asks the user for a name."),
            async |ctx: Context, _: NoArguments| Ok(answered(&ctx.elicit("user_name", name_form()).await?)),
        )
        .tool(
            Tool::new("test_input_required_result_sampling", "Has the model name a capital."),
            async |ctx: Context, _: NoArguments| {
                Ok(said(&ctx.sample("capital_question", question("What is the capital of France?")).await?))
            },
        )
        .tool(
            Tool::new("test_input_required_result_list_roots", "Asks for the roots."),
            async |ctx: Context, _: NoArguments| {
                Ok(format!("{} roots", ctx.roots("client_roots").await?.roots.len()))
            },
        )
        .tool(
            Tool::new(
                "test_input_required_result_request_state",
                "Asks for a confirmation and keeps a state.",
            ),
            confirmed,
        )
        .tool(
            Tool::new(
                "test_input_required_result_tampered_state",
                "Takes only a state that it gave out itself.",
            ),
            confirmed,
        )
        .tool(
            Tool::new("test_input_required_result_multiple_inputs", "Asks three things at once."),
            async |ctx: Context, _: NoArguments| {
                let (name, greeting, roots) = ask::all_three(
                    ctx.elicit("user_name", name_form()),
                    ctx.sample("greeting", question("Write a greeting.")),
                    ctx.roots("client_roots"),
                )
                .await?;
                Ok(format!("{}; {}; {} roots", answered(&name), said(&greeting), roots.roots.len()))
            },
        )
        .tool(
            Tool::new("test_input_required_result_multi_round", "Asks one thing after the other."),
            async |ctx: Context, _: NoArguments| {
                let name = ctx.elicit("step1", name_form()).await?;
                let color =
                    ElicitRequest::form("Which color?", ElicitSchema::new().required("color", text("Color")));
                let color = ctx.elicit("step2", color).await?;
                Ok(format!("{}; {}", answered(&name), answered(&color)))
            },
        )
        .tool(
            Tool::new("test_input_required_result_capabilities", "Asks only what the client can be asked."),
            async |ctx: Context, _: NoArguments| {
                if ctx.client_capabilities().elicitation.is_some() {
                    return Ok(answered(&ctx.elicit("user_name", name_form()).await?));
                }
                Ok(said(&ctx.sample("greeting", question("Write a greeting.")).await?))
            },
        )
}

async fn confirmed(ctx: Context, _: NoArguments) -> Result<String, ToolError> {
    let ok = BooleanSchema { title: Some("Go on?".into()), ..Default::default() };
    let answer = ctx
        .elicit("confirm", ElicitRequest::form("Please confirm.", ElicitSchema::new().required("ok", ok)))
        .await?;
    Ok(format!("state-ok: {}", answered(&answer)))
}

#[derive(Deserialize, JsonSchema)]
struct Prompt {
    /// For the model.
    prompt: String,
}

#[derive(Deserialize, JsonSchema)]
struct Message {
    /// For the user.
    message: String,
}

pub(super) fn text(title: &str) -> StringSchema {
    StringSchema { title: Some(title.to_owned()), ..Default::default() }
}

fn name_form() -> ElicitRequest {
    ElicitRequest::form("What is your name?", ElicitSchema::new().required("name", text("Name")))
}

fn question(prompt: &str) -> CreateMessageRequest {
    let messages = vec![SamplingMessage::text(Role::User, prompt)];
    CreateMessageRequest { messages, max_tokens: 100, ..Default::default() }
}

fn answered(result: &ElicitResult) -> String {
    let content = result.content.as_ref().map(|content| serde_json::Value::from(content.clone()).to_string());
    format!("action {:?}, content {}", result.action, content.unwrap_or_default())
}

fn said(result: &CreateMessageResult) -> String {
    result.content.blocks().iter().filter_map(|block| block.as_text()).collect()
}

fn with_defaults() -> ElicitSchema {
    let statuses = ["active", "inactive", "pending"].map(str::to_owned);
    ElicitSchema::new()
        .optional("name", StringSchema { default: Some("John Doe".into()), ..text("Name") })
        .optional(
            "age",
            NumberSchema { kind: NumberType::Integer, default: Some(30.into()), ..Default::default() },
        )
        .optional("score", NumberSchema { default: serde_json::Number::from_f64(95.5), ..Default::default() })
        .optional(
            "status",
            ChoiceSchema { values: statuses.into(), default: Some("active".into()), ..Default::default() },
        )
        .optional("verified", BooleanSchema { default: Some(true), ..Default::default() })
}

fn with_choices() -> ElicitSchema {
    let plain = |stem: &str| (1..=3).map(|count| format!("{stem}{count}")).collect::<Vec<_>>();
    let titled = || {
        let titled = |count| TitledValue { value: format!("value{count}"), title: format!("Choice {count}") };
        (1..=3).map(titled).collect::<Vec<_>>()
    };
    ElicitSchema::new()
        .optional("untitledSingle", ChoiceSchema { values: plain("option"), ..Default::default() })
        .optional("titledSingle", ChoiceSchema { one_of: titled(), ..Default::default() })
        .optional(
            "legacyEnum",
            ChoiceSchema { values: plain("opt"), enum_names: plain("Option "), ..Default::default() },
        )
        .optional(
            "untitledMulti",
            MultiChoiceSchema {
                items: MultiChoiceItems {
                    kind: Some(StringType::String),
                    values: plain("option"),
                    ..Default::default()
                },
                ..Default::default()
            },
        )
        .optional(
            "titledMulti",
            MultiChoiceSchema {
                items: MultiChoiceItems { any_of: titled(), ..Default::default() },
                ..Default::default()
            },
        )
}
