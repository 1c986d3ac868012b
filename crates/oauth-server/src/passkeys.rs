//! Passkeys: challenges, keys and handles. What is checked of an answer is `barewire_oauth::passkey`'s.
//!
//! A challenge is a token and not a record, so that showing the login page writes nothing: it carries its end, and is
//! bound to the browser's cookie and to what it is for. That it is answered once is kept by the store, which remembers
//! the answered ones until they are over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use barewire_oauth::passkey::{Algorithm, PasskeyRefusal, RelyingParty};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::{Host, Url};

use crate::random;
use crate::store::AnsweredChallenge;

const NONCE: usize = 16;
const ENDS: usize = 8;

/// Longest public key that is kept, in bytes: RSA with 8192 bits has about a thousand.
const MAX_PUBLIC_KEY: usize = 2048;

/// What passkeys are for and bound to.
pub(crate) struct Passkeys {
    pub(crate) party: RelyingParty,
    key: hmac::Key,
    ttl: Duration,
}

/// What a challenge is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum For<'a> {
    /// Logging in, whoever it will be.
    Login,
    /// A new passkey of this user.
    New(&'a str),
}

impl Passkeys {
    /// For the server at `issuer`; `None` where browsers know no passkeys, at an address instead of a name.
    pub(crate) fn new(issuer: &Url, secret: &[u8], ttl: Duration) -> Option<Self> {
        let Some(Host::Domain(domain)) = issuer.host() else { return None };
        let party = RelyingParty { id: domain.to_owned(), origin: issuer.origin().ascii_serialization() };
        let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key = hmac::sign(&master, b"passkeys v1");
        Some(Self { party, key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), ttl })
    }

    /// A new challenge, in base64url.
    pub(crate) fn challenge(&self, purpose: For<'_>, cookie: &str, now: SystemTime) -> String {
        let ends = now.checked_add(self.ttl).unwrap_or(now).duration_since(UNIX_EPOCH).unwrap_or_default();
        let (nonce, ends) = (random::bytes::<NONCE>(), ends.as_secs().to_be_bytes());
        let tag = self.tag(purpose, cookie, &nonce, &ends);
        URL_SAFE_NO_PAD.encode([&nonce[..], &ends[..], tag.as_ref()].concat())
    }

    /// Whether `answered` is a challenge of ours for this, in this browser, that is not over.
    pub(crate) fn is_ours(
        &self,
        answered: &[u8],
        purpose: For<'_>,
        cookie: &str,
        now: SystemTime,
    ) -> Result<AnsweredChallenge, PasskeyRefusal> {
        let read = || {
            let (nonce, rest) = answered.split_first_chunk::<NONCE>()?;
            let (ends, tag) = rest.split_first_chunk::<ENDS>()?;
            hmac::verify(&self.key, &message(purpose, cookie, nonce, ends), tag).ok()?;
            UNIX_EPOCH.checked_add(Duration::from_secs(u64::from_be_bytes(*ends)))
        };
        let expires_at = read().filter(|end| *end > now).ok_or(PasskeyRefusal::WrongChallenge)?;
        Ok(AnsweredChallenge { digest: random::digest(answered), expires_at })
    }

    /// What passkeys call a user: nothing that says who it is.
    pub(crate) fn handle(&self, user_id: &str) -> Vec<u8> {
        hmac::sign(&self.key, &random::digest_of(&[b"user handle", user_id.as_bytes()]).0).as_ref().to_vec()
    }

    fn tag(&self, purpose: For<'_>, cookie: &str, nonce: &[u8; NONCE], ends: &[u8; ENDS]) -> hmac::Tag {
        hmac::sign(&self.key, &message(purpose, cookie, nonce, ends))
    }
}

fn message(purpose: For<'_>, cookie: &str, nonce: &[u8; NONCE], ends: &[u8; ENDS]) -> [u8; 32] {
    let (word, user) = match purpose {
        For::Login => ("login", ""),
        For::New(user) => ("new", user),
    };
    random::digest_of(&[b"challenge", word.as_bytes(), user.as_bytes(), cookie.as_bytes(), nonce, ends]).0
}

/// A public key in SPKI form, if it is one of this algorithm.
pub(crate) fn public_key(algorithm: Algorithm, spki: &[u8]) -> Result<ParsedPublicKey, PasskeyRefusal> {
    let verification: &'static dyn VerificationAlgorithm = match algorithm {
        Algorithm::EdDsa => &ED25519,
        Algorithm::Es256 => &ECDSA_P256_SHA256_ASN1,
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
    };
    if spki.len() > MAX_PUBLIC_KEY {
        return Err(PasskeyRefusal::Key);
    }
    ParsedPublicKey::new(verification, spki).map_err(|_| PasskeyRefusal::Key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn passkeys(issuer: &str) -> Option<Passkeys> {
        Passkeys::new(&Url::parse(issuer).unwrap(), b"secret", Duration::from_secs(60))
    }

    #[test]
    fn a_challenge_is_for_one_browser_one_purpose_and_a_while() {
        let ours = passkeys("https://as.example/tenant").unwrap();
        assert_eq!(
            (ours.party.id.as_str(), ours.party.origin.as_str()),
            ("as.example", "https://as.example")
        );
        let challenge = URL_SAFE_NO_PAD.decode(ours.challenge(For::New("u"), "cookie", at(100))).unwrap();
        let check = |bytes: &[u8], purpose: For<'_>, cookie: &str, now: u64| {
            ours.is_ours(bytes, purpose, cookie, at(now)).map(|answered| answered.expires_at)
        };
        assert_eq!(check(&challenge, For::New("u"), "cookie", 159), Ok(at(160)));
        let wrong = Err(PasskeyRefusal::WrongChallenge);
        assert_eq!(check(&challenge, For::New("u"), "cookie", 160), wrong);
        assert_eq!(check(&challenge, For::New("v"), "cookie", 100), wrong);
        assert_eq!(check(&challenge, For::Login, "cookie", 100), wrong);
        assert_eq!(check(&challenge, For::New("u"), "other", 100), wrong);
        for at in 0..challenge.len() {
            let mut altered = challenge.clone();
            altered[at] ^= 1;
            assert_eq!(check(&altered, For::New("u"), "cookie", 100), wrong, "{at}");
        }
        assert_eq!(check(&[], For::New("u"), "cookie", 100), wrong);
        assert_ne!(ours.challenge(For::Login, "c", at(1)), ours.challenge(For::Login, "c", at(1)));
        assert_ne!(ours.handle("u"), ours.handle("v"));
    }

    #[test]
    fn browsers_know_no_passkeys_at_an_address() {
        for (issuer, known) in [
            ("https://as.example", true),
            ("http://localhost:8000", true),
            ("http://127.0.0.1:8000", false),
            ("http://[::1]:8000", false),
        ] {
            assert_eq!(passkeys(issuer).is_some(), known, "{issuer}");
        }
    }
}
