//! How long a result may be kept, and by whom
//! ([Caching](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching)).

use serde::{Deserialize, Serialize};

/// Who may keep a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    /// It is the same for everybody.
    Public,
    /// It is for this caller only. The default, because a list that depends on the user must not be shared.
    #[default]
    Private,
}

/// The hint on a result. The default is "do not keep it".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheHint {
    /// For how many milliseconds it is fresh; 0 means that it is stale at once.
    pub ttl_ms: u64,
    /// Who may keep it.
    pub cache_scope: CacheScope,
}
