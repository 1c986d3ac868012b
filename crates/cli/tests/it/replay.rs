use std::process::Output;

use crate::demo::{Demo, barewire, free_port, json, stderr, stdout};

fn replay(arguments: &[&str]) -> Output {
    barewire().arg("replay").args(arguments).env_remove("BAREWIRE_TOKEN").output().unwrap()
}

#[test]
fn a_report_is_for_people_and_for_programs() {
    let demo = Demo::start();
    let outside = replay(&[&demo.url]);
    assert_eq!(outside.status.code(), Some(0), "{}{}", stdout(&outside), stderr(&outside));
    for word in
        ["2026-07-28 not known", "asks for a token", "2026-07-28 login", "0 differ", "register: it registers"]
    {
        assert!(stdout(&outside).contains(word), "{word}: {}", stdout(&outside));
    }
    // Once for each revision, and once for all that was left out.
    assert_eq!(stdout(&outside).matches("give one with --token").count(), 6, "{}", stdout(&outside));
    assert!(!stdout(&outside).contains('\x1b'), "no colours where nobody sees them");

    demo.log_in(&[]);
    let inside = demo.run(&["replay", &demo.url, "--logged-in", "--json", "--call", "list_posts"]);
    assert_eq!(inside.status.code(), Some(0), "{}", stdout(&inside));
    let report = json(&inside);
    assert_eq!(
        (&report["format"], &report["withToken"], &report["callsAllowed"]),
        (&1.into(), &true.into(), &true.into())
    );
    assert_eq!((&report["summary"]["differs"], &report["summary"]["advised"]), (&0.into(), &0.into()));
    let transcripts = report["transcripts"].as_array().unwrap();
    let call = transcripts.iter().find(|it| it["flow"] == "call").unwrap();
    assert_eq!((&call["steps"][2]["name"], &call["steps"][2]["outcome"]), (&"call".into(), &"same".into()));
}

#[test]
fn what_cannot_be_replayed_has_its_exit_code() {
    let nobody = replay(&[&format!("http://localhost:{}/mcp", free_port()), "--json"]);
    assert_eq!(nobody.status.code(), Some(3));
    assert_eq!(json(&nobody)["error"]["kind"], "connection");
    for (arguments, says) in [
        (vec!["ftp://a.example/mcp"], "http or https"),
        (vec!["http://a.example/mcp", "--flow", "tango"], "tango"),
        (vec!["http://a.example/mcp", "--give", "tool"], "NAME=VALUE"),
        (vec!["http://a.example/mcp", "--set", "replay.deadline=soon"], "replay.deadline"),
    ] {
        let wrong = replay(&arguments);
        assert_eq!(wrong.status.code(), Some(2), "{arguments:?}: {}", stderr(&wrong));
        assert!(stderr(&wrong).contains(says), "{arguments:?}: {}", stderr(&wrong));
    }
}
