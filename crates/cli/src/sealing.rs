//! Where the keys come from that seal secrets at rest: the environment, or a file.

use barewire_store::{SealingKeys, StoreConfig, UnlockError};

use crate::outcome::{Failure, Kind};

/// A variable, and no setting: `--set` would show the key to everybody who lists processes.
const VARIABLE: &str = "BAREWIRE_SEALING_KEY";

/// The keys that were given; nothing where each database has its own.
pub(crate) fn keys(config: &StoreConfig) -> Result<Option<SealingKeys>, Failure> {
    let variable = std::env::var_os(VARIABLE).filter(|text| !text.is_empty());
    match (variable, &config.sealing_key_file) {
        (Some(_), Some(_)) => Err(Failure::usage(format_args!(
            "{VARIABLE} and store.sealing_key_file both give keys; it has to be one of them"
        ))),
        (Some(text), None) => {
            let keys = SealingKeys::parse(&text.to_string_lossy());
            let keys =
                keys.map_err(|error| anyhow::Error::new(error).context(format!("{VARIABLE} cannot be used")));
            keys.map(Some).map_err(|error| Failure::new(Kind::Usage, error))
        }
        (None, Some(file)) => {
            let said = || format!("the sealing key {} cannot be used", file.display());
            let keys =
                SealingKeys::from_file(file).map_err(|error| anyhow::Error::new(error).context(said()));
            keys.map(Some).map_err(|error| Failure::new(Kind::Usage, error))
        }
        (None, None) => Ok(None),
    }
}

/// Why the secrets stay closed.
pub(crate) fn failure(error: UnlockError) -> Failure {
    let kind = match &error {
        UnlockError::KeyFile { .. } | UnlockError::NoKey { .. } | UnlockError::OtherKey { .. } => Kind::Usage,
        UnlockError::Cipher | UnlockError::Database { .. } => Kind::Internal,
    };
    Failure::new(kind, error)
}
