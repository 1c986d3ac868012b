//! `POST /logout`: ends the browser's session and asks for a login again, with the same request if there is one.

use axum::extract::{RawQuery, State};
use axum::response::Response;

use crate::csrf::Purpose;
use crate::flow::{Stop, finish};
use crate::posted::Posted;
use crate::respond::see_other_with;
use crate::routes::{LOGIN, LOGOUT};
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;
use crate::witness::{Draft, EventKind};

pub(crate) async fn post(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    posted: Posted,
) -> Response {
    finish(&state, log_out(&state, query.as_deref().unwrap_or_default(), &posted).await)
}

async fn log_out(state: &Inner, query: &str, posted: &Posted) -> Result<Response, Stop> {
    let cookies = Cookies::read(state, &posted.headers);
    posted.form(&cookies, Purpose::Logout, query)?;
    let session = cookies.session(state, state.now()).await?;
    let cookie = cookies.log_out(state).await?;
    if let Some(session) = session {
        let draft = Draft { user: Some(session.user.id), ..Draft::default() };
        state.tell(&posted.sender, LOGOUT, EventKind::Logout, &draft, Ok(None));
    }
    Ok(see_other_with(&state.path_with(LOGIN, query), [cookie]))
}
