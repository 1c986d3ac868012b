//! The pages at `/admin`: for administrators, who logged in just now, from forms of ours.

use barewire_oauth::bearer::BearerError;
use barewire_testkit::{Browser, Page};
use reqwest::StatusCode;
use serde_json::json;

use crate::world::{RawForm, World};

async fn open(browser: &mut Browser, world: &World, path: &str) -> Page {
    browser.open(&world.at(path)).await.unwrap()
}

const ALL: [&str; 6] = [
    "/admin/people",
    "/admin/people/johndoe",
    "/admin/clients",
    "/admin/clients/web",
    "/admin/apps",
    "/admin",
];

#[tokio::test]
async fn nobody_else_sees_that_there_are_pages_of_administrators() {
    let world = World::new().await;
    let mut nobody = Browser::new();
    let mut john = world.signed_in("johndoe").await;
    let mut admin = world.signed_in("admin").await;
    for path in ALL {
        let login = open(&mut nobody, &world, path).await;
        assert!(login.form_with("password").is_some(), "{path}: {}", login.text());
        let page = open(&mut john, &world, path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.forms().is_empty(), "{path}");
        let page = open(&mut admin, &world, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
        for (name, value) in
            [("x-frame-options", "DENY"), ("cache-control", "no-store"), ("referrer-policy", "no-referrer")]
        {
            assert_eq!(page.headers[name], value, "{path}");
        }
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
    }
    // The login leads back to where somebody wanted to go.
    let login = open(&mut nobody, &world, "/admin/people/johndoe").await;
    let form = login.form_with("password").unwrap().fill("username", "admin").fill("password", "secret");
    let page = nobody.send(&login, &form).await;
    assert_eq!(page.url.path(), "/admin/people/johndoe");
    let account = open(&mut admin, &world, "/account/apps").await;
    assert!(account.link("Admin").is_some(), "{}", account.body);
    assert!(open(&mut john, &world, "/account/apps").await.link("Admin").is_none());
    // Who is no administrator any more has no page in an open browser either.
    let token = world.admin_token("admin", "admin:write").await;
    let promote = Some(json!({ "administrator": true }));
    world.call(&token, reqwest::Method::PATCH, "/users/johndoe", promote).await;
    assert_eq!(open(&mut john, &world, "/admin/people").await.status, StatusCode::OK);
    let demote = Some(json!({ "administrator": false }));
    world.call(&token, reqwest::Method::PATCH, "/users/johndoe", demote).await;
    assert_eq!(open(&mut john, &world, "/admin/people").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn no_other_site_sends_a_form_of_an_administrator() {
    let world = World::new().await;
    let (_, tokens) = world.connected_by("johndoe").await;
    let token = world.admin_token("admin", "admin:read").await;
    let grant =
        world.look(&token, "/grants?user=johndoe").await["items"][0]["id"].as_str().unwrap().to_owned();
    let browser = world.signed_in("admin").await;
    let cookie = format!("barewire_auth={}", browser.cookie(&world.url, "barewire_auth").unwrap());
    let app = format!("/admin/apps/{grant}");
    for (path, fields) in [
        ("/admin/people/johndoe", [("action", "disable"), ("x", "")]),
        (app.as_str(), [("action", "revoke"), ("x", "")]),
        ("/admin/people", [("name", "mallory"), ("password", "long enough")]),
        ("/admin/clients/web", [("action", "disable"), ("x", "")]),
    ] {
        let form = RawForm::get(&world, world.at(path), path, Some(&cookie)).await;
        // Without the token, with the one of another page, and from another site with the right one.
        let other = if path == "/admin/people" { "/admin/clients" } else { "/admin/people" };
        let foreign = RawForm::get(&world, world.at(other), other, Some(&cookie)).await.csrf;
        for csrf in ["", foreign.as_str()] {
            let stolen =
                RawForm { action: form.action.clone(), cookie: cookie.clone(), csrf: csrf.to_owned() };
            let answer = stolen.post(&world, &fields).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path} {csrf:?}");
        }
        let request = form.request(&world, &fields).header("sec-fetch-site", "cross-site");
        assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{path}");
    }
    // One person's form is nobody else's.
    let john =
        RawForm::get(&world, world.at("/admin/people/johndoe"), "/admin/people/johndoe", Some(&cookie)).await;
    let jane = RawForm { action: world.at("/admin/people/janedoe"), ..john };
    assert_eq!(jane.post(&world, &[("action", "disable")]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(world.verify(&tokens.access), Ok(()));
    assert_eq!(world.witness.by("admin"), [""; 0]);
}

#[tokio::test]
async fn a_change_asks_for_a_login_that_was_just_now() {
    let world = World::new().await;
    let (_, tokens) = world.connected_by("johndoe").await;
    let mut browser = world.signed_in("admin").await;
    let page = open(&mut browser, &world, "/admin/people/johndoe").await;
    let form = page.press("disable");
    world.advance(15 * 60);
    let login = browser.send(&page, &form).await;
    assert!(login.form_with("password").is_some(), "{}", login.text());
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Expired));
    assert_eq!(world.witness.by("admin"), [""; 0], "nothing was done");
    // To look is fine, and it says what is to come.
    let page = open(&mut browser, &world, "/admin/people/johndoe").await;
    assert!(page.text().contains("you are asked to sign in again"), "{}", page.text());
    let form = login.form_with("password").unwrap().fill("username", "admin").fill("password", "secret");
    let page = browser.send(&login, &form).await;
    assert_eq!(page.url.path(), "/admin/people/johndoe");
    assert!(!page.text().contains("you are asked to sign in again"), "{}", page.text());
    let done = browser.send(&page, &page.press("disable")).await;
    assert!(done.text().contains("signed out everywhere"), "{}", done.text());
    assert_eq!(world.witness.by("admin"), ["administration /admin/people/{id} user_disabled johndoe"]);
}

#[tokio::test]
async fn an_administrator_finds_a_person_and_ends_what_they_have() {
    let world = World::new().await;
    let (_, tokens) = world.connected_by("johndoe").await;
    let (_, other) = world.connected_by("janedoe").await;
    let mut browser = world.signed_in("admin").await;
    let list = open(&mut browser, &world, "/admin/people?search=JOHN").await;
    assert!(!list.text().contains("janedoe"), "{}", list.text());
    let person = browser.open(&list.link("johndoe").unwrap()).await.unwrap();
    let app = browser.open(&person.link("A client").unwrap()).await.unwrap();
    assert!(app.text().contains("Write posts as you") && app.text().contains("johndoe"), "{}", app.text());
    let narrowed = app.press("narrow").uncheck("scope", "posts:write");
    assert!(browser.send(&app, &narrowed).await.text().contains("refused from its next request on"));
    let app = browser.open(&app.url).await.unwrap();
    assert!(!app.text().contains("Write posts as you"), "{}", app.text());
    let done = browser.send(&app, &app.press("revoke")).await;
    assert!(done.text().contains("Its very next request is refused"), "{}", done.text());
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
    assert_eq!(world.verify(&other.access), Ok(()));
    let app = browser.open(&app.url).await.unwrap();
    assert!(app.text().contains("Ended by an administrator"), "{}", app.text());
    assert!(app.forms().iter().all(|form| form.buttons.iter().all(|(_, value, _)| value != "revoke")));

    // Oneself stays, and what nobody has is not there.
    let own = open(&mut browser, &world, "/admin/people/admin").await;
    assert!(own.text().contains("You cannot disable yourself"), "{}", own.text());
    for path in ["/admin/people/nobody", "/admin/clients/nobody", "/admin/apps/nobody"] {
        assert_eq!(open(&mut browser, &world, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let empty = open(&mut browser, &world, "/admin/apps?user=nobody").await;
    assert!(empty.text().contains("Nothing is connected that fits"), "{}", empty.text());
}

#[tokio::test]
async fn people_and_applications_are_added_on_the_pages() {
    let world = World::new().await;
    let mut browser = world.signed_in("admin").await;
    let people = open(&mut browser, &world, "/admin/people").await;
    let form = |name: &str, password: &str| {
        people.form_with("name").unwrap().fill("name", name).fill("password", password)
    };
    let short = browser.send(&people, &form("eve", "short")).await;
    assert!(
        short.status == StatusCode::UNPROCESSABLE_ENTITY && short.text().contains("at least 8"),
        "{}",
        short.text()
    );
    let odd = "<b>eve</b> & co";
    let done = browser.send(&people, &form(odd, "long enough")).await;
    assert!(done.text().contains(odd) && !done.body.contains("<b>eve"), "{}", done.body);
    let list = open(&mut browser, &world, "/admin/people").await;
    let person = browser.open(&list.link(odd).unwrap()).await.unwrap();
    assert!(person.status.is_success() && !person.body.contains("<b>eve"), "{}", person.body);

    let clients = open(&mut browser, &world, "/admin/clients").await;
    let form = clients.form_with("client_name").unwrap().fill("client_name", "Ours");
    let form = form.fill("redirect_uris", "https://ours.example/cb http://localhost:7/cb");
    let added = browser.send(&clients, &form).await;
    assert!(added.text().contains("Its client_id is client_"), "{}", added.text());
    let list = open(&mut browser, &world, "/admin/clients?search=ours").await;
    let client = browser.open(&list.link("Ours").unwrap()).await.unwrap();
    assert!(client.text().contains("https://ours.example/cb"), "{}", client.text());
    let gone = browser.send(&client, &client.press("delete")).await;
    assert!(gone.text().contains("Deleted"), "{}", gone.text());
    assert_eq!(browser.open(&client.url).await.unwrap().status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn long_lists_of_administrators_have_pages() {
    let world = World::new().await;
    for number in 0..30 {
        world.server.create_user(&format!("user {number:02}"), "secret").await.unwrap();
    }
    let mut browser = world.signed_in("admin").await;
    let first = open(&mut browser, &world, "/admin/people?search=user").await;
    assert!(first.text().contains("user 24") && !first.text().contains("user 25"), "{}", first.text());
    let second = browser.open(&first.link("More people").unwrap()).await.unwrap();
    assert!(second.text().contains("user 29") && !second.text().contains("user 24"), "{}", second.text());
    assert!(second.link("More people").is_none());
}
