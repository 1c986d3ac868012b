use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;

use crate::demo::{Demo, barewire, free_port, json, stderr, stdout};

/// Answers everything with the same page.
fn a_web_page() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let page = "<!doctype html><title>Welcome</title>";
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length";
            let _ = write!(stream, "{head}: {}\r\n\r\n{page}", page.len());
        }
    });
    format!("http://{address}/mcp")
}

fn doctor(arguments: &[&str]) -> Output {
    barewire().arg("doctor").args(arguments).env_remove("BAREWIRE_TOKEN").output().unwrap()
}

#[test]
fn a_report_is_for_people_and_for_programs() {
    let demo = Demo::start();
    let well = doctor(&[&demo.url]);
    assert_eq!(well.status.code(), Some(0), "{}{}", stdout(&well), stderr(&well));
    assert!(
        stdout(&well).contains("needs a token") && stdout(&well).contains("0 errors"),
        "{}",
        stdout(&well)
    );
    assert!(!stdout(&well).contains('\x1b'), "no colours where nobody sees them");

    demo.log_in(&[]);
    let inside = demo.run(&["doctor", &demo.url, "--logged-in", "--json"]);
    assert_eq!(inside.status.code(), Some(0), "{}", stdout(&inside));
    let report = json(&inside);
    assert_eq!((&report["format"], &report["withToken"]), (&1.into(), &true.into()));
    assert_eq!(report["server"]["authorization"], "required");
    for member in ["id", "area", "severity", "title", "expected", "observed", "rule", "next", "evidence"] {
        assert!(report["findings"][0].get(member).is_some(), "{member}");
    }
    assert_eq!(report["summary"]["error"], 0);
    assert!(report["exchanges"].as_array().is_some_and(|list| list.len() > 20));
}

#[test]
fn what_is_wrong_is_told_and_has_its_exit_code() {
    let page = a_web_page();
    let ill = doctor(&[&page]);
    assert_eq!(ill.status.code(), Some(8), "{}", stderr(&ill));
    for word in ["✘ A web page answers", "reach.answers", "expected", "observed", "next", "rule", "< 200"] {
        assert!(stdout(&ill).contains(word), "{word}: {}", stdout(&ill));
    }
    let traced = doctor(&[&page, "--json", "--trace"]);
    assert_eq!(traced.status.code(), Some(8));
    assert!(json(&traced)["summary"]["error"].as_u64() >= Some(1));
    assert!(stderr(&traced).contains("Discover, without a token"), "{}", stderr(&traced));

    let nobody = doctor(&[&format!("http://localhost:{}/mcp", free_port()), "--json"]);
    assert_eq!(nobody.status.code(), Some(3));
    assert_eq!(json(&nobody)["error"]["kind"], "connection");
    for (arguments, says) in [
        (vec!["ftp://a.example/mcp"], "not the URL of a server"),
        (vec![page.as_str(), "--ca", "/does/not/exist.pem"], "/does/not/exist.pem"),
        (vec![page.as_str(), "--set", "doctor.deadline=soon"], "doctor.deadline"),
    ] {
        let wrong = doctor(&arguments);
        assert_eq!(wrong.status.code(), Some(2), "{arguments:?}: {}", stderr(&wrong));
        assert!(stderr(&wrong).contains(says), "{arguments:?}: {}", stderr(&wrong));
    }
}
