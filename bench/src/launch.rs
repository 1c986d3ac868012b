//! Programs that are measured: started, asked until they answer, ended.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::pin::Cores;

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments; `{listen}` stands for address and port, `{port}` for the port alone.
    pub arguments: Vec<String>,
    /// Where it is started.
    pub folder: Option<PathBuf>,
    /// What is added to its environment.
    pub environment: Vec<(String, String)>,
    /// It prints a line `token: …` on its standard output, with a bearer token that it takes.
    pub prints_token: bool,
}

/// A server that runs; ended when dropped.
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it takes as a bearer token, when it wants one.
    pub token: Option<String>,
    /// From the start of the program to the first connection that it accepted.
    pub listened_after: Duration,
    log: PathBuf,
}

/// How long a server may take until it listens. Python with all its imports needs seconds on a cold disk.
const START: Duration = Duration::from_secs(30);

impl Running {
    /// Starts it on a free port of the loopback interface and waits until it accepts connections.
    ///
    /// # Errors
    /// When it ends, or does not listen in time; its own words are in the error.
    pub fn start(launch: &Launch, cores: &Cores) -> Result<Self> {
        Self::start_with(launch, |command| cores.spawn_server(command))
    }

    /// The same, on all cores.
    ///
    /// # Errors
    /// As of [`Running::start`].
    pub fn start_everywhere(launch: &Launch, cores: &Cores) -> Result<Self> {
        Self::start_with(launch, |command| cores.spawn_everywhere(command))
    }

    fn start_with(launch: &Launch, spawn: impl FnOnce(&mut Command) -> Result<Child>) -> Result<Self> {
        let address = free_address()?;
        let log = std::env::temp_dir().join(format!("barewire-bench-{}.log", address.port()));
        let mut command = launch.command(address);
        command.stdin(Stdio::null()).stderr(File::create(&log)?);
        command.stdout(if launch.prints_token { Stdio::piped() } else { Stdio::null() });
        let started = Instant::now();
        let child = spawn(&mut command)?;
        let mut running = Self { child, address, token: None, listened_after: Duration::ZERO, log };
        while TcpStream::connect(address).is_err() {
            if let Some(status) = running.child.try_wait()? {
                bail!("it ended before it listened: {status}\n{}", running.words());
            }
            if started.elapsed() > START {
                bail!("it did not listen within {} s\n{}", START.as_secs(), running.words());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        running.listened_after = started.elapsed();
        if launch.prints_token {
            running.token = Some(running.read_token()?);
        }
        Ok(running)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The end of what it wrote to its standard error.
    pub fn words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn read_token(&mut self) -> Result<String> {
        let output = self.child.stdout.take().context("its output is piped")?;
        let (send, receive) = mpsc::channel();
        // Reads on to the end, so that a server that prints more is never held up.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(token) = line.strip_prefix("token: ") {
                    // The receiver is gone once it has a token, or has given up.
                    let _gone = send.send(token.trim().to_owned());
                }
            }
        });
        receive.recv_timeout(START).with_context(|| format!("it printed no token\n{}", self.words()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let (Ok(None), Some(pid)) = (self.child.try_wait(), pid) {
            // It may have ended in this very moment, which is what we want.
            let _ended = kill_process(pid, Signal::TERM);
            let asked = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) {
                if asked.elapsed() > Duration::from_secs(3) {
                    let _ended = self.child.kill();
                    let _status = self.child.wait();
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let _absent = std::fs::remove_file(&self.log);
    }
}

impl Launch {
    /// A program of this package, which cargo builds beside the one that runs now.
    ///
    /// # Errors
    /// When it was not built.
    pub fn ours(program: &str, arguments: &[&str]) -> Result<Self> {
        let here = std::env::current_exe()?;
        // Tests run in `deps`, one folder below.
        let program = here
            .ancestors()
            .skip(1)
            .take(2)
            .map(|folder| folder.join(program))
            .find(|path| path.is_file())
            .with_context(|| format!("{program} is not built: cargo build --release -p barewire-bench"))?;
        Ok(Self::of(&program, arguments))
    }

    /// That program.
    pub fn of(program: &Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let program = program.to_owned();
        Self { program, arguments, folder: None, environment: Vec::new(), prints_token: false }
    }

    /// Ready to be started, for that address.
    pub(crate) fn command(&self, address: SocketAddr) -> Command {
        let (listen, port) = (address.to_string(), address.port().to_string());
        let filled = |text: &str| text.replace("{listen}", &listen).replace("{port}", &port);
        let mut command = Command::new(&self.program);
        command.args(self.arguments.iter().map(|argument| filled(argument)));
        command.envs(self.environment.iter().map(|(name, value)| (name, filled(value))));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }
}

/// An address of the loopback interface that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
