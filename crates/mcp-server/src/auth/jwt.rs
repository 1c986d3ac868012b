//! Access tokens that are JWTs, verified with the issuer's keys: those of
//! [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068), and what identity providers issue instead.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barewire_jose::{IssuerKeys, KeySource, NoKey};
use barewire_oauth::bearer::BearerError;
use barewire_oauth::claims::{Expected, Unverified};
use barewire_oauth::external::{OwnNames, TokenProfile};
use barewire_oauth::forgery::{Forgeries, ForgeryLimits};
use barewire_oauth::jwk::JwkSet;
use barewire_oauth::jws::Algorithm;
use barewire_oauth::jwt::{Compact, Header, Text};
use barewire_oauth::resource::Resource;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::{Principal, TokenVerifier};

/// Verifies JWT access tokens of one issuer for one server. The audience is checked always; there is no way to
/// leave it out.
pub struct JwtVerifier {
    issuer: String,
    names: OwnNames,
    /// How the issuer writes its tokens, if not as RFC 9068 says.
    profile: Option<TokenProfile>,
    leeway: Duration,
    algorithms: Vec<Algorithm>,
    keys: Arc<IssuerKeys>,
    forgeries: Forgeries,
}

impl JwtVerifier {
    /// Verifies with keys that never change.
    ///
    /// `issuer` is compared byte for byte with `iss`; `resource` is this server's own identifier.
    #[must_use]
    pub fn with_keys(issuer: impl Into<String>, resource: Resource, keys: &JwkSet) -> Self {
        Self::new(issuer.into(), resource, IssuerKeys::fixed(keys))
    }

    /// Verifies with keys that are fetched when they are first needed, when a token names an unknown one (at most
    /// twice a minute), and every quarter of an hour. While they cannot be fetched, the known ones stay in use, for a
    /// day.
    #[must_use]
    pub fn with_source(issuer: impl Into<String>, resource: Resource, source: impl KeySource) -> Self {
        Self::new(issuer.into(), resource, IssuerKeys::fetched(source))
    }

    fn new(issuer: String, resource: Resource, keys: IssuerKeys) -> Self {
        Self {
            issuer,
            names: OwnNames::of(resource),
            profile: None,
            leeway: Duration::from_secs(10),
            algorithms: vec![Algorithm::Es256],
            keys: Arc::new(keys),
            forgeries: Forgeries::new(ForgeryLimits::default()),
        }
    }

    /// Also accepts tokens for another identifier of this same server, wherever they are shown: that of `/sse`
    /// ([`McpServerBuilder::sse_transport`](crate::McpServerBuilder::sse_transport)), say. Never one of another server,
    /// whose tokens would count here then.
    #[must_use]
    pub fn also_for(mut self, resource: Resource) -> Self {
        self.names.add_resource(resource);
        self
    }

    /// Also accepts tokens for a name of this server that is no URL of it, byte for byte: what an identity provider calls
    /// the application that this server is there (`api://mcp`, a GUID). Never one of another application.
    #[must_use]
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.names.add(name);
        self
    }

    /// How the issuer writes its tokens; as RFC 9068 says, unless said otherwise. With the words of RFC 9068 the type has to
    /// be `at+jwt`; a profile may take others, and then what is known of ID tokens and their like is refused.
    #[must_use]
    pub fn profile(mut self, profile: TokenProfile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Which signatures are accepted; ES256 alone unless said otherwise.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// How far the issuer's clock may be off; 10 seconds unless said otherwise.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// What forged tokens may cost.
    #[must_use]
    pub fn forgery_limits(mut self, limits: ForgeryLimits) -> Self {
        self.forgeries = Forgeries::new(limits);
        self
    }
}

impl JwtVerifier {
    /// Whose tokens it verifies.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A token as RFC 9068 has it. What anybody could have written is refused without a copy of anything.
    async fn verify_plain(&self, signed: &Signed<'_>, now: SystemTime) -> Result<Principal, BearerError> {
        let claims = Unverified::parse(&signed.payload)?;
        let resources = self.names.resources();
        claims.check(&Expected { issuer: &self.issuer, resources, leeway: self.leeway }, now)?;
        self.check_signature(signed, claims.caller(), now).await?;
        let mut principal = Principal::from(claims.verified()?);
        let Others(others) = serde_json::from_slice(&signed.payload).map_err(|_| BearerError::Invalid)?;
        principal.claims = others;
        Ok(principal)
    }

    async fn verify_profiled(
        &self,
        profile: &TokenProfile,
        signed: &Signed<'_>,
        now: SystemTime,
    ) -> Result<Principal, BearerError> {
        let claims = profile.read_payload(&signed.payload)?;
        claims.check(&self.issuer, &self.names, self.leeway, now)?;
        self.check_signature(signed, claims.caller(), now).await?;
        Ok(Principal::from(claims))
    }

    async fn check_signature(
        &self,
        signed: &Signed<'_>,
        caller: [&str; 3],
        now: SystemTime,
    ) -> Result<(), BearerError> {
        let signature = signed.jwt.signature().ok_or(BearerError::Invalid)?;
        let key = self.keys.find(signed.key_id, signed.algorithm, now).await.map_err(|none| match none {
            NoKey::Unknown => BearerError::Invalid,
            NoKey::Unavailable => BearerError::Unavailable,
        })?;
        let is_genuine = || key.verifies(signed.jwt.signed.as_bytes(), &signature);
        let checked = self.forgeries.check(signed.token, caller, now, is_genuine);
        if checked.is_err()
            && let Some(count) = self.forgeries.turned_away(now)
        {
            tracing::warn!(count, "a flood of forged tokens: some tokens were not looked at");
        }
        checked
    }
}

/// A token, taken apart.
struct Signed<'a> {
    token: &'a str,
    jwt: Compact<'a>,
    payload: Vec<u8>,
    algorithm: Algorithm,
    key_id: Option<&'a str>,
}

impl TokenVerifier for JwtVerifier {
    /// Checks type, algorithm, issuer, audience, times, key and signature, in this order: what costs little comes
    /// first ([RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4) demands all and no order).
    async fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, BearerError> {
        let jwt = Compact::cut(token).ok_or(BearerError::Invalid)?;
        let header = jwt.header().ok_or(BearerError::Invalid)?;
        let header = Header::parse(&header).ok_or(BearerError::Invalid)?;
        let algorithm = Algorithm::from_word(&header.alg).ok_or(BearerError::Invalid)?;
        let takes = match &self.profile {
            Some(profile) => profile.takes(&header),
            None => header.is_access_token(),
        };
        if !takes || !self.algorithms.contains(&algorithm) {
            return Err(BearerError::Invalid);
        }
        let payload = jwt.payload().ok_or(BearerError::Invalid)?;
        let signed = Signed { token, jwt, payload, algorithm, key_id: header.kid.as_deref() };
        match &self.profile {
            Some(profile) => self.verify_profiled(profile, &signed, now).await,
            None if self.names.are_resources_only() => self.verify_plain(&signed, now).await,
            None => self.verify_profiled(&TokenProfile::rfc9068(), &signed, now).await,
        }
    }

    fn takes_tokens_for(&self, resource: &Resource) -> bool {
        self.names.cover(resource)
    }
}

/// The claims that have no field of their own in a [`Principal`].
struct Others(Map<String, Value>);

impl<'de> Deserialize<'de> for Others {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Leaving;

        impl<'de> Visitor<'de> for Leaving {
            type Value = Others;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("claims")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut claims: A) -> Result<Others, A::Error> {
                let mut others = Map::new();
                while let Some(name) = claims.next_key::<Text<'de>>()? {
                    match &*name {
                        "sub" | "aud" | "exp" | "iat" | "nbf" | "jti" | "client_id" | "scope"
                        | "grant_id" | "cnf" => {
                            claims.next_value::<IgnoredAny>()?;
                        }
                        _ => drop(others.insert(name.into(), claims.next_value()?)),
                    }
                }
                Ok(Others(others))
            }
        }

        deserializer.deserialize_map(Leaving)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::UNIX_EPOCH;

    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        RsaKeyPair,
    };
    use barewire_jose::KeysUnavailable;
    use barewire_oauth::dpop::{ProofLimits, Proofs};
    use barewire_oauth::forgery::ForgeryLimits;
    use barewire_oauth::jwk::Jwk;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    use super::*;
    use crate::auth::{Possession, VerifiedTokens};

    struct Issuer {
        key: EncodingKey,
        jwk: Jwk,
    }

    fn issuer(id: &str) -> Issuer {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let key = EncodingKey::from_ec_der(pkcs8.as_ref());
        let mut jwk = public_half(&key, Algorithm::Es256);
        jwk.kid = Some(id.to_owned());
        Issuer { key, jwk }
    }

    /// As the library that signs names it.
    fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
        algorithm.as_str().parse().unwrap()
    }

    fn public_half(key: &EncodingKey, algorithm: Algorithm) -> Jwk {
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(key, theirs(algorithm)).unwrap();
        serde_json::from_value(json!(jwk)).unwrap()
    }

    fn claims() -> Value {
        json!({
            "iss": "https://as.example", "sub": "ann", "aud": "https://a.example/mcp", "client_id": "c", "jti": "j",
            "iat": 1_000, "exp": 2_000, "scope": "read write", "grant_id": "g", "tenant": "acme",
        })
    }

    impl Issuer {
        fn token(&self, id: Option<&str>, typ: &str, claims: &Value) -> String {
            let mut header = Header::new(jsonwebtoken::Algorithm::ES256);
            header.typ = Some(typ.to_owned());
            header.kid = id.map(str::to_owned);
            jsonwebtoken::encode(&header, claims, &self.key).unwrap()
        }
    }

    fn resource() -> Resource {
        Resource::parse("https://a.example/mcp").unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn a_token_for_this_resource_and_no_other() {
        let one = issuer("k1");
        let keys = JwkSet { keys: vec![one.jwk.clone(), issuer("k2").jwk] };
        let verifier = JwtVerifier::with_keys("https://as.example", resource(), &keys);
        let with = |name: &str, value: Value| {
            let mut changed = claims();
            changed[name] = value;
            changed
        };
        let good = one.token(Some("k1"), "at+jwt", &claims());
        let principal = verifier.verify(&good, at(1_500)).await.unwrap();
        assert_eq!((principal.subject.as_str(), principal.client_id.as_deref()), ("ann", Some("c")));
        assert_eq!((principal.grant_id.as_deref(), principal.expires_at), (Some("g"), Some(at(2_000))));
        assert_eq!((principal.token_id.as_deref(), principal.issued_at), (Some("j"), Some(at(1_000))));
        assert!(principal.scopes.contains("write"));
        assert_eq!(Value::Object(principal.claims), json!({ "iss": "https://as.example", "tenant": "acme" }));

        let mut forged = good.clone();
        forged.replace_range(good.len() - 4.., "AAAA");
        let none = {
            use base64::Engine as _;
            let part =
                |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.", part(json!({ "alg": "none", "typ": "at+jwt" })), part(claims()))
        };
        for (token, now, expected) in [
            (one.token(Some("k1"), "application/AT+JWT", &claims()), 1_500, None),
            (one.token(Some("k1"), "JWT", &claims()), 1_500, Some(BearerError::Invalid)),
            (one.token(Some("k2"), "at+jwt", &claims()), 1_500, Some(BearerError::Invalid)),
            (one.token(Some("k9"), "at+jwt", &claims()), 1_500, Some(BearerError::Invalid)),
            (one.token(None, "at+jwt", &claims()), 1_500, Some(BearerError::Invalid)),
            (issuer("k1").token(Some("k1"), "at+jwt", &claims()), 1_500, Some(BearerError::Invalid)),
            (forged, 1_500, Some(BearerError::Invalid)),
            (none, 1_500, Some(BearerError::Invalid)),
            ("not a token".into(), 1_500, Some(BearerError::Invalid)),
            (good.clone(), 2_010, Some(BearerError::Expired)),
            (good, 2_009, None),
            (
                one.token(Some("k1"), "at+jwt", &with("aud", json!("https://b.example"))),
                1_500,
                Some(BearerError::WrongAudience),
            ),
            (
                one.token(Some("k1"), "at+jwt", &with("iss", json!("https://as.example/"))),
                1_500,
                Some(BearerError::WrongIssuer),
            ),
            (one.token(Some("k1"), "at+jwt", &with("aud", json!(null))), 1_500, Some(BearerError::Invalid)),
        ] {
            assert_eq!(verifier.verify(&token, at(now)).await.err(), expected, "{token}");
        }
    }

    #[tokio::test]
    async fn a_server_of_two_names_takes_tokens_for_both_and_no_third() {
        let one = issuer("k1");
        let keys = JwkSet { keys: vec![one.jwk.clone()] };
        let sse = Resource::parse("https://a.example/sse").unwrap();
        let strict = || JwtVerifier::with_keys("https://as.example", resource(), &keys);
        let both = strict().also_for(sse);
        let check = async |verifier: &JwtVerifier, audience: Value, expected: Option<BearerError>| {
            let mut claims = claims();
            claims["aud"] = audience;
            let token = one.token(Some("k1"), "at+jwt", &claims);
            assert_eq!(verifier.verify(&token, at(1_500)).await.err(), expected, "{claims}");
        };
        let wrong = || Some(BearerError::WrongAudience);
        check(&both, json!("https://a.example/mcp"), None).await;
        check(&both, json!("https://a.example/sse"), None).await;
        check(&both, json!(["https://b.example", "https://a.example/sse"]), None).await;
        check(&both, json!("https://a.example/messages"), wrong()).await;
        check(&both, json!("https://a.example"), wrong()).await;
        check(&both, json!([]), wrong()).await;
        check(&strict(), json!("https://a.example/sse"), wrong()).await;
    }

    /// What a provider writes, under the key that signs its ID tokens, too.
    #[tokio::test]
    async fn a_token_of_an_identity_provider_by_its_profile() {
        let one = issuer("k1");
        let keys = JwkSet { keys: vec![one.jwk.clone()] };
        let entra = || JwtVerifier::with_keys("https://as.example", resource(), &keys).audience("api://mcp");
        let payload = json!({
            "iss": "https://as.example", "oid": "ann", "sub": "pairwise", "aud": "api://mcp", "azp": "cli",
            "scp": "read write", "iat": 1_000, "exp": 2_000, "tid": "acme",
        });
        let token = one.token(Some("k1"), "JWT", &payload);
        let principal = entra().profile(TokenProfile::entra()).verify(&token, at(1_500)).await.unwrap();
        assert_eq!((principal.subject.as_str(), principal.client_id.as_deref()), ("ann", Some("cli")));
        assert_eq!(
            (principal.scopes.to_string(), principal.expires_at),
            ("read write".into(), Some(at(2_000)))
        );
        assert_eq!(principal.claims["tid"], "acme");
        // By its own setting only.
        assert_eq!(entra().verify(&token, at(1_500)).await.err(), Some(BearerError::Invalid));
        let check = async |change: fn(&mut Value), expected: BearerError| {
            let mut claims = payload.clone();
            change(&mut claims);
            let token = one.token(Some("k1"), "JWT", &claims);
            let verdict = entra().profile(TokenProfile::entra()).verify(&token, at(1_500)).await;
            assert_eq!(verdict.err(), Some(expected), "{claims}");
        };
        check(
            |claims| claims["aud"] = json!("00000003-0000-0000-c000-000000000000"),
            BearerError::WrongAudience,
        )
        .await;
        check(|claims| drop(claims.as_object_mut().unwrap().remove("aud")), BearerError::WrongAudience).await;
        check(|claims| claims["iss"] = json!("https://as.example/other-tenant"), BearerError::WrongIssuer)
            .await;
        check(|claims| claims["exp"] = json!(1_490), BearerError::Expired).await;
        check(|claims| claims["nonce"] = json!("of an ID token"), BearerError::Invalid).await;
        let forged = issuer("k1").token(Some("k1"), "JWT", &payload);
        let verdict = entra().profile(TokenProfile::entra()).verify(&forged, at(1_500)).await;
        assert_eq!(verdict.err(), Some(BearerError::Invalid));
        // With a name of that kind, tokens of RFC 9068 are read as before.
        let mut plain = claims();
        plain["aud"] = json!("api://mcp");
        let token = one.token(Some("k1"), "at+jwt", &plain);
        assert_eq!(entra().verify(&token, at(1_500)).await.unwrap().subject, "ann");
    }

    /// Has no keys to give.
    struct Down(Arc<AtomicUsize>);

    impl KeySource for Down {
        async fn fetch(&self) -> Result<JwkSet, KeysUnavailable> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Err(KeysUnavailable("down".into()))
        }
    }

    #[tokio::test]
    async fn without_any_keys_it_is_nobodys_fault() {
        let source = Down(Arc::default());
        let verifier = JwtVerifier::with_source("https://as.example", resource(), source);
        let token = issuer("k").token(Some("k"), "at+jwt", &claims());
        for now in [1_000, 1_001] {
            assert_eq!(verifier.verify(&token, at(now)).await.err(), Some(BearerError::Unavailable));
        }
    }

    #[tokio::test]
    async fn only_what_could_be_a_token_is_worth_a_fetch() {
        let asked = Arc::new(AtomicUsize::new(0));
        let source = Down(asked.clone());
        let verifier = JwtVerifier::with_source("https://as.example", resource(), source);
        let one = issuer("k");
        let mut elsewhere = claims();
        elsewhere["aud"] = json!("https://b.example");
        for (token, now) in [
            (one.token(Some("k"), "at+jwt", &elsewhere), 1_000),
            (one.token(Some("k"), "at+jwt", &claims()), 3_000),
            (one.token(Some("k"), "JWT", &claims()), 1_000),
        ] {
            verifier.verify(&token, at(now)).await.unwrap_err();
        }
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }

    /// By whatever key it is bound: the thumbprint goes on to the check of proofs, and what is no thumbprint is refused.
    #[tokio::test]
    async fn what_a_foreign_issuer_has_bound_stays_bound() {
        let one = issuer("k");
        let keys = JwkSet { keys: vec![one.jwk.clone()] };
        let verifier = JwtVerifier::with_keys("https://as.example", resource(), &keys);
        let check = async |cnf: Option<Value>, expected: Result<Option<&str>, BearerError>| {
            let mut claims = claims();
            if let Some(cnf) = &cnf {
                claims["cnf"] = cnf.clone();
            }
            let verdict = verifier.verify(&one.token(Some("k"), "at+jwt", &claims), at(1_500)).await;
            let verdict = verdict.map(|principal| principal.bound_to);
            assert_eq!(verdict.as_ref().map(|bound| bound.as_deref()), expected.as_ref().copied(), "{cnf:?}");
        };
        check(None, Ok(None)).await;
        check(Some(json!({ "jkt": "thumb" })), Ok(Some("thumb"))).await;
        check(Some(json!({ "x5t#S256": "thumb" })), Err(BearerError::Invalid)).await;
    }

    #[tokio::test]
    async fn every_algorithm_has_its_own_keys() {
        let random = SystemRandom::new();
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let p384 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8v1(&random).unwrap();
        let rsa = {
            use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
            let pkcs8: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
            // The library wants the key within: version and algorithm go before it.
            pkcs8.as_ref()[26..].to_vec()
        };
        let all = [
            (EncodingKey::from_ec_der(p256.as_ref()), &[Algorithm::Es256][..]),
            (EncodingKey::from_ec_der(p384.as_ref()), &[Algorithm::Es384]),
            (EncodingKey::from_ed_der(ed.as_ref()), &[Algorithm::EdDsa]),
            (
                EncodingKey::from_rsa_der(&rsa),
                &[
                    Algorithm::Rs256,
                    Algorithm::Rs384,
                    Algorithm::Rs512,
                    Algorithm::Ps256,
                    Algorithm::Ps384,
                    Algorithm::Ps512,
                ],
            ),
        ];
        for (key, algorithms) in &all {
            for algorithm in algorithms.iter().copied() {
                let mut header = Header::new(theirs(algorithm));
                header.typ = Some("at+jwt".to_owned());
                let token = jsonwebtoken::encode(&header, &claims(), key).unwrap();
                let check = async |named: Option<Algorithm>, accepted: Algorithm, expected: bool| {
                    let mut jwk = public_half(key, algorithm);
                    jwk.alg = named.map(|algorithm| algorithm.as_str().to_owned());
                    let keys = JwkSet { keys: vec![jwk] };
                    let verifier = JwtVerifier::with_keys("https://as.example", resource(), &keys);
                    let verdict = verifier.algorithms([accepted]).verify(&token, at(1_500)).await;
                    assert_eq!(verdict.is_ok(), expected, "{algorithm:?} {named:?} {accepted:?}");
                };
                check(None, algorithm, true).await;
                check(Some(algorithm), algorithm, true).await;
                let other = algorithms.iter().find(|other| **other != algorithm).copied();
                check(Some(other.unwrap_or(Algorithm::Rs256)), algorithm, false).await;
                check(None, other.unwrap_or(Algorithm::Rs256), false).await;
            }
        }
    }

    /// As a server has it: a cache, and behind it a verifier.
    #[tokio::test]
    async fn a_flood_of_bad_tokens_leaves_the_good_one_remembered() {
        let one = issuer("k");
        let keys = JwkSet { keys: vec![one.jwk.clone()] };
        let limits = ForgeryLimits { failures_at_once: 100, ..ForgeryLimits::default() };
        let counting = Counting {
            verifier: JwtVerifier::with_keys("https://as.example", resource(), &keys).forgery_limits(limits),
            asked: AtomicUsize::new(0),
        };
        let counting = Arc::new(counting);
        let proofs = Proofs::new(&ProofLimits::default(), &[7; 32], barewire_jose::verifies, at(0));
        let possession = Possession { proofs, required: false };
        let tokens = VerifiedTokens::new(counting.clone(), 10, Duration::from_secs(600), possession);
        let good = one.token(Some("k"), "at+jwt", &claims());
        tokens.verify(&good, at(1_500)).await.unwrap();

        let mut of_nobody = claims();
        of_nobody["grant_id"] = json!("nobody's");
        let forged = one.token(Some("k"), "at+jwt", &of_nobody);
        let (signed, _) = forged.rsplit_once('.').unwrap();
        let mut checked = 0;
        for number in 0..100_000_u32 {
            // Every tenth is right in everything but its signature.
            let bad = match number % 10 {
                0 => format!("{signed}.{number:085}A"),
                1 => format!("{signed}x.{number:085}A"),
                _ => format!("bad-{number}"),
            };
            match tokens.verify(&bad, at(1_500)).await {
                Err(BearerError::Invalid) => checked += u32::from(number % 10 == 0),
                other => assert_eq!(other, Err(BearerError::Flooded), "{bad}"),
            }
        }
        assert_eq!(checked, 100, "signatures were checked");
        assert_eq!(tokens.count(), 1);
        let asked = counting.asked.load(Ordering::SeqCst);
        tokens.verify(&good, at(1_500)).await.unwrap();
        assert_eq!(counting.asked.load(Ordering::SeqCst), asked, "the good one is remembered");
        // The next token of the same user and client is let in while the flood goes on.
        let mut next = claims();
        next["jti"] = json!("next");
        assert!(tokens.verify(&one.token(Some("k"), "at+jwt", &next), at(1_500)).await.is_ok());
    }

    struct Counting {
        verifier: JwtVerifier,
        asked: AtomicUsize,
    }

    impl TokenVerifier for Counting {
        async fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, BearerError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.verifier.verify(token, now).await
        }
    }
}
