//! The page's files.

use std::sync::Arc;

use barewire_host::{HostConfig, MemoryHostStore};
use barewire_testkit::TempDir;
use reqwest::{Method, StatusCode};

use crate::support::{Page, Running};

async fn with_page(files: &[(&str, &str)]) -> (Running, TempDir) {
    let folder = TempDir::new();
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let config = HostConfig { page: Some(folder.path().to_owned()), ..HostConfig::default() };
    (Running::with(config, Arc::new(MemoryHostStore::default())).await, folder)
}

async fn get(page: &Page, path: &str, accept: &str) -> (StatusCode, String, String, String) {
    let response = page.raw(Method::GET, path).header("accept", accept).send().await.unwrap();
    let header =
        |name: &str| response.headers().get(name).map_or(String::new(), |it| it.to_str().unwrap().to_owned());
    let (media_type, cache) = (header("content-type"), header("cache-control"));
    (response.status(), media_type, cache, response.text().await.unwrap())
}

#[tokio::test]
async fn files_have_their_type_and_the_page_is_everywhere_else() {
    let files = [("index.html", "<p>page</p>"), ("assets/app-1a2b.js", "let a"), ("icon.svg", "<svg/>")];
    let (running, _folder) = with_page(&files).await;
    let page = running.browser();
    let html = "text/html; charset=utf-8";
    let plain = "text/plain; charset=utf-8";
    let hashed = "public, max-age=31536000, immutable";
    let gone = "There is no such file.\n";
    for (path, accept, status, media_type, cache, text) in [
        ("/", "text/html", 200, html, "no-cache", "<p>page</p>"),
        ("/index.html", "*/*", 200, html, "no-cache", "<p>page</p>"),
        ("/servers/1", "text/html", 200, html, "no-cache", "<p>page</p>"),
        ("/assets/app-1a2b.js", "*/*", 200, "text/javascript; charset=utf-8", hashed, "let a"),
        ("/icon.svg", "*/*", 200, "image/svg+xml", "no-cache", "<svg/>"),
        ("/assets/gone-3c4d.js", "text/html", 404, plain, "no-store", gone),
        ("/gone.png", "image/*", 404, plain, "no-store", gone),
        ("/%2e%2e/secret", "*/*", 404, plain, "no-store", gone),
    ] {
        let found = get(&page, path, accept).await;
        let expected =
            (StatusCode::from_u16(status).unwrap(), media_type.to_owned(), cache.to_owned(), text.to_owned());
        assert_eq!(found, expected, "{path}");
    }
    let api = get(&page, "/api/gone", "text/html").await;
    assert_eq!((api.0, api.1.as_str()), (StatusCode::NOT_FOUND, "application/json"));
    assert_eq!(page.post("/", &serde_json::json!({})).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let (running, folder) = with_page(&[("index.html", "one")]).await;
    let page = running.browser();
    let tag = page.get("/").await.headers()["etag"].clone();
    let again = || page.raw(Method::GET, "/").header("if-none-match", tag.clone()).send();
    assert_eq!(again().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    std::fs::write(folder.join("index.html"), "two").unwrap();
    assert_eq!(again().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_page_that_was_not_built_says_how_to_build_it() {
    let (running, _folder) = with_page(&[]).await;
    let (status, _, _, text) = get(&running.browser(), "/", "text/html").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("cargo xtask demo"), "{text}");
}
