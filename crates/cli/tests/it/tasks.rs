//! Calls that go on as tasks: what the terminal says, Ctrl-C, and `kill -9` of the server. That server is a process of its own:
//! this test binary, started again for [`serves_until_killed`], with its tasks on SQLite.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barewire_mcp::types::elicitation::{ElicitRequest, ElicitSchema, StringSchema};
use barewire_mcp_server::{
    Context, InMemoryTasks, Limits, McpServer, McpServerBuilder, NoArguments, Principal, ResourceServer,
    TaskOptions, TaskStore, TokenVerifier, Tool,
};
use barewire_oauth::bearer::BearerError;
use barewire_store::Store;
use barewire_testkit::TempDir;
use serde_json::{Value, json};

use crate::demo::{barewire, free_port, stderr, stdout};

/// How long a worker counts as alive without a word.
const LEASE: Duration = Duration::from_secs(2);

/// `work` never ends by itself, `quick` does at once, `ask` asks.
fn server(store: impl TaskStore) -> McpServerBuilder {
    let limits =
        Limits { task_lease: LEASE, task_poll_interval: Duration::from_millis(100), ..Limits::default() };
    McpServer::builder("tasks", "1")
        .limits(limits)
        .tasks(store)
        .tool(Tool::new("work", "Works for ever."), async |ctx: Context, _: NoArguments| {
            ctx.start_task(TaskOptions::default().message("Begun.")).await?;
            ctx.progress(1.0, None, Some("Half of it.")).await;
            std::future::pending::<()>().await;
            Ok("never")
        })
        .tool(Tool::new("quick", "Is done at once."), async |ctx: Context, _: NoArguments| {
            ctx.start_task(TaskOptions::default().message("Begun.")).await?;
            Ok("done")
        })
        .tool(Tool::new("ask", "Asks for a name."), async |ctx: Context, _: NoArguments| {
            ctx.start_task(TaskOptions::default()).await?;
            let form = ElicitSchema::new().required("name", StringSchema::default());
            ctx.elicit("name", ElicitRequest::form("Who?", form)).await?;
            Ok("asked")
        })
}

async fn serve(mcp: McpServer, port: u16) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    axum::serve(listener, axum::Router::new().route_service("/mcp", mcp.service())).await.unwrap();
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/mcp")
}

/// Users whose tokens are their names.
struct Users;

impl TokenVerifier for Users {
    async fn verify(&self, token: &str, _: SystemTime) -> Result<Principal, BearerError> {
        if ["ann", "bob"].contains(&token) { Ok(Principal::new(token)) } else { Err(BearerError::Invalid) }
    }
}

/// The killed server's part; it is never reached by an ordinary run.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process that the kill test starts"]
async fn serves_until_killed() {
    let (Ok(port), Ok(dir)) = (std::env::var("KILL_TEST_PORT"), std::env::var("KILL_TEST_DIR")) else {
        return;
    };
    let port = port.parse().unwrap();
    let store = Arc::new(Store::open(std::path::Path::new(&dir).join("tasks.sqlite")).await.unwrap());
    let guard = ResourceServer::new(url(port), Users).authorization_server("https://login.example.com");
    serve(server(store).auth(guard).build().unwrap(), port).await;
}

/// SIGKILL at the latest when the test ends: no handler runs, nothing is flushed.
struct Killed(Child);

impl Killed {
    async fn start(port: u16, dir: &TempDir) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "tasks::serves_until_killed", "--ignored", "--nocapture"]);
        command.env("KILL_TEST_PORT", port.to_string()).env("KILL_TEST_DIR", dir.path());
        let mut server = Self(command.stdout(Stdio::null()).spawn().unwrap());
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(server.0.try_wait().unwrap().is_none(), "the server has ended by itself");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A request as it is on the wire, so that nothing of our client's is between.
async fn ask(url: &str, token: Option<&str>, method: &str, name: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {
            "elicitation": { "form": {} }, "extensions": { "io.modelcontextprotocol/tasks": {} },
        },
    });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http
        .post(url)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .header("mcp-name", name)
        .body(json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string());
    let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
    serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
}

async fn begin(url: &str, tool: &str) -> String {
    let answer = ask(url, Some("ann"), "tools/call", tool, json!({ "name": tool, "arguments": {} })).await;
    assert_eq!(answer["result"]["resultType"], "task", "{answer}");
    answer["result"]["taskId"].as_str().unwrap().to_owned()
}

async fn get(url: &str, token: Option<&str>, task: &str) -> Value {
    ask(url, token, "tasks/get", task, json!({ "taskId": task })).await
}

/// The task once it is as expected.
async fn until(url: &str, token: Option<&str>, task: &str, status: &str) -> Value {
    for _ in 0..400 {
        let answer = get(url, token, task).await;
        if answer["result"]["status"] == status {
            return answer["result"].clone();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it never was {status}: {}", get(url, token, task).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_outlives_its_server() {
    let (dir, port) = (TempDir::new(), free_port());
    let url = url(port);
    let mut server = Killed::start(port, &dir).await;
    let [work, quick, asks] =
        [begin(&url, "work").await, begin(&url, "quick").await, begin(&url, "ask").await];
    let ann = Some("ann");
    let done = until(&url, ann, &quick, "completed").await;
    assert_eq!(done["result"]["content"][0]["text"], "done");
    let open = until(&url, ann, &asks, "input_required").await;
    assert_eq!(open["inputRequests"]["name"]["method"], "elicitation/create");
    let working = get(&url, ann, &work).await;
    assert_eq!(working["result"]["status"], "working", "{working}");

    server.kill();
    let mut server = Killed::start(port, &dir).await;
    // What had ended is delivered, to the last letter.
    assert_eq!(get(&url, ann, &quick).await["result"], done);
    // What was at work is found at once. That nobody works on it any more is known when its worker was silent for too long, and
    // then it is said; an answer to what it asked would be for nobody.
    for task in [&work, &asks] {
        let found = get(&url, ann, task).await;
        assert!(found["result"]["status"].is_string(), "{found}");
        let failed = until(&url, ann, task, "failed").await;
        assert_eq!(failed["error"]["code"], -32603, "{failed}");
        assert_eq!(failed["taskId"], **task);
        assert!(failed.get("inputRequests").is_none(), "{failed}");
    }
    // Nobody else can see any of them, and what they are told is what they are told of any other id.
    for task in [&work, &quick, &asks] {
        let hidden = get(&url, Some("bob"), task).await;
        let unknown = get(&url, Some("bob"), "no-such-task").await;
        let told = |answer: &Value, task: &str| answer["error"].to_string().replace(task, "…");
        assert_eq!(told(&hidden, task), told(&unknown, "no-such-task"));
        assert_eq!(hidden["error"]["code"], -32602);
    }

    // An end stays one: the next kill and start change nothing.
    let ended = get(&url, ann, &work).await;
    server.kill();
    let _server = Killed::start(port, &dir).await;
    assert_eq!(get(&url, ann, &work).await["result"], ended["result"]);
}

async fn in_this_process() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    tokio::spawn(serve(server(InMemoryTasks::default()).build().unwrap(), port));
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    url(port)
}

fn call(url: &str, tool: &str, dir: &TempDir) -> Command {
    let mut command = barewire();
    command.args(["call", url, tool]).env("BAREWIRE_CREDENTIALS", dir.path().join("credentials.sqlite"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_says_how_its_task_is() {
    let (dir, url) = (TempDir::new(), in_this_process().await);
    let output = call(&url, "quick", &dir).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "done\n");
    assert!(stderr(&output).contains("at work: Begun."), "{}", stderr(&output));
    assert!(stderr(&output).contains(" done"), "{}", stderr(&output));
}

/// Ctrl-C is told to the server before the command ends.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_cancels_the_task() {
    let (dir, url) = (TempDir::new(), in_this_process().await);
    let mut child = call(&url, "work", &dir).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // "task ID at work: Begun."
    let line = lines.find_map(|line| line.ok().filter(|line| line.starts_with("task "))).unwrap();
    let task = line.split(' ').nth(1).unwrap().to_owned();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let left: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{left:?}");
    let answer = get(&url, None, &task).await;
    assert_eq!(answer["result"]["status"], "cancelled", "{answer}");
}
