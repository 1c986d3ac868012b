//! What is written to the log: who did what, and nothing that would let a reader do the same.

use std::io;
use std::sync::{Arc, Mutex};

use barewire_testkit::Browser;
use reqwest::StatusCode;

use crate::world::{BACKEND_SECRET, CALLBACK, RawForm, Tokens, VERIFIER, World, config, query, set_cookies};

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps what this thread logs, while the guard lives: what is served on it and what asks on it.
    pub(crate) fn keep() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("barewire=trace")
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged_and_no_line_is_forged() {
    // One thread serves and asks, so this is the log of both.
    let (log, _guard) = Log::keep();

    let world = World::new().await;
    world.server.create_user("maria", "correct horse").await.unwrap();
    let client = world.register().await;
    let url = world.authorize_url(&client, CALLBACK, &[]);
    let callback = Browser::new().login_and_consent(&url, "maria", "correct horse").await.unwrap();
    let code = query(&callback)["code"].clone();
    let first = Tokens::read(&world.redeem(&client, &code).await.1);
    let second = Tokens::read(&world.refresh(&client, &first.refresh).await.1);

    // And everything that goes wrong.
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    for _ in 0..7 {
        form.post(&world, &[("username", "typed password"), ("password", "battery staple")]).await;
    }
    let session = form.post(&world, &[("username", "maria"), ("password", "correct horse")]).await;
    let cookies = set_cookies(&session);
    let wrong =
        [("grant_type", "refresh_token"), ("client_id", "backend"), ("client_secret", "guessed secret")];
    world.token(&wrong).await;
    let line = "x\n2026-01-01 INFO forged";
    let twice = [("grant_type", "x"), ("client_id", &client), (line, "1"), (line, "2")];
    assert_eq!(world.token(&twice).await.0, StatusCode::BAD_REQUEST);
    let strange = format!("https://localhost/{}", "client\u{202E}\n2026-01-01 INFO forged");
    world.http.get(world.authorize_url(&strange, CALLBACK, &[])).send().await.unwrap();
    world.advance(config().refresh_grace.as_secs());
    world.refresh(&client, &first.refresh).await;
    world.redeem(&client, &code).await;

    let text = log.text();
    assert!(text.contains("a token request was refused") && text.contains("a grant was revoked"), "{text}");
    let secrets =
        [&code, &first.access, &first.refresh, &second.access, &second.refresh, &form.csrf, &form.cookie];
    let secrets = secrets.into_iter().chain(&cookies).map(String::as_str);
    let typed =
        ["correct horse", "battery staple", "typed password", "guessed secret", BACKEND_SECRET, VERIFIER];
    for secret in secrets.chain(typed) {
        let value = secret.split_once('=').map_or(secret, |(_, value)| value);
        assert!(!text.contains(value), "{secret} is in the log:\n{text}");
    }
    assert!(!text.lines().any(|line| line.starts_with("2026-01-01 INFO forged")), "{text}");
}
