//! What holds on every path: methods, spellings, caches, origins, names.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::world::{CALLBACK, RawForm, WEB_CALLBACK, World, set_cookies};

const PAGES: [(&str, &str); 5] = [
    ("/authorize", "GET,HEAD"),
    ("/login", "GET,HEAD,POST"),
    ("/consent", "GET,HEAD,POST"),
    ("/logout", "POST"),
    ("/device", "GET,HEAD,POST"),
];
const SCRIPTS: [(&str, &str); 8] = [
    ("/token", "POST, OPTIONS"),
    ("/register", "POST, OPTIONS"),
    ("/revoke", "POST, OPTIONS"),
    ("/introspect", "POST, OPTIONS"),
    ("/device_authorization", "POST, OPTIONS"),
    ("/jwks", "GET, HEAD, OPTIONS"),
    ("/.well-known/oauth-authorization-server", "GET, HEAD, OPTIONS"),
    ("/.well-known/openid-configuration", "GET, HEAD, OPTIONS"),
];

async fn send(world: &World, method: &str, path: &str) -> reqwest::Response {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    world.http.request(method, world.at(path)).send().await.unwrap()
}

#[tokio::test]
async fn each_path_has_its_methods_and_names_them() {
    let world = World::new().await;
    for (path, allow) in PAGES.iter().chain(&SCRIPTS) {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let answer = send(&world, method, path).await;
            let known = allow.split(',').any(|allowed| allowed.trim() == method);
            assert_eq!(answer.status() != StatusCode::METHOD_NOT_ALLOWED, known, "{method} {path}");
            if !known {
                assert_eq!(answer.headers()["allow"], *allow, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn other_spellings_of_a_path_are_not_it() {
    let world = World::new().await;
    for path in [
        "//token",
        "/token/",
        "/token//",
        "/%74oken",
        "/TOKEN",
        "/token;x",
        "/token%00",
        "/token%2f",
        "/x%2f..%2ftoken",
        "/authorize/",
        "//authorize",
        "/login%20",
        "//.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/",
        "/.well-known/oauth-authorization-server/mcp",
    ] {
        // By hand: a URL type would tidy up.
        let answer =
            world.raw(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn any_origin_may_call_what_scripts_call_and_never_with_cookies() {
    let world = World::new().await;
    for method in ["GET", "POST", "OPTIONS"] {
        for (path, _) in PAGES.iter().chain(&SCRIPTS) {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let request = world.http.request(method, world.at(path)).header("origin", "https://evil.example");
            let request = request.header("access-control-request-method", "POST");
            let headers = request.send().await.unwrap().headers().clone();
            assert!(!headers.contains_key("access-control-allow-credentials"), "{path}");
            let open = headers.get("access-control-allow-origin").map(|origin| origin.to_str().unwrap());
            assert_eq!(open, SCRIPTS.iter().any(|(script, _)| script == path).then_some("*"), "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_meant_for_one_is_kept_by_no_cache() {
    let world = World::new().await;
    let (client, tokens) = world.logged_in().await;
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let login = form.post(&world, &[("username", "johndoe"), ("password", "secret")]).await;
    let cookie = set_cookies(&login)[0].clone();
    let get = |url| world.http.get(url).header("cookie", &cookie);
    let authorize = |changes: &[(&str, &str)]| world.authorize_url("web", WEB_CALLBACK, changes);
    let mut consent = authorize(&[]);
    consent.set_path("/consent");
    let consent = RawForm::get(&world, consent, "/consent", Some(&cookie)).await;
    let token = |form: &[(&str, &str)]| world.http.post(world.at("/token")).form(form);
    let refresh =
        [("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", &tokens.refresh)];
    let revoke = |token: &str| world.http.post(world.at("/revoke")).form(&[("token", token)]);
    let register = world.http.post(world.at("/register"));
    let metadata = serde_json::json!({ "redirect_uris": [CALLBACK] });
    for (what, answer) in [
        ("login page", get(world.at("/login")).send().await.unwrap()),
        ("login", login),
        ("stale form", world.http.post(world.at("/login")).form(&[("x", "y")]).send().await.unwrap()),
        ("to the consent page", get(authorize(&[])).send().await.unwrap()),
        ("code", consent.post(&world, &[("decision", "allow")]).await),
        ("code at once", get(authorize(&[])).send().await.unwrap()),
        ("error to the client", get(authorize(&[("scope", "x")])).send().await.unwrap()),
        ("error page", get(world.at("/authorize")).send().await.unwrap()),
        ("token", token(&refresh).send().await.unwrap()),
        ("token error", token(&[]).send().await.unwrap()),
        ("registration", register.try_clone().unwrap().json(&metadata).send().await.unwrap()),
        ("registration error", register.send().await.unwrap()),
        ("revocation error", revoke("").send().await.unwrap()),
        ("revocation", revoke(&tokens.access).send().await.unwrap()),
        ("wrong method", send(&world, "GET", "/token").await),
    ] {
        assert_eq!(answer.headers()["cache-control"], "no-store", "{what}");
        if let Some(location) = answer.headers().get("location") {
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{what}: a form's body must not travel on");
            assert_eq!(answer.headers()["referrer-policy"], "no-referrer", "{what}: {location:?}");
        }
    }
}

#[tokio::test]
async fn another_name_that_leads_here_is_refused() {
    let world = World::new().await;
    let ask = async |host: &str, path: &str| {
        let answer = world.http.get(world.at(path)).header("host", host).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    for path in ["/login", "/authorize", "/consent", "/jwks", "/.well-known/oauth-authorization-server"] {
        for host in ["evil.example", "localhost.evil.example:8000", "192.168.0.1:8000"] {
            let (status, text) = ask(host, path).await;
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{host}{path}");
            assert!(!text.contains("csrf") && !text.contains("evil"), "{text}");
        }
        for host in ["localhost:1", "127.0.0.1", "[::1]:8000"] {
            assert_ne!(ask(host, path).await.0, StatusCode::MISDIRECTED_REQUEST, "{host}{path}");
        }
    }
    // Behind a proxy that ends TLS, the name is the proxy's business.
    let public = World::known_as("https://as.example").await;
    let answer = public.http.get(public.at("/login")).header("host", "upstream:8000").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn no_url_is_made_from_a_request() {
    let world = World::known_as("https://as.example").await;
    let document = world.at("/.well-known/oauth-authorization-server");
    let request = world.http.get(document).header("host", "evil.example");
    let request = request.header("x-forwarded-host", "evil.example").header("x-forwarded-proto", "http");
    let request = request.header("forwarded", "host=evil.example;proto=http");
    let answer = request.send().await.unwrap().text().await.unwrap();
    assert!(!answer.contains("evil"), "{answer}");
    let metadata: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(metadata["token_endpoint"], "https://as.example/token");
}
