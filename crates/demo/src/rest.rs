//! The blog over REST: a thin translation of [`Blog`] to HTTP, with RFC 6750 challenges.

use std::error::Error;
use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use barewire_mcp_server::{Presented, Principal, VerifiedTokens};
use barewire_oauth::bearer::{BearerError, ChallengeContext, Scheme};
use barewire_oauth::dpop::{NONCE_HEADER, Target};
use barewire_oauth::scope::ScopeSet;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde_json::json;

use crate::blog::{Blog, BlogError, Clock, Identity};
use crate::post::{ListPosts, NewPost, Post, PostChange, PostPage, Profile};

/// A post of 20,000 characters fits, whatever its language.
const MAX_BODY: usize = 256 * 1024;

/// What stands before every route: the same tokens as before `/mcp`, so what opens one opens both, and what no longer
/// opens one opens neither.
pub struct Door {
    /// Say whom a token is for.
    pub tokens: VerifiedTokens,
    /// The origin that clients know: what they prove to have a key for is an address there.
    pub origin: String,
    /// Where the time comes from.
    pub clock: Clock,
    /// What a refused client is told.
    pub challenge: ChallengeContext,
}

/// `GET /users/me/`; `GET`, `POST /posts`; `GET`, `PUT`, `PATCH`, `DELETE /posts/{id}`.
pub fn router(blog: Blog, door: Arc<Door>) -> Router {
    Router::new()
        .route("/users/me", get(me))
        .route("/users/me/", get(me))
        .route("/posts", get(list).post(create))
        .route("/posts/{id}", get(read).put(replace).patch(change).delete(delete))
        .route_layer(middleware::from_fn_with_state(door, authenticate))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(blog)
}

type Answer<T> = Result<T, RestError>;
type Id = Result<Path<i64>, PathRejection>;
type Body<T> = Result<Json<T>, JsonRejection>;

async fn me(State(blog): State<Blog>, Extension(who): Extension<Identity>) -> Answer<Json<Profile>> {
    Ok(Json(blog.me(&who).await?))
}

async fn list(
    State(blog): State<Blog>,
    Extension(who): Extension<Identity>,
    what: Result<Query<ListPosts>, QueryRejection>,
) -> Answer<Json<PostPage>> {
    Ok(Json(blog.list(&who, &what?.0).await?))
}

async fn read(State(blog): State<Blog>, Extension(who): Extension<Identity>, id: Id) -> Answer<Json<Post>> {
    Ok(Json(blog.read(&who, id?.0).await?))
}

async fn create(
    State(blog): State<Blog>,
    Extension(who): Extension<Identity>,
    new: Body<NewPost>,
) -> Answer<Response> {
    let post = blog.create(&who, new?.0).await?;
    Ok((StatusCode::CREATED, [(LOCATION, format!("/posts/{}", post.id))], Json(post)).into_response())
}

async fn replace(
    State(blog): State<Blog>,
    Extension(who): Extension<Identity>,
    id: Id,
    new: Body<NewPost>,
) -> Answer<Json<Post>> {
    let Json(NewPost { title, content, tags, status }) = new?;
    let all =
        PostChange { title: Some(title), content: Some(content), tags: Some(tags), status: Some(status) };
    Ok(Json(blog.update(&who, id?.0, all).await?))
}

async fn change(
    State(blog): State<Blog>,
    Extension(who): Extension<Identity>,
    id: Id,
    change: Body<PostChange>,
) -> Answer<Json<Post>> {
    Ok(Json(blog.update(&who, id?.0, change?.0).await?))
}

async fn delete(State(blog): State<Blog>, Extension(who): Extension<Identity>, id: Id) -> Answer<StatusCode> {
    blog.delete(&who, id?.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts the caller's [`Identity`] where the handlers find it, or refuses; every refusal leaves with its challenge.
async fn authenticate(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let scheme = Scheme::of(request.headers());
    let proven = door.identify(request.method(), request.uri().path(), request.headers()).await;
    let nonce = door.tokens.next_nonce(proven.as_ref().err(), request.headers(), (door.clock)());
    let mut response = match proven {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
        Err(error) => RestError::from(error).into_response(),
    };
    if let Some(error) = response.extensions_mut().remove::<BearerError>()
        && let Some(challenge) = error.challenge(scheme, &door.challenge)
        && let Ok(challenge) = HeaderValue::try_from(challenge.to_string())
    {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(nonce) = nonce {
        response.headers_mut().insert(NONCE_HEADER, nonce);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Door {
    async fn identify(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Identity, BearerError> {
        let target = Target::at(&self.origin, path).ok_or(BearerError::Malformed)?;
        let presented = Presented { method, target: &target, headers };
        let principal = self.tokens.authenticate(&presented, (self.clock)()).await?;
        Ok(Identity::from(&*principal))
    }
}

impl From<&Principal> for Identity {
    fn from(principal: &Principal) -> Self {
        let scopes = principal.scopes.iter().map(str::to_owned).collect();
        Self::of(principal.issuer.as_deref(), &principal.subject, scopes)
    }
}

/// Whatever goes wrong on the way, as HTTP tells it. The `From` below are the one table.
struct RestError {
    status: StatusCode,
    error: String,
    message: String,
    field: Option<&'static str>,
    bearer: Option<BearerError>,
}

impl RestError {
    fn new(status: StatusCode, error: &str, message: impl Into<String>) -> Self {
        Self { status, error: error.to_owned(), message: message.into(), field: None, bearer: None }
    }
}

impl From<BlogError> for RestError {
    fn from(blog: BlogError) -> Self {
        let (status, error) = match &blog {
            BlogError::Scope(scope) => {
                return BearerError::InsufficientScope { required: ScopeSet::from_tokens([scope]) }.into();
            }
            BlogError::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            BlogError::NotYours(_) => (StatusCode::FORBIDDEN, "not_yours"),
            BlogError::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            BlogError::UnknownUser => (StatusCode::FORBIDDEN, "unknown_user"),
            BlogError::Full => (StatusCode::CONFLICT, "full"),
            BlogError::Database(_) | BlogError::Migrate(_) => {
                tracing::error!(error = %blog, source = ?Error::source(&blog), "a request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        };
        let field = if let BlogError::Invalid { field, .. } = blog { Some(field) } else { None };
        Self { field, ..Self::new(status, error, blog.to_string()) }
    }
}

impl From<BearerError> for RestError {
    fn from(bearer: BearerError) -> Self {
        let code = bearer.code();
        let error = code.as_ref().map_or("unauthorized", |code| code.as_str());
        Self { bearer: Some(bearer.clone()), ..Self::new(bearer.http_status(), error, bearer.to_string()) }
    }
}

impl From<PathRejection> for RestError {
    fn from(_: PathRejection) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "the id of a post is a number")
    }
}

impl From<QueryRejection> for RestError {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_query", rejection.body_text())
    }
}

impl From<JsonRejection> for RestError {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "bad_body", rejection.body_text())
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.error, "message": self.message });
        if let Some(field) = self.field {
            body["field"] = json!(field);
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(bearer) = self.bearer {
            response.extensions_mut().insert(bearer);
        }
        response
    }
}
