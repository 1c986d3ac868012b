//! Lists: their order, their pages, and whose they are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use barewire_mcp_server::{
    Context, KeyRing, Limits, McpServer, McpServerBuilder, NoArguments, Observer, Record, Secret, Tool,
};
use serde_json::{Value, json};

use crate::support::{Client, Server, resource_server};

fn many(count: usize) -> McpServerBuilder {
    (0..count).fold(McpServer::builder("x", "1"), |builder, number| {
        let tool = Tool::new(format!("tool{number}"), "One of many.").visible_to(move |who| {
            // Every third one is for Bob only.
            number % 3 != 2 || who.is_some_and(|who| who.subject == "bob")
        });
        builder.tool(tool, |_: Context, _: NoArguments| async { Ok("ok") })
    })
}

async fn pages(client: &Client) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut params = json!({});
    loop {
        let reply = client.request(1, "tools/list", params).await;
        let tools = reply.result()["tools"].as_array().unwrap();
        pages.push(tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect());
        match &reply.result()["nextCursor"] {
            Value::Null => return pages,
            cursor => params = json!({ "cursor": cursor }),
        }
    }
}

#[tokio::test]
async fn pages_are_whole_and_in_order() {
    let limits = Limits { page_size: 4, ..Limits::default() };
    let server = Server::start(many(12).limits(limits).build().unwrap()).await;
    let expected = vec![vec!["tool0", "tool1", "tool3", "tool4"], vec!["tool6", "tool7", "tool9", "tool10"]];
    for client in [server.modern(), server.legacy().await] {
        for _ in 0..2 {
            assert_eq!(pages(&client).await, expected);
        }
    }
}

#[tokio::test]
async fn pages_that_are_the_same_for_all_have_cursors_that_are_not() {
    let build = |page_size| {
        let builder = (0..10).fold(McpServer::builder("x", "1"), |builder, number| {
            let tool = Tool::new(format!("tool{number}"), "Says \"{\\\"nextCursor\\\":\".").scopes(["write"]);
            builder.tool(tool, |_: Context, _: NoArguments| async { Ok("ok") })
        });
        builder.limits(Limits { page_size, ..Limits::default() }).auth(resource_server()).build().unwrap()
    };
    let server = Server::start(build(4)).await;
    let expected: Vec<Vec<_>> =
        [0..4, 4..8, 8..10].map(|page| page.map(|number| format!("tool{number}")).collect()).into();
    let ann = server.modern().with_token("ann.read");
    let bob = server.modern().with_token("bob.read");
    for client in [&ann, &bob, &server.legacy_as(Some("ann.read")).await] {
        assert_eq!(pages(client).await, expected, "also for somebody without the scope");
    }
    let all = Server::start(build(10)).await;
    let whole = all.modern().with_token("ann.read").request(1, "tools/list", json!({})).await;
    let cursor_of = async |client: &Client| {
        let mut reply = client.request("an id", "tools/list", json!({})).await;
        assert_eq!(reply.body["id"], "an id");
        let result = reply.body["result"].as_object_mut().unwrap();
        let cursor = result.remove("nextCursor").unwrap().as_str().unwrap().to_owned();
        let first = whole.result()["tools"].as_array().unwrap()[..4].to_vec();
        assert_eq!(result.insert("tools".to_owned(), whole.result()["tools"].clone()), Some(json!(first)));
        assert_eq!(reply.result(), whole.result(), "nothing else differs");
        cursor
    };
    assert_ne!(cursor_of(&ann).await, cursor_of(&bob).await);
    let second = ann.request(1, "tools/list", json!({ "cursor": cursor_of(&ann).await })).await;
    assert_eq!(second.result()["tools"][0]["name"], "tool4");
}

/// The same for everybody.
fn alike(count: usize) -> McpServerBuilder {
    (0..count).fold(McpServer::builder("x", "1"), |builder, number| {
        let tool = Tool::new(format!("tool{number}"), "One of many.");
        builder.tool(tool, |_: Context, _: NoArguments| async { Ok("ok") })
    })
}

struct BytesOut(Arc<AtomicU64>);

impl Observer for BytesOut {
    fn record(&self, record: &Record<'_>) {
        self.0.store(record.bytes_out, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn the_part_of_a_page_that_answers_share_counts_as_sent() {
    let recorded = Arc::new(AtomicU64::new(0));
    let server = Server::start(alike(3).observer(BytesOut(recorded.clone())).build().unwrap()).await;
    let client = server.modern();
    let response = client.post(&client.message(1, "tools/list", json!({}))).await;
    let announced = response.content_length().unwrap();
    let sent = response.bytes().await.unwrap().len() as u64;
    assert!(sent > 200, "{sent}");
    // The record is made when the response is over, which is a moment after its last byte.
    while recorded.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((announced, recorded.load(Ordering::SeqCst)), (sent, sent));
}

#[tokio::test]
async fn callers_who_are_not_told_apart_share_a_cursor_for_a_part_of_its_time() {
    let clock = Arc::new(Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)));
    let read = clock.clone();
    let set = |seconds| *clock.lock().unwrap() = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let limits = Limits { page_size: 2, cursor_ttl: Duration::from_secs(80), ..Limits::default() };
    let secret = |byte| Secret::new(vec![byte; 32]).unwrap();
    let mcp = alike(5).limits(limits).keys(KeyRing::new(&secret(1), &[]));
    let mcp = mcp.clock(Arc::new(move || *read.lock().unwrap())).build().unwrap();
    let server = Server::start(mcp.clone()).await;
    let client = server.modern();
    let cursor_at = async |seconds, page: &Value| {
        set(seconds);
        let reply = client.request(1, "tools/list", page.clone()).await;
        json!({ "cursor": reply.result()["nextCursor"].as_str().unwrap() })
    };
    let is_good_at = async |seconds, cursor: &Value| {
        set(seconds);
        let reply = client.request(1, "tools/list", cursor.clone()).await;
        reply.body.get("error").is_none()
    };
    let first_page = json!({});
    let second = cursor_at(1_000, &first_page).await;
    assert_eq!(cursor_at(1_009, &first_page).await, second);
    let third = cursor_at(1_009, &second).await;
    assert_ne!(third, second, "each page has its own");
    assert_eq!(client.request(1, "tools/list", third).await.result()["tools"][0]["name"], "tool4");

    let later = cursor_at(1_010, &first_page).await;
    assert_ne!(later, second, "an eighth of its time is over");
    assert!(is_good_at(1_079, &second).await && !is_good_at(1_080, &second).await);
    assert!(is_good_at(1_089, &later).await);
    let before = cursor_at(1_009, &first_page).await;
    assert_ne!(before, later, "the clock was put back");

    mcp.rotate_keys(KeyRing::new(&secret(2), &[]));
    let rotated = cursor_at(1_009, &first_page).await;
    assert_ne!(rotated, before);
    assert!(is_good_at(1_009, &rotated).await && !is_good_at(1_009, &before).await);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_list_and_its_caller_only() {
    let limits = Limits { page_size: 1, ..Limits::default() };
    let builder = many(3).limits(limits).auth(resource_server());
    let builder = builder
        .prompt(barewire_mcp_server::Prompt::new("p", "x"), |_: Context, _| async { Ok("text".to_owned()) });
    let server = Server::start(builder.build().unwrap()).await;
    let ann = server.modern().with_token("ann.read");
    let reply = ann.request(1, "tools/list", json!({})).await;
    let cursor = reply.result()["nextCursor"].as_str().unwrap().to_owned();

    let check = async |client: &Client, method: &str, cursor: &str, fine: bool| {
        let reply = client.request(1, method, json!({ "cursor": cursor })).await;
        assert_eq!(reply.body["error"]["code"] == -32602, !fine, "{}", reply.body);
    };
    check(&ann, "tools/list", &cursor, true).await;
    check(&ann, "prompts/list", &cursor, false).await;
    check(&server.modern().with_token("bob.read"), "tools/list", &cursor, false).await;
    for wrong in ["", "x", &cursor[1..], &format!("{cursor}A")] {
        check(&ann, "tools/list", wrong, false).await;
    }
}

#[tokio::test]
async fn every_list_says_how_long_it_may_be_kept() {
    let server = Server::start(crate::support::toolbox(&Default::default()).build().unwrap()).await;
    let modern = server.modern();
    for method in ["tools/list", "resources/list", "resources/templates/list", "prompts/list"] {
        let reply = modern.request(1, method, json!({})).await;
        assert_eq!(
            (&reply.result()["ttlMs"], &reply.result()["cacheScope"]),
            (&json!(60_000), &json!("public"))
        );
        let legacy = server.legacy().await.request(1, method, json!({})).await;
        assert_eq!(legacy.result()["ttlMs"], Value::Null, "this revision has no such hint");
    }
    let reply = modern.request(1, "resources/read", json!({ "uri": "test://static" })).await;
    assert_eq!((&reply.result()["ttlMs"], &reply.result()["cacheScope"]), (&json!(0), &json!("private")));
}

#[tokio::test]
async fn a_tool_is_listed_with_the_schemas_of_its_types() {
    let server = Server::start(crate::support::toolbox(&Default::default()).build().unwrap()).await;
    let reply = server.modern().request(1, "tools/list", json!({})).await;
    let tools = reply.result()["tools"].as_array().unwrap();
    let find = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap();
    assert_eq!(
        *find("add"),
        json!({
            "name": "add",
            "description": "Adds.",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "a": { "type": "integer", "format": "int64" }, "b": { "type": "integer", "format": "int64" },
                },
                "required": ["a", "b"],
            },
            "outputSchema": {
                "type": "object",
                "properties": { "sum": { "type": "integer", "format": "int64" } },
                "required": ["sum"],
            },
        })
    );
    let region = &find("region")["inputSchema"]["properties"]["region"];
    assert_eq!(*region, json!({ "type": "string", "x-mcp-header": "Region" }));
}

#[test]
fn mistakes_are_found_at_start() {
    let ok = |_: Context, _: NoArguments| async { Ok("ok") };
    let check = |builder: McpServerBuilder, expected: &str| {
        assert_eq!(builder.build().err().unwrap().to_string(), expected);
    };
    let builder = || McpServer::builder("x", "1");
    check(builder().tool(Tool::new("a", "b"), ok).tool(Tool::new("a", "b"), ok), "a is registered twice");
    check(
        builder().tool(Tool::new("a b", "c"), ok),
        "the tool name \"a b\" is not 1 to 128 characters of A-Z a-z 0-9 _ - .",
    );
    check(
        builder().tool(Tool::new("a", "b").output_schema(json!({ "type": "array" })), ok),
        "the output schema of the tool a does not have type object at its root",
    );
    let number =
        json!({ "type": "object", "properties": { "n": { "type": "number", "x-mcp-header": "N" } } });
    check(
        builder().tool(Tool::new("a", "b").input_schema(number), ok),
        "the tool a has an invalid x-mcp-header annotation",
    );
    let elsewhere = json!({ "type": "object", "$ref": "https://example.com/schema.json" });
    check(
        builder().tool(Tool::new("a", "b").input_schema(elsewhere), ok),
        "the input schema of the tool a is not a JSON Schema that can be checked",
    );
}
