//! Requests that nobody waits for any more.

use std::sync::Arc;

use barewire_exchange::Step;
use barewire_mcp::jsonrpc::Id;
use barewire_mcp::types::notification::{Cancelled, ClientNotification};

use crate::connection::{Connection, Spoken};

/// Tells the server when nobody waits for a request any more: in this era closing the stream does not
/// ([Cancellation](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation)).
pub(super) struct Abandon {
    connection: Option<Arc<Connection>>,
    id: Id,
}

impl Abandon {
    pub(super) fn new(connection: &Arc<Connection>, id: &Id) -> Self {
        Self { connection: Some(Arc::clone(connection)), id: id.clone() }
    }

    pub(super) fn disarm(mut self) {
        self.connection = None;
    }
}

impl Drop for Abandon {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let request_id = self.id.clone();
        connection.clone().farewell(async move {
            let Spoken::Legacy(legacy) = &connection.spoken else { return };
            let reason = Some("cancelled by the client".to_owned());
            let notification = ClientNotification::Cancelled(Cancelled { request_id, reason });
            connection.notify(legacy, Step::Cancel, &notification).await;
        });
    }
}
