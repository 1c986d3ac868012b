//! `cargo xtask settings`: writes the schema of the settings, and the file with all of them in the guide, from the types and
//! their comments. The tests fail where these differ.

use anyhow::Result;

use crate::run::{cargo, run};

pub(crate) fn settings() -> Result<()> {
    let test = "the_files_are_what_the_types_say";
    let arguments = ["test", "--locked", "--package", "barewire", "--bin", "barewire", test];
    run(cargo(&arguments).env("BAREWIRE_WRITE_SETTINGS", "1"))
}
