//! Commands that nobody logs in for, against a server for machines that is scripted here.

use std::collections::HashMap;
use std::process::Output;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use barewire_testkit::TempDir;
use serde_json::{Value, json};

use crate::demo::{barewire, json as printed, stderr};

type Forms = Arc<Mutex<Vec<HashMap<String, String>>>>;

/// What was asked, and where it is. The server ends with the test.
struct Machines {
    origin: String,
    forms: Forms,
    _runtime: tokio::runtime::Runtime,
    folder: TempDir,
}

impl Machines {
    fn start() -> Machines {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let forms = Forms::default();
        let (here, kept) = (origin.clone(), Arc::clone(&forms));
        let resource = json!({ "resource": format!("{here}/mcp"), "authorization_servers": [here] });
        let metadata = json!({ "issuer": here, "token_endpoint": format!("{here}/token") });
        let app = Router::new()
            .route("/.well-known/oauth-protected-resource/mcp", get(async move || Json(resource)))
            .route("/.well-known/oauth-authorization-server", get(async move || Json(metadata)))
            .route("/token", post(token))
            .route("/mcp", post(mcp))
            .with_state(kept);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Machines { origin, forms, _runtime: runtime, folder: TempDir::new() }
    }

    fn run(&self, command: &[&str], options: &[&str]) -> Output {
        let url = format!("{}/mcp", self.origin);
        let mut program = barewire();
        program.arg(command[0]).arg(&url).args(&command[1..]).args(options);
        program.env("BAREWIRE_CREDENTIALS", self.folder.path().join("credentials.sqlite"));
        program.env("BAREWIRE_CLIENT_SECRET", "a-secret-of-the-client").env("OTHER", "another-secret");
        program.output().unwrap()
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_string_lossy().into_owned()
    }
}

async fn token(
    State(forms): State<Forms>,
    headers: HeaderMap,
    Form(mut form): Form<HashMap<String, String>>,
) -> Response {
    if let Some(basic) = headers.get("authorization") {
        form.insert("authorization".into(), basic.to_str().unwrap().into());
    }
    forms.lock().unwrap().push(form);
    Json(json!({ "access_token": "a-token-for-machines", "token_type": "Bearer", "expires_in": 600 }))
        .into_response()
}

async fn mcp(headers: HeaderMap, Json(message): Json<Value>) -> Response {
    if headers.get("authorization").is_none_or(|value| value != "Bearer a-token-for-machines") {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer scope=\"run\"")]).into_response();
    }
    let result = match message["method"].as_str() {
        Some("server/discover") => json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} },
            "ttlMs": 0, "cacheScope": "private",
        }),
        _ => json!({ "resultType": "complete", "content": [{ "type": "text", "text": "done" }] }),
    };
    Json(json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })).into_response()
}

const KEY: &str = include_str!("../../../mcp-client/tests/keys/p256.pem");

#[test]
fn a_command_gets_its_token_without_a_login() {
    let machines = Machines::start();
    let (key, workload) = (machines.file("key.pem", KEY), machines.file("workload", "a.workload.token\n"));
    let client = ["--client-id", "ci", "--client-credentials"];
    for (options, name, expected) in [
        (vec![], "authorization", "Basic Y2k6YS1zZWNyZXQtb2YtdGhlLWNsaWVudA=="),
        (vec!["--client-secret-env", "OTHER"], "authorization", "Basic Y2k6YW5vdGhlci1zZWNyZXQ="),
        (
            vec!["--private-key", &key],
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        (
            vec!["--workload-token", &workload, "--issuer", &machines.origin],
            "client_assertion",
            "a.workload.token",
        ),
    ] {
        machines.run(&["logout"], &[]);
        let options = [&client[..], &options].concat();
        let output = machines.run(&["call", "t"], &options);
        assert_eq!(output.status.code(), Some(0), "{options:?}: {}", stderr(&output));
        let form = machines.forms.lock().unwrap().pop().unwrap();
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(form["scope"], "run");
        assert_eq!(form[name], expected, "{options:?}");
    }
    machines.run(&["logout"], &[]);
    let output = machines.run(&["call", "t"], &["--workload-token", &workload]);
    assert_eq!(output.status.code(), Some(4), "it is for nobody");
    assert!(stderr(&output).contains("was not shown"), "{}", stderr(&output));
    let options = ["--workload-token", &workload, "--issuer", &machines.origin];
    let output = machines.run(&["call", "t"], &options);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let form = machines.forms.lock().unwrap().pop().unwrap();
    assert_eq!((form["assertion"].as_str(), form.get("client_id")), ("a.workload.token", None));
}

#[test]
fn what_login_left_is_enough_afterwards() {
    let machines = Machines::start();
    let key = machines.file("key.pem", KEY);
    let output = machines.run(
        &[
            "login",
            "--client-id",
            "ci",
            "--client-credentials",
            "--private-key",
            &key,
            "--json",
            "--scope",
            "more",
        ],
        &[],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = printed(&output);
    assert_eq!(report["grant"], "client_credentials");
    assert_eq!((&report["tokenType"], &report["clientId"]), (&json!("Bearer"), &json!("ci")));
    assert_eq!(machines.forms.lock().unwrap().pop().unwrap()["scope"], "run more");
    let output = machines.run(&["call", "t"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(machines.forms.lock().unwrap().is_empty(), "the token is still good");
    // Who insists on a key gets no token from a server that does not know such tokens.
    let output = machines.run(&["call", "t"], &["--client-id", "ci", "--client-credentials", "--dpop"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains("not bound to our key"), "{}", stderr(&output));
}

#[test]
fn what_does_not_fit_together_is_told_before_anything_is_sent() {
    let machines = Machines::start();
    let missing = machines.folder.path().join("missing").to_string_lossy().into_owned();
    let (text, key) = (machines.file("text", "no key"), machines.file("key.pem", KEY));
    let client = ["--client-id", "ci", "--client-credentials"];
    for (options, code, says) in [
        (vec!["--client-credentials"], 2, "--client-id"),
        (vec!["--client-id", "ci", "--client-secret-env", "NOT_THERE"], 2, "NOT_THERE"),
        (vec!["--client-id", "ci", "--private-key", &missing], 2, "cannot be read"),
        (vec!["--client-id", "ci", "--private-key", &key, "--signing-algorithm", "HS256"], 2, "ES256"),
        (vec!["--identity-provider", "https://idp.example"], 2, "--subject-token"),
        (vec!["--dpop=sometimes"], 2, "when-offered"),
        ([&client[..], &["--private-key", &text]].concat(), 4, "private key cannot be used"),
        (
            [&client[..], &["--private-key", &key, "--signing-algorithm", "RS256"]].concat(),
            4,
            "ES256, not RS256",
        ),
        (vec!["--workload-token", &missing], 4, "no assertion could be read"),
        ([&client[..], &["--issuer", "https://other.example"]].concat(), 4, "registered with"),
    ] {
        let output = machines.run(&["call", "t"], &options);
        assert_eq!(output.status.code(), Some(code), "{options:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{options:?} says {says:?}: {}", stderr(&output));
    }
    assert!(machines.forms.lock().unwrap().is_empty());
}
