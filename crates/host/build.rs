//! Makes the folder of the built page exist, so that the crate compiles before the page was ever built (then `/` says
//! how to build it), and so that cargo notices when it was.
use std::path::Path;

fn main() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    // On a read-only checkout this fails and the embedding below is empty, which is right.
    let _ = std::fs::create_dir_all(&page);
    println!("cargo::rerun-if-changed={}", page.display());
}
