//! The life of a session. It is the last thing looked at, because it ends the one that everything else used.

use barewire_mcp::http::headers::SESSION_ID;
use barewire_mcp::revision::Revision;
use barewire_oauth::secret::AccessToken;
use http::header::HeaderValue;
use serde_json::json;

use super::eras::{Eras, session_of};
use crate::probe::{Answer, Ask, Asker, Speaker, Voice};

/// What was answered inside, outside and after a session.
#[derive(Default)]
pub(crate) struct Sessions {
    /// The id of the session that was used.
    pub(crate) id: Option<HeaderValue>,
    /// A second handshake.
    pub(crate) second: Option<Answer>,
    /// A request in the session.
    pub(crate) inside: Option<Answer>,
    /// The same without an id.
    pub(crate) without: Option<Answer>,
    /// The same with an id that was never given out.
    pub(crate) unknown: Option<Answer>,
    /// The same with the id and without the token.
    pub(crate) without_token: Option<Answer>,
    /// The same with the id and somebody else's token.
    pub(crate) other_token: Option<Answer>,
    pub(crate) end: Option<Answer>,
    /// The same after the end.
    pub(crate) after_end: Option<Answer>,
}

pub(super) async fn look(asker: &mut Asker, eras: &Eras, other: Option<&AccessToken>) -> Sessions {
    let mut sessions = Sessions::default();
    let Some(legacy) = &eras.legacy else { return sessions };
    sessions.inside = Some(asker.ask(light(legacy, eras, "A request in the session")).await);
    let Some(id) = legacy.session().cloned() else { return sessions };

    let what = "A second handshake";
    let second = asker.ask(legacy.initialize(what, Revision::LATEST_LEGACY.as_str())).await;
    let ask = light(legacy, eras, "The same request without the session's id").without(&SESSION_ID);
    sessions.without = Some(asker.ask(ask).await);
    let mut ask = light(legacy, eras, "The same request with an id that was never given out");
    ask.headers.insert(SESSION_ID, made_up(&id));
    sessions.unknown = Some(asker.ask(ask).await);
    if legacy.token.is_some() {
        let ask = light(legacy, eras, "The same request with the id and without the token").anonymous();
        sessions.without_token = Some(asker.ask(ask).await);
    }
    if let Some(other) = other {
        let ask = light(legacy, eras, "The same request with the id and the other token").bearer(other);
        sessions.other_token = Some(asker.ask(ask).await);
    }
    sessions.end = Some(asker.ask(legacy.end("End the session")).await);
    let ask = light(legacy, eras, "The same request after the end");
    sessions.after_end = Some(asker.ask(ask).await);

    if let Some(id) = session_of(&second) {
        let voice = Voice::Legacy { revision: None, session: Some(id) };
        asker.ask(legacy.speaking(voice).end("End the second session")).await;
    }
    sessions.second = Some(second);
    sessions.id = Some(id);
    sessions
}

/// Something that needs a session and changes nothing; `ping` is allowed before there is one.
fn light(speaker: &Speaker, eras: &Eras, what: &str) -> Ask {
    let declared = |capability: &str| {
        eras.initialize.result().and_then(|result| result.get("capabilities")?.get(capability)).is_some()
    };
    let method = [("tools", "tools/list"), ("resources", "resources/list"), ("prompts", "prompts/list")]
        .into_iter()
        .find_map(|(capability, method)| declared(capability).then_some(method))
        .unwrap_or("ping");
    speaker.request(what, method, json!({}))
}

/// Of the same shape as a real one, so that it is not refused for its looks: each letter and digit becomes another.
fn made_up(id: &HeaderValue) -> HeaderValue {
    let turned: Vec<u8> = id
        .as_bytes()
        .iter()
        .map(|byte| match byte {
            b'0'..=b'8' | b'a'..=b'e' | b'A'..=b'E' => byte + 1,
            b'9' => b'0',
            b'f' => b'a',
            b'F' => b'A',
            other => *other,
        })
        .collect();
    let changed = turned != id.as_bytes();
    let fallback = HeaderValue::from_static("00000000-0000-4000-8000-000000000000");
    HeaderValue::from_bytes(&turned).ok().filter(|_| changed).unwrap_or(fallback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_id_looks_like_the_real_one() {
        for (id, other) in
            [("1868a90c-0f", "2979b01d-1a"), ("xyz", "00000000-0000-4000-8000-000000000000"), ("F9", "A0")]
        {
            assert_eq!(made_up(&HeaderValue::from_static(id)), other);
        }
    }
}
