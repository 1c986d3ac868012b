//! MCP servers elsewhere that the settings name: each has scopes of its own, and words of its own for them.

use std::sync::Arc;

use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::{AuthConfig, AuthorizationServer, BuildError, IssuedFor, UnfitResource};
use barewire_store::Store;
use barewire_testkit::{Browser, Landing, TempDir};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{BACKEND_SECRET, CALLBACK, RS_SECRET, World, config, query, redemption};

const MCP: &str = "https://rs.example/mcp";
const ARCHIVE: &str = "https://archive.example/mcp";

fn archive() -> IssuedFor {
    serde_json::from_value(json!({
        "url": ARCHIVE, "name": "The <archive>", "default_scopes": "files",
        "scopes": { "posts:read": "Read what was ever written", "files": "Read files" }
    }))
    .unwrap()
}

async fn redeem(world: &World, client: &str, code: &str, resource: &str) -> (StatusCode, Value) {
    let mut form = redemption(client, code, CALLBACK).to_vec();
    form.retain(|(name, _)| *name != "resource");
    form.push(("resource", resource));
    world.token(&form).await
}

fn with_archive() -> AuthConfig {
    let everything = ScopeSet::parse("posts:read posts:write files").unwrap();
    let rule = json!({ "from": [MCP], "to": [ARCHIVE], "scopes": "posts:read posts:write" });
    AuthConfig {
        resources: vec![archive()],
        own_access: [("backend".to_owned(), everything)].into(),
        token_exchange: [("rs".to_owned(), serde_json::from_value(rule).unwrap())].into(),
        ..config()
    }
}

#[tokio::test]
async fn what_the_operator_takes_away_is_in_no_further_token() {
    let with = |scopes: &[&str]| {
        let scopes: serde_json::Map<_, _> =
            scopes.iter().map(|&it| (it.to_owned(), json!("A sentence"))).collect();
        let archive = serde_json::from_value(json!({ "url": ARCHIVE, "scopes": scopes })).unwrap();
        AuthConfig { resources: vec![archive], ..config() }
    };
    let world = World::with(with(&["files", "notes"])).await;
    let client = world.register().await;
    let asked = [("resource", ARCHIVE), ("scope", "files notes offline_access")];
    let code = world.code_with(&client, &asked).await;
    let (_, answer) = redeem(&world, &client, &code, ARCHIVE).await;
    let refresh = answer["refresh_token"].as_str().unwrap();

    let world = world.restarted(with(&["files"])).await;
    let (_, answer) = world.refresh(&client, refresh).await;
    assert_eq!(answer["scope"], "files offline_access", "{answer}");
    let refresh = answer["refresh_token"].as_str().unwrap();
    // Whoever names all that was granted each time gets what is left of it.
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client.as_str()),
        ("refresh_token", refresh),
        ("scope", "files notes offline_access"),
    ];
    let (_, answer) = world.token(&form).await;
    assert_eq!(answer["scope"], "files offline_access", "{answer}");
    let refresh = answer["refresh_token"].as_str().unwrap();
    // All of it is gone, the resource too, or it is back again.
    let mut world = world;
    for (settings, expected) in
        [(with(&["other"]), "invalid_grant"), (config(), "invalid_grant"), (with(&["files", "notes"]), "")]
    {
        world = world.restarted(settings).await;
        let (_, answer) = world.refresh(&client, refresh).await;
        assert_eq!(answer["error"].as_str().unwrap_or(""), expected, "{answer}");
    }
}

#[tokio::test]
async fn no_token_for_one_resource_has_scopes_of_another() {
    let world = World::with(with_archive()).await;
    // For a client itself.
    for (resource, scope, expected) in [
        (None, None, Ok("posts:read posts:write")),
        (Some(MCP), None, Ok("posts:read posts:write")),
        (Some(ARCHIVE), None, Ok("posts:read files")),
        (Some(ARCHIVE), Some("files"), Ok("files")),
        (Some(ARCHIVE), Some("posts:write"), Err("invalid_scope")),
        (Some(MCP), Some("files"), Err("invalid_scope")),
        (Some("https://nowhere.example/mcp"), None, Err("invalid_target")),
    ] {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", "backend"),
            ("client_secret", BACKEND_SECRET),
        ];
        form.extend(resource.map(|resource| ("resource", resource)));
        form.extend(scope.map(|scope| ("scope", scope)));
        let (_, answer) = world.token(&form).await;
        match expected {
            Ok(scope) => assert_eq!(answer["scope"], scope, "{resource:?} {answer}"),
            Err(error) => assert_eq!(answer["error"], error, "{resource:?} {scope:?} {answer}"),
        }
    }

    // For a user.
    let client = world.register().await;
    let code = world.code_with(&client, &[("resource", ARCHIVE)]).await;
    let (status, answer) = redeem(&world, &client, &code, ARCHIVE).await;
    assert_eq!((status, &answer["scope"]), (StatusCode::OK, &json!("files")), "{answer}");
    for (resource, scope) in [(ARCHIVE, "posts:write"), (MCP, "files")] {
        let url = world.authorize_url(&client, CALLBACK, &[("resource", resource), ("scope", scope)]);
        let answer = world.http.get(url).send().await.unwrap();
        let location = answer.headers()["location"].to_str().unwrap().parse().unwrap();
        assert_eq!(query(&location)["error"], "invalid_scope", "{resource} {scope}");
    }

    // For a server that calls another one.
    let code = world.code_with(&client, &[("scope", "posts:read posts:write")]).await;
    let (_, first) = world.redeem(&client, &code).await;
    let mut form = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", first["access_token"].as_str().unwrap()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("resource", ARCHIVE),
        ("client_id", "rs"),
        ("client_secret", RS_SECRET),
    ];
    let (_, exchanged) = world.token(&form).await;
    assert_eq!(exchanged["scope"], "posts:read", "{exchanged}");
    form.push(("scope", "posts:write"));
    let (_, refused) = world.token(&form).await;
    assert_eq!(refused["error"], "invalid_scope", "{refused}");
}

#[tokio::test]
async fn a_person_reads_what_a_word_means_there() {
    let world = World::with(with_archive()).await;
    let client = world.register().await;
    let mut browser = Browser::new();
    for (resource, reads, reads_not) in [
        (ARCHIVE, ["Read what was ever written", "The <archive>"], "Read your posts"),
        (MCP, ["Read your posts", MCP], "Read what was ever written"),
    ] {
        let changes = [("resource", resource), ("scope", "posts:read"), ("prompt", "login")];
        let url = world.authorize_url(&client, CALLBACK, &changes);
        let page = browser.open(&url).await.unwrap();
        let form = page.form_with("password").unwrap().fill("username", "johndoe").fill("password", "secret");
        let Landing::Page(page) = browser.submit(&page, &form, None).await.unwrap() else {
            panic!("no page")
        };
        for text in reads {
            assert!(page.text().contains(text), "{text}: {}", page.text());
        }
        assert!(!page.text().contains(reads_not), "{}", page.text());
        let allow = page.form_with("decision").unwrap().press(&["allow"]).unwrap();
        let callback = browser.submit(&page, &allow, Some(&CALLBACK.parse().unwrap())).await.unwrap();
        let Landing::Left(callback) = callback else { panic!("no code") };
        let (status, _) = redeem(&world, &client, &query(&callback)["code"], resource).await;
        assert_eq!(status, StatusCode::OK);
    }
    let apps = browser.open(&world.at("/account/apps")).await.unwrap().text();
    assert!(apps.contains("Read your posts") && apps.contains("Read what was ever written"), "{apps}");
}

#[tokio::test]
async fn what_no_tokens_can_be_for() {
    let dir = TempDir::new();
    let store = Arc::new(Store::open(dir.join("auth.sqlite")).await.unwrap());
    let build = async |resources: Vec<IssuedFor>| {
        let config = AuthConfig { resources, ..config() };
        let server = AuthorizationServer::builder("https://as.example", Arc::clone(&store) as _);
        let server = server
            .resource(MCP)
            .resource("https://rs.example/other")
            .scope("posts:read", "Read")
            .scope("posts:write", "Write");
        server.config(config).build().await.map(drop)
    };
    let at = |url: &str| IssuedFor { url: url.to_owned(), ..archive() };
    assert!(build(vec![archive(), at("https://third.example/mcp")]).await.is_ok());
    for (resources, expected) in [
        (vec![archive(), archive()], UnfitResource::Twice),
        (vec![at("https://RS.example/mcp/")], UnfitResource::Twice),
        (vec![at("http://archive.example/mcp")], UnfitResource::Plain),
    ] {
        let error = build(resources).await.unwrap_err();
        let BuildError::ConfiguredResource { reason, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*reason, expected);
        assert!(error.to_string().starts_with("auth.resources: "), "{error}");
    }
    // What administrators alone can allow is nobody else's.
    let error = build(vec![at("https://as.example/admin/api")]).await.unwrap_err();
    assert!(matches!(error, BuildError::AdministrationTaken(_)), "{error:?}");
    let mut taken = archive();
    taken.scopes.insert("admin:write".to_owned(), "Everything".to_owned());
    let error = build(vec![taken]).await.unwrap_err();
    assert!(matches!(&error, BuildError::AdministrationTaken(scope) if scope == "admin:write"), "{error:?}");
}
