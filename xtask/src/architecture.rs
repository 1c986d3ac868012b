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
    fn the_guides_show_the_examples_that_are_compiled() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (guide, example) in [
            ("README.md", "crates/mcp-server/examples/mount.rs"),
            ("docs/mounting.md", "crates/demo/examples/own_login.rs"),
        ] {
            let text = std::fs::read_to_string(root.join(guide)).expect("the guide is there");
            let program = std::fs::read_to_string(root.join(example)).expect("the example is there");
            let (_, code) = program.split_once("\n\n").expect("a doc comment, an empty line, the code");
            assert!(text.contains(code), "{guide} and {example} differ");
        }
    }

    /// Every place that a page of the documentation leads to is there: the file, and in a page the heading.
    #[test]
    fn links_of_the_guides_lead_somewhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let in_docs = std::fs::read_dir(root.join("docs")).expect("the folder docs");
        let pages = in_docs
            .map(|entry| entry.expect("a readable entry").path())
            .filter(|path| path.extension().is_some_and(|it| it == "md"))
            .chain(
                ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/wire/README.md"]
                    .map(|it| root.join(it)),
            );
        let mut lost = Vec::new();
        for page in pages {
            let text = std::fs::read_to_string(&page).expect("a readable page");
            for link in links(&text) {
                let (file, heading) = link.split_once('#').unwrap_or((link, ""));
                let target = match file {
                    "" => page.clone(),
                    file => page.parent().expect("a page is in a folder").join(file),
                };
                let is_page = target.extension().is_some_and(|it| it == "md");
                let found = match std::fs::read_to_string(&target) {
                    Ok(text) if is_page && !heading.is_empty() => headings(&text).contains(heading),
                    _ => target.exists(),
                };
                if !found {
                    lost.push(format!("{}: {link}", page.display()));
                }
            }
        }
        assert!(lost.is_empty(), "these links lead nowhere:\n{}", lost.join("\n"));
    }

    /// Where the links of a page lead, those to other sites left out.
    fn links(text: &str) -> impl Iterator<Item = &str> {
        let ends = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next());
        ends.filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
    }

    /// The headings of a page as they are written in a link.
    fn headings(text: &str) -> BTreeSet<String> {
        let mut in_code = false;
        let lines = text.lines().filter(|line| {
            in_code ^= line.starts_with("```");
            !in_code && line.starts_with('#')
        });
        let slug = |line: &str| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
            kept.map(|it| if it == ' ' { '-' } else { it }).collect()
        };
        lines.map(slug).collect()
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
