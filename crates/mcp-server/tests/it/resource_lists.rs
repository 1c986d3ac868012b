//! Resources that the application lists itself: all of them, once, and nobody else's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use barewire_mcp_server::types::resources::Resource as Listed;
use barewire_mcp_server::{
    BuildError, Context, Limits, McpServer, McpServerBuilder, PageRequest, Resource, ResourceList,
    ResourcePage, ResourceTemplate, ToolError, UriVariables,
};
use barewire_testkit::TestClock;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Reply, Server, resource_server};

const NOTES: usize = 5;
const FILES: usize = 3;
const PAGE: usize = 4;

/// Rows `from..count` of a source, as many as there is room for.
fn rows(
    request: &PageRequest,
    count: usize,
    uri: impl Fn(usize) -> String,
) -> Result<ResourcePage, ToolError> {
    let from = request.parse()?.unwrap_or(0);
    let to = count.min(from + request.size);
    let resources = (from..to).map(|number| listed(uri(number))).collect();
    Ok(ResourcePage { resources, next_cursor: (to < count).then(|| to.to_string()) })
}

fn listed(uri: String) -> Listed {
    Listed { name: uri.clone(), uri, ..Listed::default() }
}

async fn notes(ctx: Context, request: PageRequest) -> Result<ResourcePage, ToolError> {
    let who = ctx.subject()?.to_owned();
    // Give others a chance to come in between.
    tokio::task::yield_now().await;
    rows(&request, NOTES, |number| format!("note://{who}/{number}"))
}

async fn note(ctx: Context, variables: UriVariables) -> Result<String, ToolError> {
    if variables.get("owner") != ctx.subject()? {
        return Err(ToolError::not_found(variables.uri()));
    }
    Ok(format!("note {}", variables.get("id")))
}

/// Everybody's notes, and the same files for all who have the scope `files`.
fn archive() -> McpServerBuilder {
    let text = |_: Context| async { Ok("text") };
    McpServer::builder("x", "1")
        .resource(Resource::new("test://one", "One"), text)
        .resources(ResourceList::new("note://{owner}/{id}"), notes)
        .resource(Resource::new("test://ann", "Ann").visible_to(is_ann), text)
        .resource_template(ResourceTemplate::new("note://{owner}/{id}", "Note"), note)
        .resource_template(
            ResourceTemplate::new("file://{name}", "File").scopes(["files"]),
            |_: Context, _: UriVariables| async { Ok("file") },
        )
        .resources(ResourceList::new("file://{name}"), |_: Context, request: PageRequest| async move {
            rows(&request, FILES, |number| format!("file://{number}"))
        })
        .limits(Limits { page_size: PAGE, ..Limits::default() })
        .auth(resource_server().allow_anonymous())
}

fn is_ann(who: Option<&barewire_mcp_server::Principal>) -> bool {
    who.is_some_and(|who| who.subject == "ann")
}

fn of(user: &str, with_files: bool) -> Vec<String> {
    let fixed = ["test://one", "test://ann"].into_iter().take(if user == "ann" { 2 } else { 1 });
    let notes = (0..NOTES).map(|number| format!("note://{user}/{number}"));
    let files = (0..FILES).filter(|_| with_files).map(|number| format!("file://{number}"));
    fixed.map(str::to_owned).chain(notes).chain(files).collect()
}

async fn clients(server: &Server, token: &str) -> [Client; 2] {
    [server.modern().with_token(token), server.legacy_as(Some(token)).await]
}

async fn list(client: &Client, cursor: Option<&str>) -> Reply {
    let params = cursor.map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
    client.request(1, "resources/list", params).await
}

fn uris(reply: &Reply) -> Vec<String> {
    let resources = reply.result()["resources"].as_array().unwrap();
    resources.iter().map(|resource| resource["uri"].as_str().unwrap().to_owned()).collect()
}

fn next(reply: &Reply) -> Option<&str> {
    reply.result()["nextCursor"].as_str()
}

async fn pages(client: &Client) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let reply = list(client, cursor.as_deref()).await;
        pages.push(uris(&reply));
        if client.revision == "2026-07-28" {
            let hint = (&reply.result()["ttlMs"], &reply.result()["cacheScope"]);
            assert_eq!(hint, (&json!(0), &json!("private")), "every page alike");
        }
        match next(&reply) {
            Some(next) => cursor = Some(next.to_owned()),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn pages_run_through_declared_resources_and_every_list() {
    let server = Server::start(archive().build().unwrap()).await;
    for client in clients(&server, "ann.files").await {
        let pages = pages(&client).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
        assert_eq!(pages.concat(), of("ann", true));
        for uri in pages.concat() {
            let read = client.request(1, "resources/read", json!({ "uri": uri })).await;
            assert_eq!(read.result()["contents"][0]["uri"], uri, "what is listed can be read");
        }
    }
}

#[tokio::test]
async fn a_list_that_gives_little_at_a_time_is_asked_once_per_page() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = asked.clone();
    let drop_by_drop = move |_: Context, request: PageRequest| {
        counting.fetch_add(1, Ordering::SeqCst);
        async move {
            // Nothing on the first page: its rows were filtered out, and more may follow.
            let from: usize = request.parse()?.unwrap_or(0);
            let resources = (1..=from).take(1).map(|_| listed(format!("test://{from}"))).collect();
            Ok(ResourcePage { resources, next_cursor: (from < 3).then(|| (from + 1).to_string()) })
        }
    };
    let server = Server::start(small(drop_by_drop)).await;
    for client in [server.modern(), server.legacy().await] {
        asked.store(0, Ordering::SeqCst);
        let pages = pages(&client).await;
        assert_eq!(pages, [vec![], vec!["test://1"], vec!["test://2"], vec!["test://3"]]);
        assert_eq!(asked.load(Ordering::SeqCst), pages.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_the_rows_of_others_however_requests_interleave() {
    let server = Arc::new(Server::start(archive().build().unwrap()).await);
    let mut walks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let server = server.clone();
        walks.spawn(async move {
            let user = ["ann", "bob", "eve"][number % 3];
            let [modern, legacy] = clients(&server, &format!("{user}.read")).await;
            let client = if number % 2 == 0 { modern } else { legacy };
            for _ in 0..5 {
                assert_eq!(pages(&client).await.concat(), of(user, false));
            }
        });
    }
    while let Some(walk) = walks.join_next().await {
        walk.unwrap();
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_caller_its_list_and_its_time() {
    let clock = TestClock::default();
    let limits = Limits { page_size: PAGE, cursor_ttl: Duration::from_secs(60), ..Limits::default() };
    let server = Server::start(archive().limits(limits).clock(clock.clock()).build().unwrap()).await;
    let [ann, ann_before] = clients(&server, "ann.read").await;
    let bobs = clients(&server, "bob.read").await;
    let reply = list(&ann, None).await;
    let cursor = next(&reply).unwrap().to_owned();
    assert!(!cursor.contains("note"), "the application's own cursor is not to be read");
    for client in [&ann, &ann_before] {
        assert_eq!(uris(&list(client, Some(&cursor)).await), of("ann", false)[PAGE..]);
    }
    let refused = async |client: &Client, method: &str, cursor: &str| {
        let reply = client.request(1, method, json!({ "cursor": cursor })).await;
        assert_eq!(reply.code(), -32602, "{method} {cursor}");
    };
    for client in bobs.iter().chain([&server.modern()]) {
        refused(client, "resources/list", &cursor).await;
    }
    refused(&ann, "resources/templates/list", &cursor).await;
    for wrong in ["", "0", "2", &cursor[1..], &cursor[..cursor.len() - 1], &format!("{cursor}A")] {
        for client in [&ann, &ann_before] {
            refused(client, "resources/list", wrong).await;
        }
    }
    clock.advance(Duration::from_secs(60));
    refused(&ann, "resources/list", &cursor).await;
}

#[tokio::test]
async fn a_cursor_outlives_a_restart_but_not_its_list() {
    use barewire_mcp_server::{KeyRing, Secret};
    let keys = || KeyRing::new(&Secret::new([7; 32]).unwrap(), &[]);
    let first = Server::start(archive().keys(keys()).build().unwrap()).await;
    let reply = list(&first.modern().with_token("ann.read"), None).await;
    let cursor = next(&reply).unwrap();

    let second = Server::start(archive().keys(keys()).build().unwrap()).await;
    let rest = list(&second.modern().with_token("ann.read"), Some(cursor)).await;
    assert_eq!(uris(&rest), of("ann", false)[PAGE..]);

    let fixed = McpServer::builder("x", "2")
        .resource(Resource::new("test://one", "One"), |_: Context| async { Ok("text") })
        .auth(resource_server());
    let other = small_builder(|_, _| async { Ok(ResourcePage::default()) }).auth(resource_server());
    for builder in [fixed, other] {
        let server = Server::start(builder.keys(keys()).build().unwrap()).await;
        let reply = list(&server.modern().with_token("ann.read"), Some(cursor)).await;
        assert_eq!(reply.code(), -32602);
    }
}

#[tokio::test]
async fn whoever_may_not_read_is_shown_nothing() {
    let server = Server::start(archive().build().unwrap()).await;
    for (token, with_files) in [("bob.read", false), ("bob.files", true), ("bob.files+read", true)] {
        for client in clients(&server, token).await {
            assert_eq!(pages(&client).await.concat(), of("bob", with_files), "{token}");
        }
    }
    // Neither template is public. What is declared is listed to whoever may log in and get it, rows are not.
    assert_eq!(uris(&list(&server.modern(), None).await), ["test://one"]);

    // A token that lost its scope between two pages: the list is skipped, and nothing is wrong with the cursor.
    let both = server.modern().with_token("bob.files");
    let second = list(&both, next(&list(&both, None).await)).await;
    assert_eq!(uris(&second), of("bob", true)[PAGE..2 * PAGE]);
    let rest = list(&server.modern().with_token("bob.read"), next(&second)).await;
    assert_eq!((uris(&rest), next(&rest)), (vec![], None));
    assert_eq!(uris(&list(&both, next(&second)).await), of("bob", true)[2 * PAGE..]);
}

#[tokio::test]
async fn a_list_may_need_more_than_reading_does_and_public_rows_are_for_all() {
    let build = |template: ResourceTemplate, list: ResourceList| {
        let one = |_: Context, request: PageRequest| async move { rows(&request, 1, |_| "test://0".into()) };
        let read = |_: Context, _: UriVariables| async { Ok("x") };
        let builder = McpServer::builder("x", "1").resource_template(template, read).resources(list, one);
        builder.auth(resource_server().allow_anonymous()).build().unwrap()
    };
    let template = || ResourceTemplate::new("test://{id}", "x");
    let list_of = || ResourceList::new("test://{id}");
    let hidden = template().visible_to(is_ann);
    for (mcp, seen) in [
        (build(template(), list_of()), [false, true, true]),
        (build(template().public(), list_of()), [true, true, true]),
        (build(template().public(), list_of().scopes(["all"])), [false, false, true]),
        (build(template().scopes(["all"]), list_of()), [false, false, true]),
        (build(hidden, list_of()), [false, false, false]),
    ] {
        let server = Server::start(mcp).await;
        let bob = |scope: &str| server.modern().with_token(&format!("bob.{scope}"));
        for (client, seen) in [server.modern(), bob("read"), bob("all")].iter().zip(seen) {
            let reply = list(client, None).await;
            assert_eq!(uris(&reply), if seen { vec!["test://0"] } else { vec![] });
        }
    }
}

fn small_builder<F, Fut>(handler: F) -> McpServerBuilder
where
    F: Fn(Context, PageRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<ResourcePage, ToolError>> + Send + 'static,
{
    McpServer::builder("x", "1")
        .resource_template(ResourceTemplate::new("test://{id}", "x"), |_: Context, _: UriVariables| async {
            Ok("x")
        })
        .resources(ResourceList::new("test://{id}"), handler)
        .limits(Limits { page_size: PAGE, ..Limits::default() })
}

fn small<F, Fut>(handler: F) -> McpServer
where
    F: Fn(Context, PageRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<ResourcePage, ToolError>> + Send + 'static,
{
    small_builder(handler).build().unwrap()
}

#[tokio::test]
async fn a_list_that_fails_is_an_error_of_its_kind() {
    let check = async |fail: fn() -> ToolError, expected: Value| {
        let builder = small_builder(move |_, _| async move { Err(fail()) });
        let server = Server::start(builder.auth(resource_server()).build().unwrap()).await;
        for client in clients(&server, "ann.read").await {
            let reply = list(&client, None).await;
            assert_eq!(reply.body["error"], expected);
        }
    };
    let internal = json!({ "code": -32603, "message": "Internal error" });
    check(|| ToolError::internal("password is hunter2"), internal.clone()).await;
    check(|| panic!("on purpose"), internal).await;
    check(|| ToolError::new("not today"), json!({ "code": -32602, "message": "not today" })).await;

    let builder = small_builder(|_, _| async { Err(ToolError::scopes_required(["more"])) });
    let server = Server::start(builder.auth(resource_server()).build().unwrap()).await;
    for client in clients(&server, "ann.read").await {
        let reply = list(&client, None).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(reply.header("www-authenticate").contains(r#"scope="more read""#));
    }
}

#[tokio::test]
async fn a_list_that_breaks_its_word_is_an_internal_error() {
    let too_many = small(|_, request| async move {
        let resources = (0..=request.size).map(|number| listed(format!("test://{number}"))).collect();
        Ok(ResourcePage { resources, next_cursor: None })
    });
    let stuck =
        small(|_, _| async { Ok(ResourcePage { next_cursor: Some("x".into()), ..Default::default() }) });
    let own_cursor = small(|_, request| async move {
        let _: Option<u64> = request.parse()?;
        Ok(ResourcePage { next_cursor: Some("no number".into()), ..ResourcePage::default() })
    });
    for (mcp, first, second) in [(too_many, -32603, 0), (stuck, 0, -32603), (own_cursor, 0, -32602)] {
        let server = Server::start(mcp).await;
        for client in [server.modern(), server.legacy().await] {
            let reply = list(&client, None).await;
            if first != 0 {
                assert_eq!(reply.code(), first);
            } else {
                assert_eq!(list(&client, next(&reply)).await.code(), second);
            }
        }
    }
}

#[tokio::test]
async fn what_its_template_does_not_read_is_left_out() {
    let odd = ["test://1", "test://a/b", "test://", "other://1", "test://fixed", "test://2"];
    let builder = small_builder(move |_, _| async move {
        Ok(ResourcePage {
            resources: odd.iter().map(|uri| listed((*uri).into())).collect(),
            next_cursor: None,
        })
    })
    .resource(Resource::new("test://fixed", "Fixed"), |_: Context| async { Ok("x") })
    .limits(Limits { page_size: 10, ..Limits::default() });
    let server = Server::start(builder.build().unwrap()).await;
    for client in [server.modern(), server.legacy().await] {
        assert_eq!(uris(&list(&client, None).await), ["test://fixed", "test://1", "test://2"]);
    }
}

#[test]
fn mistakes_are_found_at_start() {
    let nothing = |_: Context, _: PageRequest| async { Ok(ResourcePage::default()) };
    let check = |builder: McpServerBuilder, expected: &str| {
        let error: BuildError = builder.build().err().unwrap();
        assert_eq!(error.to_string(), expected);
    };
    check(
        McpServer::builder("x", "1").resources(ResourceList::new("a:{b}"), nothing),
        "there is no resource template a:{b} to read what its list shows",
    );
    check(
        small_builder(nothing).resources(ResourceList::new("test://{id}"), nothing),
        "test://{id} is registered twice",
    );
    let template = ResourceTemplate::new("a:{b}", "x");
    let builder = small_builder(nothing).resource_template(template, |_: Context, _| async { Ok("x") });
    check(
        builder.resources(ResourceList::new("a:{b}").scopes(["s"]), nothing),
        "a:{b} asks for scopes, but the server is not protected",
    );
}

#[tokio::test]
async fn the_other_lists_stay_the_same_for_everybody() {
    let server = Server::start(small(|_, _| async { Ok(ResourcePage::default()) })).await;
    let reply = server.modern().request(1, "resources/templates/list", json!({})).await;
    assert_eq!(reply.result()["cacheScope"], "public");
    assert_eq!(reply.result()["resourceTemplates"][0]["uriTemplate"], "test://{id}");
}
