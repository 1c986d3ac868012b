//! What the server says about itself, and where.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, query};

#[tokio::test]
async fn every_well_known_form_answers() {
    let world = World::new().await;
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        let answer = world.http.get(world.at(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        let metadata: Value = answer.json().await.unwrap();
        let issuer = world.server.issuer();
        assert_eq!(metadata["issuer"], issuer);
        assert_eq!(metadata["authorization_endpoint"], format!("{issuer}/authorize"));
        assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
        assert_eq!(metadata["client_id_metadata_document_supported"], true);
        assert_eq!(metadata["scopes_supported"], json!(["posts:read", "posts:write", "offline_access"]));
        for endpoint in ["token_endpoint", "registration_endpoint", "jwks_uri", "revocation_endpoint"] {
            let url = metadata[endpoint].as_str().unwrap();
            assert!(world.http.get(url).send().await.unwrap().status() != StatusCode::NOT_FOUND, "{url}");
        }
    }
}

#[tokio::test]
async fn an_issuer_with_a_path_is_found_and_works() {
    let world = World::at_path("/tenant/1").await;
    for path in [
        "/.well-known/oauth-authorization-server/tenant/1",
        "/.well-known/openid-configuration/tenant/1",
        "/tenant/1/.well-known/openid-configuration",
    ] {
        let answer = world.http.get(world.at(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let metadata: Value = answer.json().await.unwrap();
        assert_eq!(metadata["issuer"], world.server.issuer());
        assert!(metadata["token_endpoint"].as_str().unwrap().ends_with("/tenant/1/token"));
    }
    let mut url = world.authorize_url("web", crate::world::WEB_CALLBACK, &[]);
    url.set_path("/tenant/1/authorize");
    let callback =
        barewire_testkit::Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
    assert_eq!(query(&callback)["iss"], world.server.issuer());
}

#[tokio::test]
async fn scripts_of_any_origin_may_ask_before_they_send() {
    let world = World::new().await;
    for path in ["/token", "/register", "/revoke", "/jwks", "/.well-known/oauth-authorization-server"] {
        let request =
            world.http.request(Method::OPTIONS, world.at(path)).header("origin", "https://web.example");
        let request = request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization, content-type, mcp-protocol-version");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert!(
            answer.headers()["access-control-allow-headers"]
                .to_str()
                .unwrap()
                .contains("MCP-Protocol-Version")
        );
    }
    // Pages have cookies behind them and are not opened to scripts.
    for path in ["/authorize", "/login", "/consent"] {
        let answer =
            world.http.get(world.at(path)).header("origin", "https://web.example").send().await.unwrap();
        assert!(answer.headers().get("access-control-allow-origin").is_none(), "{path}");
    }
    let answer = world.http.post(world.at("/jwks")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers()["allow"], "GET, HEAD, OPTIONS");
}
