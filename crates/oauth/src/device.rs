//! The device authorization grant ([RFC 8628](https://datatracker.ietf.org/doc/html/rfc8628)): a device that has no browser
//! shows a code, its user types it into a browser elsewhere, and the device asks until it gets tokens.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::authorize::{self, Policy};
use crate::client::{Client, GrantType};
use crate::error::{ErrorCode, ErrorResponse};
use crate::parameters::Parameters;
use crate::resource::Resource;
use crate::scope::ScopeSet;
use crate::secret::{self, DeviceCode};

/// Letters of a user code: no vowels, so that no words come out, and nothing that looks like something else
/// ([RFC 8628 §6.1](https://datatracker.ietf.org/doc/html/rfc8628#section-6.1)).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// How many: 20^8 codes, 34.5 bits.
const LETTERS: usize = 8;
/// What is typed is not read any longer.
const MAX_TYPED: usize = 64;
/// By how much a device has to ask less often that asked too often
/// ([RFC 8628 §3.5](https://datatracker.ietf.org/doc/html/rfc8628#section-3.5)).
const SLOWER: Duration = Duration::from_secs(5);
/// A device that asks this much too early is not told so; its clock and the network are not exact.
const TOLERANCE: Duration = Duration::from_secs(1);

/// What a person types: eight letters, written `WDJB-MJHT`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserCode(String);

impl UserCode {
    /// A new one, out of random bytes.
    #[must_use]
    pub fn from_random(bytes: &[u8; 4 * LETTERS]) -> Self {
        let letter = |four: &[u8]| {
            let number = four.iter().fold(0u32, |number, byte| (number << 8) | u32::from(*byte));
            char::from(ALPHABET[number as usize % ALPHABET.len()])
        };
        Self(bytes.chunks_exact(4).map(letter).collect())
    }

    /// Reads what was typed: case, dashes and blanks do not count.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = Some(typed).filter(|typed| typed.len() <= MAX_TYPED)?;
        let letters = typed
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}' | '_' | '.'));
        let letters: String = letters.map(|c| c.to_ascii_uppercase()).collect();
        let known = letters.bytes().all(|letter| ALPHABET.contains(&letter));
        (known && letters.len() == LETTERS).then_some(Self(letters))
    }

    /// The letters alone, for a digest.
    #[must_use]
    pub fn letters(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LETTERS / 2);
        write!(f, "{first}-{second}")
    }
}

/// What a device asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRequest {
    /// What it wants to be allowed.
    pub scope: ScopeSet,
    /// For which resource, spelled as the server spells it.
    pub resource: Resource,
}

/// Reads a device authorization request of `client`
/// ([RFC 8628 §3.1](https://datatracker.ietf.org/doc/html/rfc8628#section-3.1)).
///
/// # Errors
/// The JSON body that the device gets.
pub fn read(
    parameters: &Parameters,
    client: &Client,
    policy: &Policy,
) -> Result<DeviceRequest, ErrorResponse> {
    parameters
        .none_repeated(&["resource"])
        .map_err(|repeated| ErrorResponse::new(ErrorCode::InvalidRequest, repeated.to_string()))?;
    if !client.grant_types.contains(&GrantType::DeviceCode) {
        let description = "this client is not registered for the device_code grant";
        return Err(ErrorResponse::new(ErrorCode::UnauthorizedClient, description));
    }
    let offered = authorize::resource(parameters, policy)?;
    Ok(DeviceRequest {
        scope: offered.scope(parameters.one("scope").ok().flatten())?,
        resource: offered.resource.clone(),
    })
}

/// The answer to it ([RFC 8628 §3.2](https://datatracker.ietf.org/doc/html/rfc8628#section-3.2)).
#[derive(Debug, Clone, Serialize)]
pub struct DeviceResponse {
    /// What the device asks with.
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub device_code: DeviceCode,
    /// What it shows.
    pub user_code: String,
    /// Where its user goes.
    pub verification_uri: String,
    /// The same with the code in it, for a QR code.
    pub verification_uri_complete: String,
    /// Seconds until it is over.
    pub expires_in: u64,
    /// Seconds between two questions.
    pub interval: u64,
}

/// What has become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nobody has decided yet.
    Pending,
    /// Its user has allowed it.
    Allowed,
    /// Its user has denied it.
    Denied,
    /// It has got its tokens.
    Redeemed,
}

/// Why a device gets no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefusal {
    /// No such code.
    #[error("the device_code is not known")]
    Unknown,
    /// Of another client.
    #[error("the device_code was issued to another client")]
    WrongClient,
    /// Ask again.
    #[error("the user has not decided yet")]
    Pending,
    /// Ask again, later.
    #[error("the device asks too often; it has to wait 5 seconds longer from now on")]
    SlowDown,
    /// The user said no.
    #[error("the user denied the request")]
    Denied,
    /// Too late.
    #[error("the device_code has expired; start again")]
    Expired,
    /// It was used, or is being used right now.
    #[error("the device_code was already used")]
    Redeemed,
}

impl DeviceRefusal {
    /// The code on the wire ([RFC 8628 §3.5](https://datatracker.ietf.org/doc/html/rfc8628#section-3.5)).
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Unknown | Self::WrongClient | Self::Redeemed => ErrorCode::InvalidGrant,
            Self::Pending => ErrorCode::AuthorizationPending,
            Self::SlowDown => ErrorCode::SlowDown,
            Self::Denied => ErrorCode::AccessDenied,
            Self::Expired => ErrorCode::ExpiredToken,
        }
    }
}

/// How often a device asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// When it asked last.
    pub asked_at: SystemTime,
    /// How long it has to wait.
    pub interval: Duration,
}

impl Pace {
    /// The pace after a question at `now`, and whether it came too early. A device that was never heard before is on time.
    #[must_use]
    pub fn asked(earlier: Option<Self>, interval: Duration, now: SystemTime) -> (Self, bool) {
        let Some(earlier) = earlier else { return (Self { asked_at: now, interval }, false) };
        let since = now.duration_since(earlier.asked_at).unwrap_or_default();
        let early = since + TOLERANCE < earlier.interval;
        let interval = if early { earlier.interval + SLOWER } else { earlier.interval };
        (Self { asked_at: now, interval }, early)
    }
}

/// Whether a device gets tokens now.
///
/// # Errors
/// [`DeviceRefusal`].
pub fn redeem(
    decision: Decision,
    expires_at: SystemTime,
    early: bool,
    now: SystemTime,
) -> Result<(), DeviceRefusal> {
    match decision {
        Decision::Redeemed => Err(DeviceRefusal::Redeemed),
        Decision::Denied => Err(DeviceRefusal::Denied),
        Decision::Pending | Decision::Allowed if expires_at <= now => Err(DeviceRefusal::Expired),
        Decision::Pending if early => Err(DeviceRefusal::SlowDown),
        Decision::Pending => Err(DeviceRefusal::Pending),
        Decision::Allowed => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_typed_is_read_leniently() {
        fn check(typed: &str, expected: Option<&str>) {
            assert_eq!(UserCode::parse(typed).map(|code| code.to_string()).as_deref(), expected, "{typed:?}");
        }
        check("WDJB-MJHT", Some("WDJB-MJHT"));
        check("wdjbmjht", Some("WDJB-MJHT"));
        check(" wdjb \u{2013} mjht ", Some("WDJB-MJHT"));
        check("W D J B M J H T", Some("WDJB-MJHT"));
        check("WDJB-MJH", None);
        check("WDJB-MJHTT", None);
        check("WDJB-MJHA", None);
        check("WDJB-MJH1", None);
        check("WDJB-MJHT%00", None);
        check("", None);
        check(&"-".repeat(100), None);
        let random: [u8; 32] = std::array::from_fn(|n| u8::try_from(n * 7).unwrap());
        let code = UserCode::from_random(&random);
        assert_eq!(UserCode::parse(&code.to_string()), Some(code));
    }

    #[test]
    fn every_letter_is_as_likely_as_the_others() {
        let mut counts = std::collections::BTreeMap::new();
        for number in 0..20u32 {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            *counts.entry(UserCode::from_random(&bytes).letters().as_bytes()[0]).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 20);
        assert!(counts.values().all(|count| *count == 1));
    }

    #[test]
    fn who_asks_too_often_has_to_wait_longer() {
        let five = Duration::from_secs(5);
        let (mut pace, early) = Pace::asked(None, five, at(100));
        assert!(!early);
        for (now, expected, interval) in
            [(105, false, 5), (109, false, 5), (111, true, 10), (120, false, 10), (121, true, 15)]
        {
            let (next, early) = Pace::asked(Some(pace), five, at(now));
            assert_eq!((early, next.interval.as_secs()), (expected, interval), "at {now}");
            pace = next;
        }
    }

    #[test]
    fn a_request_in_each_state() {
        for (decision, early, now, expected) in [
            (Decision::Pending, false, 99, Err(DeviceRefusal::Pending)),
            (Decision::Pending, true, 99, Err(DeviceRefusal::SlowDown)),
            (Decision::Pending, true, 100, Err(DeviceRefusal::Expired)),
            (Decision::Allowed, true, 99, Ok(())),
            (Decision::Allowed, false, 100, Err(DeviceRefusal::Expired)),
            (Decision::Denied, true, 99, Err(DeviceRefusal::Denied)),
            (Decision::Redeemed, false, 99, Err(DeviceRefusal::Redeemed)),
        ] {
            assert_eq!(redeem(decision, at(100), early, at(now)), expected, "{decision:?} at {now}");
        }
    }
}
