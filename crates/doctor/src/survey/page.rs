//! What a page in a browser may do, and which pages.

use barewire_mcp::revision::Revision;
use barewire_oauth::client_flow::Reach;
use http::header::{HOST, HeaderValue};
use serde_json::json;
use url::Url;

use super::eras::{Eras, session_of};
use super::login::{Login, token_request};
use crate::probe::{Answer, Ask, Asker, Speaker};
use crate::target::Target;

/// A name that nobody has: what a rebound name looks like to the server.
pub(crate) const STRANGER: &str = "rebinding.invalid";

/// What a host in a browser sends with its requests, beside what every page may.
pub(crate) const HEADERS: &[&str] = &[
    "authorization",
    "content-type",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
];

/// What pages were answered.
pub(crate) struct Page {
    /// The page that should be let in.
    pub(crate) origin: String,
    /// The preflight of a POST.
    pub(crate) preflight: Answer,
    /// The refusal of somebody without a token, as the page meets it.
    pub(crate) refused: Option<Answer>,
    /// A request that is let in, as the page sends it.
    pub(crate) granted: Option<Answer>,
    pub(crate) resource_metadata: Option<Answer>,
    pub(crate) server_metadata: Option<Answer>,
    pub(crate) token: Option<Answer>,
    /// The preflight of a registration.
    pub(crate) register: Option<Answer>,
    /// A request from a page that nobody allowed.
    pub(crate) stranger: Answer,
    /// A request to a name that the server does not have; only where the name does not route the request.
    pub(crate) renamed: Option<Answer>,
}

pub(super) async fn look(
    asker: &mut Asker,
    target: &Target,
    url: &Url,
    eras: &Eras,
    login: &Login,
    nobody: &Speaker,
    opened: &mut Vec<HeaderValue>,
) -> Page {
    let origin = target.page.clone();
    let preflight = Ask::preflight("A page's preflight", url, &origin, "POST", &HEADERS.join(", "));
    let preflight = asker.ask(preflight).await;

    let open = |what: &str| -> Ask {
        let legacy_only = eras.modern.is_none() && eras.legacy.is_some();
        if legacy_only {
            nobody.initialize(what, Revision::LATEST_LEGACY.as_str())
        } else {
            nobody.request(what, "server/discover", json!({}))
        }
    };
    let refused = match &login.refused {
        Some(_) => Some(asker.ask(open("The same refusal, for a page").for_page(&origin)).await),
        None => None,
    };
    // The handshake where there is one: it gives out the session, which a page has to be able to read.
    let granted = match (&eras.legacy, &eras.modern) {
        (Some(legacy), _) => {
            Some(legacy.initialize("Initialize, as a page", Revision::LATEST_LEGACY.as_str()))
        }
        (None, Some(modern)) => Some(modern.request("Discover, as a page", "server/discover", json!({}))),
        (None, None) => None,
    };
    let granted = match granted {
        Some(ask) => Some(asker.ask(ask.for_page(&origin)).await),
        None => None,
    };
    opened.extend(granted.as_ref().and_then(session_of));

    let document = login.document().and_then(|document| Url::parse(&document.url).ok());
    let resource_metadata = match document {
        Some(url) => {
            let ask = Ask::document("The resource's metadata, for a page", &url).for_page(&origin);
            Some(asker.ask_named(ask).await)
        }
        None => None,
    };
    let (server_metadata, token, register) = authorization_server(asker, login, &origin).await;

    // Somebody without a token may be turned away before it is looked at who they are.
    let entered = |what: &str| -> Ask {
        match (&eras.modern, &eras.legacy) {
            (Some(modern), _) => modern.request(what, "server/discover", json!({})),
            (None, Some(legacy)) => legacy.initialize(what, Revision::LATEST_LEGACY.as_str()),
            (None, None) => open(what),
        }
    };
    let stranger =
        entered("A request from a page that nobody allowed").for_page(&format!("https://{STRANGER}"));
    let stranger = asker.ask(stranger).await;
    let renamed = if url.scheme() == "http" && Reach::of(url) == Reach::Loopback {
        let ask = entered("A request to a name that the server does not have").header(HOST, STRANGER);
        Some(asker.ask(ask).await)
    } else {
        None
    };
    opened.extend(session_of(&stranger));
    opened.extend(renamed.as_ref().and_then(session_of));
    Page {
        origin,
        preflight,
        refused,
        granted,
        resource_metadata,
        server_metadata,
        token,
        register,
        stranger,
        renamed,
    }
}

async fn authorization_server(
    asker: &mut Asker,
    login: &Login,
    origin: &str,
) -> (Option<Answer>, Option<Answer>, Option<Answer>) {
    let server = login.servers.iter().find(|server| server.document().is_some());
    let Some((document, metadata)) = server.and_then(|server| Some((server.document()?, server.metadata()?)))
    else {
        return (None, None, None);
    };
    let parsed = |text: &str| Url::parse(text).ok();
    let mut answers = [None, None, None];
    if let Some(url) = parsed(&document.url) {
        let ask = Ask::document("The authorization server's metadata, for a page", &url).for_page(origin);
        answers[0] = Some(asker.ask_named(ask).await);
    }
    if let Some(url) = metadata.token_endpoint.as_deref().and_then(parsed) {
        let ask = token_request("Ask for a token without a code, as a page", &url).for_page(origin);
        answers[1] = Some(asker.ask_named(ask).await);
    }
    if let Some(url) = metadata.registration_endpoint.as_deref().and_then(parsed) {
        let ask = Ask::preflight("A page's preflight for registering", &url, origin, "POST", "content-type");
        answers[2] = Some(asker.ask_named(ask).await);
    }
    answers.into()
}
