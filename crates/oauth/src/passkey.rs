//! Passkeys: what a relying party checks ([Web Authentication Level 3, §7](https://www.w3.org/TR/webauthn-3/#sctn-rp-operations)),
//! but for the signature, which belongs to whoever has the cryptography.
//!
//! Attestation is not asked for, so the public key is taken as the browser gives it
//! ([§5.2.1.1](https://www.w3.org/TR/webauthn-3/#sctn-public-key-easy)) and nothing in CBOR has to be read: without
//! attestation nobody but the user's own browser vouches for a key in either form.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::json;

/// Longest identifier of a credential, in bytes ([§7.1, step 25](https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential)).
pub const MAX_CREDENTIAL_ID: usize = 1023;

/// Longest `clientDataJSON` that is read, in bytes; browsers write a few hundred.
pub const MAX_CLIENT_DATA: usize = 8 * 1024;

/// Who a passkey is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// Its domain.
    pub id: String,
    /// Its origin, the only one that is accepted.
    pub origin: String,
}

/// What a browser was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceremony {
    /// Make a new passkey.
    Create,
    /// Prove to have one.
    Get,
}

impl Ceremony {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// How a passkey signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA PKCS#1 v1.5 with SHA-256: what older Windows machines have.
    Rs256,
}

impl Algorithm {
    /// All that are accepted, the best first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Its number in the [COSE registry](https://www.iana.org/assignments/cose/cose.xhtml#algorithms).
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::EdDsa => -8,
            Self::Es256 => -7,
            Self::Rs256 => -257,
        }
    }

    /// The one with this number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.number() == number)
    }
}

/// Why a passkey is not accepted. A person is told the same in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyRefusal {
    /// Not what a browser sends.
    #[error("the answer of the browser cannot be read")]
    Malformed,
    /// It is the answer to another kind of question.
    #[error("the browser was asked for something else")]
    WrongCeremony,
    /// Another site asked, or this one within another.
    #[error("the passkey was used on another site")]
    WrongOrigin,
    /// The challenge is not ours, of another browser, over, or was answered before.
    #[error("the challenge is not one of this page")]
    WrongChallenge,
    /// Signed for another domain.
    #[error("the passkey is for another domain")]
    WrongRelyingParty,
    /// Nobody was there, or did not prove who.
    #[error("the person was not verified")]
    NotVerified,
    /// An algorithm that was not offered, or a key that is none of it.
    #[error("the key cannot be used")]
    Key,
    /// No such passkey, or another user's.
    #[error("the passkey is not known")]
    Unknown,
    /// The signature does not fit.
    #[error("the signature is wrong")]
    Signature,
    /// It counts backwards: there is a copy of it.
    #[error("the passkey was used less often than it was before")]
    CounterWentBack,
}

#[derive(Deserialize)]
struct ClientData<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    challenge: Cow<'a, str>,
    #[serde(borrow)]
    origin: Cow<'a, str>,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
}

/// The challenge that a browser has answered, at our origin and in our own page
/// ([§7.1, steps 6–10](https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential)). Whether it is one of ours is
/// the caller's to say.
///
/// # Errors
/// [`PasskeyRefusal`].
pub fn answered(
    client_data: &[u8],
    ceremony: Ceremony,
    party: &RelyingParty,
) -> Result<Vec<u8>, PasskeyRefusal> {
    if client_data.len() > MAX_CLIENT_DATA {
        return Err(PasskeyRefusal::Malformed);
    }
    let data: ClientData<'_> = json::object(client_data).map_err(|_| PasskeyRefusal::Malformed)?;
    if data.kind != ceremony.name() {
        return Err(PasskeyRefusal::WrongCeremony);
    }
    if data.origin != party.origin || data.cross_origin {
        return Err(PasskeyRefusal::WrongOrigin);
    }
    URL_SAFE_NO_PAD.decode(data.challenge.as_bytes()).map_err(|_| PasskeyRefusal::WrongChallenge)
}

/// What the authenticator says ([§6.1](https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data)), checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthenticatorData<'a> {
    /// How often it has signed; 0 for those that do not count.
    pub counter: u32,
    /// Whether the passkey is kept somewhere else too.
    pub backed_up: bool,
    /// The identifier of a passkey that was just made.
    pub credential_id: Option<&'a [u8]>,
}

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;

impl<'a> AuthenticatorData<'a> {
    /// Reads it: for our domain, with a person who was there and verified, and with flags that can be
    /// ([§7.1, step 17](https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential) and
    /// [§7.2, step 18](https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion)). Whether a passkey could be kept
    /// elsewhere when it was made is not stored, so it is not compared.
    ///
    /// # Errors
    /// [`PasskeyRefusal`].
    pub fn parse(bytes: &'a [u8], party: &RelyingParty) -> Result<Self, PasskeyRefusal> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(PasskeyRefusal::Malformed)?;
        let (&[flags, a, b, c, d], rest) = rest.split_first_chunk().ok_or(PasskeyRefusal::Malformed)?;
        if !bool::from(rp_id_hash[..].ct_eq(&Sha256::digest(&party.id)[..])) {
            return Err(PasskeyRefusal::WrongRelyingParty);
        }
        if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
            return Err(PasskeyRefusal::NotVerified);
        }
        // What cannot be kept elsewhere is not (§6.1.3); whoever says both is no authenticator.
        if flags & BACKUP_ELIGIBLE == 0 && flags & BACKED_UP != 0 {
            return Err(PasskeyRefusal::Malformed);
        }
        let credential_id = if flags & HAS_CREDENTIAL == 0 { None } else { Some(credential_id(rest)?) };
        Ok(Self {
            counter: u32::from_be_bytes([a, b, c, d]),
            backed_up: flags & BACKED_UP != 0,
            credential_id,
        })
    }
}

/// Out of the attested credential data: AAGUID, length, identifier, and the key in CBOR, which is not looked at.
fn credential_id(bytes: &[u8]) -> Result<&[u8], PasskeyRefusal> {
    let (_aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(PasskeyRefusal::Malformed)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(PasskeyRefusal::Malformed)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if !(1..=MAX_CREDENTIAL_ID).contains(&length) {
        return Err(PasskeyRefusal::Malformed);
    }
    rest.get(..length).ok_or(PasskeyRefusal::Malformed)
}

/// What an assertion signs ([§7.2, steps 19–20](https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion)).
#[must_use]
pub fn signed(authenticator_data: &[u8], client_data: &[u8]) -> Vec<u8> {
    [authenticator_data, &Sha256::digest(client_data)[..]].concat()
}

/// Whether an authenticator that has signed `stored` times may say `new` now. One that counts has to count up
/// ([§6.1.1](https://www.w3.org/TR/webauthn-3/#sctn-sign-counter)).
///
/// # Errors
/// [`PasskeyRefusal::CounterWentBack`].
pub fn count(stored: u32, new: u32) -> Result<(), PasskeyRefusal> {
    if (stored, new) == (0, 0) || new > stored { Ok(()) } else { Err(PasskeyRefusal::CounterWentBack) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party() -> RelyingParty {
        RelyingParty { id: "as.example".into(), origin: "https://as.example".into() }
    }

    #[test]
    fn only_our_own_page_answers() {
        fn check(json: &str, expected: Result<&[u8], PasskeyRefusal>) {
            let read = answered(json.as_bytes(), Ceremony::Get, &party());
            assert_eq!(read.as_deref().map_err(|refusal| *refusal), expected, "{json}");
        }
        let good = r#"{"type":"webauthn.get","challenge":"YWJj","origin":"https://as.example","crossOrigin":false,"new":1}"#;
        check(good, Ok(b"abc"));
        check(&good.replace(".get", ".create"), Err(PasskeyRefusal::WrongCeremony));
        for origin in [
            "https://as.example.evil",
            "http://as.example",
            "https://as.example:444",
            "https://as.example/",
            "null",
        ] {
            check(&good.replace("https://as.example", origin), Err(PasskeyRefusal::WrongOrigin));
        }
        check(&good.replace("false", "true"), Err(PasskeyRefusal::WrongOrigin));
        check(&good.replace("YWJj", "YWJj="), Err(PasskeyRefusal::WrongChallenge));
        check(&good.replace("YWJj", "YW+j"), Err(PasskeyRefusal::WrongChallenge));
        // Twice the same member: which one counts would depend on the reader.
        check(
            &good.replace("\"new\":1", "\"origin\":\"https://as.example\""),
            Err(PasskeyRefusal::Malformed),
        );
        for nonsense in ["", "{}", "[]", "null", r#"{"type":"webauthn.get"}"#, &"[".repeat(5_000)] {
            check(nonsense, Err(PasskeyRefusal::Malformed));
        }
        let long = format!("{}{}", good, " ".repeat(MAX_CLIENT_DATA));
        check(&long, Err(PasskeyRefusal::Malformed));
    }

    fn data(rp_id: &str, flags: u8, counter: u32, rest: &[u8]) -> Vec<u8> {
        [&Sha256::digest(rp_id)[..], &[flags][..], &counter.to_be_bytes()[..], rest].concat()
    }

    #[test]
    fn authenticator_data_is_for_us_and_of_a_verified_person() {
        let party = party();
        let check = |bytes: &[u8], expected: Result<(u32, bool, Option<&[u8]>), PasskeyRefusal>| {
            let read = AuthenticatorData::parse(bytes, &party);
            assert_eq!(read.map(|data| (data.counter, data.backed_up, data.credential_id)), expected);
        };
        check(&data("as.example", 0x05, 7, &[]), Ok((7, false, None)));
        check(&data("as.example", 0x1d, 0, &[]), Ok((0, true, None)));
        check(&data("as.example", 0x0d, 0, &[]), Ok((0, false, None)));
        check(&data("as.example", 0x15, 0, &[]), Err(PasskeyRefusal::Malformed));
        check(&data("evil.example", 0x05, 7, &[]), Err(PasskeyRefusal::WrongRelyingParty));
        check(&data("as.example", 0x04, 7, &[]), Err(PasskeyRefusal::NotVerified));
        check(&data("as.example", 0x01, 7, &[]), Err(PasskeyRefusal::NotVerified));
        let made = [&[0; 16][..], &[0, 3][..], &b"abc"[..], &b"the key in CBOR"[..]].concat();
        check(&data("as.example", 0x45, 0, &made), Ok((0, false, Some(b"abc"))));
        for cut in [0, 15, 17, 18, 20] {
            check(&data("as.example", 0x45, 0, &made[..cut]), Err(PasskeyRefusal::Malformed));
        }
        for length in [[0, 0], [4, 0], [0xff, 0xff]] {
            let wrong = [&[0; 16][..], &length[..], &[1; 2000][..]].concat();
            check(&data("as.example", 0x45, 0, &wrong), Err(PasskeyRefusal::Malformed));
        }
        for cut in [0, 31, 36] {
            check(&data("as.example", 0x05, 7, &[])[..cut], Err(PasskeyRefusal::Malformed));
        }
    }

    #[test]
    fn a_counter_counts_up_or_not_at_all() {
        for (stored, new, good) in
            [(0, 0, true), (0, 1, true), (5, 6, true), (5, 5, false), (5, 4, false), (5, 0, false)]
        {
            assert_eq!(count(stored, new).is_ok(), good, "{stored} {new}");
        }
    }
}
