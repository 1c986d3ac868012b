//! Public keys as JSON ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517),
//! [RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6)) and their thumbprint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::jws::Algorithm;

/// A public key. Reading one drops every other member, private ones first of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum PublicJwk {
    /// A point on a curve of ECDSA.
    #[serde(rename = "EC")]
    Ec {
        /// `P-256`, `P-384`.
        crv: String,
        /// Its coordinates, in base64url.
        x: String,
        /// The other one.
        y: String,
    },
    /// A key of `EdDSA` ([RFC 8037](https://www.rfc-editor.org/rfc/rfc8037)).
    #[serde(rename = "OKP")]
    Okp {
        /// `Ed25519`.
        crv: String,
        /// The key, in base64url.
        x: String,
    },
    /// A key of RSA.
    #[serde(rename = "RSA")]
    Rsa {
        /// The exponent, in base64url.
        e: String,
        /// The modulus, in base64url.
        n: String,
    },
}

impl PublicJwk {
    /// The SHA-256 thumbprint: base64url of the hash of the required members, in the order of their names
    /// ([RFC 7638 §3](https://www.rfc-editor.org/rfc/rfc7638#section-3)).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // `serde_json` keeps the order in which members are written.
        let members = match self {
            Self::Ec { crv, x, y } => json!({ "crv": crv, "kty": "EC", "x": x, "y": y }),
            Self::Okp { crv, x } => json!({ "crv": crv, "kty": "OKP", "x": x }),
            Self::Rsa { e, n } => json!({ "e": e, "kty": "RSA", "n": n }),
        };
        URL_SAFE_NO_PAD.encode(Sha256::digest(members.to_string().as_bytes()))
    }
}

/// How many keys of a set are read.
pub const MAX_KEYS: usize = 64;

/// A public key with what its owner says of it ([RFC 7517 §4](https://www.rfc-editor.org/rfc/rfc7517#section-4)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The one algorithm that it is meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// What it is meant for: `sig` or `enc`.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub public_key_use: Option<String>,
    /// The key.
    #[serde(flatten)]
    pub key: PublicJwk,
}

impl Jwk {
    /// Whether it is meant for signatures, or at least for nothing else.
    #[must_use]
    pub fn is_for_signatures(&self) -> bool {
        self.public_key_use.as_deref().is_none_or(|word| word == "sig")
    }

    /// The algorithms that it is good for: the one that it is meant for, or all that fit its kind.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        let meant = |algorithm: &Algorithm| self.alg.as_deref().is_none_or(|word| word == algorithm.as_str());
        Algorithm::ALL.into_iter().filter(|algorithm| algorithm.fits(&self.key)).filter(meant)
    }
}

/// A set of public keys ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)). What is no key of a kind that
/// is known here is left out, as that section wants it; so is everything beyond [`MAX_KEYS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Lenient {
            keys: Vec<Value>,
        }
        let all = Lenient::deserialize(deserializer)?.keys.into_iter();
        Ok(Self { keys: all.filter_map(|key| serde_json::from_value(key).ok()).take(MAX_KEYS).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprints_of_the_documents() {
        fn check(jwk: &str, expected: &str) {
            assert_eq!(serde_json::from_str::<PublicJwk>(jwk).unwrap().thumbprint(), expected);
        }
        // RFC 7638 §3.1
        check(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        );
        // RFC 8037 A.3
        check(
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        );
        // RFC 9449 §4.2 and §6.1
        check(
            r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#,
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
        );
    }

    #[test]
    fn a_private_key_is_read_without_its_secret() {
        let read: PublicJwk =
            serde_json::from_str(r#"{"kty":"EC","crv":"P-256","x":"x","y":"y","d":"secret"}"#).unwrap();
        assert!(!serde_json::to_string(&read).unwrap().contains("secret"));
        assert!(serde_json::from_str::<PublicJwk>(r#"{"kty":"oct","k":"secret"}"#).is_err());
    }

    #[test]
    fn of_a_set_what_is_known_here_is_read() {
        let ec =
            r#"{"kty":"EC","crv":"P-256","x":"x","y":"y","kid":"a","alg":"ES256","use":"sig","d":"secret"}"#;
        let set = format!(
            r#"{{"keys":[{ec},{{"kty":"oct","k":"secret"}},{{"kty":"OKP","crv":"Ed25519","x":"x","use":"enc"}},7,{{"kid":1}}]}}"#
        );
        let set: JwkSet = serde_json::from_str(&set).unwrap();
        let read: Vec<_> = set.keys.iter().map(|key| (key.kid.as_deref(), key.is_for_signatures())).collect();
        assert_eq!(read, [(Some("a"), true), (None, false)]);
        assert!(!serde_json::to_string(&set).unwrap().contains("secret"));
        assert_eq!(serde_json::from_value::<JwkSet>(json!(set)).unwrap(), set);
        let many = json!({ "keys": vec![json!(set.keys[0]); MAX_KEYS + 1] });
        assert_eq!(serde_json::from_value::<JwkSet>(many).unwrap().keys.len(), MAX_KEYS);
        for none in ["{}", "[]", r#"{"keys":{}}"#] {
            assert!(serde_json::from_str::<JwkSet>(none).is_err(), "{none}");
        }
    }
}
