//! `GET /callback`: where authorization servers send the browser back to.

use axum::extract::{RawQuery, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};

use super::extract::session_cookie;
use crate::error::ApiError;
use crate::host::App;
use crate::manager::{Callback, finish_login};

/// Goes on with the login that this browser started, and back to the page. A login of another browser is nobody's here.
pub(crate) async fn callback(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let session = match session_cookie(&headers, app.origin()) {
        Some(cookie) => app.session(cookie).await?,
        None => None,
    };
    let Some(session) = session else {
        return Ok(page(
            "This login was not started in this browser",
            "The authorization server sent you back, but this browser has no session with this host. \
             A login has to come back to the browser in which it began.",
        ));
    };
    Ok(match finish_login(&app, &session, query.as_deref().unwrap_or_default()) {
        // The fragment is the page's own place; the code in this URL ends here.
        Callback::Server(id) => Redirect::to(&format!("/#/servers/{id}")).into_response(),
        Callback::Unknown => page(
            "This login is not known (any more)",
            "The answer of the authorization server belongs to no login that waits in this browser. It may have been \
             used already, or have taken too long, or somebody else sent you here.",
        ),
    })
}

/// A page for a person who cannot be sent to the page. Both texts are ours.
fn page(title: &str, text: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <main><h1>{title}</h1><p>{text}</p>\
         <p><a href=\"/\">Open the host</a> and log in again.</p></main></html>"
    );
    (StatusCode::BAD_REQUEST, Html(page)).into_response()
}
