//! What this revision lacks of 2025-11-25.

use crate::types::apps;
use crate::types::capabilities::{ClientCapabilities, ServerCapabilities};
use crate::types::completion::CompleteRequest;
use crate::types::content::ContentBlock;
use crate::types::elicitation::{ChoiceSchema, ElicitRequest, ElicitSchema, PrimitiveSchema};
use crate::types::implementation::Implementation;
use crate::types::input::InputRequest;
use crate::types::json::Object;
use crate::types::notification::ServerNotification;
use crate::types::prompts::Prompt;
use crate::types::resources::{Resource, ResourceContents, ResourceTemplate};
use crate::types::sampling::{CreateMessageRequest, CreateMessageResult, SamplingContent, SamplingMessage};
use crate::types::tools::{CallToolResult, Tool};
use crate::wire::downgrade::Downgrade;

pub(crate) struct Words;

impl Downgrade for Words {
    fn tool(&self, tool: &mut Tool) {
        tool.icons.clear();
    }

    fn resource(&self, resource: &mut Resource) {
        resource.icons.clear();
    }

    fn template(&self, template: &mut ResourceTemplate) {
        template.icons.clear();
    }

    fn prompt(&self, prompt: &mut Prompt) {
        prompt.icons.clear();
    }

    fn content(&self, _: &mut ContentBlock) {}

    fn contents(&self, _: &mut ResourceContents) {}

    fn call(&self, _: &mut CallToolResult) {}

    fn implementation(&self, implementation: &mut Implementation) {
        implementation.icons.clear();
        implementation.description = None;
        implementation.website_url = None;
    }

    fn offers(&self, offers: &mut ServerCapabilities) {
        only_apps(&mut offers.extensions);
    }

    fn asks(&self, capabilities: &mut ClientCapabilities) {
        only_apps(&mut capabilities.extensions);
        if let Some(elicitation) = &mut capabilities.elicitation {
            // There is one form of it, so whoever declares it can do that.
            elicitation.form = None;
            elicitation.url = None;
        }
        if let Some(sampling) = &mut capabilities.sampling {
            sampling.tools = None;
            sampling.context = None;
        }
    }

    fn notification(&self, notification: ServerNotification) -> Option<ServerNotification> {
        match notification {
            ServerNotification::ElicitationComplete { .. } => None,
            said => Some(said),
        }
    }

    fn request(&self, request: InputRequest) -> Option<InputRequest> {
        match request {
            InputRequest::Elicit(ElicitRequest::Url(_)) => None,
            InputRequest::Elicit(ElicitRequest::Form(mut form)) => {
                plain(&mut form.requested_schema)?;
                Some(InputRequest::Elicit(ElicitRequest::Form(form)))
            }
            InputRequest::Sample(request) => one_block_each(*request).map(Box::new).map(InputRequest::Sample),
            InputRequest::Roots(request) => Some(InputRequest::Roots(request)),
        }
    }

    fn completes(&self, _: &mut CompleteRequest) {}

    fn sampled(&self, result: &mut CreateMessageResult) -> Option<()> {
        if let SamplingContent::Many(blocks) = &result.content {
            result.content = one_block(blocks)?.into();
        }
        Some(())
    }
}

/// This revision has no word for extensions. Hosts that show apps say so here all the same, as that extension has it for
/// every handshake, and what it needs beyond this, `_meta` on tools, is there.
fn only_apps(extensions: &mut Object) {
    extensions.retain(|name, _| name == apps::EXTENSION);
}

/// `None` where only several can say it.
fn one_block(blocks: &[ContentBlock]) -> Option<ContentBlock> {
    if let [block] = blocks {
        return Some(block.clone());
    }
    let texts = blocks.iter().map(ContentBlock::as_text).collect::<Option<Vec<_>>>()?;
    Some(ContentBlock::text(texts.join("\n")))
}

/// `None` where it has a choice of several values.
fn plain(schema: &mut ElicitSchema) -> Option<()> {
    schema.schema = None;
    for field in schema.properties.values_mut() {
        match field {
            PrimitiveSchema::String(field) => field.default = None,
            PrimitiveSchema::Number(field) => field.default = None,
            PrimitiveSchema::Boolean(_) => {}
            PrimitiveSchema::Choice(field) => plain_choice(field),
            PrimitiveSchema::MultiChoice(_) => return None,
        }
    }
    Some(())
}

fn plain_choice(field: &mut ChoiceSchema) {
    field.default = None;
    for choice in std::mem::take(&mut field.one_of) {
        field.values.push(choice.value);
        field.enum_names.push(choice.title);
    }
}

fn one_block_each(mut request: CreateMessageRequest) -> Option<CreateMessageRequest> {
    if !request.tools.is_empty() || request.tool_choice.is_some() {
        return None;
    }
    let mut messages = Vec::new();
    for SamplingMessage { role, content, meta } in request.messages {
        let blocks = match content {
            SamplingContent::One(block) => vec![*block],
            SamplingContent::Many(blocks) => blocks,
        };
        for block in blocks {
            if matches!(block, ContentBlock::ToolUse(_) | ContentBlock::ToolResult(_)) {
                return None;
            }
            messages.push(SamplingMessage { role, content: block.into(), meta: meta.clone() });
        }
    }
    request.messages = messages;
    Some(request)
}
