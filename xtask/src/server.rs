//! A program of ours that runs while something else is tried against it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A running server; ended (politely, then firmly) when dropped.
pub(crate) struct Server {
    child: Child,
    name: &'static str,
}

impl Server {
    /// Starts the command and waits until `GET path` on `address` is answered with 200.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        address: SocketAddr,
        path: &str,
    ) -> Result<Server> {
        Self::start_until(name, command, address, || answers(address, path))
    }

    /// Starts somebody else's server and waits until it takes connections; what it prints goes to `log`.
    pub(crate) fn start_foreign(
        name: &'static str,
        command: &mut Command,
        address: SocketAddr,
        log: &Path,
    ) -> Result<Server> {
        let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdout(log.try_clone()?).stderr(log);
        let listens = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok();
        Self::start_until(name, command, address, listens)
    }

    fn start_until(
        name: &'static str,
        command: &mut Command,
        address: SocketAddr,
        ready: impl Fn() -> bool,
    ) -> Result<Server> {
        eprintln!("\n\x1b[1m& {name}\x1b[0m on {address}");
        let child = command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start {name}"))?;
        let mut server = Server { child, name };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !ready() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended before it answered: {status}");
            }
            if Instant::now() > deadline {
                bail!("{name} did not answer on {address} within 30 s");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Asks the server to end and checks that it drained and ended with exit code 0.
    pub(crate) fn stop(mut self) -> Result<()> {
        let status = self.terminate()?;
        if !status.success() {
            bail!("{} ended with {status} after SIGTERM; it has to drain and end with 0", self.name);
        }
        Ok(())
    }

    fn terminate(&mut self) -> Result<std::process::ExitStatus> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                self.child.kill()?;
                bail!("{} was still running 15 s after SIGTERM", self.name);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && self.terminate().is_err() {
            eprintln!("{} had to be killed", self.name);
        }
    }
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) else {
        return false;
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    if stream.set_read_timeout(Some(Duration::from_secs(2))).is_err()
        || stream.write_all(request.as_bytes()).is_err()
    {
        return false;
    }
    let mut start = [0; 12];
    stream.read_exact(&mut start).is_ok() && start.ends_with(b"200")
}
