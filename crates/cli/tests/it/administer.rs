//! `barewire user`, `client` and `grant`: what they do at a store, and that the server which runs there hears of it.

use std::io::Write as _;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::demo::{Demo, barewire, json, stderr, stdout};

/// A command at this demo's store, with this on standard input.
fn run(demo: &Demo, arguments: &[&str], input: &str) -> Output {
    let mut command = barewire();
    command.args(arguments).arg("--data-dir").arg(demo.data_dir());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn ok(demo: &Demo, arguments: &[&str], input: &str) -> Output {
    let output = run(demo, arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    output
}

/// Until the server refuses the call, or three seconds are over; how long it took.
fn refused_after(demo: &Demo, arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    loop {
        if !demo.run(arguments).status.success() {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it is never refused");
    }
}

#[test]
fn a_running_server_hears_of_what_is_done_at_its_store() {
    let demo = Demo::start();
    let url = demo.url.clone();
    assert!(demo.log_in(&["--scope", "posts:write"]).status.success());
    let create = ["call", &url, "create_post", "title=Mine", "content=Soon without leave."];
    let read = ["call", &url, "read_post", "id=1"];
    assert!(demo.run(&create).status.success());

    // Narrowed: what was taken is refused, the rest goes on.
    let list = json(&ok(&demo, &["grant", "list", "--user", "johndoe", "--json"], ""));
    let id = list["items"][0]["id"].as_str().unwrap();
    assert_eq!(list["items"][0]["user"], "johndoe", "{list}");
    let left = json(&ok(&demo, &["grant", "narrow", id, "--keep", "posts:read", "--json"], ""));
    assert!(left["scope"].as_str().unwrap().contains("posts:read"), "{left}");
    let took = refused_after(&demo, &create);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(demo.run(&read).status.success());

    // Disabled and enabled.
    ok(&demo, &["user", "disable", "johndoe"], "");
    refused_after(&demo, &read);
    let shown = stdout(&ok(&demo, &["user", "list"], ""));
    assert!(shown.contains("johndoe  disabled"), "{shown}");
    ok(&demo, &["user", "enable", "johndoe"], "");
    // Tokens of the very second do not count: they say only in which second they were issued.
    std::thread::sleep(Duration::from_millis(1100));
    assert!(demo.log_in(&[]).status.success());
    assert!(demo.run(&read).status.success());

    // Revoked.
    let list = json(&ok(&demo, &["grant", "list", "--user", "johndoe", "--json"], ""));
    let newest = list["items"][0]["id"].as_str().unwrap();
    ok(&demo, &["grant", "revoke", newest], "");
    refused_after(&demo, &read);
    let again = run(&demo, &["grant", "revoke", newest, "--json"], "");
    assert_eq!((again.status.code(), &json(&again)["error"]["kind"]), (Some(6), &json!("refused")));

    // Who did it is in the log.
    let log = json(
        &barewire().args(["audit", "list", "--json", "--data-dir"]).arg(demo.data_dir()).output().unwrap(),
    );
    let by_operator = |event: &str, reason: &str| {
        log["records"].as_array().unwrap().iter().any(|record| {
            record["event"] == event
                && record["reason"] == reason
                && record["user"] == "johndoe"
                && record["by"].as_str().is_some_and(|by| by.starts_with("operator:"))
        })
    };
    for (event, reason) in [
        ("administration", "user_disabled"),
        ("administration", "user_enabled"),
        ("narrowing", "operator"),
        ("revocation", "operator"),
    ] {
        assert!(by_operator(event, reason), "{event} {reason}: {log}");
    }
}

#[test]
fn users_and_clients_are_added_and_changed_without_a_password_on_the_command_line() {
    let demo = Demo::start();
    let add = ["user", "add", "eve", "--password-stdin", "--json"];
    let added = json(&ok(&demo, &add, "long enough\n"));
    assert_eq!((&added["name"], &added["administrator"]), (&json!("eve"), &json!(false)));
    for (arguments, input, code) in [
        (&add[..], "long enough\n", 6),
        (&["user", "add", "bob", "--password-stdin"], "short\n", 2),
        (&["user", "add", "bob"], "", 2),
        (&["user", "add", "bob", "--password", "long enough"], "", 2),
        (&["user", "show", "nobody"], "", 6),
        (&["user", "list", "--cursor", "%"], "", 2),
        (&["client", "show", "nobody"], "", 6),
        (&["client", "add", "Bad", "--redirect-uri", "javascript:alert(1)"], "", 2),
        (&["grant", "show", "nobody"], "", 6),
    ] {
        let output = run(&demo, arguments, input);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
    }
    ok(&demo, &["user", "promote", "eve"], "");
    assert_eq!(json(&ok(&demo, &["user", "show", "eve", "--json"], ""))["administrator"], true);
    ok(&demo, &["user", "demote", "eve"], "");
    ok(&demo, &["user", "password", "eve", "--password-stdin"], "another one");
    ok(&demo, &["user", "reset-factors", "eve"], "");
    ok(&demo, &["user", "sign-out", "eve"], "");
    let page = json(&ok(&demo, &["user", "list", "--limit", "1", "--json"], ""));
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = json(&ok(&demo, &["user", "list", "--cursor", cursor, "--json"], ""));
    assert_eq!(rest["items"].as_array().unwrap().len(), 3, "{rest}");

    let new = [
        "client",
        "add",
        "Ours",
        "--id",
        "ours",
        "--redirect-uri",
        "https://ours.example/cb",
        "--confidential",
    ];
    let added = stdout(&ok(&demo, &new, ""));
    assert!(added.contains("bws_") && added.contains("added"), "{added}");
    assert!(!stdout(&ok(&demo, &["client", "show", "ours"], "")).contains("bws_"));
    ok(&demo, &["client", "disable", "ours"], "");
    assert!(stdout(&ok(&demo, &["client", "list"], "")).contains("disabled"));
    ok(&demo, &["client", "enable", "ours"], "");
    ok(&demo, &["client", "delete", "ours"], "");
    // A folder without a store gets none.
    let nowhere = demo.data_dir().join("nowhere");
    let output = barewire().args(["user", "list", "--data-dir"]).arg(&nowhere).output().unwrap();
    assert!(output.status.code() == Some(2) && !nowhere.exists(), "{}", stderr(&output));
    let script = stdout(&barewire().args(["completions", "bash"]).output().unwrap());
    for word in ["reset-factors", "sign-out", "narrow", "revoke", "--redirect-uri"] {
        assert!(script.contains(word), "{word}");
    }
}

#[test]
fn accounts_at_a_provider_are_linked_and_taken_away() {
    let demo = Demo::start();
    let account = ["--issuer", "https://idp.example", "--subject", "ada-1"];
    let with =
        |action: &'static str, user: &'static str| [&["user", action, user][..], &account[..]].concat();
    ok(&demo, &with("link", "janedoe"), "");
    let shown = json(&ok(&demo, &["user", "show", "janedoe", "--json"], ""));
    assert_eq!(shown["accounts"][0]["issuer"], "https://idp.example", "{shown}");
    assert_eq!(shown["accounts"][0]["subject"], "ada-1", "{shown}");
    let taken = run(&demo, &with("link", "johndoe"), "");
    assert_eq!(taken.status.code(), Some(6), "{}", stderr(&taken));
    assert!(stderr(&taken).contains("another user"), "{}", stderr(&taken));
    ok(&demo, &with("unlink", "janedoe"), "");
    assert_eq!(run(&demo, &with("unlink", "janedoe"), "").status.code(), Some(6));
    let half = run(&demo, &["user", "link", "janedoe", "--issuer", "https://idp.example"], "");
    assert_eq!(half.status.code(), Some(2), "{}", stderr(&half));
}
