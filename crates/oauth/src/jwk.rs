//! Public keys as JSON ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517),
//! [RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6)) and their thumbprint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

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
}
