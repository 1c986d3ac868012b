//! Masking: what never enters an exchange, and how it is found.
//!
//! Three nets, one behind the other. (1) *Places*: header lines, query and form parameters and JSON members whose
//! names are in the tables of [`names`]. (2) *Shape*: anything that looks like a JSON Web Token. (3) *Memory*: what
//! was a secret once in this recorder is one everywhere, also inside an error message that echoes it.
//!
//! A mask is `••••` and, for long random secrets, four hex digits of their SHA-256: enough to see that the code of
//! the callback is the code of the token request, and nothing to find it by. Passwords get no digits.

mod form;
mod headers;
mod json;
mod jwt;
pub mod names;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::exchange::DecodedToken;
use names::Kind;

/// What stands where a secret was.
pub const MASK: &str = "••••";
/// What stands in the middle of a value that is shown in part.
pub const ELLIPSIS: &str = "…";

/// How many secrets one recorder remembers; the oldest leave first.
pub const MAX_KNOWN: usize = 512;
/// A shorter text is not searched for elsewhere: it would blank out ordinary words.
const MIN_KNOWN_LENGTH: usize = 12;
/// Long enough to be random, so that four digits of its hash say nothing.
const MIN_FINGERPRINT_LENGTH: usize = 16;

/// Masks texts and remembers what was secret. Clones share the memory; one per recorder.
#[derive(Clone, Default)]
pub struct Masker {
    known: Arc<Mutex<VecDeque<Zeroizing<String>>>>,
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masker").field("known", &self.known().len()).finish()
    }
}

/// What a pass over one text found beside the text.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) tokens: Vec<DecodedToken>,
}

impl Masker {
    /// A masker that knows no secret yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers a secret, so that it is masked wherever it shows up. Short ones are not remembered.
    pub fn learn(&self, secret: &str) {
        if secret.len() < MIN_KNOWN_LENGTH {
            return;
        }
        let mut known = self.known();
        if known.iter().any(|other| other.as_str() == secret) {
            return;
        }
        known.push_back(Zeroizing::new(secret.to_owned()));
        while known.len() > MAX_KNOWN {
            known.pop_front();
        }
    }

    /// Masks a URL: user information, and the parameters of query and fragment.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        self.url_found(url, "url", &mut Found::default())
    }

    /// Masks a text of unknown shape: tokens and remembered secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.scrub(text, "text", &mut Found::default())
    }

    pub(crate) fn url_found(&self, url: &str, place: &str, found: &mut Found) -> String {
        let masked = form::mask_url(self, url, place, found);
        self.scrub(&masked, place, found)
    }

    pub(crate) fn header(&self, name: &str, value: &str, place: &str, found: &mut Found) -> String {
        let masked = headers::mask(self, name, value, place, found);
        self.scrub(&masked, place, found)
    }

    pub(crate) fn body(&self, media_type: &str, text: &str, place: &str, found: &mut Found) -> String {
        let looks_like_json = text.trim_start().starts_with(['{', '[']);
        let masked = if media_type == "application/x-www-form-urlencoded" && !looks_like_json {
            form::mask_pairs(self, text, place, found)
        } else {
            json::mask(self, text, place, found)
        };
        self.scrub(&masked, place, found)
    }

    /// [`Masker::body`] for a text that goes on where we stopped: what may be the first half of a secret is taken away.
    pub(crate) fn beginning(&self, media_type: &str, text: &str, place: &str, found: &mut Found) -> String {
        let mut end = text.len();
        for secret in self.known().iter() {
            let longest = secret.len().min(text.len());
            let overlap =
                (4..longest).rev().find(|&n| secret.is_char_boundary(n) && text.ends_with(&secret[..n]));
            end = end.min(text.len() - overlap.unwrap_or(0));
        }
        end = end.min(jwt::start_of_unfinished(text).unwrap_or(end));
        self.body(media_type, &text[..end], place, found)
    }

    /// The mask of one value that a table calls a secret; remembers it.
    fn replace(&self, kind: Kind, value: &str, place: &str, found: &mut Found) -> String {
        if value.is_empty() {
            return String::new();
        }
        match kind {
            Kind::Partly => return shorten(value),
            Kind::Guessable => return MASK.to_owned(),
            Kind::Random => {}
        }
        self.learn(value);
        let mask = fingerprint(value);
        if let Some(token) = jwt::decode(value) {
            found.tokens.push(token.at(place, &mask));
        }
        mask
    }

    /// The last two nets: tokens by their shape, and what is remembered.
    fn scrub(&self, text: &str, place: &str, found: &mut Found) -> String {
        let mut text = jwt::mask_all(self, text, place, found);
        for secret in self.known().iter() {
            for form in spellings(secret) {
                if text.contains(form.as_str()) {
                    text = text.replace(form.as_str(), &fingerprint(secret));
                }
            }
        }
        text
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<Zeroizing<String>>> {
        // The queue is only ever inserted into and removed from; a panic elsewhere leaves it whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a secret can be written: as it is, percent-encoded, and as a JSON string.
fn spellings(secret: &str) -> Vec<Zeroizing<String>> {
    let mut forms = vec![Zeroizing::new(secret.to_owned())];
    let encoded = [
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        serde_json::Value::from(secret).to_string().trim_matches('"').to_owned(),
    ];
    for form in encoded {
        if !forms.iter().any(|known| known.as_str() == form) {
            forms.push(Zeroizing::new(form));
        }
    }
    forms
}

fn fingerprint(secret: &str) -> String {
    if secret.len() < MIN_FINGERPRINT_LENGTH {
        return MASK.to_owned();
    }
    let digest = Sha256::digest(secret.as_bytes());
    format!("{MASK}{:02x}{:02x}", digest[0], digest[1])
}

/// Four characters on each side of a long value, the mask for a short one.
fn shorten(value: &str) -> String {
    let chars: Vec<char> = value.chars().collect();
    if chars.len() < 16 {
        return MASK.to_owned();
    }
    let start: String = chars[..4].iter().collect();
    let end: String = chars[chars.len() - 4..].iter().collect();
    format!("{start}{ELLIPSIS}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_everywhere_once_it_was_seen() {
        let masker = Masker::new();
        masker.learn("an/opaque+token=12345");
        for text in [
            "token an/opaque+token=12345 expired",
            "?t=an%2Fopaque%2Btoken%3D12345&x",
            "\"an/opaque+token=12345\"",
        ] {
            let masked = masker.text(text);
            assert!(masked.contains(MASK) && !masked.contains("opaque"), "{masked}");
        }
        assert_eq!(masker.clone().text("an/opaque+token=12345"), masker.text("an/opaque+token=12345"));
    }

    #[test]
    fn short_words_are_not_hunted_down() {
        let masker = Masker::new();
        masker.learn("secret");
        assert_eq!(masker.text("a secret place"), "a secret place");
    }

    #[test]
    fn memory_is_bounded() {
        let masker = Masker::new();
        for i in 0..MAX_KNOWN + 10 {
            masker.learn(&format!("a-long-enough-secret-{i}"));
        }
        assert_eq!(masker.known().len(), MAX_KNOWN);
        assert!(masker.text("a-long-enough-secret-0!").contains("secret-0"), "the oldest are forgotten");
    }

    #[test]
    fn masks_can_be_matched() {
        assert_eq!(fingerprint("0123456789abcdef"), fingerprint("0123456789abcdef"));
        assert_ne!(fingerprint("0123456789abcdef"), fingerprint("0123456789abcdeg"));
        assert_eq!(fingerprint("short"), MASK);
        assert_eq!(shorten("abcdefghijklmnopqrst"), "abcd…qrst");
        assert_eq!(shorten("abc"), MASK);
    }
}
