//! An OAuth client as small as it can be, for tests that need a real token and are not about the login itself.
//!
//! The PKCE pair is the one printed in [RFC 7636, appendix B](https://www.rfc-editor.org/rfc/rfc7636#appendix-B): a
//! test has nothing to hide.

use std::collections::HashMap;

use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use crate::browser::{Browser, BrowserError};

/// The verifier of the pair.
pub const PKCE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Its S256 challenge.
pub const PKCE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where nobody listens: the browser stops before it.
pub const REDIRECT_URI: &str = "http://localhost:5173/callback";

/// A client that registered itself with an authorization server that has its endpoints at `/register`, `/authorize`
/// and `/token`.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    /// The issuer's URL, without a path.
    pub issuer: Url,
    /// What it was registered as.
    pub client_id: String,
    http: reqwest::Client,
}

/// What the token endpoint gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// For the resource.
    pub access: String,
    /// For the next access token, where there is one.
    pub refresh: Option<String>,
    /// What was granted, separated by spaces.
    pub scope: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The server could not be reached, or went away in the middle.
    #[error("request failed")]
    Request(#[from] reqwest::Error),
    /// The pages did not lead to the callback.
    #[error("the login did not end at the callback")]
    Browser(#[from] BrowserError),
    /// The callback, or the token endpoint, carries an error.
    #[error("refused with {status}: {answer}")]
    Refused {
        /// The token endpoint's status; 302 for a callback.
        status: u16,
        /// What it says.
        answer: Value,
    },
}

impl OAuthClient {
    /// Registers a public client called `name` that refreshes.
    ///
    /// # Errors
    /// [`LoginError`], see its variants.
    pub async fn register(issuer: &Url, name: &str) -> Result<Self, LoginError> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let metadata = json!({
            "client_name": name,
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        });
        let answer = http.post(endpoint(issuer, "register")).json(&metadata).send().await?;
        let (status, answer) = (answer.status(), answer.json::<Value>().await?);
        let refused = LoginError::Refused { status: status.as_u16(), answer: answer.clone() };
        let client_id =
            answer["client_id"].as_str().filter(|_| status == StatusCode::CREATED).ok_or(refused)?;
        Ok(Self { issuer: issuer.clone(), client_id: client_id.to_owned(), http })
    }

    /// The URL that a login starts at.
    pub fn authorize_url(&self, resource: &str, scope: &str, state: &str) -> Url {
        let mut url = endpoint(&self.issuer, "authorize");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("scope", scope)
            .append_pair("state", state)
            .append_pair("code_challenge", PKCE_CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .append_pair("resource", resource);
        url
    }

    /// Logs in and consents in `browser`; returns the code.
    ///
    /// # Errors
    /// [`LoginError`], see its variants.
    pub async fn code(
        &self,
        browser: &mut Browser,
        resource: &str,
        (user, password): (&str, &str),
        scope: &str,
    ) -> Result<String, LoginError> {
        let url = self.authorize_url(resource, scope, "a-state");
        let callback = browser.login_and_consent(&url, user, password).await?;
        let mut query: HashMap<String, String> = callback.query_pairs().into_owned().collect();
        match query.remove("code") {
            Some(code) if query.get("state").is_some_and(|state| state == "a-state") => Ok(code),
            _ => Err(LoginError::Refused { status: 302, answer: json!(query) }),
        }
    }

    /// Redeems a code.
    ///
    /// # Errors
    /// [`LoginError`], see its variants.
    pub async fn redeem(&self, code: &str, resource: &str) -> Result<Tokens, LoginError> {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", PKCE_VERIFIER),
            ("resource", resource),
        ])
        .await
    }

    /// Trades a refresh token for new tokens.
    ///
    /// # Errors
    /// [`LoginError`], see its variants.
    pub async fn refresh(&self, refresh_token: &str, resource: &str) -> Result<Tokens, LoginError> {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("resource", resource),
        ])
        .await
    }

    /// The whole way, in a browser of its own.
    ///
    /// # Errors
    /// [`LoginError`], see its variants.
    pub async fn log_in(
        &self,
        resource: &str,
        user: (&str, &str),
        scope: &str,
    ) -> Result<Tokens, LoginError> {
        let code = self.code(&mut Browser::new(), resource, user, scope).await?;
        self.redeem(&code, resource).await
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Result<Tokens, LoginError> {
        let mut form = fields.to_vec();
        form.push(("client_id", &self.client_id));
        let answer = self.http.post(endpoint(&self.issuer, "token")).form(&form).send().await?;
        let (status, answer) = (answer.status(), answer.json::<Value>().await?);
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        match text("access_token") {
            Some(access) if status == StatusCode::OK => Ok(Tokens {
                access,
                refresh: text("refresh_token"),
                scope: text("scope").unwrap_or_default(),
            }),
            _ => Err(LoginError::Refused { status: status.as_u16(), answer }),
        }
    }
}

fn endpoint(issuer: &Url, name: &str) -> Url {
    issuer.join(&format!("/{name}")).expect("a URL with a host takes an absolute path")
}
