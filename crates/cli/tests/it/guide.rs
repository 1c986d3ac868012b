//! `docs/write-your-own.md`: its programs run, and its commands end as it says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use barewire_testkit::TempDir;

use crate::demo::{barewire, stderr, stdout};

const GUIDE: &str = include_str!("../../../../docs/write-your-own.md");

/// The blocks of a language, or of one program, put together.
fn blocks(kind: &str) -> String {
    let start = format!("```{kind}\n");
    GUIDE.split(&start).skip(1).filter_map(|rest| rest.split("```").next()).collect::<Vec<_>>().join("\n")
}

struct Server(Child, String);

impl Server {
    fn start(program: &Path) -> Server {
        let mut child = Command::new("node").arg(program).arg("0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("/mcp"), "the server says where it is: {line}");
        Server(child, line.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_programs_of_the_guide_are_right_and_its_commands_say_so() {
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: there is no node, in which the programs of the guide are written");
        return;
    }
    let folder = TempDir::new();
    let (server, client) = (folder.path().join("server.mjs"), folder.path().join("client.mjs"));
    std::fs::write(&server, blocks("js server.mjs")).unwrap();
    std::fs::write(&client, blocks("js client.mjs")).unwrap();
    let running = Server::start(&server);

    let commands = blocks("sh").replace("http://127.0.0.1:8001/mcp", &running.1);
    let commands: Vec<Vec<&str>> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("barewire "))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(commands.len(), 6, "the guide has six commands");
    for command in &commands {
        let output = barewire().args(command).env_remove("BAREWIRE_TOKEN").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}\n{}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).contains("0 differ · 0 advised"), "{command:?}\n{}", stdout(&output));
    }
    assert!(stdout(&barewire().args(&commands[5]).output().unwrap()).contains("30 same"));
    let said = Command::new("node").arg(&client).args([running.1.as_str(), "ask_name"]).output().unwrap();
    assert!(stdout(&said).ends_with("Hello, Ada.\n"), "{}{}", stdout(&said), stderr(&said));

    // Without its check of the origin the server breaks a rule, and the command names it.
    let without: String = blocks("js server.mjs")
        .lines()
        .filter(|line| !line.contains("OURS.includes"))
        .fold(String::new(), |all, line| all + line + "\n");
    let open = folder.path().join("open.mjs");
    std::fs::write(&open, without).unwrap();
    let running = Server::start(&open);
    let mut command = commands[4].clone();
    command[1] = &running.1;
    let output = barewire().args(&command).output().unwrap();
    assert_eq!(output.status.code(), Some(9), "{}", stdout(&output));
    assert!(stdout(&output).contains("streamable-http#security-&-endpoint"), "{}", stdout(&output));
}
