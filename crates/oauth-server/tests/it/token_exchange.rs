//! A server exchanges the token that it was sent for one of its own (RFC 8693).

use std::sync::Arc;
use std::time::{Duration, Instant};

use barewire_oauth::bearer::BearerError;
use barewire_oauth::claims::AccessTokenClaims;
use barewire_oauth::resource::Resource;
use barewire_oauth_server::administration::{Administration, By};
use barewire_oauth_server::{AuthConfig, AuthorizationServer};
use barewire_store::Store;
use barewire_testkit::{Holder, TempDir};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::signing::{SigningKey, now};
use crate::world::{BACKEND_SECRET, CALLBACK, RS_SECRET, Tokens, World, config, redemption};

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const MCP: &str = "https://rs.example/mcp";
const OTHER: &str = "https://rs.example/other";
const RS: [(&str, &str); 2] = [("client_id", "rs"), ("client_secret", RS_SECRET)];
const BACKEND: [(&str, &str); 2] = [("client_id", "backend"), ("client_secret", BACKEND_SECRET)];

/// `rs` serves one resource and calls the other; `backend` serves that and calls the first.
fn exchanging() -> AuthConfig {
    let rule = |from: &str, to: &str, scopes: &str| {
        serde_json::from_value(json!({ "from": [from], "to": [to], "scopes": scopes })).unwrap()
    };
    AuthConfig {
        token_exchange: [
            ("rs".to_owned(), rule(MCP, OTHER, "posts:read")),
            ("backend".to_owned(), rule(OTHER, MCP, "posts:read posts:write")),
            ("web".to_owned(), rule(MCP, OTHER, "posts:read")),
        ]
        .into(),
        ..config()
    }
}

fn form<'a>(
    who: &[(&'a str, &'a str)],
    token: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("grant_type", TOKEN_EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("resource", OTHER),
    ];
    form.extend(who);
    for (name, value) in more {
        form.retain(|(other, _)| other != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    form
}

async fn exchange(
    world: &World,
    who: &[(&str, &str)],
    token: &str,
    more: &[(&str, &str)],
) -> (StatusCode, Value) {
    world.token(&form(who, token, more)).await
}

async fn exchanged(world: &World, who: &[(&str, &str)], token: &str, more: &[(&str, &str)]) -> String {
    let (status, answer) = exchange(world, who, token, more).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn refused(world: &World, who: &[(&str, &str)], token: &str, more: &[(&str, &str)], error: &str) {
    let (status, answer) = exchange(world, who, token, more).await;
    assert!(status.is_client_error(), "{status}");
    assert_eq!(answer["error"], error, "{more:?}: {answer}");
}

fn claims(world: &World, token: &str, resource: &str) -> Result<AccessTokenClaims, BearerError> {
    let resource = [Resource::parse(resource).unwrap()];
    world.server.access_tokens().verify(token, &resource, world.clock.now())
}

/// A user's tokens with both scopes.
async fn tokens(world: &World) -> (String, Tokens) {
    let client = world.register().await;
    let code = world.code_with(&client, &[("scope", "posts:read posts:write")]).await;
    let (status, answer) = world.redeem(&client, &code).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    (client, Tokens::read(&answer))
}

/// Nothing is passed through: each token is good at one place.
#[tokio::test]
async fn a_server_gets_a_token_of_its_own_for_its_call() {
    let world = World::with(exchanging()).await;
    let (_, user) = tokens(&world).await;
    let subject = claims(&world, &user.access, MCP).unwrap();
    assert_eq!(claims(&world, &user.access, OTHER), Err(BearerError::WrongAudience));
    let (status, answer) = exchange(&world, &RS, &user.access, &[]).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        (&answer["issued_token_type"], &answer["token_type"]),
        (&json!(ACCESS_TOKEN), &json!("Bearer"))
    );
    assert_eq!(answer["scope"], "posts:read");
    assert!(answer.get("refresh_token").is_none());
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(claims(&world, token, MCP), Err(BearerError::WrongAudience));
    let new = claims(&world, token, OTHER).unwrap();
    assert_eq!((new.sub.as_str(), new.client_id.as_str()), ("johndoe", "rs"));
    assert_eq!((&new.grant_id, new.exp), (&subject.grant_id, subject.exp));
    assert_ne!(new.jti, subject.jti);
    assert_eq!(json!(new.act), json!({ "sub": "client:rs" }));
    // By the other name of the target, or by none where there is only one.
    let audience = [("resource", ""), ("audience", OTHER)];
    let unnamed = [("resource", "")];
    for more in [&audience[..], &unnamed, &[("requested_token_type", ACCESS_TOKEN)]] {
        let token = exchanged(&world, &RS, &user.access, more).await;
        assert!(claims(&world, &token, OTHER).is_ok(), "{more:?}");
    }
    assert_eq!(world.witness.at("/token").last(), Some(&""));
    // Who asks about it learns who acts.
    let (_, told) = world.introspect(&[&RS[..], &[("token", token)]].concat()).await;
    assert_eq!((&told["active"], &told["act"]), (&json!(true), &json!({ "sub": "client:rs" })), "{told}");
    let metadata = world.http.get(world.at("/.well-known/oauth-authorization-server")).send().await.unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(TOKEN_EXCHANGE)));
}

#[tokio::test]
async fn only_whom_the_operator_names_may_and_only_with_proof() {
    let world = World::with(exchanging()).await;
    let (client, user) = tokens(&world).await;
    let registered = world.register_with(json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    let text = |name: &str| registered[name].as_str().unwrap();
    let registered = [("client_id", text("client_id")), ("client_secret", text("client_secret"))];
    for (who, error) in [
        // Public, although it is named; the user's own client; one that is not named; one that does not prove itself.
        (&[("client_id", "web")][..], "unauthorized_client"),
        (&[("client_id", &client)], "unauthorized_client"),
        (&registered, "unauthorized_client"),
        (&RS[..1], "invalid_client"),
        (&[("client_id", "rs"), ("client_secret", "guessed")], "invalid_client"),
        (&[], "invalid_client"),
    ] {
        refused(&world, who, &user.access, &[], error).await;
    }
    // Where nobody is named, nobody may, and nothing is offered.
    let world = World::new().await;
    let (_, user) = tokens(&world).await;
    refused(&world, &RS, &user.access, &[], "unauthorized_client").await;
    let metadata = world.http.get(world.at("/.well-known/oauth-authorization-server")).send().await.unwrap();
    assert!(!metadata.text().await.unwrap().contains("token-exchange"));
}

/// The confused deputy: a server that got hold of a token for another one, or is asked to call where it must not.
#[tokio::test]
async fn a_token_for_somebody_else_is_not_exchanged() {
    let world = World::with(exchanging()).await;
    let (_, user) = tokens(&world).await;
    // The backend serves another resource than the one the token is for.
    refused(&world, &BACKEND, &user.access, &[("resource", MCP)], "invalid_request").await;
    let others = exchanged(&world, &RS, &user.access, &[]).await;
    refused(&world, &RS, &others, &[], "invalid_request").await;
    for target in [MCP, "https://evil.example", "https://rs.example", "nowhere"] {
        refused(&world, &RS, &user.access, &[("resource", target)], "invalid_target").await;
    }
    let two = [&form(&RS, &user.access, &[])[..], &[("resource", MCP)]].concat();
    assert_eq!(world.token(&two).await.1["error"], "invalid_target");
    refused(&world, &RS, &user.access, &[("audience", MCP)], "invalid_target").await;
}

/// Token confusion: what looks like an access token, or is one of another kind.
#[tokio::test]
async fn nothing_but_a_good_access_token_of_ours_is_exchanged() {
    let world = World::with(exchanging()).await;
    let (client, user) = tokens(&world).await;
    let subject = claims(&world, &user.access, MCP).unwrap();
    let kind = |kind: &str| format!("urn:ietf:params:oauth:token-type:{kind}");
    for other in ["id_token", "refresh_token", "jwt", "saml2", "x"].map(kind) {
        refused(&world, &RS, &user.access, &[("subject_token_type", &other)], "invalid_request").await;
        refused(&world, &RS, &user.access, &[("requested_token_type", &other)], "invalid_request").await;
    }
    refused(&world, &RS, &user.access, &[("subject_token_type", "")], "invalid_request").await;
    refused(&world, &RS, "", &[], "invalid_request").await;
    let actor = [("actor_token", user.access.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    refused(&world, &RS, &user.access, &actor, "invalid_request").await;

    // With the claims of a good one, and signed: as an ID token, by somebody else, by a shared secret, by nobody.
    let key = SigningKey::new("k");
    let body = serde_json::to_value(&subject).unwrap();
    let (head, signature) = (user.access.split_once('.').unwrap().0, user.access.rsplit_once('.').unwrap().1);
    let mut id_token = body.clone();
    id_token["aud"] = json!(client);
    for forged in [
        key.sign(&json!({ "alg": "ES256", "typ": "JWT", "kid": "k" }), &id_token),
        key.sign(&json!({ "alg": "ES256", "typ": "at+jwt", "kid": "k" }), &body),
        key.sign(&json!({ "alg": "ES256", "typ": "at+jwt", "jwk": key.jwk }), &body),
        key.sign(&json!({ "alg": "HS256", "typ": "at+jwt" }), &body),
        key.sign(&json!({ "alg": "none", "typ": "at+jwt" }), &body),
        format!("{head}.{}.{signature}", user.access.split('.').nth(2).unwrap()),
        user.refresh.clone(),
        key.client(&world, "rs", "1"),
        "bwm_x".to_owned(),
    ] {
        refused(&world, &RS, &forged, &[], "invalid_request").await;
    }
    // One that was taken back, or is over.
    let (other, revoked) = tokens(&world).await;
    let revoke = [("token", revoked.access.as_str()), ("client_id", other.as_str())];
    world.http.post(world.at("/revoke")).form(&revoke).send().await.unwrap();
    refused(&world, &RS, &revoked.access, &[], "invalid_request").await;
    assert!(now(&world) < subject.exp);
    world.advance(900);
    refused(&world, &RS, &user.access, &[], "invalid_request").await;
}

#[tokio::test]
async fn the_new_token_allows_no_more_and_lasts_no_longer() {
    let world = World::with(exchanging()).await;
    let (_, user) = tokens(&world).await;
    for scope in ["posts:write", "posts:read posts:write", "admin", "offline_access"] {
        refused(&world, &RS, &user.access, &[("scope", scope)], "invalid_scope").await;
    }
    // Both are allowed to the backend, and one of them to the user's client.
    let mut config = exchanging();
    config.token_exchange["backend"].from.push(Resource::parse(MCP).unwrap());
    let world = World::with(config).await;
    let (_, narrow) = world.logged_in().await;
    refused(
        &world,
        &BACKEND,
        &narrow.access,
        &[("resource", MCP), ("scope", "posts:write")],
        "invalid_scope",
    )
    .await;
    let token = exchanged(&world, &BACKEND, &narrow.access, &[("resource", MCP)]).await;
    assert_eq!(claims(&world, &token, MCP).unwrap().scope.to_string(), "posts:read");
    world.advance(890);
    let (_, late) = exchange(&world, &BACKEND, &narrow.access, &[("resource", MCP)]).await;
    assert_eq!(late["expires_in"], 10, "{late}");
}

#[tokio::test]
async fn what_ends_the_grant_ends_what_was_exchanged() {
    let world = World::with(exchanging()).await;
    let (client, user) = tokens(&world).await;
    let token = exchanged(&world, &RS, &user.access, &[]).await;
    let (_, bystander) = tokens(&world).await;
    let other = exchanged(&world, &RS, &bystander.access, &[]).await;
    let revoke = [("token", user.refresh.as_str()), ("client_id", client.as_str())];
    world.http.post(world.at("/revoke")).form(&revoke).send().await.unwrap();
    assert_eq!(claims(&world, &token, OTHER), Err(BearerError::Revoked));
    assert!(claims(&world, &other, OTHER).is_ok());
    refused(&world, &RS, &user.access, &[], "invalid_request").await;
    // Also after a restart, which knows only the store.
    let world = world.restarted(exchanging()).await;
    assert_eq!(claims(&world, &token, OTHER), Err(BearerError::Revoked));
    assert!(claims(&world, &other, OTHER).is_ok());
    // It is a token of whoever exchanged it: that client may end it, alone.
    let revoke = [&RS[..], &[("token", &other)]].concat();
    let answer = world.http.post(world.at("/revoke")).form(&revoke).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(claims(&world, &other, OTHER), Err(BearerError::Revoked));
    assert!(claims(&world, &bystander.access, MCP).is_ok());
}

#[tokio::test]
async fn what_a_disabled_client_began_is_not_exchanged() {
    let world = World::with(exchanging()).await;
    let (client, user) = tokens(&world).await;
    let others = exchanged(&world, &RS, &user.access, &[]).await;
    let form = [&BACKEND[..], &[("grant_type", "client_credentials"), ("resource", OTHER)]].concat();
    let own = world.token(&form).await.1["access_token"].as_str().unwrap().to_owned();
    let back = |token| exchange(&world, &BACKEND, token, &[("resource", MCP)]);
    assert_eq!(back(&others).await.0, StatusCode::OK);
    assert!(claims(&world, &own, OTHER).is_ok());
    let all = Administration::new(world.store.clone(), &config(), None).await.unwrap();
    let by = By::operator("op", "a test");
    all.set_client_disabled(&by, &client, true).await.unwrap();
    refused(&world, &RS, &user.access, &[], "invalid_request").await;
    refused(&world, &BACKEND, &others, &[("resource", MCP)], "invalid_request").await;
    // A token for the client itself that another has exchanged.
    let exchanged = back(&own).await.1["access_token"].as_str().unwrap().to_owned();
    assert!(claims(&world, &exchanged, MCP).is_ok());
    all.set_client_disabled(&by, "backend", true).await.unwrap();
    let begun = Instant::now();
    while claims(&world, &exchanged, MCP) != Err(BearerError::Revoked) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it is never refused");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_chain_of_who_acts_has_an_end() {
    let world = World::with(AuthConfig { token_exchange_depth: 2, ..exchanging() }).await;
    let (_, user) = tokens(&world).await;
    let first = exchanged(&world, &RS, &user.access, &[]).await;
    let second = exchanged(&world, &BACKEND, &first, &[("resource", MCP)]).await;
    let new = claims(&world, &second, MCP).unwrap();
    assert_eq!(json!(new.act), json!({ "sub": "client:backend", "act": { "sub": "client:rs" } }));
    assert_eq!((new.sub.as_str(), new.client_id.as_str()), ("johndoe", "backend"));
    // Each link has at most what the one before it has.
    assert_eq!(new.scope.to_string(), "posts:read");
    refused(&world, &RS, &second, &[], "invalid_request").await;
}

/// The server cannot prove to have the key of the user's client, which was proven when the token was sent to it. What it gets
/// is bound to its own.
#[tokio::test]
async fn a_bound_token_is_exchanged_for_one_that_is_bound_to_the_server() {
    let world = World::with(exchanging()).await;
    let (user, server) = (Holder::new(), Holder::new());
    let url = String::from(world.at("/token"));
    let client = world.register().await;
    let code = world.code(&client).await;
    let proof = user.proof("POST", &url, None, world.clock.now());
    let (_, answer, _) = world.token_with(&proof, &redemption(&client, &code, CALLBACK)).await;
    let bound = answer["access_token"].as_str().unwrap();
    refused(&world, &RS, bound, &[], "invalid_dpop_proof").await;
    let proof = server.proof("POST", &url, None, world.clock.now());
    let (status, answer, _) = world.token_with(&proof, &form(&RS, bound, &[])).await;
    assert_eq!((status, &answer["token_type"]), (StatusCode::OK, &json!("DPoP")), "{answer}");
    let new = claims(&world, answer["access_token"].as_str().unwrap(), OTHER).unwrap();
    assert_eq!(new.cnf.unwrap().jkt, server.thumbprint());
}

#[tokio::test]
async fn what_there_is_not_cannot_be_exchanged() {
    for (from, to, scopes, unknown) in [
        ("https://nowhere.example", OTHER, "posts:read", "https://nowhere.example"),
        (MCP, "https://nowhere.example/x", "posts:read", "https://nowhere.example/x"),
        (MCP, OTHER, "posts:read admin", "admin"),
    ] {
        let dir = TempDir::new();
        let store = Arc::new(Store::open(dir.join("auth.sqlite")).await.unwrap());
        let rule = json!({ "from": [from], "to": [to], "scopes": scopes });
        let config = AuthConfig {
            token_exchange: [("rs".to_owned(), serde_json::from_value(rule).unwrap())].into(),
            ..config()
        };
        let built = AuthorizationServer::builder("http://localhost:1", store)
            .resource(MCP)
            .resource(OTHER)
            .scope("posts:read", "Read")
            .scope("posts:write", "Write")
            .config(config)
            .build()
            .await;
        let error = built.err().unwrap().to_string();
        assert!(error.contains("auth.token_exchange: rs") && error.ends_with(unknown), "{error}");
    }
}
