//! Refresh tokens: each use replaces the token, and a replaced token that comes back late ends the grant
//! ([OAuth 2.1 §4.3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3.1),
//! [RFC 9700 §4.14](https://datatracker.ietf.org/doc/html/rfc9700#section-4.14)).
//!
//! Clients refresh concurrently (several windows, parallel calls, a lost answer that is asked for again). Within a
//! short grace everybody who presents the same token receives the same successor; nobody is logged out, and a thief
//! who comes later still gives himself away.

use std::time::{Duration, SystemTime};

use subtle::ConstantTimeEq;

use crate::grant::{Holder, WrongHolder};

/// How tokens of a family live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilyLimits {
    /// How long a replaced token still leads to its successor.
    pub grace: Duration,
    /// How long a token counts if it is not used.
    pub ttl: Duration,
    /// How many replaced tokens are remembered at most.
    pub max_replaced: usize,
}

/// The refresh tokens of one grant. Digests only; the tokens are with the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFamily {
    /// Counts rotations; what a compare-and-set compares.
    pub generation: u64,
    /// Digest of the current token.
    pub current: [u8; 32],
    /// When the current token stops to count unless it is used.
    pub expires_at: SystemTime,
    /// Recently replaced tokens, oldest first.
    pub replaced: Vec<Replaced>,
    /// Who may use them. Those of a client without a secret are bound to its key once it has proven one
    /// ([RFC 9449 §5](https://www.rfc-editor.org/rfc/rfc9449#section-5)).
    pub holder: Holder,
}

/// A token that was replaced a moment ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Its digest.
    pub digest: [u8; 32],
    /// When.
    pub at: SystemTime,
    /// Its successor, sealed under a key that only the replaced token yields.
    pub sealed_successor: Vec<u8>,
}

/// What the presented token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presented<'a> {
    /// It is the current one: make a successor.
    Current,
    /// It was replaced a moment ago: hand out the successor it already has.
    Replaced(&'a Replaced),
}

/// Why a refresh token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// No such token.
    #[error("the refresh token is not known")]
    Unknown,
    /// Issued to another client.
    #[error("the refresh token was issued to another client")]
    WrongClient,
    /// Not used for too long, or the grant has ended.
    #[error("the refresh token has expired; start the authorization again")]
    Expired,
    /// The grant was revoked.
    #[error("the refresh token has been revoked; start the authorization again")]
    Revoked,
    /// For another resource.
    #[error("resource is not the one the refresh token is for")]
    WrongResource,
    /// More than was granted.
    #[error("scope exceeds what was granted; start the authorization again to ask for more")]
    MoreScope,
    /// No key was proven, and one has to be.
    #[error("the refresh token is bound to a key; this needs a DPoP proof")]
    NoProof,
    /// Bound to another key. Whoever sends it cannot use it, so nothing is revoked: a thief without the key would do no
    /// more harm than to log its owner out.
    #[error("the refresh token is bound to another key than the one of the DPoP proof")]
    OtherKey,
    /// Another request has replaced it while this one was under way, and there is no grace in which that does no harm.
    #[error("the refresh token is being used by another request")]
    Raced,
    /// It came back after it was replaced: the family has to be revoked.
    #[error("the refresh token was already used; the grant was revoked, start the authorization again")]
    Reused,
}

impl TokenFamily {
    /// The family of a new grant.
    #[must_use]
    pub fn new(current: [u8; 32], limits: &FamilyLimits, now: SystemTime) -> Self {
        Self {
            generation: 0,
            current,
            expires_at: now + limits.ttl,
            replaced: Vec::new(),
            holder: Holder::default(),
        }
    }

    /// The same family, for this holder only.
    #[must_use]
    pub fn held_by(self, holder: Holder) -> Self {
        Self { holder, ..self }
    }

    /// Whether it may be used by whoever has proven this key (its thumbprint), or none. To be asked before
    /// [`TokenFamily::present`].
    ///
    /// # Errors
    /// [`RefreshRefusal::NoProof`], [`RefreshRefusal::OtherKey`].
    pub fn check_holder(&self, proven: Option<&str>) -> Result<(), RefreshRefusal> {
        self.holder.check(proven).map_err(|wrong| match wrong {
            WrongHolder::NoProof => RefreshRefusal::NoProof,
            WrongHolder::OtherKey => RefreshRefusal::OtherKey,
        })
    }

    /// What a presented token is good for. The caller has found the family by the token's handle, which only holders
    /// of one of its tokens know; so a token that fits none was once given out.
    ///
    /// # Errors
    /// [`RefreshRefusal::Expired`], or [`RefreshRefusal::Reused`], which demands the revocation of the grant.
    pub fn present(
        &self,
        digest: &[u8; 32],
        limits: &FamilyLimits,
        now: SystemTime,
    ) -> Result<Presented<'_>, RefreshRefusal> {
        if bool::from(self.current.ct_eq(digest)) {
            return if self.expires_at <= now {
                Err(RefreshRefusal::Expired)
            } else {
                Ok(Presented::Current)
            };
        }
        let replaced = self.replaced.iter().find(|replaced| bool::from(replaced.digest.ct_eq(digest)));
        match replaced {
            Some(replaced) if in_grace(replaced, limits, now) => Ok(Presented::Replaced(replaced)),
            _ => Err(RefreshRefusal::Reused),
        }
    }

    /// The family after its current token was used at `now`.
    #[must_use]
    pub fn rotated(
        mut self,
        successor: [u8; 32],
        sealed_successor: Vec<u8>,
        limits: &FamilyLimits,
        now: SystemTime,
    ) -> Self {
        self.replaced.push(Replaced { digest: self.current, at: now, sealed_successor });
        self.replaced.retain(|replaced| in_grace(replaced, limits, now));
        let surplus = self.replaced.len().saturating_sub(limits.max_replaced);
        self.replaced.drain(..surplus);
        Self {
            generation: self.generation + 1,
            current: successor,
            expires_at: now + limits.ttl,
            replaced: self.replaced,
            holder: self.holder,
        }
    }
}

fn in_grace(replaced: &Replaced, limits: &FamilyLimits, now: SystemTime) -> bool {
    // A clock that was set back makes "now" earlier than the rotation; that is not late.
    now.duration_since(replaced.at).map_or(true, |since| since < limits.grace)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const LIMITS: FamilyLimits =
        FamilyLimits { grace: Duration::from_secs(10), ttl: Duration::from_secs(1000), max_replaced: 3 };

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Tokens 0, 1, … were each used at these times.
    fn family(used_at: &[u64]) -> TokenFamily {
        let first = TokenFamily::new([0; 32], &LIMITS, at(0));
        used_at
            .iter()
            .zip(1u8..)
            .fold(first, |family, (&used, next)| family.rotated([next; 32], vec![next], &LIMITS, at(used)))
    }

    #[test]
    fn one_successor_within_the_grace_and_the_end_after_it() {
        let check = |used_at: &[u64], token: u8, now: u64, expected: Result<Option<u8>, RefreshRefusal>| {
            let family = family(used_at);
            let presented = family.present(&[token; 32], &LIMITS, at(now)).map(|presented| match presented {
                Presented::Current => None,
                Presented::Replaced(replaced) => Some(replaced.sealed_successor[0]),
            });
            assert_eq!(presented, expected, "used at {used_at:?}, token {token} at {now}");
        };
        check(&[], 0, 1, Ok(None));
        check(&[], 0, 1000, Err(RefreshRefusal::Expired));
        check(&[], 9, 1, Err(RefreshRefusal::Reused));
        check(&[100], 1, 101, Ok(None));
        check(&[100], 0, 100, Ok(Some(1)));
        check(&[100], 0, 109, Ok(Some(1)));
        check(&[100], 0, 50, Ok(Some(1)));
        check(&[100], 0, 110, Err(RefreshRefusal::Reused));
        check(&[100], 1, 1099, Ok(None));
        check(&[100], 1, 1100, Err(RefreshRefusal::Expired));
        // Two rotations within one grace: the slow holder of the first still follows the same path.
        check(&[100, 105], 0, 107, Ok(Some(1)));
        check(&[100, 105], 1, 107, Ok(Some(2)));
        check(&[100, 105], 0, 111, Err(RefreshRefusal::Reused));
        check(&[100, 105], 1, 111, Ok(Some(2)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        assert_eq!(family(&[1, 2, 3, 4, 5]).replaced.len(), 3);
        assert_eq!(family(&[1, 2, 30]).replaced.len(), 1);
        assert_eq!(family(&[1, 2, 30]).generation, 3);
    }
}
