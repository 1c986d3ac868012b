//! Recovery codes: for whoever has lost the authenticator app. Each is good once; the store has digests only. They are
//! random and long enough (80 bits) that a plain digest gives none of them away.

use data_encoding::BASE32_NOPAD;

use crate::random;
use crate::store::Digest;

const BYTES: usize = 10;
const LETTERS: usize = BYTES * 8 / 5;

/// A new code, as it is shown: four groups of four letters.
pub(crate) fn generate() -> String {
    let text = BASE32_NOPAD.encode(&random::bytes::<BYTES>());
    let groups: Vec<_> = text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    groups.join("-").to_lowercase()
}

/// Under what a code of this user is stored; `None` when the text is none, whoever's.
pub(crate) fn digest(user_id: &str, text: &str) -> Option<Digest> {
    if text.len() > 64 {
        return None;
    }
    let letters: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let letters = letters.to_ascii_uppercase();
    let is_one = letters.len() == LETTERS && BASE32_NOPAD.decode(letters.as_bytes()).is_ok();
    is_one.then(|| random::digest_of(&[b"recovery code", user_id.as_bytes(), letters.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_how_it_is_typed() {
        let code = generate();
        assert_eq!(code.len(), LETTERS + 3);
        let stored = digest("u", &code).unwrap();
        assert_eq!(digest("u", &format!(" {} ", code.to_uppercase().replace('-', " "))), Some(stored));
        assert_ne!(digest("v", &code), Some(stored), "another user's");
        for nonsense in ["", "123456", &code[1..], &code.replace('-', "1"), &"a".repeat(80), "éééé-éééé"]
        {
            assert_eq!(digest("u", nonsense), None, "{nonsense}");
        }
        assert_ne!(generate(), code);
    }
}
