//! `/consent`: what is asked, what is remembered, and what an answer does.

use barewire_testkit::{Browser, Landing, Page};
use reqwest::StatusCode;
use url::Url;

use crate::world::{CALLBACK, RawForm, STATE, WEB_CALLBACK, World, query, set_cookies};

/// Logs in and stops at the consent page.
pub(crate) async fn consent_page(browser: &mut Browser, url: &Url) -> Page {
    let page = browser.open(url).await.unwrap();
    if page.url.path() == "/consent" {
        return page;
    }
    let form = page.form_with("password").unwrap().fill("username", "johndoe").fill("password", "secret");
    browser.send(&page, &form).await
}

#[tokio::test]
async fn the_page_says_who_asks_for_what_and_where_the_answer_goes() {
    let world = World::new().await;
    let client = world.register().await;
    let url = world.authorize_url(&client, CALLBACK, &[("scope", "posts:read posts:write offline_access")]);
    let page = consent_page(&mut Browser::new(), &url).await;
    let text = page.text();
    for part in [
        "A client",
        "Nobody has checked",
        "localhost:5173",
        "Read your posts",
        "posts:write",
        "johndoe",
        "Did you just start this yourself?",
        "while you are not there",
        "https://rs.example/mcp",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let url = world.authorize_url("web", WEB_CALLBACK, &[]);
    let text = consent_page(&mut Browser::new(), &url).await.text();
    assert!(text.contains("web.example") && text.contains("Set up by"), "{text}");
    assert!(!text.contains("Did you just start"), "{text}");
}

#[tokio::test]
async fn deny_leads_back_with_access_denied() {
    let world = World::new().await;
    let client = world.register().await;
    let url = world.authorize_url(&client, CALLBACK, &[]);
    let mut browser = Browser::new();
    let page = consent_page(&mut browser, &url).await;
    let form = page.forms().into_iter().find_map(|form| form.press(&["deny"])).unwrap();
    let callback = Url::parse(CALLBACK).unwrap();
    let Landing::Left(callback) = browser.submit(&page, &form, Some(&callback)).await.unwrap() else {
        panic!()
    };
    let query = query(&callback);
    assert_eq!(query["error"], "access_denied");
    assert_eq!(query["state"], STATE);
    assert_eq!(query["iss"], world.server.issuer());
    assert!(!query.contains_key("code"));
}

#[tokio::test]
async fn only_clients_with_an_assured_identity_are_remembered() {
    let world = World::new().await;
    let mut browser = Browser::new();
    let client = world.register().await;
    let loopback = world.authorize_url(&client, CALLBACK, &[]);
    browser.login_and_consent(&loopback, "johndoe", "secret").await.unwrap();
    assert_eq!(browser.open(&loopback).await.unwrap().url.path(), "/consent");

    let stop = Url::parse(WEB_CALLBACK).unwrap();
    let web = |scope: &str| world.authorize_url("web", WEB_CALLBACK, &[("scope", scope)]);
    browser.login_and_consent(&web("posts:read"), "johndoe", "secret").await.unwrap();
    assert!(matches!(browser.open_until(&web("posts:read"), &stop).await.unwrap(), Landing::Left(_)));
    // More than before is asked for again, and then all of it is remembered.
    let Landing::Page(page) = browser.open_until(&web("posts:read posts:write"), &stop).await.unwrap() else {
        panic!("not asked for more")
    };
    assert!(page.select("h1").unwrap().contains("more access"));
    assert_eq!(page.body.matches("class=\"tag\"").count(), 1);
    browser.login_and_consent(&web("posts:read posts:write"), "johndoe", "secret").await.unwrap();
    for scope in ["posts:write", "posts:read", "posts:read posts:write"] {
        assert!(matches!(browser.open_until(&web(scope), &stop).await.unwrap(), Landing::Left(_)), "{scope}");
    }
    // For another resource or another user, nothing was allowed yet.
    let other = world.authorize_url("web", WEB_CALLBACK, &[("resource", "https://rs.example/other")]);
    assert!(matches!(browser.open_until(&other, &stop).await.unwrap(), Landing::Page(_)));
    let mut jane = Browser::new();
    let page = jane.open(&web("posts:read")).await.unwrap();
    let form = page.form_with("password").unwrap().fill("username", "janedoe").fill("password", "secret");
    assert!(matches!(jane.submit(&page, &form, Some(&stop)).await.unwrap(), Landing::Page(_)));
}

#[tokio::test]
async fn the_answer_counts_only_from_its_own_page() {
    let world = World::new().await;
    let log_in = |user: &'static str| {
        let world = &world;
        async move {
            let form = RawForm::get(world, world.at("/login"), "/login", None).await;
            let answer = form.post(world, &[("username", user), ("password", "secret")]).await;
            set_cookies(&answer)[0].clone()
        }
    };
    let (john, jane) = (log_in("johndoe").await, log_in("janedoe").await);
    let consent = |client: &str, uri: &str, changes: &[(&str, &str)]| {
        let mut url = world.authorize_url(client, uri, changes);
        url.set_path("/consent");
        url
    };
    let url = consent("web", WEB_CALLBACK, &[]);
    let form = RawForm::get(&world, url.clone(), "/consent", Some(&john)).await;
    let allow = &[("decision", "allow")];

    // The token of the page for another request, client or user is refused; so is the one for another purpose.
    let more = RawForm::get(
        &world,
        consent("web", WEB_CALLBACK, &[("scope", "posts:write")]),
        "/consent",
        Some(&john),
    );
    let other =
        RawForm::get(&world, consent("web2", "https://other.example/callback", &[]), "/consent", Some(&john));
    let janes = RawForm::get(&world, url.clone(), "/consent", Some(&jane));
    let logout = RawForm::get(&world, url.clone(), "/logout", Some(&john));
    let tokens = [more.await.csrf, other.await.csrf, janes.await.csrf, logout.await.csrf, String::new()];
    for csrf in tokens {
        let forged = RawForm { csrf, cookie: john.clone(), action: form.action.clone() };
        let answer = forged.post(&world, allow).await;
        assert_eq!((answer.status(), answer.headers().get("location")), (StatusCode::FORBIDDEN, None));
    }
    // No decision is no decision.
    for fields in [&[][..], &[("decision", "maybe")], &[("decision", "allow"), ("decision", "deny")]] {
        let answer = form.post(&world, fields).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{fields:?}");
    }
    // Without a session, it is the login's turn.
    let anonymous = RawForm { cookie: String::new(), csrf: form.csrf.clone(), action: form.action.clone() };
    let answer = anonymous.post(&world, allow).await;
    assert!(answer.headers()["location"].to_str().unwrap().starts_with("/login?"));
    // GET decides nothing, even with the decision in the query.
    let mut get = form.action.clone();
    get.query_pairs_mut().append_pair("decision", "allow").append_pair("csrf", &form.csrf);
    let answer = world.http.get(get).header("cookie", &john).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);

    let answer = form.post(&world, allow).await;
    assert!(answer.headers()["location"].to_str().unwrap().starts_with(WEB_CALLBACK));
}
