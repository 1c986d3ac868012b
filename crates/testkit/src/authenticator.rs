//! An authenticator app: codes that change every thirty seconds
//! ([RFC 6238](https://www.rfc-editor.org/rfc/rfc6238)), computed by nobody who also checks them.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;

/// Seconds that a code is shown.
const STEP: u64 = 30;

/// An app that has taken over one key.
pub struct Authenticator {
    /// In base32, without blanks.
    pub key: String,
    hmac: hmac::Key,
}

impl Authenticator {
    /// Takes over the key as a page shows it: base32, in groups.
    ///
    /// # Panics
    /// It is not base32.
    pub fn new(key: &str) -> Self {
        let key = key.replace(' ', "");
        let bytes = BASE32_NOPAD.decode(key.as_bytes()).expect("a key in base32");
        Self { key, hmac: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes) }
    }

    /// The code that it shows so many steps after `now`.
    ///
    /// # Panics
    /// That is before 1970.
    pub fn code(&self, now: SystemTime, offset: i64) -> String {
        let seconds = now.duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let step = (seconds / STEP).checked_add_signed(offset).expect("after 1970");
        let mac = hmac::sign(&self.hmac, &step.to_be_bytes());
        // RFC 4226, section 5.3: the last four bits say which four bytes count, without their first bit.
        let at = usize::from(mac.as_ref()[19] & 15);
        let part: [u8; 4] = mac.as_ref()[at..at + 4].try_into().expect("four bytes");
        format!("{:06}", (u32::from_be_bytes(part) & 0x7fff_ffff) % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// RFC 6238, appendix B, the last six digits of each.
    #[test]
    fn the_codes_are_those_of_the_rfc() {
        let app = Authenticator::new(&BASE32_NOPAD.encode(b"12345678901234567890"));
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(app.code(UNIX_EPOCH + Duration::from_secs(seconds), 0), code);
        }
    }
}
