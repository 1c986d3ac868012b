//! A login as most authorization servers do it, and the two rules that break real ones.

use axum::Router;
use axum::extract::{Form, Query};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use barewire_testkit::{Browser, BrowserError, Landing};
use std::collections::HashMap;
use url::Url;

type Fields = HashMap<String, String>;

const LOGIN: &str = r#"<body><form method="post" action="/login"><input type="hidden" name="csrf" value="c1">
    <input name="username"><input type="password" name="password"><button>Log in</button></form></body>"#;
const CONSENT: &str = r#"<body><form method="post"><input type="checkbox" name="scope" value="read" checked>
    <input type="checkbox" name="scope" value="write"><button name="decision" value="deny">Deny</button>
    <button name="decision" value="allow">Allow</button></form></body>"#;

async fn serve(form_action: &'static str) -> Url {
    let login_page = move || ([(header::CONTENT_SECURITY_POLICY, form_action)], Html(LOGIN)).into_response();
    let consent = ([(header::REFERRER_POLICY, "no-referrer")], Html(CONSENT));
    let app = Router::new()
        .route("/authorize", get(move |headers: HeaderMap| async move { authorize(&headers, login_page()) }))
        .route("/login", axum::routing::post(login))
        .route("/consent", get(move || async move { consent }).post(decide));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Url::parse(&format!("http://{address}/authorize?redirect_uri=http://localhost:1/callback")).unwrap()
}

fn authorize(headers: &HeaderMap, login_page: Response) -> Response {
    let logged_in = headers.get(header::COOKIE).is_some_and(|c| c == "session=s1");
    if logged_in { Redirect::to("/consent").into_response() } else { login_page }
}

async fn login(headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    assert!(
        headers.get(header::ORIGIN).is_some_and(|o| o.to_str().unwrap().starts_with("http://127.0.0.1:"))
    );
    if fields["csrf"] != "c1" || fields["password"] != "secret" {
        return Html(LOGIN).into_response();
    }
    ([(header::SET_COOKIE, "session=s1; Path=/; HttpOnly")], Redirect::to("/authorize")).into_response()
}

async fn decide(headers: HeaderMap, Query(_): Query<Fields>, body: String) -> Response {
    assert_eq!(headers[header::ORIGIN], "null", "no-referrer hides the origin");
    match body.as_str() {
        "scope=read&decision=allow" => Redirect::to("http://localhost:1/callback?code=k").into_response(),
        other => (StatusCode::BAD_REQUEST, other.to_owned()).into_response(),
    }
}

#[tokio::test]
async fn logs_in_consents_and_stops_at_the_callback() {
    let url = serve("form-action 'self' http://localhost:1").await;
    let mut browser = Browser::new();
    let callback = browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
    assert_eq!(callback.as_str(), "http://localhost:1/callback?code=k");
    assert_eq!(browser.cookie(&url, "session"), Some("s1"));
}

#[tokio::test]
async fn a_wrong_password_is_stuck_on_the_login_page() {
    let url = serve("form-action 'self'").await;
    let error = Browser::new().login_and_consent(&url, "johndoe", "wrong").await.unwrap_err();
    assert!(matches!(&error, BrowserError::Stuck { status: 200, .. }), "{error}");
}

#[tokio::test]
async fn form_action_holds_for_the_form_and_its_redirects() {
    let url = serve("default-src 'none'; form-action 'none'").await;
    let error = Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap_err();
    assert!(matches!(&error, BrowserError::FormAction { .. }), "{error}");
}

#[tokio::test]
async fn a_form_is_read_and_filled_like_a_person_would() {
    let url = serve("form-action 'self'").await;
    let mut browser = Browser::new();
    let page = browser.open(&url.join("/consent").unwrap()).await.unwrap();
    let form = page.form_with("decision").unwrap().uncheck("scope", "read").check("scope", "write");
    let form = form.press(&["deny"]).unwrap();
    let Landing::Page(page) = browser.submit(&page, &form, None).await.unwrap() else {
        panic!("no redirect")
    };
    assert_eq!((page.status, page.body.as_str()), (StatusCode::BAD_REQUEST, "scope=write&decision=deny"));
}
