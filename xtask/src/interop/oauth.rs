//! OAuth clients that know nothing of MCP against the authorization server of the demo. They run and report as the clients of
//! the SDKs do.

use std::path::Path;

use anyhow::{Context, Result};

use super::clients;
use super::language::Language;
use super::table::Row;
use crate::server::free_port;
use crate::test::Demo;

/// The demo's settings for them.
const SETTINGS: &str = "conformance/interop/oauth.toml";

/// What the clients in this language did, in their order; nothing where there are none.
pub(super) fn run(language: Language, folder: &Path) -> Result<Vec<Row>> {
    let Some(mut command) = language.oauth_clients()? else { return Ok(Vec::new()) };
    let keys = free_port()?.to_string();
    let settings = std::fs::read_to_string(SETTINGS).with_context(|| format!("cannot read {SETTINGS}"))?;
    let demo = Demo::start_with(&settings.replace("{keys}", &keys))?;
    command.env("BAREWIRE_SERVER_URL", &demo.server_url).env("BAREWIRE_KEYS_PORT", keys);
    let report = folder.join(format!("{}-oauth.jsonl", language.name()));
    let rows = clients::report(&mut command, &report)?;
    demo.server.stop()?;
    Ok(rows)
}
