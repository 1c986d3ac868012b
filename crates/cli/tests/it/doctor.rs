use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json as value};

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
        (vec!["ftp://a.example/mcp"], "http or https"),
        (vec![page.as_str(), "--ca", "/does/not/exist.pem"], "/does/not/exist.pem"),
        (vec![page.as_str(), "--set", "doctor.deadline=soon"], "doctor.deadline"),
    ] {
        let wrong = doctor(&arguments);
        assert_eq!(wrong.status.code(), Some(2), "{arguments:?}: {}", stderr(&wrong));
        assert!(stderr(&wrong).contains(says), "{arguments:?}: {}", stderr(&wrong));
    }
}

/// A server as somebody may have it on their machine: 2025-11-25, one tool, and nobody looks at who calls.
fn a_small_server() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    format!("http://localhost:{}", address.port())
}

fn answer(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        if lines.read_line(&mut head).unwrap() == 0 {
            return;
        }
        if let Some((name, value)) = head[start..].split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut say = |status: &str, body: &str| {
        let head = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length"
        );
        let _ = write!(stream, "{head}: {}\r\n\r\n{body}", body.len());
    };
    match (head.starts_with("POST /mcp"), message["method"].as_str()) {
        (true, Some("initialize")) => {
            let tools = value!({ "tools": {} });
            let server = value!({ "name": "notes", "version": "1.0.0" });
            let result =
                value!({ "protocolVersion": "2025-11-25", "capabilities": tools, "serverInfo": server });
            say("200 OK", &value!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string());
        }
        (true, Some("tools/list")) => {
            let schema = value!({ "type": "object", "properties": { "tags": { "type": "array" } } });
            let result = value!({ "tools": [{ "name": "find_notes", "inputSchema": schema }] });
            say("200 OK", &value!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string());
        }
        (true, Some(method)) if method.starts_with("notifications/") => say("202 Accepted", ""),
        (true, Some("ping")) => {
            say("200 OK", &value!({ "jsonrpc": "2.0", "id": message["id"], "result": {} }).to_string());
        }
        (true, Some(_)) => {
            let error = value!({ "code": -32601, "message": "Method not found" });
            say("200 OK", &value!({ "jsonrpc": "2.0", "id": message["id"], "error": error }).to_string());
        }
        (true, None) => {
            say("400 Bad Request", r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"}}"#);
        }
        (false, _) if head.contains(" /mcp") => say("405 Method Not Allowed", ""),
        (false, _) => say("404 Not Found", ""),
    }
}

/// The sample in the guide is what the command prints today. `BAREWIRE_WRITE_SAMPLE=1` writes it anew.
#[test]
fn the_guide_shows_a_report_as_it_is() {
    let origin = a_small_server();
    let output = doctor(&[&format!("{origin}/mcp")]);
    assert_eq!(output.status.code(), Some(8), "{}", stderr(&output));
    let report = stdout(&output).replace(&origin, "http://localhost:8000");
    // Another machine takes another time.
    let same = |line: &str| match line.split_once(" requests in ") {
        Some((count, _)) => format!("{count} requests in 0.1 s\n"),
        None => format!("{line}\n"),
    };
    let report: String = report.lines().map(same).collect();

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/doctor.md");
    let guide = std::fs::read_to_string(&path).unwrap();
    let (before, rest) =
        guide.split_once("```console\n$ barewire doctor http://localhost:8000/mcp\n").unwrap();
    let (shown, after) = rest.split_once("```").unwrap();
    if std::env::var_os("BAREWIRE_WRITE_SAMPLE").is_some() {
        let sample = format!("```console\n$ barewire doctor http://localhost:8000/mcp\n{report}```");
        std::fs::write(&path, format!("{before}{sample}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, report, "docs/doctor.md: BAREWIRE_WRITE_SAMPLE=1 writes it anew");
}
