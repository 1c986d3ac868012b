//! Passwords: Argon2id on a bounded number of threads, and the same time for a user that does not exist.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use barewire_oauth::secret::Password;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::config::AuthConfig;
use crate::hasher::Hasher;
use crate::random;
use crate::store::{Housekeeping, Secret};

/// How much later than others a thread that hashes gets its turn: between 0 and 19, and at 10 a tenth of a busy core is
/// still its own.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// How long a hash waits at most for a moment in which nobody writes.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often it looks whether that has come.
const LOOK: Duration = Duration::from_millis(1);

/// Longest accepted password, in bytes.
const MAX_PASSWORD: usize = 1024;

/// Why a password could not be hashed or checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Empty, or longer than 1024 bytes.
    #[error("a password has 1 to 1024 bytes")]
    Length,
    /// Too many others are waiting.
    #[error("too many logins at once")]
    Busy,
    /// The settings are outside of what Argon2 allows.
    #[error("auth.password_memory_kib or auth.password_passes is outside of what Argon2 allows")]
    Settings,
}

/// Why a password is not one that somebody should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has fewer characters than this.
    #[error("a password has at least {0} characters")]
    Short(usize),
    /// It is the name of its user.
    #[error("the user's name is the first password that somebody would try")]
    Name,
}

impl Unfit {
    pub(crate) fn check(password: &Password, name: &str, shortest: usize) -> Result<(), Self> {
        if password.expose().chars().count() < shortest {
            return Err(Self::Short(shortest));
        }
        if password.expose().eq_ignore_ascii_case(name) { Err(Self::Name) } else { Ok(()) }
    }
}

/// Hashes and checks passwords.
pub(crate) struct Passwords {
    hasher: Hasher,
    /// Who hashes right now.
    hashing: Arc<Semaphore>,
    /// Who hashes or waits for it.
    admitted: Arc<Semaphore>,
    /// How many these can be.
    places: usize,
    /// Whose writes go first.
    store: Arc<dyn Housekeeping>,
    /// What the password of an unknown user is checked against.
    nobody: Secret,
}

/// Being one of those whose password is hashed, or who wait for it. Taken before anything is written for a login: however
/// many come at once, so many and no more stand in the line before the store's only writer.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords")
    }
}

impl Passwords {
    pub(crate) async fn new(
        config: &AuthConfig,
        store: Arc<dyn Housekeeping>,
    ) -> Result<Self, PasswordError> {
        let hashers = match config.password_hashers {
            // The other half is for everything else that this server is asked.
            0 => std::thread::available_parallelism().map_or(1, usize::from).div_ceil(2),
            some => some,
        };
        let params = Params::new(config.password_memory_kib, config.password_passes, 1, None)
            .map_err(|_| PasswordError::Settings)?;
        let places = hashers + config.password_queue;
        let mut passwords = Self {
            hasher: Hasher::new(params),
            hashing: Arc::new(Semaphore::new(hashers)),
            admitted: Arc::new(Semaphore::new(places)),
            places,
            store,
            nobody: Secret::new(Vec::new()),
        };
        passwords.nobody = passwords.hash(Password::new(random::token::<16>())).await?;
        Ok(passwords)
    }

    /// The password as it is stored: Argon2id in PHC string form.
    pub(crate) async fn hash(&self, password: Password) -> Result<Secret, PasswordError> {
        check_length(&password)?;
        let place = self.place().ok_or(PasswordError::Busy)?;
        let hasher = self.hasher.clone();
        self.run(place, move || {
            let hash =
                hasher.hash_password(password.expose().as_bytes()).map_err(|_| PasswordError::Settings)?;
            Ok(Secret::new(hash.to_string().into_bytes()))
        })
        .await?
    }

    /// A place, if there is one left.
    pub(crate) fn place(&self) -> Option<Place> {
        Arc::clone(&self.admitted).try_acquire_owned().ok().map(|_permit| Place { _permit })
    }

    /// Whether the password is the stored one. `None`, for a user that does not exist, takes as long and is false.
    pub(crate) async fn verify(
        &self,
        place: Place,
        stored: Option<Secret>,
        password: Password,
    ) -> Result<bool, PasswordError> {
        if check_length(&password).is_err() {
            return Ok(false);
        }
        let exists = stored.is_some();
        let (hasher, stored) = (self.hasher.clone(), stored.unwrap_or_else(|| self.nobody.clone()));
        self.run(place, move || {
            let text = std::str::from_utf8(stored.expose()).unwrap_or_default();
            let Ok(hash) = PasswordHash::new(text) else { return false };
            hasher.verify_password(password.expose().as_bytes(), &hash).is_ok() & exists
        })
        .await
    }

    /// Waits for a moment in which nobody writes. A commit waits for the disk several times, and each time the kernel may take
    /// milliseconds to take the only core from a hash, whatever their priorities. While hashes followed on each other, a line of
    /// writes could get longer for a second; now it is empty before the next hash begins (`docs/oauth-benchmarks.md`).
    async fn nobody_writes(&self) {
        let quiet = async {
            while self.store.is_writing() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let _who_never_stops_is_not_waited_for = tokio::time::timeout(PATIENCE, quiet).await;
    }

    async fn run<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let hashing = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        self.nobody_writes().await;
        tracing::trace!("a password is hashed");
        let (hasher, admitted, places) = (self.hasher.clone(), Arc::clone(&self.admitted), self.places);
        let (done, hashed) = oneshot::channel();
        // A thread of its own, since a priority that was given up is not given back. Making one is a thousandth of the work.
        let thread = std::thread::Builder::new().name("password".to_owned()).spawn(move || {
            // A caller that goes away does not stop the thread, so the permits have to stay with it.
            let permits = (place, hashing);
            let_others_go_first();
            let outcome = work();
            // All places but its own are free, so nobody comes next.
            if admitted.available_permits() + 1 >= places {
                hasher.give_back();
            }
            // Who hears of it finds the place free.
            drop(permits);
            let _caller_went_away = done.send(outcome);
        });
        thread.map_err(|_| PasswordError::Busy)?;
        hashed.await.map_err(|_| PasswordError::Busy)
    }
}

/// Lowers the priority of this thread. Where all cores are busy with hashes, each step of another request would otherwise
/// wait for a slice of one to end: refreshes on one core took 760 ms beside logins (`docs/oauth-benchmarks.md`).
fn let_others_go_first() {
    // Only on Linux does a thread have a priority of its own; elsewhere this would be that of the whole server.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "hashing keeps the priority of everything else");
    }
}

fn check_length(password: &Password) -> Result<(), PasswordError> {
    match password.expose().len() {
        1..=MAX_PASSWORD => Ok(()),
        _ => Err(PasswordError::Length),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::SystemTime;

    use async_trait::async_trait;

    use super::*;
    use crate::store::{Retention, StoreError};

    /// Is written to whenever it is looked at, so many times more.
    struct Writes(AtomicU32);

    impl Writes {
        fn for_looks(looks: u32) -> Arc<Self> {
            Arc::new(Self(AtomicU32::new(looks)))
        }
    }

    #[async_trait]
    impl Housekeeping for Writes {
        async fn sweep(&self, _: SystemTime, _: Retention, _: u32) -> Result<u64, StoreError> {
            Ok(0)
        }

        fn is_writing(&self) -> bool {
            let less = |looks: u32| looks.checked_sub(1);
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
        }
    }

    #[tokio::test]
    async fn the_right_password_and_nothing_else() {
        let config = AuthConfig { password_memory_kib: 64, password_passes: 1, ..AuthConfig::default() };
        let passwords = Passwords::new(&config, Writes::for_looks(0)).await.unwrap();
        let hash = passwords.hash(Password::new("secret")).await.unwrap();
        assert!(hash.expose().starts_with(b"$argon2id$v=19$m=64,t=1,p=1$"));
        let check = |stored: Option<&Secret>, password: &str| {
            let place = passwords.place().unwrap();
            passwords.verify(place, stored.cloned(), Password::new(password.to_owned()))
        };
        assert_eq!(check(Some(&hash), "secret").await, Ok(true));
        assert_eq!(check(Some(&hash), "Secret").await, Ok(false));
        assert_eq!(check(Some(&hash), "").await, Ok(false));
        assert_eq!(check(None, "secret").await, Ok(false));
        assert_eq!(check(Some(&Secret::new(b"damaged".to_vec())), "secret").await, Ok(false));
        assert_eq!(check(Some(&hash), &"x".repeat(1025)).await, Ok(false));
        assert_eq!(passwords.hash(Password::new("x".repeat(1025))).await, Err(PasswordError::Length));
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_told_so() {
        let config = AuthConfig {
            password_memory_kib: 64,
            password_passes: 1,
            password_hashers: 1,
            password_queue: 1,
            ..AuthConfig::default()
        };
        let passwords = Passwords::new(&config, Writes::for_looks(0)).await.unwrap();
        let hashing = passwords.place();
        let _waiting = passwords.place().unwrap();
        assert!(passwords.place().is_none());
        assert_eq!(passwords.hash(Password::new("x")).await, Err(PasswordError::Busy));
        drop(hashing);
        assert!(passwords.place().is_some());
    }

    #[tokio::test]
    async fn memory_is_kept_for_whoever_comes_next_and_for_nobody_else() {
        let config = AuthConfig { password_memory_kib: 64, password_passes: 1, ..AuthConfig::default() };
        let passwords = Passwords::new(&config, Writes::for_looks(0)).await.unwrap();
        assert_eq!(passwords.hasher.spare(), 0);
        let next = passwords.place().unwrap();
        let hash = passwords.hash(Password::new("secret")).await.unwrap();
        assert_eq!(passwords.hasher.spare(), 1);
        assert_eq!(passwords.verify(next, Some(hash), Password::new("secret")).await, Ok(true));
        assert_eq!(passwords.hasher.spare(), 0);
    }

    #[tokio::test]
    async fn writes_go_first_but_not_for_ever() {
        let config = AuthConfig { password_memory_kib: 64, password_passes: 1, ..AuthConfig::default() };
        let store = Writes::for_looks(0);
        let passwords = Passwords::new(&config, store.clone()).await.unwrap();
        store.0.store(5, Ordering::Relaxed);
        passwords.hash(Password::new("secret")).await.unwrap();
        assert_eq!(store.0.load(Ordering::Relaxed), 0, "it was hashed while others wrote");
        store.0.store(u32::MAX, Ordering::Relaxed);
        passwords.hash(Password::new("secret")).await.unwrap();
        assert!(store.0.load(Ordering::Relaxed) < u32::MAX, "nobody looked");
    }
}
