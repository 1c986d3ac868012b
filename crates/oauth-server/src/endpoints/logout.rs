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
use crate::routes::LOGIN;
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;

pub(crate) async fn post(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    finish(&state, log_out(&state, query.as_deref().unwrap_or_default(), &headers, body).await)
}

async fn log_out(
    state: &Inner,
    query: &str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Stop> {
    let cookies = Cookies::read(state, headers);
    let fields = respond::form(headers, body).map_err(|_| Stop::page(ErrorPage::stale_form()))?;
    check_form(headers, &cookies, &fields, Purpose::Logout, query)?;
    let cookie = cookies.log_out(state).await?;
    let mut response = see_other(&state.path_with(LOGIN, query));
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}
