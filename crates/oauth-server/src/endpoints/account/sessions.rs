//! `GET /account/sessions`, `POST /account/sessions`: the browsers in which a person is signed in, and ending that.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};

use super::{Around, Place, Visitor, done, not_there};
use crate::csrf::Purpose;
use crate::duration::Moment;
use crate::flow::{Stop, finish};
use crate::pages::{Extras, Frame, page};
use crate::posted::Posted;
use crate::routes::ACCOUNT_SESSIONS;
use crate::server::{AppState, Inner};
use crate::store::{Digest, SessionRecord};
use crate::witness::{Draft, EventKind};

/// What stands in a form instead of one session.
const OTHERS: &str = "others";

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct SessionsTemplate {
    frame: Frame,
    around: Around,
    sessions: Vec<Line>,
    action: String,
    others: &'static str,
    others_csrf: String,
}

/// One browser.
struct Line {
    /// What the form says; the digest of the cookie is of no use to anybody who has not the cookie.
    id: String,
    csrf: String,
    browser: String,
    from: Option<String>,
    started: Moment,
    ends: Moment,
    /// It is the one that shows this page.
    current: bool,
}

pub(crate) async fn get(State(state): State<AppState>, headers: HeaderMap) -> Response {
    finish(&state, show(&state, &headers).await)
}

pub(crate) async fn post(State(state): State<AppState>, posted: Posted) -> Response {
    finish(&state, submit(&state, &posted).await)
}

async fn show(state: &Inner, headers: &HeaderMap) -> Result<Response, Stop> {
    let visitor = Visitor::read(state, headers, Place::Sessions).await?;
    let now = state.now();
    let current = visitor.session.record.digest;
    let line = |session: &SessionRecord| {
        let id = id(session.digest);
        Line {
            csrf: visitor.csrf(Purpose::Sessions, &id),
            id,
            browser: session.browser.clone().unwrap_or_else(|| "A browser".to_owned()),
            from: session.started_from.map(|address| address.to_string()),
            started: Moment::new(session.authenticated_at, now),
            ends: Moment::new(session.expires_at, now),
            current: session.digest == current,
        }
    };
    let sessions = state.store.sessions_of(&visitor.session.user.id, now).await?;
    let template = SessionsTemplate {
        frame: Frame::new(state),
        around: Around::new(state, &visitor, Place::Sessions),
        sessions: sessions.iter().map(line).collect(),
        action: state.path(ACCOUNT_SESSIONS),
        others: OTHERS,
        others_csrf: visitor.csrf(Purpose::Sessions, OTHERS),
    };
    Ok(page(StatusCode::OK, &template, Extras::default()))
}

async fn submit(state: &Inner, posted: &Posted) -> Result<Response, Stop> {
    let visitor = Visitor::read(state, &posted.headers, Place::Sessions).await?;
    let fields = posted.fields()?;
    let which = fields.one("session").ok().flatten().unwrap_or_default();
    posted.check(&visitor.cookies, &fields, Purpose::Sessions, which)?;
    let user = &visitor.session.user.id;
    let text = if which == OTHERS {
        state.store.end_sessions_of(user, Some(visitor.session.record.digest)).await?;
        "You are signed in here only. Whoever else was signed in with your account has to sign in again."
    } else {
        let sessions = state.store.sessions_of(user, state.now()).await?;
        let ended = sessions.iter().find(|session| id(session.digest) == which).ok_or_else(not_there)?;
        state.store.end_session(ended.digest).await?;
        "That browser has to sign in again. Applications that were connected in it stay connected."
    };
    let draft = Draft { user: Some(user.clone()), ..Draft::default() };
    let reason = if which == OTHERS { "others" } else { "one" };
    state.tell(&posted.sender, ACCOUNT_SESSIONS, EventKind::SessionEnd, &draft, Ok(Some(reason)));
    Ok(done(state, &visitor, Place::Sessions, "Signed out there", text))
}

fn id(digest: Digest) -> String {
    URL_SAFE_NO_PAD.encode(digest.0)
}
