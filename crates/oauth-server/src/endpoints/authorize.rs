//! `GET /authorize` ([OAuth 2.1 §4.1.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.1)):
//! checks the request and leads to the next page, or straight back when there is nothing to ask.
//!
//! It consumes nothing: some clients fetch the URL before the browser does.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::authorize::Next;
use http::HeaderMap;

use crate::flow::{Flow, Noted, Stop, finish};
use crate::respond::see_other;
use crate::routes::{AUTHORIZE, CONSENT, LOGIN};
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;
use crate::witness::{EventKind, Sender};

/// Nothing had to be asked.
pub(crate) const CODE_ISSUED: &str = "code_issued";

pub(crate) async fn get(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    sender: Sender,
    headers: HeaderMap,
) -> Response {
    let mut noted = Noted::default();
    let result = authorize(&state, query.as_deref(), &headers, &mut noted).await;
    state.tell(&sender, AUTHORIZE, EventKind::Authorization, &noted.draft, noted.ending(&result));
    finish(&state, result)
}

async fn authorize(
    state: &Inner,
    query: Option<&str>,
    headers: &HeaderMap,
    noted: &mut Noted,
) -> Result<Response, Stop> {
    let flow = Flow::read_noting(state, query, noted).await?;
    let session = Cookies::read(state, headers).session(state, state.now()).await?;
    let flow = flow.within_bounds(state, session.as_ref());
    match (flow.next(state, session.as_ref()).await?, &session) {
        (Next::Refuse(error), _) => {
            noted.refused(&error);
            Err(flow.refuse(state, error))
        }
        (Next::Issue, Some(session)) => {
            noted.draft.user = Some(session.user.id.clone());
            noted.led_to = Some(CODE_ISSUED);
            flow.issue_code(state, session).await
        }
        (Next::Ask(_), _) => {
            noted.led_to = Some("consent_asked");
            Ok(see_other(&state.path_with(CONSENT, &flow.query)))
        }
        (Next::LogIn | Next::Issue, _) => {
            noted.led_to = Some("login_asked");
            Ok(see_other(&state.path_with(LOGIN, &flow.query)))
        }
    }
}
