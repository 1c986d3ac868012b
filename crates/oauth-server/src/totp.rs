//! Secrets of authenticator apps, and the codes that they make of them. The rule is `barewire_oauth::totp`'s.

use aws_lc_rs::hmac;
use barewire_oauth::totp;
use data_encoding::BASE32_NOPAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::{Color, EcLevel, QrCode};

use crate::random;
use crate::store::Secret;

/// A new secret.
pub(crate) fn secret() -> Secret {
    Secret::new(random::bytes::<{ totp::SECRET }>().to_vec())
}

/// HMAC-SHA-1 of a step under this secret.
pub(crate) fn mac(secret: &Secret) -> impl Fn(&[u8; 8]) -> [u8; totp::SECRET] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose());
    move |step| {
        let tag = hmac::sign(&key, step);
        tag.as_ref().try_into().expect("HMAC-SHA-1 has twenty bytes")
    }
}

/// The secret as a person types it: base32, in groups of four.
pub(crate) fn key_text(secret: &Secret) -> String {
    let text = BASE32_NOPAD.encode(secret.expose());
    let groups: Vec<_> = text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    groups.join(" ")
}

/// What an app reads out of the picture
/// ([Key URI format](https://github.com/google/google-authenticator/wiki/Key-Uri-Format)).
pub(crate) fn key_uri(secret: &Secret, issuer: &str, user: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    // The colon parts issuer and account; one within a name would part them elsewhere.
    let (issuer, user) = (encode(&issuer.replace(':', " ")), encode(&user.replace(':', " ")));
    let key = BASE32_NOPAD.encode(secret.expose());
    let (digits, period) = (totp::DIGITS, totp::STEP.as_secs());
    format!(
        "otpauth://totp/{issuer}:{user}?secret={key}&issuer={issuer}&algorithm=SHA1&digits={digits}&period={period}"
    )
}

/// A picture of squares: how many there are on each side, and where the dark ones are, as an SVG path.
pub(crate) struct Picture {
    pub(crate) size: usize,
    pub(crate) path: String,
}

/// The QR code of a text; `None` when it is too long for one.
pub(crate) fn picture(text: &str) -> Option<Picture> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let size = code.width();
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let path = dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % size, at / size)).collect();
    Some(Picture { size, path })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238 appendix B, to six digits.
        let secret = Secret::new(b"12345678901234567890".to_vec());
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let now = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(totp::accept(code, 0, now, mac(&secret)), Ok(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn what_an_app_reads() {
        let secret = Secret::new(b"12345678901234567890".to_vec());
        assert_eq!(key_text(&secret), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let uri = key_uri(&secret, "A: Blog", "jo&hn");
        assert_eq!(
            uri,
            "otpauth://totp/A%20%20Blog:jo%26hn?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=A%20%20Blog\
             &algorithm=SHA1&digits=6&period=30"
        );
        let picture = picture(&uri).unwrap();
        assert!(picture.size >= 21 && picture.path.starts_with("M0 0h1v1h-1z"));
        assert!(super::picture(&"x".repeat(5_000)).is_none());
    }
}
