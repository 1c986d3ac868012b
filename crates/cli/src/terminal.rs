//! The only file that prints: results to standard output, everything else to standard error.

mod safe;

use std::io::{IsTerminal, Write};

use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

pub(crate) use self::safe::{quoted, safe, safe_json, safe_lines, shell_word};
use crate::outcome::Kind;

/// Logs go to standard error: warnings by default, more by `RUST_LOG`.
pub(crate) fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,barewire=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(has_colour())
        .with_target(false)
        .init();
}

/// A line of the result. A reader that went away (`| head`) is not an error of ours: the program ends quietly.
pub(crate) fn print(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// A line beside the result. Where nobody reads it (`2>&1 | head`) it is lost, which `eprintln!` would panic about.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// An error with its causes, most general first. Lines of theirs stand below the first, so that none of them looks like ours.
pub(crate) fn complain(message: &str, causes: &[String], next: Option<&str>) {
    let hanging = |text: &str| safe_lines(text).replace('\n', "\n         ");
    note(&format!("{} {}", paint("error:", "1;31"), hanging(message)));
    for cause in causes {
        note(&format!("  because {}", hanging(cause)));
    }
    if let Some(next) = next {
        note(&format!("{} {}", paint("what next:", "1"), hanging(next)));
    }
}

/// Shows a web page. Only `http` and `https` are pages; anything else (`file:`, `javascript:`, another program's own
/// scheme, an option of the browser) is not opened for a server that asks for it. `false` where nothing was opened.
pub(crate) fn open_browser(url: &str) -> bool {
    web_page(url).is_some_and(|url| open::that_detached(url.as_str()).is_ok())
}

fn web_page(url: &str) -> Option<url::Url> {
    url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Whether somebody sits there who can be asked and shown progress.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for one line; `None` at the end of input.
pub(crate) fn ask(question: &str) -> Option<String> {
    let mut terminal = std::io::stderr();
    write!(terminal, "{question} ").and_then(|()| terminal.flush()).ok()?;
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

/// Asks for one line that nobody sees while it is typed; `None` where nothing was typed.
pub(crate) fn ask_secret(question: &str) -> Option<String> {
    rpassword::prompt_password(format!("{question} ")).ok().filter(|typed| !typed.is_empty())
}

/// Text in an ANSI colour, where standard error has colours.
pub(crate) fn paint(text: &str, code: &str) -> String {
    if has_colour() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// The same for what goes to standard output.
pub(crate) fn paint_result(text: &str, code: &str) -> String {
    if std::io::stdout().is_terminal() && wants_colour() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Whether standard error is a terminal that wants colours (<https://no-color.org>: a variable that is not empty).
fn has_colour() -> bool {
    std::io::stderr().is_terminal() && wants_colour()
}

fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Cancelled when the process is asked to end, so that it can leave in order. Whoever asks again does not want to wait.
pub(crate) fn stop_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        asked_to_end().await;
        asked.cancel();
        asked_to_end().await;
        std::process::exit(Kind::Interrupted as i32);
    });
    stop
}

/// SIGTERM, or Ctrl-C.
async fn asked_to_end() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_pages_are_opened() {
        for (url, page) in [
            ("https://a.example/x?y=z", true),
            ("HTTP://localhost:8000/", true),
            ("file:///etc/passwd", false),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("vscode://x", false),
            ("--new-window", false),
            ("-h", false),
            ("/bin/sh", false),
            ("a.example", false),
            ("", false),
        ] {
            assert_eq!(web_page(url).is_some(), page, "{url}");
        }
    }
}
