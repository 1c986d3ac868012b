//! `GET /authorize` ([OAuth 2.1 §4.1.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.1)):
//! checks the request and leads to the next page, or straight back when there is nothing to ask.
//!
//! It consumes nothing: some clients fetch the URL before the browser does.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::authorize::Next;
use http::HeaderMap;

use crate::flow::{Flow, Stop, finish};
use crate::respond::see_other;
use crate::routes::{CONSENT, LOGIN};
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;

pub(crate) async fn get(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    finish(&state, authorize(&state, query.as_deref(), &headers).await)
}

async fn authorize(state: &Inner, query: Option<&str>, headers: &HeaderMap) -> Result<Response, Stop> {
    let flow = Flow::read(state, query).await?;
    let session = Cookies::read(state, headers).session(state, state.now()).await?;
    match (flow.next(state, session.as_ref()).await?, &session) {
        (Next::Refuse(error), _) => Err(flow.refuse(state, error)),
        (Next::Issue, Some(session)) => flow.issue_code(state, session).await,
        (Next::Ask(_), _) => Ok(see_other(&state.path_with(CONSENT, &flow.query))),
        (Next::LogIn | Next::Issue, _) => Ok(see_other(&state.path_with(LOGIN, &flow.query))),
    }
}
