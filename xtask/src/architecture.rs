//! Keeps the code map of `ARCHITECTURE.md` equal to the folder: crate maps drift when nobody counts.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn code_map_names_every_crate_and_no_other() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folders: BTreeSet<String> = std::fs::read_dir(root.join("crates"))
            .expect("the workspace has a folder crates")
            .map(|entry| entry.expect("a readable entry"))
            .filter(|entry| entry.path().join("Cargo.toml").exists())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
        let named: BTreeSet<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("### `crates/")?.strip_suffix('`'))
            .map(str::to_owned)
            .collect();
        assert_eq!(
            named, folders,
            "the code map of ARCHITECTURE.md (left) and the folder crates/ (right) differ"
        );
    }

    #[test]
    fn the_readme_shows_the_example_that_is_compiled() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md is there");
        let example = std::fs::read_to_string(root.join("crates/mcp-server/examples/mount.rs"));
        let example = example.expect("the example is there");
        let (_, code) = example.split_once("\n\n").expect("a doc comment, an empty line, the code");
        assert!(readme.contains(code), "README.md and crates/mcp-server/examples/mount.rs differ");
    }

    #[test]
    fn every_file_the_map_points_at_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
        let missing: Vec<&str> = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|quoted| quoted.starts_with("crates/") || quoted.starts_with("xtask/"))
            .filter(|path| !path.contains('…') && !root.join(path).exists())
            .collect();
        assert!(missing.is_empty(), "ARCHITECTURE.md points at what is not there: {missing:?}");
    }
}
