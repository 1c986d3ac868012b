//! `/account/password`, `/account/totp` and the second step of a login.

use barewire_oauth_server::AuthConfig;
use barewire_testkit::{Authenticator, Browser, Page};
use reqwest::StatusCode;

use crate::logs::Log;
use crate::world::{RawForm, WEB_CALLBACK, World, config, has_session, query, set_cookies};

const NEW: &str = "a horse and a battery";

/// Sets an app up in a browser that is signed in: the app, and the recovery codes.
async fn enrol(world: &World, browser: &mut Browser) -> (Authenticator, Vec<String>) {
    let page = browser.open(&world.at("/account/totp")).await.unwrap();
    let page = browser.send(&page, &page.press("begin").fill("current", "secret")).await;
    assert!(
        page.body.contains("<svg class=\"qr\"") && page.body.contains("<path class=\"ink\" d=\"M0 0h1v1h-1z")
    );
    let app = Authenticator::new(&page.select(".key").unwrap());
    let form = page.press("confirm").fill("code", &app.code(world.clock.now(), 0));
    let page = browser.send(&page, &form).await;
    assert_eq!(page.select("h1").unwrap(), "The app is turned on");
    let codes: Vec<_> = page.body.split("<li class=\"code\">").skip(1).collect();
    let codes: Vec<_> = codes.iter().map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (app, codes)
}

/// The page that asks for the code, in a browser that has given name and password.
async fn second_step(world: &World, browser: &mut Browser) -> Page {
    let page = browser.open(&world.at("/login")).await.unwrap();
    let form = page.form_with("password").unwrap().fill("username", "johndoe").fill("password", "secret");
    let page = browser.send(&page, &form).await;
    assert_eq!(page.select("h1").unwrap(), "Second step");
    page
}

async fn give(browser: &mut Browser, page: &Page, code: &str) -> Page {
    browser.send(page, &page.form_with("code").unwrap().fill("code", code)).await
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let world = World::new().await;
    let (mut here, mut there) = (world.signed_in("johndoe").await, world.signed_in("johndoe").await);
    let before = here.cookie(&world.url, "barewire_auth").unwrap().to_owned();
    let page = here.open(&world.at("/account/password")).await.unwrap();
    let form = |current: &str, new: &str| {
        page.form_with("current").unwrap().fill("current", current).fill("new", new)
    };
    for (current, new, status) in [
        ("guess", NEW, 403),
        ("", NEW, 400),
        ("secret", "short", 422),
        ("secret", "johndoe", 422),
        ("secret", &"x".repeat(1025), 422),
    ] {
        assert_eq!(here.send(&page, &form(current, new)).await.status.as_u16(), status, "{new}");
        assert_eq!(there.open(&world.at("/account/security")).await.unwrap().heading(), "How you sign in");
    }
    let after = here.send(&page, &form("secret", NEW)).await;
    assert!(
        after.heading() == "How you sign in" && after.text().contains("Changed just now"),
        "{}",
        after.text()
    );
    // This browser goes on, under a new id; the old one is nobody's.
    assert_ne!(here.cookie(&world.url, "barewire_auth").unwrap(), before);
    assert!(!has_session(&world, &format!("c={before}")).await);
    assert_eq!(there.open(&world.at("/account/security")).await.unwrap().heading(), "Sign in");
    let login = RawForm::get(&world, world.at("/login"), "/login", None).await;
    for (password, status) in [("secret", StatusCode::FORBIDDEN), (NEW, StatusCode::SEE_OTHER)] {
        let answer = login.post(&world, &[("username", "johndoe"), ("password", password)]).await;
        assert_eq!(answer.status(), status, "{password}");
    }
}

#[tokio::test]
async fn what_a_new_password_leaves_is_listed_with_the_way_to_end_it() {
    let world = World::new().await;
    let url = world.authorize_url("web", WEB_CALLBACK, &[]);
    for user in ["johndoe", "janedoe"] {
        let callback = Browser::new().login_and_consent(&url, user, "secret").await.unwrap();
        world.redeem_at("web", &query(&callback)["code"], WEB_CALLBACK).await;
    }
    let mut browser = world.signed_in("johndoe").await;
    let before = browser.open(&world.at("/account/security")).await.unwrap();
    assert!(before.link("The web app").is_none(), "nothing was changed");
    let page = browser.open(&world.at("/account/password")).await.unwrap();
    let form = page.form_with("current").unwrap().fill("current", "secret").fill("new", NEW);
    let after = browser.send(&page, &form).await;
    let app = browser.open(&after.link("The web app").unwrap()).await.unwrap();
    browser.send(&app, &app.press("end")).await;
    let after = browser.open(&world.at("/account/security")).await.unwrap();
    assert!(after.link("The web app").is_none(), "{}", after.text());
}

#[tokio::test]
async fn guesses_at_the_current_password_count_as_logins_do() {
    let world = World::with(AuthConfig { login_free_attempts: 3, ..config() }).await;
    let mut browser = world.signed_in("johndoe").await;
    let password = browser.open(&world.at("/account/password")).await.unwrap();
    let totp = browser.open(&world.at("/account/totp")).await.unwrap();
    let guess = password.form_with("current").unwrap().fill("current", "guess").fill("new", NEW);
    for _ in 0..3 {
        assert_eq!(browser.send(&password, &guess).await.status, StatusCode::FORBIDDEN);
    }
    // Wherever it is asked for: it is one password.
    let right = password.form_with("current").unwrap().fill("current", "secret").fill("new", NEW);
    let late = browser.send(&password, &right).await;
    assert_eq!(
        (late.status, &late.headers["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
    );
    let late = browser.send(&totp, &totp.press("begin").fill("current", "secret")).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
    world.advance(1);
    assert_eq!(browser.send(&password, &right).await.heading(), "How you sign in");
}

#[tokio::test]
async fn with_an_app_the_password_is_half_of_a_login() {
    let world = World::new().await;
    let mut owner = world.signed_in("johndoe").await;
    let (app, _) = enrol(&world, &mut owner).await;
    world.advance(30);
    let url = world.authorize_url("web", WEB_CALLBACK, &[]);
    let mut browser = Browser::new();
    let login = browser.open(&url).await.unwrap();
    let form = login.form_with("password").unwrap().fill("username", "johndoe").fill("password", "secret");
    let page = browser.send(&login, &form).await;
    assert_eq!(page.heading(), "Second step");
    assert_eq!(browser.open(&world.at("/account/apps")).await.unwrap().heading(), "Sign in", "not yet");
    let wrong = give(&mut browser, &page, "000000").await;
    assert_eq!((wrong.status, wrong.heading()), (StatusCode::FORBIDDEN, "Second step".to_owned()));
    // The request that the login is for goes on.
    let consent = give(&mut browser, &wrong, &app.code(world.clock.now(), 0)).await;
    assert_eq!(consent.url.path(), "/consent");
    let callback = browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
    assert!(query(&callback).contains_key("code"));
    // Who has none is not asked.
    world.signed_in("janedoe").await;
}

#[tokio::test]
async fn a_code_is_good_once_and_near_its_time() {
    let world = World::new().await;
    let mut owner = world.signed_in("johndoe").await;
    let (app, _) = enrol(&world, &mut owner).await;
    let mut browser = Browser::new();
    let page = second_step(&world, &mut browser).await;
    let used = app.code(world.clock.now(), 0);
    assert_eq!(give(&mut browser, &page, &used).await.status, StatusCode::FORBIDDEN, "it set the app up");
    world.advance(60);
    for offset in [-2, 2] {
        let late = app.code(world.clock.now(), offset);
        assert_eq!(give(&mut browser, &page, &late).await.status, StatusCode::FORBIDDEN, "{offset}");
    }
    let next = app.code(world.clock.now(), 1);
    assert_eq!(give(&mut browser, &page, &next).await.heading(), "You are signed in");
    // The same code, the one before it, and the next.
    let mut other = Browser::new();
    let page = second_step(&world, &mut other).await;
    for offset in [1, 0, -1] {
        let seen = app.code(world.clock.now(), offset);
        assert_eq!(give(&mut other, &page, &seen).await.status, StatusCode::FORBIDDEN, "{offset}");
    }
    world.advance(3600);
    let page = second_step(&world, &mut other).await;
    assert_eq!(give(&mut other, &page, &app.code(world.clock.now(), 0)).await.heading(), "You are signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_bring_the_same_code_one_gets_in() {
    let world = World::new().await;
    let mut owner = world.signed_in("johndoe").await;
    let (app, _) = enrol(&world, &mut owner).await;
    world.advance(30);
    let mut pages = Vec::new();
    for _ in 0..4 {
        let mut browser = Browser::new();
        let page = second_step(&world, &mut browser).await;
        pages.push((browser, page));
    }
    let code = app.code(world.clock.now(), 0);
    let all = pages.iter_mut().map(|(browser, page)| give(browser, page, &code));
    let answers = futures_util::future::join_all(all).await;
    let in_now = answers.iter().filter(|page| page.heading() == "You are signed in").count();
    assert_eq!(in_now, 1);
}

#[tokio::test]
async fn guesses_at_the_code_are_slowed_down_wherever_they_come_from() {
    let settings = AuthConfig {
        login_free_attempts: 3,
        client_address_header: Some("x-forwarded-for".into()),
        ..config()
    };
    let world = World::with(settings).await;
    let mut owner = world.signed_in("johndoe").await;
    let (app, recovery) = enrol(&world, &mut owner).await;
    world.advance(30);
    // Whoever guesses has the password, and as many addresses as he likes.
    let good = [("username", "johndoe"), ("password", "secret")];
    let guess = async |code: &str, address: &str| {
        let login = RawForm::get(&world, world.at("/login"), "/login", None).await;
        let answer = login.post_from(&world, &good, Some(address)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.text().await.unwrap();
        let value = |name: &str| {
            let rest = body.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let step =
            RawForm { action: world.at("/login/code"), cookie: login.cookie.clone(), csrf: value("csrf") };
        let half = value("half");
        step.post_from(&world, &[("half", &half), ("code", code)], Some(address)).await
    };
    for address in ["192.0.2.1", "192.0.2.2", "2001:db8::3"] {
        assert_eq!(guess("000000", address).await.status(), StatusCode::FORBIDDEN, "{address}");
    }
    let right = app.code(world.clock.now(), 0);
    let late = guess(&right, "192.0.2.4").await;
    assert_eq!(
        (late.status(), &late.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
    );
    // What was not looked at was not used up; and the owner has another way in meanwhile.
    assert_eq!(guess(&recovery[0], "192.0.2.5").await.status(), StatusCode::SEE_OTHER);
    world.advance(1);
    assert_eq!(guess(&right, "192.0.2.4").await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_recovery_code_is_good_once_and_new_ones_replace_the_old() {
    let world = World::new().await;
    let mut owner = world.signed_in("johndoe").await;
    let (_, codes) = enrol(&world, &mut owner).await;
    let enter = async |code: &str| {
        let mut browser = Browser::new();
        let page = second_step(&world, &mut browser).await;
        give(&mut browser, &page, code).await.status
    };
    assert_eq!(enter(&codes[0].to_uppercase().replace('-', " ")).await, StatusCode::OK);
    assert_eq!(enter(&codes[0]).await, StatusCode::FORBIDDEN);
    let page = owner.open(&world.at("/account/security")).await.unwrap();
    assert!(page.text().contains("9 recovery codes left"), "{}", page.text());
    let page = owner.open(&world.at("/account/totp")).await.unwrap();
    assert!(!page.body.contains(&codes[1]), "they are shown once");
    let fresh = owner.send(&page, &page.press("codes").fill("current", "secret")).await;
    assert_eq!(fresh.heading(), "New recovery codes");
    let new = fresh.body.split("<li class=\"code\">").nth(1).unwrap().split('<').next().unwrap();
    assert_eq!(enter(&codes[1]).await, StatusCode::FORBIDDEN);
    assert_eq!(enter(new).await, StatusCode::OK);
}

#[tokio::test]
async fn the_use_of_a_recovery_code_is_recorded_as_one() {
    let world = World::new().await;
    let mut owner = world.signed_in("johndoe").await;
    let (app, codes) = enrol(&world, &mut owner).await;
    world.advance(30);
    for code in ["000000", &app.code(world.clock.now(), 0), &codes[0], &codes[0]] {
        let mut browser = Browser::new();
        let page = second_step(&world, &mut browser).await;
        give(&mut browser, &page, code).await;
    }
    assert_eq!(
        world.witness.at("/login/code"),
        ["wrong_code", "second_factor", "recovery_code", "wrong_code"]
    );
}

#[tokio::test]
async fn an_app_is_set_up_and_removed_by_who_knows_the_password() {
    let world = World::new().await;
    let mut browser = world.signed_in("johndoe").await;
    let totp = world.at("/account/totp");
    let page = browser.open(&totp).await.unwrap();
    assert_eq!(
        browser.send(&page, &page.press("begin").fill("current", "guess")).await.status,
        StatusCode::FORBIDDEN
    );
    let set_up = browser.send(&page, &page.press("begin").fill("current", "secret")).await;
    let key = set_up.select(".key").unwrap();
    // One that is not confirmed is asked for nowhere, and shown to nobody else.
    world.signed_in("johndoe").await;
    assert!(!browser.open(&totp).await.unwrap().body.contains(&key));
    let wrong = set_up.press("confirm").fill("code", "123456");
    let again = browser.send(&set_up, &wrong).await;
    assert_eq!((again.status, again.select(".key").unwrap()), (StatusCode::FORBIDDEN, key));
    let (_, codes) = enrol(&world, &mut browser).await;
    // A form from before: there is one by now.
    let late = browser.send(&page, &page.press("begin").fill("current", "secret")).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let on = browser.open(&totp).await.unwrap();
    assert_eq!(
        browser.send(&on, &on.press("remove").fill("current", "guess")).await.status,
        StatusCode::FORBIDDEN
    );
    second_step(&world, &mut Browser::new()).await;
    let off = browser.send(&on, &on.press("remove").fill("current", "secret")).await;
    assert_eq!(off.heading(), "The authenticator app is turned off");
    world.signed_in("johndoe").await;
    // Its recovery codes went with it.
    enrol(&world, &mut browser).await;
    let mut other = Browser::new();
    let page = second_step(&world, &mut other).await;
    assert_eq!(give(&mut other, &page, &codes[0]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_app_that_was_begun_and_left_is_confirmed_by_nobody_else() {
    let settings = AuthConfig { login_free_attempts: 3, ..config() };
    let ttl = settings.second_factor_ttl.as_secs();
    let world = World::with(settings).await;
    let mut browser = world.signed_in("johndoe").await;
    let totp = world.at("/account/totp");
    let page = browser.open(&totp).await.unwrap();
    let set_up = browser.send(&page, &page.press("begin").fill("current", "secret")).await;
    let key = set_up.select(".key").unwrap();
    let app = Authenticator::new(&key);
    let confirm = |token: &str, code: &str| {
        let form = set_up.press("confirm").fill("code", code);
        if token == "its own" { form } else { form.fill("set_up", token) }
    };
    // Whoever comes to the browser later has the session and its forms, and not what the page of the secret had.
    let other = world.signed_in("johndoe").await.open(&totp).await.unwrap();
    assert!(!other.body.contains("set_up"));
    let own = set_up.form_with("code").unwrap();
    let token = own.fields.iter().find(|(name, _)| name == "set_up").unwrap().1.clone();
    for bad in ["", "x", &token[1..], &"A".repeat(2000)] {
        for code in ["000000", &app.code(world.clock.now(), 0)] {
            let answer = browser.send(&set_up, &confirm(bad, code)).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{bad}");
            assert!(!answer.body.contains(&key) && !answer.body.contains("class=\"qr\""), "{}", answer.body);
            assert!(answer.body.contains("value=\"begin\""), "it begins anew, with the password");
        }
    }
    assert_eq!(world.witness.at("/account/totp"), ["not_begun_here"; 8]);
    // Nor in another browser of the same user.
    let mut second = world.signed_in("johndoe").await;
    let theirs = second.open(&totp).await.unwrap();
    let mut carried = theirs.press("begin");
    carried.fields.retain(|(name, _)| name == "csrf");
    for (name, value) in
        [("action", "confirm"), ("set_up", &token), ("code", &app.code(world.clock.now(), 0))]
    {
        carried.fields.push((name.to_owned(), value.to_owned()));
    }
    let answer = second.send(&theirs, &carried).await;
    assert!(answer.status == StatusCode::FORBIDDEN && !answer.body.contains(&key), "{}", answer.body);
    // Wrong codes are slowed down.
    for _ in 0..3 {
        let answer = browser.send(&set_up, &confirm("its own", "000000")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let right = confirm("its own", &app.code(world.clock.now(), 0));
    assert_eq!(browser.send(&set_up, &right).await.status, StatusCode::TOO_MANY_REQUESTS);
    // Another secret has taken its place; and a page lasts for a while.
    let anew = browser.send(&page, &page.press("begin").fill("current", "secret")).await;
    assert_eq!(browser.send(&set_up, &right).await.status, StatusCode::FORBIDDEN);
    world.advance(ttl);
    let key = anew.select(".key").unwrap();
    let app = Authenticator::new(&key);
    let late = anew.press("confirm").fill("code", &app.code(world.clock.now(), 0));
    let answer = browser.send(&anew, &late).await;
    assert!(answer.status == StatusCode::FORBIDDEN && !answer.body.contains(&key), "{}", answer.body);
    world.signed_in("johndoe").await;
}

#[tokio::test]
async fn a_wrong_password_says_nothing_of_the_second_step() {
    let world = World::new().await;
    let mut owner = world.signed_in("johndoe").await;
    enrol(&world, &mut owner).await;
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let mut answers = Vec::new();
    for user in ["johndoe", "janedoe", "nobody"] {
        let answer = form.post(&world, &[("username", user), ("password", "guess")]).await;
        let (status, cookies) = (answer.status(), set_cookies(&answer));
        answers.push((status, cookies, answer.text().await.unwrap().replace(user, "?")));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn a_wrong_password_costs_the_same_work_whoever_it_is_for() {
    let (log, _guard) = Log::keep();
    let world = World::new().await;
    let mut owner = world.signed_in("johndoe").await;
    enrol(&world, &mut owner).await;
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let hashed = || log.text().matches("a password is hashed").count();
    // One that has an app, one that has none, one that is not there: counted, because a clock tells less.
    for user in ["johndoe", "janedoe", "nobody"] {
        let before = hashed();
        let answer = form.post(&world, &[("username", user), ("password", "guess")]).await;
        assert_eq!((answer.status(), hashed() - before), (StatusCode::FORBIDDEN, 1), "{user}");
    }
}

#[tokio::test]
async fn what_people_prove_themselves_with_is_not_logged() {
    let (log, _guard) = Log::keep();
    let world = World::new().await;
    let mut owner = world.signed_in("johndoe").await;
    let (app, codes) = enrol(&world, &mut owner).await;
    world.advance(30);
    let mut browser = Browser::new();
    let page = second_step(&world, &mut browser).await;
    let half =
        page.form_with("half").unwrap().fields.iter().find(|(name, _)| name == "half").unwrap().1.clone();
    for code in ["000000", codes[1].as_str(), &app.code(world.clock.now(), 0)] {
        give(&mut browser, &page, code).await;
    }
    let form = owner.open(&world.at("/account/password")).await.unwrap();
    let change = form.form_with("current").unwrap().fill("current", "secret").fill("new", NEW);
    owner.send(&form, &change).await;
    let text = log.text();
    let secrets = [NEW, &half, &codes[0], &codes[1], &app.key];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in the log:\n{text}");
    }
}

#[tokio::test]
async fn half_a_login_is_for_its_browser_its_password_and_its_time() {
    let world = World::new().await;
    let mut owner = world.signed_in("johndoe").await;
    let (app, _) = enrol(&world, &mut owner).await;
    world.advance(30);
    let mut browser = Browser::new();
    let page = second_step(&world, &mut browser).await;
    let half = |page: &Page| {
        let form = page.form_with("half").unwrap();
        form.fields.iter().find(|(name, _)| name == "half").unwrap().1.clone()
    };
    // Another browser, with a form of its own.
    let mut thief = Browser::new();
    let own = second_step(&world, &mut thief).await;
    let stolen = own
        .form_with("half")
        .unwrap()
        .fill("half", &half(&page))
        .fill("code", &app.code(world.clock.now(), 0));
    assert_eq!(thief.send(&own, &stolen).await.heading(), "Sign in");
    // Altered, cut, long.
    let token = half(&page);
    for bad in ["", "x", &token[1..], &format!("{token}AAAA"), &"A".repeat(2000)] {
        let form =
            page.form_with("half").unwrap().fill("half", bad).fill("code", &app.code(world.clock.now(), 0));
        assert_eq!(browser.send(&page, &form).await.heading(), "Sign in", "{bad}");
    }
    // The password was changed meanwhile.
    let form = owner.open(&world.at("/account/password")).await.unwrap();
    let change = form.form_with("current").unwrap().fill("current", "secret").fill("new", NEW);
    owner.send(&form, &change).await;
    assert_eq!(give(&mut browser, &page, &app.code(world.clock.now(), 0)).await.heading(), "Sign in");
    // Or it took too long.
    let change = async |owner: &mut Browser, from: &str, to: &str| {
        let form = owner.open(&world.at("/account/password")).await.unwrap();
        let change = form.form_with("current").unwrap().fill("current", from).fill("new", to);
        assert_eq!(owner.send(&form, &change).await.heading(), "How you sign in");
    };
    change(&mut owner, NEW, "another battery").await;
    let login = browser.open(&world.at("/login")).await.unwrap();
    let form = login.form_with("password").unwrap();
    let form = form.fill("username", "johndoe").fill("password", "another battery");
    let page = browser.send(&login, &form).await;
    world.advance(config().second_factor_ttl.as_secs());
    assert_eq!(give(&mut browser, &page, &app.code(world.clock.now(), 0)).await.heading(), "Sign in");
}

#[tokio::test]
async fn the_second_step_gives_the_browser_a_new_session_id() {
    let world = World::new().await;
    let mut owner = world.signed_in("johndoe").await;
    let (_, codes) = enrol(&world, &mut owner).await;
    let planted = "barewire_auth=planted";
    let login = RawForm::get(&world, world.at("/login"), "/login", Some(planted)).await;
    let answer = login.post(&world, &[("username", "johndoe"), ("password", "secret")]).await;
    assert!(set_cookies(&answer).is_empty() && !has_session(&world, planted).await);
    let body = answer.text().await.unwrap();
    let value = |name: &str| {
        let rest = body.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let step = RawForm { action: world.at("/login/code"), cookie: planted.to_owned(), csrf: value("csrf") };
    let answer = step.post(&world, &[("half", &value("half")), ("code", &codes[0])]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let fresh = set_cookies(&answer)[0].clone();
    assert!(has_session(&world, &fresh).await && !has_session(&world, planted).await);
}

#[tokio::test]
async fn no_other_site_changes_how_somebody_signs_in() {
    let world = World::new().await;
    let mut browser = world.signed_in("johndoe").await;
    let (_, codes) = enrol(&world, &mut browser).await;
    let mut other = Browser::new();
    let step = second_step(&world, &mut other).await;
    let password = browser.open(&world.at("/account/password")).await.unwrap();
    let totp = browser.open(&world.at("/account/totp")).await.unwrap();
    let strangers = world.signed_in("janedoe").await.open(&world.at("/account/totp")).await.unwrap();
    let strangers_token = strangers.forms()[0].fields[0].1.clone();
    let forms = [
        (&password, password.form_with("current").unwrap().fill("current", "secret").fill("new", NEW)),
        (&totp, totp.press("codes").fill("current", "secret")),
        (&totp, totp.press("remove").fill("current", "secret")),
        (&step, step.form_with("code").unwrap().fill("code", &codes[0])),
    ];
    for (page, form) in forms {
        for token in ["", "x", strangers_token.as_str()] {
            let browser = if form.action.path() == "/login/code" { &mut other } else { &mut browser };
            let forged = form.clone().fill("csrf", token);
            let answer = browser.send(page, &forged).await;
            assert_eq!(
                (answer.status, answer.heading().as_str()),
                (StatusCode::FORBIDDEN, "This form is no longer good")
            );
        }
        for part in ["frame-ancestors 'none'", "default-src 'none'"] {
            assert!(page.headers["content-security-policy"].to_str().unwrap().contains(part));
        }
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    assert_eq!(
        give(&mut other, &step, &codes[0]).await.heading(),
        "You are signed in",
        "nothing was changed"
    );
}
