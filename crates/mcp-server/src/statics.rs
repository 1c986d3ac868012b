//! Answers that are the same for every caller, encoded once.
//!
//! Only their id differs, and of a list's page the cursor that its caller gets. Both come first in a message, and what
//! follows is the same bytes in all of them.

use std::sync::OnceLock;

use barewire_mcp::jsonrpc::{self, Id, Message, write};
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::types::capabilities::ServerCapabilities;
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::json::{Meta, RawJson};
use barewire_mcp::types::{skills, tasks};
use barewire_mcp::wire::legacy;
use barewire_mcp::wire::v2025_11_25::InitializeResult;
use barewire_mcp::wire::v2026_07_28::{self, DiscoverResult};
use bytes::Bytes;

use crate::call::CallState;
use crate::config::Limits;
use crate::cursor::{KeptCursor, Position};
use crate::lists::{self, List, Reader, list_cache_hint};
use crate::registry::Registry;
use crate::server::Shared;

/// The results, without the envelope around them.
pub(crate) struct Statics {
    pub(crate) discover: RawJson,
    /// By negotiated revision.
    initialize: Vec<(Revision, RawJson)>,
    /// By list; nothing where one depends on its caller beyond what [`For`] says.
    lists: [Option<Vec<(For, StaticList)>>; 5],
}

/// The revision that a client speaks, and whether it shows apps.
type For = (Revision, bool);

/// The pages of a list. Each is encoded when it is first asked for: most revisions are never spoken with most servers.
type StaticList = Vec<OnceLock<StaticPage>>;

/// A page, without the cursor of the next.
pub(crate) struct StaticPage {
    /// The result behind its first brace, and the brace that closes the message.
    rest: Bytes,
    next: Option<usize>,
    cursor: KeptCursor,
}

/// What a server says about itself.
pub(crate) struct About<'a> {
    pub(crate) info: &'a Implementation,
    pub(crate) instructions: Option<&'a str>,
    pub(crate) capabilities: &'a ServerCapabilities,
}

impl Statics {
    /// # Errors
    /// Something that the application declared does not serialise.
    pub(crate) fn new(
        about: &About<'_>,
        registry: &Registry,
        protected: bool,
        limits: &Limits,
    ) -> Result<Self, serde_json::Error> {
        let cache = list_cache_hint(protected, limits.list_cache_ttl);
        let shown: &[bool] = if registry.has_apps { &[false, true] } else { &[false] };
        let all: Vec<For> = Revision::SPOKEN
            .into_iter()
            .flat_map(|revision| shown.iter().map(move |shows| (revision, *shows)))
            .collect();
        let id = Id::from(0);
        let list = |list| {
            let entries = lists::same_for_all(registry, list)?;
            let pages = entries.div_ceil(limits.page_size.max(1)).max(1);
            let unmade = |whom: &For| (*whom, (0..pages).map(|_| OnceLock::new()).collect());
            Some(all.iter().map(unmade).collect())
        };
        let discover = DiscoverResult {
            supported_versions: Revision::SPOKEN.iter().map(ToString::to_string).collect(),
            capabilities: about.capabilities.clone(),
            instructions: about.instructions.map(str::to_owned),
            server_info: Some(about.info.clone()),
            cache,
        };
        let initialize = |revision: Revision| -> Result<(Revision, RawJson), serde_json::Error> {
            let mut capabilities = about.capabilities.clone();
            // Nobody who came by a handshake can use them.
            capabilities.extensions.remove(tasks::EXTENSION);
            capabilities.extensions.remove(skills::EXTENSION);
            let result = InitializeResult {
                protocol_version: revision.to_string(),
                capabilities,
                server_info: about.info.clone(),
                instructions: about.instructions.map(str::to_owned),
                meta: Meta::new(),
            };
            Ok((revision, result_of(&legacy::encode_initialize(revision, &id, result)?)))
        };
        let handshakes = Revision::SPOKEN.into_iter().filter(|revision| revision.era() == Era::Legacy);
        Ok(Self {
            discover: result_of(&v2026_07_28::encode_discover(&id, &discover)?),
            initialize: handshakes.map(initialize).collect::<Result<_, _>>()?,
            lists: [
                list(List::Tools),
                list(List::Resources),
                list(List::ResourceTemplates),
                list(List::Prompts),
                list(List::Skills),
            ],
        })
    }

    /// The answer to a handshake that agreed on this revision.
    pub(crate) fn initialize(&self, revision: Revision) -> Option<&RawJson> {
        self.initialize.iter().find(|(spoken, _)| *spoken == revision).map(|(_, result)| result)
    }

    /// The page from entry number `start` on, of a list that is the same for everybody. There is none where no page
    /// starts, which is where a cursor points that was made for another size of pages, or behind what is for apps only.
    pub(crate) fn page(&self, call: &CallState, list: List, start: usize) -> Option<&StaticPage> {
        let of = self.lists[list as usize].as_ref()?;
        let whom = (call.revision, call.shows_apps());
        let (_, pages) = of.iter().find(|(of, _)| *of == whom)?;
        let size = call.server.limits.page_size.max(1);
        let page = pages.get(start / size).filter(|_| start.is_multiple_of(size))?;
        if let Some(made) = page.get() {
            return Some(made);
        }
        // Two that come at once both make it, and one of them is kept.
        let made = StaticPage::new(&call.server, whom, list, start).ok()?;
        Some(page.get_or_init(|| made))
    }
}

impl StaticPage {
    fn new(
        server: &Shared,
        (revision, shows_apps): For,
        list: List,
        start: usize,
    ) -> Result<Self, serde_json::Error> {
        let id = Id::from(0);
        let reader = Reader { principal: None, guard: server.guard.as_ref(), shows_apps };
        let (outcome, next) = lists::outcome(&server.registry, list, reader, start, server.limits.page_size);
        let message = match revision.era() {
            Era::Modern => {
                let cache = list_cache_hint(server.lists_are_private(), server.limits.list_cache_ttl);
                v2026_07_28::encode_result(&id, &outcome, cache, Some(&server.short_info))
            }
            Era::Legacy => legacy::encode_result(revision, &id, &outcome),
        };
        let rest = format!("{}}}", &result_of(&message?).as_str()[1..]);
        Ok(Self { rest: rest.into(), next, cursor: KeptCursor::default() })
    }

    /// The message with this page in it: its beginning, and what is the same in all of them.
    pub(crate) fn message(&self, call: &CallState, list: List) -> (Bytes, Bytes) {
        let next = self.next.map(Position::Entry);
        let head = match next.map(|next| self.cursor.get(call, list, &next)) {
            None => write::result_head(&call.id, &["{"]),
            // It is sealed, so it has no character that JSON escapes. The order of members means nothing, and a list
            // always has some.
            Some(cursor) => write::result_head(&call.id, &["{\"nextCursor\":\"", &cursor, "\","]),
        };
        (head, self.rest.clone())
    }
}

/// The member `result` of a message that this crate has just encoded.
fn result_of(message: &Bytes) -> RawJson {
    match jsonrpc::parse(message) {
        Ok(Message::Response(response)) => {
            response.outcome.map(RawJson::from).expect("the encoder of results writes a result")
        }
        _ => unreachable!("the encoder of results writes a response"),
    }
}
