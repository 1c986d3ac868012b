//! What this revision lacks of 2025-06-18.

use crate::types::capabilities::{ClientCapabilities, ServerCapabilities};
use crate::types::completion::{CompleteRequest, CompletionContext, CompletionReference};
use crate::types::content::{Annotations, ContentBlock, EmbeddedResource, MediaContent, TextContent};
use crate::types::implementation::Implementation;
use crate::types::input::InputRequest;
use crate::types::json::Meta;
use crate::types::notification::ServerNotification;
use crate::types::prompts::Prompt;
use crate::types::resources::{Resource, ResourceContents, ResourceTemplate};
use crate::types::sampling::CreateMessageResult;
use crate::types::tools::{CallToolResult, Tool};
use crate::wire::downgrade::Downgrade;

pub(crate) struct Words;

impl Downgrade for Words {
    fn tool(&self, tool: &mut Tool) {
        if let Some(title) = tool.title.take() {
            tool.annotations.get_or_insert_default().title.get_or_insert(title);
        }
        tool.output_schema = None;
        tool.meta = Meta::new();
    }

    fn resource(&self, resource: &mut Resource) {
        resource.title = None;
        resource.meta = Meta::new();
        undated(resource.annotations.as_mut());
    }

    fn template(&self, template: &mut ResourceTemplate) {
        template.title = None;
        template.meta = Meta::new();
        undated(template.annotations.as_mut());
    }

    fn prompt(&self, prompt: &mut Prompt) {
        prompt.title = None;
        prompt.meta = Meta::new();
        prompt.arguments.iter_mut().for_each(|argument| argument.title = None);
    }

    fn content(&self, content: &mut ContentBlock) {
        if let ContentBlock::ResourceLink(link) = content {
            *content = named(link);
        }
        match content {
            ContentBlock::Text(TextContent { annotations, meta, .. })
            | ContentBlock::Image(MediaContent { annotations, meta, .. })
            | ContentBlock::Audio(MediaContent { annotations, meta, .. })
            | ContentBlock::Resource(EmbeddedResource { annotations, meta, .. }) => {
                undated(annotations.as_mut());
                *meta = Meta::new();
            }
            _ => {}
        }
    }

    fn contents(&self, contents: &mut ResourceContents) {
        contents.meta = Meta::new();
    }

    fn call(&self, result: &mut CallToolResult) {
        if let Some(content) = result.structured_content.take()
            && result.content.is_empty()
        {
            result.content.push(ContentBlock::text(content.as_str()));
        }
    }

    fn implementation(&self, implementation: &mut Implementation) {
        implementation.title = None;
    }

    fn offers(&self, offers: &mut ServerCapabilities) {
        // What any of them says of a tool would be in the `_meta` that tools do not have here.
        offers.extensions.clear();
    }

    fn asks(&self, capabilities: &mut ClientCapabilities) {
        capabilities.elicitation = None;
        capabilities.extensions.clear();
    }

    fn notification(&self, notification: ServerNotification) -> Option<ServerNotification> {
        Some(notification)
    }

    fn request(&self, request: InputRequest) -> Option<InputRequest> {
        (!matches!(request, InputRequest::Elicit(_))).then_some(request)
    }

    fn completes(&self, request: &mut CompleteRequest) {
        request.context = CompletionContext::default();
        if let CompletionReference::Prompt { title, .. } = &mut request.reference {
            *title = None;
        }
    }

    fn sampled(&self, _: &mut CreateMessageResult) -> Option<()> {
        Some(())
    }
}

/// A link as a line that a model can read.
fn named(link: &Resource) -> ContentBlock {
    let name = link.title.as_ref().unwrap_or(&link.name);
    let mut text = format!("{name}: {}", link.uri);
    if let Some(description) = &link.description {
        text.push('\n');
        text.push_str(description);
    }
    ContentBlock::Text(TextContent { text, annotations: link.annotations.clone(), meta: Meta::new() })
}

fn undated(annotations: Option<&mut Annotations>) {
    if let Some(annotations) = annotations {
        annotations.last_modified = None;
    }
}
