//! What handlers say in the newest words, as each revision with a handshake writes it: valid by its schema, without a
//! member that the schema does not have, and with nothing lost that it could have said.

use barewire_mcp::jsonrpc::Id;
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::types::apps;
use barewire_mcp::types::capabilities::{ClientCapabilities, ServerCapabilities};
use barewire_mcp::types::content::{Annotations, ContentBlock, Role};
use barewire_mcp::types::elicitation::{
    ChoiceSchema, ElicitRequest, ElicitSchema, MultiChoiceSchema, StringSchema, TitledValue,
};
use barewire_mcp::types::implementation::{Icon, Implementation};
use barewire_mcp::types::input::InputRequest;
use barewire_mcp::types::json::Meta;
use barewire_mcp::types::notification::ServerNotification;
use barewire_mcp::types::operation::Outcome;
use barewire_mcp::types::progress::Progress;
use barewire_mcp::types::prompts::{
    GetPromptResult, ListPromptsResult, Prompt, PromptArgument, PromptMessage,
};
use barewire_mcp::types::resources::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};
use barewire_mcp::types::sampling::{CreateMessageRequest, SamplingContent, SamplingMessage, ToolChoice};
use barewire_mcp::types::tools::{CallToolResult, ListToolsResult, Tool, ToolAnnotations};
use barewire_mcp::wire::legacy;
use barewire_mcp::wire::v2025_11_25::InitializeResult;
use serde_json::{Value, json};

use crate::spec;

fn handshakes() -> impl Iterator<Item = Revision> {
    Revision::ALL.into_iter().filter(|revision| revision.era() == Era::Legacy)
}

fn meta() -> Meta {
    Meta::from_iter([("com.example/x".to_owned(), json!(1))])
}

fn icons() -> Vec<Icon> {
    vec![Icon { src: "https://example.com/i.png".into(), ..Icon::default() }]
}

fn dated() -> Option<Annotations> {
    Some(Annotations {
        audience: Some(vec![Role::User]),
        last_modified: Some("2026-01-01T00:00:00Z".into()),
        priority: None,
    })
}

fn link() -> Resource {
    Resource {
        uri: "post://7".into(),
        name: "seven".into(),
        title: Some("Seven".into()),
        description: Some("A post.".into()),
        annotations: dated(),
        icons: icons(),
        meta: meta(),
        ..Resource::default()
    }
}

/// Everything that a newer revision has, each with the result's name in the schema and a member to look at.
fn outcomes() -> Vec<(Outcome, &'static str, &'static str, &'static str)> {
    let mut tool = Tool::new("sum", "Adds.");
    tool.title = Some("Sum".into());
    tool.icons = icons();
    tool.output_schema = Some(json!({ "type": "object" }).into());
    tool.annotations = Some(ToolAnnotations { read_only_hint: Some(true), ..ToolAnnotations::default() });
    tool.meta = meta();
    let argument = PromptArgument { name: "a".into(), title: Some("A".into()), ..PromptArgument::default() };
    let prompt = Prompt {
        name: "p".into(),
        title: Some("P".into()),
        arguments: vec![argument],
        icons: icons(),
        meta: meta(),
        ..Prompt::default()
    };
    let template = ResourceTemplate {
        uri_template: "post://{id}".into(),
        name: "post".into(),
        title: Some("Post".into()),
        annotations: dated(),
        icons: icons(),
        meta: meta(),
        ..ResourceTemplate::default()
    };
    let mut contents = ResourceContents::text("post://7", "text/plain", "t");
    contents.meta = meta();
    let content = vec![
        ContentBlock::audio("AA==", "audio/wav"),
        ContentBlock::ResourceLink(link()),
        ContentBlock::resource(contents.clone()),
        ContentBlock::text("t"),
    ];
    let message = PromptMessage { role: Role::User, content: ContentBlock::audio("AA==", "audio/wav") };
    let structured = Some(json!({ "sum": 3 }).into());
    vec![
        (
            Outcome::ListTools(ListToolsResult { tools: vec![tool], ..Default::default() }),
            "ListToolsResult",
            "tools",
            "Tool",
        ),
        (
            Outcome::CallTool(CallToolResult { content, meta: meta(), ..Default::default() }),
            "CallToolResult",
            "",
            "",
        ),
        (
            Outcome::CallTool(CallToolResult { structured_content: structured, ..Default::default() }),
            "CallToolResult",
            "",
            "",
        ),
        (
            Outcome::ListResources(ListResourcesResult { resources: vec![link()], ..Default::default() }),
            "ListResourcesResult",
            "resources",
            "Resource",
        ),
        (
            Outcome::ListResourceTemplates(ListResourceTemplatesResult {
                resource_templates: vec![template],
                ..Default::default()
            }),
            "ListResourceTemplatesResult",
            "resourceTemplates",
            "ResourceTemplate",
        ),
        (
            Outcome::ReadResource(ReadResourceResult { contents: vec![contents], ..Default::default() }),
            "ReadResourceResult",
            "contents",
            "TextResourceContents",
        ),
        (
            Outcome::ListPrompts(ListPromptsResult { prompts: vec![prompt], ..Default::default() }),
            "ListPromptsResult",
            "prompts",
            "Prompt",
        ),
        (
            Outcome::GetPrompt(GetPromptResult { messages: vec![message], ..Default::default() }),
            "GetPromptResult",
            "messages",
            "PromptMessage",
        ),
    ]
}

fn result_of(revision: Revision, outcome: &Outcome) -> Value {
    let message = legacy::encode_result(revision, &Id::from(1), outcome).unwrap();
    serde_json::from_slice::<Value>(&message).unwrap()["result"].take()
}

#[test]
fn results_in_the_words_of_each_revision() {
    let text: String = handshakes()
        .flat_map(|revision| outcomes().into_iter().map(move |(outcome, ..)| (revision, outcome)))
        .map(|(revision, outcome)| format!("{revision} {}\n", result_of(revision, &outcome)))
        .collect();
    insta::assert_snapshot!("older", text);
}

/// The schemas let unknown members pass, so those are looked for by themselves.
#[test]
fn results_are_what_the_schema_says_and_no_more() {
    let Some(folder) = spec::folder("results_are_what_the_schema_says_and_no_more") else { return };
    for revision in handshakes() {
        let path = folder.join(revision.as_str()).join("schema.json");
        let schema: Value = serde_json::from_str(&spec::text(&path)).unwrap();
        let place = if schema.get("$defs").is_some() { "$defs" } else { "definitions" };
        for (outcome, name, list, item) in outcomes() {
            let mut one = schema.clone();
            one["$ref"] = json!(format!("#/{place}/{name}"));
            let result = result_of(revision, &outcome);
            let faults: Vec<_> = jsonschema::options()
                .offline()
                .build(&one)
                .unwrap()
                .iter_errors(&result)
                .map(|e| e.to_string())
                .collect();
            assert!(faults.is_empty(), "{revision} {result}: {faults:?}");
            if let Some(first) = result.get(list).and_then(|list| list.get(0)) {
                for member in first.as_object().unwrap().keys() {
                    let known = schema[place][item]["properties"].get(member).is_some();
                    assert!(known, "{revision}: {item} has no {member}");
                }
            }
        }
    }
}

#[test]
fn a_server_introduces_itself_in_the_words_of_each_revision() {
    let result = |revision: Revision| {
        let mut offers = ServerCapabilities { completions: Some(Meta::new()), ..Default::default() };
        offers.extensions.insert("com.example/x".into(), json!({}));
        offers.extensions.insert(apps::EXTENSION.into(), json!({}));
        let server_info = Implementation {
            title: Some("Blog".into()),
            description: Some("Posts.".into()),
            website_url: Some("https://example.com".into()),
            icons: icons(),
            ..Implementation::new("blog", "1")
        };
        let result = InitializeResult {
            protocol_version: revision.to_string(),
            capabilities: offers,
            server_info,
            instructions: None,
            meta: Meta::new(),
        };
        let message = legacy::encode_initialize(revision, &Id::from(1), result).unwrap();
        serde_json::from_slice::<Value>(&message).unwrap()["result"].take()
    };
    let check = |revision, offers: Value, server: Value| {
        let result = result(revision);
        assert_eq!((&result["capabilities"], &result["serverInfo"]), (&offers, &server), "{revision}");
    };
    let (bare, titled) = (
        json!({ "name": "blog", "version": "1" }),
        json!({ "name": "blog", "title": "Blog", "version": "1" }),
    );
    check(Revision::V2024_11_05, json!({}), bare.clone());
    check(Revision::V2025_03_26, json!({ "completions": {} }), bare);
    let shows = json!({ "completions": {}, "extensions": { "io.modelcontextprotocol/ui": {} } });
    check(Revision::V2025_06_18, shows, titled);
    assert_eq!(result(Revision::V2025_11_25)["serverInfo"]["description"], "Posts.");
}

#[test]
fn apps_are_shown_where_tools_have_metadata() {
    for revision in handshakes() {
        let mut declared = apps::required_capabilities();
        declared.extensions.insert("com.example/x".into(), json!({}));
        let left = legacy::askable(revision, declared.clone());
        assert_eq!(apps::shows_apps(&left), revision >= Revision::V2025_06_18, "{revision}");
        assert_eq!(left == declared, revision >= Revision::V2025_11_25, "{revision}");
    }
}

#[test]
fn what_can_be_asked_in_each_revision() {
    let choice = |one_of: bool| {
        let titled = TitledValue { value: "r".into(), title: "Red".into() };
        let field = ChoiceSchema { one_of: vec![titled; usize::from(one_of)], ..Default::default() };
        ElicitRequest::form("Which?", ElicitSchema::new().required("colour", field))
    };
    let text = StringSchema { default: Some("x".into()), ..Default::default() };
    let sample = |content: SamplingContent| CreateMessageRequest {
        messages: vec![SamplingMessage { role: Role::User, content, meta: Meta::new() }],
        max_tokens: 1,
        ..Default::default()
    };
    let several = SamplingContent::Many(vec![ContentBlock::text("a"), ContentBlock::text("b")]);
    let with_tools = CreateMessageRequest {
        tool_choice: Some(ToolChoice::default()),
        ..sample(ContentBlock::text("a").into())
    };
    let asked = |revision, request: &InputRequest| {
        let message = legacy::encode_server_request(revision, &Id::from(1), request).unwrap()?;
        Some(serde_json::from_slice::<Value>(&message).unwrap()["params"].take())
    };
    // From which revision on it can be asked.
    let check = |request: InputRequest, since: Revision| {
        for revision in handshakes() {
            assert_eq!(asked(revision, &request).is_some(), revision >= since, "{revision} {request:?}");
        }
    };
    check(InputRequest::Roots(Default::default()), Revision::V2024_11_05);
    check(InputRequest::Sample(Box::new(sample(several.clone()))), Revision::V2024_11_05);
    check(
        InputRequest::Sample(Box::new(sample(ContentBlock::audio("", "audio/wav").into()))),
        Revision::V2025_03_26,
    );
    check(InputRequest::Sample(Box::new(with_tools)), Revision::V2025_11_25);
    check(InputRequest::Elicit(choice(true)), Revision::V2025_06_18);
    check(
        InputRequest::Elicit(ElicitRequest::form(
            "Which?",
            ElicitSchema::new().required("colours", MultiChoiceSchema::default()),
        )),
        Revision::V2025_11_25,
    );
    check(InputRequest::Elicit(ElicitRequest::url("Go", "https://example.com")), Revision::V2025_11_25);

    let form = asked(Revision::V2025_06_18, &InputRequest::Elicit(choice(true))).unwrap();
    assert_eq!(
        form,
        json!({ "message": "Which?", "requestedSchema": { "type": "object", "required": ["colour"], "properties": {
            "colour": { "type": "string", "enum": ["r"], "enumNames": ["Red"] } } } })
    );
    let form = ElicitRequest::form("Who?", ElicitSchema::new().optional("name", text));
    let form = asked(Revision::V2025_06_18, &InputRequest::Elicit(form)).unwrap();
    assert_eq!(form["requestedSchema"]["properties"]["name"], json!({ "type": "string" }));
    let sample = asked(Revision::V2025_06_18, &InputRequest::Sample(Box::new(sample(several)))).unwrap();
    assert_eq!(sample["messages"].as_array().unwrap().len(), 2, "one message for each block");
}

#[test]
fn what_a_client_can_be_asked_is_bounded_by_its_revision() {
    let declared =
        json!({ "elicitation": { "form": {}, "url": {} }, "sampling": { "tools": {} }, "roots": {} });
    let declared: ClientCapabilities = serde_json::from_value(declared).unwrap();
    let check = |revision, expected: Value| {
        let askable = legacy::askable(revision, declared.clone());
        assert_eq!(serde_json::to_value(askable).unwrap(), expected, "{revision}");
    };
    check(Revision::V2024_11_05, json!({ "sampling": {}, "roots": {} }));
    check(Revision::V2025_03_26, json!({ "sampling": {}, "roots": {} }));
    check(Revision::V2025_06_18, json!({ "elicitation": {}, "sampling": {}, "roots": {} }));
    check(Revision::V2025_11_25, serde_json::to_value(&declared).unwrap());
}

#[test]
fn notifications_in_the_words_of_each_revision() {
    let said = |revision, notification: ServerNotification| {
        let message = legacy::encode_notification(revision, notification)?;
        Some(serde_json::from_slice::<Value>(&message).unwrap()["params"].take())
    };
    for revision in handshakes() {
        let progress = Progress {
            progress_token: Id::from(1),
            progress: 1.0,
            total: None,
            message: Some("half".into()),
        };
        let progress = said(revision, ServerNotification::Progress(progress)).unwrap();
        assert_eq!(progress.get("message").is_some(), revision > Revision::V2024_11_05, "{revision}");
        let complete = ServerNotification::ElicitationComplete { elicitation_id: "e".into() };
        assert_eq!(said(revision, complete).is_some(), revision == Revision::V2025_11_25, "{revision}");
    }
}
