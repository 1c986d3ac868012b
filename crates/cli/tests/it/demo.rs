//! A running `barewire demo`, and `barewire` commands against it.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use barewire_testkit::{Browser, Landing, TempDir};
use url::Url;

pub(crate) struct Demo {
    child: Child,
    pub(crate) url: String,
    folder: TempDir,
    ports: (u16, u16),
    settings: Vec<String>,
}

impl Demo {
    pub(crate) fn start() -> Demo {
        Self::start_with(&[])
    }

    /// With these settings.
    pub(crate) fn start_with(settings: &[&str]) -> Demo {
        Self::start_sealed("", settings)
    }

    /// With these settings, and these keys for its secrets.
    pub(crate) fn start_sealed(keys: &str, settings: &[&str]) -> Demo {
        let folder = TempDir::new();
        let ports = (free_port(), free_port());
        let settings: Vec<_> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let child = listening(serving(&folder, ports, &settings, keys));
        Demo { child, url: format!("http://localhost:{}/mcp", ports.0), folder, ports, settings }
    }

    /// What serves at the same address from the same files, with these keys for its secrets.
    pub(crate) fn serving(&self, keys: &str) -> Command {
        serving(&self.folder, self.ports, &self.settings, keys)
    }

    /// Starts it again once it has ended, or was killed.
    pub(crate) fn start_again(&mut self, keys: &str) {
        self.stop();
        self.child = listening(self.serving(keys));
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A command with credentials of this demo's own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = barewire();
        command.args(arguments).env("BAREWIRE_CREDENTIALS", self.credentials());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// `barewire login --no-browser …`, and a browser that goes where it says.
    pub(crate) fn log_in(&self, extra: &[&str]) -> Output {
        let mut command = self.command(&["login", &self.url, "--no-browser"]);
        command.args(extra);
        log_in(command, "johndoe", "secret")
    }

    /// `barewire login --device …`, and a browser elsewhere in which its user types the code.
    pub(crate) fn log_in_by_device(&self, extra: &[&str]) -> Output {
        let mut child = self
            .command(&["login", &self.url, "--device"])
            .args(extra)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (mut said, mut line) = (String::new(), String::new());
        while !line.contains("Waiting") {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the login showed no code: {said}");
            said.push_str(&line);
        }
        let words: Vec<&str> = said.split_whitespace().collect();
        let address = words.iter().find(|word| word.ends_with("/device")).expect("an address");
        let code = words.iter().find(|word| word.len() == 9 && word.contains('-')).expect("a code");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(allow_device(&address.parse().unwrap(), code));
        let mut stderr = said.into_bytes();
        lines.read_to_end(&mut stderr).unwrap();
        let output = child.wait_with_output().unwrap();
        Output { stderr, ..output }
    }

    /// Where its state is.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    /// SIGTERM, as an operator would; ready once it has ended.
    pub(crate) fn stop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
            let _ = self.child.wait();
        }
    }

    fn credentials(&self) -> PathBuf {
        self.folder.path().join("credentials.sqlite")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the person does whose device shows this address and code.
pub(crate) async fn allow_device(address: &Url, code: &str) {
    let mut browser = Browser::new();
    let mut page = browser.open(address).await.unwrap();
    for step in ["password", "user_code", "decision"] {
        let form = page.form_with(step).unwrap_or_else(|| panic!("no {step}: {}", page.text()));
        let form = match step {
            "password" => form.fill("username", "johndoe").fill("password", "secret"),
            "user_code" => form.fill("user_code", code),
            _ => form.press(&["allow"]).unwrap(),
        };
        let Landing::Page(next) = browser.submit(&page, &form, None).await.unwrap() else {
            panic!("it leads away")
        };
        page = next;
    }
    assert!(page.text().contains("connected"), "{}", page.text());
}

/// Runs `barewire login --no-browser …`, with a browser that goes where it says and this person before it.
pub(crate) fn log_in(mut command: Command, user: &str, password: &str) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let (mut said, mut line) = (String::new(), String::new());
    let address = loop {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the login printed no address: {said}");
        said.push_str(&line);
        if let Some(address) = line.split_whitespace().find(|word| word.contains("response_type=code")) {
            break address.to_owned();
        }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut browser = Browser::new();
        let callback = browser.login_and_consent(&address.parse().unwrap(), user, password).await.unwrap();
        reqwest::get(callback).await.unwrap().error_for_status().unwrap();
    });
    let mut stderr = said.into_bytes();
    lines.read_to_end(&mut stderr).unwrap();
    let output = child.wait_with_output().unwrap();
    Output { stderr, ..output }
}

fn serving(folder: &TempDir, (server, host): (u16, u16), settings: &[String], keys: &str) -> Command {
    let mut command = barewire();
    command
        .args([
            "demo",
            "--listen",
            &format!("localhost:{server}"),
            "--host-listen",
            &format!("localhost:{host}"),
        ])
        .arg("--data-dir")
        .arg(folder.path().join("demo"))
        .args(settings.iter().flat_map(|setting| ["--set", setting]))
        .env("BAREWIRE_SEALING_KEY", keys);
    command
}

/// Starts the command, and waits until it listens.
fn listening(mut command: Command) -> Child {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // It says where it is when it listens; what it says later is not read, and must not fill the pipe.
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Ctrl-C") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "barewire demo ended before it listened");
    }
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    child
}

pub(crate) fn barewire() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_barewire"));
    command.stdin(Stdio::null()).env("NO_COLOR", "1").env_remove("RUST_LOG");
    command
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}\nstdout: {}\nstderr: {}", stdout(output), stderr(output)))
}
