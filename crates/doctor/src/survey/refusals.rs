//! What is answered to requests that cannot be served.

use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::json;

use super::eras::Eras;
use crate::probe::{Answer, Asker, Speaker};

/// A name that no tool, prompt or resource has.
const NOTHING: &str = "barewire-doctor-does-not-exist";

/// The refusals in each era that the server speaks.
pub(crate) struct Refusals {
    pub(crate) modern: Option<Refused>,
    pub(crate) legacy: Option<Refused>,
}

/// The refusals of one era.
pub(crate) struct Refused {
    pub(crate) unknown_method: Answer,
    pub(crate) not_json: Answer,
    pub(crate) text_plain: Answer,
    pub(crate) accept_html: Answer,
    /// A JSON-RPC id that is a text.
    pub(crate) text_id: Answer,
    pub(crate) put: Answer,
    /// Modern: no `_meta`.
    pub(crate) no_meta: Option<Answer>,
    /// Where tools are declared.
    pub(crate) unknown_tool: Option<Answer>,
    /// Where resources are declared.
    pub(crate) unknown_resource: Option<Answer>,
    /// Where prompts are declared.
    pub(crate) unknown_prompt: Option<Answer>,
}

impl Refused {
    /// All of them, for what is looked for in each.
    pub(crate) fn all(&self) -> Vec<&Answer> {
        let always = [
            &self.unknown_method,
            &self.not_json,
            &self.text_plain,
            &self.accept_html,
            &self.text_id,
            &self.put,
        ];
        let sometimes = [&self.no_meta, &self.unknown_tool, &self.unknown_resource, &self.unknown_prompt];
        always.into_iter().chain(sometimes.into_iter().flatten()).collect()
    }
}

pub(super) async fn look(asker: &mut Asker, eras: &Eras) -> Refusals {
    let modern = match &eras.modern {
        Some(speaker) => Some(refuse(asker, eras, speaker).await),
        None => None,
    };
    let legacy = match &eras.legacy {
        Some(speaker) => Some(refuse(asker, eras, speaker).await),
        None => None,
    };
    Refusals { modern, legacy }
}

async fn refuse(asker: &mut Asker, eras: &Eras, speaker: &Speaker) -> Refused {
    let era = if speaker.is_modern() { "modern" } else { "handshake era" };
    let what = |text: &str| format!("{text} ({era})");
    // Something that the era has and that changes nothing.
    let harmless = if speaker.is_modern() { "server/discover" } else { "ping" };

    let ask = speaker.request(what("A method that does not exist"), NOTHING, json!({}));
    let unknown_method = asker.ask(ask).await;
    let ask = speaker.request(what("A body that is not JSON"), harmless, json!({}));
    let ask = ask.body("application/json", r#"{"jsonrpc": "2.0", "id": 1, "method": "#);
    let not_json = asker.ask(ask).await;
    let ask = speaker.request(what("A body declared as plain text"), harmless, json!({}));
    let text_plain = asker.ask(ask.header(CONTENT_TYPE, "text/plain")).await;
    let ask = speaker.request(what("An answer wanted as HTML"), harmless, json!({}));
    let accept_html = asker.ask(ask.header(ACCEPT, "text/html")).await;
    let id = json!("barewire-doctor");
    let ask = speaker.request_with_id(what("A request whose id is a text"), harmless, json!({}), &id);
    let text_id = asker.ask(ask).await;
    let mut put = speaker.request(what("PUT instead of POST"), harmless, json!({}));
    put.method = Method::PUT;
    let put = asker.ask(put).await;

    let mut refused = Refused {
        unknown_method,
        not_json,
        text_plain,
        accept_html,
        text_id,
        put,
        no_meta: None,
        unknown_tool: None,
        unknown_resource: None,
        unknown_prompt: None,
    };
    if speaker.is_modern() {
        let bare = json!({ "jsonrpc": "2.0", "id": 1, "method": harmless, "params": {} }).to_string();
        let ask = speaker.request(what("A request without _meta"), harmless, json!({}));
        refused.no_meta = Some(asker.ask(ask.body("application/json", bare)).await);
    }
    if eras.declares("tools") {
        let params = json!({ "name": NOTHING, "arguments": {} });
        let ask = speaker.request(what("A tool that does not exist"), "tools/call", params);
        refused.unknown_tool = Some(asker.ask(ask).await);
    }
    if eras.declares("resources") {
        let params = json!({ "uri": format!("{NOTHING}://nothing") });
        let ask = speaker.request(what("A resource that does not exist"), "resources/read", params);
        refused.unknown_resource = Some(asker.ask(ask).await);
    }
    if eras.declares("prompts") {
        let ask =
            speaker.request(what("A prompt that does not exist"), "prompts/get", json!({ "name": NOTHING }));
        refused.unknown_prompt = Some(asker.ask(ask).await);
    }
    refused
}
