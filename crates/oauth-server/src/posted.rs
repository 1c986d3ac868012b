//! What a browser or a client has posted, as one thing: endpoints read it, check it and say who sent it.

use std::convert::Infallible;
use std::error::Error;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use barewire_oauth::parameters::Parameters;
use barewire_oauth::token::TokenError;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::LengthLimitError;

use crate::csrf::{self, Purpose};
use crate::flow::Stop;
use crate::pages::ErrorPage;
use crate::server::AppState;
use crate::sessions::Cookies;
use crate::source::Source;
use crate::witness::Sender;

/// A form that did not come from the page that was made for it, as a word for records: another site's, most likely, where
/// there are many.
pub(crate) const STALE_FORM: &str = "stale_form";

/// A body and what came with it.
pub(crate) struct Posted {
    pub(crate) source: Source,
    pub(crate) sender: Sender,
    pub(crate) headers: HeaderMap,
    /// As much as was read; an error where it is larger than it may be, or broken.
    pub(crate) body: Result<Bytes, BytesRejection>,
    /// A browser says that a page of another origin sends it.
    foreign: bool,
}

impl FromRequest<AppState> for Posted {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Infallible> {
        let (mut parts, body) = request.into_parts();
        let source = Source::from_request_parts(&mut parts, state).await?;
        let sender = Sender::from_request_parts(&mut parts, state).await?;
        let headers = parts.headers.clone();
        let body = Bytes::from_request(Request::from_parts(parts, body), state).await;
        let foreign = csrf::is_foreign(&headers, &state.issuer_origin(), state.secure);
        Ok(Self { source, sender, headers, body, foreign })
    }
}

impl Posted {
    /// The parameters of a client's request.
    pub(crate) fn parameters(&self) -> Result<Parameters, TokenError> {
        if !self.is("application/x-www-form-urlencoded") {
            return Err(TokenError::NotAForm);
        }
        self.body.as_ref().map(|body| Parameters::parse(body)).map_err(|rejection| {
            if is_too_large(rejection) { TokenError::TooLarge } else { TokenError::Unreadable }
        })
    }

    /// Whether the body is said to be of this type.
    pub(crate) fn is(&self, essence: &str) -> bool {
        let said = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(essence)
    }

    /// The fields of a form of this page, sent by the browser with these cookies.
    pub(crate) fn form(&self, cookies: &Cookies, purpose: Purpose, page: &str) -> Result<Parameters, Stop> {
        let fields = self.fields()?;
        self.check(cookies, &fields, purpose, page)?;
        Ok(fields)
    }

    /// The fields of a form, wherever it came from: for pages that have to look into it to know what to check.
    pub(crate) fn fields(&self) -> Result<Parameters, Stop> {
        self.parameters().map_err(|_| Stop::page(ErrorPage::stale_form()))
    }

    /// Checks that a form came from the page we made for it, in this browser.
    pub(crate) fn check(
        &self,
        cookies: &Cookies,
        fields: &Parameters,
        purpose: Purpose,
        page: &str,
    ) -> Result<(), Stop> {
        let token = fields.one("csrf").ok().flatten().unwrap_or_default();
        let valid = cookies.secret().is_some_and(|secret| csrf::is_valid(token, secret, purpose, page));
        if valid && !self.foreign { Ok(()) } else { Err(Stop::page(ErrorPage::stale_form())) }
    }
}

/// Whether a body is larger than is read; its own error is inside of those of whoever has passed it on.
fn is_too_large(rejection: &BytesRejection) -> bool {
    let mut error: Option<&(dyn Error + 'static)> = Some(rejection);
    while let Some(one) = error {
        if one.is::<LengthLimitError>() {
            return true;
        }
        error = one.source();
    }
    false
}
