//! What the check of our own access tokens costs beside the signature alone.

use std::hint::black_box;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use barewire_oauth::claims::{AccessTokenClaims, Audience, seconds};
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::store::{Keys as _, Secret, SigningKeyRecord, Swap};
use barewire_oauth_server::{AuthorizationServer, Issued};
use barewire_store::Store;
use barewire_testkit::TempDir;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::{Algorithm, EncodingKey, Header};

const ISSUER: &str = "http://localhost:8000";
const RESOURCE: &str = "http://localhost:8000/mcp";
const KID: &str = "0iRI1MpR9LWUUGpCwMQ0yu0x1vYzyZ2LCWyIjVKM8RQ";

fn access_token(criterion: &mut Criterion) {
    let now = SystemTime::now();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .expect("the library seeds itself");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref())
        .expect("the key was generated a line above");
    let claims = AccessTokenClaims {
        iss: ISSUER.to_owned(),
        sub: "johndoe".to_owned(),
        aud: Audience::One(RESOURCE.to_owned()),
        exp: seconds(now) + 3_600,
        iat: seconds(now),
        nbf: None,
        jti: "o8pVnvUoyZ3JS0nCqSQIVw".to_owned(),
        client_id: "4fYyXwmRH1o0pQzq7mJ0bN1s6kE2dGhT".to_owned(),
        scope: ScopeSet::from_tokens(["posts:read", "posts:write"]),
        auth_time: None,
        grant_id: Some("TgmhnA0lDSPH6pLRbMH5QQ".to_owned()),
        cnf: None,
        act: None,
        signed_by: None,
    };
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(KID.to_owned());
    let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(pkcs8.as_ref()))
        .expect("everything serialises");
    let (signed, signature) = token.rsplit_once('.').expect("a token has dots");

    // A whole authorization server, which finds in its store the key that the token is signed with.
    let dir = TempDir::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = runtime.block_on(async {
        let store = Store::open(dir.join("auth.sqlite")).await.expect("the directory is new");
        let record = SigningKeyRecord {
            kid: KID.to_owned(),
            algorithm: "ES256".to_owned(),
            private_key: Secret::new(pkcs8.as_ref().to_vec()),
            created_at: now,
            signs_from: now,
            token_ttl: std::time::Duration::from_secs(900),
            retired_at: None,
        };
        assert_eq!(store.insert_signing_key(&[], &record).await.expect("the store works"), Swap::Done);
        let server = AuthorizationServer::builder(ISSUER, Arc::new(store)).resource(RESOURCE);
        server.scope("posts:read", "Read").build().await.expect("the settings are the defaults")
    });
    let (tokens, resource) = (server.access_tokens(), [Resource::parse(RESOURCE).expect("it is one")]);

    let mut group = criterion.benchmark_group("access token");
    let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
        .expect("it is a key of this kind");
    let bytes = URL_SAFE_NO_PAD.decode(signature).expect("it is base64url");
    group.bench_function("signature alone", |bench| {
        bench.iter(|| public.verify_sig(black_box(signed.as_bytes()), &bytes).expect("it is good"));
    });
    group.bench_function("cold", |bench| {
        bench.iter(|| tokens.verify(black_box(&token), &resource, now).expect("it is good"));
    });
    group.bench_function("whether it was revoked", |bench| {
        let grant = claims.grant_id.as_deref();
        let token = Issued {
            id: &claims.jti,
            subject: &claims.sub,
            client_id: &claims.client_id,
            grant_id: grant,
            at: claims.iat,
            scope: &claims.scope,
            signed_by: Some(KID),
        };
        bench.iter(|| tokens.standing(black_box(&token)));
    });
    let forged = format!("{signed}.{}", "A".repeat(86));
    group.bench_function("forged, again", |bench| {
        bench.iter(|| tokens.verify(black_box(&forged), &resource, now).expect_err("it is forged"));
    });
    group.finish();
}

criterion_group!(benches, access_token);
criterion_main!(benches);
