//! What this revision lacks of 2025-03-26.

use crate::types::capabilities::{ClientCapabilities, ServerCapabilities};
use crate::types::completion::CompleteRequest;
use crate::types::content::{ContentBlock, EmbeddedResource};
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

/// The address of a sound that has none.
const AUDIO: &str = "urn:modelcontextprotocol:audio";

impl Downgrade for Words {
    fn tool(&self, tool: &mut Tool) {
        tool.annotations = None;
    }

    fn resource(&self, _: &mut Resource) {}

    fn template(&self, _: &mut ResourceTemplate) {}

    fn prompt(&self, _: &mut Prompt) {}

    fn content(&self, content: &mut ContentBlock) {
        if let ContentBlock::Audio(audio) = content {
            let resource = ResourceContents::blob(AUDIO, &audio.mime_type, std::mem::take(&mut audio.data));
            let annotations = audio.annotations.take();
            *content = ContentBlock::Resource(EmbeddedResource { resource, annotations, meta: Meta::new() });
        }
    }

    fn contents(&self, _: &mut ResourceContents) {}

    fn call(&self, _: &mut CallToolResult) {}

    fn implementation(&self, _: &mut Implementation) {}

    fn offers(&self, offers: &mut ServerCapabilities) {
        offers.completions = None;
    }

    fn asks(&self, _: &mut ClientCapabilities) {}

    fn notification(&self, notification: ServerNotification) -> Option<ServerNotification> {
        Some(match notification {
            ServerNotification::Progress(mut progress) => {
                progress.message = None;
                ServerNotification::Progress(progress)
            }
            said => said,
        })
    }

    fn request(&self, request: InputRequest) -> Option<InputRequest> {
        if let InputRequest::Sample(sample) = &request {
            let mut blocks = sample.messages.iter().flat_map(|message| message.content.blocks());
            if blocks.any(|block| matches!(block, ContentBlock::Audio(_))) {
                return None;
            }
        }
        Some(request)
    }

    fn completes(&self, _: &mut CompleteRequest) {}

    fn sampled(&self, result: &mut CreateMessageResult) -> Option<()> {
        let audio = result.content.blocks().iter().any(|block| matches!(block, ContentBlock::Audio(_)));
        (!audio).then_some(())
    }
}
