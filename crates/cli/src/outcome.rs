//! How a command ends: the table of exit codes, and the one place that prints an error.

use std::process::ExitCode;

/// Why a command did not do what was asked. The variant is the exit code; the text says what happened and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    error: anyhow::Error,
    next: Option<String>,
    printed: bool,
}

/// Exit codes, as `docs/cli.md` documents them. 2 is clap's: the command line could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Something in this program or this machine failed.
    Internal = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The server was not reached, or what answered does not speak MCP.
    Connection = 3,
    /// A login is needed, or was refused.
    Login = 4,
    /// The tool ran and said that it failed (`isError`).
    Tool = 5,
    /// The server answered the request with an error.
    Refused = 6,
    /// The audit log is not the one that was written.
    Broken = 7,
    /// The doctor found errors.
    Unwell = 8,
    /// The server differs from the transcripts where the specification leaves no choice.
    Differs = 9,
    /// Interrupted before it was done.
    Interrupted = 130,
}

impl Failure {
    pub(crate) fn new(kind: Kind, error: impl Into<anyhow::Error>) -> Failure {
        Failure { kind, error: error.into(), next: None, printed: false }
    }

    /// Adds what the person can do about it.
    pub(crate) fn with_next(self, next: Option<String>) -> Failure {
        Failure { next, ..self }
    }

    /// Adds that where the server refused the request and nothing better is known.
    pub(crate) fn or_next(self, next: impl FnOnce() -> String) -> Failure {
        if self.kind != Kind::Refused || self.next.is_some() {
            return self;
        }
        self.with_next(Some(next()))
    }

    /// Says that the result on standard output tells it already.
    pub(crate) fn already_printed(self, printed: bool) -> Failure {
        Failure { printed, ..self }
    }

    pub(crate) fn internal(error: impl Into<anyhow::Error>) -> Failure {
        Failure::new(Kind::Internal, error)
    }

    pub(crate) fn usage(message: impl std::fmt::Display) -> Failure {
        Failure::new(Kind::Usage, anyhow::anyhow!("{message}"))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::internal(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:#}", self.error)
    }
}

/// Prints the failure where it belongs and gives its exit code.
pub(crate) fn report(failure: &Failure, json: bool) -> ExitCode {
    if failure.printed {
        return ExitCode::from(failure.kind as u8);
    }
    let causes: Vec<String> = failure.error.chain().skip(1).map(ToString::to_string).collect();
    if json {
        let report = serde_json::json!({
            "error": { "kind": format!("{:?}", failure.kind).to_lowercase(), "message": failure.error.to_string(), "causes": causes, "next": failure.next }
        });
        crate::terminal::print(&crate::terminal::safe_json(&report.to_string()));
    } else {
        crate::terminal::complain(&failure.error.to_string(), &causes, failure.next.as_deref());
    }
    ExitCode::from(failure.kind as u8)
}
