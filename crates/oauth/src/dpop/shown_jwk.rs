//! The key in a proof.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::jwk::PublicJwk;
use crate::jwt::Text;

/// A key in a message whose sender says it is his own. It has to be public, and nothing more: whoever shows a private one
/// has lost it, and a symmetric one proves nothing.
#[derive(Deserialize)]
pub(super) struct ShownJwk<'a> {
    #[serde(borrow)]
    kty: Text<'a>,
    #[serde(borrow, default)]
    crv: Option<Text<'a>>,
    #[serde(borrow, default)]
    x: Option<Text<'a>>,
    #[serde(borrow, default)]
    y: Option<Text<'a>>,
    #[serde(borrow, default)]
    n: Option<Text<'a>>,
    #[serde(borrow, default)]
    e: Option<Text<'a>>,
    #[serde(default, deserialize_with = "present")]
    d: bool,
    #[serde(default, deserialize_with = "present")]
    p: bool,
    #[serde(default, deserialize_with = "present")]
    q: bool,
    #[serde(default, deserialize_with = "present")]
    dp: bool,
    #[serde(default, deserialize_with = "present")]
    dq: bool,
    #[serde(default, deserialize_with = "present")]
    qi: bool,
    #[serde(default, deserialize_with = "present")]
    oth: bool,
    #[serde(default, deserialize_with = "present")]
    k: bool,
}

/// A member counts as there whatever its value is.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl ShownJwk<'_> {
    /// Whether a member is there that only a private or a symmetric key has
    /// ([RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6)).
    pub(super) fn is_private(&self) -> bool {
        self.d || self.p || self.q || self.dp || self.dq || self.qi || self.oth || self.k
    }

    /// The key; `None` for a private one, a kind that is not known here, or without one of its numbers.
    pub(super) fn public(self) -> Option<PublicJwk> {
        if self.is_private() {
            return None;
        }
        Some(match &*self.kty {
            "EC" => PublicJwk::Ec { crv: self.crv?.into(), x: self.x?.into(), y: self.y?.into() },
            "OKP" => PublicJwk::Okp { crv: self.crv?.into(), x: self.x?.into() },
            "RSA" => PublicJwk::Rsa { e: self.e?.into(), n: self.n?.into() },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_key_is_public_or_none() {
        fn check(jwk: &str, private: bool, expected: bool) {
            let shown: ShownJwk<'_> = serde_json::from_str(jwk).unwrap();
            assert_eq!(shown.is_private(), private, "{jwk}");
            assert_eq!(shown.public().is_some(), expected, "{jwk}");
        }
        check(r#"{"kty":"EC","crv":"P-256","x":"x","y":"y","kid":"k","use":"sig"}"#, false, true);
        check(r#"{"kty":"OKP","crv":"Ed25519","x":"x"}"#, false, true);
        check(r#"{"kty":"RSA","n":"n","e":"e"}"#, false, true);
        check(r#"{"kty":"EC","crv":"P-256","x":"x"}"#, false, false);
        check(r#"{"kty":"AKP"}"#, false, false);
        check(r#"{"kty":"oct","k":"c2VjcmV0"}"#, true, false);
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            for value in [r#""x""#, "null", "[]", "{}"] {
                check(
                    &format!(r#"{{"kty":"EC","crv":"P-256","x":"x","y":"y","{name}":{value}}}"#),
                    true,
                    false,
                );
            }
        }
        for none in ["{}", "[]", r#"{"kty":"EC","x":1}"#, r#"{"kty":"EC","kty":"RSA"}"#] {
            assert!(serde_json::from_str::<ShownJwk<'_>>(none).is_err(), "{none}");
        }
    }
}
