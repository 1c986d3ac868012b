//! Whoever signs: a client, an identity provider, an attacker.

use std::time::UNIX_EPOCH;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::world::World;

pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(crate) struct SigningKey {
    pair: EcdsaKeyPair,
    /// The public half.
    pub(crate) jwk: Value,
}

impl SigningKey {
    pub(crate) fn new(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": x, "y": y });
        Self { pair, jwk }
    }

    pub(crate) fn set(&self) -> Value {
        json!({ "keys": [self.jwk] })
    }

    /// Signed with ES256, whatever the header says.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// With these claims laid over; `null` takes one away.
    pub(crate) fn sign_with(&self, header: &Value, claims: Value, changes: &Value) -> String {
        self.sign(header, &changed(claims, changes))
    }

    /// What `client` says of itself.
    pub(crate) fn client(&self, world: &World, client: &str, id: &str) -> String {
        self.client_with(world, client, id, &json!({}))
    }

    pub(crate) fn client_with(&self, world: &World, client: &str, id: &str, changes: &Value) -> String {
        let now = now(world);
        let claims = json!({
            "iss": client, "sub": client, "aud": world.server.issuer(), "iat": now, "exp": now + 60, "jti": id
        });
        self.sign_with(&json!({ "alg": "ES256", "kid": self.jwk["kid"] }), claims, changes)
    }
}

pub(crate) fn changed(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

pub(crate) fn now(world: &World) -> u64 {
    world.clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
