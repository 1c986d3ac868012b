//! Private keys: read from PEM or JWK, made anew, and used for signatures. The only place of this crate that computes
//! with one.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use barewire_oauth::client_assertion::ClientKey;
use barewire_oauth::dpop::ProofKey;
use barewire_oauth::jwk::PublicJwk;
use barewire_oauth::jws::{Algorithm, SignError, Signer};
use barewire_oauth::secret::PrivateKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pem::{EncodeConfig, LineEnding, Pem};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Signs with whatever key it is given: of P-256, P-384, Ed25519 or RSA, as PEM or JWK.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keys;

impl Signer for Keys {
    fn sign(&self, key: &PrivateKey, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Key::read(key.expose())?.sign(algorithm, message)
    }
}

/// A new key for one login's tokens.
pub(crate) fn new_proof_key() -> Result<ProofKey, SignError> {
    let failed = |_| SignError("no new key could be made".to_owned());
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
    let document = pair.to_pkcs8v1().map_err(failed)?;
    // 0x04 and the two coordinates.
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let lines = EncodeConfig::new().set_line_ending(LineEnding::LF);
    Ok(ProofKey {
        private: PrivateKey::new(pem::encode_config(&Pem::new("PRIVATE KEY", document.as_ref()), lines)),
        public: PublicJwk::Ec {
            crv: "P-256".to_owned(),
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        },
    })
}

/// Reads a client's key. What a JWK says of itself (`alg`, `kid`) counts where nothing else was said.
///
/// # Errors
/// [`SignError`]: it is no key that [`Keys`] could sign with, or not by this algorithm.
pub fn client_key(
    text: &PrivateKey,
    algorithm: Option<Algorithm>,
    key_id: Option<String>,
) -> Result<ClientKey, SignError> {
    let key = Key::read(text.expose())?;
    let said = Jwk::read(text.expose()).ok();
    let said_algorithm = said.as_ref().and_then(|jwk| Algorithm::from_word(jwk.alg.as_deref()?));
    let usual = key.algorithms()[0];
    let algorithm = algorithm.or(said_algorithm).unwrap_or(usual);
    if !key.algorithms().contains(&algorithm) {
        let words: Vec<_> = key.algorithms().iter().map(|algorithm| algorithm.as_str()).collect();
        return Err(SignError(format!("it signs with {}, not {}", words.join(" or "), algorithm.as_str())));
    }
    let key_id = key_id.or_else(|| said?.kid);
    Ok(ClientKey { private: text.clone(), algorithm, key_id, certificate: None })
}

enum Key {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    fn read(text: &str) -> Result<Self, SignError> {
        if text.trim_start().starts_with('{') { Jwk::read(text)?.key() } else { Self::from_pem(text) }
    }

    /// PKCS #8, or the older forms for RSA and elliptic curves; the first key of a file that may hold certificates too.
    fn from_pem(text: &str) -> Result<Self, SignError> {
        let blocks =
            pem::parse_many(text).map_err(|_| SignError("it is neither PEM nor a JWK".to_owned()))?;
        let found = blocks.iter().find_map(|block| {
            let der = block.contents();
            match block.tag() {
                "PRIVATE KEY" => Some(Self::from_pkcs8(der)),
                "RSA PRIVATE KEY" => Some(RsaKeyPair::from_der(der).ok().map(Self::Rsa)),
                "EC PRIVATE KEY" => {
                    Some(Self::on_a_curve(|alg| EcdsaKeyPair::from_private_key_der(alg, der).ok()))
                }
                _ => None,
            }
        });
        let unknown = "it is no key of P-256, P-384, Ed25519, or RSA with 2048 to 8192 bits";
        match found {
            Some(key) => key.ok_or_else(|| SignError(unknown.to_owned())),
            None if blocks.iter().any(|block| block.tag() == "ENCRYPTED PRIVATE KEY") => {
                Err(SignError("it is encrypted; decrypt it first".to_owned()))
            }
            None => Err(SignError("there is no private key in it".to_owned())),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        Self::on_a_curve(|alg| EcdsaKeyPair::from_pkcs8(alg, der).ok())
            .or_else(|| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self::Ed25519))
            .or_else(|| RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa))
    }

    fn on_a_curve(read: impl Fn(&'static EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair>) -> Option<Self> {
        read(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map(Self::P256)
            .or_else(|| read(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Self::P384))
    }

    /// How it can sign; the usual one first.
    fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::P256(_) => &[Algorithm::Es256],
            Self::P384(_) => &[Algorithm::Es384],
            Self::Ed25519(_) => &[Algorithm::EdDsa],
            Self::Rsa(_) => &[Algorithm::Rs256, Algorithm::Ps256],
        }
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError("signing failed".to_owned());
        match (self, algorithm) {
            (Self::P256(pair), Algorithm::Es256) | (Self::P384(pair), Algorithm::Es384) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            (Self::Ed25519(pair), Algorithm::EdDsa) => Ok(pair.sign(message).as_ref().to_vec()),
            (Self::Rsa(pair), Algorithm::Rs256 | Algorithm::Ps256) => {
                let padding: &'static dyn RsaEncoding =
                    if algorithm == Algorithm::Rs256 { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            _ => Err(SignError(format!("it does not sign with {}", algorithm.as_str()))),
        }
    }
}

/// A private key as JSON ([RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6)).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    d: Number,
    #[serde(default)]
    x: Number,
    #[serde(default)]
    y: Number,
    #[serde(default)]
    n: Number,
    #[serde(default)]
    e: Number,
    #[serde(default)]
    p: Number,
    #[serde(default)]
    q: Number,
    #[serde(default)]
    dp: Number,
    #[serde(default)]
    dq: Number,
    #[serde(default)]
    qi: Number,
}

/// Bytes in base64url.
#[derive(Default)]
struct Number(Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(serde::de::Error::custom)?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

impl Jwk {
    fn read(text: &str) -> Result<Self, SignError> {
        // The parser's own message could repeat a part of the key.
        serde_json::from_str(text).map_err(|_| SignError("it is no private key as JWK".to_owned()))
    }

    fn key(&self) -> Result<Key, SignError> {
        let rejected = |_| SignError("its numbers do not fit together".to_owned());
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => self.on_a_curve(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Key::P256),
            ("EC", Some("P-384")) => self.on_a_curve(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Key::P384),
            ("OKP", Some("Ed25519")) => Ed25519KeyPair::from_seed_and_public_key(&self.d.0, &self.x.0)
                .map(Key::Ed25519)
                .map_err(rejected),
            ("RSA", _) => RsaKeyPair::from_components(&KeyPairComponents {
                public_key: PublicKeyComponents { n: self.n.0.as_slice(), e: self.e.0.as_slice() },
                d: self.d.0.as_slice(),
                p: self.p.0.as_slice(),
                q: self.q.0.as_slice(),
                dP: self.dp.0.as_slice(),
                dQ: self.dq.0.as_slice(),
                qInv: self.qi.0.as_slice(),
            })
            .map(Key::Rsa)
            .map_err(rejected),
            _ => Err(SignError("it is no key of P-256, P-384, Ed25519 or RSA".to_owned())),
        }
    }

    fn on_a_curve(&self, alg: &'static EcdsaSigningAlgorithm) -> Result<EcdsaKeyPair, SignError> {
        let point = [&[4], self.x.0.as_slice(), self.y.0.as_slice()].concat();
        EcdsaKeyPair::from_private_key_and_public_key(alg, &self.d.0, &point)
            .map_err(|_| SignError("its numbers do not fit together".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
    };

    use super::*;

    macro_rules! key {
        ($name:literal) => {
            PrivateKey::new(include_str!(concat!("../tests/keys/", $name)))
        };
    }

    fn public(key: &Key) -> Vec<u8> {
        match key {
            Key::P256(pair) | Key::P384(pair) => pair.public_key().as_ref().to_vec(),
            Key::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Key::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    #[test]
    fn every_form_of_a_key_is_the_same_key() {
        for forms in [
            vec![key!("p256.pem"), key!("p256-sec1.pem"), key!("p256.jwk.json")],
            vec![key!("p256-parameters.pem")],
            vec![key!("p384.pem"), key!("p384.jwk.json")],
            vec![key!("ed25519.pem"), key!("ed25519.jwk.json")],
            vec![key!("rsa.pem"), key!("rsa-pkcs1.pem"), key!("rsa.jwk.json")],
        ] {
            let expected = public(&Key::read(forms[0].expose()).unwrap());
            for form in &forms {
                let key = Key::read(form.expose()).unwrap();
                assert_eq!(public(&key), expected);
                for algorithm in key.algorithms() {
                    let verifier: &dyn VerificationAlgorithm = match algorithm {
                        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
                        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
                        Algorithm::EdDsa => &ED25519,
                        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                        other => panic!("none of these keys signs with {other:?}"),
                    };
                    let signature = Keys.sign(form, *algorithm, b"message").unwrap();
                    UnparsedPublicKey::new(verifier, &expected).verify(b"message", &signature).unwrap();
                }
            }
        }
    }

    /// [RFC 8037 A.4](https://www.rfc-editor.org/rfc/rfc8037#appendix-A.4)
    #[test]
    fn the_example_of_rfc_8037() {
        let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = Keys.sign(&PrivateKey::new(jwk), Algorithm::EdDsa, message).unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn what_is_said_of_a_key_has_to_fit_it() {
        for (key, algorithm, key_id, expected) in [
            (key!("p256.pem"), None, None, Ok((Algorithm::Es256, None))),
            (key!("rsa.pem"), None, None, Ok((Algorithm::Rs256, None))),
            (key!("rsa.pem"), Some(Algorithm::Ps256), Some("k"), Ok((Algorithm::Ps256, Some("k")))),
            (key!("rsa.jwk.json"), None, None, Ok((Algorithm::Ps256, Some("r1")))),
            (key!("rsa.jwk.json"), Some(Algorithm::Rs256), Some("k"), Ok((Algorithm::Rs256, Some("k")))),
            (key!("p256.pem"), Some(Algorithm::Rs256), None, Err("it signs with ES256, not RS256")),
            (key!("ed25519.pem"), Some(Algorithm::Es256), None, Err("it signs with EdDSA, not ES256")),
            (key!("encrypted.pem"), None, None, Err("it is encrypted; decrypt it first")),
            (key!("public.pem"), None, None, Err("there is no private key in it")),
            (key!("k256.pem"), None, None, Err("it is no key of")),
            (key!("rsa1024.pem"), None, None, Err("it is no key of")),
            ("".into(), None, None, Err("there is no private key in it")),
            ("not a key".into(), None, None, Err("there is no private key in it")),
            (
                "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----".into(),
                None,
                None,
                Err("neither PEM"),
            ),
            (r#"{"kty":"oct","k":"c2VjcmV0"}"#.into(), None, None, Err("it is no key of")),
            (
                r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}"#.into(),
                None,
                None,
                Err("do not fit"),
            ),
            (r#"{"kty":"EC","crv":"P-256","d":7}"#.into(), None, None, Err("no private key as JWK")),
        ] {
            let read = client_key(&key, algorithm, key_id.map(str::to_owned));
            match (read, expected) {
                (Ok(read), Ok((algorithm, key_id))) => {
                    assert_eq!((read.algorithm, read.key_id.as_deref()), (algorithm, key_id));
                }
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
                (read, expected) => panic!("{read:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_new_key_signs_what_its_public_half_verifies() {
        let (key, other) = (new_proof_key().unwrap(), new_proof_key().unwrap());
        assert_ne!(key.public, other.public);
        let PublicJwk::Ec { x, y, .. } = &key.public else { panic!("{:?}", key.public) };
        let coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let point = [vec![4], coordinate(x), coordinate(y)].concat();
        let signature = Keys.sign(&key.private, Algorithm::Es256, b"message").unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(b"message", &signature).unwrap();
    }
}
