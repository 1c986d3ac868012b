//! One golden file per revision: what each message looks like on the wire, so that a change of a byte is seen.

use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::types::caching::{CacheHint, CacheScope};
use barewire_mcp::types::completion::{CompleteResult, Completion};
use barewire_mcp::types::content::{ContentBlock, Role};
use barewire_mcp::types::elicitation::{
    BooleanSchema, ElicitForm, ElicitRequest, ElicitSchema, ElicitUrl, StringSchema,
};
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::input::{InputRequest, InputRequired};
use barewire_mcp::types::json::{Meta, RawJson};
use barewire_mcp::types::logging::{LoggingLevel, LoggingMessage};
use barewire_mcp::types::notification::{Cancelled, ServerNotification};
use barewire_mcp::types::operation::Outcome;
use barewire_mcp::types::progress::Progress;
use barewire_mcp::types::prompts::{
    GetPromptResult, ListPromptsResult, Prompt, PromptArgument, PromptMessage,
};
use barewire_mcp::types::resources::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};
use barewire_mcp::types::sampling::{CreateMessageRequest, SamplingMessage};
use barewire_mcp::types::subscriptions::{Change, SubscriptionFilter};
use barewire_mcp::types::tasks::{Task, TaskResult, TaskState, TaskStatus};
use barewire_mcp::types::tools::{CallToolResult, ListToolsResult, Tool, ToolAnnotations};
use barewire_mcp::wire::{v2025_11_25, v2026_07_28};
use serde_json::json;

fn outcomes() -> Vec<Outcome> {
    let mut tool = Tool::new("list_users", "Lists them.");
    tool.output_schema = Some(json!({ "type": "array" }).into());
    tool.annotations = Some(ToolAnnotations { read_only_hint: Some(true), ..Default::default() });
    let mut typed = Tool::new("sum", "Adds.");
    typed.output_schema = Some(json!({ "type": "object" }).into());
    let mut meta = Meta::new();
    meta.insert("com.example/x".into(), 1.into());
    let structured = |value: serde_json::Value| CallToolResult {
        structured_content: Some(RawJson::from(value)),
        meta: meta.clone(),
        ..CallToolResult::text("t")
    };
    let argument = PromptArgument { name: "a".into(), required: Some(true), ..Default::default() };
    let prompt = Prompt { name: "p".into(), arguments: vec![argument], ..Default::default() };
    let message = PromptMessage { role: Role::User, content: ContentBlock::text("hello") };
    vec![
        Outcome::ListTools(ListToolsResult {
            tools: vec![tool, typed],
            next_cursor: Some("c".into()),
            ..Default::default()
        }),
        Outcome::CallTool(structured(json!({ "sum": 3 }))),
        Outcome::CallTool(structured(json!([1, 2]))),
        Outcome::CallTool(CallToolResult::error("no")),
        Outcome::ListResources(ListResourcesResult {
            resources: vec![Resource {
                uri: "a:b".into(),
                name: "b".into(),
                size: Some(3),
                ..Default::default()
            }],
            ..Default::default()
        }),
        Outcome::ListResourceTemplates(ListResourceTemplatesResult {
            resource_templates: vec![ResourceTemplate {
                uri_template: "a:{b}".into(),
                name: "b".into(),
                ..Default::default()
            }],
            ..Default::default()
        }),
        Outcome::ReadResource(ReadResourceResult {
            contents: vec![
                ResourceContents::text("a:b", "text/plain", "t"),
                ResourceContents::blob("a:c", "image/png", "AA=="),
            ],
            ..Default::default()
        }),
        Outcome::ListPrompts(ListPromptsResult { prompts: vec![prompt], ..Default::default() }),
        Outcome::GetPrompt(GetPromptResult { messages: vec![message], ..Default::default() }),
        Outcome::Complete(CompleteResult {
            completion: Completion::of(vec!["x".into()]),
            ..Default::default()
        }),
    ]
}

fn form() -> InputRequest {
    let schema = ElicitSchema::new()
        .required("name", StringSchema { title: Some("Name".into()), ..Default::default() })
        .optional("sure", BooleanSchema { default: Some(true), ..Default::default() });
    InputRequest::Elicit(ElicitRequest::Form(ElicitForm {
        message: "Who?".into(),
        requested_schema: schema,
        meta: Meta::new(),
    }))
}

fn requests() -> Vec<InputRequest> {
    let sample = CreateMessageRequest {
        messages: vec![SamplingMessage::text(Role::User, "Capital?")],
        max_tokens: 100,
        temperature: Some(0.5),
        ..Default::default()
    };
    vec![
        form(),
        InputRequest::Elicit(ElicitRequest::Url(ElicitUrl {
            message: "Go".into(),
            url: "https://example.com".into(),
            ..Default::default()
        })),
        InputRequest::Sample(Box::new(sample)),
        InputRequest::Roots(Default::default()),
    ]
}

fn task<S>(state: S) -> Task<S> {
    Task {
        task_id: "t1".into(),
        state,
        status_message: Some("Half of it.".into()),
        created_at: "2026-01-01T00:00:00.000Z".into(),
        last_updated_at: "2026-01-01T00:00:01.000Z".into(),
        ttl_ms: Some(60_000),
        poll_interval_ms: Some(1_000),
    }
}

fn task_results() -> Vec<TaskResult> {
    let result = json!({ "content": [], "isError": true });
    vec![
        TaskResult::Created(task(TaskStatus::Working)),
        TaskResult::Found(task(TaskState::InputRequired(
            [("name".to_owned(), form())].into_iter().collect(),
        ))),
        TaskResult::Found(task(TaskState::Completed(result.into()))),
        TaskResult::Found(task(TaskState::Failed(ErrorObject::new(-32603, "Internal error")))),
        TaskResult::Acknowledged,
    ]
}

fn notifications() -> Vec<ServerNotification> {
    vec![
        ServerNotification::Progress(Progress {
            progress_token: Id::from("p"),
            progress: 50.0,
            total: Some(100.5),
            message: None,
        }),
        ServerNotification::Log(LoggingMessage {
            level: LoggingLevel::Warning,
            logger: Some("db".into()),
            data: json!({ "a": 1 }).into(),
        }),
        ServerNotification::Change(Change::Tools),
        ServerNotification::Change(Change::Prompts),
        ServerNotification::Change(Change::Resources),
        ServerNotification::Change(Change::Resource { uri: "a:b".into() }),
    ]
}

fn lines(messages: Vec<bytes::Bytes>) -> String {
    messages.iter().map(|message| format!("{}\n", std::str::from_utf8(message).unwrap())).collect()
}

#[test]
fn v2025_11_25_writes() {
    let id = Id::from(1);
    let mut messages: Vec<_> =
        outcomes().iter().map(|outcome| v2025_11_25::encode_result(&id, outcome).unwrap()).collect();
    messages
        .extend(requests().iter().map(|request| v2025_11_25::encode_server_request(&id, request).unwrap()));
    messages.extend(notifications().iter().map(v2025_11_25::encode_notification));
    let cancelled = Cancelled { request_id: Id::from(3), reason: Some("late".into()) };
    messages.push(v2025_11_25::encode_notification(&ServerNotification::Cancelled(cancelled)));
    insta::assert_snapshot!("v2025_11_25", lines(messages));
}

#[test]
fn v2026_07_28_writes() {
    let (id, info) = (Id::from(1), Implementation::new("golden", "1.0.0"));
    let cache = CacheHint { ttl_ms: 60_000, cache_scope: CacheScope::Public };
    let mut outcomes = outcomes();
    let names = ["form", "url", "sample", "roots"];
    let requests = names.iter().map(|name| (*name).to_owned()).zip(requests()).collect();
    outcomes.push(Outcome::InputRequired(InputRequired { requests, state: Some("sealed".into()) }));
    outcomes.extend(task_results().into_iter().map(|result| Outcome::Task(Box::new(result))));
    let mut messages: Vec<_> = outcomes
        .iter()
        .map(|outcome| v2026_07_28::encode_result(&id, outcome, cache, Some(&info)).unwrap())
        .collect();
    let discovered = v2026_07_28::DiscoverResult {
        supported_versions: vec!["2026-07-28".into()],
        instructions: Some("Use it.".into()),
        server_info: Some(info.clone()),
        ..Default::default()
    };
    messages.push(v2026_07_28::encode_discover(&id, &discovered).unwrap());
    messages.push(v2026_07_28::encode_listen_closed(&id, Some(&info)));
    let filter = SubscriptionFilter { tools_list_changed: true, ..Default::default() };
    messages.push(v2026_07_28::encode_notification(&ServerNotification::Acknowledged(filter), Some(&id)));
    messages.extend(notifications().iter().map(|one| v2026_07_28::encode_notification(one, Some(&id))));
    let changed = ServerNotification::Task(Box::new(task(TaskState::Cancelled)));
    messages.push(v2026_07_28::encode_notification(&changed, Some(&id)));
    insta::assert_snapshot!("v2026_07_28", lines(messages));
}
