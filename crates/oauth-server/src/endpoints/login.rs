//! `GET /login`, `POST /login`: name and password.
//!
//! The query is the authorization request that the login is for, or names a page of the account; without either, a
//! person just logs in.

use std::sync::Arc;

use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::secret::Password;
use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};

use crate::csrf::{self, Purpose};
use crate::duration;
use crate::endpoints::account::Place;
use crate::flow::{Flow, Stop, finish};
use crate::pages::{ErrorPage, Extras, LoginTemplate, SignedInTemplate, page};
use crate::passwords::PasswordError;
use crate::respond::{self, see_other};
use crate::routes::{AUTHORIZE, LOGIN, LOGOUT};
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;
use crate::source::Source;
use crate::store::{Digest, Secret, StoreError, UserRecord};
use crate::throttle::{self, Admission};
use crate::witness::{Draft, EventKind, Sender};
use crate::{random, sessions};

/// Longest name that is looked up, in bytes.
const MAX_USERNAME: usize = 256;

/// Why nobody is logged in.
enum LoginError {
    /// A field is empty.
    Incomplete,
    /// No such user, or another password.
    Wrong,
    /// Too many wrong ones; come back later.
    Throttled(std::time::Duration),
    /// Too many logins at once.
    Busy,
}

impl LoginError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::Wrong => StatusCode::FORBIDDEN,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Incomplete => "Enter your user name and your password.".to_owned(),
            Self::Wrong => {
                "This user name and password do not belong together. Check both and try again.".to_owned()
            }
            Self::Throttled(wait) => format!(
                "There were too many wrong passwords for this account from here. Try again in {}.",
                duration::words(*wait)
            ),
            Self::Busy => "Too many people are logging in right now. Try again in a moment.".to_owned(),
        }
    }

    /// For whoever keeps account; nothing where nobody has tried.
    fn rule(&self) -> Option<&'static str> {
        match self {
            Self::Incomplete => None,
            Self::Wrong => Some("wrong_password"),
            Self::Throttled(_) => Some("throttled"),
            Self::Busy => Some("busy"),
        }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Throttled(wait) => Some(*wait),
            Self::Busy => Some(std::time::Duration::from_secs(2)),
            Self::Incomplete | Self::Wrong => None,
        }
    }
}

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
    source: Source,
    sender: Sender,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    finish(&state, submit(&state, query.as_deref(), source, &sender, &headers, body).await)
}

async fn show(state: &Inner, query: Option<&str>, headers: &HeaderMap) -> Result<Response, Stop> {
    let errand = Errand::read(state, query).await?;
    let cookies = Cookies::read(state, headers);
    let session = cookies.session(state, state.now()).await?;
    match (&errand, session) {
        (Errand::Nothing, Some(session)) => Ok(signed_in(state, &cookies, &session)),
        (Errand::Account(place), Some(_)) => Ok(see_other(&state.path(place.path()))),
        (Errand::Request(flow), Some(_)) if !flow.request.prompt.login => {
            Ok(see_other(&state.path_with(AUTHORIZE, &flow.query)))
        }
        _ => {
            let hint = errand.flow().and_then(|flow| flow.parameters.one("login_hint").ok().flatten());
            let username = hint.filter(|hint| hint.len() <= MAX_USERNAME).unwrap_or_default();
            Ok(form(state, &cookies, &errand, username, None))
        }
    }
}

async fn submit(
    state: &AppState,
    query: Option<&str>,
    source: Source,
    sender: &Sender,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Stop> {
    let errand = Errand::read(state, query).await?;
    let cookies = Cookies::read(state, headers);
    let fields = respond::form(headers, body).map_err(|_| Stop::page(ErrorPage::stale_form()))?;
    check_form(headers, &cookies, &fields, Purpose::Login, &errand.query())?;

    let field = |name| fields.one(name).ok().flatten().unwrap_or_default();
    let (username, password) = (field("username"), Password::new(field("password")));
    let mut draft = errand.flow().map(Flow::draft).unwrap_or_default();
    let result = log_in(state, &cookies, source, username, password, &mut draft).await?;
    if let Some(ending) = result.as_ref().map_or_else(|error| error.rule().map(Err), |_| Some(Ok(None))) {
        state.tell(sender, LOGIN, EventKind::Login, &draft, ending);
    }
    match result {
        Ok(user) => {
            let mut response = see_other(&errand.next(state));
            for cookie in cookies.log_in(state, &user, sender, state.now()).await? {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(error) => Ok(form(state, &cookies, &errand, username, Some(&error))),
    }
}

/// What a person logs in for.
pub(crate) enum Errand {
    /// For nothing but to be logged in.
    Nothing,
    /// To see a page of the account.
    Account(Place),
    /// To answer an authorization request.
    Request(Box<Flow>),
}

/// The query of a login that leads to this page. It is one of a few words, so that a login leads nowhere else.
pub(crate) fn errand(place: Place) -> String {
    format!("{ACCOUNT}{}", place.word())
}

/// How such a query begins.
const ACCOUNT: &str = "account=";

impl Errand {
    pub(crate) async fn read(state: &Inner, query: Option<&str>) -> Result<Self, Stop> {
        let query = query.unwrap_or_default();
        if query.is_empty() {
            return Ok(Self::Nothing);
        }
        match query.strip_prefix(ACCOUNT).and_then(Place::from_word) {
            Some(place) => Ok(Self::Account(place)),
            None => Flow::read(state, Some(query)).await.map(|flow| Self::Request(Box::new(flow))),
        }
    }

    pub(crate) fn flow(&self) -> Option<&Flow> {
        match self {
            Self::Request(flow) => Some(flow),
            Self::Nothing | Self::Account(_) => None,
        }
    }

    /// The query of the pages of this login.
    pub(crate) fn query(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Account(place) => errand(*place),
            Self::Request(flow) => flow.query.clone(),
        }
    }

    /// Where it leads once somebody is logged in.
    pub(crate) fn next(&self, state: &Inner) -> String {
        match self {
            Self::Nothing => state.path(LOGIN),
            Self::Account(place) => state.path(place.path()),
            // The user was asked; the request goes on without this wish, or it would ask forever.
            Self::Request(flow) if flow.request.prompt.login => {
                state.path_with(AUTHORIZE, &without_login_prompt(&flow.parameters))
            }
            Self::Request(flow) => state.path_with(AUTHORIZE, &flow.query),
        }
    }
}

/// Checks that a form came from the page we made for it, in this browser.
pub(crate) fn check_form(
    headers: &HeaderMap,
    cookies: &Cookies,
    fields: &Parameters,
    purpose: Purpose,
    query: &str,
) -> Result<(), Stop> {
    let cross_site = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    let token = fields.one("csrf").ok().flatten().unwrap_or_default();
    let valid = cookies.secret().is_some_and(|secret| csrf::is_valid(token, secret, purpose, query));
    if valid && !cross_site { Ok(()) } else { Err(Stop::page(ErrorPage::stale_form())) }
}

async fn log_in(
    state: &AppState,
    cookies: &Cookies,
    source: Source,
    username: &str,
    password: Password,
    draft: &mut Draft,
) -> Result<Result<UserRecord, LoginError>, Stop> {
    if username.is_empty() || password.expose().is_empty() {
        return Ok(Err(LoginError::Incomplete));
    }
    if username.len() > MAX_USERNAME {
        return Ok(Err(LoginError::Wrong));
    }
    let user = state.store.user_by_name(username).await?;
    // What was typed may be anything, a password too; the id of a user that exists is not.
    draft.user = user.as_ref().map(|user| user.id.clone());
    let key = attempts_key(state, cookies, source, username, user.as_ref());
    let stored = user.as_ref().map(|user| user.password_hash.clone());
    // On a task of its own: a browser that goes away in the middle must not leave a right password counted as wrong.
    let attempt = tokio::spawn(attempt(Arc::clone(state), key, stored, password));
    match attempt.await.map_err(StoreError::new)?? {
        Ok(()) => Ok(user.ok_or(LoginError::Wrong)),
        Err(error) => {
            if matches!(error, LoginError::Throttled(_)) {
                // What was typed may be anything, a password too; the name of a user that exists is not.
                tracing::info!(user = user.map(|user| user.id), "a login has to wait after wrong passwords");
            }
            Ok(Err(error))
        }
    }
}

/// One attempt with this password, when it is its turn.
async fn attempt(
    state: AppState,
    key: Digest,
    stored: Option<Secret>,
    password: Password,
) -> Result<Result<(), LoginError>, StoreError> {
    let store = state.store.as_ref();
    let Some(_turn) = state.logins.take(key).await else { return Ok(Err(LoginError::Busy)) };
    let counted = match throttle::admit(store, &state.config, key, state.now()).await? {
        Admission::Admitted(counted) => counted,
        Admission::Wait(wait) => return Ok(Err(LoginError::Throttled(wait))),
        Admission::Crowded => return Ok(Err(LoginError::Busy)),
    };
    match state.passwords.verify(stored, password).await {
        Ok(true) => {
            counted.succeeded(store).await?;
            Ok(Ok(()))
        }
        Ok(false) | Err(PasswordError::Length | PasswordError::Settings) => Ok(Err(LoginError::Wrong)),
        Err(PasswordError::Busy) => {
            counted.take_back(store, &state.config).await?;
            Ok(Err(LoginError::Busy))
        }
    }
}

/// Under which key this attempt counts: the account, and the place it comes from. A browser in which this user has
/// logged in before is a place of its own.
fn attempts_key(
    state: &Inner,
    cookies: &Cookies,
    source: Source,
    username: &str,
    user: Option<&UserRecord>,
) -> Digest {
    match user.and_then(|user| cookies.known_browser(state, &user.id)) {
        Some(nonce) => random::digest_of(&[b"browser", username.as_bytes(), &nonce]),
        None => random::digest_of(&[b"address", username.as_bytes(), &source.key()]),
    }
}

fn form(
    state: &Inner,
    cookies: &Cookies,
    errand: &Errand,
    username: &str,
    error: Option<&LoginError>,
) -> Response {
    let (query, flow) = (errand.query(), errand.flow());
    let (secret, cookie) = cookies.secret_or_new(state);
    let token = csrf::token(&secret, Purpose::Login, &query);
    let mut template = LoginTemplate::new(state, flow, state.path_with(LOGIN, &query), token);
    username.clone_into(&mut template.username);
    template.error = error.map(LoginError::text);
    let extras = Extras {
        leads_to: flow.map(|flow| &flow.request.redirect_uri),
        cookies: cookie.into_iter().collect(),
        retry_after: error.and_then(LoginError::retry_after),
    };
    page(error.map_or(StatusCode::OK, LoginError::status), &template, extras)
}

fn signed_in(state: &Inner, cookies: &Cookies, session: &sessions::Session) -> Response {
    let (secret, _) = cookies.secret_or_new(state);
    let token = csrf::token(&secret, Purpose::Logout, "");
    let template = SignedInTemplate::new(state, session.user.name.clone(), state.path(LOGOUT), token);
    page(StatusCode::OK, &template, Extras::default())
}

/// The same request without `prompt=login`; a wish for consent stays.
fn without_login_prompt(parameters: &Parameters) -> String {
    let query = parameters.without("prompt");
    let consent = parameters.one("prompt").ok().flatten().is_some_and(|prompt| prompt.contains("consent"));
    if consent { format!("{query}&prompt=consent") } else { query }
}
