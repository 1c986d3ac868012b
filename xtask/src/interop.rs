//! Other people's clients against our server, and our client against other people's servers.

use anyhow::Result;

use crate::node;
use crate::run::{run, target_directory};
use crate::test::Demo;

const FOLDER: &str = "conformance/interop/typescript";

pub(crate) fn interop() -> Result<()> {
    node::install(FOLDER)?;
    let demo = Demo::start()?;
    let binary = std::path::absolute(target_directory().join("debug/barewire"))?;
    run(node::npm(FOLDER)
        .args(["test", "--silent"])
        .env("BAREWIRE_SERVER_URL", &demo.server_url)
        .env("BAREWIRE_BINARY", binary))?;
    demo.server.stop()
}
