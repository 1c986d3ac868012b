//! What a token costs: seen before, not seen before, bad; bound to a key, with its proof; and the signature check alone,
//! as the yardstick.

use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use barewire_mcp_server::{
    JwkSet, JwtVerifier, Possession, Presented, Principal, TokenVerifier, VerifiedTokens,
};
use barewire_oauth::bearer::BearerError;
use barewire_oauth::dpop::{ProofLimits, Proofs, Target};
use barewire_oauth::resource::Resource;
use barewire_testkit::Holder;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

/// While the token counts.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_799_999_500)
}

fn token_check(criterion: &mut Criterion) {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .expect("the library seeds itself");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref())
        .expect("the key was generated a line above");
    let key = EncodingKey::from_ec_der(pkcs8.as_ref());
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("it is a key for ES256");
    jwk.common.key_id = Some("0iRI1MpR9LWUUGpCwMQ0yu0x1vYzyZ2LCWyIjVKM8RQ".to_owned());
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("at+jwt".to_owned());
    header.kid.clone_from(&jwk.common.key_id);
    // As our own authorization server writes them: 550 bytes.
    let claims = json!({
        "iss": "http://localhost:8000", "sub": "johndoe", "aud": "http://localhost:8000/mcp",
        "exp": 1_800_000_000, "iat": 1_799_999_100, "jti": "o8pVnvUoyZ3JS0nCqSQIVw",
        "client_id": "4fYyXwmRH1o0pQzq7mJ0bN1s6kE2dGhT", "scope": "posts:read posts:write",
        "grant_id": "TgmhnA0lDSPH6pLRbMH5QQ",
    });
    let token = jsonwebtoken::encode(&header, &claims, &key).expect("everything serialises");
    let (signed, signature) = token.rsplit_once('.').expect("a token has dots");

    let mut group = criterion.benchmark_group("token");
    let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
        .expect("it is a key of this kind");
    let bytes = URL_SAFE_NO_PAD.decode(signature).expect("it is base64url");
    group.bench_function("signature alone", |bench| {
        bench.iter(|| public.verify_sig(black_box(signed.as_bytes()), &bytes).expect("it is good"));
    });

    let resource = Resource::parse("http://localhost:8000/mcp").expect("it is one");
    let keys: JwkSet = serde_json::from_value(json!({ "keys": [jwk] })).expect("it is a set of one key");
    let verifier = || JwtVerifier::with_keys("http://localhost:8000", resource.clone(), &keys);
    let cold = verifier();
    group.bench_function("cold", |bench| {
        bench.iter(|| cold.verify(black_box(&token), now()).now_or_never().expect("no key is fetched"));
    });
    let target = Target::parse("http://localhost:8000/mcp").expect("it is one");
    let presenting = |scheme: &str, token: &str, proof: Option<String>| {
        let value = |text: String| HeaderValue::from_str(&text).expect("tokens and proofs are visible ASCII");
        let mut headers = HeaderMap::new();
        headers.insert("authorization", value(format!("{scheme} {token}")));
        headers.extend(proof.map(|proof| (http::HeaderName::from_static("dpop"), value(proof))));
        headers
    };
    let check = |tokens: &VerifiedTokens, headers: &HeaderMap| {
        let request = Presented { method: &Method::POST, target: &target, headers };
        tokens.authenticate(&request, now()).now_or_never().expect("no key is fetched")
    };

    let tokens = remembering(verifier());
    let headers = presenting("Bearer", &token, None);
    group.bench_function("cached", |bench| {
        bench.iter(|| check(&tokens, black_box(&headers)).expect("it is good"));
    });
    let forged = format!("{signed}.{}", "A".repeat(86));
    let elsewhere = token.replacen('.', ".A", 1);
    for (name, bad) in [("forged, again", &forged), ("not of ours", &elsewhere)] {
        let headers = presenting("Bearer", bad, None);
        group.bench_function(name, |bench| {
            bench.iter(|| check(&tokens, black_box(&headers)).expect_err("it is bad"));
        });
    }

    let holder = Holder::new();
    let bound = remembering(Bound(holder.thumbprint()));
    group.bench_function("cached, bound, with a proof", |bench| {
        let prove = || {
            let proof = holder.proof("POST", "http://localhost:8000/mcp", Some(&token), now());
            presenting("DPoP", &token, Some(proof))
        };
        let shown = |headers: HeaderMap| check(&bound, &headers).expect("it is good");
        bench.iter_batched(prove, shown, BatchSize::SmallInput);
    });
    group.finish();
}

fn remembering(verifier: impl TokenVerifier) -> VerifiedTokens {
    let proofs = Proofs::new(&ProofLimits::default(), &[7; 32], barewire_jose::verifies, UNIX_EPOCH);
    let possession = Possession { proofs, required: false };
    VerifiedTokens::new(verifier, 10_000, Duration::from_secs(600), possession)
}

/// Every token is ann's, bound to this key.
struct Bound(String);

impl TokenVerifier for Bound {
    async fn verify(&self, _token: &str, _now: SystemTime) -> Result<Principal, BearerError> {
        let mut principal = Principal::new("ann");
        principal.bound_to = Some(self.0.clone());
        Ok(principal)
    }
}

criterion_group!(benches, token_check);
criterion_main!(benches);
