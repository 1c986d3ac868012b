//! Calls that the server goes on with as tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::Response;
use barewire_exchange::Step;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::tasks::TaskState;
use barewire_mcp_client::{Begun, CallError, CallOptions, Client, ClientOptions};
use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::stage::{Seen, Stage, event, open_stream, reply};
use crate::watcher::{Watcher, options};

const EXTENSION: &str = "io.modelcontextprotocol/tasks";

fn task(more: &Value) -> Value {
    let mut task = json!({
        "resultType": "complete", "taskId": "t1", "ttlMs": 60_000, "pollIntervalMs": 10,
        "createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z",
    });
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task
}

fn working(message: &str) -> Value {
    task(&json!({ "status": "working", "statusMessage": message }))
}

fn done(text: &str) -> Value {
    task(&json!({ "status": "completed", "result": { "content": [{ "type": "text", "text": text }] } }))
}

/// A server whose only tool becomes a task, about which `states` says one thing after the other.
async fn stage(states: impl Fn(usize, &Seen) -> Response + Send + Sync + 'static) -> Stage {
    let asked = AtomicUsize::new(0);
    Stage::new(move |seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        "tools/call" => {
            let mut created = working("Begun.");
            created["resultType"] = "task".into();
            seen.result(created)
        }
        "tasks/get" => states(asked.fetch_add(1, Ordering::SeqCst), &seen),
        _ => seen.result(json!({ "resultType": "complete" })),
    })
    .await
}

async fn client(stage: &Stage, watcher: &Arc<Watcher>) -> Client {
    Client::connect(stage.url(), options(watcher)).await.unwrap()
}

fn named() -> CallOptions {
    CallOptions { tag: Some("call-1".into()), ..CallOptions::default() }
}

fn empty() -> RawJson {
    RawJson::empty_object()
}

fn of(stage: &Stage, method: &str) -> Vec<Seen> {
    stage.seen().into_iter().filter(|seen| seen.method() == method).collect()
}

#[tokio::test]
async fn a_call_waits_for_the_end_of_its_task_and_answers_its_questions() {
    let question = |message: &str| {
        json!({ "method": "elicitation/create", "params": { "mode": "form", "message": message, "requestedSchema": {
            "type": "object", "properties": { "name": { "type": "string", "default": "Ada" } },
        } } })
    };
    let asks =
        move |questions: Value| task(&json!({ "status": "input_required", "inputRequests": questions }));
    let stage = stage(move |asked, seen| {
        seen.result(match asked {
            0 => working("Half of it."),
            1 => asks(json!({ "a": question("Who?") })),
            // The answer is not seen yet, and another question has come.
            2 => asks(json!({ "a": question("Who?"), "b": question("And who?") })),
            3 => working("Nearly."),
            _ => done("Hello Ada"),
        })
    })
    .await;
    let watcher = Watcher::new();
    let client = client(&stage, &watcher).await;
    let result = client.call_tool("slow", empty(), named()).await.unwrap();
    assert_eq!(result.content[0].as_text(), Some("Hello Ada"));

    let call = of(&stage, "tools/call").remove(0);
    let declared = &call.json()["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    assert_eq!(declared["extensions"], json!({ EXTENSION: {} }));
    let asked = of(&stage, "tasks/get");
    assert_eq!(asked.len(), 5);
    for get in &asked {
        assert_eq!(get.header("mcp-name"), Some("t1"));
        assert_eq!(get.json()["params"]["taskId"], "t1");
        let meta = &get.json()["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
        assert_eq!(meta["extensions"], json!({ EXTENSION: {} }), "each request says so");
    }
    let accepted = json!({ "action": "accept", "content": { "name": "Ada" } });
    let answers: Vec<Value> = of(&stage, "tasks/update")
        .iter()
        .map(|update| update.json()["params"]["inputResponses"].clone())
        .collect();
    assert_eq!(answers, [json!({ "a": accepted }), json!({ "b": accepted })], "each question is asked once");
    assert!(of(&stage, "tasks/cancel").is_empty(), "it has ended");
    let told = watcher.told();
    assert_eq!(told.iter().filter(|line| line.starts_with("elicit a")).count(), 1);
    let progress: Vec<_> = told.iter().filter(|line| line.starts_with("task")).collect();
    assert_eq!(progress[0], "task Some(\"call-1\") working Some(\"Begun.\")");
    assert_eq!(progress[1], "task Some(\"call-1\") working Some(\"Half of it.\")");
    let steps: Vec<Step> = watcher.exchanges().iter().map(|exchange| exchange.step).collect();
    for step in [Step::CallTool, Step::GetTask, Step::AnswerTask] {
        assert!(steps.contains(&step), "{step:?}");
    }
}

#[tokio::test]
async fn a_task_may_end_badly() {
    let check = async |end: Value| {
        let stage = stage(move |_, seen| seen.result(end.clone())).await;
        let client = client(&stage, &Watcher::new()).await;
        let ended = client.call_tool("slow", empty(), CallOptions::default()).await;
        assert!(of(&stage, "tasks/cancel").is_empty());
        ended
    };
    let error = json!({ "code": -32603, "message": "no" });
    let failed = check(task(&json!({ "status": "failed", "error": error }))).await.unwrap_err();
    assert!(matches!(failed, CallError::Rpc(error) if error.message == "no"));
    let cancelled = check(task(&json!({ "status": "cancelled" }))).await.unwrap_err();
    assert!(matches!(cancelled, CallError::Cancelled));
    let tool = json!({ "content": [], "isError": true });
    assert!(check(task(&json!({ "status": "completed", "result": tool }))).await.unwrap().is_error);
    let odd = json!({ "resultType": "input_required", "requestState": "x" });
    let malformed = check(task(&json!({ "status": "completed", "result": odd }))).await.unwrap_err();
    assert!(matches!(malformed, CallError::Malformed { .. }));
}

#[tokio::test]
async fn who_does_not_wait_any_more_cancels() {
    for dropped in [true, false] {
        let stage = stage(|_, seen| seen.result(working("Still."))).await;
        let client = client(&stage, &Watcher::new()).await;
        let options = CallOptions::default();
        let cancel = options.cancel.clone();
        let call = tokio::spawn(async move { client.call_tool("slow", empty(), options).await });
        stage.until(|seen| seen.method() == "tasks/get").await;
        if dropped {
            call.abort();
        } else {
            cancel.cancel();
            assert!(matches!(call.await.unwrap(), Err(CallError::Cancelled)));
        }
        let told = stage.until(|seen| seen.method() == "tasks/cancel").await;
        assert_eq!(told.header("mcp-name"), Some("t1"));
    }
}

/// A program that ends right after it closed has told the server.
#[tokio::test]
async fn who_leaves_has_cancelled() {
    let stage = stage(|_, seen| seen.result(working("Still."))).await;
    let client = client(&stage, &Watcher::new()).await;
    let options = CallOptions::default();
    let cancel = options.cancel.clone();
    let calling = client.clone();
    let call = tokio::spawn(async move { calling.call_tool("slow", empty(), options).await });
    stage.until(|seen| seen.method() == "tasks/get").await;
    cancel.cancel();
    assert!(matches!(call.await.unwrap(), Err(CallError::Cancelled)));
    client.close().await;
    assert_eq!(of(&stage, "tasks/cancel").len(), 1);
}

fn quick(watcher: &Arc<Watcher>, failures: u32) -> ClientOptions {
    let mut options = options(watcher);
    options.config.max_task_failures = failures;
    options.config.max_task_poll_interval = Duration::from_millis(60);
    options
}

#[tokio::test]
async fn a_question_that_fails_is_asked_again() {
    let answers = |failing: usize| {
        move |asked: usize, seen: &Seen| match asked {
            asked if asked < failing => reply(503, "text/plain", "not now"),
            _ => seen.result(done("late")),
        }
    };
    let patient = stage(answers(3)).await;
    let client = Client::connect(patient.url(), quick(&Watcher::new(), 3)).await.unwrap();
    let result = client.call_tool("slow", empty(), CallOptions::default()).await.unwrap();
    assert_eq!(result.content[0].as_text(), Some("late"));

    let broken = stage(answers(4)).await;
    let client = Client::connect(broken.url(), quick(&Watcher::new(), 3)).await.unwrap();
    let failed = client.call_tool("slow", empty(), CallOptions::default()).await;
    assert!(matches!(failed, Err(CallError::Http(_))), "{failed:?}");
    broken.until(|seen| seen.method() == "tasks/cancel").await;

    // What the server says for good is not asked again.
    let unknown =
        stage(|_, seen| seen.error(200, json!({ "code": -32602, "message": "Unknown task" }))).await;
    let client = Client::connect(unknown.url(), quick(&Watcher::new(), 3)).await.unwrap();
    let failed = client.call_tool("slow", empty(), CallOptions::default()).await;
    assert!(matches!(failed, Err(CallError::Rpc(error)) if error.code == -32602));
    assert_eq!(of(&unknown, "tasks/get").len(), 1);
}

#[tokio::test]
async fn a_task_that_asks_for_ever_is_left() {
    let stage = stage(|asked, seen| {
        let question = json!({ "method": "roots/list" });
        let questions: Value =
            [(format!("q{asked}"), question)].into_iter().collect::<serde_json::Map<_, _>>().into();
        seen.result(task(&json!({ "status": "input_required", "inputRequests": questions })))
    })
    .await;
    let mut options = options(&Watcher::new());
    options.config.max_task_questions = 3;
    let client = Client::connect(stage.url(), options).await.unwrap();
    let failed = client.call_tool("slow", empty(), CallOptions::default()).await;
    assert!(matches!(failed, Err(CallError::TooManyRounds { rounds: 3 })), "{failed:?}");
    assert_eq!(of(&stage, "tasks/update").len(), 3);
    stage.until(|seen| seen.method() == "tasks/cancel").await;
}

#[tokio::test]
async fn a_handle_can_be_kept() {
    let stage =
        stage(|asked, seen| seen.result(if asked < 2 { working("Still.") } else { done("here") })).await;
    let client = client(&stage, &Watcher::new()).await;
    let begun = client.begin_tool("slow", empty(), CallOptions::default()).await.unwrap();
    let Begun::Task(handle) = begun else { panic!("{begun:?}") };
    assert_eq!(handle.id(), "t1");
    drop(handle);
    let kept = client.task("t1");
    assert_eq!(kept.get().await.unwrap().state, TaskState::Working);
    kept.answer(IndexMap::new()).await.unwrap();
    kept.cancel().await.unwrap();
    assert_eq!(
        of(&stage, "tasks/update").len() + of(&stage, "tasks/cancel").len(),
        2,
        "and none of the drop"
    );
    let result = kept.wait(CallOptions::default()).await.unwrap();
    assert_eq!(result.content[0].as_text(), Some("here"));
}

/// A server with tasks, which says `told` to whoever watches one, and of whose task `asked` is found.
async fn telling(told: Vec<Value>, stays_open: bool, asked: Value) -> (Stage, Arc<AtomicUsize>) {
    let polls = Arc::new(AtomicUsize::new(0));
    let count = polls.clone();
    let held = std::sync::Mutex::new(Vec::new());
    let stage = Stage::new(move |seen| match seen.method().as_str() {
        "server/discover" => seen.result(json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0, "cacheScope": "private",
            "capabilities": { "tools": {}, "extensions": { EXTENSION: {} } },
        })),
        "tools/call" => {
            let mut created = task(&json!({ "status": "working", "pollIntervalMs": 30_000 }));
            created["resultType"] = "task".into();
            seen.result(created)
        }
        "subscriptions/listen" => {
            let id = seen.json()["id"].clone();
            let meta = json!({ "io.modelcontextprotocol/subscriptionId": id });
            let (sender, response) = open_stream();
            for (method, mut params) in std::iter::once((
                "notifications/subscriptions/acknowledged",
                json!({ "notifications": { "taskIds": ["t1"] } }),
            ))
            .chain(told.iter().map(|task| ("notifications/tasks", task.clone())))
            {
                params["_meta"] = meta.clone();
                let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
                sender.try_send(event(&message)).unwrap();
            }
            if stays_open {
                held.lock().unwrap().push(sender);
            }
            response
        }
        "tasks/get" => {
            count.fetch_add(1, Ordering::SeqCst);
            seen.result(asked.clone())
        }
        _ => seen.result(json!({ "resultType": "complete" })),
    })
    .await;
    (stage, polls)
}

/// The server wants to be asked twice a minute; the end is known long before that.
#[tokio::test]
async fn who_waits_is_told_at_once() {
    let slow = |more: Value| {
        let mut task = task(&more);
        task["pollIntervalMs"] = 30_000.into();
        task
    };
    let working = slow(json!({ "status": "working", "statusMessage": "Half of it." }));
    let end = json!({ "content": [{ "type": "text", "text": "told" }] });
    let end = slow(json!({ "status": "completed", "result": end }));
    let other = json!({ "status": "failed", "error": { "code": -32603, "message": "another" } });
    let mut other = slow(other);
    other["taskId"] = "t2".into();
    let (stage, polls) = telling(vec![other, working.clone(), end], true, working).await;
    let watcher = Watcher::new();
    let client = client(&stage, &watcher).await;
    let call = client.call_tool("slow", empty(), named());
    let result = tokio::time::timeout(Duration::from_secs(10), call).await.unwrap().unwrap();
    assert_eq!(result.content[0].as_text(), Some("told"));
    // Once, for what may have happened before the server began to tell.
    assert_eq!(polls.load(Ordering::SeqCst), 1);
    assert_eq!(of(&stage, "subscriptions/listen").len(), 1);
    assert!(of(&stage, "tasks/cancel").is_empty());
}

/// A stream that ends without the end of the task is no end: the client asks.
#[tokio::test]
async fn who_is_told_nothing_asks() {
    let (stage, _) = telling(Vec::new(), false, done("asked")).await;
    let client = client(&stage, &Watcher::new()).await;
    let call = client.call_tool("slow", empty(), CallOptions::default());
    let result = tokio::time::timeout(Duration::from_secs(10), call).await.unwrap().unwrap();
    assert_eq!(result.content[0].as_text(), Some("asked"));
}
