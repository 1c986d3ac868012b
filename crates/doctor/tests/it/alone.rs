//! Faults of a server's own, and servers that are fine and small.

use barewire_doctor::{Posture, Severity};
use serde_json::json;

use crate::scripted::{Scripted, Seen, reply, with};
use crate::support::{compare, examined, target};

type Script = fn(&Seen) -> Option<axum::response::Response>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_a_server_is_found_by_its_name() {
    let mut wrong = Vec::new();
    for (name, script, expected) in cases() {
        let server = Scripted::new(script).await;
        let report = examined(&target(&server.url, None)).await;
        wrong.extend(compare(name, &report, expected));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn cases() -> Vec<(&'static str, Script, &'static [&'static str])> {
    vec![
        (
            "no fault",
            (|_| None) as Script,
            &["info authorization.needed", "info revision.modern", "warning cors.allowed"],
        ),
        (
            "sessions are given out and ignored",
            |seen| (seen.rpc() == "tools/list").then(|| seen.result(&json!({ "tools": [] }))),
            &["error session.unknown", "info session.required", "error session.ended"],
        ),
        (
            "every session is the same",
            |seen| match seen.rpc().as_str() {
                _ if seen.is_foreign()
                    || seen.method != http::Method::POST
                    || seen.header("content-type") != Some("application/json") =>
                {
                    None
                }
                "initialize" => {
                    let result = json!({
                        "protocolVersion": seen.json()["params"]["protocolVersion"].as_str().filter(|it| it.starts_with("202") && *it < "2026").unwrap_or("2025-11-25"),
                        "capabilities": {}, "serverInfo": { "name": "one", "version": "1" },
                    });
                    Some(with(seen.result(&result), "mcp-session-id", "the-one-and-only-session"))
                }
                "ping" if seen.header("mcp-session-id") == Some("the-one-and-only-session") => {
                    Some(seen.result(&json!({})))
                }
                _ => None,
            },
            &["error session.unguessable"],
        ),
        (
            "every page may call it",
            |seen| {
                let foreign = seen.header("origin").is_some_and(|it| it.contains("invalid"));
                (foreign && seen.rpc() == "initialize").then(|| seen.result(&json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": { "name": "open", "version": "1" } })))
            },
            &["error origin.stranger"],
        ),
        (
            "every name will do",
            |seen| {
                let foreign = seen.header("host").is_some_and(|it| it.contains("invalid"));
                (foreign && seen.rpc() == "initialize").then(|| seen.result(&json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": { "name": "open", "version": "1" } })))
            },
            &["error origin.rebound_name"],
        ),
        (
            "GET is neither a stream nor refused",
            |seen| {
                (seen.method == http::Method::GET && seen.path == "/mcp")
                    .then(|| reply(200, "application/json", "{}"))
            },
            &["error stream.get"],
        ),
        (
            "initialize agrees to a revision without handshake",
            |seen| {
                let modern = seen.json()["params"]["protocolVersion"] == "2026-07-28";
                (modern && !seen.is_foreign()).then(|| seen.result(&json!({ "protocolVersion": "2026-07-28", "capabilities": {}, "serverInfo": { "name": "x", "version": "1" } })))
            },
            &["error revision.modern_proposal"],
        ),
        (
            "an API key instead of OAuth",
            |seen| {
                (seen.path.starts_with("/mcp"))
                    .then(|| with(reply(401, "", ""), "www-authenticate", "ApiKey realm=\"x\""))
            },
            &["warning authorization.needed", "warning challenge.present", "error discovery.found"],
        ),
        (
            "authorization as in 2025-03-26",
            |seen| match seen.path.as_str() {
                "/.well-known/oauth-authorization-server" => {
                    Some(reply(200, "application/json", r#"{"issuer":"http://127.0.0.1"}"#))
                }
                "/mcp" | "/mcp/" => Some(with(reply(401, "", ""), "www-authenticate", "Bearer")),
                _ => None,
            },
            &["info authorization.needed", "error discovery.found", "warning challenge.resource_metadata"],
        ),
        (
            "it has metadata and asks for nothing",
            |seen| {
                (seen.path == "/.well-known/oauth-protected-resource/mcp").then(|| {
                    let origin = format!("http://{}", seen.header("host").unwrap());
                    let body = json!({ "resource": format!("{origin}/mcp"), "authorization_servers": [] });
                    reply(200, "application/json", body.to_string())
                })
            },
            &["warning authorization.unused_metadata", "error metadata.authorization_servers"],
        ),
        (
            "ping is not known",
            |seen| (seen.rpc() == "ping").then(|| seen.error(200, -32601, "Method not found")),
            &["info authorization.needed"],
        ),
        (
            "only the transport of 2024-11-05",
            |seen| match seen.method {
                http::Method::GET if seen.path == "/mcp" => {
                    Some(reply(200, "text/event-stream", "event: endpoint\ndata: /messages?s=1\n\n"))
                }
                _ => Some(reply(404, "text/plain", "not found")),
            },
            &["warning revision.old_transport"],
        ),
        (
            "answers come as streams, and stay open",
            |seen| {
                (seen.rpc() == "tools/list").then(|| {
                    let message =
                        json!({ "jsonrpc": "2.0", "id": seen.json()["id"], "result": { "tools": [] } });
                    let first = futures_util::stream::once(async move {
                        Ok::<_, std::io::Error>(format!("data: {message}\n\n"))
                    });
                    let open = futures_util::StreamExt::chain(first, futures_util::stream::pending());
                    reply(200, "text/event-stream", axum::body::Body::from_stream(open))
                })
            },
            &[
                "warning stream.closed",
                "warning stream.unbuffered",
                "error session.unknown",
                "error session.ended",
            ],
        ),
    ]
}

#[tokio::test]
async fn no_authorization_is_not_broken_authorization() {
    let open = Scripted::new(|_| None).await;
    let report = examined(&target(&open.url, None)).await;
    assert_eq!(report.server.authorization, Posture::None);
    let says = report.findings.iter().find(|finding| finding.id == "authorization.needed").unwrap();
    assert_eq!((says.severity, says.title.as_str()), (Severity::Info, "This server has no authorization"));

    let broken = Scripted::new(|seen| {
        seen.path.starts_with("/mcp").then(|| with(reply(401, "", ""), "www-authenticate", "Bearer"))
    })
    .await;
    let report = examined(&target(&broken.url, None)).await;
    assert_eq!(report.server.authorization, Posture::Broken);
    let says = report.findings.iter().find(|finding| finding.id == "authorization.needed").unwrap();
    assert!(says.title.starts_with("Authorization is broken"), "{}", says.title);
}

#[tokio::test]
async fn what_is_not_declared_is_not_applicable() {
    let server = Scripted::new(|seen| {
        (seen.rpc() == "initialize").then(|| {
            seen.result(&json!({
                "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": { "name": "bare", "version": "1" },
            }))
        })
    })
    .await;
    let report = examined(&target(&server.url, None)).await;
    for finding in
        report.findings.iter().filter(|it| it.id.starts_with("schema.") || it.id.starts_with("list."))
    {
        assert_eq!(finding.severity, Severity::NotApplicable, "{}: {}", finding.id, finding.observed);
    }
}

#[tokio::test]
async fn no_session_is_left_open() {
    let server = Scripted::new(|_| None).await;
    examined(&target(&server.url, None)).await;
    assert_eq!(server.open_sessions(), 0);
}
