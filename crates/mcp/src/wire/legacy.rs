//! The four revisions with a handshake behind one face: which folder writes what.
//!
//! They share the types and the messages of 2025-11-25, which is the newest of them and says everything that the older
//! ones can say. What the older ones cannot say is in their folders.

use bytes::Bytes;

use super::downgrade::{self, Downgrade};
use super::v2025_11_25::{self, InitializeResult};
use super::{Method, v2024_11_05, v2025_03_26, v2025_06_18};
use crate::jsonrpc::Id;
use crate::revision::Revision;
use crate::types::capabilities::ClientCapabilities;
use crate::types::input::InputRequest;
use crate::types::notification::ServerNotification;
use crate::types::operation::Outcome;

/// Every method of a revision.
pub fn methods(revision: Revision) -> &'static [Method] {
    match revision {
        Revision::V2024_11_05 => &v2024_11_05::METHODS,
        Revision::V2025_03_26 => &v2025_03_26::METHODS,
        Revision::V2025_06_18 => &v2025_06_18::METHODS,
        Revision::V2025_11_25 => &v2025_11_25::METHODS,
        Revision::V2026_07_28 => &super::v2026_07_28::METHODS,
    }
}

/// Writes the answer to an operation in the words that the revision has.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_result(revision: Revision, id: &Id, outcome: &Outcome) -> Result<Bytes, serde_json::Error> {
    let steps = steps(revision);
    if steps.is_empty() {
        return v2025_11_25::encode_result(id, outcome);
    }
    let outcome = steps.iter().fold(outcome.clone(), |outcome, step| downgrade::outcome(outcome, *step));
    v2025_11_25::encode_result(id, &outcome)
}

/// Writes the answer to `initialize`.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_initialize(
    revision: Revision,
    id: &Id,
    mut result: InitializeResult,
) -> Result<Bytes, serde_json::Error> {
    for step in steps(revision) {
        step.server(&mut result.server_info);
        step.offers(&mut result.capabilities);
    }
    v2025_11_25::encode_initialize(id, &result)
}

/// Writes a notification of a server; nothing where the revision has none like it.
pub fn encode_notification(revision: Revision, notification: ServerNotification) -> Option<Bytes> {
    let said = steps(revision).iter().try_fold(notification, |said, step| step.notification(said))?;
    Some(v2025_11_25::encode_notification(&said))
}

/// Writes a request of a server; nothing where it cannot be asked in this revision.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_server_request(
    revision: Revision,
    id: &Id,
    request: &InputRequest,
) -> Result<Option<Bytes>, serde_json::Error> {
    let steps = steps(revision);
    if steps.is_empty() {
        return v2025_11_25::encode_server_request(id, request).map(Some);
    }
    let asked = steps.iter().try_fold(request.clone(), |asked, step| step.request(asked));
    asked.map(|asked| v2025_06_18::encode_server_request(id, &asked)).transpose()
}

/// What can be asked of a client of that revision: what it declares, as far as the revision has it.
#[must_use]
pub fn askable(revision: Revision, mut declared: ClientCapabilities) -> ClientCapabilities {
    for step in steps(revision) {
        step.asks(&mut declared);
    }
    declared
}

/// Whether the revision has batches
/// ([Batching](https://modelcontextprotocol.io/specification/2025-03-26/basic/index#batching)). One alone does: it
/// counts those before it among the "prior protocol versions that do not explicitly support" them, and the next one took
/// them out.
#[must_use]
pub const fn has_batches(revision: Revision) -> bool {
    matches!(revision, Revision::V2025_03_26)
}

/// From 2025-11-25 down to a revision.
fn steps(revision: Revision) -> &'static [&'static dyn Downgrade] {
    const STEPS: [&dyn Downgrade; 3] = [&v2025_06_18::Words, &v2025_03_26::Words, &v2024_11_05::Words];
    match revision {
        Revision::V2024_11_05 => &STEPS,
        Revision::V2025_03_26 => &STEPS[..2],
        Revision::V2025_06_18 => &STEPS[..1],
        Revision::V2025_11_25 | Revision::V2026_07_28 => &[],
    }
}
