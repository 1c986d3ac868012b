//! The keys that seal secrets at rest: how they are written, and who else could read them.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

pub(crate) const KEY_LEN: usize = 32;

/// A file with more is not one of keys.
const MAX_FILE: u64 = 16 * 1024;

/// A key ring: the first key seals, and every one of them opens. To rotate, put a new one before the others; once all is
/// sealed with it, the others can go.
///
/// Written as base64 of 32 bytes each, parted by blanks, commas or lines; `#` begins a comment. A file can also be
/// the 32 bytes themselves.
#[derive(Clone)]
pub struct SealingKeys(Vec<Zeroizing<[u8; KEY_LEN]>>);

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKeys({})", self.0.len())
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum SealingKeyError {
    /// Nothing but blanks and comments.
    #[error("there is no key in it; make one with: openssl rand -base64 32")]
    Empty,
    /// Something else.
    #[error("key {0} of it is not 32 bytes in base64; make one with: openssl rand -base64 32")]
    Malformed(usize),
    /// More than anybody needs at once.
    #[error(
        "it has more than {} keys; take away those that nothing is sealed with any more",
        SealingKeys::MAX
    )]
    TooMany,
    /// Not for its owner only.
    #[error("other users can read it; make it its owner's only: chmod 600")]
    OpenToOthers,
    /// What the system says.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
}

impl SealingKeys {
    /// How many keys a ring has at most.
    pub const MAX: usize = 16;

    /// The keys in a text, such as the value of an environment variable.
    ///
    /// # Errors
    /// [`SealingKeyError`] where it has none, too many, or something else.
    pub fn parse(text: &str) -> Result<Self, SealingKeyError> {
        let words = text
            .lines()
            .map(|line| line.split_once('#').map_or(line, |(keys, _)| keys))
            .flat_map(|line| line.split(|c: char| c.is_whitespace() || c == ','))
            .filter(|word| !word.is_empty());
        let mut keys = Vec::new();
        for word in words {
            if keys.len() == Self::MAX {
                return Err(SealingKeyError::TooMany);
            }
            keys.push(key(word).ok_or(SealingKeyError::Malformed(keys.len() + 1))?);
        }
        if keys.is_empty() { Err(SealingKeyError::Empty) } else { Ok(Self(keys)) }
    }

    /// The keys in a file that only its owner can read.
    ///
    /// # Errors
    /// [`SealingKeyError`], also where others can read it.
    pub fn from_file(path: &Path) -> Result<Self, SealingKeyError> {
        let file = File::open(path)?;
        check_permissions(path, &file)?;
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MAX_FILE).read_to_end(&mut bytes)?;
        match <[u8; KEY_LEN]>::try_from(&bytes[..]) {
            Ok(key) => Ok(Self(vec![Zeroizing::new(key)])),
            Err(_) => Self::parse(std::str::from_utf8(&bytes).map_err(|_| SealingKeyError::Malformed(1))?),
        }
    }

    /// The key in the file at `path`; a new one where there is none. When this returns, the key is on the disk.
    pub(crate) fn load_or_create(path: &Path) -> Result<Self, SealingKeyError> {
        match create(path) {
            Ok(key) => {
                tracing::info!(
                    path = %path.display(),
                    "made the key that seals secrets: keep a copy of it elsewhere, nothing opens them without it"
                );
                Ok(Self(vec![key]))
            }
            // Also where another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::from_file(path),
            Err(error) => Err(error.into()),
        }
    }

    /// The same, and these after them, which only open.
    pub(crate) fn and(mut self, older: Self) -> Self {
        self.0.extend(older.0);
        self
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8; KEY_LEN]> {
        self.0.iter().map(|key| &**key)
    }
}

/// Either alphabet, padded or not.
fn key(word: &str) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let standard: Zeroizing<String> = Zeroizing::new(
        word.trim_end_matches('=')
            .chars()
            .map(|c| match c {
                '-' => '+',
                '_' => '/',
                c => c,
            })
            .collect(),
    );
    let bytes = Zeroizing::new(STANDARD_NO_PAD.decode(&*standard).ok()?);
    <[u8; KEY_LEN]>::try_from(&bytes[..]).ok().map(Zeroizing::new)
}

/// Whether nobody else can read it. What systemd hands over (`LoadCredential=`) is in a folder that only the service
/// enters; there the bits of the group show an access list's mask.
#[cfg(unix)]
fn check_permissions(path: &Path, file: &File) -> Result<(), SealingKeyError> {
    use std::os::unix::fs::PermissionsExt as _;

    let handed_over = std::env::var_os("CREDENTIALS_DIRECTORY")
        .is_some_and(|folder| !folder.is_empty() && path.starts_with(folder));
    let others = if handed_over { 0o007 } else { 0o077 };
    if file.metadata()?.permissions().mode() & others == 0 {
        Ok(())
    } else {
        Err(SealingKeyError::OpenToOthers)
    }
}

#[cfg(not(unix))]
fn check_permissions(_: &Path, _: &File) -> Result<(), SealingKeyError> {
    Ok(())
}

/// Writes elsewhere first and links it into place: whoever is second finds a whole key.
fn create(path: &Path) -> io::Result<Zeroizing<[u8; KEY_LEN]>> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
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
    linked?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?.sync_all()?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use barewire_testkit::TempDir;

    use super::*;

    #[test]
    fn how_keys_are_written() {
        let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let high = "//////////////////////////////////////////8=";
        fn check(text: &str, expected: Result<&[[u8; KEY_LEN]], &str>) {
            match (SealingKeys::parse(text), expected) {
                (Ok(keys), Ok(expected)) => assert!(keys.iter().eq(expected), "{text}"),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{text}: {error}");
                    let word = text.split_whitespace().next().unwrap_or("-");
                    assert!(
                        word.len() < 9 || !format!("{error:?} {error}").contains(word),
                        "it shows the key"
                    );
                }
                (keys, _) => panic!("{text}: {keys:?}"),
            }
        }
        check(zeros, Ok(&[[0; 32]]));
        check(&format!("{high}\n# the old one\n{zeros}=\n"), Ok(&[[255; 32], [0; 32]]));
        check(&format!("{},{zeros} # since May", high.replace('/', "_")), Ok(&[[255; 32], [0; 32]]));
        check("", Err("no key"));
        check("# nothing", Err("no key"));
        check("secret", Err("key 1 of it"));
        check(&format!("{zeros} {}", &zeros[1..]), Err("key 2 of it"));
        check(&vec![zeros; 17].join(","), Err("more than 16"));
        assert_eq!(format!("{:?}", SealingKeys::parse(zeros).unwrap()), "SealingKeys(1)");
    }

    #[test]
    fn many_that_start_at_once_get_one_key() {
        let dir = TempDir::new();
        let path = dir.join("k.key");
        let rings: Vec<_> = std::thread::scope(|scope| {
            let load = || SealingKeys::load_or_create(&path).unwrap();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(rings.windows(2).all(|two| two[0].iter().eq(two[1].iter())));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left over");
        fs::write(&path, "short").unwrap();
        assert!(matches!(SealingKeys::load_or_create(&path), Err(SealingKeyError::Malformed(1))));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = TempDir::new();
        let path = dir.join("k.key");
        SealingKeys::load_or_create(&path).unwrap();
        for (mode, refused) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o660, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let loaded = SealingKeys::from_file(&path);
            assert_eq!(matches!(loaded, Err(SealingKeyError::OpenToOthers)), refused, "{mode:o}: {loaded:?}");
        }
    }
}
