//! Who sits at the browser: its cookies, and the session behind them.
//!
//! The session cookie exists before the login too, as the secret behind the login form's token; the store knows it
//! only afterwards, and under a new value (session fixation). A second cookie marks a browser in which a user has
//! logged in before, and does nothing but keep other people's wrong passwords from slowing that user down.

use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::random;
use crate::server::Inner;
use crate::store::{SessionRecord, StoreError, Swap, UpstreamSessionRecord, UserRecord};
use crate::witness::Sender;

/// How long a browser is recognised.
const DEVICE_TTL: Duration = Duration::from_secs(365 * 86_400);
const NONCE: usize = 16;

/// The cookies that a request brought.
#[derive(Clone, Default)]
pub(crate) struct Cookies {
    session: Option<String>,
    device: Option<String>,
}

/// A logged-in user.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) user: UserRecord,
    pub(crate) record: SessionRecord,
    /// What the identity provider said at which they logged in; `None` where they did so here.
    pub(crate) upstream: Option<UpstreamSessionRecord>,
}

impl Session {
    /// Until when an administrator's login is recent enough to change something; `None` for everybody else.
    pub(crate) fn administrator_until(&self, state: &Inner) -> Option<SystemTime> {
        let age = state.config.admin_login_max_age;
        self.user.administrator.then(|| self.record.authenticated_at + age)
    }

    /// Whether it is an administrator's whose login is not recent enough any more.
    pub(crate) fn is_stale(&self, state: &Inner, now: SystemTime) -> bool {
        self.administrator_until(state).is_some_and(|until| until <= now)
    }
}

impl Cookies {
    pub(crate) fn read(state: &Inner, headers: &HeaderMap) -> Self {
        let value = |name: &str| {
            let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
            let mut pairs =
                lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(key, value)| *key == name && is_token(value)).map(|(_, value)| value.to_owned())
        };
        Self { session: value(session_name(state)), device: value(device_name(state)) }
    }

    /// The secret behind the forms of this browser, if it has a cookie.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// That secret; a browser without one gets it by the returned cookie.
    pub(crate) fn secret_or_new(&self, state: &Inner) -> (String, Option<HeaderValue>) {
        match &self.session {
            Some(secret) => (secret.clone(), None),
            None => {
                let secret = random::token::<32>();
                let cookie = set_cookie(state, session_name(state), &secret, None);
                (secret, Some(cookie))
            }
        }
    }

    /// The live session of this browser.
    pub(crate) async fn session(
        &self,
        state: &Inner,
        now: SystemTime,
    ) -> Result<Option<Session>, StoreError> {
        let Some(secret) = &self.session else { return Ok(None) };
        let Some(record) = state.store.session(random::digest(secret)).await? else { return Ok(None) };
        if record.expires_at <= now {
            return Ok(None);
        }
        let upstream = if state.upstreams.is_in_use() {
            state.store.upstream_session(record.digest).await?
        } else {
            None
        };
        // Whom their provider lets in no more, or whose provider the operator has taken out, has to come in anew.
        let counts = |it: &UpstreamSessionRecord| {
            it.refused_at.is_none() && state.upstreams.get(&it.provider).is_some()
        };
        if upstream.as_ref().is_some_and(|upstream| !counts(upstream)) {
            return Ok(None);
        }
        let user = state.store.user(&record.user_id).await?.filter(UserRecord::is_enabled);
        Ok(user.map(|user| Session { user, record, upstream }))
    }

    /// What tells this browser apart when it logs in as `user_id`: the nonce of its mark, if the mark is for that user.
    pub(crate) fn known_browser(&self, state: &Inner, user_id: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(self.device.as_ref()?).ok()?;
        let (nonce, tag) = bytes.split_at_checked(NONCE)?;
        let message = [nonce, user_id.as_bytes()].concat();
        hmac::verify(&state.device_key, &message, tag).is_ok().then(|| nonce.to_vec())
    }

    /// Starts a session for `user` in this browser, under a new id. Returns the cookies to set; `None` when the password of
    /// `user` is not the one any more that was read with it.
    pub(crate) async fn log_in(
        &self,
        state: &Inner,
        user: &UserRecord,
        sender: &Sender,
        now: SystemTime,
    ) -> Result<Option<Vec<HeaderValue>>, StoreError> {
        self.start(state, user, sender, now, None).await
    }

    /// The same for somebody who logged in at an identity provider.
    pub(crate) async fn log_in_from(
        &self,
        state: &Inner,
        user: &UserRecord,
        sender: &Sender,
        now: SystemTime,
        upstream: &UpstreamSessionRecord,
    ) -> Result<Option<Vec<HeaderValue>>, StoreError> {
        self.start(state, user, sender, now, Some(upstream)).await
    }

    async fn start(
        &self,
        state: &Inner,
        user: &UserRecord,
        sender: &Sender,
        now: SystemTime,
        upstream: Option<&UpstreamSessionRecord>,
    ) -> Result<Option<Vec<HeaderValue>>, StoreError> {
        let secret = random::token::<32>();
        let record = SessionRecord {
            digest: random::digest(&secret),
            user_id: user.id.clone(),
            authenticated_at: now,
            expires_at: now + state.config.session_ttl,
            started_from: sender.address,
            browser: sender.browser.clone(),
        };
        let old = self.session.as_ref().map(random::digest);
        let (keep, password) = (state.config.max_sessions_per_user, &user.password_hash);
        let started = match upstream {
            Some(said) => state.store.start_upstream_session(old, &record, keep, password, said).await?,
            None => state.store.start_session(old, &record, keep, password).await?,
        };
        if started == Swap::Lost {
            return Ok(None);
        }
        let mut cookies =
            vec![set_cookie(state, session_name(state), &secret, Some(state.config.session_ttl))];
        if self.known_browser(state, &user.id).is_none() {
            let nonce = random::bytes::<NONCE>();
            let tag = hmac::sign(&state.device_key, &[&nonce[..], user.id.as_bytes()].concat());
            let mark = URL_SAFE_NO_PAD.encode([&nonce[..], tag.as_ref()].concat());
            cookies.push(set_cookie(state, device_name(state), &mark, Some(DEVICE_TTL)));
        }
        Ok(Some(cookies))
    }

    /// Ends the session of this browser. Returns the cookie that removes it there.
    pub(crate) async fn log_out(&self, state: &Inner) -> Result<HeaderValue, StoreError> {
        if let Some(secret) = &self.session {
            state.store.end_session(random::digest(secret)).await?;
        }
        Ok(set_cookie(state, session_name(state), "", Some(Duration::ZERO)))
    }
}

/// `__Host-` binds a cookie to this very host and to TLS
/// ([RFC 6265bis §4.1.3.2](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2)).
fn session_name(state: &Inner) -> &'static str {
    if state.secure { "__Host-barewire_auth" } else { "barewire_auth" }
}

fn device_name(state: &Inner) -> &'static str {
    if state.secure { "__Host-barewire_known" } else { "barewire_known" }
}

fn set_cookie(state: &Inner, name: &str, value: &str, max_age: Option<Duration>) -> HeaderValue {
    let max_age = max_age.map(|age| format!("; Max-Age={}", age.as_secs())).unwrap_or_default();
    let secure = if state.secure { "; Secure" } else { "" };
    // Lax, because the browser comes from the client's site to /authorize and has to be recognised there; what
    // changes something is POST, to which Lax cookies do not go from another site.
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{max_age}");
    HeaderValue::try_from(text).expect("names are ours and values are base64url")
}

/// Values we have set are base64url; anything else is somebody else's and would only be carried around.
fn is_token(value: &str) -> bool {
    (1..=256).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
