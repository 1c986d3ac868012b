//! How a revision with a handshake says what a newer one means.
//!
//! A handler, and an application with a client, returns what it means in the newest words. A revision that lacks some of them names, in its own folder, what
//! it leaves out and what it says instead; the change is made on the meaning, before a byte is written, and step by
//! step: 2024-11-05 begins with what 2025-03-26 left over, and that with what 2025-06-18 did.

use crate::types::capabilities::{ClientCapabilities, ServerCapabilities};
use crate::types::completion::CompleteRequest;
use crate::types::content::ContentBlock;
use crate::types::implementation::Implementation;
use crate::types::input::InputRequest;
use crate::types::notification::ServerNotification;
use crate::types::operation::Outcome;
use crate::types::prompts::Prompt;
use crate::types::resources::{Resource, ResourceContents, ResourceTemplate};
use crate::types::sampling::CreateMessageResult;
use crate::types::tools::{CallToolResult, Tool};

/// What one revision lacks of the next newer one. Everything that a method does not touch stays.
pub(super) trait Downgrade {
    fn tool(&self, tool: &mut Tool);
    fn resource(&self, resource: &mut Resource);
    fn template(&self, template: &mut ResourceTemplate);
    fn prompt(&self, prompt: &mut Prompt);
    fn content(&self, content: &mut ContentBlock);
    fn contents(&self, contents: &mut ResourceContents);
    fn call(&self, result: &mut CallToolResult);
    fn implementation(&self, implementation: &mut Implementation);
    fn offers(&self, offers: &mut ServerCapabilities);
    /// What can be asked of a client of this revision, whatever it declares.
    fn asks(&self, capabilities: &mut ClientCapabilities);
    /// `None` where this revision has no such notification.
    fn notification(&self, notification: ServerNotification) -> Option<ServerNotification>;
    /// `None` where it cannot be asked in this revision.
    fn request(&self, request: InputRequest) -> Option<InputRequest>;
    fn completes(&self, request: &mut CompleteRequest);
    /// `None` where this revision cannot say what the model said.
    fn sampled(&self, result: &mut CreateMessageResult) -> Option<()>;
}

/// Changes every part of an outcome.
pub(super) fn outcome(mut outcome: Outcome, to: &dyn Downgrade) -> Outcome {
    match &mut outcome {
        Outcome::ListTools(result) => result.tools.iter_mut().for_each(|tool| to.tool(tool)),
        Outcome::ListResources(result) => {
            result.resources.iter_mut().for_each(|resource| to.resource(resource));
        }
        Outcome::ListResourceTemplates(result) => {
            result.resource_templates.iter_mut().for_each(|template| to.template(template));
        }
        Outcome::ListPrompts(result) => result.prompts.iter_mut().for_each(|prompt| to.prompt(prompt)),
        Outcome::ReadResource(result) => {
            result.contents.iter_mut().for_each(|contents| to.contents(contents));
        }
        Outcome::GetPrompt(result) => {
            result.messages.iter_mut().for_each(|message| content(&mut message.content, to));
        }
        Outcome::CallTool(result) => {
            to.call(result);
            result.content.iter_mut().for_each(|block| content(block, to));
        }
        Outcome::Complete(_) | Outcome::Skills(_) | Outcome::InputRequired(_) | Outcome::Task(_) => {}
    }
    outcome
}

/// Changes a content block, and then what is inside of what it has become.
pub(super) fn content(block: &mut ContentBlock, to: &dyn Downgrade) {
    to.content(block);
    match block {
        ContentBlock::ResourceLink(link) => to.resource(link),
        ContentBlock::Resource(embedded) => to.contents(&mut embedded.resource),
        _ => {}
    }
}
