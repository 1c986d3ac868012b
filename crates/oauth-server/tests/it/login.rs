//! `/login`: passwords, sessions, and who may send the form.

use barewire_oauth_server::AuthConfig;
use barewire_testkit::Browser;
use reqwest::StatusCode;

use crate::world::{CALLBACK, RawForm, WEB_CALLBACK, World, config, has_session, query, set_cookies};

const GOOD: &[(&str, &str)] = &[("username", "johndoe"), ("password", "secret")];

#[tokio::test]
async fn wrong_passwords_and_unknown_users_look_alike() {
    let world = World::new().await;
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let mut answers = Vec::new();
    for (user, password) in [("johndoe", "wrong"), ("nobody", "secret"), ("JOHNDOE", "secret")] {
        let answer = form.post(&world, &[("username", user), ("password", password)]).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(answer.headers().get("location").is_none());
        answers.push(answer.text().await.unwrap().replace(user, "?"));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert!(answers[0].contains("do not belong together"));
    let answer = form.post(&world, &[("username", "johndoe")]).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_form_is_refused_without_its_token() {
    let world = World::new().await;
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let other = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let foreign_token =
        RawForm { csrf: other.csrf.clone(), action: form.action.clone(), cookie: form.cookie.clone() };
    let no_cookie = RawForm { cookie: String::new(), csrf: form.csrf.clone(), action: form.action.clone() };
    let no_token = RawForm { csrf: String::new(), cookie: form.cookie.clone(), action: form.action.clone() };
    for bad in [foreign_token, no_cookie, no_token] {
        let answer = bad.post(&world, GOOD).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(set_cookies(&answer).is_empty());
    }
    // Sent by another site: a browser says so, whatever token it carries.
    let cross_site = world.http.post(form.action.clone()).header("cookie", &form.cookie);
    let fields = [("csrf", form.csrf.as_str()), GOOD[0], GOOD[1]];
    let answer = cross_site.header("sec-fetch-site", "cross-site").form(&fields).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(form.post(&world, GOOD).await.status(), StatusCode::SEE_OTHER);
}

/// Ports of one machine share cookies: whoever plants one knows the token of the form.
#[tokio::test]
async fn a_page_at_another_port_logs_nobody_in_with_a_cookie_that_it_has_planted() {
    let world = World::new().await;
    let form = RawForm::get(&world, world.at("/login"), "/login", Some("barewire_auth=planted")).await;
    let fields = [("csrf", form.csrf.as_str()), GOOD[0], GOOD[1]];
    for (header, value) in [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "http://localhost:1"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ] {
        let request = world.http.post(form.action.clone()).header("cookie", "barewire_auth=planted");
        let answer = request.header(header, value).form(&fields).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{header}: {value}");
        assert!(set_cookies(&answer).is_empty());
    }
    let own = world.http.post(form.action.clone()).header("cookie", "barewire_auth=planted");
    let own = own.header("origin", "null").header("sec-fetch-site", "same-origin");
    assert_eq!(own.form(&fields).send().await.unwrap().status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_login_gives_the_browser_a_new_session_id() {
    let world = World::new().await;
    // An attacker planted a cookie that he knows.
    let planted = "barewire_auth=planted";
    let form = RawForm::get(&world, world.at("/login"), "/login", Some(planted)).await;
    let answer = form.post(&world, GOOD).await;
    let first = set_cookies(&answer)[0].clone();
    assert_ne!(first, planted);
    assert!(has_session(&world, &first).await);
    assert!(!has_session(&world, planted).await);
    // A second login in the same browser ends the first session.
    let url = world.authorize_url("web", WEB_CALLBACK, &[("prompt", "login")]);
    let mut again = url.clone();
    again.set_path("/login");
    let form = RawForm::get(&world, again, "/login", Some(&first)).await;
    let second = set_cookies(&form.post(&world, GOOD).await)[0].clone();
    assert_ne!(first, second);
    assert!(has_session(&world, &second).await);
    assert!(!has_session(&world, &first).await);
}

#[tokio::test]
async fn cookies_are_kept_from_scripts_and_other_sites() {
    let world = World::new().await;
    let answer = world.http.get(world.at("/login")).send().await.unwrap();
    let line = answer.headers()["set-cookie"].to_str().unwrap();
    for part in ["barewire_auth=", "Path=/", "HttpOnly", "SameSite=Lax"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains("Domain"));
}

#[tokio::test]
async fn a_session_ends_in_time_and_by_signing_out() {
    let world = World::new().await;
    let mut browser = Browser::new();
    let url = world.authorize_url("web", WEB_CALLBACK, &[]);
    browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
    assert_eq!(browser.open(&world.at("/login")).await.unwrap().select("h1").unwrap(), "You are signed in");
    world.advance(config().session_ttl.as_secs());
    assert_eq!(browser.open(&world.at("/login")).await.unwrap().select("h1").unwrap(), "Sign in");

    browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let page = browser.open(&world.at("/login")).await.unwrap();
    let form = page.forms().remove(0);
    browser.submit(&page, &form, None).await.unwrap();
    assert_eq!(browser.open(&world.at("/login")).await.unwrap().select("h1").unwrap(), "Sign in");
}

#[tokio::test]
async fn another_account_can_be_used_from_the_consent_page() {
    let world = World::new().await;
    let client = world.register().await;
    let url = world.authorize_url(&client, CALLBACK, &[]);
    let mut browser = Browser::new();
    browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let page = browser.open(&url).await.unwrap();
    assert!(page.text().contains("johndoe"));
    let form = page.forms().into_iter().find(|form| form.action.path() == "/logout").unwrap();
    browser.submit(&page, &form, None).await.unwrap();
    let callback = browser.login_and_consent(&url, "janedoe", "secret").await.unwrap();
    let (_, answer) = world.redeem(&client, &query(&callback)["code"]).await;
    let resource = [barewire_oauth::resource::Resource::parse("https://rs.example/mcp").unwrap()];
    let token = answer["access_token"].as_str().unwrap();
    let claims = world.server.access_tokens().verify(token, &resource, world.clock.now()).unwrap();
    assert_eq!(claims.sub, "janedoe");
}

#[tokio::test]
async fn guesses_are_slowed_down_and_the_owner_is_not_locked_out() {
    let settings = AuthConfig {
        login_free_attempts: 3,
        client_address_header: Some("x-forwarded-for".into()),
        ..config()
    };
    let world = World::with(settings).await;
    let (attacker, elsewhere) = (Some("6.6.6.6, 192.0.2.66"), Some("192.0.2.1"));
    let fresh = || RawForm::get(&world, world.at("/login"), "/login", None);

    // The owner has logged in once from the attacker's network: shared egress.
    let form = fresh().await;
    let known = set_cookies(&form.post_from(&world, GOOD, attacker).await);
    let known_browser = known.iter().find(|cookie| cookie.starts_with("barewire_known")).unwrap();

    for _ in 0..3 {
        let answer = fresh().await.post_from(&world, &[GOOD[0], ("password", "guess")], attacker).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
    for guess in ["guess", "secret"] {
        let answer = fresh().await.post_from(&world, &[GOOD[0], ("password", guess)], attacker).await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers()["retry-after"], "1");
    }
    // A forged first hop does not make the attacker somebody else.
    let answer = fresh().await.post_from(&world, GOOD, Some("192.0.2.9, 192.0.2.66")).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    // Another account, another place, and the owner's own browser are not slowed down.
    let jane = fresh().await.post_from(&world, &[("username", "janedoe"), GOOD[1]], attacker).await;
    assert_eq!(jane.status(), StatusCode::SEE_OTHER);
    assert_eq!(fresh().await.post_from(&world, GOOD, elsewhere).await.status(), StatusCode::SEE_OTHER);
    let mut form = fresh().await;
    form.cookie = format!("{}; {known_browser}", form.cookie);
    assert_eq!(form.post_from(&world, GOOD, attacker).await.status(), StatusCode::SEE_OTHER);
    // And after the wait the attacker's place has one try again.
    world.advance(1);
    assert_eq!(fresh().await.post_from(&world, GOOD, attacker).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn strange_names_and_passwords_are_just_wrong() {
    let world = World::new().await;
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let (long_name, long_password) = ("j".repeat(300), "s".repeat(2000));
    for (username, password, expected) in [
        ("johndoe\0", "secret", 403),
        ("johndoe ", "secret", 403),
        (" johndoe", "secret", 403),
        ("johndoe", "secret\0", 403),
        ("johndoe", "secret ", 403),
        ("ｊohndoe", "secret", 403),
        ("johndoe\u{200B}", "secret", 403),
        ("' OR 1=1 --", "secret", 403),
        ("johndoe'/*", "secret", 403),
        ("%", "%", 403),
        (&long_name, "secret", 403),
        ("janedoe", &long_password, 403),
        ("", "secret", 400),
        ("johndoe", "", 400),
    ] {
        let answer = form.post(&world, &[("username", username), ("password", password)]).await;
        assert_eq!(answer.status().as_u16(), expected, "{username:?} {password:?}");
        assert!(set_cookies(&answer).is_empty());
    }
    // A field that is there twice is not there; bytes that are no text are a wrong password.
    for (body, expected) in [
        ("username=johndoe&username=johndoe&password=secret", 400),
        ("username=janedoe&password=secret&password=secret", 400),
        ("username=janedoe&password=%ff%fe", 403),
        ("username=%ff&password=secret", 403),
        (&format!("username=janedoe&password=secret&csrf={}", form.csrf), 403),
        (&format!("username=janedoe&password=secret&x={}", "x".repeat(70_000)), 403),
    ] {
        let request = world.http.post(form.action.clone()).header("cookie", &form.cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(format!("csrf={}&{body}", form.csrf)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{}", &body[..body.len().min(80)]);
        assert!(set_cookies(&answer).is_empty());
    }
    assert_eq!(form.post(&world, GOOD).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nobody_is_signed_out_by_another_site() {
    let world = World::new().await;
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let cookie = set_cookies(&form.post(&world, GOOD).await)[0].clone();
    let logout = RawForm::get(&world, world.at("/login"), "/logout", Some(&cookie)).await;
    let get = world.http.get(world.at("/logout")).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
    for csrf in ["", "x", &form.csrf] {
        let forged = RawForm { csrf: csrf.to_owned(), cookie: cookie.clone(), action: logout.action.clone() };
        assert_eq!(forged.post(&world, &[]).await.status(), StatusCode::FORBIDDEN, "{csrf}");
    }
    assert!(has_session(&world, &cookie).await);
    assert_eq!(logout.post(&world, &[]).await.status(), StatusCode::SEE_OTHER);
    assert!(!has_session(&world, &cookie).await);
}

#[tokio::test]
async fn a_login_leads_on_only_within_this_server() {
    let world = World::new().await;
    // Without a request it leads to the login page; whatever else stands in the query, there is no such request.
    for query in
        ["next=https://evil.example", "return_to=//evil.example", "redirect_uri=https://evil.example"]
    {
        let mut url = world.at("/login");
        url.set_query(Some(query));
        let answer = world.http.get(url).send().await.unwrap();
        assert_eq!(
            (answer.status(), answer.headers().get("location")),
            (StatusCode::BAD_REQUEST, None),
            "{query}"
        );
    }
    let mut url = world.authorize_url("web", WEB_CALLBACK, &[("+next", "https://evil.example")]);
    url.set_path("/login");
    let form = RawForm::get(&world, url, "/login", None).await;
    let answer = form.post(&world, GOOD).await;
    assert!(answer.headers()["location"].to_str().unwrap().starts_with("/authorize?"));
}

#[tokio::test]
async fn behind_https_cookies_are_bound_to_this_very_host() {
    let world = World::known_as("https://as.example").await;
    let login = world.http.get(world.at("/login")).send().await.unwrap();
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let signed_in = form.post(&world, GOOD).await;
    let lines = login.headers().get_all("set-cookie").iter().chain(signed_in.headers().get_all("set-cookie"));
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap().to_owned()).collect();
    assert_eq!(lines.len(), 3, "before the login, after it, and the mark of a known browser: {lines:?}");
    for line in lines {
        assert!(line.starts_with("__Host-barewire_"), "{line}");
        for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
            assert!(line.contains(part), "{line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
    // The name without the prefix, which another host of the domain could set, counts for nothing.
    let cookie = set_cookies(&signed_in)[0].replace("__Host-", "");
    let page = world.http.get(world.at("/login")).header("cookie", cookie).send().await.unwrap();
    assert!(!page.text().await.unwrap().contains("You are signed in"));
}
