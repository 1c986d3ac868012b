//! `barewire key`, beside a running demo: what is rotated and retired is noticed there. And where the sealing key comes from.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use barewire_testkit::TempDir;
use serde_json::Value;

use crate::demo::{Demo, barewire, free_port, json, stderr, stdout};

fn key(arguments: &[&str], data_dir: &Path) -> Output {
    barewire().arg("key").args(arguments).arg("--data-dir").arg(data_dir).output().unwrap()
}

fn published(demo: &Demo) -> Vec<String> {
    let url = demo.url.replace("/mcp", "/jwks");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let keys: Value = runtime.block_on(async { reqwest::get(url).await.unwrap().json().await.unwrap() });
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the running server has noticed.
fn until_published(demo: &Demo, expected: &[&str]) {
    let start = Instant::now();
    while published(demo) != expected {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?} is not {expected:?}", published(demo));
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn keys_are_rotated_and_retired_beside_a_running_server() {
    let demo = Demo::start();
    assert!(demo.log_in(&[]).status.success());
    assert!(demo.run(&["call", &demo.url, "list_posts"]).status.success());
    let data = demo.data_dir();
    let listed = json(&key(&["list", "--json"], &data));
    let old = listed["keys"][0]["kid"].as_str().unwrap().to_owned();
    assert_eq!(listed["keys"][0]["state"], "signing");

    let refused = key(&["retire", &old], &data);
    assert_eq!(refused.status.code(), Some(6), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("barewire key rotate --now"), "{}", stderr(&refused));
    let next = json(&key(&["rotate", "--json"], &data))["key"].clone();
    assert_eq!(next["state"], "next");
    let fresh = json(&key(&["rotate", "--now", "--json"], &data))["key"].clone();
    assert_eq!(fresh["state"], "signing");
    let (next, fresh) = (next["kid"].as_str().unwrap(), fresh["kid"].as_str().unwrap());
    until_published(&demo, &[&old, next, fresh]);
    assert!(stdout(&key(&["list"], &data)).contains(&format!("signing   {fresh}  ES256")));
    // The token at hand is of the old key; without that it is renewed by itself.
    assert!(key(&["retire", &old], &data).status.success());
    until_published(&demo, &[next, fresh]);
    let called = demo.run(&["call", &demo.url, "list_posts", "--trace"]);
    assert!(called.status.success(), "{}", stderr(&called));
    assert!(stderr(&called).contains("/token"), "it was not renewed: {}", stderr(&called));
    let unknown = key(&["retire", "nobody", "--json"], &data);
    assert_eq!((unknown.status.code(), json(&unknown)["error"]["kind"].as_str()), (Some(6), Some("refused")));
}

#[test]
fn without_a_database_there_is_nothing_to_do() {
    let dir = TempDir::new();
    for command in [&["list"][..], &["rotate"], &["retire", "x"], &["reseal"]] {
        let output = key(command, &dir.join("nothing"));
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(stderr(&output).contains("--data-dir"), "{}", stderr(&output));
    }
    assert!(!dir.join("nothing").exists());
}

pub(crate) const OLD: &str = "b2xkIGtleSBvbGQga2V5IG9sZCBrZXkgb2xkIGtleSE=";
pub(crate) const NEW: &str = "bmV3IGtleSBuZXcga2V5IG5ldyBrZXkgbmV3IGtleSE=";

/// A demo that is started once with these keys, and ended in order.
fn run_once(data_dir: &Path, keys: &str) -> Output {
    let mut command = barewire();
    let address = |port| format!("localhost:{port}");
    command.args(["demo", "--listen", &address(free_port()), "--host-listen", &address(free_port())]);
    command.arg("--data-dir").arg(data_dir).env("BAREWIRE_SEALING_KEY", keys);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    // It has listened once the last database is there and its key was found right, or it ended by itself.
    while child.try_wait().unwrap().is_none() {
        if data_dir.join("host.sqlite").exists() && start.elapsed() > Duration::from_secs(4) {
            let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn the_sealing_key_comes_from_the_environment_or_a_file() {
    let dir = TempDir::new();
    let data = dir.join("data");
    assert!(run_once(&data, OLD).status.success());
    let names: Vec<_> = std::fs::read_dir(&data).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".key")), "{names:?}");

    // Neither without it nor with another one.
    for (keys, expected) in [("", "BAREWIRE_SEALING_KEY"), (NEW, "another key"), ("guess", "32 bytes")] {
        let output = run_once(&data, keys);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(!stderr(&output).contains(NEW), "it shows the key");
    }

    // In a file that others can read it is refused; in one that they cannot it seals everything anew.
    let file = dir.join("sealing.key");
    std::fs::write(&file, format!("{NEW}\n{OLD}\n")).unwrap();
    let setting = format!("store.sealing_key_file={}", file.display());
    let reseal = || key(&["reseal", "--json", "--set", &setting], &data);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = reseal();
        assert_eq!(refused.status.code(), Some(2));
        assert!(stdout(&refused).contains("chmod 600"), "{}", stdout(&refused));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let resealed = json(&reseal());
    assert_eq!(resealed["databases"][0]["database"], "auth.sqlite");
    assert!(resealed["databases"][0]["secrets"].as_u64().unwrap() >= 4, "{resealed}");
    std::fs::write(&file, NEW).unwrap();
    let listed = key(&["list", "--set", &setting], &data);
    assert!(listed.status.success(), "{}", stderr(&listed));
    let twice = barewire()
        .args(["key", "list", "--set", &setting, "--data-dir"])
        .arg(&data)
        .env("BAREWIRE_SEALING_KEY", NEW)
        .output()
        .unwrap();
    assert_eq!(twice.status.code(), Some(2));
}
