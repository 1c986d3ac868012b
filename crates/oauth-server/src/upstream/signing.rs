//! This server's own signature at a provider (`private_key_jwt`).

use barewire_oauth::jws::{Algorithm, SignError, Signer};
use barewire_oauth::secret::PrivateKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;

/// Signs with a key that is written as PEM.
pub(crate) struct Pem;

impl Signer for Pem {
    fn sign(&self, key: &PrivateKey, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let pem = key.expose().as_bytes();
        let key = match algorithm {
            Algorithm::Es256 | Algorithm::Es384 => EncodingKey::from_ec_pem(pem),
            Algorithm::EdDsa => EncodingKey::from_ed_pem(pem),
            _ => EncodingKey::from_rsa_pem(pem),
        };
        let unusable = |_| SignError(format!("it is no key in PEM that signs with {}", algorithm.as_str()));
        let key = key.map_err(unusable)?;
        let text = jsonwebtoken::crypto::sign(message, &key, theirs(algorithm)).map_err(unusable)?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| SignError("the signature cannot be read".to_owned()))
    }
}

fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Es384 => jsonwebtoken::Algorithm::ES384,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Rs384 => jsonwebtoken::Algorithm::RS384,
        Algorithm::Rs512 => jsonwebtoken::Algorithm::RS512,
        Algorithm::Ps256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::Ps384 => jsonwebtoken::Algorithm::PS384,
        Algorithm::Ps512 => jsonwebtoken::Algorithm::PS512,
    }
}
