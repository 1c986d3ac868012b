//! The keys that sign access tokens, and the `JWKS` that shows their public halves
//! ([RFC 7517 §5](https://datatracker.ietf.org/doc/html/rfc7517#section-5)).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use barewire_oauth::bearer::BearerError;
use barewire_oauth::claims::{ACCESS_TOKEN_TYPE, AccessTokenClaims, Unverified};
use barewire_oauth::jwt::{Compact, Header};
use barewire_oauth::secret::AccessToken;
use barewire_oauth::signing_keys::Turns;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::store::{Secret, SigningKeyRecord, StoreError};

/// The only algorithm: short signatures, and supported everywhere.
pub(crate) const ALGORITHM: &str = "ES256";

/// All keys that count, each of them parsed once.
pub(crate) struct KeyRing {
    /// In the order in which they were added. There is at least one.
    signers: Vec<Signer>,
    verifying: HashMap<Arc<str>, ParsedPublicKey>,
    jwks: Bytes,
}

struct Signer {
    /// Its turn begins.
    from: SystemTime,
    /// The header of every token that it signs, encoded.
    header: String,
    pair: EcdsaKeyPair,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The store.
    #[error("the signing keys cannot be loaded")]
    Store(#[from] StoreError),
    /// A key in it.
    #[error("the signing key {0} in the store cannot be read")]
    Damaged(String),
}

impl KeyRing {
    /// Those of the keys that are published at `now`.
    pub(crate) fn new(records: &[SigningKeyRecord], now: SystemTime) -> Result<Self, KeyError> {
        let times: Vec<_> = records.iter().map(SigningKeyRecord::times).collect();
        let turns = Turns(&times);
        let mut verifying = HashMap::new();
        let mut public = Vec::new();
        let mut signers = Vec::new();
        for (number, record) in records.iter().enumerate() {
            if !turns.state(number, now).is_published() {
                continue;
            }
            let damaged = || KeyError::Damaged(record.kid.clone());
            let pair = key_pair(record).ok_or_else(damaged)?;
            let point = pair.public_key().as_ref();
            let (x, y) = coordinates(&pair).ok_or_else(damaged)?;
            let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| damaged())?;
            verifying.insert(Arc::from(record.kid.as_str()), key);
            public.push(json!({
                "kty": "EC", "crv": "P-256", "use": "sig", "alg": ALGORITHM, "kid": record.kid, "x": x, "y": y
            }));
            let header = json!({ "typ": ACCESS_TOKEN_TYPE, "alg": ALGORITHM, "kid": record.kid });
            let header = URL_SAFE_NO_PAD.encode(header.to_string());
            signers.push(Signer { from: record.signs_from, header, pair });
        }
        if signers.is_empty() {
            return Err(KeyError::Damaged("(none)".to_owned()));
        }
        Ok(Self { signers, verifying, jwks: json!({ "keys": public }).to_string().into() })
    }

    /// The body of `GET /jwks`.
    pub(crate) fn jwks(&self) -> Bytes {
        self.jwks.clone()
    }

    /// A signed access token ([RFC 9068 §2.1](https://datatracker.ietf.org/doc/html/rfc9068#section-2.1)), by the key whose
    /// turn it is when the token is issued.
    pub(crate) fn sign(&self, claims: &AccessTokenClaims) -> Result<AccessToken, SigningError> {
        let issued_at = UNIX_EPOCH + Duration::from_secs(claims.iat);
        // As `Turns::signing` has it, of what was published at the last look.
        let begun = self.signers.iter().filter(|signer| signer.from <= issued_at);
        let begun = begun.max_by_key(|signer| signer.from);
        let signer = begun.or(self.signers.first()).ok_or(SigningError)?;
        let payload = serde_json::to_vec(claims).map_err(|_| SigningError)?;
        let mut token = format!("{}.{}", signer.header, URL_SAFE_NO_PAD.encode(payload));
        let signature = signer.pair.sign(&SystemRandom::new(), token.as_bytes()).map_err(|_| SigningError)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(AccessToken::new(token))
    }

    /// The claims of a token that one of these keys signed.
    ///
    /// What costs little comes first: shape, type, algorithm, key, and then what `admit` finds in the claims. It is
    /// given the signature check as well, and says whether the token is good.
    ///
    /// The algorithm is ours, never the header's choice: `none`, `HS256` with the public key, and keys that the
    /// header brings along all fail.
    pub(crate) fn open(
        &self,
        token: &str,
        admit: impl FnOnce(&Unverified<'_>, &dyn Fn() -> bool) -> Result<(), BearerError>,
    ) -> Result<AccessTokenClaims, BearerError> {
        let jwt = Compact::cut(token).ok_or(BearerError::Invalid)?;
        let header = jwt.header().ok_or(BearerError::Invalid)?;
        let (kid, key) = self.named_in(&header).ok_or(BearerError::Invalid)?;
        let payload = jwt.payload().ok_or(BearerError::Invalid)?;
        let claims = Unverified::parse(&payload)?;
        let signature = jwt.signature().ok_or(BearerError::Invalid)?;
        admit(&claims, &|| key.verify_sig(jwt.signed.as_bytes(), &signature).is_ok())?;
        Ok(AccessTokenClaims { signed_by: Some(kid.clone()), ..claims.verified()? })
    }

    fn named_in(&self, header: &[u8]) -> Option<(&Arc<str>, &ParsedPublicKey)> {
        let header = Header::parse(header)?;
        if *header.alg != *ALGORITHM || !header.is_access_token() {
            return None;
        }
        self.verifying.get_key_value(&*header.kid?)
    }
}

/// The library refused to sign: it has no memory or no entropy.
#[derive(Debug, thiserror::Error)]
#[error("the signature could not be made")]
pub(crate) struct SigningError;

/// A new key, made at `now`, whose turn begins then.
pub(crate) fn generate(now: SystemTime, signs_from: SystemTime, token_ttl: Duration) -> SigningKeyRecord {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .expect("the library seeds itself from the operating system or aborts");
    let mut record = SigningKeyRecord {
        kid: String::new(),
        algorithm: ALGORITHM.to_owned(),
        private_key: Secret::new(document.as_ref().to_vec()),
        created_at: now,
        signs_from,
        token_ttl,
        retired_at: None,
    };
    let (x, y) =
        key_pair(&record).as_ref().and_then(coordinates).expect("the key was generated a few lines above");
    // RFC 7638: the required members in alphabetical order, without blanks.
    let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    record.kid = URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint));
    record
}

fn key_pair(record: &SigningKeyRecord) -> Option<EcdsaKeyPair> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, record.private_key.expose()).ok()
}

/// The public point, in base64url.
fn coordinates(pair: &EcdsaKeyPair) -> Option<(String, String)> {
    let (x, y) = pair.public_key().as_ref().strip_prefix(&[4])?.split_at_checked(32)?;
    Some((URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y)))
}

#[cfg(test)]
pub(crate) mod tests {
    use barewire_oauth::claims::Audience;
    use barewire_oauth::scope::ScopeSet;
    use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, encode};

    use super::*;

    pub(crate) fn ring(generations: usize) -> (KeyRing, Vec<SigningKeyRecord>) {
        // The first signs at the time of the claims below; the turns of others are over.
        let begins = |generation: usize| 900 - 60 * u64::try_from(generation).unwrap();
        let records: Vec<_> = (0..generations).map(|generation| made(begins(generation))).collect();
        (KeyRing::new(&records, UNIX_EPOCH + Duration::from_secs(1_000)).unwrap(), records)
    }

    fn made(signs_from: u64) -> SigningKeyRecord {
        generate(UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(signs_from), Duration::from_secs(900))
    }

    pub(crate) fn claims() -> AccessTokenClaims {
        AccessTokenClaims {
            iss: "https://as.example".into(),
            sub: "johndoe".into(),
            aud: Audience::One("https://rs.example/mcp".into()),
            exp: 2_000,
            iat: 1_000,
            nbf: None,
            jti: "j".into(),
            client_id: "c".into(),
            scope: ScopeSet::parse("posts:read").unwrap(),
            auth_time: None,
            grant_id: Some("g".into()),
            cnf: None,
            act: None,
            signed_by: None,
        }
    }

    /// Whoever's signature is good is let in.
    fn open(ring: &KeyRing, token: &str) -> Option<AccessTokenClaims> {
        let opened = ring.open(token, |_, is_genuine| is_genuine().then_some(()).ok_or(BearerError::Invalid));
        let opened = opened.ok()?;
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
        assert!(String::from_utf8(header).unwrap().contains(opened.signed_by.as_deref()?), "another key");
        Some(AccessTokenClaims { signed_by: None, ..opened })
    }

    fn coordinates(record: &SigningKeyRecord) -> (String, String) {
        super::coordinates(&key_pair(record).unwrap()).unwrap()
    }

    /// Signed by this record's key, with a header that says where to find a key that fits.
    fn encode_pointing(kid: Option<&str>, record: &SigningKeyRecord, name: &str) -> String {
        let (x, y) = coordinates(record);
        let own = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        let value = match name {
            "jwk" => own,
            "x5c" => json!(["MIIB"]),
            _ => json!("https://evil.example/keys"),
        };
        let mut header = json!({ "alg": ALGORITHM, "typ": ACCESS_TOKEN_TYPE, "kid": kid });
        header[name] = value;
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(&header), part(&serde_json::to_value(claims()).unwrap()));
        let key = EncodingKey::from_ec_der(record.private_key.expose());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::ES256).unwrap();
        format!("{message}.{signature}")
    }

    fn encode_with(alg: Algorithm, typ: &str, kid: Option<&str>, key: &EncodingKey) -> String {
        let mut header = Header::new(alg);
        header.typ = Some(typ.to_owned());
        header.kid = kid.map(str::to_owned);
        encode(&header, &claims(), key).unwrap()
    }

    #[test]
    fn only_our_own_signature_opens() {
        let (ring, records) = ring(2);
        let token = ring.sign(&claims()).unwrap();
        assert_eq!(open(&ring, token.expose()), Some(claims()));
        // Somebody else's reader agrees.
        let (x, y) = coordinates(&records[0]);
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.set_audience(&["https://rs.example/mcp"]);
        let key = DecodingKey::from_ec_components(&x, &y).unwrap();
        let read = jsonwebtoken::decode::<serde_json::Value>(token.expose(), &key, &validation).unwrap();
        assert_eq!(read.claims, serde_json::to_value(claims()).unwrap());
        assert_eq!(read.header.typ.as_deref(), Some(ACCESS_TOKEN_TYPE));

        let ours = EncodingKey::from_ec_der(records[0].private_key.expose());
        let old = EncodingKey::from_ec_der(records[1].private_key.expose());
        let foreign = EncodingKey::from_ec_der(made(0).private_key.expose());
        let (x, _) = coordinates(&records[0]);
        let kid = Some(records[0].kid.as_str());
        let body = token.expose().split('.').nth(1).unwrap().to_owned();
        let none =
            URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","typ":"at+jwt","kid":"{}"}}"#, records[0].kid));
        for (what, token, opens) in [
            ("ours", encode_with(Algorithm::ES256, "at+jwt", kid, &ours), true),
            ("media type spelled out", encode_with(Algorithm::ES256, "application/AT+JWT", kid, &ours), true),
            (
                "the key before, whose turn is over",
                encode_with(Algorithm::ES256, "at+jwt", Some(&records[1].kid), &old),
                true,
            ),
            (
                "another kid of ours",
                encode_with(Algorithm::ES256, "at+jwt", Some(&records[1].kid), &ours),
                false,
            ),
            ("an id token", encode_with(Algorithm::ES256, "JWT", kid, &ours), false),
            ("no kid", encode_with(Algorithm::ES256, "at+jwt", None, &ours), false),
            ("a foreign kid", encode_with(Algorithm::ES256, "at+jwt", Some("x"), &foreign), false),
            ("a foreign key under our kid", encode_with(Algorithm::ES256, "at+jwt", kid, &foreign), false),
            (
                "HS256 with the public key",
                encode_with(Algorithm::HS256, "at+jwt", kid, &EncodingKey::from_secret(x.as_bytes())),
                false,
            ),
            ("alg none", format!("{none}.{body}."), false),
            (
                "alg none with our signature",
                format!("{none}.{body}.{}", token.expose().rsplit('.').next().unwrap()),
                false,
            ),
            ("nonsense", "a.b.c".into(), false),
            ("nothing", String::new(), false),
        ] {
            assert_eq!(open(&ring, &token).is_some(), opens, "{what}");
        }
    }

    #[test]
    fn a_header_does_not_choose_the_key() {
        let (ring, records) = ring(1);
        let kid = Some(records[0].kid.as_str());
        let foreign = made(0);
        for name in ["jku", "x5u", "jwk", "x5c"] {
            for kid in [kid, Some("evil"), Some(foreign.kid.as_str()), None] {
                assert_eq!(open(&ring, &encode_pointing(kid, &foreign, name)), None, "{name} {kid:?}");
            }
            // The very same with our own key is fine: it is not the pointer that is refused.
            assert!(open(&ring, &encode_pointing(kid, &records[0], name)).is_some(), "{name}");
        }
    }

    #[test]
    fn a_claim_cannot_be_changed_under_its_signature() {
        let (ring, _) = ring(1);
        let token = ring.sign(&claims()).unwrap();
        let parts: Vec<_> = token.expose().split('.').collect();
        let changed = |change: fn(&mut AccessTokenClaims)| {
            let mut claims = claims();
            change(&mut claims);
            URL_SAFE_NO_PAD.encode(serde_json::to_string(&claims).unwrap())
        };
        for payload in [
            changed(|claims| claims.sub = "janedoe".into()),
            changed(|claims| claims.exp = 1 << 40),
            changed(|claims| claims.aud = Audience::One("https://rs.example/other".into())),
            changed(|claims| claims.scope = ScopeSet::parse("posts:read posts:write").unwrap()),
            changed(|claims| claims.grant_id = Some("h".into())),
            changed(|claims| claims.jti = "k".into()),
        ] {
            assert_eq!(open(&ring, &format!("{}.{payload}.{}", parts[0], parts[2])), None);
        }
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        let der_like = URL_SAFE_NO_PAD.encode([&[0x30, 0x44][..], &signature].concat());
        for signature in ["", "AAAA", &URL_SAFE_NO_PAD.encode([0; 64]), &der_like, &parts[2][1..]] {
            assert_eq!(open(&ring, &format!("{}.{}.{signature}", parts[0], parts[1])), None, "{signature}");
        }
        for text in [
            format!("{}.{}", parts[0], parts[1]),
            format!("{}.", token.expose()),
            format!(" {}", token.expose()),
            format!("{}\0", token.expose()),
            format!("{}={}", &token.expose()[..token.expose().len() - 1], "="),
        ] {
            assert_eq!(open(&ring, &text), None, "{text}");
        }
    }

    #[test]
    fn each_signs_in_its_turn() {
        let records = [made(2_000), made(1_000)];
        let ring = KeyRing::new(&records, UNIX_EPOCH + Duration::from_secs(1_500)).unwrap();
        let jwks = String::from_utf8(ring.jwks().to_vec()).unwrap();
        for (iat, signs) in [(10, 0), (1_000, 1), (1_999, 1), (2_000, 0), (9_000, 0)] {
            let token = ring.sign(&AccessTokenClaims { iat, ..claims() }).unwrap();
            let header = URL_SAFE_NO_PAD.decode(token.expose().split('.').next().unwrap()).unwrap();
            let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
            assert_eq!(header["kid"], records[signs].kid.as_str(), "{iat}");
            assert!(open(&ring, token.expose()).is_some() && jwks.contains(&records[signs].kid));
        }
    }

    #[test]
    fn public_halves_are_shown_and_private_ones_are_not() {
        let (ring, records) = ring(2);
        let jwks: serde_json::Value = serde_json::from_slice(&ring.jwks()).unwrap();
        assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
        assert_eq!(jwks["keys"][0]["kid"], records[0].kid.as_str());
        assert!(jwks["keys"][0].get("d").is_none());
    }
}
