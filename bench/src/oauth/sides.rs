//! An authorization server as a client finds it: ours and a peer's differ in their paths and in what they call things.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::launch::{Launch, Running};
use crate::load::{ask, head};
use crate::oauth::{ORIGIN, RESOURCE, SERVICE};
use crate::peer::Peer;
use crate::pin::Cores;

/// Where to ask for what.
#[derive(Debug, Clone)]
pub struct Side {
    /// As in tables.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Of the token endpoint.
    pub token: &'static str,
    /// Of the introspection endpoint.
    pub introspect: &'static str,
    /// What tokens are for.
    pub resource: &'static str,
}

/// What a peer gives its clients, told when it starts: it keeps everything in memory, so nobody can write it down for it.
#[derive(Debug, Clone, Deserialize)]
pub struct Given {
    /// One grant each: the client, and its refresh token.
    pub refresh: Vec<(String, String)>,
}

/// Our server, ready to be started on this folder.
///
/// # Errors
/// When it is not built.
pub fn ours(folder: &Path) -> Result<Launch> {
    let folder = folder.display().to_string();
    let arguments = ["--listen", "{listen}", "--auth", "--no-login", "--origin", ORIGIN, "--data", &folder];
    Launch::ours("bench-server", &arguments)
}

impl Side {
    /// Ours.
    pub fn ours(address: SocketAddr) -> Self {
        Self {
            name: "barewire".to_owned(),
            address,
            token: "/token",
            introspect: "/introspect",
            resource: RESOURCE,
        }
    }

    /// `oidc-provider`.
    pub fn of_peer(peer: &Peer, address: SocketAddr) -> Self {
        Self {
            name: peer.name.clone(),
            address,
            token: "/token",
            introspect: "/token/introspection",
            resource: RESOURCE,
        }
    }

    /// A POST of a form.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Vec<u8> {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let length = body.len().to_string();
        let own = [("content-type", "application/x-www-form-urlencoded"), ("content-length", &length)];
        let mut bytes = head("POST", path, self.address, &[headers, &own].concat()).into_bytes();
        bytes.extend_from_slice(body.as_bytes());
        bytes
    }

    /// The same by the client that has a secret.
    pub fn post_by_service(&self, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Vec<u8> {
        let authorization = service_authorization();
        self.post(path, &[headers, &[("authorization", &authorization)]].concat(), form)
    }

    /// The token request of that client for itself.
    pub fn client_credentials(&self, headers: &[(&str, &str)]) -> Vec<u8> {
        let form = [("grant_type", "client_credentials"), ("resource", self.resource)];
        self.post_by_service(self.token, headers, &form)
    }

    /// A token of that client.
    ///
    /// # Errors
    /// When there is none.
    pub fn service_token(&self, headers: &[(&str, &str)]) -> Result<String> {
        token_in(&self.ask(&self.client_credentials(headers))?)
    }

    /// Sends it once; the body of a 200.
    ///
    /// # Errors
    /// When it is refused.
    pub fn ask(&self, bytes: &[u8]) -> Result<serde_json::Value> {
        let answer = ask(self.address, bytes)?;
        if answer.status != 200 {
            bail!("{} answered with {} {}", self.name, answer.status, answer.start());
        }
        serde_json::from_slice(&answer.body)
            .with_context(|| format!("{} did not answer with JSON", self.name))
    }
}

fn service_authorization() -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", SERVICE.0, SERVICE.1)))
}

/// The access token of an answer.
///
/// # Errors
/// When there is none.
pub fn token_in(answer: &serde_json::Value) -> Result<String> {
    let token = answer["access_token"].as_str().with_context(|| format!("no token in {answer}"))?;
    Ok(token.to_owned())
}

/// A peer that runs, and what it gave.
///
/// # Errors
/// When it cannot be started.
pub fn start_peer(peer: &Peer, cores: &Cores) -> Result<(Running, Side, Given)> {
    let running = Running::start(&peer.server(false, false)?, cores)?;
    let side = Side::of_peer(peer, running.address);
    let given = side.ask(head("GET", "/bench", running.address, &[]).as_bytes());
    let given = given.with_context(|| running.words())?;
    let given = serde_json::from_value(given)?;
    Ok((running, side, given))
}
