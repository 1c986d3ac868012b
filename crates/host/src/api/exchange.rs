//! The wire: recorded exchanges, each with what it belongs to.

use barewire_exchange::Exchange;
use serde::{Deserialize, Serialize};

/// The exchanges of a server, oldest first: `GET /api/exchanges?server={id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ExchangeList {
    /// The exchanges.
    pub exchanges: Vec<ExchangeView>,
    /// So many older ones were dropped because the log is bounded.
    #[cfg_attr(test, ts(type = "number"))]
    pub dropped: u64,
}

/// One recorded exchange and what it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ExchangeView {
    /// Id of the server.
    pub server: String,
    /// Id of the call that it was made for, if it was made for one.
    pub call: Option<String>,
    /// The exchange itself, secrets masked.
    pub exchange: Exchange,
}
