//! Checking a proof: what the servers do ([RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3); the numbers
//! of the checks are those of the list there).

use http::{HeaderMap, Method};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::shown_jwk::ShownJwk;
use super::target::Target;
use super::{PROOF_HEADER, TYPE, hash};
use crate::error::ErrorCode;
use crate::json;
use crate::jws::{Algorithm, Verify};
use crate::jwt::{Compact, Text};

/// A longer proof is not read; one with an RSA key of 8,192 bits has some 4,500 bytes.
pub const MAX_PROOF_BYTES: usize = 8 * 1024;

/// `alg` of the proofs that are accepted, as metadata lists them. `Ed25519` is the younger name of `EdDSA` with that curve
/// ([RFC 9864](https://www.rfc-editor.org/rfc/rfc9864)).
pub const ALGORITHMS: [&str; 6] = ["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "RS256"];

/// What a proof has to be about.
#[derive(Debug, Clone, Copy)]
pub struct ProvenRequest<'a> {
    /// The method of the request.
    pub method: &'a Method,
    /// The address it was sent to, as the client knows it.
    pub target: &'a Target,
    /// The access token that came along.
    pub access_token: Option<&'a str>,
}

/// Why a proof does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is none.
    #[error("this needs a DPoP proof")]
    Missing,
    /// There is more than one.
    #[error("there is more than one DPoP header")]
    Several,
    /// It is no signed JWT, or lacks a claim.
    #[error("the DPoP proof cannot be read")]
    Malformed,
    /// It is a JWT of another kind.
    #[error("the DPoP proof does not have the type dpop+jwt")]
    OtherType,
    /// It is signed in a way that is not accepted here.
    #[error("the algorithm of the DPoP proof is not accepted")]
    Algorithm,
    /// A private key is in it.
    #[error("the DPoP proof gives away a private key; do not use that key any more")]
    PrivateKey,
    /// There is no key in it that could be used.
    #[error("the DPoP proof shows no public key that can be used")]
    Key,
    /// The key that it shows has not signed it.
    #[error("the signature of the DPoP proof is wrong")]
    Signature,
    /// It is for another method.
    #[error("the DPoP proof is for another method (htm)")]
    Method,
    /// It is for another address.
    #[error("the DPoP proof is for another URL (htu)")]
    Target,
    /// It is for another access token, or for none.
    #[error("the DPoP proof is not for this access token (ath)")]
    Token,
    /// It proves possession of another key than the one that is asked for.
    #[error("the DPoP proof is by another key than the token or code is bound to")]
    OtherKey,
    /// It has been used.
    #[error("the DPoP proof was used before")]
    Replayed,
    /// By our clock, or what we can remember, it was not made just now; the nonce helps.
    #[error("the DPoP proof was not made just now; use the nonce")]
    Stale,
    /// Without a nonce of ours it does not count.
    #[error("the DPoP proof needs the nonce of this server")]
    NonceWanted,
}

impl ProofError {
    /// The code on the wire ([RFC 9449 §5](https://www.rfc-editor.org/rfc/rfc9449#section-5),
    /// [§8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).
    #[must_use]
    pub fn code(self) -> ErrorCode {
        if self.wants_nonce() { ErrorCode::UseDpopNonce } else { ErrorCode::InvalidDpopProof }
    }

    /// What stopped the request, as a word for whoever keeps account.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing_proof",
            Self::OtherKey => "proof_of_another_key",
            Self::Replayed => "proof_replay",
            Self::Stale => "stale_proof",
            Self::NonceWanted => "proof_without_nonce",
            _ => "invalid_proof",
        }
    }

    /// Whether the answer gives a nonce, with which the same request is good.
    #[must_use]
    pub fn wants_nonce(self) -> bool {
        matches!(self, Self::Stale | Self::NonceWanted)
    }
}

/// What a proof shows, but for its time and whether it was used.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    /// The thumbprint of the key that signed it.
    pub(super) key: String,
    pub(super) id: String,
    /// When it was made, by the client's clock, in seconds since 1970.
    pub(super) made_at: f64,
    pub(super) nonce: Option<String>,
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    typ: Text<'a>,
    #[serde(borrow)]
    alg: Text<'a>,
    #[serde(borrow)]
    jwk: ShownJwk<'a>,
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

/// A claim that comes twice is a mistake; which of the two counted would depend on the reader.
#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    jti: Text<'a>,
    #[serde(borrow)]
    htm: Text<'a>,
    #[serde(borrow)]
    htu: Text<'a>,
    /// JSON knows fractions of seconds, and some clients send them.
    iat: f64,
    #[serde(borrow, default)]
    ath: Option<Text<'a>>,
    #[serde(borrow, default)]
    nonce: Option<Text<'a>>,
}

/// The one proof of a request: check 1.
pub(super) fn presented(headers: &HeaderMap) -> Result<&str, ProofError> {
    let mut lines = headers.get_all(PROOF_HEADER).iter();
    let line = lines.next().ok_or(ProofError::Missing)?;
    if lines.next().is_some() {
        return Err(ProofError::Several);
    }
    line.to_str().map(str::trim).map_err(|_| ProofError::Malformed)
}

/// Checks 2 to 9, and of 12 the hash: all that depends on nothing but the request. What costs little comes first.
pub(super) fn read(proof: &str, about: &ProvenRequest<'_>, verify: Verify) -> Result<Shown, ProofError> {
    const MALFORMED: ProofError = ProofError::Malformed;
    if proof.len() > MAX_PROOF_BYTES {
        return Err(MALFORMED);
    }
    let jwt = Compact::cut(proof).ok_or(MALFORMED)?;
    let (header, payload) = (jwt.header().ok_or(MALFORMED)?, jwt.payload().ok_or(MALFORMED)?);
    let header: Header<'_> = json::object(&header).map_err(|_| MALFORMED)?;
    if header.crit.is_some() {
        return Err(MALFORMED);
    }
    if *header.typ != *TYPE {
        return Err(ProofError::OtherType);
    }
    let algorithm = algorithm(&header.alg).ok_or(ProofError::Algorithm)?;
    if header.jwk.is_private() {
        return Err(ProofError::PrivateKey);
    }
    let key = header.jwk.public().ok_or(ProofError::Key)?;

    let claims: Claims<'_> = json::object(&payload).map_err(|_| MALFORMED)?;
    if claims.jti.is_empty() || claims.iat < 0.0 {
        return Err(MALFORMED);
    }
    if *claims.htm != *about.method.as_str() {
        return Err(ProofError::Method);
    }
    if Target::parse(&claims.htu).as_ref() != Some(about.target) {
        return Err(ProofError::Target);
    }
    if let Some(token) = about.access_token
        && claims.ath.as_deref() != Some(hash(token).as_str())
    {
        return Err(ProofError::Token);
    }
    let signature = jwt.signature().ok_or(MALFORMED)?;
    if !verify(&key, algorithm, jwt.signed.as_bytes(), &signature) {
        return Err(ProofError::Signature);
    }
    Ok(Shown {
        key: key.thumbprint(),
        id: claims.jti.into(),
        made_at: claims.iat,
        nonce: claims.nonce.map(String::from),
    })
}

/// Check 5. Only asymmetric ones exist here, so `none` and `HS256` are no words at all.
fn algorithm(word: &str) -> Option<Algorithm> {
    if !ALGORITHMS.contains(&word) {
        return None;
    }
    if word == "Ed25519" { Some(Algorithm::EdDsa) } else { Algorithm::from_word(word) }
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair as _, UnparsedPublicKey,
    };
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;
    use crate::jwk::PublicJwk;

    /// The proofs of RFC 9449, figures 2 and 13; the access token of the latter; the thumbprint of their key (figure 8).
    const AT_TOKEN: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    const AT_RESOURCE: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    const KEY: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap()
    }

    /// For the two kinds of keys that are used here.
    pub(in crate::dpop) fn verify(
        key: &PublicJwk,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        match (algorithm, key) {
            (Algorithm::Es256, PublicJwk::Ec { crv, x, y }) if crv == "P-256" => {
                let point = [&[4], bytes(x).as_slice(), bytes(y).as_slice()].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (Algorithm::EdDsa, PublicJwk::Okp { x, .. }) => {
                UnparsedPublicKey::new(&ED25519, bytes(x)).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }

    fn read(proof: &str, about: &ProvenRequest<'_>) -> Result<Shown, ProofError> {
        super::read(proof, about, verify)
    }

    #[test]
    fn the_examples_of_the_document() {
        let (token, resource) = (
            target("https://server.example.com/token"),
            target("https://resource.example.org/protectedresource"),
        );
        let about = ProvenRequest { method: &Method::POST, target: &token, access_token: None };
        let expected = Shown {
            key: KEY.to_owned(),
            id: "-BwC3ESc6acc2lTc".to_owned(),
            made_at: 1_562_262_616.0,
            nonce: None,
        };
        assert_eq!(read(AT_TOKEN, &about), Ok(expected));
        let about = ProvenRequest { method: &Method::GET, target: &resource, access_token: Some(TOKEN) };
        assert_eq!(read(AT_RESOURCE, &about).map(|shown| shown.key), Ok(KEY.to_owned()));
        for (about, expected) in [
            (ProvenRequest { method: &Method::POST, ..about }, ProofError::Method),
            (ProvenRequest { target: &token, ..about }, ProofError::Target),
            (ProvenRequest { access_token: Some("another"), ..about }, ProofError::Token),
        ] {
            assert_eq!(read(AT_RESOURCE, &about), Err(expected), "{about:?}");
        }
        // One for the token endpoint is none for a resource.
        let about = ProvenRequest { method: &Method::POST, target: &token, access_token: Some(TOKEN) };
        assert_eq!(read(AT_TOKEN, &about), Err(ProofError::Token));
    }

    /// Whatever letter of a proof is changed, it does not count any more.
    #[test]
    fn no_letter_of_a_proof_can_be_changed() {
        let resource = target("https://resource.example.org/protectedresource");
        let about = ProvenRequest { method: &Method::GET, target: &resource, access_token: Some(TOKEN) };
        for index in 0..AT_RESOURCE.len() {
            for other in ["A", "b", ".", "-", "", "AA", "=", "\u{e9}"] {
                let changed = format!("{}{other}{}", &AT_RESOURCE[..index], &AT_RESOURCE[index + 1..]);
                assert!(changed == AT_RESOURCE || read(&changed, &about).is_err(), "{index}: {changed}");
            }
        }
        for length in 0..AT_RESOURCE.len() {
            assert!(read(&AT_RESOURCE[..length], &about).is_err(), "{length}");
        }
    }

    /// Signs whatever it is told to.
    pub(in crate::dpop) struct Holder {
        pair: EcdsaKeyPair,
    }

    impl Holder {
        pub(in crate::dpop) fn new() -> Self {
            Self { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
        }

        pub(in crate::dpop) fn jwk(&self) -> Value {
            let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
            let text = |bytes| URL_SAFE_NO_PAD.encode(bytes);
            json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) })
        }

        pub(in crate::dpop) fn sign(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    #[test]
    fn each_check_of_the_list() {
        let holder = Holder::new();
        let mcp = target("https://mcp.example/mcp");
        let about = ProvenRequest { method: &Method::POST, target: &mcp, access_token: Some(TOKEN) };
        let header = || json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": holder.jwk() });
        let claims = || json!({ "jti": "1", "htm": "POST", "htu": "https://mcp.example/mcp", "iat": 100, "ath": hash(TOKEN) });
        let check = |change: (&str, &str, Value), expected: Result<(), ProofError>| {
            let (part, name, value) = change;
            let (mut header, mut claims) = (header(), claims());
            let changed = match part {
                "header" => &mut header,
                "jwk" => &mut header["jwk"],
                _ => &mut claims,
            };
            if value == json!("(absent)") {
                changed.as_object_mut().unwrap().remove(name);
            } else {
                changed[name] = value;
            }
            let proof = holder.sign(&header, &claims);
            assert_eq!(read(&proof, &about).map(drop), expected, "{header} {claims}");
        };
        let absent = || json!("(absent)");
        // 3: required claims.
        for name in ["jti", "htm", "htu", "iat"] {
            check(("claims", name, absent()), Err(ProofError::Malformed));
        }
        check(("claims", "jti", json!("")), Err(ProofError::Malformed));
        check(("claims", "iat", json!("100")), Err(ProofError::Malformed));
        check(("claims", "iat", json!(-1)), Err(ProofError::Malformed));
        check(("claims", "iat", json!(100.5)), Ok(()));
        check(("claims", "anything", json!({ "else": [1] })), Ok(()));
        // 4: type.
        check(("header", "typ", json!("at+jwt")), Err(ProofError::OtherType));
        check(("header", "typ", absent()), Err(ProofError::Malformed));
        check(("header", "crit", json!(["b64"])), Err(ProofError::Malformed));
        // 5: algorithm.
        for word in ["none", "HS256", "ES512", "RS512", "es256", ""] {
            check(("header", "alg", json!(word)), Err(ProofError::Algorithm));
        }
        // 6: signature.
        for word in ["ES384", "RS256", "PS256", "EdDSA", "Ed25519"] {
            check(("header", "alg", json!(word)), Err(ProofError::Signature));
        }
        check(("header", "jwk", Holder::new().jwk()), Err(ProofError::Signature));
        check(("jwk", "crv", json!("P-384")), Err(ProofError::Signature));
        check(("jwk", "x", json!("AA")), Err(ProofError::Signature));
        // 7: the key is public.
        check(("jwk", "d", json!("AA")), Err(ProofError::PrivateKey));
        check(("header", "jwk", json!({ "kty": "oct", "k": "AA" })), Err(ProofError::PrivateKey));
        check(("header", "jwk", json!({ "kty": "oct" })), Err(ProofError::Key));
        check(("header", "jwk", absent()), Err(ProofError::Malformed));
        check(("header", "kid", json!("k")), Ok(()));
        // 8 and 9: the request.
        check(("claims", "htm", json!("post")), Err(ProofError::Method));
        check(("claims", "htm", json!("GET")), Err(ProofError::Method));
        check(("claims", "htu", json!("https://mcp.example/mcp/?x#y")), Ok(()));
        check(("claims", "htu", json!("http://mcp.example/mcp")), Err(ProofError::Target));
        check(("claims", "htu", json!("/mcp")), Err(ProofError::Target));
        // 12: the token.
        check(("claims", "ath", absent()), Err(ProofError::Token));
        check(("claims", "ath", json!(TOKEN)), Err(ProofError::Token));

        let proof = holder.sign(&header(), &claims());
        let twice = URL_SAFE_NO_PAD.encode(claims().to_string().replace(r#""jti""#, r#""jti":"2","jti""#));
        let cut = Compact::cut(&proof).unwrap();
        let (start, _) = cut.signed.split_once('.').unwrap();
        assert_eq!(read(&format!("{start}.{twice}.AA"), &about), Err(ProofError::Malformed));
        let long = json!({ "jti": "x".repeat(MAX_PROOF_BYTES), "htm": "POST", "htu": "https://mcp.example/mcp", "iat": 1 });
        assert_eq!(read(&holder.sign(&header(), &long), &about), Err(ProofError::Malformed));
    }

    /// [RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3), check 5: the ways to sign that are offered work.
    #[test]
    fn another_kind_of_key() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mcp = target("https://mcp.example/mcp");
        let about = ProvenRequest { method: &Method::POST, target: &mcp, access_token: None };
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key()) });
        for alg in ["EdDSA", "Ed25519"] {
            let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": jwk });
            let claims = json!({ "jti": "1", "htm": "POST", "htu": "https://mcp.example/mcp", "iat": 100 });
            let signed = format!("{}.{}", part(&header), part(&claims));
            let signature = URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
            assert!(read(&format!("{signed}.{signature}"), &about).is_ok(), "{alg}");
        }
        assert!(ALGORITHMS.iter().all(|word| algorithm(word).is_some()));
    }
}
