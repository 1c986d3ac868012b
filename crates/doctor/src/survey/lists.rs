//! The lists, page by page.

use serde_json::{Value, json};

use super::eras::Eras;
use crate::probe::{Answer, Asker, Speaker};

/// What the server lists.
pub(crate) struct Lists {
    /// Absent where the capability is not declared, or nobody is let in.
    pub(crate) tools: Option<List>,
    pub(crate) resources: Option<List>,
    pub(crate) prompts: Option<List>,
    /// The first page of the tools, asked for a second time.
    pub(crate) tools_again: Option<Answer>,
}

/// One list.
pub(crate) struct List {
    pub(crate) pages: Vec<Answer>,
    pub(crate) entries: Vec<Value>,
    pub(crate) end: End,
}

/// How a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// There was no cursor any more.
    Complete,
    /// A cursor came a second time.
    Loop,
    /// More pages, or entries, than are read.
    Limit,
    /// A page was no list.
    Refused,
}

impl List {
    /// Bytes of all pages.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.to_string().len()).sum()
    }

    pub(crate) fn names(&self, member: &str) -> Vec<&str> {
        self.entries.iter().filter_map(|entry| entry.get(member)?.as_str()).collect()
    }
}

pub(super) async fn look(asker: &mut Asker, eras: &Eras) -> Lists {
    let mut lists = Lists { tools: None, resources: None, prompts: None, tools_again: None };
    let Some(speaker) = eras.speaker() else { return lists };
    if eras.declares("tools") {
        lists.tools = Some(read(asker, speaker, "tools/list", "tools").await);
        let ask = speaker.request("List the tools again", "tools/list", json!({}));
        lists.tools_again = Some(asker.ask(ask).await);
    }
    if eras.declares("resources") {
        lists.resources = Some(read(asker, speaker, "resources/list", "resources").await);
    }
    if eras.declares("prompts") {
        lists.prompts = Some(read(asker, speaker, "prompts/list", "prompts").await);
    }
    lists
}

async fn read(asker: &mut Asker, speaker: &Speaker, method: &str, member: &str) -> List {
    let mut list = List { pages: Vec::new(), entries: Vec::new(), end: End::Limit };
    let mut cursors: Vec<String> = Vec::new();
    while list.pages.len() < asker.config().max_pages && list.entries.len() < asker.config().max_tools {
        let params = cursors.last().map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
        let what = format!("List the {member}, page {}", list.pages.len() + 1);
        let page = asker.ask(speaker.request(what, method, params)).await;
        let result = page.result().cloned();
        list.pages.push(page);
        let Some(entries) = result.as_ref().and_then(|result| result.get(member)?.as_array()) else {
            list.end = End::Refused;
            break;
        };
        let room = asker.config().max_tools - list.entries.len();
        list.entries.extend(entries.iter().take(room).cloned());
        let next = result.as_ref().and_then(|result| result.get("nextCursor")?.as_str());
        match next {
            None => {
                list.end = End::Complete;
                break;
            }
            Some(next) if cursors.iter().any(|seen| seen == next) => {
                list.end = End::Loop;
                break;
            }
            Some(next) => cursors.push(next.to_owned()),
        }
    }
    list
}
