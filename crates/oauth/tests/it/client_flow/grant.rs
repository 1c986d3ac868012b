//! The token endpoint's answers, and what becomes of a grant.

use std::time::Duration;

use barewire_oauth::client_flow::{Answer, AuthMethod, Grant, Refreshed};
use barewire_oauth::parameters::Parameters;
use barewire_oauth::secret::{ClientSecret, RefreshToken};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::world::*;

const MAX_BODY: usize = 64 * 1024;

fn grant() -> Grant {
    let mut world = World::new();
    world.page(
        SERVER_METADATA,
        &with(server_metadata(ISSUER), "revocation_endpoint", json!("https://as.example/revoke")),
    );
    world.page(
        "https://as.example/token",
        &json!({ "access_token": "a1", "refresh_token": "r1", "token_type": "Bearer", "scope": "x" }),
    );
    world.challenge("Bearer scope=\"x y\"").run().end.unwrap()
}

fn form(request: &Request<Bytes>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.body()).into_owned().collect()
}

#[test]
fn token_answers() {
    let redeem = |answer: Answer| {
        let mut world = World::new();
        world.answers("https://as.example/token", answer);
        world.challenge("Bearer scope=\"x y\"").run()
    };
    let token = |more: Value| {
        let mut body = json!({ "access_token": "t", "token_type": "Bearer" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json_answer(200, &body)
    };
    for (more, lifetime, scope) in [
        (json!({}), None, "x y"),
        (json!({ "token_type": "bearer" }), None, "x y"),
        (json!({ "token_type": null }), None, "x y"),
        (json!({ "expires_in": 3600 }), Some(3600), "x y"),
        (json!({ "expires_in": "3600" }), Some(3600), "x y"),
        (json!({ "expires_in": 3600.0 }), Some(3600), "x y"),
        (json!({ "expires_in": 0 }), Some(0), "x y"),
        (json!({ "expires_in": -1 }), None, "x y"),
        (json!({ "expires_in": 1e300 }), None, "x y"),
        (json!({ "expires_in": u64::MAX }), None, "x y"),
        (json!({ "expires_in": "soon" }), None, "x y"),
        (json!({ "expires_in": [1] }), None, "x y"),
        (json!({ "scope": "x" }), None, "x"),
        (json!({ "scope": "" }), None, "x y"),
        (json!({ "scope": ["x", "z"] }), None, "x z"),
        (json!({ "scope": 7 }), None, "x y"),
        (json!({ "refresh_token": "" }), None, "x y"),
        (json!({ "refresh_token": 7 }), None, "x y"),
        (json!({ "id_token": {}, "error": null }), None, "x y"),
    ] {
        let story = redeem(token(more.clone()));
        let tokens = &story.grant().tokens;
        assert_eq!(tokens.lifetime, lifetime.map(Duration::from_secs), "{more}");
        assert_eq!(tokens.expires_at, lifetime.map(|seconds| now() + Duration::from_secs(seconds)), "{more}");
        assert_eq!(tokens.scope, scopes(scope), "{more}");
        assert_eq!(tokens.refresh_token, None);
    }
    for (answer, expected) in [
        (token(json!({ "token_type": "DPoP" })), "UnusableToken"),
        (token(json!({ "token_type": "mac" })), "UnusableToken"),
        (token(json!({ "access_token": "" })), "UnusableToken"),
        (token(json!({ "access_token": null })), "UnusableToken"),
        (token(json!({ "access_token": "a b" })), "UnusableToken"),
        (token(json!({ "access_token": "a\r\nx: y" })), "UnusableToken"),
        (token(json!({ "access_token": "a".repeat(20_000) })), "UnusableToken"),
        (answer(200, "<html>"), "TokenRefused"),
        (answer(200, "access_token=t&token_type=bearer"), "TokenRefused"),
        (answer(404, "{}"), "TokenRefused"),
        (answer(302, ""), "TokenRefused"),
        (json_answer(400, &json!({ "error": "invalid_grant" })), "GrantRefused"),
        // Some put the error into a 200.
        (json_answer(200, &json!({ "error": "invalid_grant" })), "GrantRefused"),
        (json_answer(401, &json!({ "error": "invalid_client" })), "ClientRefused"),
        (json_answer(400, &json!({ "error": "unauthorized_client" })), "ClientRefused"),
        (json_answer(400, &json!({ "error": "invalid_target" })), "TokenRefused"),
        (json_answer(400, &json!({ "error": "made up" })), "TokenRefused"),
        (json_answer(503, &json!({ "error": "temporarily_unavailable" })), "TokenRefused"),
        (Answer::Unreachable { reason: "reset".into() }, "TokenRefused"),
    ] {
        let story = redeem(answer.clone());
        assert_eq!(story.ending(), expected, "{answer:?}");
        assert_eq!(story.error().forgets_client(), expected == "ClientRefused");
    }
}

#[test]
fn the_token_request() {
    let mut world = World::new();
    let story = world.run();
    let request = story.request_to("https://as.example/token");
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(request.headers()["accept"], "application/json");
    let names: Vec<String> = form(request).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["grant_type", "code", "redirect_uri", "code_verifier", "resource", "client_id"]);
    let form = story.form("https://as.example/token");
    assert_eq!(form.one("redirect_uri").unwrap(), Some(REDIRECT_URI));
    assert_eq!(form.one("code").unwrap(), Some("test-auth-code"));
}

#[test]
fn a_renewal() {
    let grant = grant();
    assert_eq!(grant.refused_scopes(), scopes("y"));
    let request = grant.renewal_request().unwrap();
    assert_eq!(
        (request.method().as_str(), request.uri().to_string().as_str()),
        ("POST", "https://as.example/token")
    );
    let expected = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "r1"),
        ("resource", MCP),
        ("client_id", "client-of-https://as.example"),
    ];
    assert_eq!(form(&request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    let renewed = |body: Value| match grant.refreshed(&json_answer(200, &body), now(), MAX_BODY) {
        Refreshed::Renewed(renewed) => *renewed,
        other => panic!("{other:?}"),
    };
    let rotated = renewed(json!({ "access_token": "a2", "refresh_token": "r2", "expires_in": 600 }));
    assert_eq!(rotated.tokens.refresh_token, Some(RefreshToken::new("r2")));
    assert_eq!(rotated.tokens.scope, scopes("x"), "what was granted stays");
    assert_eq!(rotated.requested, scopes("x y"), "and so does what was asked for");
    assert_eq!(rotated.resource, grant.resource);
    let later = now() + Duration::from_secs(540);
    assert!(rotated.tokens.expires_within(Duration::from_secs(60), later));
    assert!(!rotated.tokens.expires_within(Duration::from_secs(59), later));
    let kept = renewed(json!({ "access_token": "a2" }));
    assert_eq!(kept.tokens.refresh_token, Some(RefreshToken::new("r1")));

    let mut without = grant.clone();
    without.tokens.refresh_token = None;
    assert!(without.renewal_request().is_none());
}

/// Only an answer that says so ends the grant.
#[test]
fn what_ends_a_grant() {
    let error = |word: &str| json!({ "error": word });
    for (answer, ends, forgets) in [
        (json_answer(400, &error("invalid_grant")), true, false),
        (json_answer(200, &error("invalid_grant")), true, false),
        (json_answer(401, &error("invalid_client")), true, true),
        (json_answer(400, &error("unauthorized_client")), true, true),
        (json_answer(400, &error("unsupported_grant_type")), true, false),
        (json_answer(400, &error("invalid_request")), false, false),
        (json_answer(400, &error("invalid_target")), false, false),
        (json_answer(500, &error("server_error")), false, false),
        (answer(503, "<html>busy"), false, false),
        (answer(401, ""), false, false),
        (answer(302, r#"{"error":"invalid_grant"}"#), false, false),
        (answer(200, "<html>log in to the hotel's network"), false, false),
        (json_answer(200, &json!({ "access_token": "t", "token_type": "DPoP" })), false, false),
        (Answer::Unreachable { reason: "timeout".into() }, false, false),
    ] {
        match grant().refreshed(&answer, now(), MAX_BODY) {
            Refreshed::LoginAgain(error) => {
                assert!(ends, "{answer:?}");
                assert_eq!(error.forgets_client(), forgets);
            }
            Refreshed::Keep(_) => assert!(!ends, "{answer:?}"),
            Refreshed::Renewed(_) => panic!("{answer:?}"),
        }
    }
}

#[test]
fn giving_back() {
    let mut grant = grant();
    let sent = |grant: &Grant| -> Vec<(Option<String>, Option<String>, bool)> {
        let requests = grant.revocation_requests();
        assert!(requests.iter().all(|request| request.uri() == "https://as.example/revoke"));
        let read = |request: &Request<Bytes>| {
            let form = Parameters::parse(request.body());
            let one = |name| form.one(name).unwrap().map(str::to_owned);
            (one("token"), one("token_type_hint"), request.headers().contains_key("authorization"))
        };
        requests.iter().map(read).collect()
    };
    let row = |token: &str, hint: &str, header| (Some(token.to_owned()), Some(hint.to_owned()), header);
    assert_eq!(sent(&grant), [row("r1", "refresh_token", false), row("a1", "access_token", false)]);
    grant.client.auth_method = AuthMethod::ClientSecretBasic;
    grant.client.client_secret = Some(ClientSecret::new("s"));
    grant.tokens.refresh_token = None;
    assert_eq!(sent(&grant), [row("a1", "access_token", true)]);
    grant.revocation_endpoint = None;
    assert_eq!(sent(&grant), []);
}
