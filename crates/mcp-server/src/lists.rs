//! Lists, in pages, as the caller may see them
//! ([Pagination](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/pagination)).

use barewire_mcp::error::{Error, InvalidParams};
use barewire_mcp::types::apps::Visibility;
use barewire_mcp::types::caching::{CacheHint, CacheScope};
use barewire_mcp::types::operation::{Outcome, Page};
use barewire_mcp::types::prompts::ListPromptsResult;
use barewire_mcp::types::resources::{ListResourceTemplatesResult, ListResourcesResult};
use barewire_mcp::types::skills::{ListSkillsResult, SkillsResult};
use barewire_mcp::types::tools::ListToolsResult;
use indexmap::IndexMap;

use crate::auth::access::{Access, Rule, decide};
use crate::auth::{Guard, Principal};
use crate::call::CallState;
use crate::cursor::{self, Position};
use crate::registry::{
    FolderEntry, PromptEntry, Registry, ResourceEntry, SkillEntry, TemplateEntry, ToolEntry,
};
use crate::statics::StaticPage;

/// The lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Tools,
    Resources,
    ResourceTemplates,
    Prompts,
    Skills,
}

/// Who reads a list, and what decides what is in it.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) principal: Option<&'a Principal>,
    pub(crate) guard: Option<&'a Guard>,
    /// Whether there are apps, and the client shows them.
    pub(crate) shows_apps: bool,
}

impl Reader<'_> {
    fn sees<T: Entry>(&self, entry: &T) -> bool {
        (self.shows_apps || !entry.is_for_apps())
            && decide(entry.rule(), self.principal, self.guard) != Access::Hidden
    }
}

/// How many entries a list has, if all callers see the same. Which scopes an entry needs does not matter: whoever lacks
/// them is to see what they could acquire.
pub(crate) fn same_for_all(registry: &Registry, list: List) -> Option<usize> {
    match list {
        List::Tools => all_visible(&registry.tools),
        List::Resources if !registry.resource_lists.is_empty() => None,
        List::Resources => all_visible(&registry.resources),
        List::ResourceTemplates => all_visible(&registry.templates),
        List::Prompts => all_visible(&registry.prompts),
        List::Skills => all_visible(&registry.skills.entries),
    }
}

/// A page of a list.
pub(crate) enum Listed<'a> {
    /// The same for everybody but for the cursor of the next, and encoded already.
    Static(&'a StaticPage),
    Made(Outcome),
}

/// The page that the client asks for.
///
/// # Errors
/// The cursor is not one that this caller was given for this list, or it is too old.
pub(crate) fn list<'a>(call: &'a CallState, list: List, page: &Page) -> Result<Listed<'a>, Error> {
    let server = &*call.server;
    let Position::Entry(start) = cursor::position(call, list, page)? else {
        return Err(InvalidParams::Cursor.into());
    };
    if let Some(page) = server.statics.page(call, list, start) {
        return Ok(Listed::Static(page));
    }
    let (mut outcome, next) = outcome(&server.registry, list, call.reader(), start, server.limits.page_size);
    let cursor = next.map(|next| cursor::seal(call, list, &Position::Entry(next)));
    match &mut outcome {
        Outcome::ListTools(result) => result.next_cursor = cursor,
        Outcome::ListResources(result) => result.next_cursor = cursor,
        Outcome::ListResourceTemplates(result) => result.next_cursor = cursor,
        Outcome::ListPrompts(result) => result.next_cursor = cursor,
        Outcome::Skills(SkillsResult::List(result)) => result.next_cursor = cursor,
        _ => {}
    }
    Ok(Listed::Made(outcome))
}

/// How long an outcome may be kept, and by whom. Where there are apps, a list depends on what the client shows, so nobody
/// gives it to another one. A protected server's answers are for their caller only, even where
/// they are the same for all: whoever may not call the server shall not read them from somebody's cache. What a
/// handler makes is for its caller and for now, a list of resources as well as a resource: only the application knows
/// what it depends on.
pub(crate) fn cache_hint(call: &CallState, outcome: &Outcome) -> CacheHint {
    let is_list = matches!(
        outcome,
        Outcome::ListTools(_)
            | Outcome::ListResources(_)
            | Outcome::ListResourceTemplates(_)
            | Outcome::ListPrompts(_)
            | Outcome::Skills(_)
    );
    let is_made =
        matches!(outcome, Outcome::ListResources(_)) && !call.server.registry.resource_lists.is_empty();
    if !is_list || is_made {
        return CacheHint::default();
    }
    list_cache_hint(call.server.lists_are_private(), call.server.limits.list_cache_ttl)
}

pub(crate) fn list_cache_hint(private: bool, ttl: std::time::Duration) -> CacheHint {
    let cache_scope = if private { CacheScope::Private } else { CacheScope::Public };
    CacheHint { ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX), cache_scope }
}

/// What is listed.
pub(crate) trait Entry {
    fn rule(&self) -> &Rule;

    /// Whether only clients that show apps have a use for it.
    fn is_for_apps(&self) -> bool {
        false
    }
}

impl Entry for ToolEntry {
    fn rule(&self) -> &Rule {
        &self.rule
    }

    fn is_for_apps(&self) -> bool {
        !self.ui.is_visible_to(Visibility::Model)
    }
}

impl Entry for ResourceEntry {
    fn rule(&self) -> &Rule {
        &self.rule
    }

    fn is_for_apps(&self) -> bool {
        self.is_app
    }
}

macro_rules! entries {
    ($($entry:ty),*) => {$(
        impl Entry for $entry {
            fn rule(&self) -> &Rule {
                &self.rule
            }
        }
    )*};
}

entries!(TemplateEntry, PromptEntry, SkillEntry, FolderEntry);

fn all_visible<T: Entry>(entries: &IndexMap<String, T>) -> Option<usize> {
    entries.values().all(|entry| entry.rule().visible.is_none()).then_some(entries.len())
}

/// One page from entry number `start` on, and where the next one starts.
pub(crate) fn outcome(
    registry: &Registry,
    list: List,
    reader: Reader<'_>,
    start: usize,
    size: usize,
) -> (Outcome, Option<usize>) {
    match list {
        List::Tools => {
            let (tools, next) = page(&registry.tools, reader, start, size, |e| e.listed(reader.shows_apps));
            (Outcome::ListTools(ListToolsResult { tools, ..Default::default() }), next)
        }
        List::Resources => {
            let (resources, next) = page(&registry.resources, reader, start, size, |e| e.declared.clone());
            (Outcome::ListResources(ListResourcesResult { resources, ..Default::default() }), next)
        }
        List::ResourceTemplates => {
            let (resource_templates, next) =
                page(&registry.templates, reader, start, size, |e| e.declared.clone());
            let result = ListResourceTemplatesResult { resource_templates, ..Default::default() };
            (Outcome::ListResourceTemplates(result), next)
        }
        List::Prompts => {
            let (prompts, next) = page(&registry.prompts, reader, start, size, |e| e.declared.clone());
            (Outcome::ListPrompts(ListPromptsResult { prompts, ..Default::default() }), next)
        }
        List::Skills => {
            let entries = &registry.skills.entries;
            let (skills, next) = page(entries, reader, start, size, |e| e.skill.clone());
            let result = ListSkillsResult { skills, ..Default::default() };
            (Outcome::Skills(SkillsResult::List(result)), next)
        }
    }
}

pub(crate) fn page<T: Entry, D>(
    entries: &IndexMap<String, T>,
    reader: Reader<'_>,
    start: usize,
    size: usize,
    declared: impl Fn(&T) -> D,
) -> (Vec<D>, Option<usize>) {
    let mut visible = entries.values().enumerate().skip(start).filter(|(_, entry)| reader.sees(*entry));
    let mut items = Vec::new();
    for (_, entry) in visible.by_ref().take(size.max(1)) {
        items.push(declared(entry));
    }
    (items, visible.next().map(|(index, _)| index))
}
