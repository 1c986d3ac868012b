//! `barewire login` at somebody else's authorization server, and the little browser that this takes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::servers::barewire;

/// Logs in as a client of that revision; what the command says in the end.
pub(super) fn log_in(url: &str, revision: &str) -> Result<Value> {
    let mut child = barewire()
        .args(["login", url, "--no-browser", "--json", "--revision", revision])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stderr.take().context("standard error is piped")?);
    let mut said = String::new();
    let address = loop {
        let mut line = String::new();
        ensure!(lines.read_line(&mut line)? > 0, "the login printed no address: {said}");
        said.push_str(&line);
        if let Some(address) = line.split_whitespace().find(|word| word.contains("response_type=code")) {
            break address.to_owned();
        }
    };
    // Everybody is let in, so there is one redirect, and it leads back to the command.
    let back = location(&address)?.context("the authorization server shows a page")?;
    ensure!(location(&back)?.is_none(), "the command redirects");
    lines.read_to_string(&mut said)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}: {said}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Opens an address of this machine; where it redirects to.
fn location(address: &str) -> Result<Option<String>> {
    let rest = address.strip_prefix("http://").context("not an address of this machine")?;
    let (authority, path) = rest.split_once('/').context("an address without a path")?;
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let header = head.lines().filter_map(|line| line.split_once(": "));
    Ok(header
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("location"))
        .map(|(_, to)| to.to_owned()))
}
