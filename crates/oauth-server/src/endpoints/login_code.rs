//! `POST /login/code`: the second factor, after the password. `GET` leads back to the beginning.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use http::header::SET_COOKIE;

use super::login::Errand;
use crate::attempts::{self, Asked, Denial, Factor};
use crate::csrf::{self, Purpose};
use crate::flow::{Flow, Stop, finish};
use crate::half_login::Half;
use crate::pages::{CodeTemplate, Extras, page};
use crate::posted::{Posted, STALE_FORM};
use crate::respond::see_other;
use crate::routes::{LOGIN, LOGIN_CODE};
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;
use crate::store::UserRecord;
use crate::witness::EventKind;

pub(crate) async fn get(State(state): State<AppState>, RawQuery(query): RawQuery) -> Response {
    see_other(&state.path_with(LOGIN, query.as_deref().unwrap_or_default()))
}

pub(crate) async fn post(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    posted: Posted,
) -> Response {
    finish(&state, submit(&state, query.as_deref(), &posted).await)
}

async fn submit(state: &AppState, query: Option<&str>, posted: &Posted) -> Result<Response, Stop> {
    let errand = Errand::read(state, query).await?;
    let cookies = Cookies::read(state, &posted.headers);
    let mut draft = errand.flow().map(Flow::draft).unwrap_or_default();
    let fields = posted
        .form(&cookies, Purpose::Code, &errand.query())
        .inspect_err(|_| state.tell(&posted.sender, LOGIN_CODE, EventKind::Login, &draft, Err(STALE_FORM)))?;

    let field = |name| fields.one(name).ok().flatten().unwrap_or_default();
    let (half, code, now) = (field("half"), field("code"), state.now());
    let secret = cookies.secret().unwrap_or_default();
    let user = state.half_logins.open(Half::Login, state.store.as_ref(), half, secret, now).await?;
    let app = match &user {
        Some(user) => state.store.totp(&user.id).await?.filter(|app| app.confirmed_at.is_some()),
        None => None,
    };
    // The time is over, the password was changed, or the app was removed meanwhile: from the beginning.
    let (Some(user), Some(app)) = (user, app) else {
        return Ok(see_other(&state.path_with(LOGIN, &errand.query())));
    };
    let result = match code.trim() {
        "" => Err(Denial::Incomplete),
        code => attempts::code(state, app, posted.source, code).await?,
    };
    draft.user = Some(user.id.clone());
    match result {
        Ok(factor) => {
            let Some(set) = cookies.log_in(state, &user, &posted.sender, now).await? else {
                return Ok(see_other(&state.path_with(LOGIN, &errand.query())));
            };
            let reason = match factor {
                Factor::App => "second_factor",
                Factor::RecoveryCode => "recovery_code",
            };
            state.tell(&posted.sender, LOGIN_CODE, EventKind::Login, &draft, Ok(Some(reason)));
            let mut response = see_other(&errand.next(state));
            for cookie in set {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(denial) => {
            if let Some(rule) = denial.rule(Asked::Code) {
                state.tell(&posted.sender, LOGIN_CODE, EventKind::Login, &draft, Err(rule));
            }
            Ok(form(state, &cookies, &errand, half.to_owned(), Some(&denial)))
        }
    }
}

/// Asks `user`, whose password was right, for the second factor.
pub(crate) fn ask(state: &Inner, cookies: &Cookies, errand: &Errand, user: &UserRecord) -> Response {
    let secret = cookies.secret().unwrap_or_default();
    let half =
        state.half_logins.issue(Half::Login, user, secret, state.config.second_factor_ttl, state.now());
    form(state, cookies, errand, half, None)
}

fn form(
    state: &Inner,
    cookies: &Cookies,
    errand: &Errand,
    half: String,
    denial: Option<&Denial>,
) -> Response {
    let (query, flow) = (errand.query(), errand.flow());
    let csrf = csrf::token(cookies.secret().unwrap_or_default(), Purpose::Code, &query);
    let mut template = CodeTemplate::new(state, state.path_with(LOGIN_CODE, &query), csrf, half);
    template.error = denial.map(|denial| denial.text(Asked::Code));
    template.start_again = state.path_with(LOGIN, &query);
    let extras = Extras {
        leads_to: flow.map(|flow| &flow.request.redirect_uri),
        retry_after: denial.and_then(Denial::retry_after),
        ..Extras::default()
    };
    page(denial.map_or(StatusCode::OK, Denial::status), &template, extras)
}
