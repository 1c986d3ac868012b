//! Whether headers arrive, and whether they are looked at.

use barewire_mcp::http::headers::{METHOD, PROTOCOL_VERSION};
use serde_json::json;

use super::eras::{Eras, UNKNOWN_REVISION};
use crate::probe::{Answer, Asker, Voice};

/// What was answered to requests whose headers are not as they should be.
pub(crate) struct Headers {
    /// Modern: a `Mcp-Method` that says something else than the body.
    pub(crate) other_method: Option<Answer>,
    /// Modern: no `Mcp-Method`.
    pub(crate) no_method: Option<Answer>,
    /// Modern: no `MCP-Protocol-Version`.
    pub(crate) no_version: Option<Answer>,
    /// Modern: a `Mcp-Session-Id`, which the era does not have.
    pub(crate) stray_session: Option<Answer>,
    /// Handshake era: a request in the session.
    pub(crate) in_session: Option<Answer>,
    /// Handshake era: a version that does not exist, in the session.
    pub(crate) strange_version: Option<Answer>,
}

pub(super) async fn look(asker: &mut Asker, eras: &Eras) -> Headers {
    let mut headers = Headers {
        other_method: None,
        no_method: None,
        no_version: None,
        stray_session: None,
        in_session: None,
        strange_version: None,
    };
    if let Some(modern) = &eras.modern {
        let discover = |what: &str| modern.request(what, "server/discover", json!({}));
        let ask = discover("Discover, with another method in the header").header(METHOD, "tools/list");
        headers.other_method = Some(asker.ask(ask).await);
        let ask = discover("Discover, without Mcp-Method").without(&METHOD);
        headers.no_method = Some(asker.ask(ask).await);
        let ask = discover("Discover, without MCP-Protocol-Version").without(&PROTOCOL_VERSION);
        headers.no_version = Some(asker.ask(ask).await);
        let ask = discover("Discover, with a session").with("mcp-session-id", "barewire-doctor-made-this-up");
        headers.stray_session = Some(asker.ask(ask).await);
    }
    if let Some(legacy) = &eras.legacy {
        headers.in_session = Some(asker.ask(legacy.request("Ping", "ping", json!({}))).await);
        let voice =
            Voice::Legacy { revision: Some(UNKNOWN_REVISION.to_owned()), session: legacy.session().cloned() };
        let ask =
            legacy.speaking(voice).request("Ping, in a revision that does not exist", "ping", json!({}));
        headers.strange_version = Some(asker.ask(ask).await);
    }
    headers
}
