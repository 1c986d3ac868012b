//! What is asked, in which order. One file for each part; what was learned is a [`Chart`], and nothing here judges it.

mod door;
mod eras;
mod headers;
mod lists;
mod login;
mod page;
mod refusals;
mod sessions;
mod streams;

use barewire_oauth::secret::AccessToken;
use http::header::HeaderValue;
use url::Url;

use crate::probe::{Answer, Asker, Speaker};
use crate::target::Target;

pub(crate) use door::Door;
pub(crate) use eras::{Eras, UNKNOWN_REVISION};
pub(crate) use headers::Headers;
pub(crate) use lists::{End, List, Lists};
pub(crate) use login::{Authserver, Document, Login};
pub(crate) use page::{HEADERS as PAGE_HEADERS, Page, STRANGER};
pub(crate) use refusals::{Refusals, Refused};
pub(crate) use sessions::Sessions;
pub(crate) use streams::Streams;

/// Everything that was learned.
pub(crate) struct Chart {
    /// The URL as it was given.
    pub(crate) given: Url,
    /// The URL that was examined.
    pub(crate) url: Url,
    /// Whether requests carried the caller's token.
    pub(crate) with_token: bool,
    pub(crate) door: Door,
    pub(crate) eras: Eras,
    pub(crate) login: Login,
    pub(crate) page: Page,
    pub(crate) sessions: Sessions,
    pub(crate) streams: Streams,
    pub(crate) headers: Headers,
    pub(crate) refusals: Refusals,
    pub(crate) lists: Lists,
    /// What the given token says about itself, where it can be read.
    pub(crate) claims: Option<serde_json::Value>,
    /// What there was no time or no request left for.
    pub(crate) left_out: Vec<String>,
}

impl Chart {
    /// Whether anything could be asked as a caller who is let in.
    pub(crate) fn is_let_in(&self) -> bool {
        self.eras.modern.is_some() || self.eras.legacy.is_some()
    }

    /// A request after the handshake that was refused for having no session's id: it is lost on the way, in one
    /// direction or the other.
    pub(crate) fn lost_session(&self) -> Option<&Answer> {
        let carried =
            [&self.headers.in_session, &self.streams.get, &self.sessions.inside, &self.sessions.end];
        carried
            .into_iter()
            .flatten()
            .find(|answer| answer.is(400) && answer.text().to_ascii_lowercase().contains("session"))
    }

    /// Why nothing could, for what does not apply then.
    pub(crate) fn why_not_let_in(&self) -> &'static str {
        match (&self.login.refused, self.with_token) {
            (Some(refused), _) if refused.is_about_the_name() => "the server refuses its own name",
            (Some(_), true) => "the server did not let the token in",
            (Some(_), false) => "the server wants a token; give one with --token",
            (None, _) => "the server answered no request of MCP",
        }
    }
}

/// Nobody answers HTTP there.
pub(crate) struct NobodyThere {
    /// What became of the attempts.
    pub(crate) answers: Vec<Answer>,
}

/// Asks everything.
pub(crate) async fn survey(asker: &mut Asker, target: &Target) -> Result<Chart, NobodyThere> {
    asker.begin("whether something answers");
    let mut url = target.url.clone();
    url.set_fragment(None);
    let (door, url) = door::look(asker, &url).await?;

    let nobody = Speaker::modern(&url);
    // A token is for the origin that was named; whoever is behind a redirect or a strange certificate does not get it.
    let own = url.origin() == target.url.origin() && door.certificate.is_none();
    let token: Option<&AccessToken> = target.token.as_ref().filter(|_| own);
    let other: Option<&AccessToken> = target.second_token.as_ref().filter(|_| own);
    let caller = nobody.with_token(token);

    asker.begin("the revisions it speaks");
    let mut sessions_opened: Vec<HeaderValue> = Vec::new();
    let eras = eras::look(asker, &door, &nobody, &caller, &mut sessions_opened).await;
    if door.first.reply().is_none() && eras.open_initialize.reply().is_none() {
        return Err(NobodyThere { answers: vec![door.first, eras.open_initialize] });
    }

    asker.begin("authorization");
    let login = login::look(asker, &url, &door, &eras, &nobody).await;
    asker.begin("what a page in a browser may do");
    let page = page::look(asker, target, &url, &eras, &login, &nobody, &mut sessions_opened).await;
    asker.begin("headers on their way");
    let headers = headers::look(asker, &eras).await;
    asker.begin("errors");
    let refusals = refusals::look(asker, &eras).await;
    asker.begin("lists and schemas");
    let lists = lists::look(asker, &eras).await;
    asker.begin("streams");
    let streams = streams::look(asker, &eras).await;
    asker.begin("sessions");
    let sessions = sessions::look(asker, &eras, other).await;
    end_sessions(asker, &caller, sessions_opened).await;

    Ok(Chart {
        given: target.url.clone(),
        url,
        with_token: token.is_some(),
        door,
        eras,
        login,
        page,
        sessions,
        streams,
        headers,
        refusals,
        lists,
        claims: asker.claims(),
        left_out: asker.left_out().to_vec(),
    })
}

/// Leaves nothing open: each handshake may have cost the server a session.
async fn end_sessions(asker: &mut Asker, caller: &Speaker, sessions: Vec<HeaderValue>) {
    for session in sessions {
        let voice = crate::probe::Voice::Legacy { revision: None, session: Some(session) };
        asker.ask(caller.speaking(voice).end("End a session that was opened to look")).await;
    }
}
