//! Between password and code: what a browser that gave the right password brings back with the code of the second
//! factor, or with the first code of an app that is being set up.
//!
//! It is a token and not a record, so a password alone writes nothing: bound to the browser's cookie, to the user, to
//! the very password (a change ends it) and to a time. It opens nothing by itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::random;
use crate::store::{Secret, Store, StoreError, UserRecord};

const TAG: usize = 32;
const EXPIRY: usize = 8;

/// What such a token is for; one for the one is no good for the other.
#[derive(Clone, Copy)]
pub(crate) enum Half<'a> {
    /// A login that lacks its second factor.
    Login,
    /// An app with this secret that is not confirmed.
    SetUp(&'a Secret),
}

/// Signs and reads these tokens.
pub(crate) struct HalfLogins(hmac::Key);

impl HalfLogins {
    /// With a key made from `secret`.
    pub(crate) fn new(secret: &[u8]) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key = hmac::sign(&master, b"half login v1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }

    /// `user` has given the right password in the browser with this cookie.
    pub(crate) fn issue(
        &self,
        half: Half<'_>,
        user: &UserRecord,
        cookie: &str,
        ttl: Duration,
        now: SystemTime,
    ) -> String {
        let ends = now.checked_add(ttl).unwrap_or(now).duration_since(UNIX_EPOCH).unwrap_or_default();
        let ends = ends.as_secs().to_be_bytes();
        let tag = hmac::sign(&self.0, &message(half, user, cookie, ends));
        let tag: &[u8] = tag.as_ref();
        URL_SAFE_NO_PAD.encode([tag, &ends[..], user.id.as_bytes()].concat())
    }

    /// Who that was; `None` for anything else.
    pub(crate) async fn open(
        &self,
        half: Half<'_>,
        store: &dyn Store,
        token: &str,
        cookie: &str,
        now: SystemTime,
    ) -> Result<Option<UserRecord>, StoreError> {
        let Some((tag, ends, user_id)) = parse(token) else { return Ok(None) };
        if UNIX_EPOCH.checked_add(Duration::from_secs(u64::from_be_bytes(ends))).is_none_or(|end| end <= now)
        {
            return Ok(None);
        }
        let user = store.user(&user_id).await?.filter(UserRecord::is_enabled);
        let Some(user) = user else { return Ok(None) };
        let is_ours = hmac::verify(&self.0, &message(half, &user, cookie, ends), &tag).is_ok();
        Ok(is_ours.then_some(user))
    }
}

fn message(half: Half<'_>, user: &UserRecord, cookie: &str, ends: [u8; EXPIRY]) -> [u8; 32] {
    let (word, about): (&[u8], _) = match half {
        Half::Login => (b"login", random::digest([])),
        Half::SetUp(secret) => (b"set-up", random::digest(secret.expose())),
    };
    let password = user.password_hash.expose();
    random::digest_of(&[word, &about.0, cookie.as_bytes(), user.id.as_bytes(), password, &ends]).0
}

fn parse(token: &str) -> Option<([u8; TAG], [u8; EXPIRY], String)> {
    if token.len() > 1024 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (tag, rest) = bytes.split_first_chunk::<TAG>()?;
    let (ends, user_id) = rest.split_first_chunk::<EXPIRY>()?;
    Some((*tag, *ends, String::from_utf8(user_id.to_vec()).ok()?))
}
