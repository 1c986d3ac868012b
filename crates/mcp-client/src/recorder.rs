//! Who watches the wire.

use barewire_exchange::{Exchange, StreamEvent};

/// Receives every exchange while it happens. The calls come in this order, and each `exchange` is whole and masked as
/// far as it is known. They are made from the task that does the request: return quickly.
pub trait Recorder: Send + Sync {
    /// A request is about to be sent.
    fn started(&self, exchange: &Exchange) {
        let _ = exchange;
    }

    /// Status and headers arrived, or something was decided about a running exchange.
    fn updated(&self, exchange: &Exchange) {
        let _ = exchange;
    }

    /// An event of a stream arrived; it is the last one of `exchange.response.events`.
    fn event(&self, exchange: &Exchange, event: &StreamEvent) {
        let _ = (exchange, event);
    }

    /// The exchange is over. A decision about its answer may still follow as [`Recorder::updated`].
    fn finished(&self, exchange: &Exchange) {
        let _ = exchange;
    }

    /// Whether anybody looks. When not, nothing is built and masked.
    fn is_enabled(&self) -> bool {
        true
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRecorder;

impl Recorder for NoRecorder {
    fn is_enabled(&self) -> bool {
        false
    }
}
