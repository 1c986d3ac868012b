//! What a run of one target came to, out of what libFuzzer says while it runs.

use std::fmt;

/// The names of the columns.
pub(super) const HEAD: &str = "target        executions   per second    edges   corpus";
/// Longest input that is shown as a literal, in bytes.
const MAX_LITERAL: usize = 512;
/// Lines that are shown of what a target said when it crashed.
const MAX_LINES: usize = 12;

#[derive(Default)]
pub(super) struct Report {
    name: String,
    executions: u64,
    per_second: u64,
    edges: u64,
    corpus: u64,
    pub(super) has_crashed: bool,
    /// Where the input is that did it.
    artifact: Option<String>,
    /// From the first line on that tells of a crash.
    said: Vec<String>,
}

impl Report {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Takes the next line.
    pub(super) fn heard(&mut self, line: &str) {
        let number = |after: &str| {
            let (_, rest) = line.split_once(after)?;
            let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<u64>().ok()
        };
        if line.starts_with('#') {
            self.executions = number("#").unwrap_or(self.executions);
            self.edges = number(" cov: ").unwrap_or(self.edges);
            self.corpus = number(" corp: ").unwrap_or(self.corpus);
        }
        self.executions = number("stat::number_of_executed_units:").unwrap_or(self.executions);
        self.per_second = number("stat::average_exec_per_sec:").unwrap_or(self.per_second);
        if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.artifact = Some(path.trim().to_owned());
        }
        let tells = line.contains("panicked at") || line.contains("ERROR: libFuzzer");
        if (tells || !self.said.is_empty()) && self.said.len() < MAX_LINES {
            self.said.push(line.to_owned());
        }
    }

    /// The target has ended.
    pub(super) fn ended(&mut self, well: bool) {
        self.has_crashed = !well;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, executions, per_second, edges, corpus, .. } = self;
        write!(f, "{name:<12} {executions:>11} {per_second:>12} {edges:>8} {corpus:>8}")?;
        if !self.has_crashed {
            return Ok(());
        }
        writeln!(f, "\n\n  \x1b[1;31m{name} crashed\x1b[0m")?;
        for line in &self.said {
            writeln!(f, "    {line}")?;
        }
        let Some(artifact) = &self.artifact else {
            return writeln!(f, "  It left no input behind; a stack that ran over ends so.");
        };
        writeln!(f, "  The input:  {artifact}")?;
        writeln!(f, "  Once more:  cargo xtask fuzz --target {name} --input {artifact}")?;
        writeln!(
            f,
            "  It leaves a test in the crate whose function it is, named after what was wrong, with this input:"
        )?;
        match std::fs::read(artifact) {
            Ok(input) if input.len() <= MAX_LITERAL => writeln!(f, "    b\"{}\"", input.escape_ascii()),
            Ok(input) => writeln!(f, "    the {} bytes of that file, made shorter", input.len()),
            Err(error) => writeln!(f, "    (cannot be read: {error})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_becomes_a_row() {
        let mut report = Report::new("challenge");
        for line in [
            "#2\tINITED cov: 7 ft: 7 corp: 1/1b exec/s: 0 rss: 27Mb",
            "#19527842\tDONE   cov: 110 ft: 211 corp: 53/2143b lim: 4096 exec/s: 1775258 rss: 27Mb",
            "stat::number_of_executed_units: 19527842",
            "stat::average_exec_per_sec:     1775258",
        ] {
            report.heard(line);
        }
        report.ended(true);
        assert_eq!(report.to_string(), "challenge       19527842      1775258      110       53");
    }

    #[test]
    fn a_crash_says_how_to_see_it_again() {
        let mut report = Report::new("sse");
        for line in [
            "#5\tNEW    cov: 9 ft: 9 corp: 3/9b lim: 4 exec/s: 0 rss: 27Mb",
            "thread '<unnamed>' panicked at src/bin/sse.rs:9:5:",
            "assertion failed",
            "artifact_prefix='fuzz/artifacts/sse/'; Test unit written to fuzz/artifacts/sse/crash-0",
        ] {
            report.heard(line);
        }
        report.ended(false);
        let shown = report.to_string();
        for wanted in ["panicked at src/bin/sse.rs", "--target sse --input fuzz/artifacts/sse/crash-0"] {
            assert!(shown.contains(wanted), "{shown}");
        }
    }
}
