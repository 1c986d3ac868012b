//! Keeps the threat model true: `docs/security.md` names a file for each defence and a test for each threat.

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The links to files of this repository: what is named, and in which file.
    fn links(text: &str) -> impl Iterator<Item = (&str, &str)> {
        text.split("[`").skip(1).filter_map(|rest| {
            let (name, rest) = rest.split_once("`](../")?;
            Some((name, rest.split_once(')')?.0))
        })
    }

    #[test]
    fn every_file_and_every_test_it_names_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = std::fs::read_to_string(root.join("docs/security.md")).expect("docs/security.md is there");
        let exists = |(name, path): &(&str, &str)| {
            let Ok(source) = std::fs::read_to_string(root.join(path)) else { return false };
            path.ends_with(&format!("/{name}")) || source.contains(&format!("fn {name}("))
        };
        let missing: Vec<_> = links(&text).filter(|link| !exists(link)).collect();
        assert!(missing.is_empty(), "docs/security.md names what is not there: {missing:?}");
    }

    #[test]
    fn every_threat_has_a_defence_and_a_test() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = std::fs::read_to_string(root.join("docs/security.md")).expect("docs/security.md is there");
        let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Threat "));
        let mut count = 0;
        for row in rows {
            let columns: Vec<_> = row.trim_matches('|').split(" | ").collect();
            assert_eq!(columns.len(), 3, "{row}");
            assert!(columns[1..].iter().all(|column| links(column).next().is_some()), "{row}");
            count += 1;
        }
        assert!(count > 50, "only {count} rows were found");
    }
}
