//! Calls that go on as tasks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use barewire_mcp::jsonrpc::ErrorObject;
use barewire_mcp_server::types::tasks::required_capabilities;
use barewire_mcp_server::{
    Context, InMemoryTasks, Limits, McpServer, McpServerBuilder, NoArguments, Observer, Outcome, Record,
    Stored, StoredTask, TaskOptions, TaskRoom, TaskStore, Tool, ToolError, ask,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Echo, LEGACY, Probe, Reply, Server, Stream, name_form, resource_server};

const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// Notices that it is dropped.
struct Dropped(Arc<Probe>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.ended.notify_one();
    }
}

/// Tools that become tasks and then do one thing each. `work` waits until the test lets it go on.
fn tools(probe: &Arc<Probe>, store: impl TaskStore) -> McpServerBuilder {
    let (working, asking) = (probe.clone(), probe.clone());
    McpServer::builder("tasks", "1")
        .tasks(store)
        .tool(Tool::new("work", "Works until it may end."), move |ctx: Context, args: Echo| {
            let probe = working.clone();
            async move {
                let is_task = ctx.start_task(TaskOptions::default().message("Begun.")).await?;
                let _dropped = Dropped(probe.clone());
                ctx.progress(1.0, None, Some("Half of it.")).await;
                probe.reached.notify_one();
                if is_task {
                    probe.go.notified().await;
                }
                Ok(format!("{} {is_task}", args.text))
            }
        })
        .tool(Tool::new("fail", "Fails as a tool."), |ctx: Context, _: NoArguments| async move {
            ctx.start_task(TaskOptions::default()).await?;
            Err::<String, _>(ToolError::new("no luck"))
        })
        .tool(Tool::new("break", "Fails as a request."), |ctx: Context, _: NoArguments| async move {
            ctx.start_task(TaskOptions::default()).await?;
            Err::<String, _>(ToolError::protocol(ErrorObject::new(-32050, "broken")))
        })
        .tool(Tool::new("panic", "Panics."), |ctx: Context, _: NoArguments| async move {
            if ctx.start_task(TaskOptions::default()).await? {
                panic!("on purpose");
            }
            Ok("not a task")
        })
        .tool(
            Tool::new("only", "Cannot do without a task.").requires(required_capabilities()),
            |ctx: Context, _: NoArguments| async move {
                Ok(format!("{}", ctx.start_task(TaskOptions::default()).await?))
            },
        )
        .tool(Tool::new("large", "Says much."), |ctx: Context, _: NoArguments| async move {
            ctx.start_task(TaskOptions::default()).await?;
            Ok("x".repeat(20_000))
        })
        .tool(Tool::new("ask", "Asks before and after."), move |ctx: Context, _: NoArguments| {
            let probe = asking.clone();
            async move {
                let first = ctx.elicit("first", name_form()).await?;
                probe.runs.fetch_add(1, Ordering::SeqCst);
                ctx.start_task(TaskOptions::default()).await?;
                let (a, b) = ask::both(ctx.elicit("a", name_form()), ctx.elicit("b", name_form())).await?;
                // Asked before the task began, and so not again.
                let again = ctx.elicit("first", name_form()).await?;
                let name = |result: &barewire_mcp_server::types::elicitation::ElicitResult| {
                    result.content.as_ref().map_or(Value::Null, |content| content["name"].clone())
                };
                assert_eq!(name(&first), name(&again));
                Ok(format!("{} {} {}", name(&first), name(&a), name(&b)))
            }
        })
}

async fn start(limits: Limits) -> (Arc<Probe>, Server) {
    let probe = Arc::new(Probe::default());
    let server = Server::start(tools(&probe, InMemoryTasks::default()).limits(limits).build().unwrap()).await;
    (probe, server)
}

fn understands() -> Value {
    json!({ "elicitation": {}, "extensions": { EXTENSION: {} } })
}

fn client(server: &Server) -> Client {
    server.modern().with_capabilities(understands())
}

async fn call(client: &Client, tool: &str) -> Reply {
    client.call(tool, json!({ "text": "done" })).await
}

/// Calls a tool and gives the id of the task that it became.
async fn task(client: &Client, tool: &str) -> String {
    let reply = call(client, tool).await;
    assert_eq!(reply.result()["resultType"], "task", "{}", reply.body);
    reply.result()["taskId"].as_str().unwrap().to_owned()
}

async fn about(client: &Client, method: &str, id: &str) -> Reply {
    client.request(9, method, json!({ "taskId": id })).await
}

async fn update(client: &Client, id: &str, responses: Value) -> Reply {
    client.request(9, "tasks/update", json!({ "taskId": id, "inputResponses": responses })).await
}

async fn get(client: &Client, id: &str) -> Value {
    about(client, "tasks/get", id).await.result().clone()
}

/// The task once it is as expected.
async fn until(client: &Client, id: &str, status: &str) -> Value {
    for _ in 0..500 {
        let found = get(client, id).await;
        if found["status"] == status {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never was {status}: {}", get(client, id).await);
}

fn accept(name: &str) -> Value {
    json!({ "action": "accept", "content": { "name": name } })
}

#[tokio::test]
async fn a_call_is_answered_with_a_task_and_goes_on() {
    let (probe, server) = start(Limits::default()).await;
    let client = client(&server);
    let created = call(&client, "work").await;
    assert!(!created.streamed && created.notifications.is_empty());
    let created = created.result().clone();
    assert_eq!(created["resultType"], "task");
    assert_eq!((&created["status"], &created["statusMessage"]), (&json!("working"), &json!("Begun.")));
    assert_eq!((&created["ttlMs"], &created["pollIntervalMs"]), (&json!(7_200_000), &json!(1_000)));
    for member in ["task", "result", "error", "inputRequests", "requestState"] {
        assert!(created.get(member).is_none(), "{created}");
    }
    let id = created["taskId"].as_str().unwrap();
    assert_eq!(id.len(), 22, "128 bits");

    probe.reached.notified().await;
    let working = get(&client, id).await;
    assert_eq!((&working["resultType"], &working["status"]), (&json!("complete"), &json!("working")));
    assert_eq!(working["statusMessage"], "Half of it.");
    assert_eq!(working["createdAt"], created["createdAt"]);
    probe.go.notify_one();
    let done = until(&client, id, "completed").await;
    assert_eq!(done["result"]["content"][0]["text"], "done true");
    assert_eq!(done["result"]["resultType"], "complete");
    assert!(done.get("statusMessage").is_none());
    assert_eq!(get(&client, id).await, done, "and stays");
}

#[tokio::test]
async fn what_a_call_would_have_been_answered_is_how_its_task_ends() {
    let (_probe, server) = start(Limits { max_task_bytes: 10_000, ..Limits::default() }).await;
    let client = client(&server);
    let failed = until(&client, &task(&client, "fail").await, "completed").await;
    assert_eq!(
        (&failed["result"]["isError"], failed["result"]["content"][0]["text"].as_str()),
        (&json!(true), Some("no luck"))
    );
    let broken = until(&client, &task(&client, "break").await, "failed").await;
    assert_eq!(broken["error"], json!({ "code": -32050, "message": "broken" }));
    assert_eq!(broken["statusMessage"], "broken");
    assert!(broken.get("result").is_none());
    let panicked = until(&client, &task(&client, "panic").await, "failed").await;
    assert_eq!(panicked["error"]["code"], -32603);
    let large = until(&client, &task(&client, "large").await, "failed").await;
    assert_eq!(large["error"]["code"], -32603);
    assert!(large["error"]["message"].as_str().unwrap().contains("larger"), "{large}");
}

#[tokio::test]
async fn only_who_understands_gets_a_task() {
    let (_probe, server) = start(Limits::default()).await;
    let plain = server.modern();
    assert_eq!(call(&plain, "work").await.text(), "done false");
    let mut legacy = Client::new(&server.url, LEGACY).with_capabilities(understands());
    legacy.handshake().await;
    assert_eq!(call(&legacy, "work").await.text(), "done false");
    assert_eq!(call(&legacy, "only").await.result()["isError"], true);

    let required = json!({ "requiredCapabilities": { "extensions": { EXTENSION: {} } } });
    let params = json!({ "taskId": "x", "inputResponses": {} });
    let mut refused = vec![call(&plain, "only").await];
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        refused.push(plain.request(1, method, params.clone()).await);
    }
    refused.push(
        plain.request(1, "subscriptions/listen", json!({ "notifications": { "taskIds": ["x"] } })).await,
    );
    for reply in refused {
        assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, -32021), "{}", reply.body);
        assert_eq!(reply.body["error"]["data"], required);
    }
    let client = client(&server);
    assert!(task(&client, "only").await.len() > 20);
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let reply = client.request(1, method, params.clone()).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::OK, -32602), "{}", reply.body);
    }
    for method in ["tasks/list", "tasks/result"] {
        assert_eq!(client.request(1, method, params.clone()).await.code(), -32601);
    }
    // Each request says for itself.
    let discovered = plain.request(1, "server/discover", json!({})).await;
    assert_eq!(discovered.result()["capabilities"]["extensions"], json!({ EXTENSION: {} }));
}

#[tokio::test]
async fn a_server_without_tasks_has_none() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(crate::support::toolbox(&probe).build().unwrap()).await;
    let client = client(&server);
    assert_eq!(client.call("echo", json!({ "text": "x" })).await.result()["resultType"], "complete");
    assert_eq!(about(&client, "tasks/get", "x").await.code(), -32601);
    let mut stream = listen(&client, &["x"]).await;
    assert_eq!(stream.next().await.unwrap()["params"]["notifications"], json!({}));
}

#[tokio::test]
async fn questions_before_it_are_rounds_and_questions_of_it_are_on_it() {
    let (probe, server) = start(Limits::default()).await;
    let client = client(&server);
    let first = call(&client, "ask").await;
    assert_eq!(first.result()["resultType"], "input_required");
    let params = json!({
        "name": "ask", "arguments": { "text": "done" },
        "inputResponses": { "first": accept("Ann") }, "requestState": first.result()["requestState"],
    });
    let created = client.request(8, "tools/call", params).await;
    assert_eq!(created.result()["resultType"], "task");
    assert!(
        created.result().get("requestState").is_none() && created.result().get("inputRequests").is_none()
    );
    let id = created.result()["taskId"].as_str().unwrap();

    let mut open = until(&client, id, "input_required").await;
    while open["inputRequests"].as_object().unwrap().len() < 2 {
        open = get(&client, id).await;
    }
    assert_eq!(open["inputRequests"]["a"]["method"], "elicitation/create");
    assert!(open.get("requestState").is_none());
    // One does not fit, so none is taken; others are unknown or known already, and ignored.
    let unfit = update(&client, id, json!({ "a": accept("Bob"), "b": { "action": "accept" } })).await;
    assert_eq!(unfit.code(), -32602);
    assert_eq!(get(&client, id).await["inputRequests"], open["inputRequests"]);
    let taken = update(&client, id, json!({ "a": accept("Bob"), "x": 1, "first": accept("Eve") })).await;
    let acknowledged = taken.result().as_object().unwrap();
    assert_eq!(acknowledged["resultType"], "complete");
    assert!(acknowledged.keys().all(|key| key == "resultType" || key == "_meta"), "{acknowledged:?}");
    let open = get(&client, id).await;
    assert_eq!(open["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>(), ["b"]);
    update(&client, id, json!({ "a": accept("Eve"), "b": accept("Cyd") })).await;
    let done = until(&client, id, "completed").await;
    assert_eq!(done["result"]["content"][0]["text"], r#""Ann" "Bob" "Cyd""#);
    assert_eq!(probe.runs.load(Ordering::SeqCst), 1, "the handler does not begin anew");
    assert_eq!(update(&client, id, json!({ "b": accept("late") })).await.result()["resultType"], "complete");
}

#[tokio::test]
async fn cancelling_drops_the_work() {
    let (probe, server) = start(Limits::default()).await;
    let client = client(&server);
    let id = task(&client, "work").await;
    probe.reached.notified().await;
    let cancelled = about(&client, "tasks/cancel", &id).await;
    assert_eq!(cancelled.result()["resultType"], "complete");
    probe.ended.notified().await;
    assert_eq!(get(&client, &id).await["status"], "cancelled");
    assert_eq!(about(&client, "tasks/cancel", &id).await.result()["resultType"], "complete");

    // What has ended stays as it ended.
    let id = task(&client, "fail").await;
    until(&client, &id, "completed").await;
    about(&client, "tasks/cancel", &id).await;
    assert_eq!(get(&client, &id).await["status"], "completed");
}

#[tokio::test]
async fn closing_the_connection_does_not_end_it() {
    let (probe, server) = start(Limits::default()).await;
    let client = client(&server);
    let id = task(&client, "work").await;
    drop(client);
    probe.reached.notified().await;
    probe.go.notify_one();
    until(&self::client(&server), &id, "completed").await;
}

fn protected(probe: &Arc<Probe>, limits: Limits) -> McpServer {
    tools(probe, InMemoryTasks::default())
        .tool(
            Tool::new("read", "Needs a scope.").scopes(["read"]),
            |ctx: Context, _: NoArguments| async move {
                ctx.start_task(TaskOptions::default()).await?;
                Ok("done")
            },
        )
        .auth(resource_server())
        .limits(limits)
        .build()
        .unwrap()
}

fn user(server: &Server, token: &str) -> Client {
    client(server).with_token(token).with_header("host", "api.example.com")
}

#[tokio::test]
async fn a_task_is_its_callers_and_needs_what_its_tool_needs() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(protected(&probe, Limits::default())).await;
    let alice = user(&server, "alice.read");
    let id = task(&alice, "read").await;
    until(&alice, &id, "completed").await;

    let bob = user(&server, "bob.read");
    let params = json!({ "taskId": id, "inputResponses": {} });
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let reply = bob.request(1, method, params.clone()).await;
        let unknown = bob.request(1, method, json!({ "taskId": "x", "inputResponses": {} })).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::OK, -32602));
        assert_eq!(
            reply.body["error"]["message"].as_str().unwrap().replace(&id, "x"),
            unknown.body["error"]["message"]
        );

        let lesser = user(&server, "alice.other").request(1, method, params.clone()).await;
        assert_eq!(lesser.status, StatusCode::FORBIDDEN);
        assert!(lesser.header("www-authenticate").contains("insufficient_scope"));
        let nobody = client(&server).with_header("host", "api.example.com");
        assert_eq!(nobody.request(1, method, params.clone()).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn one_user_cannot_have_all_tasks() {
    let probe = Arc::new(Probe::default());
    let limits = Limits { max_tasks: 3, max_tasks_per_principal: 2, ..Limits::default() };
    let server = Server::start(protected(&probe, limits)).await;
    let (alice, bob) = (user(&server, "alice.read"), user(&server, "bob.read"));
    let refused = async |client: &Client| {
        let reply = call(client, "work").await;
        assert_eq!(reply.result()["isError"], true, "{}", reply.body);
        assert!(reply.text().contains("Too many tasks"));
    };
    let id = task(&alice, "work").await;
    task(&alice, "work").await;
    refused(&alice).await;
    task(&bob, "work").await;
    refused(&bob).await;
    about(&alice, "tasks/cancel", &id).await;
    probe.ended.notified().await;
    // Its place is free a moment after its handler is gone.
    for _ in 0..100 {
        if call(&bob, "work").await.result()["resultType"] == "task" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no place became free");
}

#[tokio::test]
async fn what_has_ended_makes_room_for_its_owner_only() {
    let probe = Arc::new(Probe::default());
    let limits = Limits { max_kept_tasks: 3, max_kept_tasks_per_principal: 2, ..Limits::default() };
    let server = Server::start(protected(&probe, limits)).await;
    let (alice, bob, cyd) =
        (user(&server, "alice.read"), user(&server, "bob.read"), user(&server, "cyd.read"));
    let (first, bobs) = (task(&alice, "read").await, task(&bob, "read").await);
    until(&alice, &first, "completed").await;
    until(&bob, &bobs, "completed").await;
    let second = task(&alice, "read").await;
    until(&alice, &second, "completed").await;
    assert_eq!(
        call(&cyd, "read").await.result()["isError"],
        true,
        "the store is full, and nothing in it is hers"
    );
    let third = task(&alice, "read").await;
    assert_eq!(about(&alice, "tasks/get", &first).await.code(), -32602, "the oldest is gone");
    until(&alice, &third, "completed").await;
    assert_eq!(get(&alice, &second).await["status"], "completed");
    assert_eq!(get(&bob, &bobs).await["status"], "completed");
}

#[tokio::test]
async fn times_have_limits() {
    let seconds = Arc::new(AtomicU64::new(1_000_000));
    let (probe, now) = (Arc::new(Probe::default()), seconds.clone());
    let limits = Limits {
        task_timeout: Duration::from_millis(100),
        task_ttl: Duration::from_secs(60),
        task_poll_interval: Duration::from_secs(7),
        ..Limits::default()
    };
    let mcp = tools(&probe, InMemoryTasks::default())
        .limits(limits)
        .clock(Arc::new(move || SystemTime::UNIX_EPOCH + Duration::from_secs(now.load(Ordering::SeqCst))))
        .build()
        .unwrap();
    let server = Server::start(mcp).await;
    let client = client(&server);
    let created = call(&client, "work").await;
    assert_eq!(
        (&created.result()["ttlMs"], &created.result()["pollIntervalMs"]),
        (&json!(60_100), &json!(7_000))
    );
    assert_eq!(created.result()["createdAt"], "1970-01-12T13:46:40.000Z");
    let id = created.result()["taskId"].as_str().unwrap();
    let late = until(&client, id, "failed").await;
    assert_eq!((&late["error"]["code"], &late["ttlMs"]), (&json!(-32603), &json!(60_000)));
    seconds.fetch_add(59, Ordering::SeqCst);
    assert_eq!(get(&client, id).await["status"], "failed", "kept as long as was said");
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(about(&client, "tasks/get", id).await.code(), -32602);
}

#[tokio::test]
async fn questions_and_answers_have_limits() {
    let limits = Limits {
        max_task_questions: 1,
        ask_timeout: Duration::from_millis(50),
        max_task_bytes: 2_000,
        ..Limits::default()
    };
    let (_probe, server) = start(limits).await;
    let probe = Arc::new(Probe::default());
    let mcp = tools(&probe, InMemoryTasks::default())
        .limits(Limits { max_task_bytes: 2_000, ..Limits::default() })
        .tool(Tool::new("one", "Asks once."), |ctx: Context, _: NoArguments| async move {
            ctx.start_task(TaskOptions::default()).await?;
            Ok(format!("{:?}", ctx.elicit("a", name_form()).await?.action))
        })
        .build()
        .unwrap();
    let patient = Server::start(mcp).await;
    let client = client(&server);
    let round = json!({ "name": "ask", "inputResponses": { "first": accept("Ann") } });
    let created = client.request(8, "tools/call", round).await;
    let id = created.result()["taskId"].as_str().unwrap();
    // The second of the two questions is one too many; the first waits for its own end.
    let ended = until(&client, id, "completed").await;
    assert_eq!(ended["result"]["isError"], true, "{ended}");

    let client = self::client(&patient);
    let id = task(&client, "one").await;
    until(&client, &id, "input_required").await;
    let long = update(&client, &id, json!({ "a": accept(&"x".repeat(3_000)) })).await;
    assert_eq!(long.code(), -32602);
    update(&client, &id, json!({ "a": accept("x") })).await;
    until(&client, &id, "completed").await;
}

#[tokio::test]
async fn an_unanswered_question_is_taken_back() {
    let (probe, asking) = (Arc::new(Probe::default()), Arc::new(Probe::default()));
    let waiting = asking.clone();
    let mcp = tools(&probe, InMemoryTasks::default())
        .limits(Limits { ask_timeout: Duration::from_millis(50), ..Limits::default() })
        .tool(Tool::new("ask_and_go_on", "Does not insist."), move |ctx: Context, _: NoArguments| {
            let probe = waiting.clone();
            async move {
                ctx.start_task(TaskOptions::default()).await?;
                let unanswered = ctx.elicit("a", name_form()).await.is_err();
                probe.go.notified().await;
                Ok(format!("{unanswered}"))
            }
        })
        .build()
        .unwrap();
    let server = Server::start(mcp).await;
    let client = client(&server);
    let id = task(&client, "ask_and_go_on").await;
    until(&client, &id, "working").await;
    for _ in 0..200 {
        let found = get(&client, &id).await;
        if found["status"] == "working" && found["lastUpdatedAt"] != found["createdAt"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    asking.go.notify_one();
    assert_eq!(until(&client, &id, "completed").await["result"]["content"][0]["text"], "true");
}

#[tokio::test]
async fn what_happens_at_one_replica_reaches_the_other() {
    let store = Arc::new(InMemoryTasks::default());
    let limits = Limits { task_lease: Duration::from_millis(300), ..Limits::default() };
    let probe = Arc::new(Probe::default());
    let replica =
        |store: &Arc<InMemoryTasks>| tools(&probe, store.clone()).limits(limits.clone()).build().unwrap();
    let (one, two) = (Server::start(replica(&store)).await, Server::start(replica(&store)).await);
    let (here, there) = (client(&one), client(&two));

    let id = task(&here, "work").await;
    probe.reached.notified().await;
    // Renewed again and again, so it is not taken for dead.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(get(&there, &id).await["status"], "working");
    about(&there, "tasks/cancel", &id).await;
    probe.ended.notified().await;

    let round = json!({ "name": "ask", "inputResponses": { "first": accept("Ann") } });
    let created = here.request(8, "tools/call", round).await;
    let id = created.result()["taskId"].as_str().unwrap();
    let mut open = until(&there, id, "input_required").await;
    while open["inputRequests"].as_object().unwrap().len() < 2 {
        open = get(&there, id).await;
    }
    update(&there, id, json!({ "a": accept("Bob"), "b": accept("Cyd") })).await;
    until(&here, id, "completed").await;
}

#[tokio::test]
async fn a_task_whose_process_died_has_failed() {
    let store = Arc::new(InMemoryTasks::default());
    let seconds = Arc::new(AtomicU64::new(1_000_000));
    let probe = Arc::new(Probe::default());
    let server = |now: Arc<AtomicU64>| {
        let clock = move || SystemTime::UNIX_EPOCH + Duration::from_secs(now.load(Ordering::SeqCst));
        tools(&probe, store.clone()).clock(Arc::new(clock)).build().unwrap()
    };
    // It has a runtime of its own, which ends as a killed process does: without a word.
    let (dying, url) = {
        let mcp = server(seconds.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let url = runtime.spawn(async move { Server::start(mcp).await.url }).await.unwrap();
        (runtime, url)
    };
    let first = Client::new(&url, crate::support::MODERN).with_capabilities(understands());
    let id = task(&first, "work").await;
    probe.reached.notified().await;
    dying.shutdown_background();
    let next = Server::start(server(seconds.clone())).await;
    let client = client(&next);
    assert_eq!(get(&client, &id).await["status"], "working", "nobody knows yet");
    seconds.fetch_add(30, Ordering::SeqCst);
    let failed = get(&client, &id).await;
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!(-32603)), "{failed}");
}

async fn listen(client: &Client, ids: &[&str]) -> Stream {
    let message =
        client.message("s1", "subscriptions/listen", json!({ "notifications": { "taskIds": ids } }));
    let response = client.post(&message).await;
    assert_eq!(response.status(), StatusCode::OK);
    Stream::open(response)
}

#[tokio::test]
async fn changes_are_told_to_who_watches() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(protected(&probe, Limits::default())).await;
    let (alice, bob) = (user(&server, "alice.read"), user(&server, "bob.read"));
    let (mine, other) = (task(&alice, "work").await, task(&bob, "work").await);
    probe.reached.notified().await;
    let mut stream = listen(&alice, &[&mine, &other, "made up"]).await;
    let acknowledged = stream.next().await.unwrap();
    assert_eq!(acknowledged["params"]["notifications"], json!({ "taskIds": [mine] }));
    let now = stream.next().await.unwrap();
    assert_eq!(now["method"], "notifications/tasks");
    assert_eq!(now["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "s1");
    assert_eq!((&now["params"]["taskId"], &now["params"]["status"]), (&json!(mine), &json!("working")));
    about(&alice, "tasks/cancel", &mine).await;
    let mut last = now;
    while last["params"]["status"] == "working" {
        last = stream.next().await.unwrap();
    }
    let mut found = get(&alice, &mine).await;
    assert_eq!(last["params"]["status"], "cancelled");
    // What is told is what would have been answered.
    let mut told = last["params"].clone();
    for message in [&mut told, &mut found] {
        message.as_object_mut().unwrap().retain(|key, _| key != "_meta" && key != "resultType");
    }
    assert_eq!(told, found);
}

#[tokio::test]
async fn stopping_waits_for_tasks_and_begins_none() {
    let (probe, server) = start(Limits::default()).await;
    let client = client(&server);
    task(&client, "work").await;
    probe.reached.notified().await;
    let drained = server.mcp.drain();
    assert_eq!(drained.remaining(), 1);
    assert_eq!(call(&client, "work").await.status, StatusCode::SERVICE_UNAVAILABLE);
    probe.go.notify_one();
    tokio::time::timeout(Duration::from_secs(5), drained.wait()).await.unwrap();
}

/// What was recorded of each request.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(String, String, Outcome)>>>);

impl Observer for Seen {
    fn record(&self, record: &Record<'_>) {
        let (method, name) = (record.method.unwrap_or_default(), record.name.unwrap_or_default());
        self.0.lock().unwrap().push((method.to_owned(), name.to_owned(), record.outcome));
    }
}

#[tokio::test]
async fn the_record_says_that_a_call_became_a_task() {
    let (probe, seen) = (Arc::new(Probe::default()), Seen::default());
    let mcp = tools(&probe, InMemoryTasks::default()).observer(seen.clone()).build().unwrap();
    let server = Server::start(mcp).await;
    let client = client(&server);
    let id = task(&client, "fail").await;
    let record = |method: &str, name: &str, outcome| (method.to_owned(), name.to_owned(), outcome);
    get(&client, &id).await;
    get(&client, &id).await;
    let seen = seen.0.lock().unwrap();
    assert_eq!(seen[0], record("tools/call", "fail", Outcome::Task));
    assert_eq!(seen[1], record("tasks/get", &id, Outcome::Result));
}

/// A store that refuses.
struct Broken;

impl TaskStore for Broken {
    fn insert<'a>(&'a self, _: &'a StoredTask, _: TaskRoom) -> Stored<'a, bool> {
        Box::pin(std::future::ready(Err(error())))
    }
    fn find<'a>(&'a self, _: &'a str) -> Stored<'a, Option<StoredTask>> {
        Box::pin(std::future::ready(Err(error())))
    }
    fn replace<'a>(&'a self, _: &'a StoredTask) -> Stored<'a, bool> {
        Box::pin(std::future::ready(Err(error())))
    }
    fn renew<'a>(&'a self, _: &'a [String], _: SystemTime) -> Stored<'a, Vec<String>> {
        Box::pin(std::future::ready(Err(error())))
    }
}

fn error() -> barewire_mcp_server::TaskStoreError {
    barewire_mcp_server::TaskStoreError { doing: "answer", source: "no disk".into() }
}

#[tokio::test]
async fn a_task_that_cannot_be_stored_does_not_begin() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(tools(&probe, Broken).build().unwrap()).await;
    let client = client(&server);
    let reply = call(&client, "work").await;
    assert_eq!((reply.status, reply.code()), (StatusCode::INTERNAL_SERVER_ERROR, -32603));
    assert!(!reply.body.to_string().contains("disk"), "{}", reply.body);
    assert_eq!(about(&client, "tasks/get", "x").await.code(), -32603);
}
