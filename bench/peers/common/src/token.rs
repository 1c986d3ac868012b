//! An ES256 key made at start, one token signed with it, and its public half for whoever verifies.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};

/// The scope that the token carries.
pub const SCOPE: &str = "bench";

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub client_id: String,
    pub scope: String,
    pub iat: u64,
    pub exp: u64,
}

/// A token and the key to check it with.
pub struct Issued {
    /// Good for an hour.
    pub token: String,
    /// The public key as PEM (SubjectPublicKeyInfo).
    pub public_pem: String,
}

/// Makes a key and signs one token for `audience`.
pub fn issue(issuer: String, audience: String) -> Result<Issued> {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref())?;
    let public: PublicKeyX509Der = pair.public_key().as_der()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = Claims {
        iss: issuer,
        aud: audience,
        sub: "johndoe".to_owned(),
        client_id: "bench".to_owned(),
        scope: SCOPE.to_owned(),
        iat: now,
        exp: now + 3600,
    };
    let header = Header { typ: Some("at+jwt".to_owned()), ..Header::new(Algorithm::ES256) };
    let token = encode(&header, &claims, &EncodingKey::from_ec_der(key.as_ref()))?;
    Ok(Issued { token, public_pem: pem(public.as_ref())? })
}

fn pem(der: &[u8]) -> Result<String> {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(std::str::from_utf8).collect::<Result<_, _>>()?;
    if lines.is_empty() {
        return Err(anyhow!("the public key is empty"));
    }
    Ok(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")))
}
