//! What handlers take from a request: the browser's session, and a JSON body.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::config::PublicOrigin;
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
        let cookie = session_cookie(&parts.headers, app.origin()).ok_or(ApiError::NoSession)?;
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
pub(crate) fn session_cookie<'a>(headers: &'a HeaderMap, origin: &PublicOrigin) -> Option<&'a str> {
    let ours = session::cookie_name(origin);
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(';'))
        .filter_map(|it| it.trim().split_once('='))
        .filter(|(name, _)| *name == ours)
        .map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HostConfig, Limits};

    fn origin(url: &str) -> PublicOrigin {
        let config = HostConfig { public_origin: Some(url.parse().unwrap()), ..HostConfig::default() };
        config.origin(None).unwrap()
    }

    #[test]
    fn one_session_cookie_among_others() {
        let here = origin("http://localhost:5173");
        for (cookies, expected) in [
            (vec!["barewire_session=a"], Some("a")),
            (vec!["other=1; barewire_session=a; more=2"], Some("a")),
            (vec!["other=1", "barewire_session=a"], Some("a")),
            (vec!["barewire_session=a; barewire_session=b"], None),
            (vec!["barewire_session2=a"], None),
            (vec![], None),
        ] {
            let headers: HeaderMap = cookies.iter().map(|it| (COOKIE, it.parse().unwrap())).collect();
            assert_eq!(session_cookie(&headers, &here), expected, "{cookies:?}");
        }
    }

    #[test]
    fn over_https_a_neighbouring_host_plants_no_session() {
        let here = origin("https://mcp.example.com");
        let headers = |cookie: &str| HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())]);
        assert_eq!(session_cookie(&headers("barewire_session=planted"), &here), None);
        let both = headers("barewire_session=planted; __Host-barewire_session=a");
        assert_eq!(session_cookie(&both, &here), Some("a"));
        let set = session::set_cookie("a", &here, &Limits::default());
        // What browsers ask for before they take such a name: no domain, this path, TLS.
        assert!(set.starts_with("__Host-barewire_session=a; Path=/;") && set.ends_with("; Secure"), "{set}");
        assert!(!set.contains("Domain"), "{set}");
    }
}
