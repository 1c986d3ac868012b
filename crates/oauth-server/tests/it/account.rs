//! `/account`: what a person sees of what is connected and signed in, what they can take back, and who else cannot.

use barewire_oauth::bearer::{BearerError, Standing};
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::Issued;
use barewire_testkit::{Browser, Form, Landing, Page};
use reqwest::StatusCode;
use serde_json::json;

use crate::world::{CALLBACK, RawForm, Tokens, WEB_CALLBACK, World, config, has_session, query, set_cookies};

const BOTH: &[(&str, &str)] = &[("scope", "posts:read posts:write")];

/// A registered client that was allowed both scopes.
async fn connected(world: &World) -> (String, Tokens) {
    let client = world.register().await;
    let (status, answer) = world.redeem(&client, &world.code_with(&client, BOTH).await).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    (client, Tokens::read(&answer))
}

/// The page about the first connection in the list.
async fn app_page(browser: &mut Browser, world: &World, name: &str) -> Page {
    let list = browser.open(&world.at("/account/apps")).await.unwrap();
    let link = list.link(name).unwrap_or_else(|| panic!("no {name} in {}", list.text()));
    browser.open(&link).await.unwrap()
}

fn scopes(world: &World, token: &str) -> Result<ScopeSet, BearerError> {
    let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
    world.server.access_tokens().verify(token, &resource, world.clock.now()).map(|claims| claims.scope)
}

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

#[tokio::test]
async fn a_person_sees_what_is_connected_and_how() {
    let world = World::new().await;
    let mut browser = world.signed_in("johndoe").await;
    let empty = browser.open(&world.at("/account")).await.unwrap();
    assert!(empty.text().contains("No application is connected"), "{}", empty.text());

    connected(&world).await;
    let url = world.authorize_url("web", WEB_CALLBACK, &[]);
    let callback = Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
    world.redeem_at("web", &query(&callback)["code"], WEB_CALLBACK).await;
    world.advance(3 * 86_400);
    let browser = &mut world.signed_in("johndoe").await;
    let text = browser.open(&world.at("/account/apps")).await.unwrap().text();
    for part in [
        "A client",
        "Nobody has checked",
        "Write posts as you",
        "3 days ago",
        "127.0.0.1",
        "The web app",
        "Set up by",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let text = app_page(browser, &world, "A client").await.text();
    for part in ["https://rs.example/mcp", "renews its access by itself", "UTC", "posts:write"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    // What is over is not there: nobody has used their refresh tokens for so long.
    world.advance(28 * 86_400);
    let text = world.signed_in("johndoe").await.open(&world.at("/account/apps")).await.unwrap().text();
    assert!(text.contains("No application is connected"), "{text}");
}

#[tokio::test]
async fn a_narrowed_app_loses_what_was_taken_at_once_and_goes_on() {
    let world = World::new().await;
    let (client, tokens) = connected(&world).await;
    assert_eq!(scopes(&world, &tokens.access), Ok(set("posts:read posts:write")));
    let mut browser = world.signed_in("johndoe").await;
    let page = app_page(&mut browser, &world, "A client").await;
    let form = page.press("narrow").uncheck("scope", "posts:write");
    let page = browser.send(&page, &form).await;
    assert!(page.status.is_success() && page.text().contains("Saved."), "{}", page.text());

    // The token that is out there, for who sees it for the first time and for who remembers it.
    assert_eq!(scopes(&world, &tokens.access), Ok(set("posts:read")));
    let grant = page.url.path().rsplit('/').next().unwrap().to_owned();
    let standing = |scope| {
        let scope = &set(scope);
        let token = Issued {
            id: "j",
            subject: "u",
            client_id: "c",
            grant_id: Some(&grant),
            at: 0,
            scope,
            signed_by: None,
        };
        world.server.access_tokens().standing(&token)
    };
    assert_eq!(standing("posts:read posts:write"), Standing::Narrowed);
    assert_eq!(standing("posts:read"), Standing::Unchanged);
    // The next refresh; a client that names what it was granted at first is not thrown out.
    for scope in ["", "posts:read posts:write"] {
        let form =
            [("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", &tokens.refresh)];
        let form = form.into_iter().chain((!scope.is_empty()).then_some(("scope", scope)));
        let (status, answer) = world.token(&form.collect::<Vec<_>>()).await;
        assert_eq!((status, &answer["scope"]), (StatusCode::OK, &json!("posts:read")), "{scope:?}");
    }
    // Nothing is left to take away but all.
    assert!(page.forms().iter().all(|form| form.unchecked.is_empty()));

    let world = world.restarted(config()).await;
    assert_eq!(scopes(&world, &tokens.access), Ok(set("posts:read")));
}

#[tokio::test]
async fn nobody_widens_or_empties_a_grant() {
    let world = World::new().await;
    let (_, tokens) = connected(&world).await;
    let mut browser = world.signed_in("johndoe").await;
    let page = app_page(&mut browser, &world, "A client").await;
    let nothing = page.press("narrow").uncheck("scope", "posts:write").uncheck("scope", "posts:read");
    let mut more = page.press("narrow");
    more.fields.push(("scope".to_owned(), "admin:write".to_owned()));
    for form in [nothing, more] {
        assert_eq!(browser.send(&page, &form).await.status, StatusCode::CONFLICT);
        assert_eq!(scopes(&world, &tokens.access), Ok(set("posts:read posts:write")));
    }
    let mut twice = page.press("narrow");
    twice.fields.push(("action".to_owned(), "end".to_owned()));
    assert_eq!(browser.send(&page, &twice).await.status, StatusCode::FORBIDDEN);
    assert_eq!(scopes(&world, &tokens.access), Ok(set("posts:read posts:write")));
}

#[tokio::test]
async fn a_disconnected_app_is_out_at_once_and_has_to_ask_again() {
    let world = World::new().await;
    let url = world.authorize_url("web", WEB_CALLBACK, &[]);
    let mut browser = Browser::new();
    let callback = browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let (_, answer) = world.redeem_at("web", &query(&callback)["code"], WEB_CALLBACK).await;
    let tokens = Tokens::read(&answer);
    // It is remembered, so nobody is asked.
    let here = reqwest::Url::parse(WEB_CALLBACK).unwrap();
    assert!(matches!(browser.open_until(&url, &here).await.unwrap(), Landing::Left(_)));

    let page = app_page(&mut browser, &world, "The web app").await;
    let done = browser.send(&page, &page.press("end")).await;
    assert!(done.text().contains("The web app is disconnected"), "{}", done.text());
    assert_eq!(scopes(&world, &tokens.access), Err(BearerError::Revoked));
    let (status, answer) = world.refresh("web", &tokens.refresh).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    assert_eq!(browser.open(&page.url).await.unwrap().status, StatusCode::NOT_FOUND);
    assert_eq!(browser.open(&url).await.unwrap().url.path(), "/consent", "it has to ask again");
}

#[tokio::test]
async fn a_disconnected_app_keeps_no_second_connection_and_no_code() {
    let world = World::new().await;
    let url = world.authorize_url("web", WEB_CALLBACK, &[]);
    let code = async |user: &str| {
        let callback = Browser::new().login_and_consent(&url, user, "secret").await.unwrap();
        query(&callback)["code"].clone()
    };
    let connect = async |user: &str| {
        let (status, answer) = world.redeem_at("web", &code(user).await, WEB_CALLBACK).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        Tokens::read(&answer)
    };
    let (first, second) = (connect("johndoe").await, connect("johndoe").await);
    let (hers, (_, other)) = (connect("janedoe").await, connected(&world).await);
    let waiting = code("johndoe").await;
    let mut browser = world.signed_in("johndoe").await;
    let page = app_page(&mut browser, &world, "The web app").await;
    let done = browser.send(&page, &page.press("end")).await;
    assert!(done.text().contains("The web app is disconnected"), "{}", done.text());
    for tokens in [&first, &second] {
        assert_eq!(scopes(&world, &tokens.access), Err(BearerError::Revoked));
        assert_eq!(world.refresh("web", &tokens.refresh).await.0, StatusCode::BAD_REQUEST);
    }
    let (status, answer) = world.redeem_at("web", &waiting, WEB_CALLBACK).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    let list = browser.open(&world.at("/account/apps")).await.unwrap();
    assert!(list.link("The web app").is_none() && list.link("A client").is_some(), "{}", list.text());
    // What is another user's, or another application's, goes on.
    assert!(scopes(&world, &hers.access).is_ok() && scopes(&world, &other.access).is_ok());
    assert_eq!(world.refresh("web", &hers.refresh).await.0, StatusCode::OK);
    let world = world.restarted(config()).await;
    assert_eq!(scopes(&world, &second.access), Err(BearerError::Revoked));
}

#[tokio::test]
async fn what_one_process_narrows_the_others_learn() {
    let world = World::new().await;
    let (_, tokens) = connected(&world).await;
    let settings = barewire_oauth_server::AuthConfig {
        revocation_poll: std::time::Duration::from_millis(20),
        ..config()
    };
    let other =
        barewire_oauth_server::AuthorizationServer::builder(world.server.issuer(), world.store.clone())
            .resource("https://rs.example/mcp")
            .scope("posts:read", "Read")
            .scope("posts:write", "Write")
            .config(settings)
            .clock(world.clock.clock())
            .build()
            .await
            .unwrap();
    let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
    let there = || other.access_tokens().verify(&tokens.access, &resource, world.clock.now()).unwrap().scope;
    assert_eq!(there(), set("posts:read posts:write"));
    let mut browser = world.signed_in("johndoe").await;
    let page = app_page(&mut browser, &world, "A client").await;
    let form = page.press("narrow").uncheck("scope", "posts:write");
    browser.send(&page, &form).await;
    for _ in 0..500 {
        if there() == set("posts:read") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the other process never learnt of it");
}

#[tokio::test]
async fn what_an_app_calls_itself_stays_text_on_the_account_pages() {
    let world = World::new().await;
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    let client = world.register_with(json!({ "client_name": evil })).await;
    let client = client["client_id"].as_str().unwrap();
    world.redeem(client, &world.code_with(client, BOTH).await).await;
    let mut browser = world.signed_in("johndoe").await;
    let list = browser.open(&world.at("/account/apps")).await.unwrap();
    let page = app_page(&mut browser, &world, "<script>").await;
    let done = browser.send(&page, &page.press("end")).await;
    for page in [&list, &page, &done] {
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{}", page.body);
        assert!(page.text().contains("<script>alert(1)</script>"));
        for inline in ["style=", "onclick", "onload", "<style", "javascript:"] {
            assert!(!page.body.contains(inline), "{inline}");
        }
    }
}

#[tokio::test]
async fn the_account_is_shown_to_its_owner_only() {
    let world = World::new().await;
    let (_, tokens) = connected(&world).await;
    let mut john = world.signed_in("johndoe").await;
    let page = app_page(&mut john, &world, "A client").await;
    // Nobody is signed in: the login leads back here, and nowhere else.
    let mut nobody = Browser::new();
    for path in ["/account/apps", "/account/sessions", page.url.path()] {
        let login = nobody.open(&world.at(path)).await.unwrap();
        assert_eq!(login.url.path(), "/login", "{path}");
    }
    let login = nobody.open(&world.at("/account/sessions")).await.unwrap();
    let form = login.form_with("password").unwrap().fill("username", "janedoe").fill("password", "secret");
    assert_eq!(nobody.send(&login, &form).await.url.path(), "/account/sessions");
    // Somebody else is: to her it does not exist.
    let mut jane = nobody;
    assert!(jane.open(&world.at("/account/apps")).await.unwrap().link("A client").is_none());
    let hers = jane.open(&page.url).await.unwrap();
    let nowhere = jane.open(&world.at("/account/apps/nosuchgrant")).await.unwrap();
    assert_eq!((hers.status, hers.text()), (StatusCode::NOT_FOUND, nowhere.text()));
    let theirs = jane.send(&page, &page.press("end")).await;
    assert!(theirs.status.is_client_error());
    assert!(world.verify(&tokens.access).is_ok());
}

/// Fetches the page at `path` with `cookie` and returns what its forms would be sent with.
async fn forms(world: &World, path: &str, cookie: &str) -> Vec<Form> {
    let answer = world.http.get(world.at(path)).header("cookie", cookie).send().await.unwrap();
    let (url, status, headers) = (answer.url().clone(), answer.status(), answer.headers().clone());
    Page { url, status, headers, body: answer.text().await.unwrap() }.forms()
}

#[tokio::test]
async fn no_other_site_sends_a_form_of_the_account() {
    let world = World::new().await;
    let (_, tokens) = connected(&world).await;
    world.signed_in("johndoe").await;
    let good = [("username", "johndoe"), ("password", "secret")];
    let login = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let cookie = set_cookies(&login.post(&world, &good).await)[0].clone();
    let login = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let stranger = set_cookies(&login.post(&world, &[("username", "janedoe"), good[1]]).await)[0].clone();
    let list = world.http.get(world.at("/account/apps")).header("cookie", &cookie).send().await.unwrap();
    let body = list.text().await.unwrap();
    let app = body.split("/account/apps/").nth(1).unwrap().split('"').next().unwrap();
    let app = format!("/account/apps/{app}");
    let strangers = forms(&world, "/account/sessions", &stranger).await;
    let strangers_token = &strangers[0].fields[0].1;
    let mut tried = 0;
    for path in [app.as_str(), "/account/sessions"] {
        for form in forms(&world, path, &cookie).await.into_iter().filter(|form| form.action.path() == path) {
            let token =
                form.fields.iter().find(|(name, _)| name == "csrf").expect("each form has one").1.clone();
            let mut fields: Vec<_> = form.fields.iter().filter(|(name, _)| name != "csrf").cloned().collect();
            fields.extend(form.buttons.first().map(|(name, value, _)| (name.clone(), value.clone())));
            let send = async |csrf: &str, cookie: &str, site: &str| {
                let fields = fields.iter().cloned().chain([("csrf".to_owned(), csrf.to_owned())]);
                let request = world.http.post(form.action.clone()).header("cookie", cookie);
                let request = request.header("sec-fetch-site", site);
                request.form(&fields.collect::<Vec<_>>()).send().await.unwrap().status()
            };
            for (csrf, site) in
                [("", "same-origin"), (strangers_token, "same-origin"), (&token, "cross-site")]
            {
                assert_eq!(send(csrf, &cookie, site).await, StatusCode::FORBIDDEN, "{path} {csrf:?} {site}");
            }
            // Without the cookie, as SameSite has it, there is nobody whose account it could be.
            assert_eq!(send(&token, "", "cross-site").await, StatusCode::SEE_OTHER);
            tried += 1;
        }
    }
    assert!(tried >= 3, "{tried}");
    assert!(world.verify(&tokens.access).is_ok() && has_session(&world, &cookie).await);
    assert_eq!(scopes(&world, &tokens.access), Ok(set("posts:read posts:write")));
}

#[tokio::test]
async fn a_person_ends_one_session_or_all_others() {
    let world = World::new().await;
    let mut here = world.signed_in("johndoe").await;
    let mut browsers = [world.signed_in("johndoe").await, world.signed_in("johndoe").await];
    let mut jane = world.signed_in("janedoe").await;
    let sessions = world.at("/account/sessions");
    let page = here.open(&sessions).await.unwrap();
    assert!(page.text().contains("this one") && page.text().contains("127.0.0.1"), "{}", page.text());
    let ending: Vec<_> =
        page.forms().into_iter().filter(|form| form.action.path() == sessions.path()).collect();
    assert_eq!(ending.len(), 3, "two others, and all of them");
    here.send(&page, &ending[0]).await;
    let mut alive = 0;
    for browser in &mut browsers {
        alive += usize::from(browser.open(&sessions).await.unwrap().url.path() == sessions.path());
    }
    assert_eq!(alive, 1);
    here.send(&page, &ending[2]).await;
    for browser in &mut browsers {
        assert_eq!(browser.open(&sessions).await.unwrap().url.path(), "/login");
    }
    assert_eq!(here.open(&sessions).await.unwrap().url.path(), sessions.path());
    assert_eq!(jane.open(&sessions).await.unwrap().url.path(), sessions.path());
}

#[tokio::test]
async fn account_pages_carry_their_headers() {
    let world = World::new().await;
    connected(&world).await;
    let mut browser = world.signed_in("johndoe").await;
    let app = app_page(&mut browser, &world, "A client").await;
    let list = browser.open(&world.at("/account/apps")).await.unwrap();
    let sessions = browser.open(&world.at("/account/sessions")).await.unwrap();
    let nothing = browser.open(&world.at("/account/apps/x")).await.unwrap();
    for page in [&app, &list, &sessions, &nothing] {
        let header = |name: &str| page.headers[name].to_str().unwrap();
        let policy = header("content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self';", "base-uri 'none'"]
        {
            assert!(policy.contains(part), "{part} is not in {policy}");
        }
        assert_eq!((header("x-frame-options"), header("cache-control")), ("DENY", "no-store"));
    }
}

#[tokio::test]
async fn a_cookie_that_was_planted_shows_no_account() {
    let world = World::new().await;
    let planted = "barewire_auth=planted";
    let form = RawForm::get(&world, world.at("/login"), "/login", Some(planted)).await;
    let answer = form.post(&world, &[("username", "johndoe"), ("password", "secret")]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let page = world.http.get(world.at("/account/apps")).header("cookie", planted).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::SEE_OTHER);
    assert_eq!(page.headers()["location"], "/login?account=apps");
}

#[tokio::test]
async fn a_long_list_has_pages() {
    let world = World::new().await;
    let client = world.register().await;
    let mut browser = Browser::new();
    for _ in 0..26 {
        let url = world.authorize_url(&client, CALLBACK, &[]);
        let callback = browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
        world.redeem(&client, &query(&callback)["code"]).await;
        world.advance(1);
    }
    let first = browser.open(&world.at("/account/apps")).await.unwrap();
    let older = first.link("Older").unwrap();
    let second = browser.open(&older).await.unwrap();
    let count = |page: &Page| page.body.matches("<h2>").count();
    assert_eq!((count(&first), count(&second)), (25, 1));
    assert!(second.link("Older").is_none());
    // Whatever somebody makes of the cursor, it is a list of one's own.
    for after in ["", "x", "1.", "99999999999999999999.a", "-1.a", "1.%00"] {
        let mut url = world.at("/account/apps");
        url.query_pairs_mut().append_pair("after", after);
        assert!(browser.open(&url).await.unwrap().status.is_success(), "{after}");
    }
}
