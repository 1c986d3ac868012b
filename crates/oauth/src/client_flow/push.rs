//! A pushed authorization request, seen from the client ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)).

use serde::Deserialize;

use super::answer::{document, refusal};
use super::authorization::{PendingAuthorization, send_away};
use super::error::Refusal;
use super::identity::AuthMethod;
use super::signatures::Signatures;
use super::{Answer, Fetch, FlowError, Judgement, Purpose, Stage, Step, token};

/// Longest reference that goes into a URL, in bytes.
const MAX_REFERENCE: usize = 1024;

/// A request on its way.
pub(super) struct Pushing {
    pending: PendingAuthorization,
}

/// Leaves the request with the server.
pub(super) fn ask(pending: PendingAuthorization, endpoint: &str, after: Judgement) -> Step {
    let parameters = pending.parameters();
    // A client that authenticates with its identifier in the form has it there already.
    let named = matches!(pending.client.auth_method, AuthMethod::None | AuthMethod::ClientSecretPost);
    let form: Vec<_> = parameters
        .iter()
        .filter(|(name, _)| !(named && *name == "client_id"))
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let signatures = Signatures::of(&pending.client, &pending.server.issuer, None);
    match token::post(endpoint, &pending.client, &form) {
        Ok(request) => {
            let stage = Stage::Push(Box::new(Pushing { pending }));
            Fetch::step(request, Purpose::PushedRequest, Some(after), stage).signed(signatures)
        }
        Err(reason) => {
            let name = "pushed_authorization_request_endpoint";
            FlowError::UnusableEndpoint { issuer: pending.server.issuer, name, reason }.into()
        }
    }
}

#[derive(Deserialize)]
struct PushAnswer {
    request_uri: String,
}

impl Pushing {
    pub(super) fn answered(self, answer: &Answer) -> Step {
        let Self { pending } = self;
        let issuer = pending.server.issuer.clone();
        if let Some(refusal) = refusal(answer, pending.max_body) {
            return FlowError::PushRefused { issuer, refusal }.into();
        }
        let reference = match document::<PushAnswer>(answer, pending.max_body) {
            Ok(answer) => answer.request_uri,
            Err(obstacle) => {
                return FlowError::PushRefused { issuer, refusal: Refusal::Other(obstacle) }.into();
            }
        };
        if !(1..=MAX_REFERENCE).contains(&reference.len()) {
            let name = "pushed_authorization_request_endpoint";
            let reason = "gave a request_uri that cannot be used";
            return FlowError::UnusableEndpoint { issuer, name, reason }.into();
        }
        send_away(pending, Some(&reference), Judgement::Pushed)
    }
}
