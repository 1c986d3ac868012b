//! What the commands share that look at a server from outside: what they are given, and what they show meanwhile.

use std::path::PathBuf;
use std::time::Duration;

use barewire_exchange::Exchange;
use barewire_mcp_client::Recorder;
use barewire_oauth::secret::AccessToken;
use indicatif::{ProgressBar, ProgressDrawTarget};
use url::Url;

use crate::arguments::Common;
use crate::connect::{Token, Trace, kept_token};
use crate::outcome::Failure;
use crate::terminal;

/// The token that was given, or else the one that a login has kept, where that is wanted.
pub(crate) async fn token(
    given: Option<String>,
    logged_in: bool,
    server: &Url,
    common: &Common,
) -> Result<Option<Token>, Failure> {
    match given_token(given) {
        Some(token) => Ok(Some(Token { token, possession: None })),
        None if logged_in => kept_token(server, common).await.map(Some),
        None => Ok(None),
    }
}

/// An environment variable that is set and empty gives no token.
pub(crate) fn given_token(token: Option<String>) -> Option<AccessToken> {
    token.filter(|token| !token.is_empty()).map(AccessToken::new)
}

/// Certificates to trust beside those of the system.
pub(crate) fn authorities(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, Failure> {
    let read = |file: &PathBuf| {
        std::fs::read(file)
            .map_err(|error| Failure::usage(format_args!("{} cannot be read: {error}", file.display())))
    };
    files.iter().map(read).collect()
}

/// Shows on the terminal how far it is, or with `--trace` every exchange.
pub(crate) struct Watcher {
    verb: &'static str,
    trace: Option<Trace>,
    bar: Option<ProgressBar>,
}

impl Watcher {
    /// `verb` is what is done to each part: "Replaying".
    pub(crate) fn new(verb: &'static str, trace: bool) -> Watcher {
        let shown = !trace && terminal::is_interactive();
        let bar = shown.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Watcher { verb, trace: trace.then(Trace::default), bar }
    }

    /// Takes the progress away before the report is printed.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn at(&self, part: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} {part} …", self.verb));
        }
    }

    fn seen(&self, exchange: &Exchange) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if let Some(trace) = &self.trace {
            trace.finished(exchange);
        }
    }
}

impl barewire_doctor::Observer for Watcher {
    fn begins(&self, part: &str) {
        self.at(part);
    }

    fn exchanged(&self, exchange: &Exchange) {
        self.seen(exchange);
    }
}

impl barewire_replay::Observer for Watcher {
    fn begins(&self, part: &str) {
        self.at(part);
    }

    fn exchanged(&self, exchange: &Exchange) {
        self.seen(exchange);
    }
}
