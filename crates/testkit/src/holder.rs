//! Somebody who has a key and proves it ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)), rightly or wrongly.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The holder of a key of P-256.
pub struct Holder {
    pair: EcdsaKeyPair,
    proofs: AtomicUsize,
}

impl Default for Holder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder").field("thumbprint", &self.thumbprint()).finish_non_exhaustive()
    }
}

impl Holder {
    /// Of a new key.
    ///
    /// # Panics
    /// The library cannot make one.
    pub fn new() -> Self {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the library seeds itself");
        Self { pair, proofs: AtomicUsize::new(0) }
    }

    /// The public key.
    pub fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({ "crv": "P-256", "kty": "EC", "x": text(x), "y": text(y) })
    }

    /// Its thumbprint: what tokens name it by.
    pub fn thumbprint(&self) -> String {
        text(&Sha256::digest(self.jwk().to_string()))
    }

    /// A proof for a request, with a `jti` of its own; `token` is the access token that goes along.
    pub fn proof(&self, method: &str, url: &str, token: Option<&str>, now: SystemTime) -> String {
        self.proof_with(method, url, token, now, |_, _| ())
    }

    /// The same with a nonce.
    pub fn proof_for(
        &self,
        nonce: &str,
        method: &str,
        url: &str,
        token: Option<&str>,
        now: SystemTime,
    ) -> String {
        self.proof_with(method, url, token, now, |_, claims| claims["nonce"] = nonce.into())
    }

    /// The same with whatever is done to its header and claims before it is signed.
    pub fn proof_with(
        &self,
        method: &str,
        url: &str,
        token: Option<&str>,
        now: SystemTime,
        change: impl FnOnce(&mut Value, &mut Value),
    ) -> String {
        let number = self.proofs.fetch_add(1, Ordering::Relaxed);
        let iat = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() });
        let mut claims = json!({ "jti": format!("proof {number}"), "htm": method, "htu": url, "iat": iat });
        if let Some(token) = token {
            claims["ath"] = text(&Sha256::digest(token)).into();
        }
        change(&mut header, &mut claims);
        self.sign(&header, &claims)
    }

    /// Signs whatever it is told to.
    ///
    /// # Panics
    /// The library cannot sign.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| text(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("the key is whole");
        format!("{signed}.{}", text(signature.as_ref()))
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
