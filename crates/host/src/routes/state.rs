//! `GET /api/state`: everything the page needs after a load. The one place where a browser gets a session.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use super::extract::session_cookie;
use crate::api;
use crate::error::ApiError;
use crate::host::App;
use crate::random;
use crate::session;
use crate::session::Session;

/// The state of the browser's session; a new session if it has none. An id that the host did not give is not taken over.
pub(crate) async fn state(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let known = match session_cookie(&headers, app.origin()) {
        Some(cookie) => app.session(cookie).await?.map(|it| (cookie.to_owned(), it)),
        None => None,
    };
    let (cookie, session) = match known {
        Some(known) => known,
        None => {
            let cookie = random::secret();
            let session = app.new_session(&cookie)?;
            (cookie, session)
        }
    };
    let mut response = axum::Json(view(&app, &session)).into_response();
    // A session in use lasts: the browser keeps the cookie from now on again.
    let value = session::set_cookie(&cookie, app.origin(), app.limits());
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    Ok(response)
}

fn view(app: &App, session: &Session) -> api::State {
    // First the position, then the state: what happens in between is told twice rather than never.
    let last_event = session.events().last_id();
    api::State {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        offered: app.config().offered.clone(),
        any_server: app.config().allows_any_server(app.origin()),
        servers: session.servers().iter().map(|it| it.view()).collect(),
        calls: session.calls().iter().map(|it| it.view()).collect(),
        last_event,
    }
}
