//! Our client against their servers, each in every revision that it speaks.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::judged::Judged;
use super::language::Language;
use super::login;
use super::table::Row;
use crate::run::target_directory;
use crate::server::{Server, free_port};

const HANDSHAKE: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
const ALL: [&str; 5] = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// A server that is not ours, and what is asked of it.
struct Theirs {
    language: Language,
    name: &'static str,
    program: &'static str,
    /// `{port}` is where it has to listen; some take that from the environment.
    arguments: &'static [&'static str],
    path: &'static str,
    revisions: &'static [&'static str],
    /// 19 and 23 are 42.
    sum: &'static [&'static str],
    /// A call that tells its progress.
    progress: &'static [&'static str],
    /// A call that asks for a name, what it says to Ada, and the first revision in which it does.
    question: (&'static str, &'static str, &'static str),
    prompt: (&'static [&'static str], &'static str),
    /// Whether it wants a token, which its own authorization server gives out.
    login: bool,
    /// Whether the doctor looks at it, who is about Streamable HTTP.
    judged: bool,
}

/// What the servers of `conformance/interop` offer.
const OURS: Theirs = Theirs {
    language: Language::Typescript,
    name: "",
    program: "",
    arguments: &["{port}"],
    path: "/mcp",
    revisions: &ALL,
    sum: &["add", "a=19", "b=23"],
    progress: &["count", "to=3"],
    question: ("ask", "Hello, Ada.", "2025-06-18"),
    prompt: (&["greet", "name=Ada"], "Greet Ada."),
    login: false,
    judged: true,
};

/// The official reference server, on SDK 1.x.
const EVERYTHING: Theirs = Theirs {
    program: "node_modules/@modelcontextprotocol/server-everything/dist/index.js",
    revisions: &HANDSHAKE,
    sum: &["get-sum", "a=19", "b=23"],
    progress: &["trigger-long-running-operation", "duration=0.2", "steps=2"],
    question: ("trigger-elicitation-request", "Name: Ada", "2025-06-18"),
    prompt: (&["simple-prompt"], "simple prompt"),
    ..OURS
};

const SERVERS: [Theirs; 7] = [
    // Its handshake era has no sessions, so nobody can answer what it asks.
    Theirs {
        name: "TypeScript SDK 2.x",
        program: "server.mjs",
        question: ("ask", "Hello, Ada.", "2026-07-28"),
        ..OURS
    },
    Theirs { name: "everything server (TypeScript SDK 1.x)", arguments: &["streamableHttp"], ..EVERYTHING },
    Theirs {
        name: "everything server over HTTP+SSE",
        arguments: &["sse"],
        path: "/sse",
        judged: false,
        ..EVERYTHING
    },
    Theirs { language: Language::Python, name: "Python SDK", program: "server.py", ..OURS },
    Theirs {
        language: Language::Python,
        name: "Python SDK over HTTP+SSE",
        program: "server.py",
        arguments: &["{port}", "--sse"],
        path: "/sse",
        revisions: &HANDSHAKE,
        judged: false,
        ..OURS
    },
    Theirs {
        language: Language::Python,
        name: "Python SDK behind its authorization server",
        program: "server.py",
        arguments: &["{port}", "--auth"],
        revisions: &["2026-07-28", "2025-11-25"],
        login: true,
        ..OURS
    },
    Theirs { language: Language::Rust, name: "rmcp", program: "server", ..OURS },
];

/// What our client did with that language's servers, and what our tools had to say of them.
pub(super) fn run(language: Language, folder: &Path) -> Result<(Vec<Row>, Vec<Judged>)> {
    let (mut rows, mut judged) = (Vec::new(), Vec::new());
    for theirs in SERVERS.iter().filter(|theirs| theirs.language == language) {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let port = address.port().to_string();
        let arguments: Vec<_> = theirs.arguments.iter().map(|it| it.replace("{port}", &port)).collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let mut command = theirs.language.server(theirs.program, &arguments)?;
        let log = folder.join(format!("{port}.log"));
        let server = Server::start_foreign(theirs.name, command.env("PORT", &port), address, &log)?;
        let url = format!("http://localhost:{port}{}", theirs.path);
        for revision in theirs.revisions {
            let steps = theirs
                .talk(&url, revision)
                .with_context(|| format!("{} at {revision}; its log is {}", theirs.name, log.display()))?;
            rows.push(Row { who: theirs.name.to_owned(), revision: (*revision).to_owned(), steps });
        }
        if theirs.judged {
            judged.push(Judged::check(theirs.name, &url)?);
        }
        drop(server);
        std::fs::remove_file(log)?;
    }
    Ok((rows, judged))
}

impl Theirs {
    /// Everything that there is in this revision; the steps that were done.
    fn talk(&self, url: &str, revision: &str) -> Result<Vec<String>> {
        let ask = |words: &[&str]| Answer::to(&[words, &["--revision", revision, "--json"]].concat());
        let mut steps = Vec::new();
        let mut done = |step: &str| steps.push(step.to_owned());

        let connected = if self.login {
            let connected = login::log_in(url, revision)?;
            done("login");
            connected
        } else {
            ask(&["login", url, "--no-browser"])?.json
        };
        ensure!(connected["protocolVersion"] == *revision, "agreed on {}", connected["protocolVersion"]);
        done("connect");

        let names = |list: &Value, by: &str| -> Vec<String> {
            let list = list.as_array().into_iter().flatten();
            list.filter_map(|it| Some(it[by].as_str()?.to_owned())).collect()
        };
        let tools = names(&ask(&["tools", url])?.json["tools"], "name");
        ensure!(tools.iter().any(|tool| *tool == self.sum[0]), "its tools are {tools:?}");
        let resources = names(&ask(&["resources", url])?.json["resources"], "uri");
        let prompts = names(&ask(&["prompts", url])?.json["prompts"], "name");
        let (prompt, says) = self.prompt;
        ensure!(prompts.iter().any(|it| *it == prompt[0]), "its prompts are {prompts:?}");
        done("list");

        let sum = ask(&[&["call", url], self.sum].concat())?;
        ensure!(sum.has("42"), "{}", sum.json);
        done("call");

        let uri = resources.first().context("it lists no resource")?;
        let read = ask(&["resources", "read", url, uri])?;
        ensure!(
            read.json["contents"].as_array().is_some_and(|contents| !contents.is_empty()),
            "{}",
            read.json
        );
        done("read");

        let got = ask(&[&["prompts", "get", url], prompt].concat())?;
        ensure!(got.has(says), "{}", got.json);
        done("prompt");

        let counted = ask(&[&["call", url], self.progress, &["--trace"]].concat())?;
        ensure!(
            counted.trace.contains("notifications/progress"),
            "no progress in the trace: {}",
            counted.trace
        );
        done("progress");

        let (tool, says, since) = self.question;
        if revision >= since {
            let answered = ask(&["call", url, tool, "--answer", "name=Ada"])?;
            ensure!(answered.has(says), "{}", answered.json);
            let declined = ask(&["call", url, tool, "--decline"])?;
            ensure!(!declined.has(says), "{}", declined.json);
            done("question");
        }

        if self.login {
            // Its tokens end within two seconds.
            std::thread::sleep(Duration::from_millis(2_500));
            ask(&["tools", url])?;
            done("refresh");
            ensure!(Answer::to(&["logout", url, "--json"])?.json["loggedOut"] == true);
            ensure!(ask(&["tools", url]).is_err(), "it is still let in after the logout");
        }
        Ok(steps)
    }
}

/// What a command of ours printed.
struct Answer {
    json: Value,
    trace: String,
}

impl Answer {
    fn to(words: &[&str]) -> Result<Answer> {
        let output = barewire().args(words).output()?;
        let shown = || format!("barewire {}", words.join(" "));
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, trace) = (said(&output.stdout), said(&output.stderr));
        ensure!(output.status.success(), "{}: {}\n{out}{trace}", shown(), output.status);
        Ok(Answer { json: serde_json::from_str(&out).with_context(shown)?, trace })
    }

    /// Whether a text is anywhere in it.
    fn has(&self, text: &str) -> bool {
        self.json.to_string().contains(text)
    }
}

/// Our command line, with a folder of its own for what it keeps.
pub(super) fn barewire() -> Command {
    let mut command = Command::new(target_directory().join("debug/barewire"));
    command
        .env("BAREWIRE_CREDENTIALS", target_directory().join("interop/credentials.sqlite"))
        .env_remove("BAREWIRE_TOKEN")
        .env("NO_COLOR", "1")
        .stdin(std::process::Stdio::null());
    command
}
