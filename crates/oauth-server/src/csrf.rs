//! The token in each form: made from the browser's cookie and bound to what the form does, so that no other site and
//! no other page can have it, and nothing has to be stored for it.
//!
//! It is only as good as the cookie. Over plain http a page at another port of this machine can plant one that it knows, and
//! could log somebody in as somebody else with it; so what a browser says of the page that sends a form counts, too.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HOST, ORIGIN, REFERER};
use http::{HeaderMap, HeaderValue};
use url::Url;

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

/// Whether a browser says that a page of another origin sends this: of another site, of a neighbouring host, or of another
/// port ([Fetch Metadata §2.2](https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header); older browsers by `Origin` and
/// `Referer`). `own` is our origin; where it is not `secure`, so is the one that the request names, which is this machine.
pub(crate) fn is_foreign(headers: &HeaderMap, own: &str, secure: bool) -> bool {
    let sites = headers.get_all("sec-fetch-site");
    if sites.iter().any(|site| site != "same-origin" && site != "none") {
        return true;
    }
    let named = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|_| !secure);
    let named = named.map(|host| format!("http://{host}"));
    let is_own = |origin: &str| origin == own || named.as_deref() == Some(origin);
    // Ours want no referrer to be sent, which makes their origin `null`.
    let by_origin = |line: &HeaderValue| line == "null" || line.to_str().is_ok_and(is_own);
    let by_page = |line: &HeaderValue| {
        let url = line.to_str().ok().and_then(|line| Url::parse(line).ok());
        url.is_some_and(|url| is_own(&url.origin().ascii_serialization()))
    };
    // Whoever reaches us by a further name of ours is told apart by the browser better than by us.
    let vouched = sites.iter().any(|site| site == "same-origin");
    let says_ours =
        || headers.get_all(ORIGIN).iter().all(by_origin) && headers.get_all(REFERER).iter().all(by_page);
    !(vouched || says_ours())
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

    #[test]
    fn what_a_browser_says_of_the_page_that_sends_a_form() {
        fn check(headers: &[(&'static str, &str)], secure: bool, foreign: bool) {
            let map = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            let own = if secure { "https://as.example" } else { "http://localhost:8000" };
            assert_eq!(is_foreign(&map.collect(), own, secure), foreign, "{headers:?} {secure}");
        }
        check(&[], true, false);
        for (site, foreign) in
            [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true), ("x", true)]
        {
            check(&[("sec-fetch-site", site)], true, foreign);
            check(&[("sec-fetch-site", site), ("origin", "null")], false, foreign);
        }
        check(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], true, true);
        for (origin, foreign) in [
            ("https://as.example", false),
            ("null", false),
            ("https://as.example:444", true),
            ("http://as.example", true),
            ("https://as.example.evil.example", true),
            ("", true),
        ] {
            check(&[("origin", origin)], true, foreign);
            check(&[("origin", origin), ("sec-fetch-site", "none")], true, foreign);
        }
        check(&[("origin", "https://as.example"), ("origin", "https://evil.example")], true, true);
        check(&[("referer", "https://as.example/login?x")], true, false);
        check(&[("referer", "https://evil.example/https://as.example/")], true, true);
        check(&[("origin", "null"), ("referer", "https://evil.example/")], true, true);
        // Behind a proxy the name in the request is anybody's; on this machine it was looked at before.
        check(&[("host", "other.example"), ("origin", "https://other.example")], true, true);
        check(&[("host", "127.0.0.1:8000"), ("origin", "http://127.0.0.1:8000")], false, false);
        check(&[("host", "localhost:8000"), ("origin", "http://localhost:8001")], false, true);
        check(&[("host", "other.example"), ("sec-fetch-site", "same-origin")], true, false);
    }
}
