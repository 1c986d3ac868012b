//! Many callers at once, with equal ids: nobody gets what is another's.

use std::sync::Arc;

use serde_json::json;

use crate::support::{Server, resource_server, toolbox};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_never_cross() {
    const CALLS: usize = 1_000;
    let server = Server::start(toolbox(&Arc::default()).auth(resource_server()).build().unwrap()).await;
    let mut tasks = Vec::new();
    for user in ["ann", "bob"] {
        let token = format!("{user}.read");
        let clients = [server.modern().with_token(&token), server.legacy_as(Some(&token)).await];
        for client in clients {
            tasks.push(tokio::spawn(async move {
                for number in 0..CALLS {
                    let reply =
                        client.request(number as i64, "tools/call", json!({ "name": "whoami" })).await;
                    assert_eq!((reply.text(), &reply.body["id"]), (user, &json!(number)));
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_session_follows_the_token_not_the_first_caller() {
    let server = Server::start(toolbox(&Arc::default()).auth(resource_server()).build().unwrap()).await;
    let mut ann = server.legacy_as(Some("ann.read")).await;
    assert_eq!(ann.call("whoami", json!({})).await.text(), "ann");
    // A step-up changes the token of the same user, and the session stays.
    ann.token = Some("ann.read+write".into());
    assert_eq!(ann.call("whoami", json!({})).await.text(), "ann");
    // Somebody else with her session id has no session.
    ann.token = Some("bob.read".into());
    assert_eq!(ann.call("whoami", json!({})).await.status, 404);
}
