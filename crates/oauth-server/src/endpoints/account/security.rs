//! `GET /account/security`: how a person signs in, and where each of it is changed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::{Around, Place, Visitor, apps};
use crate::duration::Moment;
use crate::flow::{Stop, finish};
use crate::pages::{Extras, Frame, page};
use crate::routes::{ACCOUNT_APPS, ACCOUNT_PASSKEYS, ACCOUNT_PASSWORD, ACCOUNT_TOTP};
use crate::server::{AppState, Inner};
use crate::store::{GrantOverview, GrantsWanted, PasskeyRecord};

#[derive(Template)]
#[template(path = "account/security.html")]
struct SecurityTemplate {
    frame: Frame,
    around: Around,
    /// Where they sign in, if it is not here: then nothing of the rest is shown.
    elsewhere: Option<String>,
    password: String,
    totp: String,
    changed: Option<Moment>,
    /// What a new password has left as it was; empty before the first change.
    remaining: Vec<Remaining>,
    /// Where passkeys are changed, and how many there are; where there are any.
    passkeys: Option<(String, usize)>,
    has_app: bool,
    codes_left: u32,
}

/// Something that goes on after a change of the password, and where it is ended.
struct Remaining {
    what: &'static str,
    name: String,
    path: String,
}

/// The passkeys and the apps: whoever added one with the old password still has it.
async fn remaining(state: &Inner, passkeys: &[PasskeyRecord], user: &str) -> Result<Vec<Remaining>, Stop> {
    let wanted = GrantsWanted {
        user_id: Some(user),
        client_id: None,
        live: Some(apps::live(state, state.now())),
        after: None,
        limit: apps::PAGE + 1,
    };
    let apps = state.store.grants(&wanted).await?;
    let passkey = |passkey: &PasskeyRecord| Remaining {
        what: "Passkey",
        name: passkey.name.clone(),
        path: state.path(ACCOUNT_PASSKEYS),
    };
    let app = |overview: &GrantOverview| Remaining {
        what: "App",
        name: apps::name(overview),
        path: state.path(&format!("{ACCOUNT_APPS}/{}", overview.grant.id)),
    };
    let mut all: Vec<_> = passkeys.iter().filter(|_| state.passkeys.is_some()).map(passkey).collect();
    all.extend(apps.iter().take(apps::PAGE as usize).map(app));
    if apps.len() > apps::PAGE as usize {
        let name = "All connected apps".to_owned();
        all.push(Remaining { what: "More", name, path: state.path(ACCOUNT_APPS) });
    }
    Ok(all)
}

pub(crate) async fn get(State(state): State<AppState>, headers: HeaderMap) -> Response {
    finish(&state, show(&state, &headers).await)
}

async fn show(state: &Inner, headers: &HeaderMap) -> Result<Response, Stop> {
    let visitor = Visitor::read(state, headers, Place::Security).await?;
    let user = &visitor.session.user.id;
    let app = state.store.totp(user).await?;
    let passkeys = state.store.passkeys_of(user).await?;
    let changed = visitor.session.user.password_changed_at.map(|at| Moment::new(at, state.now()));
    let remaining = match changed {
        Some(_) => remaining(state, &passkeys, user).await?,
        None => Vec::new(),
    };
    let template = SecurityTemplate {
        frame: Frame::new(state),
        around: Around::new(state, &visitor, Place::Security),
        elsewhere: (!visitor.signs_in_here(state)).then(|| visitor.provider(state).to_owned()),
        password: state.path(ACCOUNT_PASSWORD),
        totp: state.path(ACCOUNT_TOTP),
        changed,
        remaining,
        passkeys: state.passkeys.as_ref().map(|_| (state.path(ACCOUNT_PASSKEYS), passkeys.len())),
        has_app: app.is_some_and(|app| app.confirmed_at.is_some()),
        codes_left: state.store.recovery_codes_left(user).await?,
    };
    Ok(page(StatusCode::OK, &template, Extras::default()))
}
