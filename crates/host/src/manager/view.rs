//! From the protocol's types to those of the page.

use barewire_mcp::types::implementation::{Icon, Implementation};
use barewire_mcp::types::prompts::Prompt;
use barewire_mcp::types::resources::{Resource, ResourceTemplate};
use barewire_mcp::types::tools::Tool;
use barewire_mcp_client::RejectedTool;
use barewire_oauth::client_flow::{Grant, IdentityOrigin};
use barewire_oauth::scope::ScopeSet;
use serde::Serialize;
use serde_json::Value;

use crate::api;
use crate::host::millis;

pub(crate) fn implementation(info: Implementation) -> api::Implementation {
    api::Implementation {
        name: info.name,
        title: info.title,
        version: info.version,
        description: info.description,
        website_url: info.website_url,
    }
}

pub(crate) fn grant(view: &mut api::ServerView, grant: Option<&Grant>) {
    view.authorization =
        if grant.is_some() { api::Authorization::Authorized } else { api::Authorization::None };
    view.issuer = grant.map(|it| it.issuer.clone());
    view.resource = grant.map(|it| it.resource.to_string());
    view.scopes = grant.map(|it| it.tokens.scope.iter().map(ToOwned::to_owned).collect()).unwrap_or_default();
    view.token_expires_at = grant.and_then(|it| it.tokens.expires_at).map(millis);
    view.client = grant.map(|it| api::ClientView {
        client_id: it.client.client_id.clone(),
        registration: match it.client.origin {
            // A host has users, so nothing but a login in the browser leads to its tokens.
            IdentityOrigin::PreRegistered | IdentityOrigin::Assertion => api::Registration::PreRegistered,
            IdentityOrigin::Document => api::Registration::ClientDocument,
            IdentityOrigin::Registered => api::Registration::Dynamic,
        },
    });
}

/// A tool, and which scopes it needs beyond those granted.
pub(crate) fn tool(tool: Tool, granted: Option<&ScopeSet>) -> api::ToolView {
    let raw = serde_json::to_value(&tool).unwrap_or_default();
    api::ToolView {
        missing_scopes: missing_scopes(&raw, granted),
        name: tool.name,
        title: tool.title,
        description: tool.description,
        input_schema: tool.input_schema.decode().unwrap_or_default(),
        output_schema: tool.output_schema.and_then(|it| it.decode().ok()),
        annotations: tool.annotations.map(|it| api::ToolAnnotations {
            title: it.title,
            read_only: it.read_only_hint,
            destructive: it.destructive_hint,
            idempotent: it.idempotent_hint,
            open_world: it.open_world_hint,
        }),
        icons: icons(tool.icons),
        raw,
    }
}

pub(crate) fn rejected(tool: RejectedTool) -> api::RejectedTool {
    api::RejectedTool { name: tool.name, reason: tool.reason }
}

pub(crate) fn resource(resource: Resource) -> api::ResourceView {
    api::ResourceView {
        uri: resource.uri,
        name: resource.name,
        title: resource.title,
        description: resource.description,
        mime_type: resource.mime_type,
        size: resource.size,
    }
}

pub(crate) fn template(template: ResourceTemplate) -> api::TemplateView {
    api::TemplateView {
        variables: variables(&template.uri_template),
        uri_template: template.uri_template,
        name: template.name,
        title: template.title,
        description: template.description,
        mime_type: template.mime_type,
    }
}

pub(crate) fn prompt(prompt: Prompt) -> api::PromptView {
    let argument = |it: barewire_mcp::types::prompts::PromptArgument| api::ArgumentView {
        name: it.name,
        title: it.title,
        description: it.description,
        required: it.required.unwrap_or_default(),
    };
    api::PromptView {
        name: prompt.name,
        title: prompt.title,
        description: prompt.description,
        arguments: prompt.arguments.into_iter().map(argument).collect(),
    }
}

/// As on the wire.
pub(crate) fn values<T: Serialize>(items: &[T]) -> Vec<Value> {
    items.iter().map(|it| serde_json::to_value(it).unwrap_or_default()).collect()
}

fn icons(icons: Vec<Icon>) -> Vec<api::Icon> {
    icons.into_iter().map(|it| api::Icon { src: it.src, mime_type: it.mime_type, sizes: it.sizes }).collect()
}

/// Some servers say in `_meta` what a tool needs, as `securitySchemes` of the type `oauth2`; MCP has no word for it.
fn missing_scopes(tool: &Value, granted: Option<&ScopeSet>) -> Vec<String> {
    let schemes = tool.pointer("/_meta/securitySchemes").and_then(Value::as_array);
    let oauth = |it: &&Value| it.get("type").and_then(Value::as_str) == Some("oauth2");
    let needed =
        schemes.into_iter().flatten().find(oauth).and_then(|it| it.get("scopes")).and_then(Value::as_array);
    needed
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|it| granted.is_none_or(|granted| !granted.contains(it)))
        .map(ToOwned::to_owned)
        .collect()
}

/// The variables of a URI template ([RFC 6570](https://datatracker.ietf.org/doc/html/rfc6570)), in order, each once.
fn variables(template: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for expression in template.split('{').skip(1).filter_map(|it| it.split_once('}')).map(|(it, _)| it) {
        let list = expression.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']);
        for variable in list.split(',') {
            let name = variable.trim_end_matches('*').split(':').next().unwrap_or_default();
            if !name.is_empty() && !found.iter().any(|it| it == name) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_of_a_template_are_found_in_order() {
        for (template, expected) in [
            ("post://{id}", vec!["id"]),
            ("file:///{+path}{?page,size:3,page}", vec!["path", "page", "size"]),
            ("x://{/list*}", vec!["list"]),
            ("x://none", vec![]),
            ("x://{}{open", vec![]),
        ] {
            assert_eq!(variables(template), expected, "{template}");
        }
    }

    #[test]
    fn scopes_that_are_granted_are_not_missing() {
        let tool = json!({ "_meta": { "securitySchemes": [{ "type": "oauth2", "scopes": ["a", "b"] }] } });
        assert_eq!(missing_scopes(&tool, None), ["a", "b"]);
        assert_eq!(missing_scopes(&tool, Some(&ScopeSet::parse_lenient("b c"))), ["a"]);
        assert!(missing_scopes(&json!({}), None).is_empty());
    }
}
