//! How often the user is sent to the authorization server for the same thing
//! ([Step-Up Authorization Flow](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#step-up-authorization-flow)).

use serde::{Deserialize, Serialize};

use super::FlowError;
use crate::challenge::Challenge;
use crate::scope::ScopeSet;

/// Counts authorizations in a row that led to nothing. The driver keeps one for each resource (or resource and
/// operation), asks it before each [`super::start`] that a 401 or 403 caused, and resets it when a request with a
/// token succeeds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    made: u32,
}

impl Attempts {
    /// So many authorizations in a row may lead to nothing.
    pub const MAX: u32 = 3;

    /// Counts one more authorization.
    ///
    /// # Errors
    /// [`FlowError::ScopeRefused`] after [`Attempts::MAX`] of them, with what the server still demands: the
    /// challenge's scopes, or those held when it names none.
    pub fn begin(&mut self, challenge: Option<&Challenge>, held: &ScopeSet) -> Result<(), FlowError> {
        if self.made >= Self::MAX {
            let scopes = challenge.and_then(Challenge::scope).unwrap_or_else(|| held.clone());
            return Err(FlowError::ScopeRefused { scopes, authorizations: self.made });
        }
        self.made += 1;
        Ok(())
    }

    /// A request with a token succeeded.
    pub fn progress(&mut self) {
        self.made = 0;
    }
}
