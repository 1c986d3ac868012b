//! `/admin/api`: users, clients and grants as JSON, for administrators' programs.
//!
//! It is a resource of its own ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707)): a token for it is good nowhere else, and
//! no token for an MCP server is good here. Its scopes are [`ADMIN_READ`] and [`ADMIN_WRITE`]; only an administrator can
//! allow them, and with each request the user behind the token still has to be one. Errors are
//! [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problems.

pub(crate) mod clients;
pub(crate) mod grants;
pub(crate) mod users;

use std::convert::Infallible;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use barewire_oauth::bearer::{self, BearerError, ChallengeContext, Scheme};
use barewire_oauth::dpop::{self, ProvenRequest, Target};
use barewire_oauth::metadata::{ProtectedResourceMetadata, well_known};
use barewire_oauth::parameters::Parameters;
use barewire_oauth::scope::ScopeSet;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::administration::{ADMIN_READ, ADMIN_WRITE, AdminError, By};
use crate::config::Dpop;
use crate::passwords::PasswordError;
use crate::possession::give_nonce;
use crate::respond::{self, json};
use crate::server::{AppState, Inner};
use crate::store::{StoreError, UserRecord};
use crate::witness::Sender;

/// Why there is no answer, and its status: the `From` and the table below.
pub(crate) enum Problem {
    /// The token: RFC 6750 has words for it, and so has RFC 9457.
    Bearer(BearerError),
    /// The token is good, and its user is no administrator any more.
    NotAdministrator,
    /// The request cannot be read.
    Malformed(String),
    /// Something else is done here.
    NoSuchMethod,
    /// It was not done.
    Refused(AdminError),
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        Self::Refused(error)
    }
}

impl From<BearerError> for Problem {
    fn from(error: BearerError) -> Self {
        Self::Bearer(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::Malformed(rejection.body_text())
    }
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::Bearer(error) => error.http_status(),
            Self::NotAdministrator => StatusCode::FORBIDDEN,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused(error) => match error {
                AdminError::NoSuchUser
                | AdminError::NoSuchClient
                | AdminError::NoSuchGrant
                | AdminError::NoSuchAccount => StatusCode::NOT_FOUND,
                AdminError::UserExists
                | AdminError::ClientExists
                | AdminError::AccountTaken
                | AdminError::Yourself
                | AdminError::Configured
                | AdminError::Changed => StatusCode::CONFLICT,
                AdminError::Demoted => StatusCode::FORBIDDEN,
                AdminError::UserName
                | AdminError::Unfit(_)
                | AdminError::Client(_)
                | AdminError::Account
                | AdminError::Narrowing(_)
                | AdminError::Password(PasswordError::Length) => StatusCode::UNPROCESSABLE_ENTITY,
                AdminError::Cursor => StatusCode::BAD_REQUEST,
                AdminError::Password(PasswordError::Busy) => StatusCode::SERVICE_UNAVAILABLE,
                AdminError::Password(PasswordError::Settings) | AdminError::Store(_) => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            },
        }
    }

    /// The last part of its `type`.
    fn word(&self) -> String {
        match self {
            Self::Bearer(error) => {
                error.code().map_or_else(|| "unauthorized".to_owned(), |code| code.to_string())
            }
            Self::NotAdministrator => "not_administrator".to_owned(),
            Self::Malformed(_) => "malformed".to_owned(),
            Self::NoSuchMethod => "no_such_method".to_owned(),
            Self::Refused(error) => error.word().to_owned(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Bearer(error) => error.to_string(),
            Self::NotAdministrator => "the user of this token is no administrator".to_owned(),
            Self::Malformed(why) => why.clone(),
            Self::NoSuchMethod => "there is no such method here".to_owned(),
            Self::Refused(AdminError::Store(_)) => {
                "the server could not read or write its state; try again".to_owned()
            }
            Self::Refused(error) => error.to_string(),
        }
    }
}

/// `application/problem+json` ([RFC 9457 §3](https://www.rfc-editor.org/rfc/rfc9457#section-3)).
#[derive(Serialize)]
struct ProblemDetails {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Self::Refused(AdminError::Store(failure)) = &self {
            tracing::error!(error = failure as &dyn std::error::Error, "the store failed");
        }
        let status = self.status();
        let mut response = json(
            status,
            &ProblemDetails {
                r#type: format!("urn:barewire:problem:{}", self.word()),
                title: status.canonical_reason().unwrap_or_default(),
                status: status.as_u16(),
                detail: self.detail(),
            },
        );
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        if let Self::Bearer(error) = self {
            response.extensions_mut().insert(error);
        }
        response
    }
}

/// What a handler gives.
pub(crate) type Answer<T> = Result<T, Problem>;

/// The administrator behind a request, and whoever sends it.
#[derive(Clone)]
pub(crate) struct Caller {
    user: UserRecord,
    sender: Sender,
}

impl Caller {
    fn by(&self, endpoint: &'static str) -> By<'_> {
        By::administrator(&self.user.id, endpoint, &self.sender)
    }
}

/// What an endpoint gets of it.
pub(crate) type Called = Extension<Caller>;

/// Puts the [`Caller`] where the handlers find it, or refuses; every refusal leaves with its challenge.
pub(crate) async fn authenticate(
    State(state): State<AppState>,
    sender: Sender,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers().clone();
    let scheme = Scheme::of(&headers);
    let admitted = admit(&state, request.method(), request.uri(), &headers).await;
    let wants_nonce = matches!(&admitted, Err(Problem::Bearer(error)) if error.wants_nonce());
    let mut response = match admitted {
        Ok(user) => {
            request.extensions_mut().insert(Caller { user, sender });
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(error) = response.extensions_mut().remove::<BearerError>()
        && let Some(challenge) = error.challenge(scheme, &context(&state))
        && let Ok(challenge) = HeaderValue::try_from(challenge.to_string())
    {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    give_nonce(&state, wants_nonce, &headers, &mut response);
    response
}

async fn admit(state: &Inner, method: &Method, uri: &Uri, headers: &HeaderMap) -> Answer<UserRecord> {
    let own = state.policy.administration.as_ref().ok_or(BearerError::Unavailable)?;
    let credentials = bearer::from_authorization(respond::authorization(headers))?;
    let now = state.now();
    let claims = state.tokens.verify(credentials.token, std::slice::from_ref(&own.resource), now)?;
    match (credentials.scheme, &claims.cnf) {
        (Scheme::Bearer, None) if state.config.dpop == Dpop::Required => {
            return Err(BearerError::BindingRequired.into());
        }
        (Scheme::Bearer, None) => {}
        (Scheme::Bearer, Some(_)) => return Err(BearerError::Bound.into()),
        (Scheme::Dpop, None) => return Err(BearerError::Unbound.into()),
        (Scheme::Dpop, Some(key)) => {
            let origin = state.issuer_origin();
            let target = Target::at(&origin, uri.path()).ok_or(BearerError::Malformed)?;
            let about = ProvenRequest { method, target: &target, access_token: Some(credentials.token) };
            state.proofs.check(headers, &about, Some(&key.jkt), now).map_err(BearerError::from)?;
        }
    }
    let looks = matches!(*method, Method::GET | Method::HEAD);
    let suffices = claims.scope.contains(ADMIN_WRITE) || (looks && claims.scope.contains(ADMIN_READ));
    if !suffices {
        let required = ScopeSet::from_tokens([if looks { ADMIN_READ } else { ADMIN_WRITE }]);
        return Err(BearerError::InsufficientScope { required }.into());
    }
    // The token was given to an administrator; whether it is one still is a question for the store.
    let user = state.store.user(&claims.sub).await?.filter(UserRecord::is_enabled);
    user.filter(|user| user.administrator).ok_or(Problem::NotAdministrator)
}

fn context(state: &Inner) -> ChallengeContext {
    ChallengeContext {
        resource_metadata: Some(format!("{}{}", state.issuer_origin(), metadata_path(state))),
        scope: Some(ScopeSet::from_tokens([ADMIN_READ])),
        binding_required: state.config.dpop == Dpop::Required,
    }
}

/// Where its metadata are: not at the root of the origin, which belongs to the server that people connect to.
pub(crate) fn metadata_path(state: &Inner) -> String {
    format!("{}{}", well_known::PROTECTED_RESOURCE, state.path(crate::routes::ADMIN_API))
}

/// `GET /.well-known/oauth-protected-resource/admin/api`
/// ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728)): how a program comes to a token.
pub(crate) async fn metadata(State(state): State<AppState>) -> Response {
    let Some(own) = &state.policy.administration else { return StatusCode::NOT_FOUND.into_response() };
    let mut document = ProtectedResourceMetadata::new(own.resource.clone(), vec![state.issuer.clone()]);
    document.scopes_supported = Some(own.scopes.iter().map(str::to_owned).collect());
    document.resource_name = Some(format!("Administration of {}", state.display_name));
    if state.config.dpop != Dpop::Off {
        let algorithms = dpop::ALGORITHMS.iter().map(|&one| one.to_owned()).collect();
        document.dpop_signing_alg_values_supported = Some(algorithms);
        document.dpop_bound_access_tokens_required = state.config.dpop == Dpop::Required;
    }
    ([(CACHE_CONTROL, "public, max-age=300")], Json(document)).into_response()
}

/// A method that a path does not have.
pub(crate) async fn no_such_method() -> Problem {
    Problem::NoSuchMethod
}

/// Nothing to say.
fn no_content() -> Response {
    (StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response()
}

/// A body in JSON; one that cannot be read is a [`Problem`] like any other.
pub(crate) struct Sent<T>(T);

impl<T: DeserializeOwned> FromRequest<AppState> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Answer<Self> {
        let Json(sent) = Json::<Box<RawValue>>::from_request(request, state).await?;
        let sent = barewire_oauth::json::object(sent.get().as_bytes());
        sent.map(Self).map_err(|error| Problem::Malformed(error.to_string()))
    }
}

/// The parameters of a list.
pub(crate) struct ListQuery(Parameters);

impl FromRequestParts<AppState> for ListQuery {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        Ok(Self(Parameters::parse(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

impl ListQuery {
    fn one(&self, name: &str) -> Answer<Option<&str>> {
        self.0.one(name).map_err(|repeated| Problem::Malformed(repeated.to_string()))
    }

    fn limit(&self) -> Answer<Option<u32>> {
        let number =
            |text: &str| text.parse().map_err(|_| Problem::Malformed("limit is a number".to_owned()));
        self.one("limit")?.map(number).transpose()
    }
}
