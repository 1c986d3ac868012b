//! Devices without a browser (RFC 8628).

use barewire_oauth::bearer::BearerError;
use barewire_oauth_server::AuthConfig;
use barewire_testkit::{Browser, Holder, Page};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::signing::{ASSERTION_TYPE, SigningKey};
use crate::world::{RawForm, Tokens, World, config, documented, set_cookies};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn device_client(world: &World) -> String {
    let metadata = json!({ "client_name": "A terminal", "grant_types": [DEVICE_CODE, "refresh_token"], "redirect_uris": [] });
    world.register_with(metadata).await["client_id"].as_str().unwrap().to_owned()
}

async fn begin(world: &World, form: &[(&str, &str)]) -> (StatusCode, Value) {
    let answer = world.http.post(world.at("/device_authorization")).form(form).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    (answer.status(), answer.json().await.unwrap())
}

struct Device {
    client: String,
    device_code: String,
    user_code: String,
}

async fn waiting(world: &World, client: &str) -> Device {
    let (status, answer) =
        begin(world, &[("client_id", client), ("resource", "https://rs.example/mcp")]).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let field = |name: &str| answer[name].as_str().unwrap().to_owned();
    Device { client: client.to_owned(), device_code: field("device_code"), user_code: field("user_code") }
}

impl Device {
    async fn ask(&self, world: &World) -> (StatusCode, Value) {
        let form =
            [("grant_type", DEVICE_CODE), ("device_code", &self.device_code), ("client_id", &self.client)];
        world.token(&form).await
    }

    async fn error(&self, world: &World) -> String {
        let (status, answer) = self.ask(world).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        answer["error"].as_str().unwrap().to_owned()
    }
}

/// A browser in which johndoe is logged in.
async fn browser(world: &World) -> Browser {
    let mut browser = Browser::new();
    let page = browser.open(&world.at("/device")).await.unwrap();
    log_in(&mut browser, &page).await;
    browser
}

async fn log_in(browser: &mut Browser, page: &Page) -> Page {
    log_in_as(browser, page, "johndoe").await
}

async fn log_in_as(browser: &mut Browser, page: &Page, user: &str) -> Page {
    let form =
        page.form_with("password").expect("a login form").fill("username", user).fill("password", "secret");
    browser.send(page, &form).await
}

/// Types a code on the page.
async fn type_code(browser: &mut Browser, page: &Page, code: &str) -> Page {
    let form = page.form_with("user_code").expect("the form").fill("user_code", code);
    browser.send(page, &form).await
}

async fn decide(browser: &mut Browser, page: &Page, decision: &str) -> Page {
    let form = page.form_with("decision").expect("the form").press(&[decision]).expect("the button");
    browser.send(page, &form).await
}

#[tokio::test]
async fn a_device_gets_tokens_once_its_user_has_allowed_it() {
    let mut world = World::new().await;
    let client = device_client(&world).await;
    let (_, answer) = begin(&world, &[("client_id", &client), ("scope", "posts:read posts:write")]).await;
    let issuer = world.server.issuer().to_owned();
    let user_code = answer["user_code"].as_str().unwrap();
    assert_eq!(answer["verification_uri"], format!("{issuer}/device"));
    assert_eq!(answer["verification_uri_complete"], format!("{issuer}/device?user_code={user_code}"));
    assert_eq!((&answer["expires_in"], &answer["interval"]), (&json!(600), &json!(5)));
    let device_code = answer["device_code"].as_str().unwrap().to_owned();
    let device = Device { client, device_code, user_code: user_code.to_owned() };
    assert_eq!(device.error(&world).await, "authorization_pending");

    // By the link, through the login, to the form with the code in it.
    let mut browser = Browser::new();
    let link = answer["verification_uri_complete"].as_str().unwrap().parse().unwrap();
    let login = browser.open(&link).await.unwrap();
    let page = log_in(&mut browser, &login).await;
    assert!(page.body.contains(&format!("value=\"{user_code}\"")), "{}", page.body);
    let page = type_code(&mut browser, &page, &user_code.to_lowercase().replace('-', " ")).await;
    let text = page.text();
    for part in ["A terminal", user_code, "johndoe", "Read your posts", "Write posts as you", "in your hands"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // The state survives a restart at any moment.
    world = world.restarted(config()).await;
    let done = decide(&mut browser, &page, "allow").await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    world = world.restarted(config()).await;
    let (status, answer) = device.ask(&world).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["scope"], "posts:read posts:write");
    let tokens = Tokens::read(&answer);
    assert_eq!(world.verify(&tokens.access), Ok(()));
    assert_eq!(world.refresh(&device.client, &tokens.refresh).await.0, StatusCode::OK);
    let revoke = [("token", tokens.refresh.as_str()), ("client_id", device.client.as_str())];
    world.http.post(world.at("/revoke")).form(&revoke).send().await.unwrap();
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
}

#[tokio::test]
async fn a_device_that_is_denied_or_too_late_gets_nothing() {
    let world = World::new().await;
    let client = device_client(&world).await;
    let mut browser = browser(&world).await;
    let (denied, late) = (waiting(&world, &client).await, waiting(&world, &client).await);
    let page = browser.open(&world.at("/device")).await.unwrap();
    let page = type_code(&mut browser, &page, &denied.user_code).await;
    decide(&mut browser, &page, "deny").await;
    assert_eq!(denied.error(&world).await, "access_denied");
    // The question was asked in time, the answer came late.
    let page = browser.open(&world.at("/device")).await.unwrap();
    let page = type_code(&mut browser, &page, &late.user_code).await;
    world.advance(600);
    let done = decide(&mut browser, &page, "allow").await;
    assert_eq!(done.status, StatusCode::CONFLICT);
    assert_eq!(late.error(&world).await, "expired_token");
    let page = browser.open(&world.at("/device")).await.unwrap();
    let page = type_code(&mut browser, &page, &late.user_code).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.text().contains("No device waits with this code"), "{}", page.text());
}

#[tokio::test]
async fn who_asks_too_often_is_told_to_slow_down() {
    let world = World::new().await;
    let device = waiting(&world, &device_client(&world).await).await;
    for (wait, expected) in [
        (0, "authorization_pending"),
        (5, "authorization_pending"),
        (1, "slow_down"),
        // Ten seconds from now on.
        (5, "slow_down"),
        // Fifteen.
        (15, "authorization_pending"),
    ] {
        world.advance(wait);
        assert_eq!(device.error(&world).await, expected, "after {wait}");
    }
}

#[tokio::test]
async fn of_twenty_that_ask_at_once_one_gets_the_tokens() {
    let world = World::new().await;
    let device = waiting(&world, &device_client(&world).await).await;
    let mut browser = browser(&world).await;
    let page = browser.open(&world.at("/device")).await.unwrap();
    let page = type_code(&mut browser, &page, &device.user_code).await;
    decide(&mut browser, &page, "allow").await;
    let answers = join_all((0..20).map(|_| device.ask(&world))).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == StatusCode::OK).count(), 1);
    assert_eq!(answers.iter().filter(|(_, answer)| answer["error"] == "invalid_grant").count(), 19);
    assert_eq!(device.error(&world).await, "invalid_grant");
}

#[tokio::test]
async fn a_device_code_is_for_the_client_that_asked() {
    let world = World::new().await;
    let device = waiting(&world, &device_client(&world).await).await;
    let thief = Device { client: "web".to_owned(), ..waiting(&world, &device.client).await };
    assert_eq!(thief.error(&world).await, "invalid_grant");
    for (resource, expected) in
        [("https://evil.example/mcp", "invalid_target"), ("https://rs.example/mcp", "authorization_pending")]
    {
        let form = [
            ("grant_type", DEVICE_CODE),
            ("device_code", device.device_code.as_str()),
            ("client_id", device.client.as_str()),
            ("resource", resource),
        ];
        assert_eq!(world.token(&form).await.1["error"], expected);
    }
    for code in ["", "nonsense", &device.user_code] {
        let guess =
            Device { device_code: code.to_owned(), client: device.client.clone(), user_code: String::new() };
        let expected = if code.is_empty() { "invalid_request" } else { "invalid_grant" };
        assert_eq!(guess.error(&world).await, expected, "{code}");
    }
}

#[tokio::test]
async fn only_who_registered_for_it_may_begin_and_the_operator_may_turn_it_off() {
    let world = World::new().await;
    let client = device_client(&world).await;
    for (form, expected) in [
        (vec![("client_id", "web")], "unauthorized_client"),
        (vec![("client_id", "nobody")], "invalid_client"),
        (vec![("client_id", "backend")], "invalid_client"),
        (vec![], "invalid_client"),
        (vec![("client_id", client.as_str()), ("scope", "admin")], "invalid_scope"),
        (vec![("client_id", client.as_str()), ("resource", "https://evil.example")], "invalid_target"),
        (vec![("client_id", client.as_str()), ("scope", "a"), ("scope", "b")], "invalid_request"),
    ] {
        let (_, answer) = begin(&world, &form).await;
        assert_eq!(answer["error"], expected, "{form:?}: {answer}");
    }
    let off = World::with(AuthConfig { device_flow: false, ..config() }).await;
    for path in ["/device_authorization", "/device"] {
        assert_eq!(off.http.post(off.at(path)).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    }
    let form = [("grant_type", DEVICE_CODE), ("device_code", "x"), ("client_id", "web")];
    assert_eq!(off.token(&form).await.1["error"], "unsupported_grant_type");
    let metadata = off.http.get(off.at("/.well-known/oauth-authorization-server")).send().await.unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    assert!(metadata.get("device_authorization_endpoint").is_none());
    assert!(!metadata["grant_types_supported"].to_string().contains("device_code"));
}

#[tokio::test]
async fn guesses_of_user_codes_are_slowed_down_and_a_code_of_ones_own_does_not_help() {
    let world = World::new().await;
    let client = device_client(&world).await;
    let mut browser = browser(&world).await;
    let mut tries = 0;
    let mut slowed = false;
    for letter in "BCDFGHJK".chars() {
        let page = browser.open(&world.at("/device")).await.unwrap();
        let own = waiting(&world, &client).await;
        let page = type_code(&mut browser, &page, &format!("BBBB-BBB{letter}")).await;
        slowed = page.status == StatusCode::TOO_MANY_REQUESTS;
        if slowed {
            assert!(page.headers.contains_key("retry-after"));
            break;
        }
        tries += 1;
        let page = browser.open(&world.at("/device")).await.unwrap();
        type_code(&mut browser, &page, &own.user_code).await;
    }
    assert_eq!((slowed, tries), (true, config().login_free_attempts));
    // Another user is not held up.
    let mut other = Browser::new();
    let login = other.open(&world.at("/device")).await.unwrap();
    let page = log_in_as(&mut other, &login, "janedoe").await;
    let device = waiting(&world, &client).await;
    assert_eq!(type_code(&mut other, &page, &device.user_code).await.status, StatusCode::OK);
    world.advance(60);
    let page = browser.open(&world.at("/device")).await.unwrap();
    assert_eq!(type_code(&mut browser, &page, &device.user_code).await.status, StatusCode::OK);
}

/// An answer names a code, too, and whoever is logged in can make up its form. The server cannot tell such forms from
/// those of codes that are over.
#[tokio::test]
async fn answers_to_codes_that_are_none_count_as_guesses() {
    let world = World::new().await;
    let client = device_client(&world).await;
    let mut browser = browser(&world).await;
    let free = config().login_free_attempts;
    let mut questions = Vec::new();
    for _ in 0..=free {
        let device = waiting(&world, &client).await;
        let page = browser.open(&world.at("/device")).await.unwrap();
        questions.push(type_code(&mut browser, &page, &device.user_code).await);
    }
    world.advance(600);
    let answered = waiting(&world, &client).await;
    let page = browser.open(&world.at("/device")).await.unwrap();
    let question = type_code(&mut browser, &page, &answered.user_code).await;
    for (number, page) in (0..).zip(&questions) {
        let done = decide(&mut browser, page, "allow").await;
        let expected = if number < free { StatusCode::CONFLICT } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(done.status, expected, "{number}");
        assert_eq!(done.headers.contains_key("retry-after"), number >= free);
    }
    let told = world.witness.count("consent /device unknown_user_code");
    assert_eq!(u32::try_from(told).unwrap(), free);
    assert_eq!(world.witness.count("consent /device throttled"), 1);
    // They count together with what is typed; a right answer waits as well, and is none until then.
    let page = browser.open(&world.at("/device")).await.unwrap();
    let typed = type_code(&mut browser, &page, "BBBB-BBBB").await;
    assert_eq!(typed.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(decide(&mut browser, &question, "allow").await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answered.error(&world).await, "authorization_pending");
    world.advance(60);
    assert_eq!(decide(&mut browser, &question, "allow").await.status, StatusCode::OK);
    assert_eq!(answered.ask(&world).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_right_code_among_wrong_ones_that_come_at_once_forgives_none() {
    let world = World::new().await;
    let client = device_client(&world).await;
    let login = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let cookies = login.post(&world, &[("username", "johndoe"), ("password", "secret")]).await;
    let cookie = set_cookies(&cookies)[0].clone();
    let form = RawForm::get(&world, world.at("/device"), "/device", Some(&cookie)).await;
    let mut wrong = 0;
    for _ in 0..8 {
        let own = waiting(&world, &client).await;
        let codes = [&own.user_code, "BBBB-BBBB", "CCCC-CCCC", "DDDD-DDDD", "FFFF-FFFF"];
        let answers = join_all(codes.map(|code| {
            let form = &form;
            let world = &world;
            async move { form.post(world, &[("user_code", code)]).await.status() }
        }));
        wrong += answers.await.iter().filter(|status| **status == StatusCode::BAD_REQUEST).count();
    }
    assert_eq!(u32::try_from(wrong).unwrap(), config().login_free_attempts);
}

#[tokio::test]
async fn another_site_cannot_answer_for_the_user() {
    let world = World::new().await;
    let device = waiting(&world, &device_client(&world).await).await;
    let login = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let cookies = login.post(&world, &[("username", "johndoe"), ("password", "secret")]).await;
    let cookie = set_cookies(&cookies)[0].clone();
    let form = RawForm::get(&world, world.at("/device"), "/device", Some(&cookie)).await;
    let fields = [("user_code", device.user_code.as_str()), ("decision", "allow")];
    // Without a token, with the token of the first form, and from elsewhere.
    let bare =
        world.http.post(world.at("/device")).header("cookie", &cookie).form(&fields).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::FORBIDDEN);
    assert_eq!(form.post(&world, &fields).await.status(), StatusCode::FORBIDDEN);
    let cross =
        form.request(&world, &fields[..1]).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(cross.status(), StatusCode::FORBIDDEN);
    assert_eq!(device.error(&world).await, "authorization_pending");
    // Nobody types codes who is not logged in.
    let stranger = world.http.post(world.at("/device")).form(&fields).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::SEE_OTHER);
    let location = stranger.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(location, format!("/login?device={}", device.user_code));
}

#[tokio::test]
async fn a_flood_of_devices_takes_nobody_elses_place() {
    let header = Some("x-forwarded-for".to_owned());
    let config = AuthConfig { max_device_codes: 3, client_address_header: header, ..config() };
    let world = World::with(config).await;
    let client = device_client(&world).await;
    let from = async |address: &str| {
        let request = world.http.post(world.at("/device_authorization")).header("x-forwarded-for", address);
        let answer: Value =
            request.form(&[("client_id", &client)]).send().await.unwrap().json().await.unwrap();
        let field = |name: &str| answer[name].as_str().unwrap().to_owned();
        Device { client: client.clone(), device_code: field("device_code"), user_code: field("user_code") }
    };
    let honest = from("192.0.2.1").await;
    for _ in 0..10 {
        from("198.51.100.7").await;
    }
    assert_eq!(honest.error(&world).await, "authorization_pending");
}

/// The document was read when the device began; nobody fetches it again to redeem.
#[tokio::test]
async fn a_device_whose_document_wants_bound_tokens_gets_no_others() {
    let world = World::with(AuthConfig { client_documents_from_loopback: true, ..config() }).await;
    let client = documented(json!({
        "grant_types": [DEVICE_CODE, "refresh_token"], "dpop_bound_access_tokens": true
    }))
    .await;
    let device = waiting(&world, &client).await;
    let mut browser = browser(&world).await;
    let page = browser.open(&world.at("/device")).await.unwrap();
    let page = type_code(&mut browser, &page, &device.user_code).await;
    decide(&mut browser, &page, "allow").await;
    assert_eq!(device.error(&world).await, "invalid_dpop_proof");
    let with_proof = async |form: &[(&str, &str)], holder: &Holder| {
        let proof = holder.proof("POST", world.at("/token").as_str(), None, world.clock.now());
        let (status, answer, _) = world.token_with(&proof, form).await;
        (status, answer)
    };
    let (holder, thief) = (Holder::new(), Holder::new());
    let form = [("grant_type", DEVICE_CODE), ("device_code", &device.device_code), ("client_id", &client)];
    let (status, answer) = with_proof(&form, &holder).await;
    assert_eq!((status, &answer["token_type"]), (StatusCode::OK, &json!("DPoP")), "{answer}");
    let refresh = answer["refresh_token"].as_str().unwrap();
    assert_eq!(world.refresh(&client, refresh).await.1["error"], "invalid_dpop_proof");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", &client)];
    assert_ne!(with_proof(&form, &thief).await.0, StatusCode::OK);
    assert_eq!(with_proof(&form, &holder).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_device_that_signs_has_to() {
    let world = World::new().await;
    let key = SigningKey::new("k");
    let metadata = json!({
        "grant_types": [DEVICE_CODE], "redirect_uris": [], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": key.set()
    });
    let client = world.register_with(metadata).await["client_id"].as_str().unwrap().to_owned();
    assert_eq!(begin(&world, &[("client_id", &client)]).await.0, StatusCode::UNAUTHORIZED);
    let statement = key.client(&world, &client, "1");
    let signed = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", statement.as_str())];
    assert_eq!(begin(&world, &signed).await.0, StatusCode::OK);
}
