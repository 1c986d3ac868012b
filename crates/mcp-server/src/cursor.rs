//! Cursors: where the next page of a list begins, sealed for its caller, its list and its time.

use barewire_mcp::error::{Error, InvalidParams};
use barewire_mcp::types::operation::Page;
use serde::{Deserialize, Serialize};

use crate::auth::Principal;
use crate::call::CallState;
use crate::lists::List;
use crate::seal::Purpose;

/// A place in a list, as it travels in a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Position {
    /// The entry with this number, counting those too that the caller does not see, so that it stays the same place when
    /// the caller's scopes change between two pages.
    Entry(usize),
    /// In a list that the application makes, named by its template: that outlives a change of their order.
    ResourceList { template: String, cursor: Option<String> },
    /// In a folder of a skill.
    InFolder { folder: String, entry: usize },
}

/// Where the page that the client asks for starts.
///
/// # Errors
/// The cursor is not one that this caller was given for this list, or it is too old.
pub(crate) fn position(call: &CallState, list: List, page: &Page) -> Result<Position, Error> {
    match &page.cursor {
        None => Ok(Position::Entry(0)),
        Some(cursor) => open(call, list, cursor).ok_or_else(|| InvalidParams::Cursor.into()),
    }
}

pub(crate) fn seal(call: &CallState, list: List, next: &Position) -> String {
    let payload = serde_json::to_vec(&(list as u8, next)).expect("numbers and strings are JSON");
    let bound_to = Principal::binding(call.principal.as_deref());
    let until = call.server.now() + call.server.limits.cursor_ttl;
    call.server.keys.load().seal(Purpose::Cursor, &bound_to, until, &payload)
}

pub(crate) fn open(call: &CallState, list: List, cursor: &str) -> Option<Position> {
    let bound_to = Principal::binding(call.principal.as_deref());
    let payload = call.server.keys.load().open(Purpose::Cursor, &bound_to, call.server.now(), cursor).ok()?;
    let (of, position): (u8, Position) = serde_json::from_slice(&payload).ok()?;
    (of == list as u8).then_some(position)
}
