//! One rule at every endpoint where a client has to say who it is: no client authentication, and wrong one, is
//! `invalid_client` (RFC 6749 §5.2).

use barewire_oauth::bearer::BearerError;
use reqwest::StatusCode;
use serde_json::Value;

use crate::world::{BACKEND_SECRET, CHALLENGE, VERIFIER, WEB_CALLBACK, World};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Requests that lack nothing but the client, one for each grant type and for each other endpoint.
fn requests() -> [(&'static str, Vec<(&'static str, &'static str)>); 9] {
    [
        ("/token", vec![("grant_type", "authorization_code"), ("code", "x"), ("code_verifier", VERIFIER)]),
        ("/token", vec![("grant_type", "refresh_token"), ("refresh_token", "bwr_x")]),
        ("/token", vec![("grant_type", "client_credentials")]),
        (
            "/token",
            vec![("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", "x")],
        ),
        (
            "/token",
            vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token", "x"),
                ("subject_token_type", ACCESS_TOKEN),
            ],
        ),
        ("/token", vec![]),
        ("/introspect", vec![("token", "x")]),
        (
            "/par",
            vec![
                ("response_type", "code"),
                ("redirect_uri", WEB_CALLBACK),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ],
        ),
        ("/device_authorization", vec![("scope", "posts:read")]),
    ]
}

/// Status, error, and whether a challenge came with them.
async fn ask(
    world: &World,
    path: &str,
    form: &[(&str, &str)],
    header: Option<&str>,
) -> (StatusCode, Value, bool) {
    let mut request = world.http.post(world.at(path)).form(form);
    if let Some(secret) = header {
        request = request.basic_auth("backend", Some(secret));
    }
    let answer = request.send().await.unwrap();
    let challenge = answer.headers().get("www-authenticate").cloned();
    if let Some(challenge) = &challenge {
        assert!(challenge.to_str().unwrap().starts_with("Basic "), "{challenge:?}");
    }
    let status = answer.status();
    (status, answer.json::<Value>().await.unwrap()["error"].clone(), challenge.is_some())
}

#[tokio::test]
async fn who_does_not_say_who_it_is_has_not_authenticated() {
    let world = World::new().await;
    for (path, form) in requests() {
        let check = async |more: &[(&str, &str)], header: Option<&str>| {
            let form = [&form[..], more].concat();
            let answer = ask(&world, path, &form, header).await;
            // With a challenge, whatever was tried (RFC 9110 §15.5.2).
            let expected = (StatusCode::UNAUTHORIZED, Value::from("invalid_client"), true);
            assert_eq!(answer, expected, "{path} {form:?} {header:?}");
        };
        check(&[], None).await;
        check(&[("client_id", "")], None).await;
        check(&[("client_secret", BACKEND_SECRET)], None).await;
        check(&[("client_id", "nobody")], None).await;
        check(&[("client_id", "backend")], None).await;
        check(&[("client_id", "backend"), ("client_secret", "guess")], None).await;
        check(&[], Some("guess")).await;
        check(&[("client_id", "backend")], Some("guess")).await;
    }
}

/// A public client need not say who it is to end its token, so there is nothing to refuse where nothing is found; the
/// token of a client with a secret it takes that secret to end.
#[tokio::test]
async fn a_revocation_is_held_to_the_owner_of_the_token() {
    let world = World::new().await;
    let form =
        [("grant_type", "client_credentials"), ("client_id", "backend"), ("client_secret", BACKEND_SECRET)];
    let (_, answer) = world.token(&form).await;
    let token = answer["access_token"].as_str().unwrap();
    let refused = (StatusCode::UNAUTHORIZED, Value::from("invalid_client"), true);
    let form = [("token", token)];
    let named = [("token", token), ("client_id", "backend")];
    let nobody = [("token", "x"), ("client_id", "nobody")];
    assert_eq!(ask(&world, "/revoke", &form, None).await, refused);
    assert_eq!(ask(&world, "/revoke", &named, None).await, refused);
    assert_eq!(ask(&world, "/revoke", &nobody, None).await, refused);
    assert_eq!(ask(&world, "/revoke", &form, Some("guess")).await, refused);
    assert_eq!(world.verify(token), Ok(()));
    let proven = [named[0], named[1], ("client_secret", BACKEND_SECRET)];
    let ended = world.http.post(world.at("/revoke")).form(&proven).send().await.unwrap();
    assert_eq!((ended.status(), world.verify(token)), (StatusCode::OK, Err(BearerError::Revoked)));
}
