//! Finds the machine-readable part of the specification, which is not part of this repository.

use std::path::{Path, PathBuf};

/// The folder with one folder per revision: `BAREWIRE_SPEC`, or `shared/spec` beside this repository. Where there is
/// none, the test says so and passes.
#[expect(clippy::disallowed_methods, reason = "a test may look for its material")]
#[expect(clippy::print_stderr, reason = "a skipped test has to say that it was skipped")]
pub(crate) fn folder(test: &str) -> Option<PathBuf> {
    if let Ok(folder) = std::env::var("BAREWIRE_SPEC") {
        return Some(PathBuf::from(folder));
    }
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above.map(|folder| folder.join("shared/spec")).find(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!(
            "SKIPPED {test}: no folder shared/spec above {} and no BAREWIRE_SPEC",
            env!("CARGO_MANIFEST_DIR")
        );
    }
    found
}

/// The text of a file.
#[expect(clippy::disallowed_methods, reason = "a test may read its material")]
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is in a folder, in order.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let list = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = list.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
