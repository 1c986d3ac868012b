//! The four revisions with a handshake behind one face: which folder writes what.
//!
//! They share the types and the messages of 2025-11-25, which is the newest of them and says everything that the older
//! ones can say. What the older ones cannot say is in their folders.

use bytes::Bytes;

use super::downgrade::{self, Downgrade};
use super::v2025_11_25::{self, InitializeRequest, InitializeResult, Request, ServerRequest};
use super::{Method, Sender, v2024_11_05, v2025_03_26, v2025_06_18};
use crate::error::{Error, InvalidParams};
use crate::jsonrpc::{self, Id};
use crate::revision::Revision;
use crate::types::capabilities::ClientCapabilities;
use crate::types::input::InputRequest;
use crate::types::notification::ServerNotification;
use crate::types::operation::{Operation, Outcome};
use crate::types::progress::ProgressToken;
use crate::types::sampling::CreateMessageResult;

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
        step.implementation(&mut result.server_info);
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

/// What a client of that revision declares of what it can be asked for.
#[must_use]
pub fn declared(revision: Revision, mut ours: ClientCapabilities) -> ClientCapabilities {
    // Before there were two forms of it, to declare elicitation was to declare the form.
    if !steps(revision).is_empty() && ours.elicitation.as_ref().is_some_and(|elicitation| !elicitation.form())
    {
        ours.elicitation = None;
    }
    askable(revision, ours)
}

/// Writes the request of a handshake that proposes a revision; its `protocol_version` is that.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_initialize_request(
    revision: Revision,
    id: &Id,
    mut request: InitializeRequest,
) -> Result<Bytes, serde_json::Error> {
    request.protocol_version = revision.to_string();
    request.capabilities = declared(revision, request.capabilities);
    for step in steps(revision) {
        step.implementation(&mut request.client_info);
    }
    v2025_11_25::encode_request(id, &Request::Initialize(Box::new(request)), None)
}

/// Writes a request of a client.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_request(
    revision: Revision,
    id: &Id,
    request: &Request,
    progress_token: Option<&ProgressToken>,
) -> Result<Bytes, serde_json::Error> {
    if let (Request::Operation(Operation::Complete(request)), [_, ..]) = (request, steps(revision)) {
        let mut request = request.clone();
        steps(revision).iter().for_each(|step| step.completes(&mut request));
        let request = Request::Operation(Operation::Complete(request));
        return v2025_11_25::encode_request(id, &request, progress_token);
    }
    v2025_11_25::encode_request(id, request, progress_token)
}

/// What a model said, as the revision can say it; nothing where it cannot.
#[must_use]
pub fn sampled(revision: Revision, mut result: CreateMessageResult) -> Option<CreateMessageResult> {
    steps(revision).iter().try_for_each(|step| step.sampled(&mut result))?;
    Some(result)
}

/// Decodes a request of a server. What the revision does not have is not understood, whoever asks.
///
/// # Errors
/// [`Error::MethodNotFound`] or [`Error::InvalidParams`].
pub fn decode_server_request(
    revision: Revision,
    request: &jsonrpc::Request<'_>,
) -> Result<ServerRequest, Error> {
    if !is_servers(revision, &request.method) {
        return Err(Error::MethodNotFound { method: request.method.to_string() });
    }
    v2025_11_25::decode_server_request(request)
}

/// Decodes a notification of a server. One that the revision does not have is [`ServerNotification::Other`].
///
/// # Errors
/// Its params are not what the method takes.
pub fn decode_server_notification(
    revision: Revision,
    notification: &jsonrpc::Notification<'_>,
) -> Result<ServerNotification, InvalidParams> {
    if !is_servers(revision, &notification.method) {
        return Ok(ServerNotification::Other { method: notification.method.to_string() });
    }
    v2025_11_25::decode_server_notification(notification)
}

/// Whether a server of that revision sends this method.
fn is_servers(revision: Revision, method: &str) -> bool {
    methods(revision).iter().any(|row| row.name == method && row.sender != Sender::Client)
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
