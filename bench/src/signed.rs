//! An access token signed with ES256, to be checked cold, and the signature check that no cold check can undercut.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
};
use barewire_mcp_server::{JwtVerifier, Principal, TokenVerifier as _};
use barewire_oauth::resource::Resource;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde_json::json;

/// A token as our own authorization server writes them (550 bytes), and who can check it.
pub struct SignedToken {
    token: String,
    verifier: JwtVerifier,
    public: ParsedPublicKey,
    /// Of the signature, decoded.
    signature: Vec<u8>,
    decoding_key: DecodingKey,
}

const ISSUER: &str = "http://localhost:8000";
const RESOURCE: &str = "http://localhost:8000/mcp";
const EXPIRES: u64 = 1_800_000_000;

impl SignedToken {
    /// With a new key.
    ///
    /// # Errors
    /// When a library refuses what it made itself.
    pub fn new() -> Result<Self> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref())?;
        let key = EncodingKey::from_ec_der(pkcs8.as_ref());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        jwk.common.key_id = Some("0iRI1MpR9LWUUGpCwMQ0yu0x1vYzyZ2LCWyIjVKM8RQ".to_owned());
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".to_owned());
        header.kid.clone_from(&jwk.common.key_id);
        let claims = json!({
            "iss": ISSUER, "sub": "johndoe", "aud": RESOURCE, "exp": EXPIRES, "iat": EXPIRES - 900,
            "jti": "o8pVnvUoyZ3JS0nCqSQIVw", "client_id": "4fYyXwmRH1o0pQzq7mJ0bN1s6kE2dGhT",
            "scope": "posts:read posts:write", "grant_id": "TgmhnA0lDSPH6pLRbMH5QQ",
        });
        let token = jsonwebtoken::encode(&header, &claims, &key)?;
        let signature = URL_SAFE_NO_PAD.decode(cut(&token)?.1)?;
        let decoding_key = DecodingKey::from_jwk(&jwk)?;
        let keys = serde_json::from_value(json!({ "keys": [jwk] }))?;
        let verifier = JwtVerifier::with_keys(ISSUER, Resource::parse(RESOURCE)?, &keys);
        let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())?;
        Ok(Self { token, verifier, public, signature, decoding_key })
    }

    /// The whole check of our server, of a token that it has not seen before: no memory of tokens is in front.
    ///
    /// # Errors
    /// When it is refused, which a good token is not.
    pub fn verify(&self) -> Result<Principal> {
        let checked = self.verifier.verify(&self.token, while_it_counts()).now_or_never();
        Ok(checked.context("keys that are there are not waited for")??)
    }

    /// The signature alone, with a key that is parsed and a signature that is decoded: the least that it can cost.
    ///
    /// # Errors
    /// When it is refused.
    pub fn verify_signature(&self) -> Result<()> {
        let (signed, _) = cut(&self.token)?;
        self.public.verify_sig(signed.as_bytes(), &self.signature).context("the signature is refused")
    }

    /// The signature alone, as `jsonwebtoken` checks it: it parses the key and decodes the signature each time.
    ///
    /// # Errors
    /// When it is refused.
    pub fn verify_signature_with_jsonwebtoken(&self) -> Result<()> {
        let (signed, signature) = cut(&self.token)?;
        let (key, algorithm) = (&self.decoding_key, Algorithm::ES256);
        let good = jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, algorithm)?;
        ensure!(good, "the signature is refused");
        Ok(())
    }
}

/// What is signed, and the signature.
fn cut(token: &str) -> Result<(&str, &str)> {
    token.rsplit_once('.').context("a token has dots")
}

fn while_it_counts() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(EXPIRES - 500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_checks_are_of_the_same_token() {
        let mut signed = SignedToken::new().unwrap();
        assert_eq!(signed.verify().unwrap().subject, "johndoe");
        signed.verify_signature().unwrap();
        signed.verify_signature_with_jsonwebtoken().unwrap();

        // None of them gets by without looking at the signature.
        let other = SignedToken::new().unwrap();
        let forged = format!("{}.{}", cut(&signed.token).unwrap().0, cut(&other.token).unwrap().1);
        (signed.token, signed.signature) = (forged, other.signature);
        assert!(signed.verify().is_err());
        assert!(signed.verify_signature().is_err());
        assert!(signed.verify_signature_with_jsonwebtoken().is_err());
    }
}
