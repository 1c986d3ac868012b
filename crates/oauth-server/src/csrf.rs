//! The token in each form: made from the browser's cookie and bound to what the form does, so that no other site and
//! no other page can have it, and nothing has to be stored for it.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a form does; a token for one is no good for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Login,
    Consent,
    Logout,
    Code,
    Passkey,
    App,
    Sessions,
    Password,
    Totp,
    Passkeys,
    AdminPeople,
    AdminPerson,
    AdminClients,
    AdminClient,
    AdminApp,
    Device,
    DeviceConsent,
}

/// The token for a form on the page with this query, in the browser with this cookie.
pub(crate) fn token(cookie: &str, purpose: Purpose, query: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&key(cookie), message(purpose, query).as_bytes()))
}

/// Whether `presented` is that token; in the same time either way.
pub(crate) fn is_valid(presented: &str, cookie: &str, purpose: Purpose, query: &str) -> bool {
    let Ok(presented) = URL_SAFE_NO_PAD.decode(presented) else { return false };
    hmac::verify(&key(cookie), message(purpose, query).as_bytes(), &presented).is_ok()
}

fn key(cookie: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, cookie.as_bytes())
}

fn message(purpose: Purpose, query: &str) -> String {
    format!("{purpose:?}\n{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_for_one_cookie_one_purpose_and_one_page() {
        let good = token("cookie", Purpose::Consent, "client_id=a");
        for (token, cookie, purpose, query, expected) in [
            (good.as_str(), "cookie", Purpose::Consent, "client_id=a", true),
            (&good, "other", Purpose::Consent, "client_id=a", false),
            (&good, "cookie", Purpose::Login, "client_id=a", false),
            (&good, "cookie", Purpose::Consent, "client_id=b", false),
            ("", "cookie", Purpose::Consent, "client_id=a", false),
            ("%", "cookie", Purpose::Consent, "client_id=a", false),
        ] {
            assert_eq!(is_valid(token, cookie, purpose, query), expected);
        }
    }
}
