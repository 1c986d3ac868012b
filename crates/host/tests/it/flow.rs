//! The whole flow, with the demo blog at the other end: add, log in, list, call, step up, answer, cancel, log out.

use std::sync::Arc;
use std::time::Duration;

use barewire_host::api::{
    Authorization, CallResult, CallStatus, CallView, ErrorCode, Event, ExchangeList, InputKind, Offered,
    PromptList, Registration, ResourceList, ServerStatusKind, ServerView, TemplateList, ToolList,
};
use barewire_host::{HostConfig, Limits, MemoryHostStore, SessionKey};
use barewire_mcp_client::{CredentialStore, GrantKey, MemoryCredentials};
use barewire_store::Store;
use barewire_testkit::{TempDir, TestClock};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::demo::{Blog, Person};
use crate::support::{Page, Running, refused};

async fn host(credentials: &Arc<MemoryCredentials>) -> Running {
    let store = Arc::new(MemoryHostStore::default());
    Running::keeping(HostConfig::default(), store, credentials.clone(), TestClock::default()).await
}

/// The same, with a blog that its operator has named.
async fn host_of_a_blog(credentials: &Arc<MemoryCredentials>) -> (Running, Blog) {
    let clock = TestClock::default();
    let blog = Blog::start(&clock).await;
    let offered = vec![Offered { name: "Blog".to_owned(), url: blog.endpoint() }];
    let config = HostConfig { offered, ..HostConfig::default() };
    let store = Arc::new(MemoryHostStore::default());
    (Running::keeping(config, store, credentials.clone(), clock).await, blog)
}

/// The tokens that the host has for a browser, which the browser must never see.
async fn tokens(credentials: &dyn CredentialStore, page: &Page, server: &str) -> Vec<String> {
    let cookie = page.cookie().unwrap();
    let owner = SessionKey::of_cookie(cookie.trim_start_matches("barewire_session=")).as_str().to_owned();
    let key = GrantKey { owner, server: server.to_owned() };
    let tokens = credentials.grant(&key).await.unwrap().unwrap().tokens;
    let refresh = tokens.refresh_token.map(|it| it.expose().to_owned());
    [Some(tokens.access_token.expose().to_owned()), refresh].into_iter().flatten().collect()
}

fn structured(call: &CallView) -> &Value {
    match &call.result {
        Some(CallResult::Tool { structured_content: Some(content), is_error: false, .. }) => content,
        other => panic!("{other:?} of {call:?}"),
    }
}

#[tokio::test]
async fn from_the_first_401_to_the_log_out() {
    let credentials = Arc::new(MemoryCredentials::new());
    let (running, blog) = host_of_a_blog(&credentials).await;
    let mut person = Person::new(&running, "johndoe").await;

    // Without a token the server says that it wants one, which is not a failure.
    let server = person.page.add_server(&blog.endpoint()).await;
    let id = server.id.as_str();
    assert_eq!(server.status.kind, ServerStatusKind::Connecting);
    let server = person.events.server(id, ServerStatusKind::LoginRequired).await;
    assert_eq!(server.authorization, Authorization::Required);
    let response = person.page.get(&format!("/api/servers/{id}/tools")).await;
    refused(response, StatusCode::CONFLICT, ErrorCode::Conflict).await;

    // Log in and come back.
    let authorize_url = person.authorize_url(id, &json!({})).await;
    let callback = person.consent(&authorize_url).await;
    let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let response = person.come_back(&callback).await;
    assert_eq!(response.headers()["location"], format!("/#/servers/{id}").as_str());
    let server = person.events.server(id, ServerStatusKind::Ready).await;
    assert_eq!(server.revision.as_deref(), Some("2026-07-28"));
    assert_eq!(server.authorization, Authorization::Authorized);
    assert_eq!(server.scopes, ["posts:read", "offline_access"]);
    assert_eq!(server.issuer.as_deref(), Some(blog.origin.as_str()));
    assert_eq!(server.client.as_ref().unwrap().registration, Registration::Dynamic);
    assert!(server.token_expires_at.is_some());
    let server = person.events.server_that(id, |it| it.user.is_some()).await;
    assert_eq!(server.user.unwrap()["username"], "johndoe");

    // The same callback again is nobody's.
    assert_eq!(person.come_back(&callback).await.status(), StatusCode::BAD_REQUEST);

    // What it has.
    let get =
        async |what: &str| person.page.get(&format!("/api/servers/{id}/{what}")).await.text().await.unwrap();
    let tools: ToolList = serde_json::from_str(&get("tools").await).unwrap();
    assert!(tools.tools.iter().any(|it| it.name == "create_post" && it.input_schema["type"] == "object"));
    let resources: ResourceList = serde_json::from_str(&get("resources").await).unwrap();
    assert_eq!(resources.resources[0].uri, "posts://recent");
    let templates: TemplateList = serde_json::from_str(&get("templates").await).unwrap();
    assert_eq!(templates.templates[0].variables, ["id"]);
    let prompts: PromptList = serde_json::from_str(&get("prompts").await).unwrap();
    assert!(prompts.prompts.iter().any(|it| it.name == "draft_post" && it.arguments[0].required));
    let complete =
        json!({ "reference": { "kind": "prompt", "name": "draft_post" }, "argument": "tone", "value": "p" });
    let completion = person.page.post(&format!("/api/servers/{id}/complete"), &complete).await;
    assert_eq!(completion.json::<Value>().await.unwrap()["values"], json!(["playful"]));

    // Reading.
    let list = person.call(id, &json!({ "kind": "tool", "name": "list_posts" })).await;
    assert!(!structured(&list)["posts"].as_array().unwrap().is_empty());
    assert!(!list.exchanges.is_empty());
    let read = person.call(id, &json!({ "kind": "resource", "uri": "posts://recent" })).await;
    assert!(matches!(read.result, Some(CallResult::Resource { .. })), "{read:?}");
    let arguments = json!({ "topic": "rust", "tone": "dry" });
    let prompt =
        person.call(id, &json!({ "kind": "prompt", "name": "draft_post", "arguments": arguments })).await;
    assert!(matches!(prompt.result, Some(CallResult::Prompt { .. })), "{prompt:?}");
    let unknown = person.call(id, &json!({ "kind": "tool", "name": "no_such_tool" })).await;
    assert_eq!(unknown.status, CallStatus::Failed);
    assert_eq!(unknown.error.unwrap().code, Some(-32602));

    // The first write needs more; after the login the call goes on by itself.
    let post = json!({ "title": "From the host", "content": "Hello.", "tags": ["host"] });
    let write = json!({ "kind": "tool", "name": "create_post", "arguments": post });
    let call = person.start_call(id, &write).await;
    let call = person.events.call(&call.id, |it| matches!(it.status, CallStatus::ScopeRequired { .. })).await;
    let CallStatus::ScopeRequired { scopes, .. } = call.status else { panic!() };
    assert!(scopes.contains(&"posts:write".to_owned()), "{scopes:?}");
    person.log_in(id, &json!({ "scopes": scopes })).await;
    let call = person.events.call(&call.id, |it| it.finished_at.is_some()).await;
    let post = structured(&call)["id"].as_i64().unwrap();
    let scopes = person.page.state().await.servers[0].scopes.clone();
    assert!(
        scopes.contains(&"posts:read".to_owned()) && scopes.contains(&"posts:write".to_owned()),
        "{scopes:?}"
    );

    // The server asks before it deletes.
    let delete = json!({ "kind": "tool", "name": "delete_post", "arguments": { "id": post } });
    let call = person.start_call(id, &delete).await;
    let asked =
        person.events.call(&call.id, |it| matches!(it.status, CallStatus::InputRequired { .. })).await;
    let CallStatus::InputRequired { requests } = asked.status else { panic!() };
    let InputKind::Form { schema, .. } = &requests[0].input else { panic!("{requests:?}") };
    assert_eq!(schema["required"], json!(["confirm"]));
    let answer = json!({ "key": requests[0].key, "action": "accept", "content": { "confirm": true } });
    let path = format!("/api/calls/{}/answer", call.id);
    assert_eq!(person.page.post(&path, &answer).await.status(), StatusCode::OK);
    let call = person.events.call(&call.id, |it| it.finished_at.is_some()).await;
    assert_eq!(structured(&call)["deleted"], true);
    refused(person.page.post(&path, &answer).await, StatusCode::CONFLICT, ErrorCode::Conflict).await;

    // A long call says how far it is, and can be stopped.
    let export = json!({ "kind": "tool", "name": "export_posts", "arguments": { "pause_ms": 2000 } });
    let call = person.start_call(id, &export).await;
    person.events.call(&call.id, |it| it.progress.is_some()).await;
    person.page.post(&format!("/api/calls/{}/cancel", call.id), &Value::Null).await;
    let call = person.events.call(&call.id, |it| it.finished_at.is_some()).await;
    assert_eq!(call.status, CallStatus::Cancelled);

    // The wire, complete and without a secret.
    let secrets = tokens(&*credentials, &person.page, &blog.endpoint()).await;
    assert_eq!(secrets.len(), 2, "an access token and a refresh token");
    let wire = person.page.get(&format!("/api/exchanges?server={id}")).await.text().await.unwrap();
    let har = person.page.get(&format!("/api/servers/{id}/export.har")).await;
    assert!(har.headers()["content-disposition"].to_str().unwrap().contains("localhost.har"));
    let har = har.text().await.unwrap();
    let state = person.page.get("/api/state").await.text().await.unwrap();
    for secret in secrets.iter().chain([&code, &person.page.cookie().unwrap()]) {
        for text in [&wire, &har, &state] {
            assert!(!text.contains(secret.as_str()), "{secret} is in {text}");
        }
    }
    let exchanges: ExchangeList = serde_json::from_str(&wire).unwrap();
    let phases: Vec<String> =
        exchanges.exchanges.iter().map(|it| format!("{:?}", it.exchange.phase)).collect();
    for phase in ["Discover", "Register", "LogIn", "Negotiate", "List", "Call", "StepUp"] {
        assert!(phases.iter().any(|it| it == phase), "{phase} is not in {phases:?}");
    }
    assert_eq!(exchanges.exchanges[0].exchange.response.as_ref().unwrap().status, 401);
    let entries = serde_json::from_str::<Value>(&har).unwrap()["log"]["entries"].as_array().unwrap().len();
    assert_eq!(entries, exchanges.exchanges.len());
    let curl = person.page.get(&format!("/api/exchanges/{}/curl", list.exchanges[0])).await;
    let curl = curl.text().await.unwrap();
    // The token is bound to a key, which curl has not.
    assert!(curl.starts_with("barewire token") && curl.contains(&blog.endpoint()), "{curl}");

    // Whoever has it alone can do nothing with it. Logged out, it is dead at the server too.
    let refused = async || {
        let request = reqwest::Client::new().get(format!("{}/users/me/", blog.origin));
        let response = request.bearer_auth(&secrets[0]).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        response.headers()["www-authenticate"].to_str().unwrap().to_owned()
    };
    assert!(refused().await.contains("bound to a key"));
    let response = person.page.post(&format!("/api/servers/{id}/logout"), &Value::Null).await;
    assert_eq!(response.status(), StatusCode::OK);
    let server = person.events.server(id, ServerStatusKind::LoginRequired).await;
    assert_eq!((server.user, server.token_expires_at), (None, None));
    assert!(refused().await.contains("has been revoked"));
}

async fn a_call_asks_reports_and_can_be_stopped(era: &str, revision: &str) {
    let credentials = Arc::new(MemoryCredentials::new());
    let running = host(&credentials).await;
    let blog = Blog::start(&running.clock).await;
    let (mut person, server) = Person::connected_in(&running, &blog, "johndoe", era).await;
    assert_eq!(server.revision.as_deref(), Some(revision));
    let id = server.id.as_str();

    let arguments = json!({ "title": "A draft", "content": "Hello.", "status": "draft" });
    let write = json!({ "kind": "tool", "name": "create_post", "arguments": arguments });
    let call = person.start_call(id, &write).await;
    person.events.call(&call.id, |it| matches!(it.status, CallStatus::ScopeRequired { .. })).await;
    person.log_in(id, &json!({ "scopes": ["posts:write"] })).await;
    let call = person.events.call(&call.id, |it| it.finished_at.is_some()).await;
    let post = structured(&call)["id"].clone();

    let delete = json!({ "kind": "tool", "name": "delete_post", "arguments": { "id": post } });
    for (answer, deleted) in [
        (json!({ "action": "decline" }), false),
        (json!({ "action": "cancel" }), false),
        (json!({ "action": "accept", "content": { "confirm": false } }), false),
        (json!({ "action": "accept", "content": { "confirm": true } }), true),
    ] {
        let call = person.start_call(id, &delete).await;
        let asked =
            person.events.call(&call.id, |it| matches!(it.status, CallStatus::InputRequired { .. })).await;
        let CallStatus::InputRequired { requests } = asked.status else { panic!() };
        let mut answer = answer;
        answer["key"] = json!(requests[0].key);
        let response = person.page.post(&format!("/api/calls/{}/answer", call.id), &answer).await;
        assert_eq!(response.status(), StatusCode::OK);
        let call = person.events.call(&call.id, |it| it.finished_at.is_some()).await;
        assert_eq!(structured(&call)["deleted"], deleted, "{answer}");
    }

    // Stopped while it asks, and stopped while it works.
    let read = json!({ "kind": "tool", "name": "create_post", "arguments": arguments });
    let post = structured(&person.call(id, &read).await)["id"].clone();
    let delete = json!({ "kind": "tool", "name": "delete_post", "arguments": { "id": post } });
    let export = json!({ "kind": "tool", "name": "export_posts", "arguments": { "pause_ms": 2000 } });
    for request in [delete, export] {
        let call = person.start_call(id, &request).await;
        let busy =
            |it: &CallView| it.progress.is_some() || matches!(it.status, CallStatus::InputRequired { .. });
        person.events.call(&call.id, busy).await;
        person.page.post(&format!("/api/calls/{}/cancel", call.id), &Value::Null).await;
        let call = person.events.call(&call.id, |it| it.finished_at.is_some()).await;
        assert_eq!(call.status, CallStatus::Cancelled);
    }
    let call = person.call(id, &json!({ "kind": "tool", "name": "list_posts" })).await;
    assert_eq!(call.status, CallStatus::Done);
}

#[tokio::test]
async fn a_call_asks_reports_and_can_be_stopped_without_a_handshake() {
    a_call_asks_reports_and_can_be_stopped("modern", "2026-07-28").await;
}

#[tokio::test]
async fn a_call_asks_reports_and_can_be_stopped_in_a_session() {
    a_call_asks_reports_and_can_be_stopped("legacy", "2025-11-25").await;
}

#[tokio::test]
async fn one_endpoint_in_two_eras_has_one_login() {
    let credentials = Arc::new(MemoryCredentials::new());
    let running = host(&credentials).await;
    let blog = Blog::start(&running.clock).await;
    let (mut person, modern) = Person::connected_in(&running, &blog, "johndoe", "modern").await;
    let add = json!({ "url": blog.endpoint(), "era": "legacy" });
    let legacy: ServerView = person.page.post("/api/servers", &add).await.json().await.unwrap();
    assert_ne!(legacy.id, modern.id);
    person.events.server(&legacy.id, ServerStatusKind::Ready).await;
    // One goes and the other stays logged in; logged out, both are.
    person.page.delete(&format!("/api/servers/{}", modern.id)).await;
    let call = person.call(&legacy.id, &json!({ "kind": "tool", "name": "list_posts" })).await;
    assert_eq!(call.status, CallStatus::Done);
    let modern: ServerView =
        person.page.post("/api/servers", &json!({ "url": blog.endpoint() })).await.json().await.unwrap();
    person.events.server(&modern.id, ServerStatusKind::Ready).await;
    person.page.post(&format!("/api/servers/{}/logout", modern.id), &Value::Null).await;
    let mut waiting = vec![legacy.id, modern.id];
    while !waiting.is_empty() {
        let id = person
            .events
            .until(|event| match event {
                Event::Server { server } if server.status.kind == ServerStatusKind::LoginRequired => {
                    Some(server.id.clone())
                }
                _ => None,
            })
            .await;
        waiting.retain(|it| *it != id);
    }
}

#[tokio::test]
async fn a_step_up_that_is_refused_takes_nothing_away() {
    let credentials = Arc::new(MemoryCredentials::new());
    let running = host(&credentials).await;
    let blog = Blog::start(&running.clock).await;
    let (mut person, server) = Person::connected(&running, &blog, "johndoe").await;
    let arguments = json!({ "title": "Never", "content": "Hello." });
    let write = json!({ "kind": "tool", "name": "create_post", "arguments": arguments });
    let call = person.start_call(&server.id, &write).await;
    person.events.call(&call.id, |it| matches!(it.status, CallStatus::ScopeRequired { .. })).await;
    let authorize_url = person.authorize_url(&server.id, &json!({ "scopes": ["posts:write"] })).await;
    let state = authorize_url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let mut callback: url::Url = "http://localhost/callback".parse().unwrap();
    let denied = [("error", "access_denied"), ("state", &state), ("iss", &blog.origin)];
    callback.query_pairs_mut().extend_pairs(denied);
    person.come_back(&callback).await;
    let refused = |it: &CallView| match &it.status {
        CallStatus::ScopeRequired { scopes, message } => !scopes.is_empty() && message.contains("declined"),
        _ => false,
    };
    person.events.call(&call.id, refused).await;
    assert_eq!(person.page.state().await.servers[0].status.kind, ServerStatusKind::Ready);
    person.page.post(&format!("/api/calls/{}/cancel", call.id), &Value::Null).await;
    let call = person.events.call(&call.id, |it| it.finished_at.is_some()).await;
    assert_eq!(call.status, CallStatus::Cancelled);
    let call = person.call(&server.id, &json!({ "kind": "tool", "name": "list_posts" })).await;
    assert_eq!(call.status, CallStatus::Done);
}

#[tokio::test]
async fn a_token_that_ends_is_renewed_without_the_person() {
    let credentials = Arc::new(MemoryCredentials::new());
    let running = host(&credentials).await;
    let blog = Blog::start(&running.clock).await;
    let (mut person, server) = Person::connected(&running, &blog, "johndoe").await;
    let before = tokens(&*credentials, &person.page, &blog.endpoint()).await;
    let ends = server.token_expires_at.unwrap();
    running.clock.set(std::time::UNIX_EPOCH + Duration::from_millis(ends + 1_000));
    let call = person.call(&server.id, &json!({ "kind": "tool", "name": "list_posts" })).await;
    assert_eq!(call.status, CallStatus::Done);
    let after = tokens(&*credentials, &person.page, &blog.endpoint()).await;
    assert!(before.iter().all(|it| !after.contains(it)), "both tokens are new");
    let shown = person.page.state().await.servers[0].token_expires_at.unwrap();
    assert!(shown > ends);
    let wire = person.page.get(&format!("/api/exchanges?server={}", server.id)).await.text().await.unwrap();
    assert!(wire.contains("\"refresh\""), "{wire}");
    for secret in before.iter().chain(&after) {
        assert!(!wire.contains(secret.as_str()));
    }
}

#[tokio::test]
async fn a_login_that_was_ended_elsewhere_is_asked_for_again_and_the_call_goes_on() {
    let credentials = Arc::new(MemoryCredentials::new());
    let running = host(&credentials).await;
    let blog = Blog::start(&running.clock).await;
    let (mut person, server) = Person::connected(&running, &blog, "johndoe").await;
    let client_id = person.page.state().await.servers[0].client.clone().unwrap().client_id;
    let tokens = tokens(&*credentials, &person.page, &blog.endpoint()).await;
    let revoke = reqwest::Client::new().post(format!("{}/revoke", blog.origin));
    let form = [("token", tokens[1].as_str()), ("client_id", client_id.as_str())];
    assert_eq!(revoke.form(&form).send().await.unwrap().status(), StatusCode::OK);

    let call = person.start_call(&server.id, &json!({ "kind": "tool", "name": "list_posts" })).await;
    person.events.call(&call.id, |it| matches!(it.status, CallStatus::ScopeRequired { .. })).await;
    person.events.server(&server.id, ServerStatusKind::LoginRequired).await;
    person.log_in(&server.id, &json!({})).await;
    let call = person.events.call(&call.id, |it| it.finished_at.is_some()).await;
    assert_eq!(call.status, CallStatus::Done);
}

#[tokio::test]
async fn calls_of_a_session_are_bounded() {
    let clock = TestClock::default();
    let blog = Blog::start(&clock).await;
    let few = Limits { calls_per_session: 2, ..Limits::default() };
    let small = Limits { call_bytes_per_session: 1, ..Limits::default() };
    let no_waiting = Limits { running_calls_per_session: 1, ..Limits::default() };
    for (limits, kept) in [(few, 2), (small, 1), (no_waiting, 3)] {
        let config = HostConfig { limits, ..HostConfig::default() };
        let (store, credentials) = (Arc::new(MemoryHostStore::default()), Arc::new(MemoryCredentials::new()));
        let running = Running::keeping(config, store, credentials, clock.clone()).await;
        let (mut person, server) = Person::connected(&running, &blog, "johndoe").await;
        let list = json!({ "kind": "tool", "name": "list_posts" });
        let mut last = String::new();
        for _ in 0..3 {
            last = person.call(&server.id, &list).await.id;
        }
        let calls = person.page.state().await.calls;
        assert_eq!((calls.len(), &calls[kept - 1].id), (kept, &last));
    }
}

#[tokio::test]
async fn calls_that_run_at_once_are_bounded() {
    let clock = TestClock::default();
    let blog = Blog::start(&clock).await;
    let limits = Limits { running_calls_per_session: 1, ..Limits::default() };
    let config = HostConfig { limits, ..HostConfig::default() };
    let running = Running::with(config, Arc::new(MemoryHostStore::default())).await;
    let (mut person, server) = Person::connected(&running, &blog, "johndoe").await;
    let export = json!({ "kind": "tool", "name": "export_posts", "arguments": { "pause_ms": 2000 } });
    let call = person.start_call(&server.id, &export).await;
    let path = format!("/api/servers/{}/calls", server.id);
    refused(person.page.post(&path, &export).await, StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooMany).await;
    let forget = person.page.delete(&format!("/api/calls/{}", call.id)).await;
    refused(forget, StatusCode::CONFLICT, ErrorCode::Conflict).await;
    person.page.post(&format!("/api/calls/{}/cancel", call.id), &Value::Null).await;
    person.events.call(&call.id, |it| it.finished_at.is_some()).await;
    let forget = person.page.delete(&format!("/api/calls/{}", call.id)).await;
    assert_eq!(forget.status(), StatusCode::NO_CONTENT);
    assert_eq!(person.page.state().await.calls, []);
}

#[tokio::test]
async fn nothing_is_told_of_a_server_after_it_was_removed() {
    let credentials = Arc::new(MemoryCredentials::new());
    let running = host(&credentials).await;
    let blog = Blog::start(&running.clock).await;
    for era in ["modern", "legacy"] {
        let (mut person, server) = Person::connected_in(&running, &blog, "johndoe", era).await;
        let export = json!({ "kind": "tool", "name": "export_posts", "arguments": { "pause_ms": 2000 } });
        let call = person.start_call(&server.id, &export).await;
        person.events.call(&call.id, |it| it.progress.is_some()).await;
        let secrets = tokens(&*credentials, &person.page, &blog.endpoint()).await;
        let response = person.page.delete(&format!("/api/servers/{}", server.id)).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let removed = |event: &Event| matches!(event, Event::ServerRemoved { .. }).then_some(());
        person.events.until(removed).await;
        // What still ends in the background is not told: the next thing is the next server.
        let next = person.page.add_server("http://127.0.0.1:9/mcp").await;
        let (_, event) = person.events.next().await.unwrap();
        assert!(matches!(&event, Event::Server { server } if server.id == next.id), "{event:?}");
        assert_eq!(person.page.state().await.calls, []);
        // And its token is dead.
        let me = reqwest::Client::new().get(format!("{}/users/me/", blog.origin)).bearer_auth(&secrets[0]);
        let refused = me.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("has been revoked"), "{challenge}");
    }
}

#[tokio::test]
async fn two_people_at_one_server_are_two_people() {
    let credentials = Arc::new(MemoryCredentials::new());
    let (running, blog) = host_of_a_blog(&credentials).await;
    let (mut john, johns) = Person::connected(&running, &blog, "johndoe").await;
    let (mut jane, janes) = Person::connected(&running, &blog, "janedoe").await;
    for (person, server, name) in [(&mut john, &johns, "johndoe"), (&mut jane, &janes, "janedoe")] {
        let server = person.events.server_that(&server.id, |it| it.user.is_some()).await;
        assert_eq!(server.user.unwrap()["username"], name);
    }
    let call = john.call(&johns.id, &json!({ "kind": "tool", "name": "list_posts" })).await;
    refused(
        jane.page.get(&format!("/api/calls/{}", call.id)).await,
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
    )
    .await;
    let curl = format!("/api/exchanges/{}/curl", call.exchanges[0]);
    assert_eq!(john.page.get(&curl).await.status(), StatusCode::OK);
    refused(jane.page.get(&curl).await, StatusCode::NOT_FOUND, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn a_login_can_only_come_back_to_the_browser_that_started_it() {
    let credentials = Arc::new(MemoryCredentials::new());
    let running = host(&credentials).await;
    let blog = Blog::start(&running.clock).await;
    let mut attacker = Person::new(&running, "johndoe").await;
    let victim = Person::new(&running, "janedoe").await;
    let server = attacker.page.add_server(&blog.endpoint()).await;
    attacker.events.server(&server.id, ServerStatusKind::LoginRequired).await;
    let authorize_url = attacker.authorize_url(&server.id, &json!({})).await;
    let callback = attacker.consent(&authorize_url).await;

    assert_eq!(victim.come_back(&callback).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(victim.page.state().await.servers, []);
    // The code was not touched.
    assert_eq!(attacker.come_back(&callback).await.status(), StatusCode::SEE_OTHER);
    attacker.events.server(&server.id, ServerStatusKind::Ready).await;
}

#[tokio::test]
async fn a_login_that_goes_wrong_says_so() {
    let credentials = Arc::new(MemoryCredentials::new());
    let running = host(&credentials).await;
    let blog = Blog::start(&running.clock).await;
    let mut person = Person::new(&running, "johndoe").await;
    let server = person.page.add_server(&blog.endpoint()).await;
    person.events.server(&server.id, ServerStatusKind::LoginRequired).await;
    for (name, value, iss) in
        [("error", "access_denied", blog.origin.as_str()), ("code", "stolen", "https://evil.example")]
    {
        let authorize_url = person.authorize_url(&server.id, &json!({})).await;
        let state = authorize_url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let mut callback: url::Url = "http://localhost/callback".parse().unwrap();
        callback.query_pairs_mut().extend_pairs([(name, value), ("state", &state), ("iss", iss)]);
        assert_eq!(person.come_back(&callback).await.status(), StatusCode::SEE_OTHER);
        let server = person.events.server(&server.id, ServerStatusKind::Refused).await;
        assert!(
            !server.status.message.is_empty() && server.status.what_next.is_some(),
            "{:?}",
            server.status
        );
    }
    // And can be tried again.
    person.log_in(&server.id, &json!({})).await;
    person.events.server(&server.id, ServerStatusKind::Ready).await;
}

#[tokio::test]
async fn a_server_that_goes_away_is_waited_for() {
    let credentials = Arc::new(MemoryCredentials::new());
    let running = host(&credentials).await;
    let blog = Blog::start(&running.clock).await;
    let (mut person, server) = Person::connected(&running, &blog, "johndoe").await;
    let blog = blog.stop().await;
    let call = person.start_call(&server.id, &json!({ "kind": "tool", "name": "list_posts" })).await;
    let lost = person.events.server(&server.id, ServerStatusKind::Disconnected).await;
    assert!(lost.status.retry_at.is_some());
    let _blog = blog.start_again().await;
    person.events.server(&server.id, ServerStatusKind::Ready).await;
    let call: CallView = person.page.get(&format!("/api/calls/{}", call.id)).await.json().await.unwrap();
    assert_eq!(call.status, CallStatus::Failed);
    let call = person.call(&server.id, &json!({ "kind": "tool", "name": "list_posts" })).await;
    assert_eq!(call.status, CallStatus::Done);
}

#[tokio::test]
async fn a_restart_of_the_host_loses_nothing() {
    let dir = TempDir::new();
    let clock = TestClock::default();
    let open = async || Arc::new(Store::open(dir.join("host.sqlite")).await.unwrap());
    let store = open().await;
    let running = Running::keeping(HostConfig::default(), store.clone(), store.clone(), clock.clone()).await;
    let listen = running.origin.trim_start_matches("http://").to_owned();
    let blog = Blog::start(&clock).await;
    let (mut person, server) = Person::connected(&running, &blog, "johndoe").await;
    let call = person.call(&server.id, &json!({ "kind": "tool", "name": "list_posts" })).await;
    let cookie = person.page.cookie().unwrap();
    let secrets = tokens(&*store, &person.page, &blog.endpoint()).await;
    running.stop().await;
    store.close().await;
    let file = std::fs::read(dir.join("host.sqlite")).unwrap();
    let secrets = secrets.iter().map(String::as_str).chain([cookie.trim_start_matches("barewire_session=")]);
    for secret in secrets {
        assert!(!file.windows(secret.len()).any(|it| it == secret.as_bytes()), "{secret} is in the file");
    }

    let store = open().await;
    let config = HostConfig { listen, ..HostConfig::default() };
    let running = Running::keeping(config, store.clone(), store.clone(), clock).await;
    let page = running.browser().with_cookie(&cookie);
    let state = page.state().await;
    let mut events = page.events(&state.last_event).await;
    if state.servers[0].status.kind != ServerStatusKind::Ready {
        events.server(&server.id, ServerStatusKind::Ready).await;
    }
    // The log of before is there, under its old ids.
    let wire: ExchangeList =
        page.get(&format!("/api/exchanges?server={}", server.id)).await.json().await.unwrap();
    assert!(wire.exchanges.iter().any(|it| call.exchanges.contains(&it.exchange.id)));
    running.stop().await;
    store.close().await;
}
