//! `GET /login`, `POST /login`: name and password.
//!
//! The query is the authorization request that the login is for, or names a page of the account, or the code of a device;
//! without any, a person just logs in.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::device::UserCode;
use barewire_oauth::secret::Password;
use http::{HeaderMap, StatusCode};

use crate::attempts::{self, Asked, Denial};
use crate::csrf::{self, Purpose};
use crate::endpoints::account::Place;
use crate::endpoints::admin::Section;
use crate::endpoints::login_step::Step;
use crate::endpoints::{login_code, upstream};
use crate::flow::{Flow, Stop, finish};
use crate::pages::{Extras, LoginTemplate, PasskeyForm, SignedInTemplate, page};
use crate::passkeys::For;
use crate::posted::Posted;
use crate::respond::see_other;
use crate::routes::{self, AUTHORIZE, LOGIN, LOGIN_PASSKEY, LOGOUT};
use crate::server::{AppState, Inner};
use crate::sessions;
use crate::sessions::Cookies;
use crate::source::Source;
use crate::store::{StoreError, UserRecord};
use crate::witness::Draft;

/// Longest name that is looked up, in bytes.
const MAX_USERNAME: usize = 256;

pub(crate) async fn get(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    finish(&state, show(&state, query.as_deref(), &headers).await)
}

pub(crate) async fn post(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    posted: Posted,
) -> Response {
    finish(&state, submit(&state, query.as_deref(), &posted).await)
}

async fn show(state: &Inner, query: Option<&str>, headers: &HeaderMap) -> Result<Response, Stop> {
    let errand = Errand::read(state, query).await?;
    let cookies = Cookies::read(state, headers);
    let session = cookies.session(state, state.now()).await?;
    match (&errand, session) {
        (Errand::Nothing, Some(session)) => Ok(signed_in(state, &cookies, &session)),
        (Errand::Account(_) | Errand::Device(_), Some(_)) => Ok(see_other(&errand.next(state))),
        // Another person's login may be what is needed; one that is recent enough leads on.
        (Errand::Administration(_), Some(session))
            if session.administrator_until(state).is_some_and(|until| state.now() < until) =>
        {
            Ok(see_other(&errand.next(state)))
        }
        (Errand::Request(flow), Some(session)) if !flow.wants_login(state, &session) => {
            Ok(see_other(&state.path_with(AUTHORIZE, &flow.query)))
        }
        _ => {
            let hint = errand.flow().and_then(|flow| flow.parameters.one("login_hint").ok().flatten());
            let username = hint.filter(|hint| hint.len() <= MAX_USERNAME).unwrap_or_default();
            Ok(form(state, &cookies, &errand, username, None))
        }
    }
}

async fn submit(state: &AppState, query: Option<&str>, posted: &Posted) -> Result<Response, Stop> {
    let mut step = Step::read(state, query, posted, LOGIN, Purpose::Login).await?;
    let (username, password) = (step.field("username").to_owned(), Password::new(step.field("password")));
    let known = recognise(state, &step.cookies, posted.source, &username, password, &mut step.draft).await?;
    let user = match known {
        Ok(user) => user,
        Err(denial) => return Ok(denied(state, &step, &username, &denial)),
    };
    if has_second_factor(state, &user).await? {
        step.tell(Ok(Some("second_factor_asked")));
        return Ok(login_code::ask(state, &step.cookies, &step.errand, &user));
    }
    let logged_in = step.log_in(&user, None).await?;
    // Nothing: it was changed while this login waited.
    Ok(logged_in.unwrap_or_else(|| denied(state, &step, &username, &Denial::Wrong)))
}

fn denied(state: &Inner, step: &Step<'_>, username: &str, denial: &Denial) -> Response {
    denial.rule(Asked::NameAndPassword).into_iter().for_each(|rule| step.tell(Err(rule)));
    let text = denial.text(Asked::NameAndPassword);
    form(state, &step.cookies, &step.errand, username, Some((denial, text)))
}

/// Asked only once the password was right, so that it says nothing to whoever guesses.
async fn has_second_factor(state: &Inner, user: &UserRecord) -> Result<bool, StoreError> {
    Ok(state.store.totp(&user.id).await?.is_some_and(|app| app.confirmed_at.is_some()))
}

/// What a person logs in for.
pub(crate) enum Errand {
    /// For nothing but to be logged in.
    Nothing,
    /// To see a page of the account.
    Account(Place),
    /// To administer.
    Administration(Section),
    /// To let a device in; with its code, if it is known.
    Device(Option<UserCode>),
    /// To answer an authorization request.
    Request(Box<Flow>),
}

/// The query of a login that leads to this page. It is one of a few words, so that a login leads nowhere else.
pub(crate) fn errand(place: Place) -> String {
    format!("{ACCOUNT}{}", place.word())
}

/// The query of a login that leads to this page of administrators.
pub(crate) fn admin_errand(section: &Section) -> String {
    format!("{ADMIN}{}", section.word())
}

/// The query of a login after which a device with this code is let in.
pub(crate) fn device_errand(code: Option<&UserCode>) -> String {
    format!("{DEVICE}{}", code.map(ToString::to_string).unwrap_or_default())
}

/// How such queries begin.
const ACCOUNT: &str = "account=";
const ADMIN: &str = "admin=";
const DEVICE: &str = "device=";

impl Errand {
    pub(crate) async fn read(state: &Inner, query: Option<&str>) -> Result<Self, Stop> {
        let query = query.unwrap_or_default();
        if query.is_empty() {
            return Ok(Self::Nothing);
        }
        if let Some(code) = query.strip_prefix(DEVICE) {
            return Ok(Self::Device(UserCode::parse(code)));
        }
        if let Some(section) = query.strip_prefix(ADMIN).and_then(Section::from_word) {
            return Ok(Self::Administration(section));
        }
        match query.strip_prefix(ACCOUNT).and_then(Place::from_word) {
            Some(place) => Ok(Self::Account(place)),
            None => Flow::read(state, Some(query)).await.map(|flow| Self::Request(Box::new(flow))),
        }
    }

    pub(crate) fn flow(&self) -> Option<&Flow> {
        match self {
            Self::Request(flow) => Some(flow),
            Self::Nothing | Self::Account(_) | Self::Administration(_) | Self::Device(_) => None,
        }
    }

    /// The query of the pages of this login.
    pub(crate) fn query(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Account(place) => errand(*place),
            Self::Administration(section) => admin_errand(section),
            Self::Device(code) => device_errand(code.as_ref()),
            Self::Request(flow) => flow.query.clone(),
        }
    }

    /// Where it leads once somebody is logged in.
    pub(crate) fn next(&self, state: &Inner) -> String {
        match self {
            Self::Nothing => state.path(LOGIN),
            Self::Account(place) => state.path(place.path()),
            Self::Administration(section) => state.path(&section.path()),
            Self::Device(code) => {
                let query = code.as_ref().map(|code| format!("user_code={code}")).unwrap_or_default();
                state.path_with(routes::DEVICE, &query)
            }
            // The user was asked; the request goes on without this wish, or it would ask forever.
            Self::Request(flow) => state.path_with(AUTHORIZE, &flow.after_login()),
        }
    }
}

/// Whose name and password these are.
async fn recognise(
    state: &AppState,
    cookies: &Cookies,
    source: Source,
    username: &str,
    password: Password,
    draft: &mut Draft,
) -> Result<Result<UserRecord, Denial>, Stop> {
    if username.is_empty() || password.expose().is_empty() {
        return Ok(Err(Denial::Incomplete));
    }
    if username.len() > MAX_USERNAME {
        return Ok(Err(Denial::Wrong));
    }
    let user = state.store.user_by_name(username).await?;
    // What was typed may be anything, a password too; the id of a user that exists is not.
    draft.user = user.as_ref().map(|user| user.id.clone());
    let key = attempts::key(state, cookies, source, username, user.as_ref());
    // Who is disabled has no password: that looks, and takes as long, as if it were wrong.
    let stored = user.as_ref().filter(|user| user.is_enabled()).and_then(UserRecord::password).cloned();
    match attempts::password(state, key, stored, password).await? {
        Ok(()) => Ok(user.ok_or(Denial::Wrong)),
        Err(denial) => {
            if matches!(denial, Denial::Throttled(_)) {
                // What was typed may be anything, a password too; the name of a user that exists is not.
                tracing::info!(user = user.map(|user| user.id), "a login has to wait after wrong passwords");
            }
            Ok(Err(denial))
        }
    }
}

/// The login page again, after a passkey that was not accepted; it says the same for each.
pub(crate) fn passkey_refused(state: &Inner, cookies: &Cookies, errand: &Errand) -> Response {
    let text = "This passkey was not accepted. Try again, or sign in with your password.".to_owned();
    form(state, cookies, errand, "", Some((&Denial::Wrong, text)))
}

fn form(
    state: &Inner,
    cookies: &Cookies,
    errand: &Errand,
    username: &str,
    denial: Option<(&Denial, String)>,
) -> Response {
    let (query, flow) = (errand.query(), errand.flow());
    let (secret, cookie) = cookies.secret_or_new(state);
    let token = csrf::token(&secret, Purpose::Login, &query);
    let mut template = LoginTemplate::new(state, flow, state.path_with(LOGIN, &query), token);
    username.clone_into(&mut template.username);
    template.upstreams = upstream::buttons(state, &query);
    let passkeys = state.passkeys.as_ref().filter(|_| state.config.local_logins);
    template.passkey = passkeys.map(|passkeys| PasskeyForm {
        action: state.path_with(LOGIN_PASSKEY, &query),
        csrf: csrf::token(&secret, Purpose::Passkey, &query),
        challenge: passkeys.challenge(For::Login, &secret, state.now()),
        rp_id: passkeys.party.id.clone(),
    });
    let (denial, text) = denial.unzip();
    template.error = text;
    let extras = Extras {
        leads_to: flow.map(|flow| &flow.request.redirect_uri),
        cookies: cookie.into_iter().collect(),
        scripted: passkeys.is_some(),
        retry_after: denial.and_then(Denial::retry_after),
    };
    page(denial.map_or(StatusCode::OK, Denial::status), &template, extras)
}

fn signed_in(state: &Inner, cookies: &Cookies, session: &sessions::Session) -> Response {
    let (secret, _) = cookies.secret_or_new(state);
    let token = csrf::token(&secret, Purpose::Logout, "");
    let template = SignedInTemplate::new(state, &session.user, state.path(LOGOUT), token);
    page(StatusCode::OK, &template, Extras::default())
}
