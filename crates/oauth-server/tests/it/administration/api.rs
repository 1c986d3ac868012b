//! `/admin/api`: who gets in, and what is answered.

use barewire_oauth::bearer::BearerError;
use barewire_oauth::resource::Resource;
use barewire_oauth_server::administration::MAX_PAGE;
use barewire_oauth_server::store::Insert;
use barewire_testkit::{Browser, BrowserError};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::each;
use crate::world::{BACKEND_SECRET, CALLBACK, World, config, query};

#[tokio::test]
async fn a_token_of_the_mcp_server_opens_no_administration_and_the_other_way_round() {
    let world = World::new().await;
    let (_, tokens) = world.connected_by("admin").await;
    let answer =
        world.http.get(world.at("/admin/api/users")).bearer_auth(&tokens.access).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.contains("error=\"invalid_token\"") && challenge.contains("admin:read"), "{challenge}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:barewire:problem:invalid_token");
    assert_eq!(problem["status"], 401);

    let admin = world.admin_token("admin", "admin:read admin:write").await;
    assert_eq!(world.verify(&admin), Err(BearerError::WrongAudience));
    for resource in ["https://rs.example/mcp", "https://rs.example/other"] {
        let resource = [Resource::parse(resource).unwrap()];
        let verified = world.server.access_tokens().verify(&admin, &resource, world.clock.now());
        assert_eq!(verified.unwrap_err(), BearerError::WrongAudience);
    }
    assert_eq!(each(&world.look(&admin, "/users").await, "name"), ["admin", "janedoe", "johndoe"]);
    // Nor is it there without a token, and where its metadata are is said.
    let bare = world.http.get(world.at("/admin/api/users")).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    let challenge = bare.headers()["www-authenticate"].to_str().unwrap();
    let metadata = world.at("/.well-known/oauth-protected-resource/admin/api");
    assert!(challenge.contains(metadata.as_str()), "{challenge}");
    let document: Value = world.http.get(metadata).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["resource"], world.admin_api());
    assert_eq!(document["scopes_supported"], json!(["admin:read", "admin:write"]));
}

#[tokio::test]
async fn only_an_administrator_can_allow_what_administrators_do() {
    let world = World::new().await;
    let client = world.register().await;
    let api = world.admin_api();
    let url = world.authorize_url(&client, CALLBACK, &[("scope", "admin:write"), ("resource", &api)]);
    let refused = Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
    assert_eq!(query(&refused)["error"], "access_denied");
    // Not by another name, and not along with others.
    for (scope, resource) in [
        ("admin:write", "https://rs.example/mcp"),
        ("posts:read admin:write", "https://rs.example/mcp"),
        ("posts:read", api.as_str()),
        ("admin:write posts:read", api.as_str()),
    ] {
        let url = world.authorize_url(&client, CALLBACK, &[("scope", scope), ("resource", resource)]);
        let refused = Browser::new().login_and_consent(&url, "admin", "secret").await.unwrap();
        assert_eq!(query(&refused)["error"], "invalid_scope", "{scope} at {resource}");
    }
    // No client gets it for itself, no device by a code that somebody types, and no refresh widens to it.
    for form in [
        [
            ("grant_type", "client_credentials"),
            ("client_id", "backend"),
            ("client_secret", BACKEND_SECRET),
            ("scope", "admin:write"),
            ("resource", &api),
        ],
        [
            ("grant_type", "client_credentials"),
            ("client_id", "backend"),
            ("client_secret", BACKEND_SECRET),
            ("scope", "posts:read"),
            ("resource", &api),
        ],
    ] {
        let (status, answer) = world.token(&form).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    }
    let device = world
        .register_with(
            json!({ "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"], "redirect_uris": [] }),
        )
        .await;
    for (scope, resource) in [("admin:read", api.as_str()), ("admin:read", "https://rs.example/mcp")] {
        let form =
            [("client_id", device["client_id"].as_str().unwrap()), ("scope", scope), ("resource", resource)];
        let answer = world.http.post(world.at("/device_authorization")).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{resource}");
    }
    let (client, tokens) = world.connected_by("admin").await;
    for (scope, resource) in [("admin:read", "https://rs.example/mcp"), ("posts:read", api.as_str())] {
        let (status, answer) = world
            .token(&[
                ("grant_type", "refresh_token"),
                ("client_id", &client),
                ("refresh_token", &tokens.refresh),
                ("scope", scope),
                ("resource", resource),
            ])
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    }
}

#[tokio::test]
async fn an_administrator_is_asked_each_time_and_after_a_login_just_now() {
    let world = World::new().await;
    let client = world.register().await;
    let api = world.admin_api();
    let url = world.authorize_url(&client, CALLBACK, &[("scope", "admin:read"), ("resource", &api)]);
    let mut browser = Browser::new();
    browser.login_and_consent(&url, "admin", "secret").await.unwrap();
    let page = browser.open(&url).await.unwrap();
    assert!(page.form_with("decision").is_some(), "{}", page.text());
    assert!(page.text().contains("See all users"), "{}", page.text());
    // A browser left alone asks for the password first.
    world.advance(15 * 60);
    let page = browser.open(&url).await.unwrap();
    assert!(page.form_with("password").is_some(), "{}", page.text());
    let callback = browser.login_and_consent(&url, "admin", "secret").await.unwrap();
    assert!(query(&callback).contains_key("code"));
    // What is not for administrators is as before.
    let other = world.authorize_url(&client, CALLBACK, &[]);
    world.advance(15 * 60);
    assert!(browser.open(&other).await.unwrap().form_with("decision").is_some());
}

#[tokio::test]
async fn looking_and_changing_are_two_scopes() {
    let world = World::new().await;
    let read = world.admin_token("admin", "admin:read").await;
    assert_eq!(each(&world.look(&read, "/users").await, "name").len(), 3);
    for (method, path, body) in [
        (Method::POST, "/users", Some(json!({ "name": "eve", "password": "long enough" }))),
        (Method::PATCH, "/users/johndoe", Some(json!({ "disabled": true }))),
        (Method::DELETE, "/users/johndoe/sessions", None),
        (Method::DELETE, "/clients/web", None),
        (Method::DELETE, "/grants/x", None),
    ] {
        let (status, problem) = world.call(&read, method, path, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(problem["type"], "urn:barewire:problem:insufficient_scope", "{path}");
    }
    let write = world.admin_token("admin", "admin:write").await;
    assert_eq!(each(&world.look(&write, "/users").await, "name").len(), 3);
    // Who is an administrator no more has nothing here, although the token says otherwise.
    let other = world.admin_token("admin", "admin:write").await;
    let (status, _) =
        world.call(&write, Method::PATCH, "/users/janedoe", Some(json!({ "administrator": true }))).await;
    assert_eq!(status, StatusCode::OK);
    let jane = world.admin_token("janedoe", "admin:write").await;
    let (status, _) =
        world.call(&jane, Method::PATCH, "/users/admin", Some(json!({ "administrator": false }))).await;
    assert_eq!(status, StatusCode::OK);
    for token in [&read, &write, &other] {
        let (status, problem) = world.call(token, Method::GET, "/users", None).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::FORBIDDEN, &json!("urn:barewire:problem:not_administrator"))
        );
    }
}

#[tokio::test]
async fn users_are_added_found_and_changed() {
    let world = World::new().await;
    let token = &world.admin_token("admin", "admin:write").await;
    let add = async |body: Value| world.call(token, Method::POST, "/users", Some(body)).await;
    let (status, user) = add(json!({ "name": "Eve", "password": "long enough" })).await;
    assert_eq!(
        (status, &user["id"], &user["administrator"]),
        (StatusCode::CREATED, &json!("Eve"), &json!(false))
    );
    assert!(!user.to_string().contains("argon2"), "{user}");
    for (body, expected, word) in [
        (json!({ "name": "Eve", "password": "long enough" }), 409, "user_exists"),
        (json!({ "name": "", "password": "long enough" }), 422, "user_name"),
        (json!({ "name": " eve", "password": "long enough" }), 422, "user_name"),
        (json!({ "name": "e\u{202e}ve", "password": "long enough" }), 422, "user_name"),
        (json!({ "name": "x".repeat(257), "password": "long enough" }), 422, "user_name"),
        (json!({ "name": "mallory", "password": "short" }), 422, "unfit_password"),
        (json!({ "name": "mallory99", "password": "MALLORY99" }), 422, "unfit_password"),
        (json!({ "name": "mallory" }), 400, "malformed"),
        (json!(["mallory", "long enough", false]), 400, "malformed"),
        (json!({ "name": "mallory", "password": "long enough", "role": "admin" }), 400, "malformed"),
    ] {
        let (status, problem) = add(body.clone()).await;
        assert_eq!(
            (status.as_u16(), &problem["type"]),
            (expected, &json!(format!("urn:barewire:problem:{word}"))),
            "{body}"
        );
        assert_eq!(problem["status"], expected);
    }
    assert_eq!(each(&world.look(token, "/users?search=eV").await, "name"), ["Eve"]);
    let first = world.look(token, "/users?limit=2").await;
    assert_eq!(each(&first, "name"), ["admin", "Eve"]);
    let next = format!("/users?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = world.look(token, &next).await;
    assert_eq!((each(&rest, "name"), &rest["next_cursor"]), (vec!["janedoe", "johndoe"], &Value::Null));
    for (path, expected) in [
        ("/users?cursor=%25", 400),
        ("/users?limit=many", 400),
        ("/users?limit=1&limit=2", 400),
        ("/users/nobody", 404),
        ("/clients/nobody", 404),
        ("/grants/nobody", 404),
        ("/grants?cursor=nothing", 400),
    ] {
        assert_eq!(world.call(token, Method::GET, path, None).await.0.as_u16(), expected, "{path}");
    }
    let (status, problem) = world.call(token, Method::PUT, "/users", None).await;
    assert_eq!((status, &problem["title"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("Method Not Allowed")));

    // Nobody locks everybody out.
    for body in [json!({ "disabled": true }), json!({ "administrator": false })] {
        let (status, problem) = world.call(token, Method::PATCH, "/users/admin", Some(body)).await;
        assert_eq!((status.as_u16(), &problem["type"]), (409, &json!("urn:barewire:problem:yourself")));
    }
    // The password opens the login, and replacing it ends what was open.
    let mut browser = world.signed_in("johndoe").await;
    let new = Some(json!({ "password": "another one" }));
    assert_eq!(
        world.call(token, Method::PUT, "/users/johndoe/password", new).await.0,
        StatusCode::NO_CONTENT
    );
    assert!(browser.open(&world.at("/account/apps")).await.unwrap().form_with("password").is_some());
    let url = world.authorize_url("web", crate::world::WEB_CALLBACK, &[]);
    assert!(matches!(
        Browser::new().login_and_consent(&url, "johndoe", "secret").await,
        Err(BrowserError::Stuck { .. })
    ));
    assert!(Browser::new().login_and_consent(&url, "johndoe", "another one").await.is_ok());
    let details = world.look(token, "/users/johndoe").await;
    assert_eq!(details["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(
        world.call(token, Method::DELETE, "/users/johndoe/sessions", None).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(world.look(token, "/users/johndoe").await["sessions"], json!([]));
}

#[tokio::test]
async fn clients_are_added_found_and_deleted() {
    let world = World::new().await;
    let token = &world.admin_token("admin", "admin:write").await;
    let new = json!({ "client_id": "ours", "client_name": "Ours", "redirect_uris": [CALLBACK], "confidential": true });
    let (status, added) = world.call(token, Method::POST, "/clients", Some(new.clone())).await;
    assert_eq!(status, StatusCode::CREATED, "{added}");
    assert_eq!((&added["known_by"], &added["id"]), (&json!("added"), &json!("ours")));
    let secret = added["client_secret"].as_str().unwrap().to_owned();
    assert!(!world.look(token, "/clients/ours").await.to_string().contains(&secret));
    for (body, expected) in [
        (new, 409),
        (json!({ "client_name": "Nowhere" }), 422),
        (json!({ "client_name": "", "redirect_uris": [CALLBACK] }), 422),
        (
            json!({ "client_id": "https://c.example/x", "client_name": "URL", "redirect_uris": [CALLBACK] }),
            422,
        ),
        (json!({ "client_id": "a b", "client_name": "Blank", "redirect_uris": [CALLBACK] }), 422),
        (json!({ "client_name": "Bot", "grant_types": ["client_credentials"] }), 422),
        (json!({ "client_name": "Evil", "redirect_uris": ["javascript:alert(1)"] }), 400),
    ] {
        let (status, problem) = world.call(token, Method::POST, "/clients", Some(body.clone())).await;
        assert_eq!(status.as_u16(), expected, "{body}: {problem}");
    }
    // It logs people in, with its secret.
    let code = world.code("ours").await;
    let mut form = crate::world::redemption("ours", &code, CALLBACK).to_vec();
    assert_eq!(world.token(&form).await.0, StatusCode::UNAUTHORIZED);
    form.push(("client_secret", &secret));
    assert_eq!(world.token(&form).await.0, StatusCode::OK);

    // Each by how it became known; those of the configuration stay, whatever is tried, and over a restart.
    let known = world.look(token, "/clients").await;
    let by_id = |id: &str| {
        known["items"].as_array().unwrap().iter().find(|client| client["id"] == id).unwrap().clone()
    };
    assert_eq!(
        (&by_id("web")["known_by"], &by_id("ours")["known_by"]),
        (&json!("configured"), &json!("added"))
    );
    assert_eq!(by_id("ours")["grants"], 1);
    assert_eq!(each(&world.look(token, "/clients?search=a%20web").await, "id"), [""; 0]);
    assert_eq!(each(&world.look(token, "/clients?search=THE%20WEB").await, "id"), ["web"]);
    assert_eq!(each(&world.look(token, "/clients?search=web2").await, "id"), ["web2"], "by its identifier");
    let (status, problem) = world.call(token, Method::DELETE, "/clients/web", None).await;
    assert_eq!((status.as_u16(), &problem["type"]), (409, &json!("urn:barewire:problem:configured_client")));
    let world = world.restarted(config()).await;
    assert_eq!(world.look(token, "/clients/ours").await["known_by"], "added");
    assert_eq!(world.call(token, Method::DELETE, "/clients/ours", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.call(token, Method::DELETE, "/clients/ours", None).await.0, StatusCode::NOT_FOUND);
    let left = world.look(token, "/grants?client=ours").await;
    assert!(
        left["items"].as_array().unwrap().iter().all(|grant| grant["revoked_reason"] == "operator"),
        "{left}"
    );
}

#[tokio::test]
async fn every_list_is_bounded() {
    let world = World::new().await;
    let token = &world.admin_token("admin", "admin:write").await;
    for number in 0..=MAX_PAGE {
        world.server.create_user(&format!("u{number:03}"), "secret").await.unwrap();
    }
    let all = world.look(token, "/users?limit=100000").await;
    assert_eq!(each(&all, "id").len(), MAX_PAGE as usize);
    assert!(all["next_cursor"].is_string());
    assert_eq!(each(&world.look(token, "/users?limit=0").await, "id").len(), 1);
    // Wherever a page begins, nobody is left out or there twice.
    let (mut names, mut next) = (Vec::new(), String::new());
    loop {
        let page = world.look(token, &format!("/users?limit=37{next}")).await;
        names.extend(each(&page, "name").into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(names.len(), MAX_PAGE as usize + 4);
    names.dedup();
    assert_eq!(names.len(), MAX_PAGE as usize + 4);
}

#[tokio::test]
async fn a_server_without_administration_has_none() {
    let world = World::with(barewire_oauth_server::AuthConfig { administration: false, ..config() }).await;
    for path in
        ["/admin", "/admin/people", "/admin/api/users", "/.well-known/oauth-protected-resource/admin/api"]
    {
        assert_eq!(
            world.http.get(world.at(path)).send().await.unwrap().status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let client = world.register().await;
    let url =
        world.authorize_url(&client, CALLBACK, &[("scope", "admin:read"), ("resource", &world.admin_api())]);
    let refused = Browser::new().login_and_consent(&url, "admin", "secret").await.unwrap();
    assert!(["invalid_scope", "invalid_target"].contains(&query(&refused)["error"].as_str()));
}

/// Each may demote the other, so both could lose it at the same moment, and nobody would let anybody in any more.
#[tokio::test]
async fn of_two_administrators_who_demote_or_disable_each_other_at_once_one_stays() {
    let world = World::new().await;
    assert_eq!(world.server.create_administrator("second", "secret").await.unwrap(), Insert::Inserted);
    let administrators = ["admin", "second"];
    for (field, lost) in [("administrator", false), ("disabled", true)] {
        for _ in 0..10 {
            let (first, second) = (
                world.admin_token("admin", "admin:write").await,
                world.admin_token("second", "admin:write").await,
            );
            let body = || Some(json!({ field: lost }));
            let (one, other) = tokio::join!(
                world.call(&first, Method::PATCH, "/users/second", body()),
                world.call(&second, Method::PATCH, "/users/admin", body()),
            );
            let done = [&one, &other].into_iter().filter(|(status, _)| *status == StatusCode::OK).count();
            assert_eq!(done, 1, "{one:?} {other:?}");
            let refused = if one.0 == StatusCode::OK { other.0 } else { one.0 };
            assert!(matches!(refused, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED), "{refused}");
            // Whoever was the faster one takes it back.
            let (token, other) = if one.0 == StatusCode::OK {
                (&first, administrators[1])
            } else {
                (&second, administrators[0])
            };
            let back = Some(json!({ field: !lost }));
            assert_eq!(
                world.call(token, Method::PATCH, &format!("/users/{other}"), back).await.0,
                StatusCode::OK
            );
            world.advance(2);
        }
    }
}
