//! The pages a person sees: one column (administrators have tables), no script but the one that passkeys need, and headers that let
//! them do nothing but what they are for.

use std::time::Duration;

use askama::Template;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use barewire_oauth::authorize::AuthorizationRequest;
use barewire_oauth::client::{Client, RedirectKind, RedirectUri, Registration};
use barewire_oauth::client_document::DocumentUrl;
use barewire_oauth::consent::{self, Question};
use barewire_oauth::device::UserCode;
use barewire_oauth::narrowing;
use barewire_oauth::scope::ScopeSet;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use url::Url;

use crate::config::describe_scope;
use crate::duration;
use crate::endpoints::account::{self, Link};
use crate::endpoints::upstream::Button;
use crate::flow::Flow;
use crate::random;
use crate::respond;
use crate::server::Inner;
use crate::store::DeviceRecord;
use crate::store::GrantOverview;
use crate::store::UserRecord;

/// A file that pages use, under a path that changes with its content.
pub(crate) struct Asset {
    path: String,
    pub(crate) content: &'static str,
    pub(crate) content_type: &'static str,
}

impl Asset {
    /// The stylesheet of all pages.
    pub(crate) fn style() -> Self {
        Self::new("auth", "css", "text/css; charset=utf-8", include_str!("../assets/auth.css"))
    }

    /// The script of those that use passkeys.
    pub(crate) fn script() -> Self {
        Self::new("passkey", "js", "text/javascript; charset=utf-8", include_str!("../assets/passkey.js"))
    }

    fn new(name: &str, extension: &str, content_type: &'static str, content: &'static str) -> Self {
        let digest = random::digest(content).0;
        let hash: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { path: format!("/assets/{name}-{hash}.{extension}"), content, content_type }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

/// What every page shows around its content.
pub(crate) struct Frame {
    pub(crate) style: String,
    pub(crate) display_name: String,
    /// The script of a page that uses passkeys.
    pub(crate) script: Option<String>,
}

impl Frame {
    pub(crate) fn new(state: &Inner) -> Self {
        Self { style: state.path(state.style.path()), display_name: state.display_name.clone(), script: None }
    }

    /// Of a page that uses passkeys; [`Extras::scripted`] belongs to it.
    pub(crate) fn scripted(state: &Inner) -> Self {
        Self { script: Some(state.path(state.script.path())), ..Self::new(state) }
    }
}

/// What a page adds to its headers.
#[derive(Default)]
pub(crate) struct Extras<'a> {
    /// Where its form leads in the end, if that is another origin: browsers hold redirects after a form to this too.
    pub(crate) leads_to: Option<&'a RedirectUri>,
    pub(crate) cookies: Vec<HeaderValue>,
    pub(crate) retry_after: Option<Duration>,
    /// Whether its script may run.
    pub(crate) scripted: bool,
}

/// Renders a page with the headers that all pages have.
pub(crate) fn page(status: StatusCode, template: &impl Template, extras: Extras<'_>) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a page cannot be rendered");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let leads_to = extras.leads_to.map(|uri| format!(" {}", uri.csp_source())).unwrap_or_default();
    let script = if extras.scripted { " script-src 'self';" } else { "" };
    let policy = format!(
        "default-src 'none'; style-src 'self';{script} form-action 'self'{leads_to}; frame-ancestors 'none'; base-uri 'none'"
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::try_from(policy).expect("origins and schemes are serialised in ASCII"),
    );
    for cookie in extras.cookies {
        headers.append(SET_COOKIE, cookie);
    }
    respond::retry_after(&mut response, extras.retry_after);
    response
}

/// A sentence, out of an error.
pub(crate) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Something went wrong, and nobody else can be told.
#[derive(Debug)]
pub(crate) struct ErrorPage {
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    /// What happened.
    pub(crate) what: String,
    /// Why.
    pub(crate) why: String,
    /// What to do now.
    pub(crate) next: String,
    /// The way back to the application, for a person who decides to take it.
    pub(crate) back: Option<Back>,
    /// What the makers of the application want to know.
    pub(crate) details: Vec<(&'static str, String)>,
}

/// A link that leads to the application.
#[derive(Debug)]
pub(crate) struct Back {
    pub(crate) place: String,
    pub(crate) url: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorTemplate<'a> {
    frame: Frame,
    error: &'a ErrorPage,
}

impl ErrorPage {
    pub(crate) fn respond(&self, state: &Inner) -> Response {
        page(self.status, &ErrorTemplate { frame: Frame::new(state), error: self }, Extras::default())
    }

    /// The request is wrong.
    pub(crate) fn unanswerable(why: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "This request cannot be answered",
            what: "An application sent you here with a request that this server cannot answer safely.".to_owned(),
            why: format!("{}.", capitalised(why)),
            next: "Go back to the application and start again. If it keeps failing, its makers have to know what is \
                   written here."
                .to_owned(),
            back: None,
            details: Vec::new(),
        }
    }

    /// The request was addressed to another name than this server's.
    pub(crate) fn misdirected(issuer: &str) -> Self {
        Self {
            status: StatusCode::MISDIRECTED_REQUEST,
            title: "This server has another name",
            what: "Your browser asked for this page under a name that does not belong to this server.".to_owned(),
            why: format!("It is {issuer}. Another site can make its own name lead here, and then act as if it were this server.").to_owned(),
            next: format!("If you typed the address yourself, use {issuer} instead."),
            back: None,
            details: Vec::new(),
        }
    }

    /// The store failed.
    pub(crate) fn broken() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "Something broke on this server",
            what: "Your request could not be finished. Nothing was shared with the application.".to_owned(),
            why: "The server could not read or write its own records. That is not your fault.".to_owned(),
            next: "Try again in a moment. If it keeps failing, tell whoever runs this server.".to_owned(),
            back: None,
            details: Vec::new(),
        }
    }

    /// The query is longer than allowed.
    pub(crate) fn too_long() -> Self {
        Self {
            status: StatusCode::URI_TOO_LONG,
            title: "This request is too long",
            what: "An application sent you here with a request that is longer than this server reads."
                .to_owned(),
            why: "A parameter is larger than it should be.".to_owned(),
            next: "Go back to the application and start again. If it keeps failing, its makers have to know."
                .to_owned(),
            back: None,
            details: Vec::new(),
        }
    }

    /// A form came without the right token.
    pub(crate) fn stale_form() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            title: "This form is no longer good",
            what: "What you sent could not be tied to the page it came from, so nothing was done.".to_owned(),
            why: "You may have logged in or out in another window meanwhile, your browser may not keep cookies for this \
                  site, or another site tried to send the form for you."
                .to_owned(),
            next: "Go back to the application and start again.".to_owned(),
            back: None,
            details: Vec::new(),
        }
    }
}

/// The login form.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginTemplate {
    frame: Frame,
    pub(crate) action: String,
    pub(crate) csrf: String,
    /// Who wants to be let in, and where the answer goes.
    pub(crate) client: Option<Asking>,
    /// What was typed before.
    pub(crate) username: String,
    pub(crate) error: Option<String>,
    /// Signing in without any of that.
    pub(crate) passkey: Option<PasskeyForm>,
    /// Signing in somewhere else.
    pub(crate) upstreams: Vec<Button>,
    /// Whether one can sign in here at all.
    local: bool,
}

/// What the script of the login page hands to the browser.
pub(crate) struct PasskeyForm {
    pub(crate) action: String,
    pub(crate) csrf: String,
    pub(crate) challenge: String,
    pub(crate) rp_id: String,
}

/// Who asks, as far as nobody has to believe it.
pub(crate) struct Asking {
    pub(crate) name: String,
    pub(crate) destination: String,
}

impl Asking {
    fn new(client: &Client, request: &AuthorizationRequest) -> Self {
        Self { name: client_name(client), destination: request.redirect_uri.destination() }
    }
}

impl LoginTemplate {
    pub(crate) fn new(state: &Inner, flow: Option<&Flow>, action: String, csrf: String) -> Self {
        let local = state.config.local_logins;
        let scripted = local && state.passkeys.is_some();
        Self {
            frame: if scripted { Frame::scripted(state) } else { Frame::new(state) },
            action,
            csrf,
            client: flow.map(|flow| Asking::new(&flow.client, &flow.request)),
            username: String::new(),
            error: None,
            passkey: None,
            upstreams: Vec::new(),
            local,
        }
    }
}

/// The form for the second factor.
#[derive(Template)]
#[template(path = "login_code.html")]
pub(crate) struct CodeTemplate {
    frame: Frame,
    action: String,
    csrf: String,
    half: String,
    pub(crate) start_again: String,
    pub(crate) error: Option<String>,
}

impl CodeTemplate {
    pub(crate) fn new(state: &Inner, action: String, csrf: String, half: String) -> Self {
        Self { frame: Frame::new(state), action, csrf, half, start_again: String::new(), error: None }
    }
}

/// Shown after a login that no application asked for.
#[derive(Template)]
#[template(path = "signed_in.html")]
pub(crate) struct SignedInTemplate {
    frame: Frame,
    links: Vec<Link>,
    pub(crate) user: String,
    pub(crate) logout: String,
    pub(crate) logout_csrf: String,
}

impl SignedInTemplate {
    pub(crate) fn new(state: &Inner, user: &UserRecord, logout: String, logout_csrf: String) -> Self {
        let (frame, links) = (Frame::new(state), account::links(state, user, None));
        Self { frame, links, user: user.name.clone(), logout, logout_csrf }
    }
}

/// The question whether a client may.
#[derive(Template)]
#[template(path = "consent.html")]
pub(crate) struct ConsentTemplate {
    frame: Frame,
    pub(crate) action: String,
    pub(crate) csrf: String,
    pub(crate) logout: String,
    pub(crate) logout_csrf: String,
    pub(crate) user: String,
    name: String,
    identification: Identification,
    destination: Destination,
    resource: String,
    /// What that is called, where the operator has said it.
    resource_name: Option<String>,
    scopes: Vec<ScopeLine>,
    /// Allowed before, and now it wants more.
    more: bool,
    /// Asked again because the client wants that.
    again: bool,
    /// Anybody could have registered it.
    self_registered: bool,
    /// Whether the answer is remembered.
    remembered: bool,
    /// For how long the access can be renewed, in words; if it can.
    renewed_for: Option<String>,
    /// After what time it ends otherwise.
    ends_after: String,
}

/// How a client is known, in words.
pub(crate) enum Identification {
    Operator,
    Itself,
    Document {
        host: String,
        url: String,
    },
    /// It is registered no more, and what was granted to it lives on.
    Gone,
}

/// Where the answer goes, in words.
struct Destination {
    place: String,
    loopback: bool,
    private_use: bool,
    /// The document is at one host and the answer goes to another.
    other_host: bool,
}

struct ScopeLine {
    scope: String,
    description: Option<String>,
    new: bool,
}

/// What the consent page needs besides the request.
pub(crate) struct ConsentForms {
    pub(crate) action: String,
    pub(crate) csrf: String,
    pub(crate) logout: String,
    pub(crate) logout_csrf: String,
}

impl ConsentTemplate {
    pub(crate) fn new(
        state: &Inner,
        flow: &Flow,
        question: &Question,
        user: &str,
        forms: ConsentForms,
    ) -> Self {
        let (client, request) = (&flow.client, &flow.request);
        let identification = Identification::new(client.registration, &client.id);
        let document_host = match &identification {
            Identification::Document { host, .. } => Some(host.as_str()),
            _ => None,
        };
        let kind = request.redirect_uri.kind();
        let destination = Destination {
            place: request.redirect_uri.destination(),
            loopback: kind == RedirectKind::Loopback,
            private_use: kind == RedirectKind::PrivateUse,
            other_host: kind == RedirectKind::Https
                && document_host.is_some_and(|host| host != request.redirect_uri.host()),
        };
        let is_new = |scope: &str| matches!(question, Question::More(new) if new.contains(scope));
        let line = |scope: &str| ScopeLine::new(state, request.resource.as_str(), scope, is_new(scope));
        Self {
            frame: Frame::new(state),
            action: forms.action,
            csrf: forms.csrf,
            logout: forms.logout,
            logout_csrf: forms.logout_csrf,
            user: user.to_owned(),
            name: client_name(client),
            identification,
            destination,
            resource_name: state.words.name(request.resource.as_str()).map(str::to_owned),
            resource: request.resource.as_str().to_owned(),
            scopes: request.scope.iter().map(line).collect(),
            more: matches!(question, Question::More(_)),
            again: matches!(question, Question::Again),
            self_registered: client.registration == Registration::Dynamic,
            remembered: consent::may_be_remembered(request, client),
            renewed_for: flow.is_refreshable().then(|| duration::words(state.config.grant_ttl)),
            ends_after: duration::words(state.config.access_token_ttl),
        }
    }
}

/// The form for the code that a device shows.
#[derive(Template)]
#[template(path = "device.html")]
pub(crate) struct DeviceTemplate {
    frame: Frame,
    action: String,
    csrf: String,
    /// What was typed before, or came with the link.
    typed: String,
    error: Option<String>,
}

impl Identification {
    fn new(registration: Registration, client_id: &str) -> Self {
        match registration {
            Registration::Preregistered => Self::Operator,
            Registration::Dynamic => Self::Itself,
            Registration::Document => {
                let host = Url::parse(client_id).ok().and_then(|url| url.host_str().map(str::to_owned));
                debug_assert!(DocumentUrl::looks_like_one(client_id));
                Self::Document { host: host.unwrap_or_default(), url: client_id.to_owned() }
            }
        }
    }

    /// How the client of a grant is known by now.
    pub(crate) fn of_grant(overview: &GrantOverview) -> Self {
        let client_id = &overview.grant.client_id;
        match &overview.client {
            Some(client) => Self::new(client.registration, client_id),
            None if DocumentUrl::looks_like_one(client_id) => Self::new(Registration::Document, client_id),
            None => Self::Gone,
        }
    }
}

impl DeviceTemplate {
    pub(crate) fn new(
        state: &Inner,
        action: String,
        csrf: String,
        typed: String,
        error: Option<String>,
    ) -> Self {
        Self { frame: Frame::new(state), action, csrf, typed, error }
    }
}

/// The question whether a device may.
#[derive(Template)]
#[template(path = "device_consent.html")]
pub(crate) struct DeviceConsentTemplate {
    frame: Frame,
    action: String,
    csrf: String,
    logout: String,
    logout_csrf: String,
    user: String,
    code: String,
    name: String,
    identification: Identification,
    resource: String,
    /// What that is called, where the operator has said it.
    resource_name: Option<String>,
    scopes: Vec<ScopeLine>,
    renewed_for: Option<String>,
    ends_after: String,
}

/// What that page needs besides the request.
pub(crate) struct DeviceConsentForms {
    pub(crate) action: String,
    pub(crate) csrf: String,
    pub(crate) logout: String,
    pub(crate) logout_csrf: String,
}

impl DeviceConsentTemplate {
    pub(crate) fn new(
        state: &Inner,
        device: &DeviceRecord,
        code: &UserCode,
        user: &str,
        forms: DeviceConsentForms,
    ) -> Self {
        let scopes = ScopeSet::parse_lenient(&device.scope);
        Self {
            frame: Frame::new(state),
            action: forms.action,
            csrf: forms.csrf,
            logout: forms.logout,
            logout_csrf: forms.logout_csrf,
            user: user.to_owned(),
            code: code.to_string(),
            name: named(device.client_name.as_deref()),
            identification: Identification::new(device.registration, &device.client_id),
            resource_name: state.words.name(&device.resource).map(str::to_owned),
            resource: device.resource.clone(),
            scopes: scopes
                .iter()
                .map(|scope| ScopeLine::new(state, &device.resource, scope, false))
                .collect(),
            renewed_for: device.refreshable.then(|| duration::words(state.config.grant_ttl)),
            ends_after: duration::words(state.config.access_token_ttl),
        }
    }
}

/// What comes after the answer: the person goes back to the device.
#[derive(Template)]
#[template(path = "device_done.html")]
pub(crate) struct DeviceDoneTemplate {
    frame: Frame,
    title: &'static str,
    text: &'static str,
}

impl DeviceDoneTemplate {
    pub(crate) fn decided(state: &Inner, allowed: bool) -> Response {
        let (title, text) = if allowed {
            ("The device is connected", "It goes on by itself in a few seconds. You can close this page.")
        } else {
            ("The device was turned away", "It got nothing. You can close this page.")
        };
        page(StatusCode::OK, &Self { frame: Frame::new(state), title, text }, Extras::default())
    }

    pub(crate) fn too_late(state: &Inner) -> Response {
        let (title, text) = (
            "This code is over",
            "It was answered in another window, or it took too long. Start again on the device.",
        );
        page(StatusCode::CONFLICT, &Self { frame: Frame::new(state), title, text }, Extras::default())
    }
}

impl ScopeLine {
    fn new(state: &Inner, resource: &str, scope: &str, new: bool) -> Self {
        let description = described(state, resource, scope).map(str::to_owned);
        Self { scope: scope.to_owned(), description, new }
    }
}

/// A scope that an application has, as the pages that take it away show it.
pub(crate) struct HeldScope {
    pub(crate) scope: String,
    pub(crate) words: String,
    /// A person can take it away.
    pub(crate) can_be_taken: bool,
}

impl HeldScope {
    /// Those of a grant at this resource.
    pub(crate) fn all(state: &Inner, resource: &str, scope: &str) -> Vec<Self> {
        let held = |scope: &str| Self {
            scope: scope.to_owned(),
            words: scope_words(state, resource, scope),
            can_be_taken: narrowing::can_be_taken(scope),
        };
        scope.split_whitespace().map(held).collect()
    }

    /// Whether something is left when something is taken away.
    pub(crate) fn can_be_narrowed(held: &[Self]) -> bool {
        held.iter().filter(|held| held.can_be_taken).count() > 1
    }
}

fn client_name(client: &Client) -> String {
    named(client.name.as_deref())
}

fn named(name: Option<&str>) -> String {
    name.unwrap_or("An application without a name").to_owned()
}

/// What a scope allows at a resource, in the operator's words or ours.
fn described<'a>(state: &'a Inner, resource: &str, scope: &str) -> Option<&'a str> {
    state.words.scope(resource, scope).or_else(|| describe_scope(scope))
}

/// The same, and the scope itself where nobody has described it.
pub(crate) fn scope_words(state: &Inner, resource: &str, scope: &str) -> String {
    described(state, resource, scope).unwrap_or(scope).to_owned()
}
