//! What handlers take from a request: the browser's session, and a JSON body.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::host::App;
use crate::session::{self, Session};

/// The session of the browser that asks.
pub(crate) struct Browser(pub(crate) Arc<Session>);

/// A JSON body; what is wrong with it is told in the API's own words.
pub(crate) struct Json<T>(pub(crate) T);

impl FromRequestParts<App> for Browser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let cookie = session_cookie(&parts.headers).ok_or(ApiError::NoSession)?;
        app.session(cookie).await?.map(Self).ok_or(ApiError::NoSession)
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        match axum::Json::from_request(request, app).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::BadRequest("the request is too large".to_owned()))
            }
            Err(rejection) => Err(ApiError::BadRequest(rejection.body_text())),
        }
    }
}

/// The session cookie. With two of that name one was planted by another server on this host name: neither is believed.
pub(crate) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(';'))
        .filter_map(|it| it.trim().split_once('='))
        .filter(|(name, _)| *name == session::COOKIE)
        .map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_cookie_among_others() {
        for (cookies, expected) in [
            (vec!["barewire_session=a"], Some("a")),
            (vec!["other=1; barewire_session=a; more=2"], Some("a")),
            (vec!["other=1", "barewire_session=a"], Some("a")),
            (vec!["barewire_session=a; barewire_session=b"], None),
            (vec!["barewire_session2=a"], None),
            (vec![], None),
        ] {
            let headers: HeaderMap = cookies.iter().map(|it| (COOKIE, it.parse().unwrap())).collect();
            assert_eq!(session_cookie(&headers), expected, "{cookies:?}");
        }
    }
}
