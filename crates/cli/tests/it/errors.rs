use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use crate::demo::{barewire, free_port, json, stderr, stdout};

#[test]
fn what_goes_wrong_has_its_exit_code_and_says_what_to_do() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
    let nobody = format!("http://localhost:{}/mcp", free_port());
    // Takes connections and never says anything.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mute = format!("http://{}/mcp", silent.local_addr().unwrap());
    let files = barewire_testkit::TempDir::new();
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let unfit = file("unfit.toml", "[auth]\naccess_token_ttl = 5\n");
    let no_toml = file("no.toml", "x = [");
    let plain = format!("https://{}/mcp", without_tls());
    for (arguments, code, says) in [
        (vec!["tools", &plain], 3, "http, not https"),
        (vec!["call", &mute, "echo", "--timeout", "1"], 3, "no answer within 1 s"),
        (vec!["tools", "not a url"], 2, "URL"),
        (vec!["tools", "localhost:8000/mcp"], 2, "did you mean http://localhost:8000/mcp"),
        (vec!["login", "mcp.example.com/mcp"], 2, "did you mean https://mcp.example.com/mcp"),
        (vec!["call", "ws://example.com/mcp", "echo"], 2, "http or https"),
        (vec!["host", "--server", "search_posts"], 2, "https://example.com/mcp"),
        (vec!["tools"], 2, "required"),
        (vec!["call", &nobody, "echo", "--args", "[1]"], 2, "JSON object"),
        (vec!["call", &nobody, "echo", "--args", "{"], 2, "not JSON"),
        (vec!["tools", &nobody], 3, "Is the server running"),
        (vec!["tools", &nobody, "--revision", "2025-01-01"], 2, "2024-11-05, 2025-03-26"),
        (vec!["demo", "--set", "auth.acess_token_ttl=8s"], 2, "acess_token_ttl"),
        (vec!["demo", "--set", "auth.code_ttl=soon"], 2, "from --set"),
        (vec!["demo", "--listen", "nonsense"], 2, "HOST:PORT"),
        (vec!["demo", "--listen", &taken.1], 1, "another port with --listen"),
        (vec!["demo", "--set", "nonsense"], 2, "SECTION.NAME=VALUE"),
        (vec!["tools", &nobody, "--set", "auth.acess_token_ttl=8s"], 2, "acess_token_ttl"),
        (vec!["demo", "--set", "auth.access_token_ttl=0s"], 2, "at least 1s"),
        (vec!["demo", "--config", &unfit], 2, &unfit),
        (vec!["demo", "--config", &no_toml], 2, &no_toml),
        (vec!["demo", "--config", "/does/not/exist.toml"], 2, "/does/not/exist.toml"),
        (vec!["demo", "--listen", "0.0.0.0:0"], 2, "public"),
        (
            vec!["demo", "--listen", "localhost:0", "--set", &format!("metrics.listen={}", taken.1)],
            1,
            "taken",
        ),
        (vec!["audit", "list"], 2, "--data-dir"),
        (vec!["audit", "list", "--since", "yesterday"], 2, "1h or 7d"),
        (vec!["audit", "verify", "--head", "7"], 2, "NUMBER:HASH"),
    ] {
        let folder = barewire_testkit::TempDir::new();
        let output = barewire()
            .args(&arguments)
            .env("BAREWIRE_CREDENTIALS", folder.path().join("credentials.sqlite"))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{arguments:?} says {says:?}: {}", stderr(&output));
    }
}

/// Answers whoever connects in plain HTTP.
fn without_tls() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let _ = connection.read(&mut [0; 1024]);
            let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    address
}

#[test]
fn an_error_is_one_json_document_too() {
    let folder = barewire_testkit::TempDir::new();
    let output = barewire()
        .args(["tools", &format!("http://localhost:{}/mcp", free_port()), "--json"])
        .env("BAREWIRE_CREDENTIALS", folder.path().join("credentials.sqlite"))
        .output()
        .unwrap();
    let error = &json(&output)["error"];
    assert_eq!(error["kind"], "connection");
    assert!(
        error["message"].is_string() && error["causes"].is_array() && error["next"].is_string(),
        "{error}"
    );
}

#[test]
fn exit_codes_of_the_help_are_those_of_the_guide() {
    let help = stdout(&barewire().arg("--help").output().unwrap());
    let guide = include_str!("../../../../docs/cli.md");
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "130"] {
        assert!(guide.contains(&format!("| {code} |")), "docs/cli.md explains exit code {code}");
        assert!(help.contains(&format!("{code} ")), "--help names exit code {code}");
    }
}

#[test]
fn completions_are_scripts() {
    for shell in ["bash", "zsh", "fish"] {
        let output = barewire().args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && stdout(&output).contains("barewire"), "{shell}");
    }
}
