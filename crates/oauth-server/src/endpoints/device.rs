//! `GET /device`, `POST /device` ([RFC 8628 §3.3](https://datatracker.ietf.org/doc/html/rfc8628#section-3.3)): the user of a
//! device types its code, sees who asks, and answers.
//!
//! Nobody types codes who is not logged in, so guesses are counted by user, and a user's take turns
//! ([RFC 8628 §5.1](https://datatracker.ietf.org/doc/html/rfc8628#section-5.1)). An answer names a code, too, and its form
//! can be made up by whoever is logged in: it counts as what is typed does. A right code takes only its own try back: who
//! has a code of his own does not get fresh tries by it.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::device::UserCode;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::scope::ScopeSet;
use http::{HeaderMap, StatusCode};

use super::login::device_errand;
use crate::csrf::{self, Purpose};
use crate::duration;
use crate::flow::{Stop, finish};
use crate::pages::{
    DeviceConsentForms, DeviceConsentTemplate, DeviceDoneTemplate, DeviceTemplate, ErrorPage, Extras, page,
};
use crate::posted::Posted;
use crate::random;
use crate::respond::see_other;
use crate::routes::{DEVICE, LOGIN, LOGOUT};
use crate::server::{AppState, Inner};
use crate::sessions::{Cookies, Session};
use crate::store::{DeviceRecord, Swap};
use crate::throttle::{self, Admission};
use crate::upstream;
use crate::witness::{Draft, EventKind, Sender, request_of_device};

/// Why a code does nothing.
enum CodeError {
    /// It is none, or nobody waits for it any more.
    Unknown,
    /// Too many wrong ones.
    Throttled(std::time::Duration),
    /// Too many at once.
    Busy,
    /// The user's organisation allows them nothing of what the device asks for.
    NotAllowed,
}

impl CodeError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::BAD_REQUEST,
            Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Unknown => {
                "No device waits with this code. Check it, or start again on the device.".to_owned()
            }
            Self::Throttled(wait) => {
                format!("There were too many wrong codes. Try again in {}.", duration::words(*wait))
            }
            Self::Busy => "Too many codes are being tried right now. Try again in a moment.".to_owned(),
            Self::NotAllowed => {
                "Your organisation allows you nothing of what this device asks for.".to_owned()
            }
        }
    }

    /// For whoever keeps account.
    fn rule(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown_user_code",
            Self::Throttled(_) => "throttled",
            Self::Busy => "busy",
            Self::NotAllowed => "upstream_no_scope",
        }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Unknown | Self::NotAllowed => None,
            Self::Throttled(wait) => Some(*wait),
            Self::Busy => Some(std::time::Duration::from_secs(2)),
        }
    }
}

pub(crate) async fn get(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    finish(&state, show(&state, query.as_deref().unwrap_or_default(), &headers).await)
}

pub(crate) async fn post(State(state): State<AppState>, posted: Posted) -> Response {
    finish(&state, submit(&state, &posted).await)
}

async fn show(state: &Inner, query: &str, headers: &HeaderMap) -> Result<Response, Stop> {
    let typed = Parameters::parse(query.as_bytes());
    let code = typed.one("user_code").ok().flatten().and_then(UserCode::parse);
    let cookies = Cookies::read(state, headers);
    if cookies.session(state, state.now()).await?.is_none() {
        return Ok(see_other(&state.path_with(LOGIN, &device_errand(code.as_ref()))));
    }
    // The code is in the link, and its user still has to look at it: he compares it with the one on his device.
    Ok(form(state, &cookies, code.map(|code| code.to_string()).unwrap_or_default(), None))
}

async fn submit(state: &Inner, posted: &Posted) -> Result<Response, Stop> {
    let cookies = Cookies::read(state, &posted.headers);
    let fields = posted.fields()?;
    let field = |name| fields.one(name).ok().flatten();
    let typed = field("user_code").unwrap_or_default();
    let code = UserCode::parse(typed);
    let Some(session) = cookies.session(state, state.now()).await? else {
        return Ok(see_other(&state.path_with(LOGIN, &device_errand(code.as_ref()))));
    };
    if let Some(decision) = field("decision") {
        let code = code.ok_or_else(|| Stop::page(ErrorPage::stale_form()))?;
        posted.check(&cookies, &fields, Purpose::DeviceConsent, code.letters())?;
        return decide(state, &posted.sender, &cookies, &session, &code, decision).await;
    }
    posted.check(&cookies, &fields, Purpose::Device, "")?;
    match find(state, &session, code.as_ref()).await? {
        Ok((code, device)) => Ok(ask(state, &cookies, &session, &code, &device)),
        Err(error) => {
            tell_refused(state, &posted.sender, &session, error.rule());
            let typed = typed.chars().take(32).collect();
            Ok(form(state, &cookies, typed, Some(&error)))
        }
    }
}

/// The request with this code that waits for its user. Every code that is none counts as a guess.
async fn find(
    state: &Inner,
    session: &Session,
    code: Option<&UserCode>,
) -> Result<Result<(UserCode, DeviceRecord), CodeError>, Stop> {
    let (store, now) = (state.store.as_ref(), state.now());
    let key = random::digest_of(&[b"device", session.user.id.as_bytes()]);
    let Some(_turn) = state.logins.take(key).await else { return Ok(Err(CodeError::Busy)) };
    let counted = match throttle::admit(store, &state.config, key, now).await? {
        Admission::Admitted(counted) => counted,
        Admission::Wait(wait) => return Ok(Err(CodeError::Throttled(wait))),
        Admission::Crowded => return Ok(Err(CodeError::Busy)),
    };
    let Some(code) = code else { return Ok(Err(CodeError::Unknown)) };
    let device = store.device_by_user_code(random::digest(code.letters())).await?;
    let Some(mut device) = device.filter(|device| device.decision.is_none() && device.expires_at > now)
    else {
        return Ok(Err(CodeError::Unknown));
    };
    counted.take_back(store, &state.config).await?;
    // What this user's organisation allows of it is all that they are asked about.
    match upstream::left(&ScopeSet::parse_lenient(&device.scope), session.upstream.as_ref()) {
        Some(left) => {
            device.scope = left.to_string();
            Ok(Ok((code.clone(), device)))
        }
        None => Ok(Err(CodeError::NotAllowed)),
    }
}

fn tell_refused(state: &Inner, sender: &Sender, session: &Session, rule: &'static str) {
    let draft = Draft { user: Some(session.user.id.clone()), ..Draft::default() };
    state.tell(sender, DEVICE, EventKind::Consent, &draft, Err(rule));
}

async fn decide(
    state: &Inner,
    sender: &Sender,
    cookies: &Cookies,
    session: &Session,
    code: &UserCode,
    decision: &str,
) -> Result<Response, Stop> {
    let allowed = match decision {
        "allow" => true,
        "deny" => false,
        _ => return Err(Stop::page(ErrorPage::stale_form())),
    };
    let user = &session.user.id;
    let device = match find(state, session, Some(code)).await? {
        Ok((_, device)) => device,
        Err(error) => {
            tell_refused(state, sender, session, error.rule());
            return Ok(match error {
                CodeError::Unknown => DeviceDoneTemplate::too_late(state),
                _ => form(state, cookies, code.to_string(), Some(&error)),
            });
        }
    };
    let (code, now) = (device.device_code, state.now());
    let decided = match &session.upstream {
        Some(bounds) if allowed => {
            state.store.allow_device_within(code, user, &device.scope, &bounds.id, now).await?
        }
        _ => state.store.decide_device(code, allowed.then_some(user.as_str()), now).await?,
    };
    if decided == Swap::Lost {
        // Answered in another window since.
        tell_refused(state, sender, session, CodeError::Unknown.rule());
        return Ok(DeviceDoneTemplate::too_late(state));
    }
    let draft = Draft {
        user: Some(user.clone()),
        client: Some(device.client_id),
        client_name: device.client_name,
        registration: Some(device.registration.as_str()),
        request: request_of_device(device.device_code),
        grant: None,
        scope: Some(device.scope),
    };
    let ending = if allowed { Ok(None) } else { Err("user") };
    state.tell(sender, DEVICE, EventKind::Consent, &draft, ending);
    Ok(DeviceDoneTemplate::decided(state, allowed))
}

fn form(state: &Inner, cookies: &Cookies, typed: String, error: Option<&CodeError>) -> Response {
    let (secret, cookie) = cookies.secret_or_new(state);
    let csrf = csrf::token(&secret, Purpose::Device, "");
    let template = DeviceTemplate::new(state, state.path(DEVICE), csrf, typed, error.map(CodeError::text));
    let extras = Extras {
        cookies: cookie.into_iter().collect(),
        retry_after: error.and_then(CodeError::retry_after),
        ..Extras::default()
    };
    page(error.map_or(StatusCode::OK, CodeError::status), &template, extras)
}

fn ask(
    state: &Inner,
    cookies: &Cookies,
    session: &Session,
    code: &UserCode,
    device: &DeviceRecord,
) -> Response {
    let (secret, cookie) = cookies.secret_or_new(state);
    let back = device_errand(Some(code));
    let forms = DeviceConsentForms {
        action: state.path(DEVICE),
        csrf: csrf::token(&secret, Purpose::DeviceConsent, code.letters()),
        logout: state.path_with(LOGOUT, &back),
        logout_csrf: csrf::token(&secret, Purpose::Logout, &back),
    };
    let template = DeviceConsentTemplate::new(state, device, code, &session.user.name, forms);
    page(StatusCode::OK, &template, Extras { cookies: cookie.into_iter().collect(), ..Extras::default() })
}
