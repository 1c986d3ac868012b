//! The command line that every peer has.

use std::net::SocketAddr;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

/// `--listen 127.0.0.1:PORT [--auth]`
pub struct ServerArguments {
    pub listen: SocketAddr,
    /// Ask for a bearer token on every request, and print one.
    pub auth: bool,
}

impl ServerArguments {
    pub fn parse() -> Result<Self> {
        let mut listen = None;
        let mut auth = false;
        let mut rest = std::env::args().skip(1);
        while let Some(name) = rest.next() {
            match name.as_str() {
                "--listen" => listen = Some(value(&name, &mut rest)?),
                "--auth" => auth = true,
                _ => bail!("unknown argument {name}"),
            }
        }
        Ok(Self { listen: listen.context("--listen is missing")?, auth })
    }

    /// The `iss` of the tokens.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// The `aud` of the tokens.
    pub fn resource(&self) -> String {
        format!("http://{}/mcp", self.listen)
    }
}

/// `--url URL --calls N --concurrency C [--era modern|legacy]`
pub struct ClientArguments {
    pub url: String,
    pub calls: u64,
    pub concurrency: usize,
    /// The revision of 2025-11-25 instead of 2026-07-28.
    pub legacy: bool,
}

impl ClientArguments {
    pub fn parse() -> Result<Self> {
        let (mut url, mut calls, mut concurrency, mut legacy) = (None, None, 1, false);
        let mut rest = std::env::args().skip(1);
        while let Some(name) = rest.next() {
            match name.as_str() {
                "--url" => url = Some(value(&name, &mut rest)?),
                "--calls" => calls = Some(value(&name, &mut rest)?),
                "--concurrency" => concurrency = value(&name, &mut rest)?,
                "--era" => legacy = value::<String>(&name, &mut rest)? == "legacy",
                _ => bail!("unknown argument {name}"),
            }
        }
        Ok(Self {
            url: url.context("--url is missing")?,
            calls: calls.context("--calls is missing")?,
            concurrency,
            legacy,
        })
    }
}

fn value<T>(name: &str, rest: &mut impl Iterator<Item = String>) -> Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = rest.next().with_context(|| format!("{name} needs a value"))?;
    text.parse().with_context(|| format!("{name} {text}"))
}
