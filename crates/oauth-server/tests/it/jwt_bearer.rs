//! Statements of identity providers (ID-JAG) and of platforms, redeemed for tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode as Status;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use barewire_oauth::resource::Resource;
use barewire_oauth_server::{AuthConfig, Dpop, TrustedIssuer};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::signing::{SigningKey, changed, now};
use crate::world::{BACKEND_SECRET, CALLBACK, World, config};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const BACKEND: [(&str, &str); 2] = [("client_id", "backend"), ("client_secret", BACKEND_SECRET)];

/// Somebody with keys at a URL.
struct Issuer {
    url: String,
    key: SigningKey,
    /// How often its keys were fetched; while `down` is 1 they cannot be.
    fetched: Arc<AtomicUsize>,
    down: Arc<AtomicUsize>,
}

impl Issuer {
    async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let key = SigningKey::new("k");
        let (fetched, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, is_down, keys) = (Arc::clone(&fetched), Arc::clone(&down), key.set().to_string());
        let jwks = get(move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            if is_down.load(Ordering::SeqCst) == 1 {
                return Status::SERVICE_UNAVAILABLE.into_response();
            }
            ([(CONTENT_TYPE, "application/json")], keys).into_response()
        });
        let app = Router::new().route("/jwks", jwks);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, key, fetched, down }
    }

    fn trusted(&self, more: &Value) -> TrustedIssuer {
        let base = json!({ "issuer": self.url, "jwks_uri": format!("{}/jwks", self.url) });
        serde_json::from_value(changed(base, more)).unwrap()
    }

    /// An ID-JAG about johndoe for the backend.
    fn id_jag(&self, world: &World, changes: &Value) -> String {
        let now = now(world);
        let claims = json!({
            "iss": self.url, "sub": "johndoe", "aud": world.server.issuer(), "client_id": "backend", "jti": "1",
            "resource": "https://rs.example/mcp", "scope": "posts:read posts:write", "iat": now, "exp": now + 300
        });
        self.key.sign_with(&json!({ "alg": "ES256", "kid": "k", "typ": "oauth-id-jag+jwt" }), claims, changes)
    }

    /// The token of a workload.
    fn workload(&self, world: &World, changes: &Value) -> String {
        let now = now(world);
        let claims = json!({
            "iss": self.url, "sub": "system:serviceaccount:reports:nightly", "aud": world.server.issuer(),
            "iat": now, "exp": now + 3600, "environment": "production"
        });
        self.key.sign_with(&json!({ "alg": "ES256", "kid": "k" }), claims, changes)
    }
}

async fn organisation() -> (World, Issuer) {
    let issuer = Issuer::serve().await;
    let trusted = issuer.trusted(&json!({ "kind": "id_jag", "scopes": "posts:read posts:write" }));
    let world = World::with(AuthConfig { trusted_issuers: vec![trusted], ..config() }).await;
    (world, issuer)
}

async fn platform() -> (World, Issuer) {
    platform_with(config()).await
}

async fn platform_with(config: AuthConfig) -> (World, Issuer) {
    let issuer = Issuer::serve().await;
    let subjects = json!([{
        "subject": "system:serviceaccount:reports:*", "claims": { "environment": "production" },
        "client_id": "reports-jobs", "scopes": "posts:read"
    }]);
    let trusted = issuer.trusted(&json!({ "kind": "workload", "subjects": subjects }));
    let world = World::with(AuthConfig { trusted_issuers: vec![trusted], ..config }).await;
    (world, issuer)
}

async fn present(world: &World, assertion: &str, more: &[(&str, &str)]) -> (StatusCode, Value) {
    world.token(&[&[("grant_type", JWT_BEARER), ("assertion", assertion)][..], more].concat()).await
}

#[tokio::test]
async fn what_an_organisation_allows_becomes_a_token_of_its_user() {
    let (world, idp) = organisation().await;
    let (status, answer) =
        present(&world, &idp.id_jag(&world, &json!({ "scope": "posts:read" })), &BACKEND).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["scope"], "posts:read");
    assert!(answer.get("refresh_token").is_none(), "the organisation decides each time");
    let resource = Resource::parse("https://rs.example/mcp").unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let claims = world.server.access_tokens().verify(token, &[resource], world.clock.now()).unwrap();
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("johndoe", "backend"));
    assert!(claims.grant_id.is_some());
    // It is a grant like others, so revoking works.
    let form = [BACKEND[0], BACKEND[1], ("token", token)];
    world.http.post(world.at("/revoke")).form(&form).send().await.unwrap();
    assert!(world.verify(token).is_err());
    let metadata = world.http.get(world.at("/.well-known/oauth-authorization-server")).send().await.unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(JWT_BEARER)));
}

#[tokio::test]
async fn an_id_jag_counts_once() {
    let (mut world, idp) = organisation().await;
    let jag = idp.id_jag(&world, &json!({}));
    let answers = join_all((0..20).map(|_| present(&world, &jag, &BACKEND))).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == StatusCode::OK).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, answer)| answer["error"] == "invalid_grant").count(), 19);
    let trusted = idp.trusted(&json!({ "kind": "id_jag", "scopes": "posts:read posts:write" }));
    world = world.restarted(AuthConfig { trusted_issuers: vec![trusted], ..config() }).await;
    assert_eq!(present(&world, &jag, &BACKEND).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn an_id_jag_is_for_this_server_this_client_and_a_user_of_ours() {
    let (world, idp) = organisation().await;
    let stranger = Issuer::serve().await;
    let now = now(&world);
    let jag = |changes: Value| idp.id_jag(&world, &changes);
    let header = |typ: &str| {
        let claims = json!({
            "iss": idp.url, "sub": "johndoe", "aud": world.server.issuer(), "client_id": "backend", "jti": "x",
            "resource": "https://rs.example/mcp", "exp": now + 60
        });
        idp.key.sign(&json!({ "alg": "ES256", "kid": "k", "typ": typ }), &claims)
    };
    for (what, assertion, expected) in [
        ("another server", jag(json!({ "aud": "https://other.example" })), "invalid_grant"),
        (
            "the token endpoint",
            jag(json!({ "aud": format!("{}/token", world.server.issuer()) })),
            "invalid_grant",
        ),
        ("another client", jag(json!({ "client_id": "rs" })), "invalid_grant"),
        ("no client", jag(json!({ "client_id": null })), "invalid_grant"),
        ("nobody here", jag(json!({ "sub": "mallory", "jti": "2" })), "invalid_grant"),
        (
            "another resource",
            jag(json!({ "resource": "https://evil.example", "jti": "3" })),
            "invalid_target",
        ),
        ("expired", jag(json!({ "exp": now - 10 })), "invalid_grant"),
        ("for a day", jag(json!({ "exp": now + 86_400 })), "invalid_grant"),
        ("without an id", jag(json!({ "jti": null })), "invalid_grant"),
        ("only scopes there are not", jag(json!({ "scope": "admin", "jti": "4" })), "invalid_scope"),
        ("an id token", header("JWT"), "invalid_grant"),
        ("an access token", header("at+jwt"), "invalid_grant"),
        ("of a stranger", stranger.id_jag(&world, &json!({})), "invalid_grant"),
        ("of a stranger in our name", stranger.id_jag(&world, &json!({ "iss": idp.url })), "invalid_grant"),
        ("nonsense", "a.b.c".to_owned(), "invalid_grant"),
    ] {
        let (_, answer) = present(&world, &assertion, &BACKEND).await;
        assert_eq!(answer["error"], expected, "{what}: {answer}");
    }
    // Nobody presents it who does not authenticate, and it allows no more than it says.
    for (form, expected) in [
        (vec![], "invalid_client"),
        (vec![("client_id", "backend")], "invalid_client"),
        (vec![("client_id", "web")], "unauthorized_client"),
        ([&BACKEND[..], &[("resource", "https://rs.example/other")]].concat(), "invalid_target"),
    ] {
        let (_, answer) = present(&world, &jag(json!({ "jti": "5" })), &form).await;
        assert_eq!(answer["error"], expected, "{form:?}: {answer}");
    }
    let more = [&BACKEND[..], &[("scope", "posts:read posts:write")]].concat();
    let (_, answer) = present(&world, &jag(json!({ "scope": "posts:read", "jti": "6" })), &more).await;
    assert_eq!(answer["error"], "invalid_scope");
    assert_eq!(stranger.fetched.load(Ordering::SeqCst), 0, "nothing is fetched for whom nobody trusts");
}

#[tokio::test]
async fn a_workload_gets_what_the_rule_for_it_says() {
    let (world, platform) = platform().await;
    let token = platform.workload(&world, &json!({}));
    // Again and again, as its platform gives it a new one once an hour only.
    for _ in 0..3 {
        let (status, answer) = present(&world, &token, &[]).await;
        assert_eq!((status, &answer["scope"]), (StatusCode::OK, &json!("posts:read")), "{answer}");
        assert_eq!(world.verify(answer["access_token"].as_str().unwrap()), Ok(()));
    }
    // The draft of the extension has the token endpoint as the audience.
    let endpoint = format!("{}/token", world.server.issuer());
    let (status, answer) =
        present(&world, &platform.workload(&world, &json!({ "aud": endpoint })), &[]).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    for (what, changes, form, expected) in [
        (
            "another spelling",
            json!({ "aud": format!("{}/", world.server.issuer()) }),
            vec![],
            "invalid_grant",
        ),
        ("another namespace", json!({ "sub": "system:serviceaccount:other:x" }), vec![], "invalid_grant"),
        ("another environment", json!({ "environment": "test" }), vec![], "invalid_grant"),
        ("without it", json!({ "environment": null }), vec![], "invalid_grant"),
        ("another audience", json!({ "aud": "https://kubernetes.default.svc" }), vec![], "invalid_grant"),
        (
            "two audiences",
            json!({ "aud": [world.server.issuer(), "https://x.example"] }),
            vec![],
            "invalid_grant",
        ),
        ("more scope", json!({}), vec![("scope", "posts:write")], "invalid_scope"),
        ("another resource", json!({}), vec![("resource", "https://evil.example")], "invalid_target"),
        ("no assertion", json!({}), vec![("assertion", "")], "invalid_request"),
    ] {
        let (_, answer) = present(&world, &platform.workload(&world, &changes), &form).await;
        assert_eq!(answer["error"], expected, "{what}: {answer}");
    }
    // An ID-JAG of a platform, or a workload's token of an identity provider, is neither.
    let jag = platform.id_jag(&world, &json!({}));
    assert_eq!(present(&world, &jag, &BACKEND).await.1["error"], "invalid_grant");
    let (organisation, idp) = organisation().await;
    let workload = idp.workload(&organisation, &json!({ "sub": "johndoe" }));
    assert_eq!(present(&organisation, &workload, &BACKEND).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn a_workload_whose_client_wants_bound_tokens_gets_no_others() {
    let jobs = json!({ "client_id": "reports-jobs", "client_name": "Reports", "redirect_uris": [CALLBACK], "demands": { "dpop_bound_access_tokens": true } });
    let mut config = AuthConfig { dpop: Dpop::Offered, ..config() };
    config.clients.push(serde_json::from_value(jobs).unwrap());
    let (world, platform) = platform_with(config).await;
    let (status, answer) = present(&world, &platform.workload(&world, &json!({})), &[]).await;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_dpop_proof")),
        "{answer}"
    );
}

#[tokio::test]
async fn strangers_slow_documents_do_not_keep_the_operators_keys_away() {
    let issuer = Issuer::serve().await;
    let subjects = json!([{ "subject": "*", "client_id": "jobs", "scopes": "posts:read" }]);
    let trusted = issuer.trusted(&json!({ "kind": "workload", "subjects": subjects }));
    let settings = AuthConfig {
        trusted_issuers: vec![trusted],
        client_documents_from_loopback: true,
        client_document_fetches: 1,
        ..config()
    };
    let world = World::with(settings).await;
    // A host that takes the request and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = |path: &str| format!("http://{}/{path}", silent.local_addr().unwrap());
    let ask = |path: &str| world.http.get(world.authorize_url(&client(path), CALLBACK, &[])).send();
    let slow = tokio::spawn(ask("slow"));
    let _taken = silent.accept().await.unwrap();
    let other = ask("other").await.unwrap().text().await.unwrap();
    assert!(other.contains("Too much is being fetched"), "{other}");
    let (status, answer) = present(&world, &issuer.workload(&world, &json!({})), &[]).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(!slow.is_finished());
    slow.abort();
}

#[tokio::test]
async fn an_issuer_that_is_down_takes_nobodys_known_keys_away() {
    let (world, platform) = platform().await;
    platform.down.store(1, Ordering::SeqCst);
    let present = async || present(&world, &platform.workload(&world, &json!({})), &[]).await;
    let (status, answer) = present().await;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("temporarily_unavailable"))
    );
    assert_eq!(present().await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(platform.fetched.load(Ordering::SeqCst), 1, "not again and again");
    platform.down.store(0, Ordering::SeqCst);
    world.advance(30);
    assert_eq!(present().await.0, StatusCode::OK);
    platform.down.store(1, Ordering::SeqCst);
    world.advance(7200);
    assert_eq!(present().await.0, StatusCode::OK);
}
