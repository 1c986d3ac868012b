//! What happens while the page looks: `GET /api/events`.

use barewire_exchange::StreamEvent;
use serde::{Deserialize, Serialize};

use super::{CallView, ExchangeView, ServerView};

/// One event. On the stream each is one `message` event: `id` as given to `Last-Event-ID`, `data` this as JSON.
///
/// A stream that was lost is resumed by the browser with `Last-Event-ID`; if the host does not have all events since
/// that one any more, the first event is `resync`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Event {
    /// Events were missed: fetch `GET /api/state` and the exchanges again.
    Resync,
    /// A server is new or changed.
    Server {
        /// As it is now.
        server: Box<ServerView>,
    },
    /// A server was removed, and with it its calls and exchanges.
    ServerRemoved {
        /// Its id.
        server: String,
    },
    /// A list of a server changed: fetch it again.
    ListChanged {
        /// Id of the server.
        server: String,
        /// Which list.
        list: ListKind,
    },
    /// A resource changed: read it again if it is shown.
    ResourceUpdated {
        /// Id of the server.
        server: String,
        /// URI of the resource.
        uri: String,
    },
    /// A call is new or changed.
    Call {
        /// As it is now.
        call: Box<CallView>,
    },
    /// A call left the list.
    CallRemoved {
        /// Its id.
        call: String,
    },
    /// A request went out.
    ExchangeStarted {
        /// Without a response as yet.
        exchange: Box<ExchangeView>,
    },
    /// Something of the exchange changed: the head of the response arrived.
    ExchangeUpdated {
        /// As it is now.
        exchange: Box<ExchangeView>,
    },
    /// The stream of a response grew: add this to its `response.events`.
    ExchangeStreamed {
        /// Id of the server.
        server: String,
        /// Id of the exchange.
        exchange: String,
        /// What arrived.
        event: Box<StreamEvent>,
        /// So many of its older events were dropped in all.
        #[cfg_attr(test, ts(type = "number"))]
        events_dropped: u64,
    },
    /// The exchange is complete.
    ExchangeFinished {
        /// As it stays.
        exchange: Box<ExchangeView>,
    },
}

/// The lists of a server that can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ListKind {
    /// Tools.
    Tools,
    /// Resources and resource templates.
    Resources,
    /// Prompts.
    Prompts,
}
