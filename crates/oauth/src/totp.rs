//! One-time passwords that change with the time ([RFC 6238](https://www.rfc-editor.org/rfc/rfc6238)), as authenticator
//! apps know them: SHA-1, six digits, thirty seconds.
//!
//! SHA-1 is what every app implements; HMAC does not need what SHA-1 has lost
//! ([RFC 6238 §1.2](https://www.rfc-editor.org/rfc/rfc6238#section-1.2)). The HMAC itself is the caller's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// How long a code is shown.
pub const STEP: Duration = Duration::from_secs(30);

/// How many codes before and after the current one are accepted: clocks differ, and people type slowly
/// ([RFC 6238 §5.2](https://www.rfc-editor.org/rfc/rfc6238#section-5.2)).
pub const SKEW: u64 = 1;

/// Digits of a code.
pub const DIGITS: usize = 6;

/// Bytes of a secret: as many as HMAC-SHA-1 has ([RFC 4226 §4](https://www.rfc-editor.org/rfc/rfc4226#section-4)).
pub const SECRET: usize = 20;

/// Why a code is refused. A person is told the same in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TotpRefusal {
    /// No such code.
    #[error("the code is not right")]
    Wrong,
    /// It, or a later one, was accepted before ([RFC 6238 §5.2](https://www.rfc-editor.org/rfc/rfc6238#section-5.2)).
    #[error("the code was used before")]
    Used,
}

/// The number of the current code.
#[must_use]
pub fn step(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / STEP.as_secs()
}

/// The code that this HMAC-SHA-1 over the step's eight bytes yields
/// ([RFC 4226 §5.3](https://www.rfc-editor.org/rfc/rfc4226#section-5.3)).
#[must_use]
pub fn code(mac: &[u8; SECRET]) -> u32 {
    let offset = usize::from(mac[SECRET - 1] & 0x0f);
    let four = [mac[offset] & 0x7f, mac[offset + 1], mac[offset + 2], mac[offset + 3]];
    u32::from_be_bytes(four) % 10u32.pow(DIGITS as u32)
}

/// Which step a code belongs to, if it is one of the current ones and later than `last`, the last that was accepted.
/// `mac` is HMAC-SHA-1 under the user's secret. All candidates are computed and compared, whatever comes.
///
/// # Errors
/// [`TotpRefusal`].
pub fn accept(
    presented: &str,
    last: u64,
    now: SystemTime,
    mac: impl Fn(&[u8; 8]) -> [u8; SECRET],
) -> Result<u64, TotpRefusal> {
    let presented = parse(presented).ok_or(TotpRefusal::Wrong)?;
    let current = step(now);
    let mut found = 0u64;
    let mut is_found = Choice::from(0);
    for step in current.saturating_sub(SKEW)..=current.saturating_add(SKEW) {
        let equal = code(&mac(&step.to_be_bytes())).ct_eq(&presented);
        found.conditional_assign(&step, equal);
        is_found |= equal;
    }
    match bool::from(is_found) {
        false => Err(TotpRefusal::Wrong),
        true if found <= last => Err(TotpRefusal::Used),
        true => Ok(found),
    }
}

/// A code as a person types it: six digits, and blanks wherever.
fn parse(text: &str) -> Option<u32> {
    if text.len() > 32 {
        return None;
    }
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != DIGITS || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Stands in for an HMAC: each step has a code of its own.
    fn mac(step: &[u8; 8]) -> [u8; SECRET] {
        let mut mac = [0; SECRET];
        mac[..4].copy_from_slice(&step[4..]);
        mac
    }

    #[test]
    fn truncation_is_that_of_the_rfc() {
        // The example of RFC 4226 §5.4, to six digits.
        let mac = [
            0x1f, 0x86, 0x98, 0x69, 0x0e, 0x02, 0xca, 0x16, 0x61, 0x85, 0x50, 0xef, 0x7f, 0x19, 0xda, 0x8e,
            0x94, 0x5b, 0x55, 0x5a,
        ];
        assert_eq!(code(&mac), 872_921);
    }

    #[test]
    fn a_code_counts_around_its_time_and_once() {
        fn check(text: &str, last: u64, expected: Result<u64, TotpRefusal>) {
            // Step 100 of 30 seconds each.
            assert_eq!(accept(text, last, at(3_000), mac), expected, "{text:?} after {last}");
        }
        check("000100", 0, Ok(100));
        check("000 100", 0, Ok(100));
        check(" 000099\n", 0, Ok(99));
        check("000101", 0, Ok(101));
        check("000098", 0, Err(TotpRefusal::Wrong));
        check("000102", 0, Err(TotpRefusal::Wrong));
        check("000100", 99, Ok(100));
        check("000100", 100, Err(TotpRefusal::Used));
        check("000099", 100, Err(TotpRefusal::Used));
        check("000101", 100, Ok(101));
        for nonsense in ["", "100", "0000100", "+00100", "00010a", "０００１００", &"1".repeat(99)] {
            check(nonsense, 0, Err(TotpRefusal::Wrong));
        }
    }

    #[test]
    fn the_beginning_and_the_end_of_time() {
        assert_eq!(
            accept("000000", 0, at(0), mac),
            Err(TotpRefusal::Used),
            "step 0 is never good: nothing was before"
        );
        assert_eq!(accept("000001", 0, at(0), mac), Ok(1));
    }
}
