//! Clients that prove themselves by a signature (`private_key_jwt`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use barewire_oauth_server::{AuthConfig, ConfiguredClient};
use barewire_testkit::Browser;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::logs::Log;
use crate::signing::{ASSERTION_TYPE, SigningKey, now};
use crate::world::{CALLBACK, VERIFIER, WEB_CALLBACK, World, config, query};

/// What a refresh with a token that nobody has says of whoever asks: `invalid_grant` once it is believed.
async fn who(world: &World, more: &[(&str, &str)]) -> String {
    let base = [("grant_type", "refresh_token"), ("refresh_token", "bwr_nobodys")];
    let (status, answer) = world.token(&[&base[..], more].concat()).await;
    let error = answer["error"].as_str().unwrap().to_owned();
    let unauthorized = status == StatusCode::UNAUTHORIZED;
    assert_eq!(unauthorized, error == "invalid_client", "{answer}");
    error
}

async fn who_signs(world: &World, statement: &str) -> String {
    who(world, &[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", statement)]).await
}

async fn registered(world: &World, more: Value) -> String {
    let mut metadata = json!({ "token_endpoint_auth_method": "private_key_jwt" });
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.register_with(metadata).await["client_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_that_signs_goes_the_whole_way() {
    let world = World::new().await;
    let key = SigningKey::new("k");
    let client = registered(&world, json!({ "jwks": key.set() })).await;
    let code = world.code(&client).await;
    let redeem = async |more: &[(&str, &str)]| {
        let base = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
        world.token(&[&base[..], more].concat()).await
    };
    // Without its signature it is nobody, and the code stays good.
    let (status, answer) = redeem(&[("client_id", &client)]).await;
    assert_eq!((status, &answer["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
    let statement = key.client(&world, &client, "1");
    let signed = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &statement)];
    let (status, answer) = redeem(&signed).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let refresh = answer["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(world.refresh(&client, &refresh).await.0, StatusCode::UNAUTHORIZED);
    let statement = key.client(&world, &client, "2");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &refresh),
        ("client_id", &client),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &statement),
    ];
    let (status, answer) = world.token(&form).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    // Revoking is the client's own business, too.
    let token = answer["refresh_token"].as_str().unwrap();
    let revoke = async |more: &[(&str, &str)]| {
        let form = [&[("token", token)][..], more].concat();
        world.http.post(world.at("/revoke")).form(&form).send().await.unwrap().status()
    };
    assert_eq!(revoke(&[("client_id", &client)]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(revoke(&[]).await, StatusCode::UNAUTHORIZED);
    let statement = key.client(&world, &client, "3");
    let signed = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", statement.as_str())];
    assert_eq!(revoke(&signed).await, StatusCode::OK);
    assert!(world.verify(answer["access_token"].as_str().unwrap()).is_err());
}

#[tokio::test]
async fn an_assertion_counts_once() {
    let mut world = World::new().await;
    let key = SigningKey::new("k");
    let client = registered(&world, json!({ "jwks": key.set() })).await;
    let statement = key.client(&world, &client, "1");
    let answers = join_all((0..20).map(|_| who_signs(&world, &statement))).await;
    assert_eq!(answers.iter().filter(|answer| *answer == "invalid_grant").count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| *answer == "invalid_client").count(), 19, "{answers:?}");
    // A restart forgets nothing, and another client's id of the same name is another one.
    world = world.restarted(config()).await;
    assert_eq!(who_signs(&world, &statement).await, "invalid_client");
    let other = registered(&world, json!({ "client_name": "Other", "jwks": key.set() })).await;
    assert_eq!(who_signs(&world, &key.client(&world, &other, "1")).await, "invalid_grant");
    world.advance(71);
    assert_eq!(who_signs(&world, &statement).await, "invalid_client");
}

#[tokio::test]
async fn assertions_for_others_by_others_or_too_late_are_refused() {
    let world = World::new().await;
    let (key, foreign) = (SigningKey::new("k"), SigningKey::new("k"));
    let client = registered(&world, json!({ "jwks": key.set() })).await;
    let other = registered(&world, json!({ "client_name": "Other", "jwks": foreign.set() })).await;
    let now = now(&world);
    let issuer = world.server.issuer().to_owned();
    let with = |changes: Value| key.client_with(&world, &client, "id", &changes);
    for (what, statement) in [
        ("another server", with(json!({ "aud": "https://other.example" }))),
        ("another server too", with(json!({ "aud": [issuer, "https://other.example"] }))),
        ("the issuer with a slash", with(json!({ "aud": format!("{issuer}/") }))),
        ("nobody", with(json!({ "aud": [] }))),
        ("expired", with(json!({ "exp": now - 10 }))),
        ("not yet", with(json!({ "nbf": now + 11 }))),
        ("for two hours", with(json!({ "exp": now + 7200 }))),
        ("for ever", with(json!({ "exp": null }))),
        ("without an id", with(json!({ "jti": null }))),
        ("a huge id", with(json!({ "jti": "x".repeat(600) }))),
        ("another subject", with(json!({ "sub": other }))),
        ("another issuer", with(json!({ "iss": other }))),
        ("both another", with(json!({ "iss": other, "sub": other }))),
        ("a foreign key of the same name", foreign.client(&world, &client, "id")),
        ("nobody's client", key.client(&world, "nobody", "id")),
        ("a user's client", key.client(&world, "web", "id")),
        ("nonsense", "a.b.c".to_owned()),
    ] {
        assert_eq!(who_signs(&world, &statement).await, "invalid_client", "{what}");
    }
    // The id was not used up by any of them; and older clients name the endpoint.
    let token = world.at("/token").to_string();
    assert_eq!(who_signs(&world, &with(json!({ "aud": token }))).await, "invalid_grant");
    // An hour is what some libraries take.
    let long = with(json!({ "exp": now + 3600, "jti": "another id" }));
    assert_eq!(who_signs(&world, &long).await, "invalid_grant");
}

#[tokio::test]
async fn the_header_of_an_assertion_chooses_nothing() {
    let world = World::new().await;
    let (key, foreign) = (SigningKey::new("k"), SigningKey::new("foreign"));
    let client = registered(&world, json!({ "jwks": key.set() })).await;
    let now = now(&world);
    let claims = |id: &str| json!({ "iss": client, "sub": client, "aud": world.server.issuer(), "exp": now + 60, "jti": id });
    for (what, by, header) in [
        ("none", &key, json!({ "alg": "none", "kid": "k" })),
        ("a shared secret", &key, json!({ "alg": "HS256", "kid": "k" })),
        ("another algorithm", &key, json!({ "alg": "ES384", "kid": "k" })),
        ("a key that is not there", &foreign, json!({ "alg": "ES256", "kid": "foreign" })),
        ("a key that it brings", &foreign, json!({ "alg": "ES256", "kid": "k", "jwk": foreign.jwk })),
        ("a place for keys", &foreign, json!({ "alg": "ES256", "kid": "x", "jku": "https://evil.example" })),
        ("an access token", &key, json!({ "alg": "ES256", "kid": "k", "typ": "at+jwt" })),
        ("a DPoP proof", &key, json!({ "alg": "ES256", "kid": "k", "typ": "dpop+jwt" })),
        ("an extension", &key, json!({ "alg": "ES256", "kid": "k", "crit": ["b64"], "b64": false })),
    ] {
        let statement = by.sign(&header, &claims("1"));
        assert_eq!(who_signs(&world, &statement).await, "invalid_client", "{what}");
    }
    // With one key there is nothing to name.
    assert_eq!(who_signs(&world, &key.sign(&json!({ "alg": "ES256" }), &claims("1"))).await, "invalid_grant");
    let signed = key.sign(&json!({ "alg": "ES256", "typ": "client-authentication+jwt" }), &claims("2"));
    assert_eq!(who_signs(&world, &signed).await, "invalid_grant");
}

#[tokio::test]
async fn a_client_proves_itself_in_one_way() {
    let world = World::new().await;
    let key = SigningKey::new("k");
    let client = registered(&world, json!({ "jwks": key.set() })).await;
    let statement = key.client(&world, &client, "1");
    let (kind, signed) =
        (("client_assertion_type", ASSERTION_TYPE), ("client_assertion", statement.as_str()));
    for (form, expected) in [
        (vec![signed], "invalid_request"),
        (vec![kind], "invalid_request"),
        (vec![("client_assertion_type", "urn:x"), signed], "invalid_client"),
        (vec![kind, signed, ("client_secret", "s")], "invalid_request"),
        (vec![kind, signed, signed], "invalid_request"),
        (vec![kind, signed, ("client_id", "web")], "invalid_client"),
        (vec![("client_id", client.as_str()), ("client_secret", "s")], "invalid_client"),
        (vec![kind, signed, ("client_id", client.as_str())], "invalid_grant"),
    ] {
        assert_eq!(who(&world, &form).await, expected, "{form:?}");
    }
    // A secret does not help who registered keys, nor the other way round.
    let statement = key.client(&world, "backend", "1");
    assert_eq!(who_signs(&world, &statement).await, "invalid_client");
}

#[tokio::test]
async fn the_operators_client_may_sign_too() {
    let key = SigningKey::new("k");
    let mut config = config();
    config.clients.push(ConfiguredClient {
        client_id: "signer".to_owned(),
        client_name: "A signer".to_owned(),
        jwks: Some(serde_json::from_value(key.set()).unwrap()),
        token_endpoint_auth_signing_alg: serde_json::from_value(json!("ES256")).unwrap(),
        redirect_uris: vec![WEB_CALLBACK.to_owned().try_into().unwrap()],
        ..ConfiguredClient::default()
    });
    let world = World::with(config).await;
    assert_eq!(who_signs(&world, &key.client(&world, "signer", "1")).await, "invalid_grant");
    assert_eq!(who(&world, &[("client_id", "signer")]).await, "invalid_client");
}

#[tokio::test]
async fn one_signer_cannot_fill_the_memory_of_used_assertions() {
    let config = AuthConfig { used_statements_per_signer: 2, ..config() };
    let world = World::with(config).await;
    let key = SigningKey::new("k");
    let flood = registered(&world, json!({ "jwks": key.set() })).await;
    let other = registered(&world, json!({ "client_name": "Other", "jwks": key.set() })).await;
    for (client, id, expected) in [
        (&flood, "1", "invalid_grant"),
        (&flood, "2", "invalid_grant"),
        (&flood, "3", "temporarily_unavailable"),
        (&other, "1", "invalid_grant"),
    ] {
        assert_eq!(who_signs(&world, &key.client(&world, client, id)).await, expected, "{id}");
    }
    world.advance(70);
    assert_eq!(who_signs(&world, &key.client(&world, &flood, "3")).await, "invalid_grant");
}

#[tokio::test]
async fn keys_that_nobody_can_sign_with_are_not_registered() {
    let world = World::new().await;
    let register = async |keys: Vec<Value>| {
        let body = json!({
            "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": keys }
        });
        let answer = world.http.post(world.at("/register")).json(&body).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let good = |n: usize| (0..n).map(|i| SigningKey::new(&i.to_string()).jwk).collect::<Vec<_>>();
    let no_point = json!({ "kty": "EC", "crv": "P-256", "x": "x", "y": "y" });
    let short = json!({ "kty": "RSA", "e": "AQAB", "n": "AQAB" });
    let encrypts = json!({ "kty": "EC", "crv": "P-256", "x": "x", "y": "y", "use": "enc" });
    for (keys, says) in [
        (vec![no_point.clone()], "cannot be read"),
        ([good(1), vec![no_point.clone()]].concat(), "cannot be read"),
        (vec![short], "cannot be read"),
        (good(9), "more than 8"),
        (vec![encrypts.clone()], "no key for signatures"),
    ] {
        let (status, answer) = register(keys).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_client_metadata")));
        assert!(answer["error_description"].as_str().unwrap().contains(says), "{answer}");
    }
    // What is for something else is left out.
    let (status, answer) = register([good(8), vec![encrypts]].concat()).await;
    assert_eq!((status, answer["jwks"]["keys"].as_array().unwrap().len()), (StatusCode::CREATED, 8));

    // The same for a client's own document.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = format!("http://{}/client", listener.local_addr().unwrap());
    let document = json!({
        "client_id": client, "client_name": "A documented app", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [no_point] }
    });
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], document.to_string()) };
    let app = Router::new().route("/client", get(answer));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let world = World::with(development()).await;
    let page = world.http.get(world.authorize_url(&client, CALLBACK, &[])).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("cannot be read: coordinates"));
}

#[tokio::test]
async fn strangers_keys_fill_no_log() {
    let (log, _keeping) = Log::keep();
    let world = World::with(development()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let no_point = json!({ "kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "k" });
    let keys = json!({ "keys": vec![no_point; 64] }).to_string();
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], keys) };
    let app = Router::new().route("/jwks", get(answer));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (key, gone) = (SigningKey::new("k"), SigningKey::new("gone"));
    let broken = registered(&world, json!({ "jwks_uri": url })).await;
    let nowhere = registered(&world, json!({ "client_name": "B", "jwks_uri": "http://127.0.0.1:1/" })).await;
    let inline = registered(&world, json!({ "client_name": "C", "jwks": key.set() })).await;
    assert_eq!(who_signs(&world, &key.client(&world, &broken, "1")).await, "invalid_client");
    assert_eq!(who_signs(&world, &key.client(&world, &nowhere, "1")).await, "temporarily_unavailable");
    assert_eq!(who_signs(&world, &gone.client(&world, &inline, "1")).await, "invalid_client");
    assert!(log.text().contains("keeping the keys known so far"), "{}", log.text());
    assert!(!log.text().contains("WARN"), "{}", log.text());
}

/// A client's own web server: its document and its keys.
struct Site {
    origin: String,
    fetched: Arc<AtomicUsize>,
}

impl Site {
    async fn serve(key: &SigningKey) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let fetched = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&fetched);
        let keys = key.set().to_string();
        let document = json!({
            "client_id": format!("{origin}/client"), "client_name": "A documented app",
            "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": format!("{origin}/jwks")
        });
        let as_json = |body: String| ([(CONTENT_TYPE, "application/json")], body);
        let app = Router::new()
            .route("/client", get(move || async move { as_json(document.to_string()) }))
            .route(
                "/jwks",
                get(move || async move {
                    count.fetch_add(1, Ordering::SeqCst);
                    as_json(keys)
                }),
            )
            .route("/html", get(|| async { ([(CONTENT_TYPE, "text/html")], "<!doctype html>") }));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { origin, fetched }
    }
}

fn development() -> AuthConfig {
    AuthConfig { client_documents_from_loopback: true, ..config() }
}

#[tokio::test]
async fn keys_are_fetched_from_where_the_client_has_them() {
    let world = World::with(development()).await;
    let key = SigningKey::new("k");
    let site = Site::serve(&key).await;
    let client = registered(&world, json!({ "jwks_uri": format!("{}/jwks", site.origin) })).await;
    for id in ["1", "2"] {
        assert_eq!(who_signs(&world, &key.client(&world, &client, id)).await, "invalid_grant");
    }
    assert_eq!(site.fetched.load(Ordering::SeqCst), 1);
    // Unknown keys are not looked for again and again.
    let foreign = SigningKey::new("foreign");
    for id in ["3", "4", "5"] {
        assert_eq!(who_signs(&world, &foreign.client(&world, &client, id)).await, "invalid_client");
    }
    assert_eq!(site.fetched.load(Ordering::SeqCst), 1);
    let nowhere =
        registered(&world, json!({ "client_name": "B", "jwks_uri": format!("{}/html", site.origin) }));
    let nowhere = nowhere.await;
    let answer = who_signs(&world, &key.client(&world, &nowhere, "1")).await;
    assert_eq!(answer, "temporarily_unavailable");
}

#[tokio::test]
async fn strangers_push_none_of_the_operators_keys_out() {
    let key = SigningKey::new("k");
    let (ours, theirs) = (Site::serve(&key).await, Site::serve(&key).await);
    let mut config = AuthConfig { client_document_cache: 4, ..development() };
    config.clients.push(ConfiguredClient {
        client_id: "signer".to_owned(),
        client_name: "A signer".to_owned(),
        jwks_uri: Some(format!("{}/jwks", ours.origin)),
        redirect_uris: vec![WEB_CALLBACK.to_owned().try_into().unwrap()],
        ..ConfiguredClient::default()
    });
    let world = World::with(config).await;
    assert_eq!(who_signs(&world, &key.client(&world, "signer", "1")).await, "invalid_grant");
    for number in 0..40 {
        let url = format!("{}/jwks?number={number}", theirs.origin);
        let metadata = json!({ "client_name": number.to_string(), "jwks_uri": url });
        let client = registered(&world, metadata).await;
        assert_eq!(who_signs(&world, &key.client(&world, &client, "1")).await, "invalid_grant");
    }
    assert_eq!(theirs.fetched.load(Ordering::SeqCst), 40);
    // Neither pushed out, nor the same as what a stranger has at that very URL.
    let metadata = json!({ "client_name": "Like ours", "jwks_uri": format!("{}/jwks", ours.origin) });
    let like_ours = registered(&world, metadata).await;
    assert_eq!(who_signs(&world, &key.client(&world, &like_ours, "1")).await, "invalid_grant");
    assert_eq!(ours.fetched.load(Ordering::SeqCst), 2);
    assert_eq!(who_signs(&world, &key.client(&world, "signer", "2")).await, "invalid_grant");
    assert_eq!(ours.fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn keys_are_not_fetched_from_private_addresses() {
    let key = SigningKey::new("k");
    let site = Site::serve(&key).await;
    let port = site.origin.rsplit(':').next().unwrap().to_owned();
    let world = World::new().await;
    for host in ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "localhost"] {
        let url = format!("https://{host}:{port}/jwks");
        let client = registered(&world, json!({ "client_name": host, "jwks_uri": url })).await;
        let answer = who_signs(&world, &key.client(&world, &client, "1")).await;
        assert_eq!(answer, "temporarily_unavailable", "{host}");
    }
    assert_eq!(site.fetched.load(Ordering::SeqCst), 0);
    let register = async |world: &World, url: &str| {
        let body = json!({
            "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": url
        });
        world.http.post(world.at("/register")).json(&body).send().await.unwrap().status()
    };
    assert_eq!(register(&world, &format!("{}/jwks", site.origin)).await, StatusCode::BAD_REQUEST);
    let hosts = vec!["good.example".to_owned()];
    let strict = World::with(AuthConfig { client_document_hosts: hosts, ..config() }).await;
    assert_eq!(register(&strict, "https://evil.example/jwks").await, StatusCode::BAD_REQUEST);
    assert_eq!(register(&strict, "https://good.example/jwks").await, StatusCode::CREATED);
}

#[tokio::test]
async fn a_code_of_a_documented_client_with_keys_is_of_no_use_without_them() {
    let world = World::with(development()).await;
    let key = SigningKey::new("k");
    let site = Site::serve(&key).await;
    let client = format!("{}/client", site.origin);
    let url = world.authorize_url(&client, CALLBACK, &[]);
    let callback = Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let code = query(&callback)["code"].clone();
    // A thief who has code and verifier, but not the key.
    let (status, answer) = world.redeem(&client, &code).await;
    assert_eq!((status, &answer["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
    let foreign = SigningKey::new("k").client(&world, &client, "1");
    let ours = key.client(&world, &client, "1");
    let redeem = async |statement: &str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("code_verifier", VERIFIER),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", statement),
        ];
        world.token(&form).await
    };
    assert_eq!(redeem(&foreign).await.0, StatusCode::UNAUTHORIZED);
    let (status, answer) = redeem(&ours).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let access = answer["access_token"].as_str().unwrap();
    for form in [vec![("token", access)], vec![("token", access), ("client_id", &client)]] {
        let revoked = world.http.post(world.at("/revoke")).form(&form).send().await.unwrap();
        assert_eq!(revoked.status(), StatusCode::UNAUTHORIZED, "nor can they end what it is good for");
    }
    assert_eq!(world.verify(access), Ok(()));
    let refresh = answer["refresh_token"].as_str().unwrap();
    assert_eq!(world.refresh(&client, refresh).await.0, StatusCode::UNAUTHORIZED);
    let statement = key.client(&world, &client, "2");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", statement.as_str()),
    ];
    assert_eq!(world.token(&form).await.0, StatusCode::OK);
}
