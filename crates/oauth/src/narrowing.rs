//! Taking scopes away from a grant that goes on living.
//!
//! A grant only ever narrows. Who wants more has to be asked for it, which makes another grant; so what is left of one
//! can be learnt in any order and more than once, and the smallest always counts.

use crate::authorize::OFFLINE_ACCESS;
use crate::scope::ScopeSet;

/// Why a grant is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NarrowingRefusal {
    /// Nothing would be left; that is what ending a grant is for.
    #[error("a grant without any scope is of no use; end it instead")]
    Nothing,
    /// A scope is to be kept that the grant does not have.
    #[error("a grant cannot be given what it does not have")]
    More,
}

/// What a person can take away: everything but `offline_access`, which lets a client do nothing and ends with the grant.
#[must_use]
pub fn can_be_taken(scope: &str) -> bool {
    scope != OFFLINE_ACCESS
}

/// What is left of `current` when no more than `keep` is to stay; `current` itself when that is all of it.
///
/// # Errors
/// [`NarrowingRefusal`].
pub fn narrow(current: &ScopeSet, keep: &ScopeSet) -> Result<ScopeSet, NarrowingRefusal> {
    if !keep.is_subset(current) {
        return Err(NarrowingRefusal::More);
    }
    let kept = |scope: &&str| keep.contains(scope) || !can_be_taken(scope);
    let left = ScopeSet::from_tokens(current.iter().filter(kept));
    if left.iter().any(can_be_taken) || left == *current { Ok(left) } else { Err(NarrowingRefusal::Nothing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_narrowed_and_never_widened_or_emptied() {
        fn check(current: &str, keep: &str, expected: Result<&str, NarrowingRefusal>) {
            let set = |text| ScopeSet::parse(text).unwrap();
            let left = narrow(&set(current), &set(keep)).map(|left| left.to_string());
            assert_eq!(left.as_deref().map_err(|refusal| *refusal), expected, "{current:?} to {keep:?}");
        }
        check("read write", "read", Ok("read"));
        check("read write", "write read", Ok("read write"));
        check("read write", "read admin", Err(NarrowingRefusal::More));
        check("read write", "", Err(NarrowingRefusal::Nothing));
        check("read write offline_access", "read", Ok("read offline_access"));
        check("read offline_access", "offline_access", Err(NarrowingRefusal::Nothing));
        check("", "", Ok(""));
        check("", "read", Err(NarrowingRefusal::More));
    }
}
