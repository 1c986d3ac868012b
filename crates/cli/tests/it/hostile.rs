//! A server whose every text is written for the terminal: it clears the screen, turns the direction, adds lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use barewire_testkit::TempDir;
use serde_json::{Value, json};

use crate::demo::{barewire, json, stderr, stdout};

/// What it says wherever it can say something.
const EVIL: &str = "\x1b[2J\u{9b}31m\u{202e}x\r\nFAKE: all is well\u{2028}FAKE\u{e0041}";

/// Speaks 2025-11-25. `/mcp` serves everybody, `/closed` wants a token.
fn start() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (send, receive) = channel();
    let answered = (send, Arc::new(Mutex::new(receive)));
    let at = origin.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answered, origin) = (answered.clone(), at.clone());
            std::thread::spawn(move || serve(stream, &origin, &answered));
        }
    });
    origin
}

type Answered = (Sender<()>, Arc<Mutex<Receiver<()>>>);

fn serve(mut stream: TcpStream, origin: &str, answered: &Answered) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut say = |status: &str, headers: &str, body: &str| {
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n");
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    };
    const JSON: &str = "content-type: application/json\r\n";
    let path = first.split(' ').nth(1).unwrap_or_default();
    if path.starts_with("/.well-known/oauth-protected-resource") {
        let document =
            json!({ "resource": EVIL, "authorization_servers": [EVIL], "scopes_supported": [EVIL] });
        return say("200 OK", JSON, &document.to_string());
    }
    if path == "/closed" {
        let challenge = format!(
            "www-authenticate: Bearer resource_metadata=\"{origin}/.well-known/oauth-protected-resource\", error_description=\"\u{9b}2J\"\r\n"
        );
        return say("401 Unauthorized", &challenge, "");
    }
    if !first.starts_with("POST /mcp") {
        return say("405 Method Not Allowed", "", "");
    }
    match message["method"].as_str() {
        // The answer to its question.
        None => {
            let _ = answered.0.send(());
            say("202 Accepted", "", "");
        }
        Some(method) if method.starts_with("notifications/") => say("202 Accepted", "", ""),
        Some("tools/call") => {
            let events = |messages: &[Value]| -> String {
                messages.iter().map(|message| format!("data: {message}\n\n")).collect()
            };
            let log = json!({
                "jsonrpc": "2.0", "method": "notifications/message", "params": { "level": "warning", "data": EVIL },
            });
            let question = json!({
                "jsonrpc": "2.0", "id": 1, "method": "elicitation/create",
                "params": { "message": EVIL, "requestedSchema": { "type": "object", "properties": {} } },
            });
            say("200 OK", "content-type: text/event-stream\r\n", &events(&[log, question]));
            let _ = answered.1.lock().unwrap().recv_timeout(Duration::from_secs(20));
            let text = json!({ "type": "text", "text": EVIL });
            let link = json!({ "type": "resource_link", "name": EVIL, "uri": EVIL });
            let result =
                json!({ "jsonrpc": "2.0", "id": message["id"], "result": { "content": [text, link] } });
            let _ = stream.write_all(events(&[result]).as_bytes());
        }
        Some(method) => {
            let answer = match result(method, &message["params"]) {
                Some(result) => json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }),
                None => {
                    json!({ "jsonrpc": "2.0", "id": message["id"], "error": { "code": -32601, "message": EVIL } })
                }
            };
            say("200 OK", JSON, &answer.to_string());
        }
    }
}

fn result(method: &str, params: &Value) -> Option<Value> {
    Some(match method {
        "initialize" => json!({
            "protocolVersion": "2025-11-25",
            "serverInfo": { "name": EVIL, "version": EVIL },
            "capabilities": { "tools": {}, "resources": {}, "prompts": {}, "logging": {} },
        }),
        "tools/list" => json!({ "tools": [{
            "name": EVIL, "title": EVIL, "description": format!("{EVIL}\n{EVIL}"),
            "inputSchema": { "type": "object", "properties": { EVIL: { "type": "string", "description": EVIL } } },
        }] }),
        "resources/list" => json!({ "resources": [{ "uri": EVIL, "name": EVIL }] }),
        "resources/templates/list" => {
            json!({ "resourceTemplates": [{ "uriTemplate": EVIL, "name": EVIL }] })
        }
        "resources/read" if params["uri"] == "binary" => {
            json!({ "contents": [{ "uri": EVIL, "mimeType": EVIL, "blob": "AA==" }] })
        }
        "resources/read" => json!({ "contents": [{ "uri": EVIL, "text": EVIL }] }),
        "prompts/list" => json!({ "prompts": [{
            "name": EVIL, "description": EVIL, "arguments": [{ "name": EVIL, "required": true }],
        }] }),
        "prompts/get" if params["name"] == "p" => {
            json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": EVIL } }] })
        }
        "ping" => json!({}),
        _ => return None,
    })
}

fn run(arguments: &[&str]) -> Output {
    let folder = TempDir::new();
    let credentials = folder.path().join("credentials.sqlite");
    barewire().args(arguments).env("BAREWIRE_CREDENTIALS", credentials).output().unwrap()
}

/// Nothing on the terminal commands it.
fn harmless(arguments: &[&str], output: &Output) -> String {
    let printed = format!("{}{}", stdout(output), stderr(output));
    let commands = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{e0000}'..='\u{e007f}')
    };
    assert!(!printed.contains(commands), "{arguments:?}: {printed:?}");
    printed
}

/// What is on the terminal: no control characters, and, where lines of ours are, none that is made up.
fn check(arguments: &[&str], output: &Output, content: bool) {
    let printed = harmless(arguments, output);
    assert!(printed.contains('\u{fffd}'), "{arguments:?} shows that something was there: {printed}");
    if !content {
        let fake = printed.lines().find(|line| line.trim_start().starts_with("FAKE"));
        assert_eq!(fake, None, "{arguments:?}: {printed}");
    }
}

#[test]
fn a_server_cannot_write_lines_of_its_own() {
    let origin = start();
    let (url, closed) = (format!("{origin}/mcp"), format!("{origin}/closed"));
    let url = url.as_str();
    for (arguments, code) in [
        (vec!["tools", url], 0),
        (vec!["tools", url, "--trace"], 0),
        (vec!["tools", "show", url, EVIL], 0),
        (vec!["tools", "show", url, "no such tool\n\x1b[2J"], 6),
        (vec!["resources", url], 0),
        (vec!["resources", "read", url, "binary"], 0),
        (vec!["prompts", url], 0),
        (vec!["prompts", "get", url, "p"], 0),
        (vec!["doctor", url, "--all", "--set", "doctor.stream_wait=500ms"], 8),
        (vec!["replay", url, "--all", "--flow", "errors"], 9),
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
        check(&arguments, &output, false);
    }
    let login = run(&["login", &closed, "--no-browser"]);
    assert_eq!(login.status.code(), Some(4), "{}", stderr(&login));
    harmless(&["login"], &login);
    // An error stands below the line that says so.
    let refused = run(&["prompts", "get", url, "no such prompt"]);
    assert_eq!(refused.status.code(), Some(6), "{}", stderr(&refused));
    check(&["prompts get"], &refused, true);
    assert!(stderr(&refused).lines().all(|line| !line.starts_with("FAKE")), "{}", stderr(&refused));
}

#[test]
fn content_keeps_its_lines_and_nothing_else() {
    let origin = start();
    let url = format!("{origin}/mcp");
    let called = run(&["call", &url, "t"]);
    assert_eq!(called.status.code(), Some(0), "{}", stderr(&called));
    check(&["call"], &called, true);
    assert!(stdout(&called).contains("x\nFAKE: all is well"), "{}", stdout(&called));
    // The log and the question are ours to tell.
    assert!(stderr(&called).contains("server says (warning)"), "{}", stderr(&called));
    assert!(stderr(&called).contains("The server asks"), "{}", stderr(&called));
    assert!(stderr(&called).lines().all(|line| !line.starts_with("FAKE")), "{}", stderr(&called));
    let read = run(&["resources", "read", &url, "text"]);
    assert_eq!(read.status.code(), Some(0), "{}", stderr(&read));
    check(&["resources read"], &read, true);
}

#[test]
fn as_json_it_is_what_the_server_sent() {
    let origin = start();
    let url = format!("{origin}/mcp");
    for (arguments, pointer) in [
        (vec!["tools", url.as_str()], "/tools/0/name"),
        (vec!["tools", "show", url.as_str(), EVIL], "/title"),
        (vec!["resources", url.as_str()], "/resources/0/uri"),
        (vec!["resources", "read", url.as_str(), "x"], "/contents/0/text"),
        (vec!["prompts", url.as_str()], "/prompts/0/arguments/0/name"),
        (vec!["prompts", "get", url.as_str(), "p"], "/messages/0/content/text"),
        (vec!["call", url.as_str(), "t"], "/content/0/text"),
        (vec!["prompts", "get", url.as_str(), "no such prompt"], "/error/message"),
    ] {
        let output = run(&[arguments.as_slice(), &["--json"]].concat());
        let value = json(&output);
        let text = value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        assert!(text.contains(EVIL), "{arguments:?}: {value}");
        let raw = stdout(&output);
        assert!(!raw.contains(|c: char| c.is_control() && c != '\n'), "{arguments:?}: {raw:?}");
    }
}
