//! Accounts that sign in elsewhere: what their own pages say, and how an operator gives and takes them.

use barewire_oauth::secret::Password;
use barewire_oauth_server::AuthConfig;
use barewire_oauth_server::administration::{Administration, By};
use barewire_oauth_server::store::{Upstreams as _, Users as _};
use barewire_testkit::{Browser, Landing, Page};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::idp::{Idp, page, tokens};
use super::login::claims;
use crate::world::{World, config};

/// What the pages of the account do with the password.
const ASKING: [(&str, &str); 5] = [
    ("/account/password", ""),
    ("/account/totp", "begin"),
    ("/account/totp", "confirm"),
    ("/account/passkeys", "begin"),
    ("/account/passkeys", "add"),
];

fn heading(page: &Page) -> String {
    page.select("h1").unwrap_or_else(|| panic!("{} {}", page.status, page.body))
}

/// Whether there is anything about a password on the page of how one signs in.
async fn offers_a_password(world: &World, browser: &mut Browser) -> bool {
    let page = browser.open(&world.at("/account/security")).await.unwrap();
    assert_eq!((page.status, heading(&page).as_str()), (StatusCode::OK, "How you sign in"));
    let offers = page.body.contains("/account/password");
    assert_eq!(page.body.contains("/account/totp"), offers);
    assert_eq!(page.text().contains("With Corporate."), !offers, "{}", page.text());
    offers
}

/// Sends what such a page would send, with a form that another page has.
async fn forged(world: &World, browser: &mut Browser, path: &str, action: &str) -> Page {
    let page = browser.open(&world.at("/account/sessions")).await.unwrap();
    let mut form = page.forms().remove(0);
    form.action = world.at(path);
    for (name, value) in [("action", action), ("current", "!"), ("new", "a horse and a battery")] {
        form.fields.push((name.to_owned(), value.to_owned()));
    }
    match browser.submit(&page, &form, None).await.unwrap() {
        Landing::Page(page) => page,
        Landing::Left(url) => panic!("left to {url}"),
    }
}

async fn has_nothing_to_change(world: &World, browser: &mut Browser) {
    assert!(!offers_a_password(world, browser).await);
    for (path, action) in ASKING {
        let shown = browser.open(&world.at(path)).await.unwrap();
        let refused = forged(world, browser, path, action).await;
        for page in [shown, refused] {
            assert_eq!(
                (page.status, heading(&page).as_str()),
                (StatusCode::FORBIDDEN, "You sign in elsewhere")
            );
            assert!(
                page.text().contains("Corporate") && page.form_with("current").is_none(),
                "{}",
                page.text()
            );
        }
    }
    assert_eq!(world.witness.at("/account/password"), ["no_password"]);
    assert_eq!(world.witness.at("/account/totp"), ["no_password"; 2]);
    assert_eq!(world.witness.at("/account/passkeys"), ["no_password"; 2]);
}

#[tokio::test]
async fn who_signs_in_elsewhere_is_offered_no_password() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let mut browser = Browser::new();
    let (_, answer) = tokens(&world, &mut browser, "posts:read").await;
    has_nothing_to_change(&world, &mut browser).await;

    // Nor does any guess open it here, not even what stands in the place of a hash.
    let id = claims(&answer)["sub"].as_str().unwrap().to_owned();
    let user = world.store.user(&id).await.unwrap().unwrap();
    assert_eq!(user.password(), None);
    let log_in = async |password: &str| {
        let mut browser = Browser::new();
        let page = browser.open(&world.at("/login")).await.unwrap();
        let form = page.form_with("password").unwrap();
        let form = form.fill("username", &user.name).fill("password", password);
        match browser.submit(&page, &form, None).await.unwrap() {
            Landing::Page(page) => (browser, page.status),
            Landing::Left(url) => panic!("left to {url}"),
        }
    };
    for guess in ["!", "secret"] {
        assert_eq!(log_in(guess).await.1, StatusCode::FORBIDDEN);
    }

    // An administrator gives them one: then there is something to change.
    let all = Administration::new(world.store.clone(), &config(), None).await.unwrap();
    let by = By::operator("op", "a test");
    all.reset_password(&by, &id, Password::new("a horse and a battery")).await.unwrap();
    let (mut browser, status) = log_in("a horse and a battery").await;
    assert_eq!(status, StatusCode::OK);
    assert!(offers_a_password(&world, &mut browser).await);
}

/// Somebody's password that opens nothing is none.
#[tokio::test]
async fn without_local_logins_nobody_is_offered_a_password() {
    let idp = Idp::start().await;
    let world = World::with(AuthConfig { local_logins: false, ..idp.config(json!({})) }).await;
    let issuer = idp.does().issuer.clone();
    world.server.link_account("janedoe", &issuer, "ada-1").await.unwrap().unwrap();
    let mut browser = Browser::new();
    let (_, answer) = tokens(&world, &mut browser, "posts:read").await;
    assert_eq!(claims(&answer)["sub"], "janedoe");
    has_nothing_to_change(&world, &mut browser).await;
}

#[tokio::test]
async fn an_administrator_links_an_account_and_takes_it_away() {
    let idp = Idp::start().await;
    let world = idp.world(json!({ "create_users": false })).await;
    let admin = world.admin_token("admin", "admin:write").await;
    let issuer = idp.does().issuer.clone();
    let link = async |user: &str, issuer: &str, subject: &str| {
        let body = json!({ "issuer": issuer, "subject": subject });
        let (status, answer) =
            world.call(&admin, Method::POST, &format!("/users/{user}/accounts"), Some(body)).await;
        (status.as_u16(), answer["type"].as_str().unwrap_or_default().replace("urn:barewire:problem:", ""))
    };
    let unlink = async |user: &str, subject: &str| {
        let mut url = world.at(&format!("/admin/api/users/{user}/accounts"));
        url.query_pairs_mut().append_pair("issuer", &issuer).append_pair("subject", subject);
        world.http.delete(url).bearer_auth(&admin).send().await.unwrap().status().as_u16()
    };
    let done = (204, String::new());
    assert_eq!(link("nobody", &issuer, "ada-1").await, (404, "no_such_user".to_owned()));
    for (issuer, subject) in
        [("", "ada-1"), (&*issuer, ""), (&*issuer, "ada\u{202E}"), (&*issuer, &"a".repeat(1025))]
    {
        assert_eq!(link("janedoe", issuer, subject).await, (422, "unusable_account".to_owned()));
    }
    assert_eq!(link("janedoe", &issuer, "ada-1").await, done);
    assert_eq!(link("janedoe", &issuer, "ada-1").await, done, "it is so already");
    assert_eq!(link("johndoe", &issuer, "ada-1").await, (409, "account_taken".to_owned()));
    let shown = world.look(&admin, "/users/janedoe").await;
    assert_eq!((&shown["accounts"][0]["subject"], &shown["has_password"]), (&json!("ada-1"), &json!(true)));

    let mut browser = Browser::new();
    let (client, answer) = tokens(&world, &mut browser, "posts:read").await;
    assert_eq!(claims(&answer)["sub"], "janedoe");
    // She has a password here as well.
    assert!(offers_a_password(&world, &mut browser).await);
    let refresh = answer["refresh_token"].as_str().unwrap().to_owned();

    assert_eq!(unlink("johndoe", "ada-1").await, 404);
    assert_eq!(unlink("janedoe", "eve-1").await, 404);
    assert_eq!(unlink("janedoe", "ada-1").await, 204);
    // What came of it is over: the browser's session, and what was connected.
    let page_of = browser.open(&world.at("/account/security")).await.unwrap();
    assert!(page_of.form_with("password").is_some(), "{}", page_of.text());
    assert_eq!(world.refresh(&client, &refresh).await.1["error"], "invalid_grant");
    let refused = page(&world, &mut Browser::new(), &client, &[]).await;
    assert!(refused.text().contains("not known here"), "{}", refused.text());
    assert_eq!(world.look(&admin, "/users/janedoe").await["accounts"], json!([]));
    let told = world.witness.by("admin");
    let told: Vec<_> = told.iter().filter(|line| line.contains("/accounts")).map(String::as_str).collect();
    let at = "administration /admin/api/users/{id}/accounts";
    assert_eq!(told.first(), Some(&&*format!("{at} no_such_user ")));
    assert_eq!(told.last(), Some(&&*format!("{at} account_unlinked janedoe")));
}

#[tokio::test]
async fn the_page_of_a_person_links_and_takes_away() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let issuer = idp.does().issuer.clone();
    let mut admin = world.signed_in("admin").await;
    let person = world.at("/admin/people/janedoe");
    let press = async |admin: &mut Browser, action: &str| {
        let page = admin.open(&person).await.unwrap();
        let form =
            page.forms().into_iter().find(|form| form.buttons.iter().any(|(_, word, _)| word == action));
        let mut form = form.unwrap_or_else(|| panic!("nothing says {action}: {}", page.body));
        form.fields.push(("action".to_owned(), action.to_owned()));
        if action == "link" {
            form = form.fill("issuer", &issuer).fill("subject", "ada-1");
        }
        match admin.submit(&page, &form, None).await.unwrap() {
            Landing::Page(page) => heading(&page),
            Landing::Left(url) => panic!("left to {url}"),
        }
    };
    assert_eq!(press(&mut admin, "link").await, "Linked");
    let linked: Vec<Value> = world
        .store
        .upstream_accounts("janedoe")
        .await
        .unwrap()
        .iter()
        .map(|linked| json!([linked.account.issuer, linked.account.subject]))
        .collect();
    assert_eq!(linked, [json!([issuer, "ada-1"])]);
    assert!(admin.open(&person).await.unwrap().text().contains("ada-1"));
    assert_eq!(press(&mut admin, "unlink").await, "Taken away");
    assert!(world.store.upstream_accounts("janedoe").await.unwrap().is_empty());
}
