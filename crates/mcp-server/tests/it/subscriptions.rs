//! What is published, and who hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use barewire_mcp_server::{Principal, ResourceServer, TokenVerifier};
use barewire_oauth::bearer::{BearerError, Standing};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Probe, Server, Stream, resource_server, toolbox};

async fn listen(client: &Client, id: impl Into<Value>, filter: Value) -> Stream {
    let message = client.message(id, "subscriptions/listen", json!({ "notifications": filter }));
    Stream::open(client.post(&message).await)
}

#[tokio::test]
async fn a_listener_is_told_first_what_it_will_get() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let wanted = json!({
        "toolsListChanged": true, "resourceSubscriptions": ["test://static", "test://nothing", "test://item/1"],
    });
    let mut stream = listen(&server.modern(), "sub", wanted).await;
    let meta = json!({ "io.modelcontextprotocol/subscriptionId": "sub" });
    let agreed =
        json!({ "toolsListChanged": true, "resourceSubscriptions": ["test://static", "test://item/1"] });
    assert_eq!(
        stream.next().await.unwrap(),
        json!({
            "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
            "params": { "_meta": meta, "notifications": agreed },
        })
    );

    let publish = server.mcp.publish();
    publish.prompts_changed();
    publish.resource_updated("test://bytes");
    publish.tools_changed();
    let expected = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": { "_meta": meta } });
    assert_eq!(stream.next().await.unwrap(), expected, "only what was asked for");
    publish.resource_updated("test://item/1");
    assert_eq!(stream.next().await.unwrap()["params"], json!({ "_meta": meta, "uri": "test://item/1" }));
}

#[tokio::test]
async fn one_call_reaches_both_eras() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let legacy = server.legacy().await;
    let mut get = legacy.listen().await;
    let subscribe = async |method: &str| legacy.request(2, method, json!({ "uri": "test://static" })).await;
    assert_eq!(subscribe("resources/subscribe").await.body["result"], json!({}));
    let unknown = legacy.request(2, "resources/subscribe", json!({ "uri": "test://nothing" })).await;
    assert_eq!(unknown.code(), -32002);
    let mut stream = listen(&server.modern(), 1, json!({ "promptsListChanged": true })).await;
    stream.next().await.unwrap();

    let publish = server.mcp.publish();
    publish.resource_updated("test://static");
    let updated = get.next().await.unwrap();
    assert_eq!(updated["params"], json!({ "uri": "test://static" }));
    publish.prompts_changed();
    for stream in [&mut get, &mut stream] {
        assert_eq!(stream.next().await.unwrap()["method"], "notifications/prompts/list_changed");
    }
    assert_eq!(subscribe("resources/unsubscribe").await.body["result"], json!({}));
    publish.resource_updated("test://static");
    publish.tools_changed();
    assert_eq!(get.next().await.unwrap()["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn a_session_hears_each_thing_once() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let legacy = server.legacy().await;
    let mut old = legacy.listen().await;
    let mut new = legacy.listen().await;
    server.mcp.publish().tools_changed();
    assert_eq!(new.next().await.unwrap()["method"], "notifications/tools/list_changed");
    legacy.bare(reqwest::Method::DELETE).await;
    assert_eq!((old.next().await, new.next().await), (None, None));
}

#[tokio::test]
async fn draining_ends_streams_with_a_word_and_lets_calls_finish() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(toolbox(&probe).build().unwrap()).await;
    let modern = server.modern();
    let mut stream = listen(&modern, 5, json!({ "toolsListChanged": true })).await;
    stream.next().await.unwrap();
    let mut get = server.legacy().await.listen().await;
    let mut call = modern.call_streaming(1, "slow", json!({})).await;
    call.next().await.unwrap();

    let drained = server.mcp.drain();
    let closed = stream.next().await.unwrap();
    assert_eq!((&closed["id"], &closed["result"]["resultType"]), (&json!(5), &json!("complete")));
    assert_eq!(closed["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 5);
    assert_eq!((stream.next().await, get.next().await), (None, None));
    let refused = modern.request(2, "tools/list", json!({})).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    assert!(drained.remaining() > 0);
    probe.go.notify_one();
    assert_eq!(call.next().await.unwrap()["result"]["content"][0]["text"], "finished");
    drop(call);
    drained.wait().await;
}

#[tokio::test]
async fn nobody_hears_of_what_they_may_not_read() {
    use barewire_mcp_server::{Context, McpServer, Resource};
    let mcp = McpServer::builder("x", "1")
        .resource(Resource::new("test://open", "Open"), |_: Context| async { Ok("x") })
        .resource(Resource::new("test://closed", "Closed").scopes(["write"]), |_: Context| async { Ok("x") })
        .auth(resource_server())
        .build()
        .unwrap();
    let server = Server::start(mcp).await;
    let wanted = json!({ "resourceSubscriptions": ["test://open", "test://closed"] });
    for (token, expected) in
        [("ann.read", json!(["test://open"])), ("ann.write", wanted["resourceSubscriptions"].clone())]
    {
        let mut stream = listen(&server.modern().with_token(token), 1, wanted.clone()).await;
        let agreed = &stream.next().await.unwrap()["params"]["notifications"];
        assert_eq!(agreed["resourceSubscriptions"], expected);
    }
    let legacy = server.legacy_as(Some("ann.read")).await;
    let refused = legacy.request(1, "resources/subscribe", json!({ "uri": "test://closed" })).await;
    assert_eq!(refused.code(), -32002);

    // Nor once they may not any more: a session outlives its tokens, and the next may allow less.
    let session = server.legacy_as(Some("ann.write")).await;
    for uri in ["test://open", "test://closed"] {
        let subscribed = session.request(1, "resources/subscribe", json!({ "uri": uri })).await;
        assert_eq!(subscribed.body["result"], json!({}), "{uri}");
    }
    let mut stream = session.with_token("ann.read").listen().await;
    let publish = server.mcp.publish();
    publish.resource_updated("test://closed");
    publish.resource_updated("test://open");
    assert_eq!(stream.next().await.unwrap()["params"]["uri"], "test://open");
}

/// Ann's token is good until the test says otherwise.
pub(crate) struct Revocable(pub(crate) Arc<AtomicBool>);

impl TokenVerifier for Revocable {
    async fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, BearerError> {
        let mut principal = Principal::new("ann");
        let millis = match token {
            "brief" => 5,
            "short" => 500,
            _ => 60_000,
        };
        principal.expires_at = Some(now + Duration::from_millis(millis));
        Ok(principal)
    }

    fn standing(&self, _principal: &Principal) -> Standing {
        if self.0.load(Ordering::SeqCst) { Standing::Revoked } else { Standing::Unchanged }
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let revoked = Arc::new(AtomicBool::new(false));
    let auth = ResourceServer::new("https://api.example.com/mcp", Revocable(revoked.clone()))
        .authorization_server("https://as.example.com");
    let server = Server::start(toolbox(&Arc::default()).auth(auth).build().unwrap()).await;
    let filter = json!({ "toolsListChanged": true });
    let mut brief = listen(&server.modern().with_token("brief"), 1, filter.clone()).await;
    brief.next().await.unwrap();
    assert_eq!(brief.next().await.unwrap()["result"]["resultType"], "complete");

    let mut stream = listen(&server.modern().with_token("long"), 1, filter).await;
    stream.next().await.unwrap();
    let publish = server.mcp.publish();
    publish.tools_changed();
    assert_eq!(stream.next().await.unwrap()["method"], "notifications/tools/list_changed");
    revoked.store(true, Ordering::SeqCst);
    publish.tools_changed();
    assert_eq!(
        stream.next().await.unwrap()["result"]["resultType"],
        "complete",
        "it ends instead of telling"
    );
}

/// Nothing is said on a silent stream, so nothing else would find out.
#[tokio::test]
async fn a_silent_stream_ends_when_its_reader_has_lost_access_and_no_other_does() {
    let revoked = Arc::new(AtomicBool::new(false));
    let auth = ResourceServer::new("https://api.example.com/mcp", Revocable(revoked.clone()))
        .authorization_server("https://as.example.com");
    let server = Server::start(toolbox(&Arc::default()).auth(auth).build().unwrap()).await;
    let publish = server.mcp.publish();
    let mut listening =
        listen(&server.modern().with_token("long"), 1, json!({ "toolsListChanged": true })).await;
    listening.next().await.unwrap();
    let mut get = server.legacy_as(Some("long")).await.listen().await;

    publish.access_changed();
    publish.tools_changed();
    for stream in [&mut listening, &mut get] {
        assert_eq!(stream.next().await.unwrap()["method"], "notifications/tools/list_changed");
    }
    revoked.store(true, Ordering::SeqCst);
    publish.access_changed();
    assert_eq!(listening.next().await.unwrap()["result"]["resultType"], "complete");
    assert_eq!((listening.next().await, get.next().await), (None, None));
}
