//! Apps: what a host declares, what it takes for an app, and what an app may call.

use barewire_mcp::types::apps::{AppFault, MIME_TYPE, Visibility};
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{AppError, CallOptions, Client, ClientOptions, EraChoice};
use serde_json::{Value, json};

use crate::stage::{Seen, Stage};

const URI: &str = "ui://weather/view";
const HTML: &str = "<!doctype html><p>sun</p>";

/// A server whose one app has these contents.
async fn server(contents: Value, options: ClientOptions) -> (Stage, Client) {
    let stage = Stage::new(move |seen: Seen| {
        let complete = |mut result: Value| {
            result["resultType"] = json!("complete");
            result["ttlMs"] = json!(0);
            result["cacheScope"] = json!("private");
            seen.result(result)
        };
        let tool = |name: &str, ui: Value| {
            let ui = if ui.is_null() { json!({}) } else { json!({ "ui": ui }) };
            json!({ "name": name, "inputSchema": { "type": "object" }, "_meta": ui })
        };
        match seen.method().as_str() {
            "server/discover" => seen.discovered(),
            "initialize" => seen.initialized("2025-11-25", None),
            "tools/list" => complete(json!({ "tools": [
                tool("weather", json!({ "resourceUri": URI })),
                tool("refresh", json!({ "resourceUri": URI, "visibility": ["app"] })),
                tool("think", json!({ "visibility": ["model"] })),
                tool("wrong", json!({ "resourceUri": "https://evil.example/view" })),
                tool("plain", Value::Null),
            ] })),
            "tools/call" => complete(json!({ "content": [{ "type": "text", "text": "done" }] })),
            "resources/read" => complete(json!({ "contents": [contents] })),
            "resources/list" => complete(json!({ "resources": [{
                "uri": URI, "name": "view", "mimeType": MIME_TYPE, "_meta": { "ui": { "prefersBorder": true } },
            }] })),
            _ => seen.error(404, json!({ "code": -32601, "message": "unknown" })),
        }
    })
    .await;
    let client = Client::connect(stage.url(), options).await.unwrap();
    (stage, client)
}

fn host() -> ClientOptions {
    ClientOptions { shows_apps: true, ..ClientOptions::new("tester", "1") }
}

fn page() -> Value {
    json!({ "uri": URI, "mimeType": MIME_TYPE, "text": HTML })
}

#[tokio::test]
async fn only_a_host_that_shows_apps_says_so() {
    let settings = json!({ "mimeTypes": ["text/html;profile=mcp-app"] });
    for (shows_apps, expected) in [(true, settings), (false, Value::Null)] {
        for era in [EraChoice::Modern, EraChoice::Legacy] {
            let (stage, client) = server(page(), ClientOptions { shows_apps, era, ..host() }).await;
            client.list_app_tools().await.unwrap();
            let of = |seen: &Seen| match seen.method().as_str() {
                "initialize" => Some(seen.json()["params"]["capabilities"].clone()),
                "tools/list" if era == EraChoice::Modern => {
                    Some(seen.json()["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"].clone())
                }
                _ => None,
            };
            let declared: Vec<_> = stage.seen().iter().filter_map(of).collect();
            assert_eq!(declared.len(), 1);
            assert_eq!(declared[0]["extensions"]["io.modelcontextprotocol/ui"], expected, "{era:?}");
        }
    }
}

#[tokio::test]
async fn a_tool_is_for_whom_it_says() {
    let (stage, client) = server(page(), host()).await;
    let tools = client.list_app_tools().await.unwrap();
    let names = |who| tools.visible_to(who).map(|tool| tool.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(Visibility::Model), ["weather", "think", "plain"]);
    assert_eq!(names(Visibility::App), ["weather", "refresh", "plain"]);
    assert_eq!(tools.app_of("weather"), Some(URI));
    let faults: Vec<_> = tools.faults().collect();
    assert_eq!(faults, [("wrong", &AppFault::Uri("https://evil.example/view".to_owned()))]);

    let call = async |name: &str| {
        let arguments = RawJson::empty_object();
        client.call_tool_from_app(&tools, name, arguments, CallOptions::default()).await
    };
    for name in ["weather", "refresh", "plain"] {
        assert_eq!(call(name).await.unwrap().content[0].as_text(), Some("done"));
    }
    let before = stage.story().len();
    for name in ["think", "wrong", "elsewhere", ""] {
        let refused = call(name).await.unwrap_err();
        assert!(matches!(&refused, AppError::Fault(AppFault::NotForApps(of)) if of == name), "{refused}");
    }
    assert_eq!(stage.story().len(), before, "what is not for apps is not called");
}

#[tokio::test]
async fn an_app_is_taken_for_what_it_is() {
    let (_stage, client) = server(page(), host()).await;
    let app = client.read_app(URI, &[]).await.unwrap();
    assert_eq!((app.html.as_str(), app.meta.prefers_border), (HTML, None));
    let listed = client.list_resources().await.unwrap();
    assert_eq!(client.read_app(URI, &listed).await.unwrap().meta.prefers_border, Some(true));
}

#[tokio::test]
async fn what_is_no_app_is_not_shown() {
    let (stage, client) = server(page(), host()).await;
    let before = stage.story().len();
    for uri in ["https://evil.example/view", "file:///etc/passwd", "ui://"] {
        let refused = client.read_app(uri, &[]).await.unwrap_err();
        assert!(matches!(refused, AppError::Fault(AppFault::Uri(_))), "{refused}");
    }
    assert_eq!(stage.story().len(), before, "not even asked for");

    let mut small = host();
    small.config.max_app_bytes = HTML.len();
    let check = async |contents: Value, expected: &str| {
        let (_stage, client) = server(contents, small.clone()).await;
        assert_eq!(
            client.read_app(URI, &[]).await.map(drop).map_err(|error| error.to_string()),
            match expected {
                "" => Ok(()),
                expected => Err(expected.to_owned()),
            }
        );
    };
    check(page(), "").await;
    check(
        json!({ "uri": "ui://other", "mimeType": MIME_TYPE, "text": HTML }),
        "what was read has no contents with the app's address",
    )
    .await;
    check(
        json!({ "uri": URI, "mimeType": "text/html", "text": HTML }),
        "the contents have the type \"text/html\" and not text/html;profile=mcp-app",
    )
    .await;
    let longer = format!("{HTML}!");
    check(
        json!({ "uri": URI, "mimeType": MIME_TYPE, "text": longer }),
        "the app has 26 bytes or more, and at most 25 are accepted",
    )
    .await;
    let injecting = json!({ "ui": { "csp": { "connectDomains": ["https://a.example; script-src *"] } } });
    check(
        json!({ "uri": URI, "mimeType": MIME_TYPE, "text": HTML, "_meta": injecting }),
        "\"https://a.example; script-src *\" in `csp.connectDomains` is not an origin",
    )
    .await;
}
