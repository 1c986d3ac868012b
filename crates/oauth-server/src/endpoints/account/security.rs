//! `GET /account/security`: how a person signs in, and where each of it is changed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::{Around, Place, Visitor};
use crate::duration::Moment;
use crate::flow::{Stop, finish};
use crate::pages::{Extras, Frame, page};
use crate::routes::{ACCOUNT_PASSKEYS, ACCOUNT_PASSWORD, ACCOUNT_TOTP};
use crate::server::{AppState, Inner};

#[derive(Template)]
#[template(path = "account/security.html")]
struct SecurityTemplate {
    frame: Frame,
    around: Around,
    password: String,
    totp: String,
    changed: Option<Moment>,
    /// Where passkeys are changed, and how many there are; where there are any.
    passkeys: Option<(String, usize)>,
    has_app: bool,
    codes_left: u32,
}

pub(crate) async fn get(State(state): State<AppState>, headers: HeaderMap) -> Response {
    finish(&state, show(&state, &headers).await)
}

async fn show(state: &Inner, headers: &HeaderMap) -> Result<Response, Stop> {
    let visitor = Visitor::read(state, headers, Place::Security).await?;
    let user = &visitor.session.user.id;
    let app = state.store.totp(user).await?;
    let count = state.store.passkeys_of(user).await?.len();
    let template = SecurityTemplate {
        frame: Frame::new(state),
        around: Around::new(state, &visitor, Place::Security),
        password: state.path(ACCOUNT_PASSWORD),
        totp: state.path(ACCOUNT_TOTP),
        changed: visitor.session.user.password_changed_at.map(|at| Moment::new(at, state.now())),
        passkeys: state.passkeys.as_ref().map(|_| (state.path(ACCOUNT_PASSKEYS), count)),
        has_app: app.is_some_and(|app| app.confirmed_at.is_some()),
        codes_left: state.store.recovery_codes_left(user).await?,
    };
    Ok(page(StatusCode::OK, &template, Extras::default()))
}
