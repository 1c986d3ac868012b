//! `GET /login/upstream/{provider}` and `GET /login/upstream/{provider}/callback`: a login at an identity provider, there and
//! back ([OpenID Connect Core §3.1](https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth)).
//!
//! The way there is a link and no form: browsers hold the redirects after a form to the page's policy, and nobody knows
//! through which other servers a provider leads.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use barewire_oauth::parameters::{Parameters, Repeated};
use barewire_oauth::stranger::visible;
use barewire_oauth::upstream::authorization::{self, LoginRequest};
use barewire_oauth::upstream::callback::{self, CallbackError, Pending};
use barewire_oauth::upstream::id_token::Account;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::login::Errand;
use crate::flow::{Flow, Stop, finish};
use crate::pages::ErrorPage;
use crate::random;
use crate::respond::{see_other, see_other_with};
use crate::routes::{LOGIN, LOGIN_UPSTREAM, LOGIN_UPSTREAM_CALLBACK};
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;
use crate::source::Source;
use crate::store::{
    Insert, Secret, StoreError, Swap, UpstreamLoginRecord, UpstreamSessionRecord, UserRecord,
};
use crate::upstream::{Failure, Login, Upstream, browser};
use crate::witness::{Draft, EventKind, Sender};

/// Longest `login_hint` that is passed on, in bytes.
const MAX_HINT: usize = 256;
/// Longest name of a new user, in characters, without that of the provider.
const MAX_NAME: usize = 100;
/// The claims from which a new user gets a name, where the operator says nothing.
const NAME_CLAIMS: [&str; 3] = ["preferred_username", "email", "name"];

pub(crate) async fn begin(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    source: Source,
    headers: HeaderMap,
) -> Response {
    finish(&state, lead(&state, &provider, query.as_deref(), source, &headers).await)
}

pub(crate) async fn callback(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    sender: Sender,
    headers: HeaderMap,
) -> Response {
    finish(&state, come_back(&state, &provider, query.as_deref(), &sender, &headers).await)
}

/// Leads the browser to the provider.
async fn lead(
    state: &Inner,
    provider: &str,
    query: Option<&str>,
    source: Source,
    headers: &HeaderMap,
) -> Result<Response, Stop> {
    let upstream = find(state, provider)?;
    // It changes nothing for the person, but it stores something.
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Err(Stop::page(ErrorPage::stale_form()));
    }
    let errand = Errand::read(state, query).await?;
    let now = state.now();
    let again = || Some(state.path_with(LOGIN, &errand.query()));
    let known = upstream.known(now).await;
    // It is in the log already.
    let known = known.map_err(|failure| Stop::page(failure.page(&upstream.display_name, again())))?;

    let cookies = Cookies::read(state, headers);
    let (secret, cookie) = cookies.secret_or_new(state);
    let token = random::token::<32>();
    let turn = source.turn(state).await;
    let crowded = || Stop::page(Failure::Crowded.page(&upstream.display_name, again()));
    let _turn = turn.ok_or_else(crowded)?;
    let record = UpstreamLoginRecord {
        state: random::digest(&token),
        pending: Pending {
            provider: upstream.name.clone(),
            browser: browser(&secret).0,
            started_at: now,
            expires_at: now + state.config.upstream_login_ttl,
            used_at: None,
        },
        query: errand.query(),
        source: source.network_digest(),
    };
    if state.store.insert_upstream_login(&record, state.config.max_upstream_logins).await? == Insert::Exists {
        return Err(StoreError::new("two random states were equal").into());
    }
    let hint = errand.flow().and_then(|flow| flow.parameters.one("login_hint").ok().flatten());
    let login = LoginRequest {
        state: &token,
        nonce: &state.upstreams.nonce(&token),
        challenge: &state.upstreams.verifier(&token).challenge(),
        login_hint: hint.filter(|hint| hint.len() <= MAX_HINT),
        anew: is_anew(&errand),
    };
    let there = authorization::url(&upstream.party, &known.provider, &login);
    Ok(see_other_with(there.as_str(), cookie))
}

/// Whether our client wants the person to be asked although they are known.
fn is_anew(errand: &Errand) -> bool {
    errand.flow().is_some_and(|flow| flow.request.prompt.login)
}

/// Takes the browser back.
async fn come_back(
    state: &Inner,
    provider: &str,
    query: Option<&str>,
    sender: &Sender,
    headers: &HeaderMap,
) -> Result<Response, Stop> {
    let upstream = find(state, provider)?;
    let query = query.unwrap_or_default();
    if query.len() > state.config.max_query_bytes {
        return Err(Stop::page(ErrorPage::too_long()));
    }
    let cookies = Cookies::read(state, headers);
    let parameters = Parameters::parse(query.as_bytes());
    let mut visit = Visit { draft: Draft::default(), again: None };
    match enter(state, upstream, &cookies, &parameters, sender, &mut visit).await {
        Ok(response) => {
            let ending = Ok(Some("upstream"));
            state.tell(sender, LOGIN_UPSTREAM_CALLBACK, EventKind::Login, &visit.draft, ending);
            Ok(response)
        }
        Err(Ended::Failed(Failure::Store(error))) => Err(error.into()),
        Err(Ended::Failed(failure)) => {
            failure.log(&upstream.name);
            state.tell(sender, LOGIN_UPSTREAM_CALLBACK, EventKind::Login, &visit.draft, Err(failure.rule()));
            Err(Stop::page(failure.page(&upstream.display_name, visit.again)))
        }
        Err(Ended::Stopped(stop)) => Err(stop),
    }
}

/// What is known of a visit, however it ends.
struct Visit {
    draft: Draft,
    /// The login page again, for the same errand.
    again: Option<String>,
}

/// Why nobody is logged in.
enum Ended {
    Failed(Failure),
    /// What the person came for cannot be done any more.
    Stopped(Stop),
}

impl<E: Into<Failure>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn enter(
    state: &Inner,
    upstream: &Upstream,
    cookies: &Cookies,
    parameters: &Parameters,
    sender: &Sender,
    visit: &mut Visit,
) -> Result<Response, Ended> {
    let now = state.now();
    let token = parameters.one("state").map_err(repeated)?.ok_or(CallbackError::Unknown)?;
    let digest = random::digest(token);
    let record = state.store.upstream_login(digest).await?.ok_or(CallbackError::Unknown)?;
    let here = cookies.secret().map(browser).ok_or(CallbackError::OtherBrowser)?;
    record.pending.check(&upstream.name, &here.0, now)?;
    visit.again = Some(state.path_with(LOGIN, &record.query));
    // Used up from here on, whatever comes of it.
    if state.store.use_upstream_login(digest, now).await? == Swap::Lost {
        return Err(CallbackError::Used.into());
    }
    let errand = Errand::read(state, Some(&record.query)).await.map_err(Ended::Stopped)?;
    visit.draft = errand.flow().map(Flow::draft).unwrap_or_default();
    let known = upstream.known(now).await?;
    let code = callback::code(parameters, &known.provider)?;
    let login = Login {
        verifier: &state.upstreams.verifier(token),
        nonce: &state.upstreams.nonce(token),
        started_at: record.pending.started_at,
        anew: is_anew(&errand),
    };
    let person = upstream.redeem(&known, &code, &login, now).await?;
    if person.refresh_token.is_none() && upstream.party.refreshes {
        tracing::warn!(
            provider = upstream.name,
            "the identity provider gave no refresh token: it cannot be asked again whether somebody still may"
        );
    }
    let user = user(state, upstream, &person.account, &person.claims).await?;
    visit.draft.user = Some(user.id.clone());
    let said = UpstreamSessionRecord {
        id: random::token::<16>(),
        provider: upstream.name.clone(),
        account: person.account,
        user_id: user.id.clone(),
        scope: person.scope.to_string(),
        refresh_token: person.refresh_token.map(|token| Secret::new(token.expose().as_bytes().to_vec())),
        started_at: now,
        checked_at: now,
        tried_at: now,
        refused_at: None,
        generation: 0,
    };
    let Some(set) = cookies.log_in_from(state, &user, sender, now, &said).await? else {
        // The user was changed in this very moment.
        return Ok(see_other(&state.path_with(LOGIN, &record.query)));
    };
    Ok(see_other_with(&errand.next(state), set))
}

fn repeated(error: Repeated) -> CallbackError {
    error.into()
}

/// The user with this account; a new one where the operator lets them in.
async fn user(
    state: &Inner,
    upstream: &Upstream,
    account: &Account,
    claims: &Map<String, Value>,
) -> Result<UserRecord, Failure> {
    if let Some(user) = state.store.upstream_user(account).await? {
        return Ok(user);
    }
    if !upstream.config.create_users {
        // What an operator needs to link it.
        tracing::info!(
            provider = upstream.name,
            issuer = visible(&account.issuer, 200),
            subject = visible(&account.subject, 200),
            "an account came that is linked to nobody"
        );
        return Err(Failure::NoUser);
    }
    let name = name(upstream, account, claims);
    for suffix in ["".to_owned(), format!(" {}", random::token::<4>()), format!(" {}", random::token::<16>())]
    {
        let user = UserRecord {
            id: random::token::<16>(),
            name: format!("{name}{suffix}"),
            password_hash: UserRecord::no_password(),
            created_at: state.now(),
            password_changed_at: None,
            administrator: false,
            disabled_at: None,
        };
        if state.store.insert_upstream_user(&user, account).await? == Insert::Inserted {
            tracing::info!(user = user.id, provider = upstream.name, "somebody came for the first time");
            return Ok(user);
        }
        // In another window, at the same moment; or the name is somebody else's.
        if let Some(user) = state.store.upstream_user(account).await? {
            return Ok(user);
        }
    }
    Err(StoreError::new("no name is free for a new user").into())
}

/// What a new user is called. The provider stands before it, so nobody chooses the name of a user who is there.
fn name(upstream: &Upstream, account: &Account, claims: &Map<String, Value>) -> String {
    let configured = upstream.config.name_claim.iter().map(String::as_str);
    let usual = NAME_CLAIMS.into_iter().filter(|_| upstream.config.name_claim.is_none());
    let text = |claim| claims.get(claim)?.as_str().map(|text| visible(text, MAX_NAME));
    let found = configured.chain(usual).filter_map(text).find(|name| !name.is_empty());
    format!("{}:{}", upstream.name, found.unwrap_or_else(|| visible(&account.subject, MAX_NAME)))
}

fn find<'a>(state: &'a Inner, provider: &str) -> Result<&'a Upstream, Stop> {
    state.upstreams.get(provider).map(AsRef::as_ref).ok_or_else(|| {
        Stop::page(ErrorPage {
            status: StatusCode::NOT_FOUND,
            title: "Nobody signs in this way",
            what: "This server knows no identity provider by that name.".to_owned(),
            why: "It may have been renamed or removed.".to_owned(),
            next: "Go back to the application and start again.".to_owned(),
            back: None,
            details: Vec::new(),
        })
    })
}

/// The buttons of the login page.
pub(crate) fn buttons(state: &Inner, query: &str) -> Vec<Button> {
    let button = |upstream: &Upstream| Button {
        name: upstream.display_name.clone(),
        url: state.path_with(&LOGIN_UPSTREAM.replace("{provider}", &upstream.name), query),
    };
    state.upstreams.iter().map(button).collect()
}

/// The way to a provider.
pub(crate) struct Button {
    pub(crate) name: String,
    pub(crate) url: String,
}

/// The address to which a provider with this name sends people back, below the issuer.
pub(crate) fn callback_path(name: &str) -> String {
    LOGIN_UPSTREAM_CALLBACK.replace("{provider}", name)
}
