//! The blog over MCP on the wire, in both eras, with tokens from real logins.

use std::collections::BTreeSet;

use barewire_mcp::types::apps::{App, UiResourceMeta};
use barewire_mcp_server::Limits;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::wire::{Caller, ERAS, Era};
use crate::world::{BOTH, READ, World, post};

fn ids(page: &Value) -> BTreeSet<i64> {
    page["posts"].as_array().unwrap().iter().map(|post| post["id"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_is_complete_and_described() {
    let world = World::start().await;
    let token = world.token("johndoe", READ).await;
    for era in ERAS {
        let caller = Caller::open(&world, era, token.clone()).await;
        let list = async |method: &str, key: &str| {
            let reply = caller.call(json!(1), method, json!({})).await;
            reply.message["result"][key].as_array().unwrap_or_else(|| panic!("{reply:?}")).clone()
        };
        let tools = list("tools/list", "tools").await;
        let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        let expected = [
            "list_posts",
            "search_posts",
            "read_post",
            "create_post",
            "update_post",
            "delete_post",
            "export_posts",
        ];
        assert_eq!(names, expected, "those that need another scope are listed too");
        for tool in &tools {
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
            assert!(tool["title"].is_string() && tool["annotations"]["readOnlyHint"].is_boolean(), "{tool}");
            for (name, property) in tool["inputSchema"]["properties"].as_object().unwrap() {
                assert!(property["description"].is_string(), "{} {name}: {property}", tool["name"]);
            }
        }
        assert!(tools[0]["outputSchema"]["properties"]["posts"].is_object());
        let resources = list("resources/list", "resources").await;
        assert_eq!(resources[0]["uri"], "posts://recent");
        let fields = ["uri", "name", "title", "description", "mimeType", "size", "annotations"];
        for resource in &resources[1..] {
            assert!(fields.iter().all(|field| !resource[field].is_null()), "{resource}");
        }
        let newest = &caller.tool("list_posts", json!({ "limit": 1 })).await["posts"][0];
        assert_eq!(
            (&resources[1]["title"], &resources[1]["annotations"]["lastModified"]),
            (&newest["title"], &newest["updated_at"])
        );
        assert_eq!(
            list("resources/templates/list", "resourceTemplates").await[0]["uriTemplate"],
            "post://{id}"
        );
        let prompts = list("prompts/list", "prompts").await;
        assert_eq!(
            prompts.iter().map(|p| p["name"].as_str().unwrap()).collect::<Vec<_>>(),
            ["summarize_post", "draft_post"]
        );
    }
}

/// The page is one document: it names no origin, and hosts let it reach none.
#[tokio::test(flavor = "multi_thread")]
async fn the_view_of_a_post_needs_nothing_from_elsewhere() {
    let world = World::start().await;
    let token = world.token("johndoe", READ).await;
    for era in ERAS {
        let caller = Caller::open(&world, era, token.clone()).await;
        let reply = caller.call(json!(1), "resources/read", json!({ "uri": "ui://blog/post" })).await;
        let contents = reply.message["result"]["contents"].as_array().unwrap().clone();
        let contents = contents.into_iter().map(|part| serde_json::from_value(part).unwrap()).collect();
        let app = App::new("ui://blog/post", contents, None, 64 * 1024).unwrap();
        assert_eq!(app.meta, UiResourceMeta { prefers_border: Some(true), ..UiResourceMeta::default() });
        for elsewhere in ["src=", "href=", "@import", "url(", "fetch(", "innerHTML"] {
            assert!(!app.html.contains(elsewhere), "{elsewhere}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_do_what_rest_does() {
    let world = World::start().await;
    let token = world.token("johndoe", BOTH).await;
    for era in ERAS {
        let caller = Caller::open(&world, era, token.clone()).await;
        let rest = async |path: &str| world.get(path, &token).await.json();
        assert_eq!(caller.tool("list_posts", json!({ "limit": 7 })).await, rest("/posts?limit=7").await);
        assert_eq!(
            caller.tool("search_posts", json!({ "query": "heron" })).await,
            rest("/posts?query=heron").await
        );
        let created = caller.tool("create_post", post("By tool", "draft")).await;
        let path = format!("/posts/{}", created["id"]);
        assert_eq!(rest(&path).await, created);
        let changed = caller.tool("update_post", json!({ "id": created["id"], "title": "Changed" })).await;
        assert_eq!(changed["title"], "Changed");
        assert_eq!(caller.tool("read_post", json!({ "id": created["id"] })).await, rest(&path).await);
        for (arguments, part) in [
            (json!({ "id": 9_999 }), "there is no post 9999"),
            (json!({ "id": "one" }), "Invalid arguments for read_post"),
            (json!({}), "missing field `id`"),
        ] {
            let text = caller.tool_error("read_post", arguments).await;
            assert!(text.contains(part), "{text}");
        }
        let text = caller.tool_error("update_post", json!({ "id": created["id"], "title": "" })).await;
        assert_eq!(text, "title must not be empty");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_nobody_elses_on_any_path() {
    let world = World::start().await;
    let (john, jane) = (world.token("johndoe", BOTH).await, world.token("janedoe", BOTH).await);
    for era in ERAS {
        let john = Caller::open(&world, era, john.clone()).await;
        let jane = Caller::open(&world, era, jane.clone()).await;
        let mut draft = post("Xylophone secrets", "draft");
        draft["tags"] = json!(["xylotag"]);
        let id = john.tool("create_post", draft).await["id"].as_i64().unwrap();
        let uri = format!("post://{id}");
        for (caller, sees) in [(&john, true), (&jane, false)] {
            for arguments in
                [json!({}), json!({ "limit": 50 }), json!({ "status": "draft" }), json!({ "tag": "xylotag" })]
            {
                assert_eq!(
                    ids(&caller.tool("list_posts", arguments.clone()).await).contains(&id),
                    sees,
                    "{arguments}"
                );
            }
            for query in ["xylophone", "xylo", "xylotag", "secrets"] {
                let found = caller.tool("search_posts", json!({ "query": query })).await;
                assert_eq!(ids(&found).contains(&id), sees, "{query}");
            }
            let complete = async |reference: Value, name: &str, value: &str| {
                let params = json!({ "ref": reference, "argument": { "name": name, "value": value } });
                caller.call(json!(1), "completion/complete", params).await.message["result"]["completion"]["values"].clone()
            };
            let template = json!({ "type": "ref/resource", "uri": "post://{id}" });
            let expected = if sees { json!([id.to_string()]) } else { json!([]) };
            assert_eq!(complete(template, "id", &id.to_string()).await, expected);
            let prompt = json!({ "type": "ref/prompt", "name": "summarize_post" });
            assert_eq!(complete(prompt, "id", &id.to_string()).await, expected);
            let topic = json!({ "type": "ref/prompt", "name": "draft_post" });
            let expected = if sees { json!(["xylotag"]) } else { json!([]) };
            assert_eq!(complete(topic, "topic", "xylo").await, expected);

            assert_eq!(listed(caller).await.concat().contains(&uri), sees);
            let resource = caller.call(json!(1), "resources/read", json!({ "uri": uri })).await.message;
            assert_eq!(resource.to_string().contains("Xylophone"), sees, "{resource}");
            let recent =
                caller.call(json!(1), "resources/read", json!({ "uri": "posts://recent" })).await.message;
            assert_eq!(recent.to_string().contains("Xylophone"), sees, "{recent}");
            let prompt = json!({ "name": "summarize_post", "arguments": { "id": id.to_string() } });
            let prompt = caller.call(json!(1), "prompts/get", prompt).await.message;
            assert_eq!(prompt.to_string().contains("Xylophone"), sees, "{prompt}");
        }
        for (tool, arguments) in [
            ("read_post", json!({ "id": id })),
            ("update_post", json!({ "id": id, "title": "Mine" })),
            ("delete_post", json!({ "id": id })),
        ] {
            assert_eq!(jane.tool_error(tool, arguments).await, format!("there is no post {id}"));
        }
        let export = jane.call_tool(json!(1), "export_posts", json!({ "pause_ms": 0 })).await.message;
        assert!(
            !export.to_string().contains("Xylophone") && export.to_string().contains("janedoe"),
            "{export}"
        );
    }
}

/// The addresses of `resources/list`, page by page.
async fn listed(caller: &Caller<'_>) -> Vec<Vec<String>> {
    let (mut pages, mut params) = (Vec::new(), json!({}));
    loop {
        let reply = caller.call(json!(1), "resources/list", params).await;
        let result = &reply.message["result"];
        if caller.era == Era::Modern {
            assert_eq!((&result["cacheScope"], &result["ttlMs"]), (&json!("private"), &json!(0)));
        }
        let resources = result["resources"].as_array().unwrap_or_else(|| panic!("{reply:?}"));
        pages.push(resources.iter().map(|resource| resource["uri"].as_str().unwrap().to_owned()).collect());
        match &result["nextCursor"] {
            Value::Null => return pages,
            cursor => params = json!({ "cursor": cursor }),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_posts_of_the_blog_are_resources_of_whoever_may_read_them() {
    let users = ["johndoe", "janedoe"];
    for page_size in [Limits::default().page_size, 7] {
        let world = World::start_with(|config| config.mcp.page_size = page_size).await;
        let tokens = [world.token(users[0], READ).await, world.token(users[1], READ).await];
        let (mut seen, mut drafts) = (BTreeSet::new(), 0);
        for (user, token) in users.iter().zip(&tokens) {
            for era in ERAS {
                let caller = Caller::open(&world, era, token.clone()).await;
                let pages = listed(&caller).await;
                assert!(pages.len() > 1 && pages.iter().all(|page| (1..=page_size).contains(&page.len())));
                let uris = pages.concat();
                assert_eq!(uris[0], "posts://recent");
                let ids: Vec<i64> = uris[1..]
                    .iter()
                    .map(|uri| uri.strip_prefix("post://").unwrap().parse().unwrap())
                    .collect();
                assert!(ids.windows(2).all(|two| two[0] > two[1]), "newest first, each once: {ids:?}");
                assert_eq!(ids.len(), 57, "54 published posts and 3 drafts of {user}");
                for id in &ids {
                    let post = caller.tool("read_post", json!({ "id": id })).await;
                    assert!(post["status"] == "published" || post["author"] == *user, "{post}");
                    drafts += usize::from(post["status"] == "draft");
                }
                seen.extend(ids);
            }
        }
        assert_eq!((seen, drafts), ((1..=60).collect(), 2 * 6), "together they see all of them");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_write_is_told_which_scope_it_needs() {
    let world = World::start().await;
    let token = world.token("johndoe", READ).await;
    for era in ERAS {
        let caller = Caller::open(&world, era, token.clone()).await;
        let refused = caller.call_tool(json!(1), "create_post", post("A", "draft")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
        let challenge = refused.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.contains("posts:write"), "{challenge}");
        assert!(challenge.contains("resource_metadata="), "{challenge}");
    }
    let both = world.token("johndoe", BOTH).await;
    for era in ERAS {
        let caller = Caller::open(&world, era, both.clone()).await;
        caller.tool("create_post", post("A", "draft")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_asks_the_person() {
    let world = World::start().await;
    let (john, jane) = (world.token("johndoe", BOTH).await, world.token("janedoe", BOTH).await);
    for era in ERAS {
        let caller = Caller::open(&world, era, john.clone()).await;
        let id = caller.tool("create_post", post("To go", "published")).await["id"].clone();
        for (says, deleted) in [
            (json!({ "action": "decline" }), false),
            (json!({ "action": "cancel" }), false),
            (json!({ "action": "accept", "content": { "confirm": false } }), false),
            (json!({ "action": "accept", "content": { "confirm": true } }), true),
        ] {
            let params = json!({ "name": "delete_post", "arguments": { "id": id } });
            let reply = caller
                .request(json!(7), "tools/call", params, |question| {
                    assert!(question["message"].as_str().unwrap().contains("“To go”"), "{question}");
                    assert_eq!(question["requestedSchema"]["properties"]["confirm"]["type"], "boolean");
                    says.clone()
                })
                .await;
            assert_eq!(reply.message["result"]["structuredContent"]["deleted"], deleted, "{says} {reply:?}");
            let there = world.get(&format!("/posts/{id}"), &john).await.status;
            assert_eq!(there, if deleted { StatusCode::NOT_FOUND } else { StatusCode::OK });
        }
        // Somebody else's post is refused before anybody is asked.
        let hers = Caller::open(&world, era, jane.clone())
            .await
            .tool("create_post", post("Hers", "published"))
            .await;
        let text = caller.tool_error("delete_post", json!({ "id": hers["id"] })).await;
        assert_eq!(text, format!("post {} is not yours to change", hers["id"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_reports_its_progress() {
    let world = World::start().await;
    let token = world.token("johndoe", READ).await;
    for era in ERAS {
        let caller = Caller::open(&world, era, token.clone()).await;
        let params = json!({
            "name": "export_posts", "arguments": { "pause_ms": 0 }, "_meta": { "progressToken": "p" },
        });
        let reply = caller.call(json!("x"), "tools/call", params).await;
        let text = reply.message["result"]["content"][0]["text"].as_str().unwrap();
        assert_eq!(text.matches("\n# ").count() + 1, 30, "all posts of John");
        let progress: Vec<_> =
            reply.notifications.iter().map(|n| n["params"]["progress"].as_f64().unwrap()).collect();
        assert!(progress.len() > 2 && progress.windows(2).all(|two| two[0] < two[1]), "{progress:?}");
        assert!(
            reply
                .notifications
                .iter()
                .all(|n| n["params"]["progressToken"] == "p" && n["params"]["total"] == 30.0)
        );
    }
}
