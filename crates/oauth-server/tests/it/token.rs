//! `POST /token` with a code.

use barewire_oauth::bearer::BearerError;
use barewire_oauth::resource::Resource;
use barewire_oauth_server::AuthConfig;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{BACKEND_SECRET, CHALLENGE, Tokens, VERIFIER, WEB_CALLBACK, World, config, query};

fn refused(code: &str) -> (StatusCode, Value) {
    (if code == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST }, json!(code))
}

async fn error(world: &World, form: &[(&str, &str)]) -> (StatusCode, Value) {
    let (status, answer) = world.token(form).await;
    if status != StatusCode::OK {
        assert!(answer["error_description"].is_string(), "{answer}");
    }
    (status, answer["error"].clone())
}

#[tokio::test]
async fn a_code_becomes_tokens_that_say_what_they_are_for() {
    let world = World::new().await;
    let client = world.register().await;
    let code = world.code_with(&client, &[("scope", "posts:read posts:write")]).await;
    let (status, answer) = world.redeem(&client, &code).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], config().access_token_ttl.as_secs());
    assert_eq!(answer["scope"], "posts:read posts:write");
    let tokens = Tokens::read(&answer);
    assert!(tokens.refresh.starts_with("bwr_"));
    let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
    let claims = world.server.access_tokens().verify(&tokens.access, &resource, world.clock.now()).unwrap();
    assert_eq!(claims.sub, "johndoe");
    assert_eq!(claims.client_id, client);
    assert_eq!(claims.iss, world.server.issuer());
    assert!(claims.grant_id.is_some());
    let other = [Resource::parse("https://rs.example/other").unwrap()];
    let verdict = world.server.access_tokens().verify(&tokens.access, &other, world.clock.now());
    assert_eq!(verdict.unwrap_err(), BearerError::WrongAudience);
    world.advance(config().access_token_ttl.as_secs());
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Expired));
}

#[tokio::test]
async fn what_does_not_fit_the_code_is_refused_and_the_code_stays_good() {
    let world = World::new().await;
    let (client, stranger) = (world.register().await, "web");
    let code = world.code(&client).await;
    let other_verifier = "x".repeat(43);
    let base =
        [("grant_type", "authorization_code"), ("code", code.as_str()), ("client_id", client.as_str())];
    let with = |more: &[(&'static str, &'static str)]| [&base[..], more].concat();
    assert_eq!(error(&world, &with(&[])).await, refused("invalid_request"));
    let wrong = [&base[..], &[("code_verifier", other_verifier.as_str())]].concat();
    assert_eq!(error(&world, &wrong).await, refused("invalid_grant"));
    assert_eq!(error(&world, &with(&[("code_verifier", "wrong")])).await, refused("invalid_grant"));
    let right = ("code_verifier", VERIFIER);
    assert_eq!(
        error(&world, &with(&[right, ("redirect_uri", WEB_CALLBACK)])).await,
        refused("invalid_grant")
    );
    let resource = ("resource", "https://rs.example/other");
    assert_eq!(error(&world, &with(&[right, resource])).await, refused("invalid_target"));
    assert_eq!(error(&world, &with(&[right, right])).await, refused("invalid_request"));
    let thief = [base[0], base[1], ("client_id", stranger), right];
    assert_eq!(error(&world, &thief).await, refused("invalid_grant"));
    assert_eq!(
        error(&world, &[base[0], base[1], ("client_id", "nobody"), right]).await,
        refused("invalid_client")
    );
    assert_eq!(error(&world, &[base[0], base[1], right]).await, refused("invalid_client"));
    let secret = with(&[right, ("client_secret", "x")]);
    assert_eq!(error(&world, &secret).await, refused("invalid_client"));
    // OAuth 2.1: neither redirect_uri nor resource has to be repeated.
    assert_eq!(world.token(&with(&[right])).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_code_expires() {
    let world = World::new().await;
    let client = world.register().await;
    let code = world.code(&client).await;
    world.advance(config().code_ttl.as_secs());
    let (status, answer) = world.redeem(&client, &code).await;
    assert_eq!((status, answer["error"].clone()), refused("invalid_grant"));
}

#[tokio::test]
async fn of_many_redemptions_one_succeeds_and_a_replay_revokes() {
    // Whether one of the losers came late enough to be a replay is a matter of luck; `redeeming.rs` has the rule.
    let world = World::new().await;
    let client = world.register().await;
    let code = world.code(&client).await;
    let answers = join_all((0..20).map(|_| world.redeem(&client, &code))).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|(status, _)| *status == StatusCode::OK);
    assert_eq!((won.len(), lost.len()), (1, 19));
    assert!(
        lost.iter().all(|(status, answer)| (*status, answer["error"].clone()) == refused("invalid_grant"))
    );
    let tokens = Tokens::read(&won[0].1);

    world.advance(1);
    let (status, _) = world.redeem(&client, &code).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
    let (status, answer) = world.refresh(&client, &tokens.refresh).await;
    assert_eq!((status, answer["error"].clone()), refused("invalid_grant"));
}

#[tokio::test]
async fn a_replay_by_another_client_does_no_harm() {
    let world = World::new().await;
    let client = world.register().await;
    let code = world.code(&client).await;
    let (_, answer) = world.redeem(&client, &code).await;
    let (status, _) = world.redeem("web", &code).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(world.verify(&Tokens::read(&answer).access), Ok(()));
}

#[tokio::test]
async fn a_confidential_client_proves_itself_either_way() {
    let world = World::new().await;
    let url = world.authorize_url("backend", WEB_CALLBACK, &[]);
    for way in ["basic", "post", "wrong", "none"] {
        let callback =
            barewire_testkit::Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
        let code = query(&callback)["code"].clone();
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
        let mut request = world.http.post(world.at("/token"));
        match way {
            "basic" => request = request.basic_auth("backend", Some("s3cret+%25%2F%3A+that+nobody+guesses")),
            "wrong" => request = request.basic_auth("backend", Some("guess")),
            "post" => form.extend([("client_id", "backend"), ("client_secret", BACKEND_SECRET)]),
            _ => form.push(("client_id", "backend")),
        }
        let answer = request.form(&form).send().await.unwrap();
        let good = matches!(way, "basic" | "post");
        assert_eq!(answer.status(), if good { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, "{way}");
        // Whoever is refused is told how it is done.
        assert_eq!(answer.headers().contains_key("www-authenticate"), !good);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"], if good { Value::Null } else { json!("invalid_client") });
    }
}

#[tokio::test]
async fn a_client_that_does_not_refresh_gets_no_refresh_token_unless_it_asks() {
    let world = World::new().await;
    let registered = world.register_with(json!({ "grant_types": ["authorization_code"] })).await;
    let client = registered["client_id"].as_str().unwrap();
    let (_, answer) = world.redeem(client, &world.code(client).await).await;
    assert!(answer["refresh_token"].is_null());
    let code = world.code_with(client, &[("scope", "posts:read offline_access")]).await;
    let (_, answer) = world.redeem(client, &code).await;
    assert!(answer["refresh_token"].is_string());
    assert_eq!(answer["scope"], "posts:read offline_access");
}

#[tokio::test]
async fn other_shapes_of_requests_are_refused_as_json() {
    let world = World::new().await;
    let url = world.at("/token");
    let get = world.http.get(url.clone()).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get.headers()["allow"], "POST, OPTIONS");
    let huge = "x".repeat(config().max_body_bytes + 1);
    for (request, expected) in [
        (world.http.get(url.clone()), 405),
        (world.http.post(url.clone()).json(&json!({ "grant_type": "authorization_code" })), 400),
        (world.http.post(url.clone()), 400),
        (world.http.post(url.clone()).form(&[("code", &huge)]), 413),
        (world.http.post(url.clone()).form(&[("grant_type", "password"), ("client_id", "web")]), 400),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected);
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        let answer: Value = answer.json().await.unwrap();
        assert!(answer["error"].is_string() && answer["error_description"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn only_the_very_verifier_redeems() {
    let world = World::new().await;
    let client = world.register().await;
    let code = world.code(&client).await;
    let (short, long) = (&VERIFIER[..42], format!("{VERIFIER}{}", "x".repeat(86)));
    for (verifier, expected) in [
        ("", "invalid_request"),
        (CHALLENGE, "invalid_grant"),
        (short, "invalid_grant"),
        (&long, "invalid_grant"),
        (&format!("{VERIFIER}x"), "invalid_grant"),
        (&format!("{VERIFIER} "), "invalid_grant"),
        (&format!("{VERIFIER}\0"), "invalid_grant"),
        (&format!("{short}é"), "invalid_grant"),
        (&format!("{short}+"), "invalid_grant"),
        (&VERIFIER.to_lowercase(), "invalid_grant"),
    ] {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("client_id", &client),
            ("code_verifier", verifier),
        ];
        assert_eq!(error(&world, &form).await, refused(expected), "{verifier:?}");
    }
    assert_eq!(world.redeem(&client, &code).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_code_injected_into_another_login_is_of_no_use() {
    // Somebody else's code comes back in a login that this client began, with this client's own verifier.
    let world = World::new().await;
    let client = world.register().await;
    let other_verifier = "another-verifier-of-forty-three-characters-";
    let other_challenge = barewire_oauth::pkce::CodeVerifier::parse(other_verifier).unwrap().challenge();
    let stolen = world.code(&client).await;
    let own = world.code_with(&client, &[("code_challenge", other_challenge.as_str())]).await;
    for (code, verifier, expected) in [
        (&stolen, other_verifier, 400),
        (&own, VERIFIER, 400),
        (&own, other_verifier, 200),
        (&stolen, VERIFIER, 200),
    ] {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", &client),
            ("code_verifier", verifier),
        ];
        assert_eq!(world.token(&form).await.0.as_u16(), expected);
    }
}

#[tokio::test]
async fn a_code_is_for_the_client_that_asked() {
    let world = World::new().await;
    let public = world.register().await;
    let other = world.register_with(json!({ "client_name": "Another" })).await["client_id"].clone();
    let (code, backends) = (world.code(&public).await, {
        let url = world.authorize_url("backend", WEB_CALLBACK, &[]);
        let callback =
            barewire_testkit::Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
        query(&callback)["code"].clone()
    });
    let attempt = async |code: &str, client: &str, secret: Option<&str>| {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", client),
            ("code_verifier", VERIFIER),
        ];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        error(&world, &form).await
    };
    assert_eq!(attempt(&code, other.as_str().unwrap(), None).await, refused("invalid_grant"));
    assert_eq!(attempt(&code, "backend", Some(BACKEND_SECRET)).await, refused("invalid_grant"));
    assert_eq!(attempt(&code, "https://app.example/client.json", None).await, refused("invalid_grant"));
    assert_eq!(attempt(&backends, &public, None).await, refused("invalid_grant"));
    assert_eq!(attempt(&backends, "backend", None).await, refused("invalid_client"));
    assert_eq!(attempt(&backends, "backend", Some("guess")).await, refused("invalid_client"));
    assert_eq!(attempt(&backends, "backend", Some(BACKEND_SECRET)).await.0, StatusCode::OK);
    assert_eq!(attempt(&code, &public, None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn basic_credentials_have_one_reading() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    let world = World::new().await;
    let basic = |text: &[u8]| format!("Basic {}", STANDARD.encode(text));
    let encoded = "s3cret+%25%2F%3A+that+nobody+guesses";
    let good = format!("backend:{encoded}");
    // Those who got in are told about their refresh token, which is none.
    for (header, expected) in [
        (basic(good.as_bytes()), "invalid_grant"),
        (basic(good.as_bytes()).replace("Basic", "bAsIc"), "invalid_grant"),
        (basic(good.as_bytes()).replace(' ', "  "), "invalid_grant"),
        (basic(format!("%62ackend:{encoded}").as_bytes()), "invalid_grant"),
        (basic(format!("backend:{}", encoded.replace('+', "%20")).as_bytes()), "invalid_grant"),
        // A colon that is not encoded belongs to the secret, as in RFC 7617.
        (basic(good.replace("%3A", ":").as_bytes()), "invalid_grant"),
        (basic(format!("{good}:x").as_bytes()), "invalid_client"),
        (basic(format!("backend:{BACKEND_SECRET}+").as_bytes()), "invalid_client"),
        (basic(b"backend:guess"), "invalid_client"),
        (basic(b"backend:"), "invalid_client"),
        (basic(b"backend"), "invalid_client"),
        (basic(b":"), "invalid_client"),
        (basic(b":x"), "invalid_client"),
        (basic(b"nobody:x"), "invalid_client"),
        (basic(b"web:x"), "invalid_client"),
        (basic(b"backend\0:x"), "invalid_client"),
        (basic(b"\xff:\xfe"), "invalid_client"),
        (basic(b"%ff:%zz"), "invalid_client"),
        (format!("Basic {}", STANDARD_NO_PAD.encode("backend:x")), "invalid_client"),
        ("Basic !!!".to_owned(), "invalid_client"),
        ("Basic ".to_owned(), "invalid_client"),
        ("Basic".to_owned(), "invalid_client"),
        (String::new(), "invalid_client"),
        ("Bearer x".to_owned(), "invalid_client"),
        ("Digest username=\"backend\"".to_owned(), "invalid_client"),
    ] {
        let form = [("grant_type", "refresh_token"), ("refresh_token", "bwr_x")];
        let request = world.http.post(world.at("/token")).header("authorization", &header);
        let answer = request.form(&form).send().await.unwrap();
        let challenged =
            answer.headers().get("www-authenticate").map(|line| line.to_str().unwrap().to_owned());
        assert_eq!(challenged.is_some_and(|line| line.starts_with("Basic ")), expected == "invalid_client");
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!((status, answer["error"].clone()), refused(expected), "{header}: {answer}");
    }
    // Twice, or by two ways, is nobody's credentials.
    let form = [("grant_type", "refresh_token"), ("refresh_token", "bwr_x")];
    let post = || world.http.post(world.at("/token")).header("authorization", basic(good.as_bytes()));
    for request in [
        post().header("authorization", basic(good.as_bytes())).form(&form),
        post().form(&[&form[..], &[("client_secret", BACKEND_SECRET)]].concat()),
        post().form(&[&form[..], &[("client_id", "web")]].concat()),
    ] {
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["error"], "invalid_request", "{answer}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_form_are_refused_and_harm_nothing() {
    let world = World::new().await;
    let (client, tokens) = world.logged_in().await;
    let form = "application/x-www-form-urlencoded";
    let refresh = format!("grant_type=refresh_token&client_id={client}&refresh_token=");
    let bytes = |more: &[u8]| [refresh.as_bytes(), more].concat();
    let many: String = (0..9_000).map(|number| format!("&{number:x}")).collect();
    for (content_type, body, expected) in [
        (form, bytes(b"%00"), "invalid_grant"),
        (form, bytes(b"\0"), "invalid_grant"),
        (form, bytes(b"\xff\xfe%ff%c3%28"), "invalid_grant"),
        (form, bytes(format!("{}%00", tokens.refresh).as_bytes()), "invalid_grant"),
        (form, bytes(format!("{}&scope=%22%e2%80%ae", tokens.refresh).as_bytes()), "invalid_scope"),
        (form, bytes(format!("{}&scope=posts:read%00", tokens.refresh).as_bytes()), "invalid_scope"),
        (form, bytes(format!("{0}&refresh_token={0}", tokens.refresh).as_bytes()), "invalid_request"),
        (form, bytes(format!("x&client_id={client}").as_bytes()), "invalid_request"),
        (form, bytes(b"x&%22%e2%80%ae=1&%22%e2%80%ae=2"), "invalid_request"),
        (form, bytes(format!("x{many}&1=twice").as_bytes()), "invalid_request"),
        (form, b"grant_type=refresh_token%00&client_id=web".to_vec(), "unsupported_grant_type"),
        (form, b"grant_type=refresh_token&client_id=web%00&refresh_token=x".to_vec(), "invalid_client"),
        (
            form,
            format!("grant_type=refresh_token&refresh_token=x&client_id={}", "x".repeat(9000)).into(),
            "invalid_client",
        ),
        (form, b"&&&===%".to_vec(), "invalid_client"),
        ("text/plain", bytes(tokens.refresh.as_bytes()), "invalid_request"),
        ("application/json", bytes(tokens.refresh.as_bytes()), "invalid_request"),
        ("multipart/form-data; boundary=x", bytes(tokens.refresh.as_bytes()), "invalid_request"),
        (
            "application/x-www-form-urlencoded, text/plain",
            bytes(tokens.refresh.as_bytes()),
            "invalid_request",
        ),
        ("", bytes(tokens.refresh.as_bytes()), "invalid_request"),
    ] {
        let request = world.http.post(world.at("/token")).header("content-type", content_type);
        let answer = request.body(body.clone()).send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]);
        assert_eq!((status, answer["error"].clone()), refused(expected), "{content_type} {shown}: {answer}");
        let legal = |b: u8| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\';
        assert!(answer["error_description"].as_str().unwrap().bytes().all(legal), "{answer}");
    }
    // What stands in the query counts for nothing: it would end up in logs.
    let mut url = world.at("/token");
    url.set_query(Some(&format!("{refresh}{}", tokens.refresh)));
    let answer = world.http.post(url).form(&[("x", "y")]).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(world.refresh(&client, &tokens.refresh).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let body_timeout = std::time::Duration::from_millis(50);
    let world = World::with(AuthConfig { body_timeout, ..config() }).await;
    for path in ["/token", "/revoke", "/register", "/login", "/consent", "/logout"] {
        let address = (world.url.host_str().unwrap(), world.url.port().unwrap());
        let mut peer = tokio::net::TcpStream::connect(address).await.unwrap();
        let form = "content-type: application/x-www-form-urlencoded";
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}:{}\r\n{form}\r\ncontent-length: 99\r\n\r\ngrant_",
            address.0, address.1
        );
        peer.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        peer.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{path}: {answer}");
        let for_scripts = ["/token", "/revoke", "/register"].contains(&path);
        assert_eq!(answer.contains("access-control-allow-origin: *"), for_scripts, "{path}: {answer}");
    }
}
