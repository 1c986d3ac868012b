//! `kill -9` in the middle of what changes keys: `barewire key rotate`, `barewire key reseal`, and a start that seals
//! anew. Whenever it comes, what is out there still counts, nothing is lost, and the second attempt gets through.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use barewire_oauth_server::store::{Keys as _, Secret};
use barewire_store::{SealingKeys, Store};
use barewire_testkit::{OAuthClient, Tokens};
use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use crate::demo::{Demo, barewire, json, stderr};
use crate::key::{NEW, OLD};

/// At how many moments of a run it is killed, from its first to its last.
const MOMENTS: u32 = 12;

/// Kills the command at this moment of a run that takes `whole`; whether it was still there.
fn kill_at(moment: u32, whole: Duration, mut command: Command) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(whole * moment / MOMENTS);
    let there = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    there
}

/// A command about the keys in this folder, with its answer.
fn key(arguments: &[&str], data: &Path, sealed: &str) -> Command {
    let mut command = barewire();
    command.arg("key").args(arguments).arg("--json").arg("--data-dir").arg(data);
    command.env("BAREWIRE_SEALING_KEY", sealed);
    command
}

fn done(mut command: Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    json(&output)
}

fn kids(listed: &Value) -> Vec<String> {
    let keys = listed["keys"].as_array().unwrap_or_else(|| panic!("{listed}"));
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Somebody who connected before anything happened.
struct Connected {
    origin: Url,
    http: reqwest::Client,
    client: OAuthClient,
    first: Tokens,
    last: Tokens,
}

impl Connected {
    async fn to(demo: &Demo) -> Self {
        let origin = Url::parse(&demo.url).unwrap().join("/").unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let client = OAuthClient::register(&origin, "A client").await.unwrap();
        let first = client.log_in(&demo.url, ("johndoe", "secret"), "posts:read").await.unwrap();
        Self { origin, http, client, last: first.clone(), first }
    }

    async fn answer(&self, token: &str) -> StatusCode {
        let me = self.http.get(self.origin.join("/users/me/").unwrap()).bearer_auth(token);
        me.send().await.unwrap().status()
    }

    /// The token of before counts, and there is another one after it.
    async fn goes_on(&mut self) {
        assert_eq!(self.answer(&self.first.access).await, StatusCode::OK);
        let resource = self.origin.join("/mcp").unwrap();
        let refresh = self.last.refresh.as_deref().unwrap();
        self.last = self.client.refresh(refresh, resource.as_str()).await.unwrap();
        assert_eq!(self.answer(&self.last.access).await, StatusCode::OK);
    }

    async fn published(&self) -> Vec<String> {
        let answer = self.http.get(self.origin.join("/jwks").unwrap()).send().await.unwrap();
        kids(&answer.json().await.unwrap())
    }

    /// Waits until the running server has noticed.
    async fn sees(&self, expected: &[String]) {
        let begun = Instant::now();
        while self.published().await != expected {
            assert!(begun.elapsed() < Duration::from_secs(20), "{expected:?} are never published");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_leaves_keys_that_work() {
    let mut demo = Demo::start_with(&["auth.signing_key_poll=50ms"]);
    let mut user = Connected::to(&demo).await;
    let data = demo.data_dir();
    let rotate = || key(&["rotate", "--now"], &data, "");
    let listed = || done(key(&["list"], &data, ""));
    let begun = Instant::now();
    done(rotate());
    let whole = begun.elapsed();
    let mut cut = 0;
    for moment in 0..MOMENTS {
        let before = kids(&listed());
        cut += u32::from(kill_at(moment, whole, rotate()));
        // And now and then the server that is about to notice, with it.
        if moment % 4 == 3 {
            demo.kill();
            demo.start_again("");
        }
        let after = kids(&listed());
        assert!(after.starts_with(&before) && after.len() <= before.len() + 1, "{before:?} {after:?}");
        user.sees(&after).await;
        user.goes_on().await;
    }
    assert!(cut > 0, "it was never there to be killed");

    // The next one takes over: without all the others, what was signed after it counts and nothing else. Tokens are issued in
    // whole seconds, so it signs from the next one on.
    let fresh = done(rotate())["key"]["kid"].as_str().unwrap().to_owned();
    user.sees(&kids(&listed())).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    user.goes_on().await;
    for kid in kids(&listed()).iter().filter(|kid| **kid != fresh) {
        done(key(&["retire", kid], &data, ""));
    }
    user.sees(&[fresh]).await;
    assert_eq!(user.answer(&user.first.access).await, StatusCode::UNAUTHORIZED);
    assert_eq!(user.answer(&user.last.access).await, StatusCode::OK);
}

/// So many secrets that sealing them anew takes a while.
async fn fill(auth: PathBuf) {
    let store = Store::open_with(auth, Some(SealingKeys::parse(OLD).unwrap())).await.unwrap();
    for number in 0..200 {
        let secret = Secret::new(vec![number; 20_000]);
        assert_eq!(store.secret(&format!("of a test, {number}"), &secret).await.unwrap(), secret);
    }
    store.close().await;
}

/// Seals everything with the first of these keys, and says what was there.
fn resealed(data: &Path, sealed: &str) -> Value {
    let found = done(key(&["reseal"], data, sealed));
    for database in found["databases"].as_array().unwrap() {
        assert_eq!(database["unreadable"], 0, "{found}");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_open_after_sealing_them_anew_was_killed() {
    let mut demo = Demo::start_sealed(OLD, &[]);
    let mut user = Connected::to(&demo).await;
    let published = user.published().await;
    demo.stop();
    let data = demo.data_dir();
    fill(data.join("auth.sqlite")).await;
    // The first key seals and both open: whichever comes first, everything has to be sealed anew.
    let (to_new, to_old) = (format!("{NEW} {OLD}"), format!("{OLD} {NEW}"));
    let begun = Instant::now();
    let all = resealed(&data, &to_new);
    let whole = begun.elapsed();
    assert!(all["databases"][0]["secrets"].as_u64().unwrap() > 200, "{all}");
    let mut cut = 0;
    for moment in 0..MOMENTS {
        let keys = if moment % 2 == 0 { &to_old } else { &to_new };
        cut += u32::from(kill_at(moment, whole, key(&["reseal"], &data, keys)));
        assert_eq!(resealed(&data, keys), all);
    }

    // A server that starts with a new first key seals anew, too.
    resealed(&data, &to_old);
    let begun = Instant::now();
    demo.start_again(&to_new);
    let whole = begun.elapsed();
    for moment in (0..MOMENTS).step_by(3) {
        demo.stop();
        resealed(&data, &to_old);
        cut += u32::from(kill_at(moment, whole, demo.serving(&to_new)));
        demo.start_again(&to_new);
        assert_eq!(user.published().await, published);
        user.goes_on().await;
    }
    assert!(cut > 0, "it was never there to be killed");

    demo.stop();
    assert_eq!(resealed(&data, &to_new), all);
    demo.start_again(NEW);
    user.goes_on().await;
}
