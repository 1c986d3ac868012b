//! What one server knows of proofs, and whether one counts.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::ProofError;
use super::check::{ProvenRequest, Shown, presented, read};
use super::nonces::Nonces;
use super::seen::SeenProofs;
use crate::claims::seconds;
use crate::jws::Verify;

/// How a server takes proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofLimits {
    /// How far the time in a proof may be from ours, in both directions. A nonce counts for twice as long. At least 1 s.
    pub window: Duration,
    /// Proofs that are remembered, so that none counts twice.
    pub remembered: usize,
    /// Whether every proof needs a nonce. Otherwise only those do that were not made just now by our clock, or that we could
    /// have forgotten.
    pub nonces: bool,
}

impl Default for ProofLimits {
    fn default() -> Self {
        // Five minutes are what the draft of MCP's own profile has every server accept
        // (https://github.com/modelcontextprotocol/ext-auth/blob/main/specification/draft/dpop-extension.mdx).
        Self { window: Duration::from_secs(5 * 60), remembered: 1_000_000, nonces: false }
    }
}

/// The proofs of one server: one for each set of endpoints that share it.
#[derive(Debug)]
pub struct Proofs {
    nonces: Nonces,
    seen: SeenProofs,
    window: u64,
    nonces_always: bool,
    /// What was made before is not known to have been used.
    begun: u64,
    verify: Verify,
}

impl Proofs {
    /// Begins to remember at `now`. `secret` has at least 32 bytes, and replicas have the same; nonces are made with it.
    #[must_use]
    pub fn new(limits: &ProofLimits, secret: &[u8], verify: Verify, now: SystemTime) -> Self {
        Self {
            nonces: Nonces::new(secret),
            seen: SeenProofs::new(limits.remembered),
            window: limits.window.as_secs().max(1),
            nonces_always: limits.nonces,
            begun: seconds(now),
            verify,
        }
    }

    /// Checks the proof in these headers, and uses it up; the thumbprint of the key that it proves possession of. Where
    /// something is bound to a key already, `bound_to` is that one's.
    ///
    /// # Errors
    /// [`ProofError`]; where it [wants a nonce](ProofError::wants_nonce), the answer gives [`Proofs::nonce`].
    pub fn check(
        &self,
        headers: &HeaderMap,
        about: &ProvenRequest<'_>,
        bound_to: Option<&str>,
        now: SystemTime,
    ) -> Result<String, ProofError> {
        let shown = read(presented(headers)?, about, self.verify)?;
        if bound_to.is_some_and(|key| key != shown.key) {
            return Err(ProofError::OtherKey);
        }
        let now = seconds(now);
        let until = self.counts_until(&shown, now)?;
        self.seen.use_up(&shown.key, &shown.id, until, now)?;
        Ok(shown.key)
    }

    /// The nonce to give.
    #[must_use]
    pub fn nonce(&self, now: SystemTime) -> String {
        self.nonces.at(now)
    }

    /// Whether every proof needs a nonce, so that every answer to one gives the next.
    #[must_use]
    pub fn always_want_nonces(&self) -> bool {
        self.nonces_always
    }

    /// The last second in which a proof counts: checks 10 and 11. A nonce of ours says when it was made better than the
    /// client's clock, which then may be wrong
    /// ([RFC 9449 §11.1](https://www.rfc-editor.org/rfc/rfc9449#section-11.1)).
    fn counts_until(&self, shown: &Shown, now: u64) -> Result<u64, ProofError> {
        if let Some(nonce) = &shown.nonce {
            let made_at = self.nonces.made_at(nonce).ok_or(ProofError::NonceWanted)?;
            let until = made_at.saturating_add(2 * self.window);
            // One of a replica whose clock is a little ahead is fine.
            let fresh = made_at >= self.begun && now <= until && made_at <= now.saturating_add(self.window);
            return if fresh { Ok(until) } else { Err(ProofError::NonceWanted) };
        }
        if self.nonces_always {
            return Err(ProofError::NonceWanted);
        }
        // Saturates; what is out of any range is out of the window.
        let made_at = shown.made_at as u64;
        let until = made_at.saturating_add(self.window);
        let fresh = made_at >= self.begun && now <= until && made_at <= now.saturating_add(self.window);
        if fresh { Ok(until) } else { Err(ProofError::Stale) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::{HeaderValue, Method};
    use serde_json::{Value, json};

    use super::*;
    use crate::dpop::check::tests::{Holder, verify};
    use crate::dpop::{PROOF_HEADER, Target, hash};

    const TOKEN: &str = "token";
    const MCP: &str = "https://mcp.example/mcp";

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn proofs(nonces: bool) -> Proofs {
        let limits = ProofLimits { window: Duration::from_secs(60), remembered: 10_000, nonces };
        Proofs::new(&limits, &[7; 32], verify, at(900))
    }

    fn proof(holder: &Holder, id: &str, iat: u64, nonce: Option<&str>) -> HeaderMap {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": holder.jwk() });
        let mut claims = json!({ "jti": id, "htm": "POST", "htu": MCP, "iat": iat, "ath": hash(TOKEN) });
        if let Some(nonce) = nonce {
            claims["nonce"] = Value::from(nonce);
        }
        let value = HeaderValue::from_str(&holder.sign(&header, &claims)).unwrap();
        HeaderMap::from_iter([(http::HeaderName::from_static(PROOF_HEADER), value)])
    }

    fn check(
        proofs: &Proofs,
        headers: &HeaderMap,
        bound_to: Option<&str>,
        now: u64,
    ) -> Result<String, ProofError> {
        let target = Target::parse(MCP).unwrap();
        let about = ProvenRequest { method: &Method::POST, target: &target, access_token: Some(TOKEN) };
        proofs.check(headers, &about, bound_to, at(now))
    }

    #[test]
    fn a_proof_counts_once_in_its_time_for_its_key() {
        let (proofs, holder) = (proofs(false), Holder::new());
        let ours = check(&proofs, &proof(&holder, "0", 1_000, None), None, 1_000).unwrap();
        for (id, iat, now, expected) in [
            ("0", 1_000, 1_000, Err(ProofError::Replayed)),
            ("1", 1_000, 1_060, Ok(())),
            ("2", 1_000, 1_061, Err(ProofError::Stale)),
            ("3", 1_060, 1_000, Ok(())),
            ("4", 1_061, 1_000, Err(ProofError::Stale)),
            ("5", u64::MAX, 1_000, Err(ProofError::Stale)),
            // Before the server began: it may have been used then.
            ("6", 899, 900, Err(ProofError::Stale)),
        ] {
            let verdict = check(&proofs, &proof(&holder, id, iat, None), Some(&ours), now);
            assert_eq!(verdict.map(drop), expected, "{id}");
        }
        let other = proof(&Holder::new(), "0", 1_000, None);
        assert_eq!(check(&proofs, &other, Some(&ours), 1_000), Err(ProofError::OtherKey));
        assert!(check(&proofs, &other, None, 1_000).is_ok(), "it was not used up");
    }

    #[test]
    fn a_nonce_of_ours_stands_for_the_time() {
        for always in [false, true] {
            let (proofs, holder) = (proofs(always), Holder::new());
            let nonce = proofs.nonce(at(1_000));
            let foreign = Proofs::new(&ProofLimits::default(), &[8; 32], verify, at(0)).nonce(at(1_000));
            let before = proofs.nonce(at(899));
            let ahead = proofs.nonce(at(1_061));
            for (id, nonce, now, expected) in [
                ("1", Some(&nonce), 1_000, Ok(())),
                ("1", Some(&nonce), 1_000, Err(ProofError::Replayed)),
                ("1", Some(&nonce), 1_120, Err(ProofError::Replayed)),
                ("2", Some(&nonce), 1_120, Ok(())),
                ("3", Some(&nonce), 1_121, Err(ProofError::NonceWanted)),
                ("4", Some(&foreign), 1_000, Err(ProofError::NonceWanted)),
                ("5", Some(&before), 900, Err(ProofError::NonceWanted)),
                ("6", Some(&ahead), 1_000, Err(ProofError::NonceWanted)),
            ] {
                // A clock that is wrong by years.
                let verdict = check(&proofs, &proof(&holder, id, 1, nonce.map(String::as_str)), None, now);
                assert_eq!(verdict.map(drop), expected, "{id}");
            }
            let without = check(&proofs, &proof(&holder, "7", 1_000, None), None, 1_000).map(drop);
            assert_eq!(without, if always { Err(ProofError::NonceWanted) } else { Ok(()) });
        }
    }

    /// However much is forgotten, a new nonce always helps.
    #[test]
    fn who_sends_too_many_is_asked_for_a_nonce_and_goes_on() {
        let limits = ProofLimits { window: Duration::from_secs(60), remembered: 64 * 4, nonces: false };
        let (proofs, holder) = (Proofs::new(&limits, &[7; 32], verify, at(900)), Holder::new());
        let mut stale = 0;
        for number in 0..10 {
            let id = number.to_string();
            match check(&proofs, &proof(&holder, &id, 1_060, None), None, 1_000) {
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error, ProofError::Stale);
                    stale += 1;
                    let nonce = proofs.nonce(at(1_001));
                    let again = proof(&holder, &format!("again {id}"), 1_000, Some(&nonce));
                    if stale <= 4 {
                        assert!(check(&proofs, &again, None, 1_001).is_ok(), "{id}");
                    }
                }
            }
        }
        assert_eq!(stale, 6);
    }

    #[test]
    fn one_header_or_none() {
        let (proofs, holder) = (proofs(false), Holder::new());
        assert_eq!(check(&proofs, &HeaderMap::new(), None, 1_000), Err(ProofError::Missing));
        let mut twice = proof(&holder, "1", 1_000, None);
        twice.append(PROOF_HEADER, twice[PROOF_HEADER].clone());
        assert_eq!(check(&proofs, &twice, None, 1_000), Err(ProofError::Several));
        let mut other = HeaderMap::new();
        other.insert(PROOF_HEADER, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(check(&proofs, &other, None, 1_000), Err(ProofError::Malformed));
    }
}
