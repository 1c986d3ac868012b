//! One public key, parsed once.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
};
use barewire_oauth::jwk::PublicJwk;
use barewire_oauth::jws::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A public key and the one algorithm that it is used with here.
#[derive(Debug)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
}

impl VerifyingKey {
    /// Reads the key for this algorithm; `None` when it is of another kind or cannot be read. Moduli of RSA have from
    /// 2,048 to 8,192 bits.
    #[must_use]
    pub fn new(key: &PublicJwk, algorithm: Algorithm) -> Option<Self> {
        if !algorithm.fits(key) {
            return None;
        }
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let parsed = match key {
            PublicJwk::Ec { x, y, .. } => {
                let point = [&[4][..], &bytes(x)?, &bytes(y)?].concat();
                match algorithm {
                    Algorithm::Es256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point),
                    _ => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point),
                }
            }
            PublicJwk::Okp { x, .. } => ParsedPublicKey::new(&ED25519, bytes(x)?),
            PublicJwk::Rsa { e, n } => {
                let without_zeros = |text: &str| {
                    let bytes = bytes(text)?;
                    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
                    Some(bytes[zeros..].to_vec())
                };
                let (n, e) = (without_zeros(n)?, without_zeros(e)?);
                // The library looks at the size only when it verifies.
                if !RSA_MODULUS_BYTES.contains(&n.len()) {
                    return None;
                }
                let key = RsaPublicKeyComponents { n, e };
                key.to_parsed_public_key(rsa(algorithm)?)
            }
        };
        Some(Self { algorithm, parsed: parsed.ok()? })
    }

    /// What it verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether this is its owner's signature of `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

/// Whether this is the signature of `message` by the holder of a key that is seen once ([`Verify`](barewire_oauth::jws::Verify)).
#[must_use]
pub fn verifies(key: &PublicJwk, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    VerifyingKey::new(key, algorithm).is_some_and(|key| key.verifies(message, signature))
}

/// Moduli from 2,048 to 8,192 bits.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return None,
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::*;

    #[test]
    fn a_signature_is_good_for_its_message_and_key_only() {
        let pair = || {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
            let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
            (PublicJwk::Ec { crv: "P-256".to_owned(), x, y }, pair)
        };
        let ((one, signer), (other, _)) = (pair(), pair());
        let signature = signer.sign(&SystemRandom::new(), b"message").unwrap();
        let key = VerifyingKey::new(&one, Algorithm::Es256).unwrap();
        assert!(key.verifies(b"message", signature.as_ref()));
        assert!(!key.verifies(b"massage", signature.as_ref()));
        assert!(!key.verifies(b"message", b""));
        assert!(
            !VerifyingKey::new(&other, Algorithm::Es256).unwrap().verifies(b"message", signature.as_ref())
        );
        for algorithm in Algorithm::ALL.into_iter().filter(|one| *one != Algorithm::Es256) {
            assert!(VerifyingKey::new(&one, algorithm).is_none(), "{algorithm:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        let key = |json: &str| serde_json::from_str::<PublicJwk>(json).unwrap();
        for (json, algorithm) in [
            (r#"{"kty":"EC","crv":"P-256","x":"","y":""}"#, Algorithm::Es256),
            (r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"%"}"#, Algorithm::Es256),
            (r#"{"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA"}"#, Algorithm::Es256),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#, Algorithm::EdDsa),
            // About 1,200 bits
            (
                r#"{"kty":"RSA","e":"AQAB","n":"wVoXvbWvWkWBCqG1XgPyB0EvUqT5n4ePTD1k4QXb4cX8Dk1nZ7eWlbQgC3lQqzqC0qVqvJp5yNnkq6cLQ0H0kP9gYt3n4kEw9sT8Ff5cXr2mJ1yq7uH3bZ6aRVd0oLiTxGgN5Uj8Pm2YwSvEzI4KfCtBhA9D7Xe1QnMlWp3RrOs"}"#,
                Algorithm::Rs256,
            ),
        ] {
            assert!(VerifyingKey::new(&key(json), algorithm).is_none(), "{json}");
        }
    }
}
