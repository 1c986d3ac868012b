//! `POST /login/code`: the second factor, after the password. `GET` leads back to the beginning.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;

use super::login::Errand;
use super::login_step::Step;
use crate::attempts::{self, Asked, Denial, Factor};
use crate::csrf::{self, Purpose};
use crate::flow::{Stop, finish};
use crate::half_login::Half;
use crate::pages::{CodeTemplate, Extras, page};
use crate::posted::Posted;
use crate::respond::see_other;
use crate::routes::{LOGIN, LOGIN_CODE};
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;
use crate::store::UserRecord;

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
    let mut step = Step::read(state, query, posted, LOGIN_CODE, Purpose::Code).await?;
    let (store, half) = (state.store.as_ref(), step.field("half"));
    let secret = step.cookies.secret().unwrap_or_default();
    let user = state.half_logins.open(Half::Login, store, half, secret, state.now()).await?;
    let app = match &user {
        Some(user) => store.totp(&user.id).await?.filter(|app| app.confirmed_at.is_some()),
        None => None,
    };
    // The time is over, the password was changed, or the app was removed meanwhile: from the beginning.
    let (Some(user), Some(app)) = (user, app) else { return Ok(step.again()) };
    let result = match step.field("code").trim() {
        "" => Err(Denial::Incomplete),
        code => attempts::code(state, app, posted.source, code).await?,
    };
    step.draft.user = Some(user.id.clone());
    match result {
        Ok(factor) => {
            let way = match factor {
                Factor::App => "second_factor",
                Factor::RecoveryCode => "recovery_code",
            };
            Ok(step.log_in(&user, Some(way)).await?.unwrap_or_else(|| step.again()))
        }
        Err(denial) => {
            denial.rule(Asked::Code).into_iter().for_each(|rule| step.tell(Err(rule)));
            let half = step.field("half").to_owned();
            Ok(form(state, &step.cookies, &step.errand, half, Some(&denial)))
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
