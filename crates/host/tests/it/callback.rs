//! Where authorization servers send the browser back to.

use reqwest::StatusCode;

use crate::support::Running;

#[tokio::test]
async fn a_login_that_nobody_started_here_is_a_readable_page() {
    let running = Running::start().await;
    for page in [running.browser(), running.open().await] {
        for query in [
            "",
            "?code=abc&state=foreign&iss=http://evil.example",
            "?error=access_denied&state=foreign",
            "?state=%ff&code",
        ] {
            let response = page.get(&format!("/callback{query}")).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST);
            assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
            assert_eq!(response.headers()["cache-control"], "no-store");
            let text = response.text().await.unwrap();
            assert!(text.contains("log in again") && !text.contains("foreign"), "{text}");
        }
    }
}
