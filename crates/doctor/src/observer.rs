//! Who watches an examination.

use barewire_exchange::Exchange;

/// Hears what is going on, while it goes on. Both calls are made from the task that asks: return quickly.
pub trait Observer: Send + Sync {
    /// The next part of the examination begins; the text completes "Looking at …".
    fn begins(&self, part: &str);

    /// A request was answered, or was not.
    fn exchanged(&self, exchange: &Exchange);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn begins(&self, _: &str) {}

    fn exchanged(&self, _: &Exchange) {}
}
