//! Who may see and call what, and what the others are told.

use barewire_mcp_server::{Context, McpServer, McpServerBuilder, NoArguments, Resource, Tool, ToolError};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Reply, Server, resource_server};

const METADATA: &str =
    r#"resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/mcp""#;

fn tools() -> McpServerBuilder {
    let ok = |_: Context, _: NoArguments| async move { Ok("ok") };
    McpServer::builder("x", "1")
        .tool(Tool::new("open", "For everybody who is logged in."), ok)
        .tool(Tool::new("public", "For everybody.").public(), ok)
        .tool(Tool::new("write", "Needs a scope.").scopes(["write"]), ok)
        .tool(
            Tool::new("secret", "For the boss.")
                .scopes(["write"])
                .visible_to(|who| who.is_some_and(|who| who.subject == "boss")),
            ok,
        )
        .tool(
            Tool::new("depends", "Needs a scope for what it was given."),
            |_: Context, _: NoArguments| async {
                Err::<String, _>(ToolError::scopes_required(["admin", "write"]))
            },
        )
        .resource(Resource::new("test://write", "Write").scopes(["write"]), |_: Context| async { Ok("text") })
}

async fn protected() -> Server {
    Server::start(tools().auth(resource_server().implies("all", ["write"])).build().unwrap()).await
}

fn caller(server: &Server, token: &str) -> Client {
    server.modern().with_token(token)
}

fn challenge(reply: &Reply) -> &str {
    reply.header("www-authenticate")
}

fn names(reply: &Reply) -> Vec<&str> {
    reply.result()["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn without_a_good_token_there_is_a_challenge() {
    let server = protected().await;
    for method in ["tools/list", "server/discover", "initialize", "nonsense"] {
        let reply = server.modern().request(1, method, json!({})).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(challenge(&reply), format!(r#"Bearer scope="read", {METADATA}"#));
    }
    let reply = caller(&server, "forged").request(1, "tools/list", json!({})).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    let description = "the access token is not valid";
    assert_eq!(
        challenge(&reply),
        format!(
            r#"Bearer error="invalid_token", error_description="{description}", scope="read", {METADATA}"#
        )
    );
    assert_eq!(reply.body, json!({ "error": "invalid_token", "error_description": description }));
    for method in [Method::GET, Method::DELETE] {
        let client = Client::new(&server.url, "2025-11-25");
        assert_eq!(client.bare(method).await.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_missing_scope_is_named_together_with_those_granted() {
    let server = protected().await;
    let reply = caller(&server, "ann.read+extra").call("write", json!({})).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    let expected = format!(
        r#"Bearer error="insufficient_scope", error_description="this needs the scope write", scope="write read extra", {METADATA}"#
    );
    assert_eq!(challenge(&reply), expected);
    assert_eq!(reply.body["id"], 7);

    let read = json!({ "uri": "test://write" });
    let reply = caller(&server, "ann.read").request(1, "resources/read", read).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    let reply = caller(&server, "ann.read").call("depends", json!({})).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(challenge(&reply).contains(r#"scope="admin write read""#), "{}", challenge(&reply));

    for token in ["ann.write", "ann.all"] {
        assert_eq!(caller(&server, token).call("write", json!({})).await.text(), "ok");
    }
    let legacy = server.legacy_as(Some("ann.read")).await;
    let reply = legacy.call("write", json!({})).await;
    assert_eq!((reply.status, challenge(&reply).is_empty()), (StatusCode::FORBIDDEN, false));
}

#[tokio::test]
async fn lists_show_what_can_be_had_and_hide_what_cannot() {
    let server = protected().await;
    let list = async |token: &str| caller(&server, token).request(1, "tools/list", json!({})).await;
    let ann = list("ann.read").await;
    assert_eq!(names(&ann), ["open", "public", "write", "depends"]);
    assert_eq!(ann.result()["cacheScope"], "private");
    assert_eq!(names(&list("boss.read").await), ["open", "public", "write", "secret", "depends"]);

    let hidden = caller(&server, "ann.write").call("secret", json!({})).await;
    let unknown = caller(&server, "ann.write").call("nothing", json!({})).await;
    assert_eq!(hidden.code(), -32602);
    let same = |reply: &Reply| reply.body.to_string().replace("secret", "nothing");
    assert_eq!(same(&hidden), same(&unknown), "what is hidden cannot be told from what is not there");
    assert_eq!(caller(&server, "boss.write").call("secret", json!({})).await.text(), "ok");
}

#[tokio::test]
async fn anonymous_callers_get_what_is_public_where_they_are_let_in() {
    let mcp = tools().auth(resource_server().allow_anonymous()).build().unwrap();
    let server = Server::start(mcp).await;
    let nobody = server.modern();
    assert_eq!(
        names(&nobody.request(1, "tools/list", json!({})).await),
        ["open", "public", "write", "depends"]
    );
    assert_eq!(nobody.call("public", json!({})).await.text(), "ok");
    let reply = nobody.call("write", json!({})).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(challenge(&reply), format!(r#"Bearer scope="write", {METADATA}"#));
    assert_eq!(nobody.call("open", json!({})).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_page_can_read_answers_and_challenges() {
    let server = protected().await;
    let page = "https://api.example.com";
    let check = |reply: &Reply| {
        assert_eq!(reply.header("access-control-allow-origin"), page);
        for name in ["mcp-session-id", "www-authenticate", "mcp-protocol-version"] {
            assert!(reply.header("access-control-expose-headers").contains(name), "{name}");
        }
        assert!(reply.headers.get_all("vary").iter().any(|value| value == "origin"));
    };
    let client = server.modern().with_header("origin", page);
    check(&client.request(1, "tools/list", json!({})).await);
    check(&client.clone().with_token("ann.read").request(1, "tools/list", json!({})).await);
    check(&client.clone().with_token("ann.read").call("write", json!({})).await);

    let preflight = Client::new(&server.url, "2026-07-28")
        .with_header("origin", page)
        .with_header("access-control-request-method", "POST")
        .with_header("access-control-request-headers", "authorization, mcp-param-region, x-evil")
        .bare(Method::OPTIONS)
        .await;
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap();
    for name in ["authorization", "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-param-region"]
    {
        assert!(allowed.contains(name), "{name}");
    }
    assert!(!allowed.contains("x-evil"));
    assert_eq!(preflight.headers()["access-control-allow-origin"], page);

    let evil = client.with_header("origin", "https://evil.example").request(1, "tools/list", json!({})).await;
    assert_eq!((evil.status, evil.code()), (StatusCode::FORBIDDEN, -32600));
}

#[tokio::test]
async fn scopes_without_anybody_to_check_them_are_a_mistake() {
    let error = tools().build().err().unwrap();
    assert_eq!(error.to_string(), "write asks for scopes, but the server is not protected");
    let _: Value = json!(null);
}
