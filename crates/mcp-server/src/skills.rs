//! Answers of the skills extension
//! ([Skills](https://modelcontextprotocol.io/seps/2640-skills-extension)).
//!
//! What skills there are is known when the server starts, so nothing is handled here, only found. They are listed as
//! everything else is (`lists.rs`), and their files are resources like others, and are read as such.

use barewire_mcp::error::{Error, InvalidParams};
use barewire_mcp::types::operation::{Outcome, Page};
use barewire_mcp::types::skills::{GetSkillResult, ReadDirectoryResult, SkillsResult};

use crate::auth::access::{Access, decide};
use crate::call::CallState;
use crate::cursor::{self, Position};
use crate::error::ToolError;
use crate::lists::{List, page};
use crate::operation::permit;

/// One skill.
///
/// # Errors
/// The address is none of a skill that this caller may know of.
pub(crate) fn get(call: &CallState, uri: &str) -> Result<Outcome, ToolError> {
    let unknown = || Error::ResourceNotFound { uri: uri.to_owned() };
    let entry = call.server.registry.skills.entries.get(uri).ok_or_else(unknown)?;
    permit(call, &entry.rule, unknown)?;
    let result = GetSkillResult { skill: entry.skill.clone(), meta: Default::default() };
    Ok(Outcome::Skills(SkillsResult::Get(result)))
}

/// What is directly in a folder.
///
/// # Errors
/// The address is none of a folder that this caller may know of, or the cursor is not theirs.
pub(crate) fn read_directory(call: &CallState, uri: &str, wanted: &Page) -> Result<Outcome, ToolError> {
    let server = &call.server;
    let (principal, guard) = (call.principal.as_deref(), server.guard.as_ref());
    let unknown = || Error::ResourceNotFound { uri: uri.to_owned() };
    let children = server.registry.skills.folders.get(uri);
    // Files of several skills may lie in one folder, and a folder is as visible as what is in it.
    let visible = |rule| decide(rule, principal, guard) != Access::Hidden;
    let children = children.filter(|children| children.values().any(|child| visible(&child.rule)));
    let Some(children) = children else {
        return Err(match server.registry.resource(uri) {
            Ok(found) if visible(found.rule()) => {
                let detail = format!("{uri} is a file and not a folder");
                let method = "resources/directory/read".to_owned();
                Error::from(InvalidParams::Malformed { method, detail }).into()
            }
            _ => unknown().into(),
        });
    };
    let start = match &wanted.cursor {
        None => 0,
        Some(cursor) => match cursor::open(call, List::Skills, cursor) {
            Some(Position::InFolder { folder, entry }) if folder == uri => entry,
            _ => return Err(Error::from(InvalidParams::Cursor).into()),
        },
    };
    let (resources, next) =
        page(children, call.reader(), start, server.limits.page_size, |child| child.declared.clone());
    let next = next.map(|entry| Position::InFolder { folder: uri.to_owned(), entry });
    let next_cursor = next.map(|next| cursor::seal(call, List::Skills, &next));
    let result = ReadDirectoryResult { resources, next_cursor, ..Default::default() };
    Ok(Outcome::Skills(SkillsResult::Directory(result)))
}
