//! An authorization request on its way through the pages. It lives in their query and is checked anew by each, so
//! there is nothing to store, nothing to expire and nothing to forge. One that its client has pushed lives in the store, and
//! the query says where; it is checked anew by each page all the same.

use axum::response::{IntoResponse, Response};
use barewire_oauth::authorize::{
    self, AuthorizationError, AuthorizationRequest, LoggedIn, Next, PageError, Rejection,
};
use barewire_oauth::client::{Client, RedirectKind, RedirectMismatch, Registration};
use barewire_oauth::client_document::DocumentUrl;
use barewire_oauth::consent;
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::grant::Holder;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::pkce;
use barewire_oauth::pushed::{self, ReferenceError};
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::stranger::visible;
use http::StatusCode;

use crate::config::Dpop;
use crate::documents::DocumentFetchError;
use crate::endpoints::account::Place;
use crate::endpoints::admin::Section;
use crate::endpoints::login;
use crate::fetch::FetchError;
use crate::pages::{Back, ErrorPage, capitalised, chain};
use crate::routes::LOGIN;
use crate::server::Inner;
use crate::sessions::Session;
use crate::store::{CodeRecord, ConsentRecord, Insert, PushedRecord, StoreError, Swap};
use crate::witness::{Draft, Ending, authorization_refusal, page_refusal, request_of};
use crate::{random, respond, upstream};

/// A request that may be answered with a code.
pub(crate) struct Flow {
    /// The query as it came, for links and forms.
    pub(crate) query: String,
    pub(crate) parameters: Parameters,
    pub(crate) client: Client,
    pub(crate) request: AuthorizationRequest,
    /// Where it is, if it was pushed.
    pushed: Option<PushedRecord>,
    /// Whether its user may have nothing of what it asks for.
    nothing_left: bool,
}

/// Why a flow ends here.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The person is told.
    Page(Box<ErrorPage>),
    /// The client is told.
    Client(Box<AuthorizationError>),
    /// The person has to sign in first, and is led here then.
    LogIn(Place),
    /// An administrator has to sign in, or to do so again, and is led here then.
    LogInToAdminister(Section),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Stop {
    pub(crate) fn page(page: ErrorPage) -> Self {
        Self::Page(Box::new(page))
    }

    pub(crate) fn respond(self, state: &Inner) -> Response {
        match self {
            Self::Page(page) => page.respond(state),
            Self::Client(error) => respond::see_other(&error.location(&state.issuer)),
            Self::LogIn(place) => respond::see_other(&state.path_with(LOGIN, &login::errand(place))),
            Self::LogInToAdminister(section) => {
                respond::see_other(&state.path_with(LOGIN, &login::admin_errand(&section)))
            }
            Self::Store(failure) => {
                tracing::error!(error = &failure as &dyn std::error::Error, "the store failed");
                ErrorPage::broken().respond(state)
            }
        }
    }
}

/// What is told of a request, also where it is refused.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) draft: Draft,
    /// The rule that is being looked at.
    rule: &'static str,
    /// Where the browser was sent, as a word.
    pub(crate) led_to: Option<&'static str>,
}

impl Noted {
    /// How it ended.
    pub(crate) fn ending(&self, result: &Result<Response, Stop>) -> Ending {
        match result {
            Ok(_) => Ok(self.led_to),
            Err(Stop::Store(_)) => Err("store"),
            Err(_) => Err(self.rule),
        }
    }

    /// It is refused for this.
    pub(crate) fn refused(&mut self, error: &AuthorizationError) {
        self.rule = authorization_refusal(&error.error);
    }
}

impl Flow {
    /// Reads the request out of `query`.
    pub(crate) async fn read(state: &Inner, query: Option<&str>) -> Result<Self, Stop> {
        Self::read_noting(state, query, &mut Noted::default()).await
    }

    /// The same, for whoever keeps account.
    pub(crate) async fn read_noting(
        state: &Inner,
        query: Option<&str>,
        noted: &mut Noted,
    ) -> Result<Self, Stop> {
        let query = query.unwrap_or_default();
        if query.len() > state.config.max_query_bytes {
            noted.rule = "too_long";
            return Err(Stop::page(ErrorPage::too_long()));
        }
        let mut parameters = Parameters::parse(query.as_bytes());
        let refused_by_page = |noted: &mut Noted, error: &PageError, parameters: &Parameters| {
            noted.rule = page_refusal(error);
            Stop::page(page(error, parameters))
        };
        let client_id = authorize::client_id(&parameters)
            .map_err(|error| refused_by_page(noted, &error, &parameters))?
            .to_owned();
        noted.rule =
            if DocumentUrl::looks_like_one(&client_id) { "client_document" } else { "unknown_client" };
        let client = client(state, &client_id).await?;
        noted.draft.concerns(&client);
        noted.rule = "pushed_reference";
        let mut query = query.to_owned();
        let pushed = match pushed::reference(&parameters) {
            Ok(Some(reference)) => Some(open(state, &client_id, reference).await?),
            Ok(None) => None,
            Err(repeated) => return Err(refused_by_page(noted, &repeated.into(), &parameters)),
        };
        if let Some(record) = &pushed {
            // Whatever stands beside the reference says nothing (RFC 9126 §4, RFC 9101 §6.3), so it goes no further.
            query = parameters.only(&["client_id", "request_uri"]);
            parameters = Parameters::parse(record.pushed.query.as_bytes());
        }
        let request = match authorize::read(&parameters, &client, &state.policy) {
            Ok(request) => request,
            Err(Rejection::Page(error)) => return Err(refused_by_page(noted, &error, &parameters)),
            Err(Rejection::Redirect(error)) => {
                noted.refused(&error);
                if !has_challenge(&parameters) {
                    noted.rule = "code_challenge";
                }
                return Err(refused(state, &client, error));
            }
        };
        noted.draft.scope = Some(request.scope.to_string());
        noted.draft.request = request_of(&client.id, request.code_challenge.as_str());
        let required = state.config.require_pushed_authorization_requests
            || client.demands.require_pushed_authorization_requests;
        if required && pushed.is_none() {
            noted.rule = "pushed_request_required";
            let (redirect_uri, given) = (request.redirect_uri.clone(), request.state.clone());
            let error = AuthorizationError { redirect_uri, state: given, error: pushed::required() };
            return Err(refused(state, &client, Box::new(error)));
        }
        Ok(Self { query, parameters, client, request, pushed, nothing_left: false })
    }

    /// The request with what is left of its scopes for a user whose identity provider allows them less.
    pub(crate) fn within_bounds(mut self, state: &Inner, session: Option<&Session>) -> Self {
        // Whoever is about to log in anew may come as somebody else.
        let stays = session.filter(|session| !self.wants_login(state, session));
        let bounds = stays.and_then(|session| session.upstream.as_ref());
        match upstream::left(&self.request.scope, bounds) {
            Some(left) => self.request.scope = left,
            None => self.nothing_left = true,
        }
        self
    }

    /// Whether the client wants the user to log in although this is one. A pushed request is fulfilled by a login after it
    /// was pushed; another loses its wish at the login.
    pub(crate) fn wants_login(&self, state: &Inner, session: &Session) -> bool {
        let fulfilled =
            self.pushed.as_ref().is_some_and(|it| it.pushed.is_before(session.record.authenticated_at));
        let stale = self.request.for_administrators && session.is_stale(state, state.now());
        (self.request.prompt.login && !fulfilled) || stale
    }

    /// The query with which the flow goes on after a login.
    pub(crate) fn after_login(&self) -> String {
        if self.request.prompt.login && self.pushed.is_none() {
            return without_login_prompt(&self.parameters);
        }
        self.query.clone()
    }

    /// Uses up a pushed request: it has one answer.
    async fn use_up(&self, state: &Inner) -> Result<(), Stop> {
        let Some(record) = &self.pushed else { return Ok(()) };
        match state.store.use_pushed(record.digest, state.now()).await? {
            Swap::Done => Ok(()),
            Swap::Lost => Err(Stop::page(reference_page(ReferenceError::Used, &self.client.id))),
        }
    }

    /// Refuses the request by telling the client, or, where nobody knows whose site that is, the person.
    pub(crate) fn refuse(&self, state: &Inner, error: Box<AuthorizationError>) -> Stop {
        refused(state, &self.client, error)
    }

    /// What has to happen before the code.
    pub(crate) async fn next(&self, state: &Inner, session: Option<&Session>) -> Result<Next, StoreError> {
        let remembered = match session {
            Some(session) => self.remembered(state, &session.user.id).await?,
            None => None,
        };
        if self.nothing_left {
            let description = "this user's organisation allows them none of these scopes";
            return Ok(Next::Refuse(Box::new(AuthorizationError {
                redirect_uri: self.request.redirect_uri.clone(),
                state: self.request.state.clone(),
                error: ErrorResponse::new(ErrorCode::AccessDenied, description),
            })));
        }
        let user = session.map(|session| LoggedIn {
            remembered: remembered.as_ref(),
            until: session.record.expires_at,
            administrator_until: session.administrator_until(state),
        });
        let mut request = self.request.clone();
        request.prompt.login &= session.is_none_or(|session| self.wants_login(state, session));
        Ok(authorize::next(&request, &self.client, user, state.now()))
    }

    /// What the user has allowed this client so far.
    pub(crate) async fn remembered(
        &self,
        state: &Inner,
        user_id: &str,
    ) -> Result<Option<ScopeSet>, StoreError> {
        let (resource, host) = (self.request.resource.as_str(), self.request.redirect_uri.host());
        let consent = state.store.consent(user_id, &self.client.id, resource, &host).await?;
        Ok(consent.map(|consent| ScopeSet::parse_lenient(&consent.scope)))
    }

    /// Remembers what the user has just allowed.
    pub(crate) async fn remember(
        &self,
        state: &Inner,
        user_id: &str,
        scope: &ScopeSet,
    ) -> Result<(), StoreError> {
        let consent = ConsentRecord {
            user_id: user_id.to_owned(),
            client_id: self.client.id.clone(),
            resource: self.request.resource.as_str().to_owned(),
            redirect_host: self.request.redirect_uri.host(),
            scope: scope.to_string(),
            granted_at: state.now(),
        };
        state.store.put_consent(&consent).await
    }

    /// What an event about it tells.
    pub(crate) fn draft(&self) -> Draft {
        let mut draft = Draft {
            scope: Some(self.request.scope.to_string()),
            request: request_of(&self.client.id, self.request.code_challenge.as_str()),
            ..Draft::default()
        };
        draft.concerns(&self.client);
        draft
    }

    /// Whether a refresh token will belong to it: to clients that said they refresh, and to those that ask for it.
    pub(crate) fn is_refreshable(&self) -> bool {
        self.client.may_refresh() || self.request.scope.contains(authorize::OFFLINE_ACCESS)
    }

    /// Sends the browser back with a new code, which is stored before it leaves
    /// ([OAuth 2.1 §4.1.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2)).
    pub(crate) async fn issue_code(&self, state: &Inner, session: &Session) -> Result<Response, Stop> {
        self.use_up(state).await?;
        let now = state.now();
        let code = random::token::<32>();
        let record = CodeRecord {
            digest: random::digest(&code),
            client_id: self.client.id.clone(),
            client_name: self.client.name.clone(),
            user_id: session.user.id.clone(),
            redirect_uri: self.request.redirect_uri.as_str().to_owned(),
            scope: self.request.scope.to_string(),
            resource: self.request.resource.as_str().to_owned(),
            code_challenge: self.request.code_challenge.as_str().to_owned(),
            refreshable: self.is_refreshable(),
            client_has_keys: self.client.registration == Registration::Document && !self.client.is_public(),
            grant_id: random::token::<16>(),
            issued_at: now,
            expires_at: now + state.config.code_ttl,
            redeemed_at: None,
            holder: Holder {
                key: self.request.dpop_jkt.clone().filter(|_| state.config.dpop != Dpop::Off),
                proof_required: self.client.demands.dpop_bound_access_tokens,
            },
        };
        if state.store.insert_code(&record).await? == Insert::Exists {
            return Err(StoreError::new("two random codes were equal").into());
        }
        // Before the code leaves: no grant of theirs is ever without its bounds.
        if let Some(bounds) = &session.upstream
            && state.store.tie_grant(&record.grant_id, &bounds.id).await? == Swap::Lost
        {
            return Err(Stop::page(ErrorPage::stale_form()));
        }
        let mut parameters = vec![("code", code.as_str())];
        parameters.extend(self.request.state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", &state.issuer));
        Ok(respond::see_other(&self.request.redirect_uri.with_parameters(parameters)))
    }

    /// Sends the browser back with a no.
    pub(crate) async fn deny(&self, state: &Inner) -> Result<Response, Stop> {
        self.use_up(state).await?;
        let error = AuthorizationError {
            redirect_uri: self.request.redirect_uri.clone(),
            state: self.request.state.clone(),
            error: ErrorResponse::new(ErrorCode::AccessDenied, "the user denied the request"),
        };
        Ok(respond::see_other(&error.location(&state.issuer)))
    }
}

/// The pushed request of this client behind a reference. The first browser that comes with it gets the time of a login.
async fn open(state: &Inner, client_id: &str, reference: &str) -> Result<PushedRecord, Stop> {
    let refused = |error| Stop::page(reference_page(error, client_id));
    let digest = random::digest(reference);
    let record = state.store.pushed(digest).await?.ok_or_else(|| refused(ReferenceError::Unknown))?;
    record.pushed.check(client_id, state.now()).map_err(refused)?;
    let until = record.pushed.opened(state.config.pushed_login_ttl);
    if until > record.pushed.expires_at {
        state.store.extend_pushed(digest, until).await?;
    }
    Ok(record)
}

fn reference_page(error: ReferenceError, client_id: &str) -> ErrorPage {
    tracing::info!(%error, client_id, "a reference to a pushed request was refused");
    ErrorPage {
        status: StatusCode::BAD_REQUEST,
        title: "This request cannot be used",
        what: "An application sent you here with a request that it had left with this server, and there is no such request \
               any more."
            .to_owned(),
        why: "It is good for a short time, for one answer, and for that application only.".to_owned(),
        next: "Go back to the application and connect again.".to_owned(),
        back: None,
        details: vec![("client_id", visible(client_id, 200))],
    }
}

/// Whether a request has what PKCE with S256 needs; without, that is why it is refused.
fn has_challenge(parameters: &Parameters) -> bool {
    let one = |name| parameters.one(name).ok().flatten();
    one("code_challenge").is_some() && one("code_challenge_method") == Some(pkce::S256)
}

/// The same request without `prompt=login`; a wish for consent stays.
fn without_login_prompt(parameters: &Parameters) -> String {
    let query = parameters.without("prompt");
    let consent = parameters.one("prompt").ok().flatten().is_some_and(|prompt| prompt.contains("consent"));
    if consent { format!("{query}&prompt=consent") } else { query }
}

fn refused(state: &Inner, client: &Client, error: Box<AuthorizationError>) -> Stop {
    if consent::may_redirect_unasked(client, &error.redirect_uri) {
        return Stop::Client(error);
    }
    let mut page = ErrorPage::unanswerable(error.error.error_description.as_deref().unwrap_or_default());
    page.next = "Anybody can name an application here, so you were not sent on to its site by itself. If you know that \
                 site, you can go back there and start again; otherwise close this page."
        .to_owned();
    page.back = Some(Back { place: error.redirect_uri.destination(), url: error.location(&state.issuer) });
    page.details.push(("error", error.error.error.to_string()));
    Stop::page(page)
}

/// The client with this identifier, as it is now.
pub(crate) async fn client(state: &Inner, client_id: &str) -> Result<Client, Stop> {
    if DocumentUrl::looks_like_one(client_id) {
        if state.store.client_disabled(client_id).await?.is_some() {
            return Err(Stop::page(disabled_client(client_id)));
        }
        let client = state.documents.client(&state.config, client_id, state.now()).await;
        return client
            .map(|client| Client::clone(&client))
            .map_err(|error| Stop::page(document_page(&error, client_id)));
    }
    let known = if client_id.len() <= 256 { state.store.client(client_id).await? } else { None };
    let known = known.ok_or_else(|| Stop::page(unknown_client(client_id)))?;
    if known.disabled_at.is_some() {
        return Err(Stop::page(disabled_client(client_id)));
    }
    let mut client = known.client;
    if client.registration == Registration::Dynamic && !state.config.private_use_redirects {
        // It may have registered when they were allowed.
        client.redirect_uris.retain(|uri| uri.kind() != RedirectKind::PrivateUse);
    }
    Ok(client)
}

fn disabled_client(client_id: &str) -> ErrorPage {
    ErrorPage {
        status: StatusCode::FORBIDDEN,
        title: "This application is disabled here",
        what: "An application sent you here that may not be used with this server.".to_owned(),
        why: "An administrator of this server has disabled it. Nothing was shared with it.".to_owned(),
        next: "If you need it, ask whoever runs this server.".to_owned(),
        back: None,
        details: vec![("client_id", visible(client_id, 200))],
    }
}

fn unknown_client(client_id: &str) -> ErrorPage {
    ErrorPage {
        status: StatusCode::BAD_REQUEST,
        title: "This application is not known here",
        what: "An application sent you here, but it is not registered with this server.".to_owned(),
        why: "Its registration may belong to another server, or it was removed because it was never used.".to_owned(),
        next: "Go back to the application and connect again. If it keeps failing, remove the connection there and \
               add it anew: the application then registers itself again."
            .to_owned(),
        back: None,
        details: vec![("client_id", visible(client_id, 200))],
    }
}

fn document_page(error: &DocumentFetchError, client_id: &str) -> ErrorPage {
    tracing::info!(error = error as &dyn std::error::Error, client_id, "a client document was not accepted");
    let (status, next) = match error {
        DocumentFetchError::Fetch(FetchError::Busy | FetchError::Failed { .. }) => (
            StatusCode::BAD_GATEWAY,
            "Try again in a moment. If it keeps failing, the application's makers have to look at that page.",
        ),
        _ => (
            StatusCode::BAD_REQUEST,
            "Go back to the application. If you make it: correct the document at its client_id and try again.",
        ),
    };
    ErrorPage {
        status,
        title: "This application cannot be identified",
        what: "The application that sent you here is named by a web page about itself, and this server could not use \
               that page."
            .to_owned(),
        // It can repeat what is written in the document.
        why: visible(&format!("{}.", capitalised(&chain(error))), 500),
        next: next.to_owned(),
        back: None,
        details: vec![("client_id", visible(client_id, 200))],
    }
}

fn page(error: &PageError, parameters: &Parameters) -> ErrorPage {
    let mut page = ErrorPage::unanswerable(&error.to_string());
    if let PageError::Redirect(RedirectMismatch::NotRegistered) = error {
        page.title = "This request asks to be answered elsewhere";
        page.what =
            "The answer was to be sent to an address that the application has not registered. You were not \
                     redirected there, and nothing was shared."
                .to_owned();
        page.next = "If you followed a link to get here, do not use it again. Otherwise go back to the application and \
                     connect anew. If you make it: register this exact address (on loopback the port may differ)."
            .to_owned();
        let requested = parameters.one("redirect_uri").ok().flatten().unwrap_or_default();
        page.details.push(("redirect_uri", visible(requested, 300)));
    }
    if let Ok(Some(client_id)) = parameters.one("client_id") {
        page.details.push(("client_id", visible(client_id, 200)));
    }
    page
}

/// The answer to whatever stopped a flow.
pub(crate) fn finish(state: &Inner, result: Result<Response, Stop>) -> Response {
    result.unwrap_or_else(|stop| stop.respond(state)).into_response()
}
