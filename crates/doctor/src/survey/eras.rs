//! Which revisions are spoken, and how to speak to the server from here on.

use barewire_mcp::client::probe::{ProbeAnswer, ProbeVerdict, judge};
use barewire_mcp::http::headers::SESSION_ID;
use barewire_mcp::revision::{Era, Revision};
use http::header::HeaderValue;
use serde_json::{Value, json};

use super::door::Door;
use crate::probe::{Answer, Asker, Speaker, Voice};

/// A revision that nobody speaks.
pub(crate) const UNKNOWN_REVISION: &str = "1900-01-01";

/// What was answered to each way of opening a conversation.
pub(crate) struct Eras {
    /// `server/discover` without a token.
    pub(crate) open_discover: Answer,
    /// `initialize` without a token.
    pub(crate) open_initialize: Answer,
    /// `tools/list` without a token, where the conversation could be opened without one.
    pub(crate) open_list: Option<Answer>,
    /// A GET without session and token: the stream of the older revisions, or the whole transport of 2024-11-05.
    pub(crate) open_stream: Answer,
    /// `server/discover` as the caller; the open one where there is no token.
    pub(crate) discover: Answer,
    /// `initialize` as the caller; the open one where there is no token.
    pub(crate) initialize: Answer,
    /// `initialize` as the caller for the other revisions of the handshake era.
    pub(crate) proposals: Vec<(Revision, Answer)>,
    /// `initialize` with a revision that nobody speaks.
    pub(crate) unknown_proposal: Option<Answer>,
    /// `initialize` with a revision that has no handshake.
    pub(crate) modern_proposal: Option<Answer>,
    /// `server/discover` in a revision that nobody speaks.
    pub(crate) unknown_revision: Option<Answer>,
    /// What the answer to `server/discover` is to a client of both eras.
    pub(crate) verdict: Option<ProbeVerdict>,
    /// How to speak to it without a handshake.
    pub(crate) modern: Option<Speaker>,
    /// How to speak to it after one.
    pub(crate) legacy: Option<Speaker>,
}

impl Eras {
    /// The way to speak that is asked first.
    pub(crate) fn speaker(&self) -> Option<&Speaker> {
        self.modern.as_ref().or(self.legacy.as_ref())
    }

    /// What the server declares, in the newest era that it speaks.
    pub(crate) fn capabilities(&self) -> Option<&Value> {
        let opened = if self.modern.is_some() { &self.discover } else { &self.initialize };
        opened.result()?.get("capabilities")
    }

    pub(crate) fn declares(&self, capability: &str) -> bool {
        self.capabilities().and_then(|declared| declared.get(capability)).is_some_and(|it| !it.is_null())
    }

    /// Name and version, in the server's own words.
    pub(crate) fn implementation(&self) -> Option<&Value> {
        let modern = self
            .discover
            .result()
            .and_then(|result| result.get("_meta")?.get("io.modelcontextprotocol/serverInfo"));
        modern.or_else(|| self.initialize.result()?.get("serverInfo"))
    }

    /// The old transport of 2024-11-05 lives at this very URL.
    pub(crate) fn has_endpoint_event(&self) -> bool {
        let events = self.open_stream.reply().map(|reply| reply.events.as_slice()).unwrap_or_default();
        events.iter().any(|event| event.event.as_deref() == Some("endpoint"))
    }
}

/// Opens conversations in every way there is. Sessions that come of it are noted, to be ended.
pub(super) async fn look(
    asker: &mut Asker,
    door: &Door,
    nobody: &Speaker,
    caller: &Speaker,
    opened: &mut Vec<HeaderValue>,
) -> Eras {
    let latest = Revision::LATEST_LEGACY.as_str();
    let open_discover = door.first.clone();
    let open_initialize = asker.ask(nobody.initialize("Initialize, without a token", latest)).await;
    let open_stream = asker.ask(nobody.legacy().stream("GET, without a session and without a token")).await;

    let (discover, initialize) = if caller.token.is_some() {
        opened.extend(session_of(&open_initialize));
        let discover =
            asker.ask(caller.request("Discover, with the token", "server/discover", json!({}))).await;
        let initialize = asker.ask(caller.initialize("Initialize, with the token", latest)).await;
        (discover, initialize)
    } else {
        (open_discover.clone(), open_initialize.clone())
    };

    let verdict = verdict(&discover, caller.token.is_some());
    let modern = match &verdict {
        Some(ProbeVerdict::Modern { revision, .. }) => {
            Some(caller.speaking(Voice::Modern { revision: revision.to_string() }))
        }
        _ => None,
    };
    let legacy = after_handshake(caller, &initialize);
    if let Some(legacy) = &legacy {
        asker.ask(legacy.notification("Complete the handshake", "notifications/initialized")).await;
    }

    let mut eras = Eras {
        open_discover,
        open_initialize,
        open_list: None,
        open_stream,
        discover,
        initialize,
        proposals: Vec::new(),
        unknown_proposal: None,
        modern_proposal: None,
        unknown_revision: None,
        verdict,
        modern,
        legacy,
    };
    eras.open_list = open_list(asker, &eras, nobody).await;
    propose(asker, caller, &mut eras, opened).await;
    eras
}

/// A list without a token: some servers greet everybody and ask for the token later.
async fn open_list(asker: &mut Asker, eras: &Eras, nobody: &Speaker) -> Option<Answer> {
    let modern = matches!(verdict(&eras.open_discover, false), Some(ProbeVerdict::Modern { .. }));
    let speaker = if modern { Some(nobody.clone()) } else { after_handshake(nobody, &eras.open_initialize) }?;
    Some(asker.ask(speaker.request("List the tools, without a token", "tools/list", json!({}))).await)
}

async fn propose(asker: &mut Asker, caller: &Speaker, eras: &mut Eras, opened: &mut Vec<HeaderValue>) {
    if eras.legacy.is_some() {
        for revision in Revision::ALL.into_iter().filter(|it| it.era() == Era::Legacy) {
            if revision == Revision::LATEST_LEGACY {
                continue;
            }
            let what = format!("Initialize, proposing {revision}");
            let answer = asker.ask(caller.initialize(what, revision.as_str())).await;
            opened.extend(session_of(&answer));
            eras.proposals.push((revision, answer));
        }
        let what = "Initialize, proposing a revision that does not exist";
        let unknown = asker.ask(caller.initialize(what, UNKNOWN_REVISION)).await;
        let what = "Initialize, proposing a revision that has no handshake";
        let modern = asker.ask(caller.initialize(what, Revision::LATEST_MODERN.as_str())).await;
        opened.extend(session_of(&unknown));
        opened.extend(session_of(&modern));
        eras.unknown_proposal = Some(unknown);
        eras.modern_proposal = Some(modern);
    }
    if let Some(modern) = &eras.modern {
        let strange = modern.speaking(Voice::Modern { revision: UNKNOWN_REVISION.to_owned() });
        let what = "Discover in a revision that does not exist";
        eras.unknown_revision = Some(asker.ask(strange.request(what, "server/discover", json!({}))).await);
    }
}

/// What the answer means to a client that speaks both eras.
fn verdict(answer: &Answer, with_token: bool) -> Option<ProbeVerdict> {
    let reply = answer.reply()?;
    let message = reply.message.as_ref().map(Value::to_string);
    let body = message.as_ref().map_or(&*reply.body, |message| message.as_bytes());
    Some(judge(&ProbeAnswer { status: reply.status, headers: &reply.headers, body, with_token }))
}

/// How to go on after this answer to `initialize`.
fn after_handshake(speaker: &Speaker, answer: &Answer) -> Option<Speaker> {
    let revision = answer.result()?.get("protocolVersion")?.as_str()?;
    // A modern server that answers the method by its name has no handshake all the same.
    Revision::parse(revision).filter(|revision| revision.era() == Era::Legacy)?;
    Some(speaker.speaking(Voice::Legacy { revision: Some(revision.to_owned()), session: session_of(answer) }))
}

pub(crate) fn session_of(answer: &Answer) -> Option<HeaderValue> {
    answer.reply().filter(|reply| reply.status.is_success())?.headers.get(SESSION_ID).cloned()
}
