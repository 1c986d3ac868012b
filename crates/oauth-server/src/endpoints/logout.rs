//! `POST /logout`: ends the browser's session and asks for a login again, with the same request if there is one.

use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use http::header::SET_COOKIE;

use super::login::check_form;
use crate::csrf::Purpose;
use crate::flow::{Stop, finish};
use crate::pages::ErrorPage;
use crate::respond::{self, see_other};
use crate::routes::{LOGIN, LOGOUT};
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;
use crate::witness::{Draft, EventKind, Sender};

pub(crate) async fn post(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    sender: Sender,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    finish(&state, log_out(&state, query.as_deref().unwrap_or_default(), &sender, &headers, body).await)
}

async fn log_out(
    state: &Inner,
    query: &str,
    sender: &Sender,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Stop> {
    let cookies = Cookies::read(state, headers);
    let fields = respond::form(headers, body).map_err(|_| Stop::page(ErrorPage::stale_form()))?;
    check_form(state, headers, &cookies, &fields, Purpose::Logout, query)?;
    let session = cookies.session(state, state.now()).await?;
    let cookie = cookies.log_out(state).await?;
    if let Some(session) = session {
        let draft = Draft { user: Some(session.user.id), ..Draft::default() };
        state.tell(sender, LOGOUT, EventKind::Logout, &draft, Ok(None));
    }
    let mut response = see_other(&state.path_with(LOGIN, query));
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}
