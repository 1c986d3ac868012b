//! How far a run is, on one line of the terminal.

use std::io::{IsTerminal as _, Write as _, stderr};

/// Shows what is measured at the moment, where somebody watches.
pub fn now(text: &str) {
    if stderr().is_terminal() {
        // The terminal may be gone; the run goes on.
        let _gone = write!(stderr(), "\r\x1b[K{text}");
    }
}

/// A line that stays.
pub fn line(text: &str) {
    let clear = if stderr().is_terminal() { "\r\x1b[K" } else { "" };
    let _gone = writeln!(stderr(), "{clear}{text}");
}
