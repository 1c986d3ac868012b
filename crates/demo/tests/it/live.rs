//! What happens while connections are open: changes reach subscribers, and a stop ends everything in order.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::wire::{Caller, ERAS, Era};
use crate::world::{BOTH, World, post};

/// The addresses of `notifications/resources/updated` as they come, and `LIST` for `…/list_changed`.
struct Updates {
    response: reqwest::Response,
    text: String,
}

const LIST: &str = "the list";

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
                let wanted = json!({ "resourceSubscriptions": uris, "resourcesListChanged": true });
                let params = json!({ "notifications": wanted });
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
                if message["method"] == "notifications/resources/list_changed" {
                    return Some(LIST.to_owned());
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
        for status in ["published", "draft"] {
            change(&draft, json!({ "status": status })).await;
            let heard = [updates.next().await.unwrap(), updates.next().await.unwrap()];
            assert_eq!(BTreeSet::from(heard), BTreeSet::from([LIST.to_owned(), uris[0].clone()]), "{status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_come_and_go_change_the_list() {
    let world = World::start().await;
    let (john, jane) = (world.token("johndoe", BOTH).await, world.token("janedoe", BOTH).await);
    for era in ERAS {
        let caller = Caller::open(&world, era, jane.clone()).await;
        let recent = "posts://recent".to_owned();
        let mut updates = Updates::open(&caller, std::slice::from_ref(&recent)).await;
        let both = BTreeSet::from([LIST.to_owned(), recent.clone()]);
        let john = Caller::open(&world, era, john.clone()).await;
        let id = john.tool("create_post", post("Comes and goes", "published")).await["id"].clone();
        let heard = [updates.next().await.unwrap(), updates.next().await.unwrap()];
        assert_eq!(BTreeSet::from(heard), both);
        // Neither a draft nor another title changes what everybody's list holds.
        john.tool("create_post", post("Nobody hears", "draft")).await;
        for title in ["Stays", "Still there"] {
            john.tool("update_post", json!({ "id": id, "title": title })).await;
            assert_eq!(updates.next().await.as_ref(), Some(&recent));
        }
        let rest = world.rest(Method::DELETE, &format!("/posts/{id}"), Some(&john.token), None).await;
        assert_eq!(rest.status, StatusCode::NO_CONTENT);
        let heard = [updates.next().await.unwrap(), updates.next().await.unwrap()];
        assert_eq!(BTreeSet::from(heard), both);
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

/// The transport of 2024-11-05 beside the others: the same tokens, and the same calls.
#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_transport_is_there_too() {
    let world = World::start().await;
    let sse = || world.http.get(world.url("/sse")).header("accept", "text/event-stream");
    let refused = sse().send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("/.well-known/oauth-protected-resource/sse"), "{challenge}");

    let token = world.token("johndoe", BOTH).await;
    let mut stream = sse().bearer_auth(&token).send().await.unwrap();
    let mut text = String::new();
    let mut read_until = async |wanted: &str| {
        while !text.contains(wanted) {
            let chunk = tokio::time::timeout(Duration::from_secs(20), stream.chunk()).await.unwrap();
            text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        }
        std::mem::take(&mut text)
    };
    let first = read_until("\n\n").await;
    let messages = first.strip_prefix("event: endpoint\ndata: ").unwrap().trim_end().to_owned();
    let call =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "list_posts" } });
    let (path, query) = messages.split_once('?').unwrap();
    let mut url = world.url(path);
    url.set_query(Some(query));
    let sent = world.http.post(url).bearer_auth(&token).json(&call).send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    let answer = read_until("\n\n").await;
    assert!(answer.starts_with("event: message\ndata: {") && answer.contains("posts"), "{answer}");
    world.stop().await;
}
