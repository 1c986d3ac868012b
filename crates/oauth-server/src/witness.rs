//! What happened, for whoever keeps account of it.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use barewire_oauth::authorize::PageError;
use barewire_oauth::client::{Client, RedirectMismatch};
use barewire_oauth::device::DeviceRefusal;
use barewire_oauth::dpop::ProofError;
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::grant::CodeRefusal;
use barewire_oauth::passkey::PasskeyRefusal;
use barewire_oauth::register::RegistrationError;
use barewire_oauth::token::TokenError;
use barewire_oauth::token_family::RefreshRefusal;
use http::header::USER_AGENT;
use http::request::Parts;

use crate::server::{AppState, Inner};
use crate::source::Source;
use crate::store::{Digest, GrantRecord};
use crate::{browser, random};

/// Hears of every login, consent, grant and revocation, refused ones included. Called on the task that serves the
/// request, after what happened is stored: be quick, and hand anything slow to another one.
pub trait Witness: Send + Sync + 'static {
    /// Something happened.
    fn happened(&self, event: &Event<'_>);
}

/// Something that happened. No field holds a secret, or a text that a person typed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Event<'a> {
    /// What.
    pub kind: EventKind,
    /// The rule by which it was refused: a word out of a fixed set, such as `wrong_password`.
    pub refused: Option<&'static str>,
    /// Why, of what was not refused: of a revocation `client`, `code_replay` …
    pub reason: Option<&'static str>,
    /// The path at which it was asked for.
    pub endpoint: &'static str,
    /// The user, if there is one by that name.
    pub user: Option<&'a str>,
    /// Who did it, where that is not the user: an administrator's id, or `operator:` and a name of the operating system.
    pub by: Option<&'a str>,
    /// The client, if it is known here.
    pub client: Option<&'a str>,
    /// The name that the client gives itself. Unverified.
    pub client_name: Option<&'a str>,
    /// How the client is known here: `dynamic`, `document` or `preregistered`.
    pub registration: Option<&'static str>,
    /// The authorization request: a digest of what only this one has, so that login, consent and token can be told to belong
    /// together before there is a grant. Of a device's login a digest of its code.
    pub request: Option<[u8; 8]>,
    /// The grant.
    pub grant: Option<&'a str>,
    /// The scopes that it is about.
    pub scope: Option<&'a str>,
    /// Where it was asked from.
    pub address: Option<IpAddr>,
    /// The header `User-Agent`, as it came, at most [`MAX_AGENT`] bytes of it. Unverified.
    pub user_agent: Option<&'a str>,
    /// The header `traceparent`, as it came.
    pub traceparent: Option<&'a str>,
}

/// What can happen. `docs/audit.md` has a table of it, which a test compares with [`EventKind::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Somebody read what this server is and can. Where clients begin.
    Metadata,
    /// A client sent a browser here: led on to the login, to the question, or back with a code.
    Authorization,
    /// A client registered itself.
    Registration,
    /// A user gave name and password.
    Login,
    /// A user ended a browser's session.
    Logout,
    /// A user was asked and answered.
    Consent,
    /// A code was exchanged for a grant's first tokens.
    Grant,
    /// A refresh token was exchanged.
    Refresh,
    /// A code or a refresh token came again, too late to be an honest repetition: somebody has a copy.
    Reuse,
    /// A grant, or one access token, was ended.
    Revocation,
    /// Scopes were taken from a grant.
    Narrowing,
    /// A user ended sessions from another one.
    SessionEnd,
    /// A user changed how they log in.
    Credential,
    /// A device without a browser began its login.
    DeviceAuthorization,
    /// A client sent an authorization request itself.
    PushedRequest,
    /// Somebody asked whether a token counts, and was not answered.
    Introspection,
    /// A server exchanged the token that it was sent for one of its own.
    TokenExchange,
    /// An administrator changed a user or a client, or was refused.
    Administration,
    /// The published keys have changed: one was added, or one was withdrawn.
    SigningKey,
}

impl EventKind {
    /// Each of them.
    pub const ALL: [Self; 19] = [
        Self::Metadata,
        Self::Authorization,
        Self::Registration,
        Self::Login,
        Self::Logout,
        Self::Consent,
        Self::Grant,
        Self::Refresh,
        Self::Reuse,
        Self::Revocation,
        Self::Narrowing,
        Self::SessionEnd,
        Self::Credential,
        Self::DeviceAuthorization,
        Self::PushedRequest,
        Self::Introspection,
        Self::TokenExchange,
        Self::Administration,
        Self::SigningKey,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Authorization => "authorization",
            Self::Registration => "registration",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Consent => "consent",
            Self::Grant => "grant",
            Self::Refresh => "refresh",
            Self::Reuse => "reuse",
            Self::Revocation => "revocation",
            Self::Narrowing => "narrowing",
            Self::SessionEnd => "session_end",
            Self::Credential => "credential",
            Self::DeviceAuthorization => "device_authorization",
            Self::PushedRequest => "pushed_request",
            Self::Introspection => "introspection",
            Self::TokenExchange => "token_exchange",
            Self::Administration => "administration",
            Self::SigningKey => "signing_key",
        }
    }
}

/// Whoever sends a request, as far as an event tells.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) address: Option<IpAddr>,
    /// The browser, in words.
    pub(crate) browser: Option<String>,
    user_agent: Option<String>,
    traceparent: Option<String>,
}

impl Sender {
    /// Of what the server does by itself.
    pub(crate) const NOBODY: Self =
        Self { address: None, browser: None, user_agent: None, traceparent: None };
}

/// As much of a `User-Agent` as anybody wants to read.
pub const MAX_AGENT: usize = 256;

impl Sender {
    pub(crate) fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    pub(crate) fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }
}

impl FromRequestParts<AppState> for Sender {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let Source(address) = Source::from_request_parts(parts, state).await?;
        let traceparent = parts.headers.get("traceparent").and_then(|value| value.to_str().ok());
        let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            address,
            browser: user_agent.and_then(browser::words),
            // A header that is a text is ASCII, so it can be cut anywhere.
            user_agent: user_agent.map(|agent| agent[..agent.len().min(MAX_AGENT)].to_owned()),
            traceparent: traceparent.map(str::to_owned),
        })
    }
}

/// An event in the making. What is not known when a request fails stays empty.
#[derive(Debug, Default, Clone)]
pub(crate) struct Draft {
    pub(crate) user: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) client_name: Option<String>,
    pub(crate) registration: Option<&'static str>,
    pub(crate) request: Option<[u8; 8]>,
    pub(crate) grant: Option<String>,
    pub(crate) scope: Option<String>,
}

impl Draft {
    /// Takes over who the client is.
    pub(crate) fn concerns(&mut self, client: &Client) {
        self.client = Some(client.id.clone());
        self.client_name.clone_from(&client.name);
        self.registration = Some(client.registration.as_str());
    }

    /// Of what happens to a grant.
    pub(crate) fn of_grant(grant: &GrantRecord) -> Self {
        Self {
            user: Some(grant.user_id.clone()),
            client: Some(grant.client_id.clone()),
            client_name: grant.client_name.clone(),
            grant: Some(grant.id.clone()),
            scope: Some(grant.scope.clone()),
            ..Self::default()
        }
    }
}

/// [`Event::request`] of an authorization request: of its client and its code challenge, which is new for each.
pub(crate) fn request_of(client_id: &str, code_challenge: &str) -> Option<[u8; 8]> {
    random::digest_of(&[b"request", client_id.as_bytes(), code_challenge.as_bytes()]).0.first_chunk().copied()
}

/// The same of a device's login.
pub(crate) fn request_of_device(device_code: Digest) -> Option<[u8; 8]> {
    random::digest_of(&[b"device request", &device_code.0]).0.first_chunk().copied()
}

/// How it ended: with a reason, perhaps, or refused by a rule.
pub(crate) type Ending = Result<Option<&'static str>, &'static str>;

impl Inner {
    /// Tells the witness, if there is one.
    pub(crate) fn tell(
        &self,
        sender: &Sender,
        endpoint: &'static str,
        kind: EventKind,
        draft: &Draft,
        ending: Ending,
    ) {
        let Some(witness) = &self.witness else { return };
        witness.happened(&Event {
            kind,
            refused: ending.err(),
            reason: ending.unwrap_or_default(),
            endpoint,
            user: draft.user.as_deref(),
            by: None,
            client: draft.client.as_deref(),
            client_name: draft.client_name.as_deref(),
            registration: draft.registration,
            request: draft.request,
            grant: draft.grant.as_deref(),
            scope: draft.scope.as_deref(),
            address: sender.address,
            user_agent: sender.user_agent.as_deref(),
            traceparent: sender.traceparent.as_deref(),
        });
    }
}

/// A refusal of the token endpoint as a word.
pub(crate) fn token_refusal(error: &TokenError) -> &'static str {
    match error {
        TokenError::Repeated(_)
        | TokenError::Missing(_)
        | TokenError::NotAForm
        | TokenError::Unreadable
        | TokenError::TooLarge => "malformed",
        TokenError::Credentials(_) | TokenError::NoClient | TokenError::WrongSecret(_) => {
            "client_authentication"
        }
        TokenError::Assertion(error) | TokenError::Grant(error) => error.rule(),
        TokenError::NotNow(_) => "not_now",
        TokenError::NotAllowed(_) => "not_allowed",
        TokenError::MoreScope(_) => "more_scope",
        TokenError::UnknownResource => "unknown_resource",
        TokenError::UnsupportedGrantType => "unsupported_grant_type",
        TokenError::UnknownClient => "unknown_client",
        TokenError::MalformedVerifier => "malformed_verifier",
        TokenError::MalformedScope => "malformed_scope",
        TokenError::MalformedResource => "malformed_resource",
        TokenError::Proof(error) => error.word(),
        TokenError::Code(refusal) => match refusal {
            CodeRefusal::Unknown => "unknown_code",
            CodeRefusal::WrongClient => "wrong_client",
            CodeRefusal::Expired => "expired_code",
            CodeRefusal::WrongRedirect => "wrong_redirect_uri",
            CodeRefusal::WrongVerifier => "wrong_verifier",
            CodeRefusal::WrongResource => "wrong_resource",
            CodeRefusal::NoProof => ProofError::Missing.word(),
            CodeRefusal::OtherKey => ProofError::OtherKey.word(),
            CodeRefusal::Raced => "raced",
            CodeRefusal::Replayed { .. } => "code_replay",
        },
        TokenError::Exchange(refusal) => refusal.rule(),
        TokenError::Device(refusal) => match refusal {
            DeviceRefusal::Unknown => "unknown_device_code",
            DeviceRefusal::WrongClient => "wrong_client",
            DeviceRefusal::Pending => "authorization_pending",
            DeviceRefusal::SlowDown => "slow_down",
            DeviceRefusal::Denied => "denied",
            DeviceRefusal::Expired => "expired_device_code",
            DeviceRefusal::Redeemed => "device_code_replay",
        },
        TokenError::Refresh(refusal) => match refusal {
            RefreshRefusal::Unknown => "unknown_refresh_token",
            RefreshRefusal::WrongClient => "wrong_client",
            RefreshRefusal::Expired => "expired_refresh_token",
            RefreshRefusal::Revoked => "revoked_grant",
            RefreshRefusal::WrongResource => "wrong_resource",
            RefreshRefusal::MoreScope => "more_scope",
            RefreshRefusal::NoProof => ProofError::Missing.word(),
            RefreshRefusal::OtherKey => ProofError::OtherKey.word(),
            RefreshRefusal::Raced => "raced",
            RefreshRefusal::Reused => "refresh_reuse",
        },
    }
}

/// A refusal of an authorization request that a page tells of, as a word.
pub(crate) fn page_refusal(error: &PageError) -> &'static str {
    match error {
        PageError::ClientMissing => "missing_client_id",
        PageError::Repeated(_) => "repeated_parameter",
        PageError::Redirect(RedirectMismatch::NotRegistered) => "redirect_uri",
        PageError::Redirect(RedirectMismatch::Ambiguous) => "ambiguous_redirect_uri",
    }
}

/// One that the client is told of.
pub(crate) fn authorization_refusal(error: &ErrorResponse) -> &'static str {
    match error.error {
        ErrorCode::InvalidScope => "invalid_scope",
        ErrorCode::InvalidTarget => "invalid_target",
        ErrorCode::UnsupportedResponseType => "unsupported_response_type",
        ErrorCode::UnauthorizedClient => "unauthorized_client",
        ErrorCode::LoginRequired => "login_required",
        ErrorCode::ConsentRequired => "consent_required",
        ErrorCode::AccessDenied => "access_denied",
        _ => "invalid_request",
    }
}

/// A refusal of a passkey as a word.
pub(crate) fn passkey_refusal(refusal: PasskeyRefusal) -> &'static str {
    match refusal {
        PasskeyRefusal::Malformed => "malformed",
        PasskeyRefusal::WrongCeremony | PasskeyRefusal::WrongChallenge => "wrong_challenge",
        PasskeyRefusal::WrongOrigin | PasskeyRefusal::WrongRelyingParty => "wrong_origin",
        PasskeyRefusal::NotVerified => "user_not_verified",
        PasskeyRefusal::Key => "unusable_key",
        PasskeyRefusal::Unknown => "unknown_passkey",
        PasskeyRefusal::Signature => "wrong_signature",
        PasskeyRefusal::CounterWentBack => "cloned_passkey",
    }
}

/// A refusal of the registration endpoint as a word.
pub(crate) fn registration_refusal(error: &RegistrationError) -> &'static str {
    match error {
        RegistrationError::Malformed(_) => "malformed",
        RegistrationError::RedirectCount
        | RegistrationError::Redirect { .. }
        | RegistrationError::PrivateUse { .. }
        | RegistrationError::WebRedirect { .. } => "redirect_uri",
        RegistrationError::TooManyKeys | RegistrationError::Unsupported(_) => "unsupported",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_is_forgotten() {
        let source = include_str!("witness.rs");
        let words =
            source.split("pub const fn as_str(self)").nth(1).and_then(|rest| rest.split("\n    }\n").next());
        assert_eq!(words.unwrap().matches(" => \"").count(), EventKind::ALL.len());
    }
}
