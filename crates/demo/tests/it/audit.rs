//! Who did what, as the demo's log and metrics tell it.

use std::path::Path;
use std::time::Duration;

use barewire_audit::{AuditStore, Segment, Verifier};
use barewire_store::Store;
use barewire_testkit::{OAuthClient, TempDir};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{BOTH, READ, World, post};

/// A demo whose log can be read after it has stopped.
async fn world(dir: &TempDir) -> World {
    World::start_with(|config| config.server.data_dir = dir.path().to_owned()).await
}

/// All records, as JSON has them, and that they are intact.
pub(crate) async fn records(dir: &Path) -> Vec<Value> {
    let store = Store::open(dir.join("audit.sqlite")).await.unwrap();
    let segments = AuditStore::segments(&store, 0, None, u32::MAX).await.unwrap();
    let mut verifier = Verifier::default();
    segments.iter().for_each(|segment| verifier.check(segment).unwrap());
    verifier.finish().unwrap();
    store.close().await;
    let records = segments.iter().flat_map(Segment::records);
    records.map(|stored| serde_json::to_value(stored.unwrap().entry().unwrap()).unwrap()).collect()
}

fn of<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["kind"] == kind).collect()
}

async fn call(world: &World, token: Option<&str>, tool: &str, arguments: Value) -> StatusCode {
    // A clock that stands still tells nothing of an order.
    world.clock.advance(Duration::from_millis(100));
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "tester", "version": "9" },
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    });
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let mut request = world
        .http
        .post(world.url("/mcp"))
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .json(&message);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    response.bytes().await.unwrap();
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_recorded_with_who_and_why_and_without_a_secret() {
    let dir = TempDir::new();
    let world = world(&dir).await;
    let client = OAuthClient::register(&world.origin, "a client").await.unwrap();
    let tokens = client.log_in(&world.resource(), ("johndoe", "secret"), READ).await.unwrap();
    let token = Some(tokens.access.as_str());
    call(&world, token, "list_posts", json!({ "query": null, "tag": "very private words" })).await;
    call(&world, token, "list_posts", json!({ "tag": "very private words" })).await;
    call(&world, token, "list_posts", json!({ "tag": "very private words" })).await;
    assert_eq!(call(&world, token, "create_post", post("mine", "draft")).await, StatusCode::FORBIDDEN);
    assert_eq!(call(&world, None, "list_posts", json!({})).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        call(&world, Some("forged.token.here"), "list_posts", json!({})).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(call(&world, token, "no_such_tool", json!({})).await, StatusCode::OK);
    let renewed = client.refresh(tokens.refresh.as_deref().unwrap(), &world.resource()).await.unwrap();
    call(&world, Some(&renewed.access), "read_post", json!({ "id": 1 })).await;
    world.stop().await;

    let all = records(dir.path()).await;
    let requests = of(&all, "request");
    let told: Vec<_> = requests
        .iter()
        .map(|record| {
            let text = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {} {} {}",
                text("user"),
                text("name"),
                text("decision"),
                text("reason"),
                record["status"]
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "johndoe list_posts allowed - 200",
            "johndoe list_posts allowed - 200",
            "johndoe list_posts allowed - 200",
            "johndoe create_post insufficient_scope insufficient_scope 403",
            "- - unauthenticated missing_token 401",
            "- - unauthenticated invalid_token 401",
            "johndoe no_such_tool allowed unknown_tool 200",
            "johndoe read_post allowed - 200",
        ]
    );
    let first = requests[0];
    for (name, value) in [
        ("endpoint", json!("/mcp")),
        ("httpMethod", json!("POST")),
        ("method", json!("tools/call")),
        ("client", json!(client.client_id)),
        ("clientName", json!("tester")),
        ("clientVersion", json!("9")),
        ("revision", json!("2026-07-28")),
        ("traceId", json!("4bf92f3577b34da6a3ce929d0e0e4736")),
        ("parentId", json!("00f067aa0ba902b7")),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    assert!(first["address"] == "127.0.0.1" || first["address"] == "::1", "{first}");
    assert!(first["grant"].as_str().is_some_and(|grant| !grant.is_empty()));
    assert!(first["bytesIn"].as_u64() > Some(100) && first["bytesOut"].as_u64() > Some(100), "{first}");
    assert!(first["duration"].as_f64() > Some(0.0), "{first}");
    assert_eq!(requests[3]["scopes"], "posts:write");
    let digest = |index: usize| requests[index]["arguments"].as_str().unwrap().to_owned();
    assert_eq!(digest(1), digest(2), "equal arguments have equal digests");
    assert_ne!(digest(0), digest(1));

    // The clock stands still while somebody logs in, and threads whose records have the same time are in no order.
    let mut events: Vec<_> = of(&all, "event")
        .iter()
        .map(|record| {
            let text = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {} {} {}",
                text("event"),
                text("user"),
                text("decision"),
                text("reason"),
                text("scopes")
            )
        })
        .collect();
    events.sort_unstable();
    assert_eq!(
        events,
        [
            "authorization - allowed consent_asked posts:read",
            "authorization - allowed login_asked posts:read",
            "consent johndoe allowed - posts:read",
            "grant johndoe allowed - posts:read",
            "login johndoe allowed - posts:read",
            "refresh johndoe allowed - posts:read",
            "registration - allowed - -",
        ]
    );
    for event in of(&all, "event") {
        assert_eq!(event["client"], client.client_id, "{event}");
        assert!(event["address"].is_string(), "{event}");
    }
    let granted = of(&all, "event").into_iter().find(|event| event["event"] == "grant").unwrap();
    assert_eq!((&granted["grant"], &granted["endpoint"]), (&first["grant"], &json!("/token")));

    // Nothing that was secret is anywhere in the file.
    let file = std::fs::read(dir.join("audit.sqlite")).unwrap();
    let contains = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("johndoe") && contains("list_posts"), "what is searched is what was written");
    let refresh = [&tokens.refresh, &renewed.refresh].map(|token| token.as_ref().unwrap());
    for secret in [&tokens.access, &renewed.access].into_iter().chain(refresh) {
        assert!(!contains(secret));
        // Nor the part of a token that makes it one.
        assert!(!contains(secret.rsplit('.').next().unwrap()));
    }
    for secret in ["forged.token.here", "very private words", "mine content"] {
        assert!(!contains(secret), "{secret}");
    }
    for password in ["\"secret\"", "=secret", "\u{6}secret"] {
        assert!(!contains(password), "{password}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_at_the_authorization_server_is_recorded_and_what_was_typed_is_not() {
    let dir = TempDir::new();
    let world = world(&dir).await;
    let client = OAuthClient::register(&world.origin, "a client").await.unwrap();
    for (user, password) in [("johndoe", "not his password"), ("a password in the wrong field", "x")] {
        client.log_in(&world.resource(), (user, password), READ).await.unwrap_err();
    }
    let tokens = client.log_in(&world.resource(), ("johndoe", "secret"), READ).await.unwrap();
    let refresh = tokens.refresh.as_deref().unwrap();
    let renewed = client.refresh(refresh, &world.resource()).await.unwrap();
    world.clock.advance(Duration::from_secs(3600));
    client.refresh(refresh, &world.resource()).await.unwrap_err();
    client.refresh(renewed.refresh.as_deref().unwrap(), &world.resource()).await.unwrap_err();
    client.refresh("bwr_nonsense", &world.resource()).await.unwrap_err();
    let strange =
        [("grant_type", "refresh_token"), ("client_id", "typed secret"), ("refresh_token", "typed token")];
    world.http.post(world.url("/token")).form(&strange).send().await.unwrap();
    world.http.post(world.url("/register")).json(&json!({})).send().await.unwrap();
    world.stop().await;

    let all = records(dir.path()).await;
    let mut events: Vec<_> = of(&all, "event")
        .iter()
        .map(|record| {
            let text = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", text("event"), text("user"), text("decision"), text("reason"))
        })
        .collect();
    events.sort_unstable();
    assert_eq!(
        events,
        [
            "authorization - allowed consent_asked",
            "authorization - allowed login_asked",
            "authorization - allowed login_asked",
            "authorization - allowed login_asked",
            "consent johndoe allowed -",
            "grant - refused unknown_client",
            "grant johndoe allowed -",
            "login - refused wrong_password",
            "login johndoe allowed -",
            "login johndoe refused wrong_password",
            "refresh - refused unknown_refresh_token",
            "refresh johndoe allowed -",
            "refresh johndoe refused revoked_grant",
            "registration - allowed -",
            "registration - refused redirect_uri",
            "reuse johndoe refused refresh_reuse",
            "revocation johndoe allowed refresh_reuse",
        ]
    );
    let file = std::fs::read(dir.join("audit.sqlite")).unwrap();
    let contains = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    let typed =
        ["not his password", "a password in the wrong field", "typed secret", "typed token", "nonsense"];
    for typed in typed.into_iter().chain([refresh, renewed.refresh.as_deref().unwrap()]) {
        assert!(!contains(typed), "{typed}");
    }
}

/// Each request under the path at which it came in, though one server answers at all of them.
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_the_first_transport_are_told_apart() {
    let dir = TempDir::new();
    let world = World::start_with(|config| {
        config.server.data_dir = dir.path().to_owned();
        config.metrics.listen = Some("localhost:0".to_owned());
    })
    .await;
    let token = world.token("johndoe", READ).await;
    let get = || world.http.get(world.url("/sse")).header("accept", "text/event-stream");
    assert_eq!(get().send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let mut stream = get().bearer_auth(&token).send().await.unwrap();
    let first = String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    let messages = first.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let post = world.http.post(world.url(messages)).bearer_auth(&token).json(&message);
    assert_eq!(post.send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert!(stream.chunk().await.unwrap().is_some());
    drop(stream);
    call(&world, Some(&token), "list_posts", json!({})).await;

    let metrics = format!("http://{}/metrics", world.metrics.unwrap());
    let counted = async |route: &str, method: &str| {
        let text = world.http.get(&metrics).send().await.unwrap().text().await.unwrap();
        let labels = [("http_route", route), ("http_request_method", method)];
        value(&samples(&text), "http_server_request_duration_seconds", &labels)
    };
    // The end of the stream is heard of a little later.
    let ended = async { while counted("/sse", "GET").await < 2.0 {} };
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
    assert_eq!(counted("/messages", "POST").await, 1.0);
    assert_eq!(counted("/mcp", "POST").await, 1.0);
    world.stop().await;

    let all = records(dir.path()).await;
    let mut told: Vec<_> = of(&all, "request")
        .iter()
        .map(|record| {
            format!("{} {} {}", record["httpMethod"], record["endpoint"], record["status"]).replace('"', "")
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, ["GET /sse 200", "GET /sse 401", "POST /mcp 200", "POST /messages 202"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_do_not_mix() {
    let dir = TempDir::new();
    let world = world(&dir).await;
    let (john, jane) = (world.token("johndoe", BOTH).await, world.token("janedoe", BOTH).await);
    let calls = (0..100).map(|number| {
        let (token, tool) = if number % 2 == 0 { (&john, "list_posts") } else { (&jane, "search_posts") };
        call(&world, Some(token), tool, json!({ "query": "word", "limit": 1 + number % 50 }))
    });
    join_all(calls).await;
    world.stop().await;

    let all = records(dir.path()).await;
    let requests = of(&all, "request");
    assert_eq!(requests.len(), 100);
    let mut clients = std::collections::BTreeSet::new();
    for record in requests {
        let expected = if record["name"] == "list_posts" { "johndoe" } else { "janedoe" };
        assert_eq!(record["user"], expected);
        clients.insert((
            record["user"].to_string(),
            record["client"].to_string(),
            record["grant"].to_string(),
        ));
    }
    assert_eq!(clients.len(), 2, "one client and one grant each: {clients:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_switched_off_is_not_there() {
    let dir = TempDir::new();
    let world = World::start_with(|config| {
        config.server.data_dir = dir.path().to_owned();
        config.audit.enabled = false;
    })
    .await;
    world.stop().await;
    assert!(!dir.join("audit.sqlite").exists());
}

fn samples(text: &str) -> prometheus_parse::Scrape {
    prometheus_parse::Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap()
}

/// The value of a counter or gauge with these labels among its own.
fn value(scrape: &prometheus_parse::Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    let fits = |sample: &&prometheus_parse::Sample| {
        sample.metric == name && labels.iter().all(|(label, value)| sample.labels.get(label) == Some(value))
    };
    let values = scrape.samples.iter().filter(fits).map(|sample| match &sample.value {
        prometheus_parse::Value::Counter(value)
        | prometheus_parse::Value::Gauge(value)
        | prometheus_parse::Value::Untyped(value) => *value,
        prometheus_parse::Value::Histogram(buckets) => buckets.last().map_or(0.0, |bucket| bucket.count),
        prometheus_parse::Value::Summary(_) => panic!("there are no summaries"),
    });
    values.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened_and_names_of_strangers_are_no_labels() {
    let dir = TempDir::new();
    let world = World::start_with(|config| {
        config.server.data_dir = dir.path().to_owned();
        config.metrics.listen = Some("localhost:0".to_owned());
    })
    .await;
    let token = world.token("johndoe", READ).await;
    for _ in 0..3 {
        call(&world, Some(&token), "list_posts", json!({})).await;
    }
    for number in 0..20 {
        call(&world, Some(&token), &format!("invented_{number}"), json!({})).await;
    }
    call(&world, None, "list_posts", json!({})).await;
    call(&world, Some(&token), "create_post", post("mine", "draft")).await;

    let address = world.metrics.unwrap();
    let scrape = async |accept: &str| {
        let request = world.http.get(format!("http://{address}/metrics")).header("accept", accept);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let media = response.headers()["content-type"].to_str().unwrap().to_owned();
        (media, response.text().await.unwrap())
    };
    let (media, text) = scrape("text/plain").await;
    assert!(media.starts_with("text/plain; version=0.0.4"), "{media}");
    let scraped = samples(&text);
    let operations = "mcp_server_operation_duration_seconds";
    let tool = |name: &'static str| [("mcp_method_name", "tools/call"), ("gen_ai_tool_name", name)];
    assert_eq!(value(&scraped, operations, &tool("list_posts")), 3.0);
    assert_eq!(value(&scraped, operations, &tool("_OTHER")), 20.0);
    assert_eq!(value(&scraped, operations, &tool("create_post")), 1.0);
    assert!(!text.contains("invented"), "{text}");
    let refusals = |reason| value(&scraped, "barewire_refusals_total", &[("reason", reason)]);
    assert_eq!(refusals("unknown_tool"), 20.0);
    assert_eq!(refusals("missing_token"), 1.0);
    assert_eq!(refusals("insufficient_scope"), 1.0);
    let by_status = |status| {
        value(&scraped, "http_server_request_duration_seconds", &[("http_response_status_code", status)])
    };
    assert_eq!((by_status("200"), by_status("401"), by_status("403")), (23.0, 1.0, 1.0));
    assert_eq!(value(&scraped, "barewire_requests_total", &[("outcome", "result")]), 3.0);
    assert_eq!(value(&scraped, "http_server_active_requests", &[]), 0.0);
    assert!(value(&scraped, "barewire_request_body_bytes_total", &[]) > 1000.0);
    let logins = [("event", "login"), ("decision", "allowed")];
    assert_eq!(value(&scraped, "barewire_authorization_events_total", &logins), 1.0);
    assert!(
        text.contains("barewire_audit_queue_bytes") && text.contains("barewire_audit_lost_total 0"),
        "{text}"
    );

    let (media, text) = scrape("application/openmetrics-text; version=1.0.0").await;
    assert!(media.starts_with("application/openmetrics-text"), "{media}");
    assert!(text.ends_with("# EOF\n"));

    // A page that calls this machine by its own name.
    let rebound = world.http.get(format!("http://{address}/metrics")).header("host", "evil.example");
    assert_eq!(rebound.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    // Not on the address that everybody reaches.
    let public = world.http.get(world.url("/metrics")).send().await.unwrap();
    assert_eq!(public.status(), StatusCode::NOT_FOUND);
}

/// The address of each request, by the record of it.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_the_address_is_the_one_that_it_names() {
    let dir = TempDir::new();
    let world = World::start_with(|config| {
        config.server.data_dir = dir.path().to_owned();
        config.auth.client_address_header = Some("x-client-address".to_owned());
    })
    .await;
    for told in [Some("203.0.113.7"), Some("10.0.0.1, [2001:db8::1]:443"), Some("unknown"), None] {
        world.clock.advance(Duration::from_millis(100));
        let mut request = world.http.post(world.url("/mcp")).json(&json!({}));
        if let Some(told) = told {
            request = request.header("x-client-address", told);
        }
        request.send().await.unwrap();
    }
    world.stop().await;
    let all = records(dir.path()).await;
    let addresses: Vec<_> =
        of(&all, "request").iter().map(|record| record["address"].as_str().unwrap().to_owned()).collect();
    assert_eq!(addresses[..2], ["203.0.113.7", "2001:db8::1"]);
    assert!(addresses[2..].iter().all(|address| address == "127.0.0.1" || address == "::1"), "{addresses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_forged_tokens_is_seen_in_the_metrics() {
    let world = World::start_with(|config| {
        config.metrics.listen = Some("localhost:0".to_owned());
        config.auth.failed_signatures_per_second = 1;
        config.auth.failed_signatures_at_once = 1;
        config.auth.failed_signatures_per_caller = 1;
    })
    .await;
    let token = world.token("johndoe", READ).await;
    let (signed, _) = token.rsplit_once('.').unwrap();
    let mut turned_away = 0;
    for number in 0..10 {
        let forged = format!("{signed}.{number:085}A");
        let response = world.http.post(world.url("/mcp")).bearer_auth(forged).json(&json!({}));
        let status = response.send().await.unwrap().status();
        assert!(status == StatusCode::UNAUTHORIZED || status == StatusCode::SERVICE_UNAVAILABLE, "{status}");
        turned_away += u32::from(status == StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(turned_away, 8, "one check for everybody, one for this caller");
    let text = world.http.get(format!("http://{}/metrics", world.metrics.unwrap())).send().await.unwrap();
    let scraped = samples(&text.text().await.unwrap());
    assert_eq!(value(&scraped, "barewire_refusals_total", &[("reason", "too_many_forgeries")]), 8.0);
}
