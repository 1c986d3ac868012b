//! Signing keys over time: making the next one, forgetting those that are over, and noticing what others at the same
//! store have done. The rules are [`barewire_oauth::signing_keys`]; an operator's part is [`list`], [`rotate`] and [`retire`],
//! which need no running server, and which a running one notices.

use std::error::Error;
use std::sync::Weak;
use std::time::SystemTime;

use barewire_oauth::signing_keys::{KeySchedule, KeyState, MAX_SIGNING_KEYS, Turns};

use crate::config::AuthConfig;
use crate::keys::{KeyError, KeyRing, generate};
use crate::server::Inner;
use crate::store::{Keys, SigningKeyRecord, StoreError, Swap};
use crate::witness::{Draft, EventKind, Sender};

/// A signing key, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its name in the `JWKS` and in the header of tokens.
    pub kid: String,
    /// `ES256`.
    pub algorithm: String,
    /// What it is now.
    pub state: KeyState,
    /// When it was made.
    pub created_at: SystemTime,
    /// When its turn to sign begins.
    pub signs_from: SystemTime,
    /// When it ends, if another key is there.
    pub signs_until: Option<SystemTime>,
    /// Until when the `JWKS` shows it, if its turn ends.
    pub published_until: Option<SystemTime>,
    /// When an operator ended it.
    pub retired_at: Option<SystemTime>,
}

/// Why an operator's wish was not done.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// No such key.
    #[error("there is no signing key {0} that could be retired")]
    Unknown(String),
    /// It signs, and nothing would sign any more.
    #[error("{0} is the key that signs; let another one sign first")]
    Signing(String),
    /// Too many at once.
    #[error(
        "there are {MAX_SIGNING_KEYS} signing keys already; retire some, or wait until the oldest are over"
    )]
    TooMany,
    /// Others were faster, again and again.
    #[error("other processes change the signing keys at this moment; try again")]
    Raced,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often somebody tries who finds each time that the keys have changed meanwhile.
const ATTEMPTS: usize = 5;

/// All signing keys, in the order in which they were made.
///
/// # Errors
/// Where the store fails.
pub async fn list<S: Keys + ?Sized>(store: &S, now: SystemTime) -> Result<Vec<SigningKey>, StoreError> {
    let records = store.signing_keys().await?;
    let times: Vec<_> = records.iter().map(SigningKeyRecord::times).collect();
    let turns = Turns(&times);
    let seen = |(number, record): (usize, SigningKeyRecord)| SigningKey {
        state: turns.state(number, now),
        signs_until: turns.signs_until(number),
        published_until: match record.retired_at {
            Some(retired_at) => Some(retired_at),
            None => turns.kept_until(number),
        },
        kid: record.kid,
        algorithm: record.algorithm,
        created_at: record.created_at,
        signs_from: record.signs_from,
        retired_at: record.retired_at,
    };
    Ok(records.into_iter().enumerate().map(seen).collect())
}

/// Makes a key that takes over: once it has been announced, or at once, where `at_once` says that the one that signs is
/// not to be trusted any more. Then whoever keeps a copy of the `JWKS` has to fetch it again for the new key.
///
/// # Errors
/// [`SigningKeyError`], see its variants.
pub async fn rotate<S: Keys + ?Sized>(
    store: &S,
    config: &AuthConfig,
    at_once: bool,
    now: SystemTime,
) -> Result<String, SigningKeyError> {
    let announced = now + config.signing_key_announcement;
    let signs_from = if at_once { now } else { announced };
    for _ in 0..ATTEMPTS {
        let known = tidied(store, now).await?;
        if known.len() >= MAX_SIGNING_KEYS {
            return Err(SigningKeyError::TooMany);
        }
        let new = generate(now, signs_from, config.access_token_ttl);
        if store.insert_signing_key(&kids(&known), &new).await? == Swap::Done {
            return Ok(new.kid);
        }
    }
    Err(SigningKeyError::Raced)
}

/// Ends a key, and with it every token that it signed: at once here, and elsewhere as soon as the `JWKS` is fetched again.
/// Not the one that signs.
///
/// # Errors
/// [`SigningKeyError`], see its variants.
pub async fn retire<S: Keys + ?Sized>(store: &S, kid: &str, now: SystemTime) -> Result<(), SigningKeyError> {
    let keys = list(store, now).await?;
    let unknown = || SigningKeyError::Unknown(kid.to_owned());
    let key = keys.iter().find(|key| key.kid == kid && key.retired_at.is_none()).ok_or_else(unknown)?;
    if key.state == KeyState::Signing {
        return Err(SigningKeyError::Signing(kid.to_owned()));
    }
    match store.retire_signing_key(kid, now).await? {
        Swap::Done => Ok(()),
        Swap::Lost => Err(unknown()),
    }
}

/// What is done now and then: makes the key that is due, and forgets those that are over. Gives the keys that are left.
pub(crate) async fn upkeep<S: Keys + ?Sized>(
    store: &S,
    config: &AuthConfig,
    now: SystemTime,
) -> Result<Vec<SigningKeyRecord>, StoreError> {
    let mut records = tidied(store, now).await?;
    for _ in 0..ATTEMPTS {
        let times: Vec<_> = records.iter().map(SigningKeyRecord::times).collect();
        let Some(signs_from) = Turns(&times).due(&config.key_schedule(), now) else { break };
        if records.len() >= MAX_SIGNING_KEYS {
            tracing::warn!("a signing key is due, and there are too many already");
            break;
        }
        // Another process may be doing the same; whoever comes second uses the first one's key.
        let new = generate(now, signs_from, config.access_token_ttl);
        if store.insert_signing_key(&kids(&records), &new).await? == Swap::Done {
            tracing::info!(kid = new.kid, "made a signing key");
        }
        records = store.signing_keys().await?;
    }
    Ok(records)
}

/// The keys that are left once those are deleted that are over.
async fn tidied<S: Keys + ?Sized>(store: &S, now: SystemTime) -> Result<Vec<SigningKeyRecord>, StoreError> {
    let mut records = store.signing_keys().await?;
    let times: Vec<_> = records.iter().map(SigningKeyRecord::times).collect();
    let turns = Turns(&times);
    let over: Vec<_> =
        (0..records.len()).filter(|number| turns.state(*number, now) == KeyState::Over).collect();
    for number in over.into_iter().rev() {
        let record = records.remove(number);
        store.delete_signing_key(&record.kid).await?;
        tracing::info!(kid = record.kid, "deleted a signing key whose last token has ended");
    }
    Ok(records)
}

fn kids(records: &[SigningKeyRecord]) -> Vec<&str> {
    records.iter().map(|record| record.kid.as_str()).collect()
}

/// The first look, at the start.
pub(crate) async fn load<S: Keys + ?Sized>(
    store: &S,
    config: &AuthConfig,
    now: SystemTime,
) -> Result<(KeyRing, Published), KeyError> {
    // The tokens that this process is about to sign may count for longer than those of the one before.
    store.lengthen_token_ttl(config.access_token_ttl).await?;
    let records = upkeep(store, config, now).await?;
    Ok((KeyRing::new(&records, now)?, Published::of(&records, now)))
}

/// What the `JWKS` shows, to find out whether that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published(Vec<(String, SystemTime)>);

impl Published {
    fn of(records: &[SigningKeyRecord], now: SystemTime) -> Self {
        let times: Vec<_> = records.iter().map(SigningKeyRecord::times).collect();
        let turns = Turns(&times);
        let published =
            records.iter().enumerate().filter(|(number, _)| turns.state(*number, now).is_published());
        Self(published.map(|(_, record)| (record.kid.clone(), record.signs_from)).collect())
    }

    fn has(&self, key: &(String, SystemTime)) -> bool {
        self.0.contains(key)
    }
}

/// Does what is due until the server is dropped, and takes over what others have done.
pub(crate) async fn follow(server: Weak<Inner>, mut published: Published) {
    let mut failing = false;
    loop {
        let Some(interval) = server.upgrade().map(|server| server.config.signing_key_poll) else { return };
        tokio::time::sleep(interval).await;
        let Some(server) = server.upgrade() else { return };
        match look(&server, &published).await {
            Ok(None) => failing = false,
            Ok(Some(changed)) => (published, failing) = (changed, false),
            // Said once, not every few seconds.
            Err(failure) if !failing => {
                failing = true;
                tracing::warn!(error = &failure as &dyn Error, "the signing keys stay as they are");
            }
            Err(_) => {}
        }
    }
}

/// Takes over the keys if what is published has changed, and tells of it.
async fn look(server: &Inner, before: &Published) -> Result<Option<Published>, KeyError> {
    let now = server.now();
    let records = upkeep(server.store.as_ref(), &server.config, now).await?;
    let published = Published::of(&records, now);
    if published == *before {
        return Ok(None);
    }
    let retired = records.iter().filter(|record| record.retired_at.is_some());
    let retired = retired.map(|record| record.kid.clone()).collect();
    server.tokens.take_over(KeyRing::new(&records, now)?, retired);
    let new = published.0.iter().filter(|key| !before.has(key)).map(|_| "published");
    let gone = before.0.iter().filter(|key| !published.has(key)).map(|_| "withdrawn");
    for reason in new.chain(gone) {
        server.tell(&Sender::NOBODY, "/jwks", EventKind::SigningKey, &Draft::default(), Ok(Some(reason)));
    }
    Ok(Some(published))
}

impl AuthConfig {
    /// How signing keys take turns.
    pub(crate) fn key_schedule(&self) -> KeySchedule {
        let period = self.signing_key_period;
        KeySchedule {
            period: (!period.is_zero()).then_some(period),
            announcement: self.signing_key_announcement,
        }
    }
}
