//! Argon2id in memory that the operating system has back when nobody needs it any more.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{CustomizedPasswordHasher, PasswordHasher, Result};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Room for this many blocks is always asked for. What is larger than 32 MiB, the allocator of glibc takes from the kernel
/// for itself and gives back when it is freed; what is smaller, it keeps after the first time, and for each thread: after
/// three logins, a server of 14 MiB stayed at 64 MiB. Blocks that no hash needs are never touched, so they take no memory.
const ROOM: usize = 33 * 1024 * 1024 / Block::SIZE;

/// Hashes passwords, and checks them with whatever parameters they were hashed with.
#[derive(Clone)]
pub(crate) struct Hasher {
    params: Params,
    /// Memory for the next hashes: to have the kernel give it anew takes a quarter as long as a hash itself (5 of 23 ms).
    spare: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Hasher {
    pub(crate) fn new(params: Params) -> Self {
        Self { params, spare: Arc::default() }
    }

    /// Gives back the memory that no hash uses now.
    pub(crate) fn give_back(&self) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    #[cfg(test)]
    pub(crate) fn spare(&self) -> usize {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl PasswordHasher<PasswordHash> for Hasher {
    fn hash_password_with_salt(&self, password: &[u8], salt: &[u8]) -> Result<PasswordHash> {
        self.hash_password_customized(password, salt, None, None, self.params.clone())
    }
}

impl CustomizedPasswordHasher<PasswordHash> for Hasher {
    type Params = Params;

    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> Result<PasswordHash> {
        let algorithm = algorithm.map_or(Ok(Algorithm::Argon2id), Algorithm::try_from)?;
        let version = version.map_or(Ok(Version::V0x13), Version::try_from)?;
        let salt = Salt::new(salt)?;
        let written = ParamsString::try_from(&params)?;
        let mut output = vec![0; params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut blocks = spare.unwrap_or_else(|| Vec::with_capacity(params.block_count().max(ROOM)));
        blocks.resize(params.block_count(), Block::default());

        let argon2 = Argon2::new(algorithm, version, params);
        argon2.hash_password_into_with_memory(password, &salt, &mut output, &mut blocks)?;
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: written,
            salt: Some(salt),
            hash: Some(Output::new(&output)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier;

    use super::*;

    const SALT: &[u8] = b"sixteen bytes it";

    #[test]
    fn hashes_as_the_library_does_and_checks_what_it_hashed() {
        let params = Params::new(64, 2, 1, None).unwrap();
        let library = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let hasher = Hasher::new(params);
        let ours = hasher.hash_password_with_salt(b"secret", SALT).unwrap();
        assert_eq!(ours, library.hash_password_with_salt(b"secret", SALT).unwrap());

        let others = [
            (Algorithm::Argon2id, Version::V0x13, Params::new(128, 1, 2, Some(64)).unwrap()),
            (Algorithm::Argon2i, Version::V0x10, Params::new(32, 3, 1, None).unwrap()),
        ];
        for (algorithm, version, params) in others {
            let before = Argon2::new(algorithm, version, params);
            let stored = before.hash_password_with_salt(b"secret", SALT).unwrap();
            assert_eq!(hasher.verify_password(b"secret", &stored), Ok(()), "{stored}");
            assert!(hasher.verify_password(b"Secret", &stored).is_err(), "{stored}");
        }
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn memory_that_is_given_back_is_kept_by_no_thread() {
        let resident_kib = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<i64>().unwrap()
        };
        const KIB: u32 = 24 * 1024;
        let hasher = Hasher::new(Params::new(KIB, 1, 1, None).unwrap());
        let before = resident_kib();
        for _ in 0..4 {
            let of_thread = hasher.clone();
            let hash = move || of_thread.hash_password_with_salt(b"secret", SALT).unwrap();
            std::thread::spawn(hash).join().unwrap();
            hasher.give_back();
        }
        let kept = resident_kib() - before;
        assert!(kept < i64::from(KIB), "{kept} KiB");
    }
}
