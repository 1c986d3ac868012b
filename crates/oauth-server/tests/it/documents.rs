//! Clients that are named by the URL of their own document.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::response::IntoResponse;
use axum::routing::get;
use barewire_oauth_server::AuthConfig;
use barewire_testkit::{Browser, Page};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::world::{CALLBACK, World, config, query};

/// A web server with documents: a good one, and each kind of bad one.
struct Documents {
    origin: String,
    fetched: Arc<AtomicUsize>,
}

impl Documents {
    async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let fetched = Arc::new(AtomicUsize::new(0));
        let document_as = |content_type: &'static str, path: &str, more: Value| {
            let mut body = json!({
                "client_id": format!("{origin}{path}"), "client_name": "A documented app",
                "redirect_uris": [CALLBACK, "https://app.example/cb"],
                "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none"
            });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let count = Arc::clone(&fetched);
            get(move || async move {
                count.fetch_add(1, Ordering::SeqCst);
                ([(CACHE_CONTROL, "max-age=600"), (CONTENT_TYPE, content_type)], body.to_string())
                    .into_response()
            })
        };
        let document = |path: &str, more: Value| document_as("application/json", path, more);
        let good = format!("{origin}/good");
        let app = Router::new()
            .route("/good", document("/good", json!({})))
            .route("/other-id", document("/good", json!({})))
            .route("/secret", document("/secret", json!({ "client_secret": "x" })))
            .route("/huge", document("/huge", json!({ "x": "y".repeat(20_000) })))
            .route("/redirect", get(move || async move { (StatusCode::FOUND, [(LOCATION, good)]) }))
            .route("/text", document_as("text/plain", "/text", json!({})))
            .route("/upload", document_as("application/octet-stream", "/upload", json!({})))
            .route("/cimd", document_as("application/cimd+json", "/cimd", json!({})))
            .route("/broken", get(|| async { ([(CONTENT_TYPE, "application/json")], "{\"\u{202E}") }))
            .route("/html", get(|| async { ([(CONTENT_TYPE, "text/html")], "<!doctype html>") }))
            .route("/slow", get(|| async { std::future::pending::<()>().await }));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { origin, fetched }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

fn development() -> AuthConfig {
    AuthConfig { client_documents_from_loopback: true, ..config() }
}

async fn page(world: &World, client: &str) -> Page {
    Browser::new().open(&world.authorize_url(client, CALLBACK, &[])).await.unwrap()
}

#[tokio::test]
async fn a_document_makes_a_client() {
    let world = World::with(development()).await;
    let documents = Documents::serve().await;
    let client = documents.url("/good");
    let url = world.authorize_url(&client, CALLBACK, &[]);
    let mut browser = Browser::new();
    let callback = browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let consent = browser.open(&url).await.unwrap().text();
    assert!(consent.contains("Identified by 127.0.0.1"), "{consent}");
    let (status, answer) = world.redeem(&client, &query(&callback)["code"]).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let refresh = answer["refresh_token"].as_str().unwrap();
    assert_eq!(world.refresh(&client, refresh).await.0, StatusCode::OK);
    // One fetch for all of it, and another when its time is over.
    assert_eq!(documents.fetched.load(Ordering::SeqCst), 1);
    world.advance(599);
    page(&world, &client).await;
    assert_eq!(documents.fetched.load(Ordering::SeqCst), 1);
    world.advance(1);
    page(&world, &client).await;
    assert_eq!(documents.fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_bad_document_gets_a_page_that_says_why() {
    let settings =
        AuthConfig { client_document_timeout: std::time::Duration::from_millis(300), ..development() };
    let world = World::with(settings).await;
    let documents = Documents::serve().await;
    for (path, reason) in [
        ("/other-id", "not the URL it was fetched from"),
        ("/secret", "client_secret"),
        ("/huge", "too large"),
        ("/redirect", "status 302"),
        ("/missing", "status 404"),
        ("/html", "did not send the document as application/json"),
        ("/text", "did not send the document as application/json"),
        ("/upload", "did not send the document as application/json"),
        ("/broken", "cannot be read"),
        ("/slow", "did not answer"),
        ("/a/../good", "normal form"),
        ("/", "path"),
    ] {
        let page = page(&world, &documents.url(path)).await;
        assert!(page.status.is_client_error() || page.status == StatusCode::BAD_GATEWAY, "{path}");
        assert!(page.text().contains(reason), "{path}: {}", page.text());
        assert!(!page.body.contains('\u{202E}'), "{path}");
    }
    assert_eq!(page(&world, &documents.url("/cimd")).await.url.path(), "/login");
}

#[tokio::test]
async fn private_addresses_are_not_fetched_from() {
    let world = World::new().await;
    let documents = Documents::serve().await;
    // Not by default, not by https, not under any spelling; and in development this machine only.
    for client in [
        documents.url("/good"),
        documents.url("/good").replace("http:", "https:"),
        "https://localhost/client.json".to_owned(),
        "https://[::1]/client.json".to_owned(),
        "https://[::ffff:7f00:1]/client.json".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/client.json".to_owned(),
        "https://localhost./client.json".to_owned(),
        "https://LOCALHOST/client.json".to_owned(),
        "https://127.1/client.json".to_owned(),
        "https://2130706433/client.json".to_owned(),
        "https://0x7f.0.0.1/client.json".to_owned(),
        "https://0177.0.0.1/client.json".to_owned(),
        "https://[::ffff:127.0.0.1]/client.json".to_owned(),
        "https://[::ffff:a9fe:a9fe]/client.json".to_owned(),
        "https://[64:ff9b::a9fe:a9fe]/client.json".to_owned(),
        "https://[fe80::1]/client.json".to_owned(),
        "https://[fd00:ec2::254]/latest/meta-data".to_owned(),
        "https://0.0.0.0/client.json".to_owned(),
        "https://user@localhost/client.json".to_owned(),
        "https://app.example@localhost/client.json".to_owned(),
        "https://localhost\\@app.example/client.json".to_owned(),
        "https://localhost/client.json#https://app.example".to_owned(),
    ] {
        let page = page(&world, &client).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{client}: {}", page.text());
    }
    // A name that leads into the private network and one that does not exist look alike.
    let nowhere = format!("https://{}.example/client.json", "x".repeat(64));
    let (nowhere_page, inside) =
        (page(&world, &nowhere).await, page(&world, "https://localhost/client.json").await);
    assert_eq!(nowhere_page.status, inside.status);
    let of = |page: &Page, host: &str| page.text().replace(host, "?");
    let host = format!("{}.example", "x".repeat(64));
    assert_eq!(of(&nowhere_page, &host), of(&inside, "localhost"));
    assert_eq!(documents.fetched.load(Ordering::SeqCst), 0);
    let world = World::with(development()).await;
    let page = page(&world, "https://10.0.0.1/client.json").await;
    assert!(page.text().contains("cannot be found on the public internet"), "{}", page.text());
}

#[tokio::test]
async fn documents_can_be_limited_to_hosts_or_turned_off() {
    let documents = Documents::serve().await;
    let client = documents.url("/good");
    for settings in [
        AuthConfig { client_documents: false, ..development() },
        AuthConfig { client_document_hosts: vec!["app.example".into()], ..development() },
    ] {
        let world = World::with(settings).await;
        assert!(page(&world, &client).await.text().contains("does not accept"));
    }
    let listed = AuthConfig { client_document_hosts: vec!["127.0.0.1".into()], ..development() };
    assert_eq!(page(&World::with(listed).await, &client).await.url.path(), "/login");
}

#[tokio::test]
async fn a_document_of_a_strangers_site_does_not_redirect_there_by_itself() {
    let world = World::with(development()).await;
    let documents = Documents::serve().await;
    let url = |uri: &str| world.authorize_url(&documents.url("/good"), uri, &[("scope", "x")]);
    let page = Browser::new().open(&url("https://app.example/cb")).await.unwrap();
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.link("app.example").unwrap().as_str().contains("error=invalid_scope"));
    let answer = world.http.get(url(CALLBACK)).send().await.unwrap();
    assert!(answer.headers()["location"].to_str().unwrap().starts_with(CALLBACK));
}

#[tokio::test]
async fn a_host_that_is_accepted_no_more_gets_no_further_tokens() {
    let world = World::with(development()).await;
    let documents = Documents::serve().await;
    let client = documents.url("/good");
    let (_, answer) = world.redeem(&client, &world.code(&client).await).await;
    let refresh = answer["refresh_token"].as_str().unwrap();
    let without = AuthConfig { client_documents: false, ..development() };
    let elsewhere = AuthConfig { client_document_hosts: vec!["app.example".into()], ..development() };
    let mut world = world;
    for settings in [without, elsewhere, config()] {
        world = world.restarted(settings).await;
        let (status, answer) = world.refresh(&client, refresh).await;
        assert_eq!((status, &answer["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
    }
    let world = world.restarted(development()).await;
    assert_eq!(world.refresh(&client, refresh).await.0, StatusCode::OK);
}
