//! The certified `oidc-provider` as the issuer, a process of its own: access tokens that are JWTs for the resource that was
//! asked for, and such as it has to be asked about. Skipped where it is not installed; `cargo xtask test` installs it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use barewire_testkit::login::{PKCE_CHALLENGE, PKCE_VERIFIER, REDIRECT_URI};
use barewire_testkit::{Browser, Landing, TestClock};
use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use crate::world::{MCP, OTHER, SECRET, Visited};

/// How its tokens are read: its word for our scope, and the algorithm that it signs with.
const JWT: &str =
    "[[jwt]]\nissuer = \"ISSUER\"\nalgorithms = [\"RS256\"]\nscopes = { \"posts.read\" = \"posts:read\" }";

/// Its key's life in the verifier, and its tokens' life.
const KEYS_ARE_FRESH: Duration = Duration::from_secs(15 * 60);
const TOKEN: Duration = Duration::from_secs(600);

struct Provider {
    child: Child,
    visited: Visited,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Provider {
    /// Nothing where it is not installed.
    #[expect(clippy::print_stderr, reason = "a skipped test has to say that it was skipped")]
    async fn start() -> Option<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance/upstream");
        if !folder.join("node_modules/oidc-provider/package.json").exists() {
            assert!(std::env::var_os("BAREWIRE_MEETS_PROVIDER").is_none(), "oidc-provider is not installed");
            eprintln!("SKIPPED: oidc-provider is not installed in conformance/upstream");
            return None;
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new("node");
        command.current_dir(folder).arg("issuer.mjs").arg(port.to_string());
        command.env("CLIENT_SECRET", SECRET).env("NODE_ENV", "test");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let visited = Visited {
            issuer: format!("http://localhost:{port}"),
            clock: TestClock::at(SystemTime::now()),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        let mut provider = Self { child, visited };
        let keys = format!("{}/jwks", provider.visited.issuer);
        while provider.visited.http.get(&keys).send().await.is_err() {
            assert!(provider.child.try_wait().unwrap().is_none(), "the provider has ended by itself");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(provider)
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.visited.issuer);
        let answer = self.visited.http.post(url).form(form).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// Ada logs in and lets this client do that there; what it gets.
    async fn log_in(&self, client: &str, scope: &str, resource: &str) -> Value {
        let mut url = Url::parse(&self.visited.issuer).unwrap().join("/auth").unwrap();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client)
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("scope", scope)
            .append_pair("resource", resource)
            .append_pair("code_challenge", PKCE_CHALLENGE)
            .append_pair("code_challenge_method", "S256");
        let (mut browser, callback) = (Browser::new(), Url::parse(REDIRECT_URI).unwrap());
        let mut landing = browser.open_until(&url, &callback).await.unwrap();
        let back = loop {
            let page = match landing {
                Landing::Left(url) => break url,
                Landing::Page(page) => page,
            };
            assert!(page.status.is_success(), "{}", page.text());
            let mut form = page.forms().into_iter().next().unwrap_or_else(|| panic!("{}", page.text()));
            if !form.passwords.is_empty() {
                form = form.fill("login", "ada").fill("password", "any");
            }
            landing = browser.submit(&page, &form, Some(&callback)).await.unwrap();
        };
        let code = back.query_pairs().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("{back}")).1;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", PKCE_VERIFIER),
            ("resource", resource),
        ];
        let (status, answer) = self.post("/token", &form).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// A token of a program's own.
    async fn token(&self, resource: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "backend"),
            ("client_secret", SECRET),
            ("scope", "posts.read"),
            ("resource", resource),
        ];
        access(&self.post("/token", &form).await.1)
    }

    async fn keys(&self, step: &str) {
        assert_eq!(self.post(&format!("/-/keys?{step}"), &[]).await.0, StatusCode::NO_CONTENT);
    }
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned()
}

fn access(answer: &Value) -> String {
    text(answer, "access_token")
}

#[tokio::test]
async fn its_tokens_count_here_for_whom_and_what_they_are() {
    let Some(provider) = Provider::start().await else { return };
    let server = &provider.visited;
    let mcp = server.mcp(JWT, None).await;
    let user = provider.log_in("app", "openid posts.read", MCP).await;
    server.is_let_in_as(&mcp, &access(&user), "ada").await;
    server.is_let_in_as(&mcp, &provider.token(MCP).await, "backend").await;

    // A token that allows something else is good, and not enough.
    let writer = provider.log_in("app", "openid posts.write", MCP).await;
    let answer = server.call(&mcp, &access(&writer)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
    assert!(answer.challenge.contains("insufficient_scope") && answer.challenge.contains("posts:read"));

    // For another server, and what is no access token at all, with a good signature of the same issuer.
    server.is_refused(&mcp, &provider.token(OTHER).await).await;
    server.is_refused(&mcp, &text(&user, "id_token")).await;
    // What its user may see there opens nothing here.
    let opaque = provider.log_in("opaque", "openid posts.read", MCP).await;
    server.is_refused(&mcp, &access(&opaque)).await;

    server.clock.advance(TOKEN + Duration::from_secs(11));
    server.is_refused(&mcp, &access(&user)).await;
}

#[tokio::test]
async fn its_keys_change_and_its_tokens_go_on() {
    let Some(provider) = Provider::start().await else { return };
    let server = &provider.visited;
    let mcp = server.mcp(JWT, None).await;
    let old = provider.token(MCP).await;
    server.is_let_in_as(&mcp, &old, "backend").await;
    // Signed with a key that is not known yet: it is looked for, though not twice in the same half minute.
    server.clock.advance(Duration::from_secs(30));
    provider.keys("add").await;
    let new = provider.token(MCP).await;
    server.is_let_in_as(&mcp, &new, "backend").await;
    server.is_let_in_as(&mcp, &provider.token(MCP).await, "backend").await;
    let again = provider.token(MCP).await;
    // Withdrawn: for who comes to know of it, its tokens count no more.
    provider.keys("drop").await;
    let late = server.mcp(JWT, None).await;
    server.is_refused(&late, &old).await;
    server.is_let_in_as(&late, &again, "backend").await;
}

#[tokio::test]
async fn while_it_is_down_what_is_known_of_it_is_enough() {
    let Some(mut provider) = Provider::start().await else { return };
    let mcp = provider.visited.mcp(JWT, None).await;
    let late = provider.visited.mcp(JWT, None).await;
    let asked = provider.visited.mcp(&introspection(SECRET), None).await;
    let (token, new) = (provider.token(MCP).await, provider.token(MCP).await);
    let opaque = access(&provider.log_in("opaque", "openid posts.read", MCP).await);
    provider.visited.is_let_in_as(&mcp, &token, "backend").await;
    provider.stop();
    let server = &provider.visited;
    server.is_let_in_as(&mcp, &new, "backend").await;
    // The token is at no fault where nothing is known, or would have to be asked.
    server.is_told_to_come_back(&late, &new).await;
    server.is_told_to_come_back(&asked, &opaque).await;
    // Keys are fetched anew now and then, which fails; the tokens have ended by themselves before.
    server.clock.advance(KEYS_ARE_FRESH);
    server.is_refused(&mcp, &new).await;
}

fn introspection(secret: &str) -> String {
    format!(
        "[introspection]\nissuer = \"ISSUER\"\nclient_id = \"rs\"\nclient_secret = \"{secret}\"\n\
         scopes = {{ \"posts.read\" = \"posts:read\" }}"
    )
}

#[tokio::test]
async fn it_is_asked_about_tokens_that_say_nothing() {
    let Some(provider) = Provider::start().await else { return };
    let server = &provider.visited;
    let mcp = server.mcp(&introspection(SECRET), None).await;
    let token = access(&provider.log_in("opaque", "openid posts.read", MCP).await);
    assert!(!token.contains('.'), "it says nothing");
    server.is_let_in_as(&mcp, &token, "ada").await;
    let elsewhere = provider.log_in("opaque", "openid posts.read", OTHER).await;
    server.is_refused(&mcp, &access(&elsewhere)).await;
    server.is_refused(&mcp, "made-up").await;
    let writer = provider.log_in("opaque", "openid posts.write", MCP).await;
    assert_eq!(server.call(&mcp, &access(&writer)).await.status, StatusCode::FORBIDDEN);
    // It does not talk to who guesses our secret, and nobody's token is at fault for that.
    let wrong = server.mcp(&introspection("guessed"), None).await;
    server.is_told_to_come_back(&wrong, &token).await;

    // Revoked there: refused here once the last answer is too old.
    let (status, _) = provider.post("/token/revocation", &[("client_id", "opaque"), ("token", &token)]).await;
    assert_eq!(status, StatusCode::OK);
    server.clock.advance(Duration::from_secs(30));
    server.is_refused(&mcp, &token).await;
}
