//! Apps: what is said of them to whom, and what hosts would refuse.

use barewire_mcp_server::types::apps::{
    App as Read, AppTools, DEPRECATED_META_KEY, MIME_TYPE, UiCsp, UiPermissions, Visibility,
};
use barewire_mcp_server::types::resources::ResourceContents;
use barewire_mcp_server::{
    App, Context, Limits, McpServer, McpServerBuilder, NoArguments, Resource, ResourceTemplate, Tool,
    UriVariables,
};
use serde_json::{Value, json};

use crate::support::{Client, Server, resource_server};

const URI: &str = "ui://weather/view";
const HTML: &str = "<!doctype html>\n<title>Weather</title>";

fn app() -> App {
    App::new(URI, "weather-view", HTML)
        .title("Weather")
        .csp(UiCsp { connect_domains: vec!["https://api.example.com".to_owned()], ..UiCsp::default() })
        .permissions(UiPermissions { geolocation: true, ..UiPermissions::default() })
        .prefers_border(true)
}

fn with(builder: McpServerBuilder, tool: Tool) -> McpServerBuilder {
    builder.tool(tool, |_: Context, _: NoArguments| async { Ok("21 degrees") })
}

fn weather() -> McpServerBuilder {
    let builder = McpServer::builder("x", "1").app(app());
    let builder = with(builder, Tool::new("weather", "The weather.").app(URI));
    let builder = with(builder, Tool::new("refresh", "Anew.").app(URI).visibility([Visibility::App]));
    let builder = with(builder, Tool::new("think", "On it.").app(URI).visibility([Visibility::Model]));
    with(builder, Tool::new("plain", "Nothing to see."))
}

fn shows_apps() -> Value {
    json!({ "extensions": { "io.modelcontextprotocol/ui": { "mimeTypes": ["text/html;profile=mcp-app"] } } })
}

/// A client of each era, before its handshake.
fn clients(server: &Server, revisions: &[&'static str]) -> Vec<Client> {
    revisions.iter().map(|revision| Client::new(&server.url, revision)).collect()
}

async fn open(client: Client, capabilities: Value) -> Client {
    let mut client = client.with_capabilities(capabilities);
    if client.revision != crate::support::MODERN {
        client.handshake().await;
    }
    client
}

async fn list(client: &Client, method: &str, key: &str) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut params = json!({});
    loop {
        let reply = client.request(1, method, params).await;
        entries.extend(reply.result()[key].as_array().unwrap().clone());
        match &reply.result()["nextCursor"] {
            Value::Null => return entries,
            cursor => params = json!({ "cursor": cursor }),
        }
    }
}

fn names(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn whoever_shows_apps_is_told_of_them() {
    let server = Server::start(weather().build().unwrap()).await;
    for client in clients(&server, &["2026-07-28", "2025-11-25", "2025-06-18"]) {
        let client = open(client, shows_apps()).await;
        let tools = list(&client, "tools/list", "tools").await;
        assert_eq!(names(&tools), ["weather", "refresh", "think", "plain"]);
        assert_eq!(
            tools[0]["_meta"],
            json!({ "ui": { "resourceUri": URI } }),
            "and not the deprecated member"
        );
        assert_eq!(tools[1]["_meta"], json!({ "ui": { "resourceUri": URI, "visibility": ["app"] } }));
        assert_eq!(tools[2]["_meta"]["ui"]["visibility"], json!(["model"]));
        assert_eq!(tools[3]["_meta"], Value::Null);

        let ui = json!({
            "csp": { "connectDomains": ["https://api.example.com"] },
            "permissions": { "geolocation": {} },
            "prefersBorder": true,
        });
        let resources = list(&client, "resources/list", "resources").await;
        let listed = json!({
            "uri": URI, "name": "weather-view", "title": "Weather", "mimeType": MIME_TYPE, "size": HTML.len(),
            "_meta": { "ui": ui },
        });
        assert_eq!(resources, [listed]);
        let read = client.request(1, "resources/read", json!({ "uri": URI })).await;
        let contents = json!({ "uri": URI, "mimeType": MIME_TYPE, "text": HTML, "_meta": { "ui": ui } });
        assert_eq!(read.result()["contents"], json!([contents]));
        let contents: ResourceContents = serde_json::from_value(contents).unwrap();
        assert_eq!(Read::new(URI, vec![contents], None, 1_000).unwrap().html, HTML);

        let called = client.call("refresh", json!({})).await;
        assert_eq!(called.result()["content"][0]["text"], "21 degrees");
        // And this is how a host reads it.
        let tools = AppTools::new(serde_json::from_value(json!(tools)).unwrap());
        assert_eq!(tools.app_of("weather"), Some(URI));
        assert!(tools.check_call_from_app("refresh").is_ok() && tools.check_call_from_app("think").is_err());
    }
}

#[tokio::test]
async fn to_others_they_are_tools_like_any() {
    let server = Server::start(weather().build().unwrap()).await;
    let other = json!({ "extensions": { "io.modelcontextprotocol/ui": { "mimeTypes": ["text/uri-list"] } } });
    let every = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"];
    let none = clients(&server, &every).into_iter().map(|client| (client, json!({})));
    let others = clients(&server, &every).into_iter().map(|client| (client, other.clone()));
    // Tools had no metadata then, so there is nowhere to say it.
    let older = clients(&server, &["2025-03-26"]).into_iter().map(|client| (client, shows_apps()));
    for (client, capabilities) in none.chain(others).chain(older) {
        let client = open(client, capabilities).await;
        let tools = list(&client, "tools/list", "tools").await;
        assert_eq!(names(&tools), ["weather", "think", "plain"], "what is for apps only is for nobody here");
        assert!(tools.iter().all(|tool| tool["_meta"].is_null()), "{tools:?}");
        assert_eq!(list(&client, "resources/list", "resources").await, [] as [Value; 0]);
        assert_eq!(client.call("weather", json!({})).await.result()["content"][0]["text"], "21 degrees");

        let refused = client.call("refresh", json!({})).await;
        if client.revision == "2026-07-28" {
            let missing = &refused.body["error"];
            assert_eq!(
                (&missing["code"], &missing["data"]["requiredCapabilities"]),
                (&json!(-32021), &shows_apps())
            );
        } else {
            assert_eq!(refused.result()["isError"], true);
        }
        let read = client.request(1, "resources/read", json!({ "uri": URI })).await;
        assert_eq!(read.result()["contents"][0]["text"], HTML, "it is no secret");
    }
}

#[tokio::test]
async fn the_extension_is_declared_where_there_are_apps() {
    let apps = Server::start(weather().build().unwrap()).await;
    let none =
        Server::start(with(McpServer::builder("x", "1"), Tool::new("plain", "x")).build().unwrap()).await;
    for (server, expected) in [(&apps, json!({})), (&none, Value::Null)] {
        let discovered = server.modern().request(1, "server/discover", json!({})).await;
        let of = |reply: &Value| reply["capabilities"]["extensions"]["io.modelcontextprotocol/ui"].clone();
        assert_eq!(of(discovered.result()), expected);
        for (revision, is_there) in [("2025-11-25", true), ("2025-06-18", true), ("2025-03-26", false)] {
            let params = json!({
                "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "x", "version": "1" },
            });
            let begun = Client::new(&server.url, revision).request(1, "initialize", params).await;
            assert_eq!(
                of(begun.result()),
                if is_there { expected.clone() } else { Value::Null },
                "{revision}"
            );
        }
    }
}

#[tokio::test]
async fn pages_are_whole_for_both_and_kept_by_no_one_for_the_other() {
    let limits = Limits { page_size: 2, ..Limits::default() };
    let server = (0..9).fold(McpServer::builder("x", "1").app(app()).limits(limits), |builder, number| {
        let tool = Tool::new(format!("tool{number}"), "One of many.").app(URI);
        with(builder, if number % 3 == 1 { tool.visibility([Visibility::App]) } else { tool })
    });
    let server = Server::start(server.build().unwrap()).await;
    for _ in 0..2 {
        for (capabilities, expected) in
            [(json!({}), [0, 2, 3, 5, 6, 8].to_vec()), (shows_apps(), (0..9).collect::<Vec<_>>())]
        {
            let client = open(server.modern(), capabilities).await;
            let tools = list(&client, "tools/list", "tools").await;
            let expected: Vec<_> = expected.iter().map(|number| format!("tool{number}")).collect();
            assert_eq!(names(&tools), expected);
            let reply = client.request(1, "tools/list", json!({})).await;
            assert_eq!(reply.result()["cacheScope"], "private");
        }
    }
}

#[tokio::test]
async fn an_app_is_as_visible_as_any_resource() {
    let app = app().visible_to(|who| who.is_some_and(|who| who.subject == "ann")).scopes(["read"]);
    let server = with(McpServer::builder("x", "1").app(app), Tool::new("weather", "x").app(URI));
    let server = Server::start(server.auth(resource_server()).build().unwrap()).await;
    for (token, sees) in [("ann.read", true), ("bob.read", false)] {
        let client = open(server.modern().with_token(token), shows_apps()).await;
        assert_eq!(list(&client, "resources/list", "resources").await.len(), usize::from(sees));
        let read = client.request(1, "resources/read", json!({ "uri": URI })).await;
        assert_eq!(read.body["result"].is_object(), sees);
    }
}

#[test]
fn what_hosts_would_refuse_is_found_at_start() {
    let check = |builder: McpServerBuilder, expected: &str| {
        let error = builder.build().err().unwrap();
        let source =
            std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        assert_eq!(format!("{error}{source}"), expected);
    };
    let server = || McpServer::builder("x", "1");
    let uri =
        |uri: &str| format!("{uri:?} is no address of an app: these begin with ui:// and are visible ASCII");
    for wrong in ["https://weather", "ui://", "weather", "ui://a b"] {
        check(
            server().app(App::new(wrong, "x", HTML)),
            &format!("the app {wrong} cannot be offered: {}", uri(wrong)),
        );
        check(
            with(server().app(app()), Tool::new("t", "x").app(wrong)),
            &format!("what the tool t says of apps cannot be offered: {}", uri(wrong)),
        );
    }
    for page in ["", "<p>sun</p>", "{}"] {
        check(
            server().app(App::new(URI, "x", page)),
            "the app ui://weather/view cannot be offered: the page does not begin with <!doctype html>",
        );
    }
    for entry in ["https://a.example/", "a.example", "https://a.example; script-src *"] {
        let csp = UiCsp { resource_domains: vec![entry.to_owned()], ..UiCsp::default() };
        check(
            server().app(app().csp(csp)),
            &format!(
                "the app ui://weather/view cannot be offered: {entry:?} in `csp.resourceDomains` is not an origin"
            ),
        );
    }
    check(server().app(app()).app(app()), "ui://weather/view is registered twice");
    check(
        with(server().app(app()), Tool::new("t", "x").app("ui://other")),
        "the tool t names the app ui://other, which is not registered",
    );
    check(
        with(server(), Tool::new("t", "x").visibility([Visibility::App])),
        "the tool t is for apps only, and the server has none",
    );
    check(
        with(server().app(app()), Tool::new("t", "x").visibility([])),
        "what the tool t says of apps cannot be offered: `visibility` names nobody who may use the tool",
    );
    // Whoever writes the metadata by hand is held to it, too.
    let by_hand = |meta: Value| Tool::new("t", "x").meta(meta.as_object().unwrap().clone());
    check(
        with(server().app(app()), by_hand(json!({ "ui": { "visibility": ["everybody"] } }))),
        "what the tool t says of apps cannot be offered: `_meta.ui` cannot be read: unknown variant `everybody`, expected \
         `model` or `app`",
    );
    check(
        with(server().app(app()), by_hand(json!({ DEPRECATED_META_KEY: "ui://other" }))),
        "the tool t names the app ui://other, which is not registered",
    );

    let not_an_app =
        |uri: &str| format!("{uri} has the scheme or the media type of apps and is not registered as one");
    let read = |resource: Resource| server().resource(resource, |_: Context| async { Ok("x") });
    check(read(Resource::new("ui://x", "x").mime_type("text/html")), &not_an_app("ui://x"));
    check(read(Resource::new("page://x", "x").mime_type(MIME_TYPE)), &not_an_app("page://x"));
    let template = ResourceTemplate::new("ui://{name}", "x");
    let template = server().resource_template(template, |_: Context, _: UriVariables| async { Ok("x") });
    check(template, &not_an_app("ui://{name}"));
}
