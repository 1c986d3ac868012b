//! Known secrets are pushed through every field; none may be found in what comes out.

use std::time::{Duration, UNIX_EPOCH};

use barewire_exchange::{Decision, Exchange, ExchangeBuilder, FailureKind, Limits, Masker, Step, curl, har};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

pub(crate) fn builder(step: Step) -> ExchangeBuilder {
    builder_with(step, &Masker::new(), Limits::default())
}

pub(crate) fn builder_with(step: Step, masker: &Masker, limits: Limits) -> ExchangeBuilder {
    ExchangeBuilder::new("x1".into(), step, UNIX_EPOCH + Duration::from_secs(1), masker.clone(), limits)
}

pub(crate) fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

fn jwt() -> (String, String) {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signature = part("a signature of sixty-four bytes, more or less");
    let token = format!(
        "{}.{}.{signature}",
        part(r#"{"alg":"ES256","typ":"at+jwt"}"#),
        part(r#"{"sub":"johndoe","scope":"posts:read"}"#)
    );
    (token, signature)
}

/// Every view of an exchange in one text.
fn everything(exchange: &Exchange) -> String {
    let json = serde_json::to_string(exchange).unwrap();
    let har = serde_json::to_string(&har::export([exchange], "1")).unwrap();
    format!("{json}\n{har}\n{}\n{exchange:?}", curl::to_curl(exchange))
}

fn none_of(secrets: &[&str], text: &str) {
    for secret in secrets {
        if let Some(index) = text.find(secret) {
            let start = index.saturating_sub(60);
            panic!(
                "{secret} is in …{}…",
                String::from_utf8_lossy(&text.as_bytes()[start..index + secret.len()])
            );
        }
    }
}

#[test]
fn secrets_in_every_field_of_a_login_are_nowhere() {
    let (token, signature) = jwt();
    let basic = STANDARD.encode("client:client-secret-0123456789");
    let secrets = [
        token.as_str(),
        signature.as_str(),
        basic.as_str(),
        "client-secret-0123456789",
        "opaque-access-0123456789",
        "opaque-refresh-0123456789",
        "code-0123456789abcdef",
        "verifier-0123456789abcdef",
        "session-0123456789abcdef",
        "cookie-0123456789abcdef",
        "registration-0123456789",
        "hunter2hunter2",
        "state-in-the-middle",
    ];
    let mut record = builder(Step::RedeemCode);
    record.request(
        &Method::POST,
        "https://u:hunter2hunter2@as.example/token?code=code-0123456789abcdef&access_token=opaque-access-0123456789#id_token=opaque-access-0123456789",
        &headers(&[
            ("authorization", &format!("Basic {basic}")),
            ("cookie", "sid=cookie-0123456789abcdef; b=cookie-0123456789abcdef"),
            ("mcp-session-id", "session-0123456789abcdef"),
            ("dpop", &token),
            ("x-api-key", "opaque-access-0123456789"),
            ("x-note", "our client-secret-0123456789 again"),
            ("referer", "https://a/cb?code=code-0123456789abcdef&state=abcd-state-in-the-middle-wxyz"),
            ("content-type", "application/x-www-form-urlencoded"),
        ]),
        Some(b"grant_type=authorization_code&code=code-0123456789abcdef&code_verifier=verifier-0123456789abcdef&client_secret=client-secret-0123456789&password=hunter2hunter2&refresh_token=opaque-refresh-0123456789&redirect_uri=http%3A%2F%2Flocalhost%2Fcallback"),
    );
    record.response(
        StatusCode::OK,
        &headers(&[
            ("set-cookie", "sid=cookie-0123456789abcdef; HttpOnly"),
            ("location", "https://a/cb?code=code-0123456789abcdef"),
            ("content-type", "application/json"),
            ("mcp-session-id", "session-0123456789abcdef"),
        ]),
        UNIX_EPOCH + Duration::from_secs(2),
    );
    let body = format!(
        r#"{{"access_token":"{token}","refresh_token":"opaque-refresh-0123456789","token_type":"Bearer","expires_in":3600,
           "registration_access_token":"registration-0123456789","nested":{{"client_secret":["client-secret-0123456789"]}},
           "note":"you sent code-0123456789abcdef and {token}","text":"{{\"password\":\"hunter2hunter2\"}}"}}"#
    );
    record.body_chunk(body.as_bytes());
    record.decide(&Decision::TokenRefused { error: format!("bad token {token}, code-0123456789abcdef") });
    record.finish(UNIX_EPOCH + Duration::from_secs(3));
    let exchange = record.exchange();
    none_of(&secrets, &everything(exchange));

    // What is not secret is still there.
    let shown = everything(exchange);
    for visible in
        ["grant_type=authorization_code", "\\\"expires_in\\\":3600", "redirect_uri=", "HttpOnly", "Basic"]
    {
        assert!(shown.contains(visible), "{visible} is missing");
    }
    let decoded = &exchange.tokens[0];
    assert_eq!(decoded.claims.as_ref().unwrap()["sub"], "johndoe");
}

#[test]
fn a_token_that_the_server_echoes_is_masked_in_streams_and_failures() {
    let mut record = builder(Step::CallTool);
    record.request(
        &Method::POST,
        "https://a/mcp",
        &headers(&[("authorization", "Bearer opaque-access-0123456789")]),
        Some(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"password":"hunter2","q":"x"}}}"#),
    );
    record.response(StatusCode::OK, &headers(&[("content-type", "text/event-stream")]), UNIX_EPOCH);
    let event = record.stream_event(
        Some("opaque-access-0123456789"),
        Some("id-opaque-access-0123456789"),
        None,
        r#"{"error":{"message":"opaque-access-0123456789 has expired"},"secret":"hunter2"}"#,
        UNIX_EPOCH,
    );
    record.fail(FailureKind::Broken, "reset while sending opaque-access-0123456789", UNIX_EPOCH);
    none_of(&["opaque-access-0123456789", "hunter2"], &everything(record.exchange()));
    none_of(&["opaque-access-0123456789", "hunter2"], &format!("{event:?}"));
}

#[test]
fn what_one_exchange_learned_the_next_one_masks() {
    let masker = Masker::new();
    let mut first = builder_with(Step::RedeemCode, &masker, Limits::default());
    first.request(&Method::POST, "https://as/token", &HeaderMap::new(), None);
    first.response(StatusCode::OK, &headers(&[("content-type", "application/json")]), UNIX_EPOCH);
    first.body_chunk(br#"{"access_token":"opaque-access-0123456789"}"#);
    first.finish(UNIX_EPOCH);

    let mut second = builder_with(Step::CallTool, &masker, Limits::default());
    second.request(
        &Method::GET,
        "https://a/x/opaque-access-0123456789",
        &HeaderMap::new(),
        Some(b"opaque-access-0123456789"),
    );
    none_of(&["opaque-access-0123456789"], &everything(second.exchange()));
}

#[test]
fn a_cut_does_not_show_half_a_secret() {
    let (token, _) = jwt();
    let head = &token[..60];
    let masker = Masker::new();
    masker.learn("opaque-access-0123456789");
    for body in [
        format!(r#"{{"padding":"{}","access_token":"opaque-access-0123456789"}}"#, "x".repeat(40)),
        format!("{}opaque-access-0123456789", "x".repeat(70)),
        format!("{} {token}", "x".repeat(30)),
    ] {
        for limit in 60..110 {
            let limits = Limits {
                max_body_bytes: limit,
                max_header_bytes: limit,
                max_event_bytes: limit,
                ..Limits::default()
            };
            let mut record = builder_with(Step::CallTool, &masker, limits);
            record.request(&Method::POST, "https://a/mcp", &HeaderMap::new(), Some(body.as_bytes()));
            record.response(StatusCode::OK, &headers(&[("content-type", "application/json")]), UNIX_EPOCH);
            record.body_chunk(body.as_bytes());
            record.stream_event(None, None, None, &body, UNIX_EPOCH);
            record.finish(UNIX_EPOCH);
            let shown = everything(record.exchange());
            none_of(&["opaque-acc", head], &shown);
        }
    }
}
