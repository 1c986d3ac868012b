//! `cargo xtask wire`: records the golden transcripts of `docs/wire` anew. The tests fail where a run gives anything else.

use anyhow::Result;

use crate::run::{cargo, run};

pub(crate) fn wire() -> Result<()> {
    let test = "the_files_are_what_a_run_gives_today";
    let arguments = ["test", "--locked", "--package", "barewire-replay", "--test", "it", test];
    run(cargo(&arguments).env("BAREWIRE_WRITE_WIRE", "1"))
}
