//! The only file that prints: results to standard output, everything else to standard error.
#![expect(clippy::print_stderr, reason = "this is the terminal")]

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::arguments::Common;

/// Logs go to standard error: warnings by default, more by `RUST_LOG`.
pub(crate) fn start_logging(_common: &Common) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,barewire=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}

/// A line of the result. A reader that went away (`| head`) is not an error of ours: the program ends quietly.
pub(crate) fn print(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// A line beside the result.
pub(crate) fn note(line: &str) {
    eprintln!("{line}");
}

/// An error with its causes, most general first.
pub(crate) fn complain(message: &str, causes: &[String], next: Option<&str>) {
    eprintln!("{} {}", paint("error:", "1;31"), safe(message));
    for cause in causes {
        eprintln!("  because {}", safe(cause));
    }
    if let Some(next) = next {
        eprintln!("{} {}", paint("what next:", "1"), safe(next));
    }
}

/// A text of somebody else without the characters that would command the terminal (ESC and its like).
pub(crate) fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// Whether somebody sits there who can be asked and shown progress.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for one line; `None` at the end of input.
pub(crate) fn ask(question: &str) -> Option<String> {
    eprint!("{question} ");
    std::io::stderr().flush().ok()?;
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

/// ANSI colour where standard error is a terminal that wants it (<https://no-color.org>).
pub(crate) fn paint(text: &str, code: &str) -> String {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Ends when the process is asked to end: SIGTERM, or Ctrl-C.
pub(crate) async fn shutdown_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
