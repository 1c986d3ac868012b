//! What happens to the work when its client does not want it any more.

use std::sync::Arc;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Probe, Server, toolbox};

async fn start() -> (Arc<Probe>, Server) {
    let probe = Arc::new(Probe::default());
    let server = Server::start(toolbox(&probe).build().unwrap()).await;
    (probe, server)
}

async fn cancel(client: &Client, id: impl Into<Value>) {
    let params = json!({ "requestId": id.into(), "reason": "changed my mind" });
    let told = client
        .post(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }))
        .await;
    assert_eq!(told.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn closing_a_modern_stream_drops_the_work() {
    let (probe, server) = start().await;
    let mut stream = server.modern().call_streaming(1, "slow", json!({})).await;
    assert_eq!(stream.next().await.unwrap()["method"], "notifications/progress");
    drop(stream);
    probe.ended.notified().await;
}

#[tokio::test]
async fn closing_before_there_is_a_stream_drops_the_work_too() {
    let (probe, server) = start().await;
    let client = server.modern();
    // Without a progress token nothing is said, so the head is not out yet.
    let call = tokio::spawn(async move { client.call("slow", json!({})).await });
    probe.reached.notified().await;
    call.abort();
    probe.ended.notified().await;
}

#[tokio::test]
async fn work_on_other_tasks_is_told() {
    let (probe, server) = start().await;
    let client = server.modern();
    let call = tokio::spawn(async move { client.call("elsewhere", json!({})).await });
    probe.reached.notified().await;
    call.abort();
    probe.ended.notified().await;
}

#[tokio::test]
async fn a_lost_legacy_connection_is_no_cancellation() {
    let (probe, server) = start().await;
    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(1, "slow", json!({})).await;
    stream.next().await.unwrap();
    drop(stream);
    probe.go.notify_one();
    probe.finished.notified().await;
}

#[tokio::test]
async fn a_legacy_client_cancels_by_saying_so() {
    let (probe, server) = start().await;
    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(5, "slow", json!({})).await;
    stream.next().await.unwrap();
    cancel(&legacy, 5).await;
    probe.ended.notified().await;
    assert_eq!(stream.next().await, None, "a cancelled call is not answered");
}

#[tokio::test]
async fn only_ones_own_calls_can_be_cancelled() {
    let (probe, server) = start().await;
    let (one, other) = (server.legacy().await, server.legacy().await);
    let mut stream = one.call_streaming(5, "slow", json!({})).await;
    stream.next().await.unwrap();
    cancel(&other, 5).await;
    cancel(&one, 6).await;
    cancel(&one, "5").await;
    probe.go.notify_one();
    assert_eq!(stream.next().await.unwrap()["result"]["content"][0]["text"], "finished");
}

#[tokio::test]
async fn a_detached_call_can_still_be_cancelled() {
    let (probe, server) = start().await;
    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(5, "slow", json!({})).await;
    stream.next().await.unwrap();
    drop(stream);
    cancel(&legacy, 5).await;
    probe.ended.notified().await;
}

/// A detached call must not be detached again when its task is dropped with everything else.
#[test]
fn the_end_of_the_runtime_is_the_end_of_detached_calls() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let probe = runtime.block_on(async {
        let (probe, server) = start().await;
        let legacy = server.legacy().await;
        let mut streaming = legacy.call_streaming(5, "slow", json!({})).await;
        streaming.next().await.unwrap();
        // One without a stream, too.
        let call = tokio::spawn(async move { legacy.call("slow", json!({})).await });
        probe.reached.notified().await;
        probe.reached.notified().await;
        call.abort();
        drop(streaming);
        probe
    });
    drop(runtime);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(probe.ended.notified());
}
