//! The server that the suite calls.

mod asking;
mod changes;
mod content;
mod prompts;
mod resources;
mod serve;
mod skills;
mod tasks;
mod timing;

use std::sync::{Arc, OnceLock};

use barewire_mcp_server::{BuildError, McpServer, Publisher};

pub use self::serve::serve;

/// Where clients of 2024-11-05 begin, and where these send what they have to say.
const SSE: &str = "/sse";
const MESSAGES: &str = "/messages";

/// Builds it: every tool, resource and prompt that the suite knows by name, without login.
///
/// # Errors
/// Never, unless a fixture is registered wrongly.
pub fn server() -> Result<McpServer, BuildError> {
    let publisher = Arc::new(OnceLock::<Publisher>::new());
    let builder = McpServer::builder("barewire-fixture", env!("CARGO_PKG_VERSION"))
        .title("Barewire conformance fixture")
        .instructions("Fixtures of the official conformance suite.")
        .sse_transport(SSE, MESSAGES)
        .logging();
    // The suite calls the first tool without arguments, so the plain ones come first.
    let builder = content::register(builder);
    let builder = timing::register(builder);
    let builder = changes::register(builder, &publisher);
    let builder = asking::register(builder);
    let builder = tasks::register(builder);
    let builder = resources::register(builder);
    let builder = skills::register(builder);
    let server = prompts::register(builder).build()?;
    publisher.get_or_init(|| server.publish());
    Ok(server)
}
