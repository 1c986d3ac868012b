//! The one decision about who may see and use what.
//!
//! Lists and calls ask the same function, so a list never shows what a call would deny existence of, and a call
//! never reveals what a list hides.

use std::sync::Arc;

use barewire_oauth::scope::ScopeSet;

use super::{Guard, Principal, Refusal};

/// What a caller may do with a tool, resource, template or prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Not listed, and a call is answered as if it did not exist.
    Hidden,
    /// Listed and callable.
    Allowed,
    /// Listed; a call is answered with a challenge for these scopes.
    Acquirable(ScopeSet),
}

/// The rule of one item.
#[derive(Clone, Default)]
pub(crate) struct Rule {
    pub(crate) scopes: ScopeSet,
    pub(crate) public: bool,
    pub(crate) visible: Option<Arc<Visible>>,
}

pub(crate) type Visible = dyn Fn(Option<&Principal>) -> bool + Send + Sync;

/// The decision. Without a guard the server knows no principals and everything that is visible is allowed.
pub(crate) fn decide(rule: &Rule, principal: Option<&Principal>, guard: Option<&Guard>) -> Access {
    if rule.visible.as_ref().is_some_and(|visible| !visible(principal)) {
        return Access::Hidden;
    }
    let Some(guard) = guard else { return Access::Allowed };
    match principal {
        None if rule.public => Access::Allowed,
        None => Access::Acquirable(rule.scopes.clone()),
        Some(principal) if guard.has(principal, &rule.scopes) => Access::Allowed,
        Some(_) => Access::Acquirable(rule.scopes.clone()),
    }
}

/// The challenge for somebody who was told [`Access::Acquirable`].
pub(crate) fn challenge(guard: &Guard, principal: Option<&Principal>, scopes: &ScopeSet) -> Refusal {
    match principal {
        Some(principal) => guard.insufficient(principal, scopes),
        None => guard.login_required(scopes),
    }
}
