//! What an operator can set.

use std::path::PathBuf;

use serde::Deserialize;

/// The section `store`: where the key comes from that seals secrets.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// A file with the keys that seal secrets (signing keys, those of authenticator apps, tokens), each as base64 of 32
    /// bytes: the first seals, all open. Only its owner may be able to read it. The variable `BAREWIRE_SEALING_KEY` can
    /// hold the keys instead. Without either, each database has a key file of its own beside it.
    #[cfg_attr(feature = "schema", schemars(example = &"/etc/barewire/sealing.key"))]
    pub sealing_key_file: Option<PathBuf>,
}
