use std::time::Duration;

use crate::demo::{Demo, barewire, json, stderr, stdout};

#[test]
fn the_log_of_a_running_demo_is_read_checked_and_found_out_when_altered() {
    let mut demo = Demo::start();
    let url = demo.url.clone();
    assert!(demo.log_in(&[]).status.success());
    assert!(demo.run(&["call", &url, "read_post", "id=1"]).status.success());
    let folder = demo.data_dir();
    let audit = |arguments: &[&str]| {
        barewire().arg("audit").args(arguments).arg("--data-dir").arg(&folder).output().unwrap()
    };

    // Records are written within half a second.
    let mut listed = json(&audit(&["list", "--json", "--name", "read_post"]));
    for _ in 0..100 {
        if listed["records"].as_array().is_some_and(|records| !records.is_empty()) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        listed = json(&audit(&["list", "--json", "--name", "read_post"]));
    }
    let record = &listed["records"][0];
    assert_eq!((&record["user"], &record["status"]), (&"johndoe".into(), &200.into()), "{record}");
    assert!(record["chain"].as_str().is_some_and(|hash| hash.len() == 64), "{record}");
    let text = stdout(&audit(&["list", "--user", "johndoe", "--since", "1h"]));
    assert!(text.contains("tools/call read_post allowed result 200"), "{text}");
    let refused = stdout(&audit(&["list", "--refused"]));
    assert!(refused.contains("unauthenticated") && !refused.contains("read_post"), "{refused}");
    assert_eq!(json(&audit(&["list", "--json", "--user", "nobody"]))["records"], serde_json::json!([]));
    let one = json(&audit(&["list", "--json", "--limit", "1"]));
    assert_eq!(one["records"].as_array().map(Vec::len), Some(1));
    let all = json(&audit(&["list", "--json", "--limit", "0"]));
    assert!(all["records"].as_array().is_some_and(|records| records.len() > 3), "{all}");

    demo.stop();
    let intact = json(&audit(&["verify", "--json"]));
    assert_eq!((&intact["intact"], &intact["notClosed"]), (&true.into(), &0.into()), "{intact}");
    let head = intact["head"].as_str().unwrap();
    assert!(audit(&["verify", "--head", head]).status.success());

    let file = folder.join("audit.sqlite");
    let mut bytes = std::fs::read(&file).unwrap();
    let name = b"read_post";
    let places: Vec<_> = (0..bytes.len() - name.len()).filter(|&at| bytes[at..].starts_with(name)).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|&at| bytes[at] = b'R');
    std::fs::write(&file, bytes).unwrap();
    let broken = audit(&["verify"]);
    assert_eq!(broken.status.code(), Some(7), "{}", stderr(&broken));
    let number = &record["sequence"];
    assert!(stderr(&broken).contains(&format!("record {number} is not")), "{}", stderr(&broken));
}
