//! Legacy streams that break off and are taken up again.

use std::sync::Arc;
use std::time::Duration;

use barewire_mcp_server::{Context, Limits, McpServer, NoArguments, Tool};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{Client, Probe, Server, Stream, resource_server};

/// Reports three times, and waits for the test after the first.
fn reporter(probe: &Arc<Probe>) -> barewire_mcp_server::McpServerBuilder {
    let probe = probe.clone();
    McpServer::builder("x", "1").tool(Tool::new("report", "Reports."), move |ctx: Context, _: NoArguments| {
        let probe = probe.clone();
        async move {
            ctx.progress(1.0, None, None).await;
            probe.go.notified().await;
            ctx.progress(2.0, None, None).await;
            ctx.progress(3.0, None, None).await;
            probe.finished.notify_one();
            Ok("done")
        }
    })
}

async fn resume(client: &Client, id: &str) -> Stream {
    client.clone().with_header("last-event-id", id).listen().await
}

async fn start() -> (Arc<Probe>, Server) {
    let probe = Arc::new(Probe::default());
    let server = Server::start(reporter(&probe).build().unwrap()).await;
    (probe, server)
}

#[tokio::test]
async fn nothing_is_lost_and_nothing_comes_twice() {
    let (probe, server) = start().await;
    let legacy = server.legacy().await;
    let mut first = legacy.call_streaming(4, "report", json!({})).await;
    assert_eq!(first.next().await.unwrap()["params"]["progress"], 1);
    let id = first.last_event_id.clone().unwrap();
    drop(first);
    probe.go.notify_one();
    probe.finished.notified().await;

    let mut second = resume(&legacy, &id).await;
    assert_eq!(second.next().await.unwrap()["params"]["progress"], 2);
    let id = second.last_event_id.clone().unwrap();
    drop(second);
    let mut third = resume(&legacy, &id).await;
    assert_eq!(third.next().await.unwrap()["params"]["progress"], 3);
    let end = third.next().await.unwrap();
    assert_eq!((&end["id"], &end["result"]["content"][0]["text"]), (&json!(4), &json!("done")));
    assert_eq!(third.next().await, None);
}

#[tokio::test]
async fn a_call_of_minutes_lets_its_client_go_and_come_back() {
    let probe = Arc::new(Probe::default());
    let gate = probe.clone();
    let tool = Tool::new("long", "Takes long.");
    let server = McpServer::builder("x", "1").tool(tool, move |ctx: Context, _: NoArguments| {
        let probe = gate.clone();
        async move {
            ctx.progress(1.0, None, None).await;
            ctx.close_stream(Duration::from_millis(1_500)).await;
            probe.go.notified().await;
            Ok("done")
        }
    });
    let server = Server::start(server.build().unwrap()).await;
    let legacy = server.legacy().await;
    let mut first = legacy.call_streaming(4, "long", json!({})).await;
    assert_eq!(first.next().await.unwrap()["params"]["progress"], 1);
    assert_eq!(first.next().await, None, "the server closed it");
    assert_eq!(first.retry(), Some(Duration::from_millis(1_500)));
    let mut second = resume(&legacy, &first.last_event_id.clone().unwrap()).await;
    probe.go.notify_one();
    assert_eq!(second.next().await.unwrap()["result"]["content"][0]["text"], "done");
    assert_eq!(second.next().await, None);

    // The newest revision has no way back, so its clients stay.
    let mut stream = server.modern().call_streaming(5, "long", json!({})).await;
    assert_eq!(stream.next().await.unwrap()["params"]["progress"], 1);
    probe.go.notify_one();
    assert_eq!(stream.next().await.unwrap()["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn a_stream_can_be_taken_up_before_it_said_anything() {
    let probe = Arc::new(Probe::default());
    let limits = Limits { first_byte: Duration::from_millis(5), ..Limits::default() };
    let server = Server::start(crate::support::toolbox(&probe).limits(limits).build().unwrap()).await;
    let legacy = server.legacy().await;
    let response = legacy.post(&legacy.message(1, "tools/call", json!({ "name": "quiet" }))).await;
    let mut first = Stream::open(response);
    let id = first.event_id().await;
    drop(first);
    let mut second = resume(&legacy, &id).await;
    probe.go.notify_one();
    assert_eq!(second.next().await.unwrap()["result"]["content"][0]["text"], "at last");
}

#[tokio::test]
async fn two_readers_do_not_share_a_stream() {
    let (probe, server) = start().await;
    let legacy = server.legacy().await;
    let mut first = legacy.call_streaming(4, "report", json!({})).await;
    first.next().await.unwrap();
    let mut second = resume(&legacy, first.last_event_id.as_ref().unwrap()).await;
    assert_eq!(first.next().await, None, "the newer one goes on");
    probe.go.notify_one();
    assert_eq!(second.next().await.unwrap()["params"]["progress"], 2);
}

#[tokio::test]
async fn an_event_id_is_good_for_its_session_and_principal_only() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(reporter(&probe).auth(resource_server()).build().unwrap()).await;
    let ann = server.legacy_as(Some("ann.read")).await;
    let mut first = ann.call_streaming(4, "report", json!({})).await;
    first.next().await.unwrap();
    let id = first.last_event_id.clone().unwrap();
    drop(first);
    let others = [server.legacy_as(Some("ann.read")).await, server.legacy_as(Some("bob.read")).await];
    for other in others {
        // What it gets is the stream of its own session.
        let mut stream = resume(&other, &id).await;
        server.mcp.publish().tools_changed();
        assert_eq!(stream.next().await.unwrap()["method"], "notifications/tools/list_changed");
    }
    assert_eq!(
        ann.clone().with_header("last-event-id", "x").bare(reqwest::Method::GET).await.status(),
        StatusCode::OK
    );
    probe.go.notify_one();
    assert_eq!(resume(&ann, &id).await.next().await.unwrap()["params"]["progress"], 2);
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let probe = Arc::new(Probe::default());
    let limits = Limits { max_replay_bytes: 1, ..Limits::default() };
    let server = Server::start(reporter(&probe).limits(limits).build().unwrap()).await;
    let legacy = server.legacy().await;
    let mut first = legacy.call_streaming(4, "report", json!({})).await;
    first.next().await.unwrap();
    let id = first.last_event_id.clone().unwrap();
    drop(first);
    probe.go.notify_one();
    probe.finished.notified().await;
    // The oldest went; the answer is what counts.
    let mut second = resume(&legacy, &id).await;
    let mut last = second.next().await.unwrap();
    while let Some(next) = second.next().await {
        last = next;
    }
    assert_eq!(last["result"]["content"][0]["text"], "done");

    let limits = Limits { max_resumable_calls: 1, ..Limits::default() };
    let server = Server::start(reporter(&probe).limits(limits).build().unwrap()).await;
    let legacy = server.legacy().await;
    let mut one = legacy.call_streaming(1, "report", json!({})).await;
    one.next().await.unwrap();
    let mut two = legacy.call_streaming(2, "report", json!({})).await;
    two.next().await.unwrap();
    // The first is not lost while it is connected, only its resumption is.
    probe.go.notify_waiters();
    for stream in [&mut one, &mut two] {
        assert_eq!(stream.next().await.unwrap()["params"]["progress"], 2);
    }
}

/// Whoever has as many logs as they may have makes room themselves.
#[tokio::test]
async fn one_user_does_not_push_out_another() {
    let probe = Arc::new(Probe::default());
    let limits = Limits { max_resumable_calls_per_principal: 1, ..Limits::default() };
    let mcp = reporter(&probe).auth(resource_server()).limits(limits).build().unwrap();
    let server = Server::start(mcp).await;
    let ann = server.legacy_as(Some("ann.read")).await;
    let bob = server.legacy_as(Some("bob.read")).await;
    let begin = async |client: &Client, id: i64| {
        let mut stream = client.call_streaming(id, "report", json!({})).await;
        stream.next().await.unwrap();
        stream
    };
    let bobs = begin(&bob, 1).await;
    let (first, second) = (begin(&ann, 1).await, begin(&ann, 2).await);
    let ids = [&bobs, &first, &second].map(|stream| stream.last_event_id.clone().unwrap());
    drop((bobs, first, second));
    probe.go.notify_waiters();
    assert_eq!(resume(&bob, &ids[0]).await.next().await.unwrap()["params"]["progress"], 2);
    assert_eq!(resume(&ann, &ids[2]).await.next().await.unwrap()["params"]["progress"], 2);
    // The oldest of her own is gone: the stream is the session's, and tells of a change instead.
    let mut gone = resume(&ann, &ids[1]).await;
    server.mcp.publish().tools_changed();
    assert_eq!(gone.next().await.unwrap()["method"], "notifications/tools/list_changed");
}
