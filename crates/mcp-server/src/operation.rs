//! What every revision has: lists, calls, reads, prompts, completion.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use barewire_mcp::error::{Error, InvalidParams};
use barewire_mcp::revision::Era;
use barewire_mcp::types::apps;
use barewire_mcp::types::completion::{CompleteRequest, CompleteResult, CompletionReference};
use barewire_mcp::types::operation::{Operation, Outcome, Page};
use barewire_mcp::types::skills::SkillsRequest;
use barewire_mcp::types::tools::CallToolRequest;
use http::{HeaderMap, Response};

use crate::answer::Answer;
use crate::auth::access::{Access, Rule, decide};
use crate::body::Body;
use crate::call::CallState;
use crate::context::Context;
use crate::error::{Kind, ToolError};
use crate::lists::{Entry as _, List, Listed, list};
use crate::observer;
use crate::registry::{CompletionInput, CompletionOf, Found, Work};
use crate::resource_lists;
use crate::skills;
use crate::trail::Trail;

/// An operation is answered already, or a handler is at work on it.
pub(crate) enum Begun {
    Answered(Response<Body>),
    AtWork(Work, Arc<CallState>),
}

/// Begins an operation.
pub(crate) fn begin(
    call: Arc<CallState>,
    operation: Operation,
    headers: &HeaderMap,
    mut trail: Option<&mut Trail>,
) -> Begun {
    if let Some(trail) = &mut trail {
        // Until there is an answer: nobody may be left to give it to.
        trail.outcome = observer::Outcome::Cancelled;
        if let Operation::CallTool(CallToolRequest { arguments: Some(arguments), .. }) = &operation {
            trail.note_arguments(arguments.as_str());
        }
    }
    // Handlers may panic before their future exists, too.
    let found = std::panic::catch_unwind(AssertUnwindSafe(|| look_up(&call, operation, headers)))
        .unwrap_or_else(|_| Err(ToolError::internal("the handler panicked")));
    let answer = match found {
        Ok(Step::Work(work)) => return Begun::AtWork(work, call),
        Ok(Step::Done(outcome)) => Answer::result(&call, &outcome),
        Ok(Step::Listed(list, page)) => match self::list(&call, list, &page) {
            Ok(Listed::Static(page)) => {
                let (head, rest) = page.message(&call, list);
                return Begun::Answered(Answer::encoded(head).followed_by(rest, trail));
            }
            Ok(Listed::Made(outcome)) => Answer::result(&call, &outcome),
            Err(error) => Answer::error(&call, &error),
        },
        Err(error) => Answer::of(&call, Err(error)),
    };
    Begun::Answered(answer.into_response(trail))
}

enum Step {
    Work(Work),
    Done(Outcome),
    Listed(List, Page),
}

/// The table: what is looked up, who may have it, and what runs.
fn look_up(call: &Arc<CallState>, operation: Operation, headers: &HeaderMap) -> Result<Step, ToolError> {
    let registry = &call.server.registry;
    let offers = &call.server.capabilities;
    let context = || Context(call.clone());
    match operation {
        Operation::ListTools(page) => {
            offered(call, offers.tools.is_some())?;
            Ok(Step::Listed(List::Tools, page))
        }
        Operation::CallTool(request) => {
            offered(call, offers.tools.is_some())?;
            let entry = registry.tool(&request.name)?;
            permit(call, &entry.rule, || InvalidParams::UnknownTool { name: request.name.clone() }.into())?;
            if call.revision.era() == Era::Modern {
                entry.mirrored.check(request.arguments.as_ref(), headers).map_err(Error::from)?;
            }
            let missing = if entry.is_for_apps() && !call.shows_apps() {
                Some(apps::required_capabilities())
            } else {
                call.capabilities.missing(&entry.requires)
            };
            if let Some(missing) = missing {
                return Err(ToolError(Box::new(Kind::Capability(Box::new(missing)))));
            }
            call.asks.load(call, request.answers).map_err(Error::from)?;
            entry.start(context(), request.arguments.as_ref()).map(Step::Work)
        }
        Operation::ListResources(page) => {
            offered(call, offers.resources.is_some())?;
            if registry.resource_lists.is_empty() {
                return Ok(Step::Listed(List::Resources, page));
            }
            Ok(Step::Work(resource_lists::list(call, &page)?))
        }
        Operation::ListResourceTemplates(page) => {
            offered(call, offers.resources.is_some())?;
            Ok(Step::Listed(List::ResourceTemplates, page))
        }
        Operation::ReadResource(request) => {
            offered(call, offers.resources.is_some())?;
            let found = registry.resource(&request.uri)?;
            permit(call, found.rule(), || Error::ResourceNotFound { uri: request.uri.clone() })?;
            call.asks.load(call, request.answers).map_err(Error::from)?;
            Ok(Step::Work(match found {
                Found::Resource(entry) => (entry.handler)(context()),
                Found::Template(entry, variables) => (entry.handler)(context(), variables),
            }))
        }
        Operation::ListPrompts(page) => {
            offered(call, offers.prompts.is_some())?;
            Ok(Step::Listed(List::Prompts, page))
        }
        Operation::GetPrompt(request) => {
            offered(call, offers.prompts.is_some())?;
            let entry = registry.prompt(&request.name)?;
            permit(call, &entry.rule, || InvalidParams::UnknownPrompt { name: request.name.clone() }.into())?;
            call.asks.load(call, request.answers).map_err(Error::from)?;
            entry.start(context(), request.arguments).map(Step::Work)
        }
        Operation::Complete(request) => {
            offered(call, offers.completions.is_some())?;
            complete(call, request)
        }
        Operation::Skills(request) => {
            offered(call, !registry.skills.entries.is_empty())?;
            match request {
                SkillsRequest::List(page) => Ok(Step::Listed(List::Skills, page)),
                SkillsRequest::Get { uri } => skills::get(call, &uri).map(Step::Done),
                SkillsRequest::ReadDirectory { uri, page } => {
                    skills::read_directory(call, &uri, &page).map(Step::Done)
                }
            }
        }
    }
}

/// What is not declared does not exist.
fn offered(call: &CallState, offered: bool) -> Result<(), Error> {
    if offered { Ok(()) } else { Err(Error::MethodNotFound { method: call.method.to_owned() }) }
}

/// The same decision that lists make.
pub(crate) fn permit(
    call: &CallState,
    rule: &Rule,
    unknown: impl FnOnce() -> Error,
) -> Result<(), ToolError> {
    match decide(rule, call.principal.as_deref(), call.server.guard.as_ref()) {
        Access::Allowed => Ok(()),
        Access::Hidden => Err(ToolError(Box::new(Kind::Hidden(unknown())))),
        Access::Acquirable(scopes) => Err(ToolError(Box::new(Kind::Scopes(scopes)))),
    }
}

/// What exists and has no completion has no suggestions; what does not exist is an error.
fn complete(call: &Arc<CallState>, request: CompleteRequest) -> Result<Step, ToolError> {
    let registry = &call.server.registry;
    let argument = request.argument.name;
    let of = match request.reference {
        CompletionReference::Prompt { name, .. } => {
            let entry = registry.prompt(&name)?;
            permit(call, &entry.rule, || InvalidParams::UnknownPrompt { name: name.clone() }.into())?;
            CompletionOf::Prompt { prompt: name, argument }
        }
        CompletionReference::Resource { uri } => {
            let unknown = || Error::ResourceNotFound { uri: uri.clone() };
            match registry.templates.get(&uri) {
                Some(entry) => permit(call, &entry.rule, unknown)?,
                // An address may be given too; an address has no variables to complete.
                None => permit(call, registry.resource(&uri)?.rule(), unknown)?,
            }
            CompletionOf::ResourceTemplate { template: uri, variable: argument }
        }
    };
    Ok(match registry.completions.get(&of) {
        Some(handler) => {
            let input =
                CompletionInput { value: request.argument.value, arguments: request.context.arguments };
            Step::Work(handler(Context(call.clone()), input))
        }
        None => Step::Done(Outcome::Complete(CompleteResult::default())),
    })
}
