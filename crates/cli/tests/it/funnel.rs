//! What our own client leaves in the funnel of the running demo, and how `barewire funnel` tells it.

use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::demo::{Demo, barewire, json, stderr, stdout};

fn funnel(demo: &Demo, arguments: &[&str]) -> Output {
    barewire().arg("funnel").args(arguments).arg("--data-dir").arg(demo.data_dir()).output().unwrap()
}

/// The newest attempt, once it stands like this: what happens is written within a second.
fn newest(demo: &Demo, outcome: &str) -> Value {
    for _ in 0..200 {
        let all = json(&funnel(demo, &["--json"]));
        let last = all["attempts"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
        if last["outcome"] == outcome {
            return last;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{}", stdout(&funnel(demo, &["--json"])));
}

#[test]
fn our_own_client_connects_and_every_step_is_there() {
    let demo = Demo::start();
    let mut follow = barewire();
    follow.args(["funnel", "--follow", "--json", "--data-dir"]).arg(demo.data_dir());
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    assert!(demo.log_in(&[]).status.success());
    assert!(demo.run(&["call", &demo.url, "read_post", "id=1"]).status.success());

    let attempt = newest(&demo, "complete");
    let steps: Vec<_> = attempt["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reached| reached["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        steps,
        [
            "challenge",
            "resource_metadata",
            "server_metadata",
            "registration",
            "authorization",
            "login",
            "consent",
            "token",
            "call"
        ],
        "{attempt}"
    );
    assert_eq!(
        (&attempt["registration"], &attempt["user"]),
        (&"dynamic".into(), &"johndoe".into()),
        "{attempt}"
    );

    let text = stdout(&funnel(&demo, &["--outcome", "complete", "--step", "call", "--since", "1h"]));
    assert!(
        text.contains("complete") && text.contains("user johndoe") && text.contains("registration +"),
        "{text}"
    );
    assert_eq!(json(&funnel(&demo, &["--json", "--outcome", "stopped"]))["attempts"], serde_json::json!([]));
    assert_eq!(json(&funnel(&demo, &["--json", "--client", "nobody"]))["attempts"], serde_json::json!([]));
    assert!(stdout(&funnel(&demo, &["--client", "nobody"])).contains("No attempt"));

    // Who follows has seen it grow, a document on each line.
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let last = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("\"outcome\":\"complete\"")));
    let last: Value = serde_json::from_str(&last.unwrap().unwrap()).unwrap();
    assert_eq!(last["id"], attempt["id"]);
    follow.kill().unwrap();
    follow.wait().unwrap();
}

#[test]
fn who_begins_and_does_not_go_on_is_told_what_is_missing() {
    let demo = Demo::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let status = runtime.block_on(async {
        let request = reqwest::Client::new().post(&demo.url).header("content-type", "application/json");
        let request = request.header("accept", "application/json, text/event-stream").body("{}");
        request.send().await.unwrap().status()
    });
    assert_eq!(status, 401);
    let attempt = newest(&demo, "waiting");
    assert_eq!(attempt["waitsFor"], "metadata_not_fetched", "{attempt}");
    assert!(attempt["explanation"]["next"].as_str().is_some_and(|next| !next.is_empty()), "{attempt}");
    let text = stdout(&funnel(&demo, &[]));
    assert!(text.contains("waiting  after challenge") && text.contains("next  "), "{text}");
}

#[test]
fn mistakes_on_the_command_line_say_what_there_is() {
    let demo = Demo::start();
    let wrong = funnel(&demo, &["--step", "nonsense"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("resource_metadata"), "{}", stderr(&wrong));
    let nowhere = barewire().args(["funnel", "--data-dir", "/nonexistent/folder"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(2), "{}", stderr(&nowhere));
    assert!(stderr(&nowhere).contains("--data-dir"), "{}", stderr(&nowhere));
}
