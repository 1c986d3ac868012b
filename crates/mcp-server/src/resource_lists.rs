//! `resources/list` where the application lists resources itself: those with a fixed address first, then each list in
//! the order of registration.
//!
//! A page asks each list once at most, and one that has more to give ends the page. So a request costs what it costs,
//! however little a list gives at a time.

use std::sync::Arc;

use barewire_mcp::error::{Error, InvalidParams};
use barewire_mcp::types::operation::{Outcome, Page};
use barewire_mcp::types::resources::{ListResourcesResult, Resource};

use crate::auth::access::{Access, decide};
use crate::call::CallState;
use crate::context::Context;
use crate::cursor::{self, Position};
use crate::error::ToolError;
use crate::lists::{List, page};
use crate::registry::{Found, ListEntry, PageRequest, ResourcePage, TemplateEntry, Work};

/// A list that does not keep to what it was asked for: the application's mistake, told to its log.
#[derive(Debug, thiserror::Error)]
enum ListFault {
    /// Left out, they would be lost without anybody noticing.
    #[error("the list {template} gave {given} resources where there was room for {room}")]
    TooMany { template: String, given: usize, room: usize },
    /// A client would read the same page for ever.
    #[error("the list {template} gave the cursor that it had been given")]
    Stuck { template: String },
}

/// Begins to make the page that the client asks for.
///
/// # Errors
/// The cursor is not one that this caller was given for this list, or it is too old.
pub(crate) fn list(call: &Arc<CallState>, page: &Page) -> Result<Work, Error> {
    let start = cursor::position(call, List::Resources, page)?;
    let call = call.clone();
    Ok(Box::pin(async move {
        let (resources, next) = collect(&call, start).await?;
        let next_cursor = next.map(|next| cursor::seal(&call, List::Resources, &next));
        Ok(Outcome::ListResources(ListResourcesResult { resources, next_cursor, ..Default::default() }))
    }))
}

/// One page from `start` on, and where the next one starts.
async fn collect(
    call: &Arc<CallState>,
    start: Position,
) -> Result<(Vec<Resource>, Option<Position>), ToolError> {
    let server = &call.server;
    let size = server.limits.page_size.max(1);
    let mut resources = Vec::new();
    let (first, mut cursor) = match start {
        Position::Entry(start) => {
            let (declared, next) =
                page(&server.registry.resources, call.reader(), start, size, |e| e.declared.clone());
            if let Some(next) = next {
                return Ok((declared, Some(Position::Entry(next))));
            }
            resources = declared;
            (0, None)
        }
        Position::InFolder { .. } => return Err(Error::from(InvalidParams::Cursor).into()),
        Position::ResourceList { template, cursor } => {
            // Gone when another version of the application made the cursor.
            let index = server.registry.resource_lists.get_index_of(&template);
            (index.ok_or_else(|| Error::from(InvalidParams::Cursor))?, cursor)
        }
    };
    for (template, entry) in server.registry.resource_lists.iter().skip(first) {
        let cursor = cursor.take();
        let Some(readable) = server.registry.templates.get(template) else { continue };
        if !may_list(call, entry, readable) {
            continue;
        }
        let room = size - resources.len();
        if room == 0 {
            return Ok((
                resources,
                Some(Position::ResourceList { template: template.clone(), cursor: None }),
            ));
        }
        let page = ask(call, template, entry, PageRequest { cursor, size: room }).await?;
        resources.extend(page.resources);
        if page.next_cursor.is_some() {
            let next = Position::ResourceList { template: template.clone(), cursor: page.next_cursor };
            return Ok((resources, Some(next)));
        }
    }
    Ok((resources, None))
}

/// The decision of reading, and of the list's own scopes where it has some.
fn may_list(call: &CallState, list: &ListEntry, template: &TemplateEntry) -> bool {
    let allowed =
        |rule| decide(rule, call.principal.as_deref(), call.server.guard.as_ref()) == Access::Allowed;
    allowed(&template.rule) && (list.rule.scopes.is_empty() || allowed(&list.rule))
}

/// Asks a list for a page, and holds it to its word.
async fn ask(
    call: &Arc<CallState>,
    template: &str,
    entry: &ListEntry,
    request: PageRequest,
) -> Result<ResourcePage, ToolError> {
    let (room, given) = (request.size, request.cursor.clone());
    let mut page = (entry.handler)(Context(call.clone()), request).await?;
    let template_name = || template.to_owned();
    if page.resources.len() > room {
        let given = page.resources.len();
        return Err(ToolError::internal(ListFault::TooMany { template: template_name(), given, room }));
    }
    if page.next_cursor.is_some() && page.next_cursor == given {
        return Err(ToolError::internal(ListFault::Stuck { template: template_name() }));
    }
    // An address may come out of data that somebody chose. One that would be read as something else, or not at all, must
    // not take the rest of the list away.
    let count = page.resources.len();
    page.resources.retain(|resource| reads_through(call, template, &resource.uri));
    if page.resources.len() < count {
        let left_out = count - page.resources.len();
        tracing::warn!(template, left_out, "a list gave resources that its template does not read");
    }
    Ok(page)
}

fn reads_through(call: &CallState, template: &str, uri: &str) -> bool {
    matches!(
        call.server.registry.resource(uri),
        Ok(Found::Template(entry, _)) if entry.template.as_str() == template
    )
}
