//! Guesses, one after the other: at passwords and at codes. What may be guessed at, and how often, is
//! [`throttle`](crate::throttle)'s.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use barewire_oauth::secret::Password;
use barewire_oauth::totp;
use http::StatusCode;

use crate::passwords::PasswordError;
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;
use crate::source::Source;
use crate::store::{Digest, Secret, StoreError, Swap, TotpRecord, UserRecord};
use crate::throttle::{self, Admission};
use crate::{duration, random, recovery_codes};

/// Why somebody has not proven who they are.
#[derive(Debug)]
pub(crate) enum Denial {
    /// A field is empty.
    Incomplete,
    /// That was not it.
    Wrong,
    /// Too many wrong ones; come back later.
    Throttled(Duration),
    /// Too many at once.
    Busy,
}

/// What they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    NameAndPassword,
    /// By a page of the account.
    CurrentPassword,
    /// The second factor.
    Code,
}

impl Denial {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::Wrong => StatusCode::FORBIDDEN,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn text(&self, asked: Asked) -> String {
        let text = match (self, asked) {
            (Self::Incomplete, Asked::NameAndPassword) => "Enter your user name and your password.",
            (Self::Incomplete, Asked::CurrentPassword) => "Enter your current password.",
            (Self::Incomplete, Asked::Code) => "Enter the code.",
            (Self::Wrong, Asked::NameAndPassword) => {
                "This user name and password do not belong together. Check both and try again."
            }
            (Self::Wrong, Asked::CurrentPassword) => "That is not your current password.",
            (Self::Wrong, Asked::Code) => {
                "This code is not right, or it was used before. Take the next one that the app shows."
            }
            (Self::Throttled(wait), _) => {
                let what = if asked == Asked::Code { "codes" } else { "passwords" };
                return format!(
                    "There were too many wrong {what} for this account from here. Try again in {}.",
                    duration::words(*wait)
                );
            }
            (Self::Busy, _) => "Too many people are logging in right now. Try again in a moment.",
        };
        text.to_owned()
    }

    /// For whoever keeps account; nothing where nobody has tried.
    pub(crate) fn rule(&self, asked: Asked) -> Option<&'static str> {
        match self {
            Self::Incomplete => None,
            Self::Wrong if asked == Asked::Code => Some("wrong_code"),
            Self::Wrong => Some("wrong_password"),
            Self::Throttled(_) => Some("throttled"),
            Self::Busy => Some("busy"),
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(wait) => Some(*wait),
            Self::Busy => Some(Duration::from_secs(2)),
            Self::Incomplete | Self::Wrong => None,
        }
    }
}

/// What came of looking at a guess.
enum Look {
    Right,
    Wrong,
    /// Nobody looked.
    NoRoom,
}

/// Tries a password for an account: `stored` is `None` for one that does not exist, which takes as long.
pub(crate) async fn password(
    state: &AppState,
    key: Digest,
    stored: Option<Secret>,
    password: Password,
) -> Result<Result<(), Denial>, StoreError> {
    let passwords = Arc::clone(state);
    let place = |state: &Inner| state.passwords.place();
    one(state, key, place, move |place| async move {
        Ok(match passwords.passwords.verify(place, stored, password).await {
            Ok(true) => Look::Right,
            Ok(false) | Err(PasswordError::Length | PasswordError::Settings) => Look::Wrong,
            Err(PasswordError::Busy) => Look::NoRoom,
        })
    })
    .await
}

/// What a second factor was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Factor {
    /// A code of the app.
    App,
    /// A recovery code: the app may be lost, or somebody has found the list.
    RecoveryCode,
}

/// Tries the code of an authenticator app, or a recovery code; whichever it is, it is used up by this.
///
/// The app's codes are few, so what counts is the account alone, wherever the guesses come from; only whoever has the
/// password can make them. Recovery codes are many, and guessing at one must not keep the owner from using them.
pub(crate) async fn code(
    state: &AppState,
    app: TotpRecord,
    source: Source,
    presented: &str,
) -> Result<Result<Factor, Denial>, StoreError> {
    let user_id = app.user_id.clone();
    let store = Arc::clone(state);
    if let Some(code) = recovery_codes::digest(&user_id, presented) {
        let key = random::digest_of(&[b"recovery code", user_id.as_bytes(), &source.key()]);
        let look = move |()| async move {
            store.store.use_recovery_code(&user_id, code, store.now()).await.map(looked)
        };
        return Ok(one(state, key, no_place, look).await?.map(|()| Factor::RecoveryCode));
    }
    let key = random::digest_of(&[b"second factor", user_id.as_bytes()]);
    let presented = presented.to_owned();
    let look = move |()| async move {
        match totp::accept(&presented, app.last_step, store.now(), crate::totp::mac(&app.secret)) {
            Ok(step) => store.store.use_totp(&user_id, step).await.map(looked),
            Err(_) => Ok(Look::Wrong),
        }
    };
    Ok(one(state, key, no_place, look).await?.map(|()| Factor::App))
}

/// Tries the first code of an app that is being set up; the step that it is of. Whoever was shown the secret can make it.
pub(crate) async fn first_code(
    state: &AppState,
    app: &TotpRecord,
    presented: &str,
) -> Result<Result<u64, Denial>, StoreError> {
    let accepted = totp::accept(presented, app.last_step, state.now(), crate::totp::mac(&app.secret));
    let look = if accepted.is_ok() { Look::Right } else { Look::Wrong };
    let key = random::digest_of(&[b"first code", app.user_id.as_bytes()]);
    let verdict = one(state, key, no_place, move |()| async move { Ok(look) }).await?;
    Ok(verdict.and_then(|()| accepted.map_err(|_| Denial::Wrong)))
}

fn looked(swap: Swap) -> Look {
    match swap {
        Swap::Done => Look::Right,
        Swap::Lost => Look::Wrong,
    }
}

/// Looking at a code takes no time, so any number may.
fn no_place(_: &Inner) -> Option<()> {
    Some(())
}

/// One attempt, when it is its turn, and once there is a place for it: before that, nothing is written. On a task of its own:
/// a browser that goes away in the middle must not leave a right guess counted as wrong.
async fn one<P: Send + 'static, L: Future<Output = Result<Look, StoreError>> + Send + 'static>(
    state: &AppState,
    key: Digest,
    place: fn(&Inner) -> Option<P>,
    look: impl FnOnce(P) -> L + Send + 'static,
) -> Result<Result<(), Denial>, StoreError> {
    let state = Arc::clone(state);
    let attempt = async move {
        let store = state.store.as_ref();
        let Some(_turn) = state.logins.take(key).await else { return Ok(Err(Denial::Busy)) };
        let Some(place) = place(&state) else { return Ok(Err(Denial::Busy)) };
        let counted = match throttle::admit(store, &state.config, key, state.now()).await? {
            Admission::Admitted(counted) => counted,
            Admission::Wait(wait) => return Ok(Err(Denial::Throttled(wait))),
            Admission::Crowded => return Ok(Err(Denial::Busy)),
        };
        match look(place).await? {
            Look::Right => {
                counted.succeeded(store).await?;
                Ok(Ok(()))
            }
            Look::Wrong => Ok(Err(Denial::Wrong)),
            Look::NoRoom => {
                counted.take_back(store, &state.config).await?;
                Ok(Err(Denial::Busy))
            }
        }
    };
    tokio::spawn(attempt).await.map_err(StoreError::new)?
}

/// Under which key a password counts: the account, and the place it comes from. A browser in which this user has logged
/// in before is a place of its own.
pub(crate) fn key(
    state: &Inner,
    cookies: &Cookies,
    source: Source,
    username: &str,
    user: Option<&UserRecord>,
) -> Digest {
    match user.and_then(|user| cookies.known_browser(state, &user.id)) {
        Some(nonce) => random::digest_of(&[b"browser", username.as_bytes(), &nonce]),
        None => random::digest_of(&[b"address", username.as_bytes(), &source.key()]),
    }
}
