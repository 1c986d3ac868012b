//! Every path of the host, with its verb.

mod callback;
mod calls;
mod events;
mod exchanges;
mod extract;
mod health;
mod lists;
mod login;
mod page;
mod servers;
mod state;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, delete, get, post};

use crate::error::ApiError;
use crate::guard::guard;
use crate::host::App;

pub(crate) use extract::{Browser, Json};

/// The router. Handlers are in the file of their noun.
pub(crate) fn router(app: App) -> Router {
    let api = Router::new()
        .route("/state", get(state::state))
        .route("/events", get(events::events))
        .route("/servers", post(servers::add))
        .route("/servers/{id}", delete(servers::remove))
        .route("/servers/{id}/connect", post(servers::connect))
        .route("/servers/{id}/login", post(login::start))
        .route("/servers/{id}/logout", post(login::logout))
        .route("/servers/{id}/tools", get(lists::tools))
        .route("/servers/{id}/resources", get(lists::resources))
        .route("/servers/{id}/templates", get(lists::templates))
        .route("/servers/{id}/prompts", get(lists::prompts))
        .route("/servers/{id}/complete", post(lists::complete))
        .route("/servers/{id}/calls", post(calls::start))
        .route("/servers/{id}/export.har", get(exchanges::har))
        .route("/calls/{id}", get(calls::one).delete(calls::remove))
        .route("/calls/{id}/cancel", post(calls::cancel))
        .route("/calls/{id}/answer", post(calls::answer))
        .route("/exchanges", get(exchanges::list).delete(exchanges::clear))
        .route("/exchanges/{id}/curl", get(exchanges::curl))
        .fallback(any(|| async { ApiError::NotFound("path") }));
    Router::new()
        .nest("/api", api)
        .route("/callback", get(callback::callback))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(page::page)
        .layer(DefaultBodyLimit::max(app.limits().request_body))
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app)
}
