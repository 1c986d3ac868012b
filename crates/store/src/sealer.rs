//! Sealing what must not be readable in the file, with a key that lies beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

const KEY_LEN: usize = 32;

/// One key. Every value gets a random nonce of its own, and is bound to the place where it is kept.
pub(crate) struct Sealer(LessSafeKey);

/// Why something is not sealed, or cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error("the key file {path} cannot be used")]
    KeyFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("it was sealed with another key than the one beside the store, or for another place")]
    OtherKey,
    #[error("the random generator or the cipher failed")]
    Cipher,
    #[error("it was written by another version")]
    Json(#[from] serde_json::Error),
}

impl Sealer {
    /// The key in the file at `path`; a new one where there is none. When this returns, the key is on the disk.
    pub(crate) fn beside(path: &Path) -> Result<Self, SealError> {
        let key =
            load_or_create(path).map_err(|source| SealError::KeyFile { path: path.to_owned(), source })?;
        let key = UnboundKey::new(&AES_256_GCM, &key[..]).map_err(|_| SealError::Cipher)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// `value` as bytes that only [`Sealer::open`] with the same `place` can read.
    pub(crate) fn seal(&self, place: &[&str], value: &impl Serialize) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError::Cipher)?;
        let mut text = Zeroizing::new(serde_json::to_vec(value)?);
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad(place), &mut text)
            .map_err(|_| SealError::Cipher)?;
        Ok([&nonce[..], &text[..], tag.as_ref()].concat())
    }

    /// What was sealed for this place.
    pub(crate) fn open<T: DeserializeOwned>(&self, place: &[&str], sealed: &[u8]) -> Result<T, SealError> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError::OtherKey)?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self.0.open_in_place(nonce, aad(place), &mut text).map_err(|_| SealError::OtherKey)?;
        Ok(serde_json::from_slice(text)?)
    }
}

/// The lengths keep "ab" + "c" apart from "a" + "bc".
fn aad(place: &[&str]) -> Aad<Vec<u8>> {
    let mut bytes = Vec::new();
    for part in place {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    Aad::from(bytes)
}

fn load_or_create(path: &Path) -> io::Result<Zeroizing<[u8; KEY_LEN]>> {
    match File::open(path) {
        Ok(file) => read(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(error) => Err(error),
    }
}

fn read(mut file: File) -> io::Result<Zeroizing<[u8; KEY_LEN]>> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    file.read_exact(&mut key[..])?;
    Ok(key)
}

/// Writes elsewhere first and links it into place: whoever is second finds a whole key and takes that.
fn create(path: &Path) -> io::Result<Zeroizing<[u8; KEY_LEN]>> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    let mut suffix = [0; 8];
    for bytes in [&mut key[..], &mut suffix[..]] {
        getrandom::fill(bytes).map_err(|_| io::Error::other("no randomness"))?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:x}", u64::from_be_bytes(suffix)));
    let temporary = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    let linked = file
        .write_all(&key[..])
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary)?;
    match linked {
        Ok(()) => {
            #[cfg(unix)]
            if let Some(folder) = path.parent() {
                File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?
                    .sync_all()?;
            }
            Ok(key)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(File::open(path)?),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use barewire_testkit::TempDir;

    use super::*;

    #[test]
    fn opens_only_with_its_key_and_in_its_place() {
        let dir = TempDir::new();
        let sealer = Sealer::beside(&dir.join("a.key")).unwrap();
        let sealed = sealer.seal(&["grant", "me", "https://x"], &"token").unwrap();
        assert!(!sealed.windows(5).any(|part| part == b"token"));
        assert_ne!(
            sealed,
            sealer.seal(&["grant", "me", "https://x"], &"token").unwrap(),
            "a nonce of its own"
        );
        let again = Sealer::beside(&dir.join("a.key")).unwrap();
        assert_eq!(again.open::<String>(&["grant", "me", "https://x"], &sealed).unwrap(), "token");
        let other = Sealer::beside(&dir.join("b.key")).unwrap();
        let mut altered = sealed.clone();
        altered[20] ^= 1;
        for (sealer, place, sealed) in [
            (&other, &["grant", "me", "https://x"][..], &sealed[..]),
            (&again, &["grant", "m", "ehttps://x"], &sealed),
            (&again, &["grant", "me", "https://x"], &altered),
            (&again, &["grant", "me", "https://x"], &sealed[..11]),
            (&again, &["grant", "me", "https://x"], &sealed[..12]),
        ] {
            assert!(matches!(sealer.open::<String>(place, sealed), Err(SealError::OtherKey)));
        }
    }

    #[test]
    fn many_that_start_at_once_get_one_key() {
        let dir = TempDir::new();
        let path = dir.join("k.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| load_or_create(&path).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|two| two[0] == two[1]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left over");
        fs::write(&path, "short").unwrap();
        assert!(matches!(Sealer::beside(&path), Err(SealError::KeyFile { .. })));
    }
}
