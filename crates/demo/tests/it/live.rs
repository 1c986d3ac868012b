//! What happens while connections are open: changes reach subscribers, and a stop ends everything in order.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::wire::{Caller, ERAS, Era};
use crate::world::{BOTH, World, post};

/// The addresses of `notifications/resources/updated` as they come.
struct Updates {
    response: reqwest::Response,
    text: String,
}

impl Updates {
    async fn open(caller: &Caller<'_>, uris: &[String]) -> Self {
        let response = match caller.era {
            Era::Legacy => {
                for uri in uris {
                    let reply = caller.call(json!(1), "resources/subscribe", json!({ "uri": uri })).await;
                    assert!(reply.message["result"].is_object(), "{reply:?}");
                }
                caller.stream().await
            }
            Era::Modern => {
                let params = json!({ "notifications": { "resourceSubscriptions": uris } });
                caller.send(json!("sub"), "subscriptions/listen", params).await
            }
        };
        assert_eq!(response.status(), StatusCode::OK);
        Self { response, text: String::new() }
    }

    /// The next one; `None` when the stream has ended.
    async fn next(&mut self) -> Option<String> {
        loop {
            while let Some((event, rest)) =
                self.text.split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned()))
            {
                self.text = rest;
                let data: String = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                let message: Value = serde_json::from_str(&data).unwrap_or_default();
                if message["method"] == "notifications/resources/updated" {
                    return message["params"]["uri"].as_str().map(str::to_owned);
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_over_rest_reaches_subscribers_over_mcp() {
    let world = World::start().await;
    let (john, jane) = (world.token("johndoe", BOTH).await, world.token("janedoe", BOTH).await);
    let create = async |title: &str, status: &str| {
        let post = world.rest(Method::POST, "/posts", Some(&john), Some(post(title, status))).await.json();
        format!("{}", post["id"])
    };
    let (draft, public) = (create("Draft", "draft").await, create("Public", "published").await);
    let change = async |id: &str, change: Value| {
        let answer = world.rest(Method::PATCH, &format!("/posts/{id}"), Some(&john), Some(change)).await;
        assert_eq!(answer.status, StatusCode::OK);
    };
    for era in ERAS {
        let caller = Caller::open(&world, era, jane.clone()).await;
        let uris = [format!("post://{draft}"), format!("post://{public}")];
        let mut updates = Updates::open(&caller, &uris).await;
        change(&draft, json!({ "title": "Still a draft" })).await;
        change(&public, json!({ "title": "Changed" })).await;
        assert_eq!(updates.next().await.as_ref(), Some(&uris[1]), "nobody hears of a draft");
        change(&draft, json!({ "status": "published" })).await;
        assert_eq!(updates.next().await.as_ref(), Some(&uris[0]));
        change(&draft, json!({ "status": "draft" })).await;
        assert_eq!(updates.next().await.as_ref(), Some(&uris[0]), "that it is gone is heard");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_calls_end_and_ends_streams() {
    let world = World::start().await;
    let token = world.token("johndoe", BOTH).await;
    let caller = Caller::open(&world, Era::Modern, token.clone()).await;
    let mut updates = Updates::open(&caller, &["posts://recent".to_owned()]).await;
    // 30 posts, 50 ms each: under way while the server stops.
    let params = json!({
        "name": "export_posts", "arguments": { "pause_ms": 50 }, "_meta": { "progressToken": "p" },
    });
    let mut export = caller.send(json!(1), "tools/call", params).await;
    assert!(export.chunk().await.unwrap().is_some(), "it has begun");

    let (origin, http) = (world.origin.clone(), world.http.clone());
    let ended = tokio::spawn(async move {
        let mut bytes = Vec::new();
        while let Some(chunk) = export.chunk().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).unwrap()
    });
    let stopped = world.stop_soon();
    assert_eq!(updates.next().await, None, "the stream ends");
    assert!(ended.await.unwrap().contains("\"result\""), "the call in flight was answered");
    stopped.await;
    assert!(http.get(origin.join("/healthz").unwrap()).send().await.unwrap_err().is_connect());
}
