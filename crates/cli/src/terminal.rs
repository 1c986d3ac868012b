//! The only file that prints: results to standard output, everything else to standard error.

use std::io::{IsTerminal, Write};

use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

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

/// An error with its causes, most general first.
pub(crate) fn complain(message: &str, causes: &[String], next: Option<&str>) {
    note(&format!("{} {}", paint("error:", "1;31"), safe(message)));
    for cause in causes {
        note(&format!("  because {}", safe(cause)));
    }
    if let Some(next) = next {
        note(&format!("{} {}", paint("what next:", "1"), safe(next)));
    }
}

/// A text of somebody else without the characters that would command the terminal (ESC and its like).
pub(crate) fn safe(text: &str) -> String {
    text.chars().map(|c| if commands(c) && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// JSON with what would command the terminal escaped: the value is the same.
pub(crate) fn safe_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // What is left of these after serialising is inside of strings.
        if commands(c) && c != '\n' {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// A control character of either set, or one that turns the direction of writing.
fn commands(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    fn nobody_commands_the_terminal() {
        for (text, shown) in [
            ("a\tb\nc", "a\tb\nc"),
            ("\x1b]0;title\x07", "\u{fffd}]0;title\u{fffd}"),
            ("\u{9b}2J", "\u{fffd}2J"),
            ("a\rb\x7f\0", "a\u{fffd}b\u{fffd}\u{fffd}"),
            ("\u{202e}gpj.exe", "\u{fffd}gpj.exe"),
            ("\u{2066}x\u{2069}", "\u{fffd}x\u{fffd}"),
        ] {
            assert_eq!(safe(text), shown);
        }
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ "\u{9b}2J": "\x1b\x7f\u{85}\u{202e}\n" });
        for text in [value.to_string(), format!("{value:#}")] {
            let safe = safe_json(&text);
            assert!(!safe.chars().any(|c| commands(c) && c != '\n'), "{safe}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).ok(), Some(value.clone()));
        }
    }

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
