//! Answers that are the same for every caller, encoded once.
//!
//! Only their id differs, so a request for one costs a copy.

use barewire_mcp::jsonrpc::{self, Id, Message};
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::types::capabilities::ServerCapabilities;
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::json::{Meta, RawJson};
use barewire_mcp::types::operation::Outcome;
use barewire_mcp::wire::legacy;
use barewire_mcp::wire::v2025_11_25::InitializeResult;
use barewire_mcp::wire::v2026_07_28::{self, DiscoverResult};
use bytes::Bytes;

use crate::auth::Guard;
use crate::config::Limits;
use crate::lists::{List, list_cache_hint, whole_list};
use crate::registry::Registry;

/// The results, without the envelope around them.
pub(crate) struct Statics {
    pub(crate) discover: RawJson,
    /// By negotiated revision.
    initialize: Vec<(Revision, RawJson)>,
    /// By list, and by revision; nothing where a list depends on its caller or has several pages.
    lists: [Option<Vec<(Revision, RawJson)>>; 4],
}

/// What a server says about itself.
pub(crate) struct About<'a> {
    pub(crate) info: &'a Implementation,
    pub(crate) short_info: &'a Implementation,
    pub(crate) instructions: Option<&'a str>,
    pub(crate) capabilities: &'a ServerCapabilities,
}

impl Statics {
    /// # Errors
    /// Something that the application declared does not serialise.
    pub(crate) fn new(
        about: &About<'_>,
        registry: &Registry,
        guard: Option<&Guard>,
        limits: &Limits,
    ) -> Result<Self, serde_json::Error> {
        let cache = list_cache_hint(guard.is_some(), limits.list_cache_ttl);
        let id = Id::from(0);
        let encode = |outcome: &Outcome| -> Result<Vec<(Revision, RawJson)>, serde_json::Error> {
            let in_words_of = |revision: Revision| {
                let message = match revision.era() {
                    Era::Modern => v2026_07_28::encode_result(&id, outcome, cache, Some(about.short_info)),
                    Era::Legacy => legacy::encode_result(revision, &id, outcome),
                };
                Ok((revision, result_of(&message?)))
            };
            Revision::SPOKEN.into_iter().map(in_words_of).collect()
        };
        let list =
            |list| whole_list(registry, list, guard, limits.page_size).as_ref().map(encode).transpose();
        let discover = DiscoverResult {
            supported_versions: Revision::SPOKEN.iter().map(ToString::to_string).collect(),
            capabilities: about.capabilities.clone(),
            instructions: about.instructions.map(str::to_owned),
            server_info: Some(about.info.clone()),
            cache,
        };
        let initialize = |revision: Revision| -> Result<(Revision, RawJson), serde_json::Error> {
            let result = InitializeResult {
                protocol_version: revision.to_string(),
                capabilities: about.capabilities.clone(),
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
                list(List::Tools)?,
                list(List::Resources)?,
                list(List::ResourceTemplates)?,
                list(List::Prompts)?,
            ],
        })
    }

    /// The answer to a handshake that agreed on this revision.
    pub(crate) fn initialize(&self, revision: Revision) -> Option<&RawJson> {
        self.initialize.iter().find(|(spoken, _)| *spoken == revision).map(|(_, result)| result)
    }

    /// The only page of a list that is the same for everybody.
    pub(crate) fn list(&self, list: List, revision: Revision) -> Option<&RawJson> {
        let pages = self.lists[list as usize].as_ref()?;
        pages.iter().find(|(spoken, _)| *spoken == revision).map(|(_, page)| page)
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
