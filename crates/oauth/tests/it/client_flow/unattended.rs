//! Logins without a browser: client credentials, workload identity, enterprise-managed authorization.

use std::time::Duration;

use barewire_oauth::client_assertion::{self, ClientKey};
use barewire_oauth::client_flow::{
    AuthMethod, Fault, FlowError, GrantKind, IdentityProvider, Judgement, Moment, PreRegistered, Refreshed,
    SubjectTokenType, Way,
};
use barewire_oauth::jws::Algorithm;
use barewire_oauth::secret::{Assertion, ClientSecret, PrivateKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::world::*;

const TOKEN: &str = "https://as.example/token";
const IDP: &str = "https://idp.example";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const AUTH_METHODS: &str = "token_endpoint_auth_methods_supported";
const AUTH_ALGORITHMS: &str = "token_endpoint_auth_signing_alg_values_supported";

fn key() -> ClientKey {
    ClientKey {
        private: PrivateKey::new("client key"),
        algorithm: Algorithm::Es256,
        key_id: Some("k1".into()),
        certificate: None,
    }
}

fn with_secret() -> PreRegistered {
    PreRegistered { client_secret: Some(ClientSecret::new("s3cret")), ..PreRegistered::new("service") }
}

fn with_key() -> PreRegistered {
    PreRegistered { key: Some(key()), ..PreRegistered::new("service") }
}

/// What a server for machines says about itself: no browser, no PKCE.
fn metadata(grant_type: &str) -> Value {
    json!({ "issuer": ISSUER, "token_endpoint": TOKEN, "grant_types_supported": [grant_type] })
}

fn world(way: Way, client: Option<PreRegistered>) -> World {
    let grant_type = if matches!(way, Way::ClientCredentials) { "client_credentials" } else { JWT_BEARER };
    let mut world = World::new();
    world.page(SERVER_METADATA, &metadata(grant_type));
    world.login.settings.way = way;
    world.login.settings.pre_registered = client;
    world.challenge("Bearer scope=\"mcp:read\"");
    world
}

/// A workload's token for this audience.
fn token_for(audience: &Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "iss": "https://platform.example", "sub": "workload", "aud": audience });
    format!("{}.{}.c2ln", part(json!({ "alg": "ES512" })), part(claims))
}

fn workload(token: &str, issuer: Option<&str>) -> Way {
    Way::JwtBearer { assertion: Assertion::new(token), issuer: issuer.map(str::to_owned) }
}

/// The form as `name=value` lines, those in `hidden` without their value.
fn form(story: &Story, url: &str, hidden: &[&str]) -> Vec<String> {
    url::form_urlencoded::parse(story.request_to(url).body())
        .map(|(name, value)| if hidden.contains(&&*name) { name.into() } else { format!("{name}={value}") })
        .collect()
}

#[test]
fn a_client_with_a_secret() {
    for (methods, body, header) in [
        (json!(null), &["client_id=service"][..], Some("Basic c2VydmljZTpzM2NyZXQ=")),
        (json!(["client_secret_basic"]), &["client_id=service"], Some("Basic c2VydmljZTpzM2NyZXQ=")),
        (json!(["client_secret_post"]), &["client_id=service", "client_secret=s3cret"], None),
    ] {
        let mut world = world(Way::ClientCredentials, Some(with_secret()));
        world.page(SERVER_METADATA, &with(metadata("client_credentials"), AUTH_METHODS, methods.clone()));
        let story = world.run();
        let mut expected =
            vec!["grant_type=client_credentials", "resource=https://mcp.example/mcp", "scope=mcp:read"];
        expected.extend(body);
        assert_eq!(form(&story, TOKEN, &[]), expected, "{methods}");
        let sent = story.request_to(TOKEN).headers().get("authorization");
        assert_eq!(sent.map(|value| value.to_str().unwrap()), header, "{methods}");
        assert!(story.browser.is_none());
        assert_eq!(story.grant().kind, GrantKind::ClientCredentials);
    }
}

#[test]
fn a_client_with_a_key() {
    let mut world = world(Way::ClientCredentials, Some(with_key()));
    let lists = with(metadata("client_credentials"), AUTH_METHODS, json!(["private_key_jwt"]));
    world.page(SERVER_METADATA, &with(lists, AUTH_ALGORITHMS, json!(["RS256", "ES256"])));
    let story = world.run();
    assert_eq!(
        form(&story, TOKEN, &["client_assertion"]),
        [
            "grant_type=client_credentials",
            "resource=https://mcp.example/mcp",
            "scope=mcp:read",
            "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion",
        ]
    );
    let (header, claims, signature) =
        read_signed(story.form(TOKEN).one("client_assertion").unwrap().unwrap());
    assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" }));
    let seconds = 1_800_000_000;
    assert_eq!(claims["iss"], "service");
    assert_eq!(claims["sub"], "service");
    assert_eq!(claims["aud"], ISSUER);
    assert_eq!(claims["exp"], seconds + client_assertion::LIFETIME.as_secs());
    assert_eq!(signature, "client key");
    assert!(story.request_to(TOKEN).headers().get("authorization").is_none());
}

#[test]
fn who_can_be_a_client_without_a_user() {
    let cases: Vec<(&str, Option<PreRegistered>, Value, Value, &str)> = vec![
        ("nobody knows it", None, json!(null), json!(null), "NoClient"),
        (
            "of another issuer",
            Some(of("https://other.example")),
            json!(null),
            json!(null),
            "OtherIssuersClient",
        ),
        ("of this issuer", Some(of(ISSUER)), json!(null), json!(null), "grant"),
        ("a key without a list", Some(with_key()), json!(null), json!(null), "grant"),
        (
            "a key nobody takes",
            Some(with_key()),
            json!(["client_secret_basic"]),
            json!(null),
            "NoSharedAuthMethod",
        ),
        (
            "another algorithm",
            Some(with_key()),
            json!(["private_key_jwt"]),
            json!(["RS256"]),
            "NoSharedAuthMethod",
        ),
        (
            "a method without its key",
            Some(with_method(AuthMethod::PrivateKeyJwt)),
            json!(null),
            json!(null),
            "Settings",
        ),
        (
            "a method without its secret",
            Some(with_method(AuthMethod::ClientSecretPost)),
            json!(null),
            json!(null),
            "Settings",
        ),
    ];
    for (case, client, methods, algorithms, expected) in cases {
        let mut world = world(Way::ClientCredentials, client);
        let lists = with(metadata("client_credentials"), AUTH_METHODS, methods);
        world.page(SERVER_METADATA, &with(lists, AUTH_ALGORITHMS, algorithms));
        assert_eq!(world.run().ending(), expected, "{case}");
    }

    fn of(issuer: &str) -> PreRegistered {
        PreRegistered { issuer: Some(issuer.into()), ..with_secret() }
    }
    fn with_method(method: AuthMethod) -> PreRegistered {
        PreRegistered { auth_method: Some(method), ..PreRegistered::new("service") }
    }
}

#[test]
fn a_client_without_an_issuer_stays_with_the_first() {
    let mut world = world(Way::ClientCredentials, Some(with_secret()));
    let first = world.run().end.unwrap();
    assert_eq!(first.client.issuer, ISSUER);
    let other = "https://other.example";
    let mut known = first.client;
    known.issuer = other.into();
    world.login.known = vec![known];
    assert_eq!(world.run().ending(), "OtherIssuersClient", "the secret goes to nobody else");
}

#[test]
fn a_server_that_does_not_offer_the_grant_gets_no_secret() {
    let mut world = world(Way::ClientCredentials, Some(with_secret()));
    world.page(SERVER_METADATA, &metadata("authorization_code"));
    let story = world.run();
    assert_eq!(
        story.error().to_string(),
        "the authorization server https://as.example does not offer the grant client_credentials, only \
         authorization_code"
    );
    assert!(!story.asked().iter().any(|asked| asked.ends_with("/token")));
    // A server that says nothing may know it.
    world.page(SERVER_METADATA, &with(metadata(""), "grant_types_supported", json!(null)));
    assert_eq!(world.run().ending(), "grant");
}

#[test]
fn nobody_goes_offline_without_a_user() {
    let mut world = world(Way::ClientCredentials, Some(with_secret()));
    let lists =
        with(metadata("client_credentials"), "scopes_supported", json!(["mcp:read", "offline_access"]));
    world.page(SERVER_METADATA, &lists);
    assert_eq!(world.run().form(TOKEN).one("scope"), Ok(Some("mcp:read")));
}

#[test]
fn client_credentials_renew_themselves() {
    for client in [with_secret(), with_key()] {
        let mut world = world(Way::ClientCredentials, Some(client));
        let grant = world.run().end.unwrap();
        // The store keeps what is needed, and nothing else is.
        let kept = serde_json::to_string(&grant).unwrap();
        let grant: barewire_oauth::client_flow::Grant = serde_json::from_str(&kept).unwrap();
        assert!(grant.is_renewable());
        let request = grant.renewal_request().unwrap();
        let moment = Moment { now: now() + Duration::from_secs(3600), random: &[9; 32], nonce: None };
        let request = grant.renewal_signatures().complete(&request, &moment, &KeysOwnText).unwrap();
        let sent: Vec<_> = url::form_urlencoded::parse(request.body()).into_owned().collect();
        assert!(sent.contains(&("grant_type".into(), "client_credentials".into())), "{sent:?}");
        assert!(sent.contains(&("scope".into(), "mcp:read".into())), "{sent:?}");
        let signed = sent.iter().any(|(name, _)| name == "client_assertion");
        assert_eq!(signed, grant.client.auth_method == AuthMethod::PrivateKeyJwt);
        let body = json!({ "access_token": "second", "token_type": "Bearer" });
        let Refreshed::Renewed(renewed) = grant.refreshed(&json_answer(200, &body), now(), 1024) else {
            panic!("not renewed");
        };
        assert_eq!(renewed.tokens.access_token.expose(), "second");
    }
}

#[test]
fn a_workload_presents_what_its_platform_gave_it() {
    let token = token_for(&json!(ISSUER));
    let assertion = format!("assertion={token}");
    for (client, names) in [(None, &[][..]), (Some(PreRegistered::new("workload")), &["client_id=workload"])]
    {
        let mut world = world(workload(&token_for(&json!(ISSUER)), None), client);
        let story = world.run();
        let mut expected = vec![
            "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer",
            assertion.as_str(),
            "resource=https://mcp.example/mcp",
            "scope=mcp:read",
        ];
        expected.extend(names);
        assert_eq!(form(&story, TOKEN, &[]), expected);
        let grant = story.grant();
        assert!(!grant.is_renewable(), "what it presented ends soon");
        assert!(!serde_json::to_string(grant).unwrap().contains(&token));
    }
}

#[test]
fn a_workload_can_be_a_client_too() {
    let token = token_for(&json!(ISSUER));
    let client =
        PreRegistered { assertion: Some(Assertion::new(token.as_str())), ..PreRegistered::new("service") };
    let mut world = world(Way::ClientCredentials, Some(client));
    let story = world.run();
    let sent = story.form(TOKEN);
    assert_eq!(sent.one("client_assertion"), Ok(Some(token.as_str())));
    assert_eq!(sent.one("client_assertion_type"), Ok(Some(client_assertion::TYPE)));
    assert!(!story.grant().is_renewable());
    assert!(!serde_json::to_string(story.grant()).unwrap().contains(&token));
}

#[test]
fn a_workloads_token_is_shown_to_nobody_whom_the_server_makes_up() {
    let kubernetes = token_for(&json!(["https://kubernetes.default.svc", "https://other.example"]));
    let opaque = "an-opaque-token".to_owned();
    let pinned =
        |issuer: &str| PreRegistered { issuer: Some(issuer.into()), ..PreRegistered::new("workload") };
    let other = "https://other.example";
    for (token, named, client, expected) in [
        (token_for(&json!([other, ISSUER])), None, None, "grant"),
        (token_for(&json!(TOKEN)), None, None, "grant"),
        (token_for(&json!(other)), None, None, "NotForThisIssuer"),
        (token_for(&json!([])), None, None, "NotForThisIssuer"),
        (token_for(&json!(null)), None, None, "NotForThisIssuer"),
        (kubernetes.clone(), None, Some(PreRegistered::new("workload")), "NotForThisIssuer"),
        (opaque.clone(), None, None, "NotForThisIssuer"),
        (token_for(&json!(ISSUER)), Some(other), None, "NotForThisIssuer"),
        (kubernetes.clone(), Some(ISSUER), None, "grant"),
        (kubernetes.clone(), None, Some(pinned(ISSUER)), "grant"),
        (kubernetes, None, Some(pinned(other)), "OtherIssuersClient"),
        (opaque.clone(), Some(ISSUER), None, "grant"),
    ] {
        let story = world(workload(&token, named), client).run();
        assert_eq!(story.ending(), expected, "{token} {named:?}");
        let sent = story.asked().contains(&format!("POST {TOKEN}"));
        assert_eq!(sent, expected == "grant", "{token} {named:?}");
    }
    // Neither as what authenticates a client.
    for (issuer, expected) in [(None, "NotForThisIssuer"), (Some(ISSUER.to_owned()), "grant")] {
        let client = PreRegistered {
            assertion: Some(Assertion::new(opaque.as_str())),
            issuer,
            ..PreRegistered::new("service")
        };
        assert_eq!(world(Way::ClientCredentials, Some(client)).run().ending(), expected);
    }
    let story = world(workload(&opaque, None), None).run();
    assert_eq!(story.error().fault(), Fault::Settings);
    assert!(story.error().what_next().contains("audience"));
}

#[test]
fn a_refused_statement_is_told_and_not_sent_again() {
    for (error, expected) in [
        ("invalid_grant", "AssertionRefused"),
        ("unauthorized_client", "AssertionRefused"),
        ("invalid_scope", "TokenRefused"),
    ] {
        let mut world = world(workload(&token_for(&json!(ISSUER)), None), None);
        world.answers(TOKEN, json_answer(400, &json!({ "error": error })));
        let story = world.run();
        assert_eq!(story.ending(), expected);
        assert_eq!(story.asked().iter().filter(|asked| asked.ends_with("/token")).count(), 1);
        assert_eq!(story.error().fault(), Fault::AuthorizationServer);
    }
}

fn provider(token_endpoint: Option<&str>) -> IdentityProvider {
    IdentityProvider {
        issuer: IDP.into(),
        token_endpoint: token_endpoint.map(str::to_owned),
        client: PreRegistered {
            client_secret: Some(ClientSecret::new("idp-s3cret")),
            ..PreRegistered::new("at-the-idp")
        },
        subject_token: Assertion::new("the.id.token"),
        subject_token_type: SubjectTokenType::IdToken,
    }
}

fn enterprise(provider: IdentityProvider) -> World {
    let mut world = world(Way::Enterprise(Box::new(provider)), Some(with_secret()));
    world.page(
        "https://idp.example/exchange",
        &json!({
            "access_token": "the.id.jag", "token_type": "N_A", "expires_in": 300,
            "issued_token_type": "urn:ietf:params:oauth:token-type:id-jag",
        }),
    );
    world
}

#[test]
fn the_organisation_decides() {
    let mut world = enterprise(provider(Some("https://idp.example/exchange")));
    let story = world.run();
    assert_eq!(
        form(&story, "https://idp.example/exchange", &[]),
        [
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
            "requested_token_type=urn:ietf:params:oauth:token-type:id-jag",
            "audience=https://as.example",
            "resource=https://mcp.example/mcp",
            "subject_token=the.id.token",
            "subject_token_type=urn:ietf:params:oauth:token-type:id_token",
            "scope=mcp:read",
            "client_id=at-the-idp",
        ]
    );
    let basic = &story.request_to("https://idp.example/exchange").headers()["authorization"];
    assert_eq!(basic, "Basic YXQtdGhlLWlkcDppZHAtczNjcmV0", "who we are there, and not who we are elsewhere");
    assert_eq!(
        form(&story, TOKEN, &[]),
        [
            "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion=the.id.jag",
            "resource=https://mcp.example/mcp",
            "scope=mcp:read",
            "client_id=service",
        ]
    );
    let basic = &story.request_to(TOKEN).headers()["authorization"];
    assert_eq!(basic, "Basic c2VydmljZTpzM2NyZXQ=");
    assert!(story.judgements.contains(&Judgement::IdentityAssertion { provider: IDP.into() }));
    let kept = serde_json::to_string(story.grant()).unwrap();
    for secret in ["the.id.token", "the.id.jag", "idp-s3cret"] {
        assert!(!kept.contains(secret), "{secret}");
    }
}

#[test]
fn the_identity_provider_describes_itself() {
    let place = "https://idp.example/.well-known/openid-configuration";
    let describes = json!({ "issuer": IDP, "token_endpoint": "https://idp.example/exchange", AUTH_METHODS: ["client_secret_post"] });
    for (document, expected) in [
        (describes.clone(), "grant"),
        (with(describes.clone(), "issuer", json!("https://idp.example/")), "NoServerMetadata"),
        (with(describes.clone(), "token_endpoint", json!(null)), "UnusableEndpoint"),
        (with(describes.clone(), "token_endpoint", json!("http://idp.example/exchange")), "UnusableEndpoint"),
        (with(describes.clone(), "token_endpoint", json!("https://10.0.0.1/exchange")), "UnusableEndpoint"),
        (json!({}), "NoServerMetadata"),
    ] {
        let mut world = enterprise(provider(None));
        world.page(place, &document);
        let story = world.run();
        assert_eq!(story.ending(), expected, "{document}");
        if expected == "grant" {
            let sent = story.form("https://idp.example/exchange");
            assert_eq!(sent.one("client_secret"), Ok(Some("idp-s3cret")), "as its metadata says");
        } else {
            assert!(!story.asked().iter().any(|asked| asked.starts_with("POST")), "{:?}", story.asked());
        }
    }
}

#[test]
fn an_identity_provider_that_cannot_be_reached_safely() {
    for (issuer, endpoint) in [
        ("http://idp.example", None),
        ("idp", None),
        (IDP, Some("http://idp.example/exchange")),
        (IDP, Some("/exchange")),
    ] {
        let provider = IdentityProvider { issuer: issuer.into(), ..provider(endpoint) };
        assert_eq!(enterprise(provider).run().ending(), "Settings", "{issuer} {endpoint:?}");
    }
    // On this machine, plain HTTP is as good.
    let mut world = enterprise(provider(Some("http://localhost:7000/exchange")));
    assert_eq!(world.run().ending(), "TokenRefused", "nothing is there");
}

#[test]
fn what_the_identity_provider_gives_has_to_be_what_was_asked_for() {
    let good = json!({
        "access_token": "the.id.jag", "token_type": "N_A",
        "issued_token_type": "urn:ietf:params:oauth:token-type:id-jag",
    });
    for (answer, expected) in [
        (json_answer(200, &good), "grant"),
        (json_answer(200, &with(good.clone(), "issued_token_type", json!(null))), "UnusableToken"),
        (
            json_answer(
                200,
                &with(
                    good.clone(),
                    "issued_token_type",
                    json!("urn:ietf:params:oauth:token-type:access_token"),
                ),
            ),
            "UnusableToken",
        ),
        (json_answer(200, &with(good.clone(), "access_token", json!(null))), "UnusableToken"),
        (json_answer(200, &with(good.clone(), "access_token", json!("a b"))), "UnusableToken"),
        (json_answer(400, &json!({ "error": "invalid_grant" })), "AssertionRefused"),
        (json_answer(401, &json!({ "error": "invalid_client" })), "ClientRefused"),
        (json_answer(400, &json!({ "error": "access_denied" })), "TokenRefused"),
        (answer(502, "<html>"), "TokenRefused"),
    ] {
        let mut world = enterprise(provider(Some("https://idp.example/exchange")));
        world.answers("https://idp.example/exchange", answer);
        let story = world.run();
        assert_eq!(story.ending(), expected);
        if expected != "grant" {
            assert!(matches!(
                story.error(),
                FlowError::UnusableToken { issuer, .. }
                | FlowError::AssertionRefused { issuer, .. }
                | FlowError::ClientRefused { issuer, .. }
                | FlowError::TokenRefused { issuer, .. } if issuer == IDP
            ));
            assert!(!story.asked().contains(&format!("POST {TOKEN}")));
        }
    }
}
