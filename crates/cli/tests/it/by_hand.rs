//! `docs/by-hand.md`: its commands run in one shell, one after the other, and print what it says.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc;

use barewire_testkit::{Browser, TempDir};
use url::Url;

use crate::demo::{allow_device, free_port};

const GUIDE: &str = include_str!("../../../../docs/by-hand.md");
/// Stands between what two blocks print.
const MARK: &str = "=== block";

/// The commands of a block, and what they print, where the guide says that.
struct Block<'a> {
    commands: &'a str,
    prints: Option<&'a str>,
}

fn blocks() -> Vec<Block<'static>> {
    let after = GUIDE.split("```sh\n").skip(1);
    let read = after.map(|rest| {
        let (commands, rest) = rest.split_once("```\n").expect("a block ends");
        let prints = rest.strip_prefix("```text\n").and_then(|it| it.split("```").next());
        Block { commands, prints }
    });
    read.collect()
}

#[test]
fn the_commands_of_the_guide_print_what_it_says() {
    for tool in ["bash", "curl", "jq", "openssl", "node"] {
        if Command::new(tool).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            eprintln!("SKIPPED: there is no {tool}, which the commands of the guide need");
            return;
        }
    }
    let blocks = blocks();
    assert!(blocks.len() > 15, "the guide is about more than {} blocks", blocks.len());
    let folder = TempDir::new();
    let program = GUIDE.split("```js idp.mjs\n").nth(1).and_then(|rest| rest.split("```").next());
    std::fs::write(folder.path().join("idp.mjs"), program.expect("the stand-in")).unwrap();
    let places = Places { server: free_port(), page: free_port(), provider: free_port() };

    let (printed, errors) = run(&places.script(&blocks), folder.path());
    let printed = places.as_in_the_guide(&printed);
    let parts: Vec<&str> = printed.split(MARK).skip(1).collect();
    assert_eq!(parts.len(), blocks.len(), "the script ends early:\n{printed}\n{errors}");
    for (block, part) in blocks.iter().zip(parts) {
        let printed = part.split_once('\n').map_or("", |(_, printed)| printed);
        if let Some(expected) = block.prints {
            assert!(
                is_like(printed, expected),
                "{}\nprints\n{printed}\nand not\n{expected}\n{errors}",
                block.commands
            );
        }
    }
}

/// Where everything is in this run, and where it is in the guide.
struct Places {
    server: u16,
    page: u16,
    provider: u16,
}

impl Places {
    fn script(&self, blocks: &[Block<'_>]) -> String {
        let mut script = "set -u\n".to_owned();
        for (number, block) in blocks.iter().enumerate() {
            script += &format!("echo '{MARK} {number}'\n{}", block.commands);
        }
        let demo = format!(
            "barewire demo --config settings.toml --listen localhost:{} --host-listen localhost:{} 2> demo.log &\n\
             DEMO=$!\ntrap 'kill $DEMO; wait $DEMO' EXIT\n\
             curl -s --retry 60 --retry-delay 1 --retry-connrefused localhost:{0}/healthz > /dev/null\n",
            self.server, self.page
        );
        let script = script.replace("barewire demo --config settings.toml\n", &demo);
        // Whoever runs the tests is not to see a browser.
        let script = script.replace("barewire login ", "barewire login --no-browser ");
        script
            .replace("//localhost:8000", &format!("//localhost:{}", self.server))
            .replace("//localhost:8002", &format!("//localhost:{}", self.provider))
    }

    fn as_in_the_guide(&self, text: &str) -> String {
        text.replace(&format!("//localhost:{}", self.server), "//localhost:8000").replace('\r', "")
    }
}

/// Runs it, and does what it asks a person to do. What it prints, and what it complains of.
fn run(script: &str, folder: &Path) -> (String, String) {
    std::fs::write(folder.join("script"), script).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_barewire")).parent().expect("a program is in a folder");
    let path = std::env::var("PATH").unwrap();
    let mut child = Command::new("bash")
        .arg("script")
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", program.display()))
        .env("NO_COLOR", "1")
        .env("BAREWIRE_CREDENTIALS", folder.join("credentials.sqlite"))
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (send, lines) = mpsc::channel();
    let errors = listen(child.stderr.take().unwrap(), send.clone());
    let printed = listen(child.stdout.take().unwrap(), send);
    let mut person = Person { stdin: child.stdin.take().unwrap() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for line in lines {
        runtime.block_on(person.read(&line));
    }
    child.wait().unwrap();
    (printed.join().unwrap(), errors.join().unwrap())
}

/// Gives each line to the person who reads along, and all of them in the end.
fn listen(from: impl Read + Send + 'static, to: mpsc::Sender<String>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut all = String::new();
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            all += &format!("{line}\n");
            let _ = to.send(line);
        }
        all
    })
}

/// Whoever sits at the terminal, with a browser beside it.
struct Person {
    stdin: ChildStdin,
}

impl Person {
    async fn read(&mut self, line: &str) {
        let address = line.split_whitespace().find(|word| word.starts_with("http"));
        let Some(address) = address.and_then(|it| it.parse::<Url>().ok()) else { return };
        let mut browser = Browser::new();
        if line.contains("request_uri=") {
            let callback = "http://127.0.0.1:41999/callback".parse().unwrap();
            let answer =
                browser.login_and_consent_until(&address, &callback, "johndoe", "secret").await.unwrap();
            writeln!(self.stdin, "{answer}").unwrap();
        } else if line.contains("response_type=code") {
            let callback = browser.login_and_consent(&address, "johndoe", "secret").await.unwrap();
            reqwest::get(callback).await.unwrap().error_for_status().unwrap();
        } else if let Some((_, code)) = line.split_once(" and type ") {
            allow_device(&address, code).await;
        }
    }
}

/// Whether each line is as expected, where `…` is anything.
fn is_like(printed: &str, expected: &str) -> bool {
    let (printed, expected): (Vec<_>, Vec<_>) = (printed.lines().collect(), expected.lines().collect());
    printed.len() == expected.len()
        && printed.iter().zip(expected).all(|(line, like)| line_is_like(line, like))
}

fn line_is_like(line: &str, like: &str) -> bool {
    let parts: Vec<&str> = like.split('…').collect();
    let [first, middle @ .., last] = &parts[..] else { return line == like };
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}
