//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::subject::{Kind, Subject};

/// Measure our server beside bare HTTP and beside other people's.
#[derive(Debug, Clone, Parser)]
#[command(name = "bench")]
pub struct Options {
    /// Only these rows, tables or experiments, separated by commas; `echo*` for all that begin so.
    #[arg(long, value_delimiter = ',')]
    pub rows: Vec<String>,
    /// Only these servers, separated by commas; `ours`, `floor` and `peers` for all of a kind.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Other builds of our server, to compare: NAME=PATH of a bench-server.
    #[arg(long, value_parser = named_path)]
    pub also: Vec<(String, PathBuf)>,
    /// These numbers of connections in place of each row's own.
    #[arg(long, value_delimiter = ',')]
    pub connections: Vec<usize>,
    /// An open loop of so many requests a second in place of each row's own load.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Rounds of the main rows; in each, every server has one turn. The others have fewer.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds of one turn.
    #[arg(long, default_value_t = 0.7)]
    pub seconds: f64,
    /// Short, to see that everything works; the figures are not good for anything.
    #[arg(long)]
    pub quick: bool,
    /// Leave server and generator on all cores.
    #[arg(long)]
    pub no_pin: bool,
    /// Where the other servers are described.
    #[arg(long, default_value = "bench/peers")]
    pub peers: PathBuf,
    /// Leave this peer out, and say so in the report: NAME=REASON.
    #[arg(long, value_parser = named_text)]
    pub left_out: Vec<(String, String)>,
    /// Write the figures there, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Write the page there.
    #[arg(long)]
    pub markdown: Option<PathBuf>,
    /// What people have to say on targets that are not reached, by id.
    #[arg(long)]
    pub notes: Option<PathBuf>,
    /// Show what has changed since the run that wrote this JSON.
    #[arg(long)]
    pub compare: Option<PathBuf>,
    /// Measure nothing: make the page from this JSON.
    #[arg(long)]
    pub render: Option<PathBuf>,
}

impl Options {
    /// The server takes part.
    pub fn measures(&self, subject: &Subject) -> bool {
        let group = match subject.kind {
            Kind::FixedFloor | Kind::SerdeFloor => "floor",
            Kind::Ours => "ours",
            Kind::Peer => "peers",
        };
        self.only.is_empty() || self.only.iter().any(|pick| matches(pick, &subject.name) || pick == group)
    }

    /// Something of one of these names is asked for.
    pub fn picks(&self, names: &[&str]) -> bool {
        let is = |pick: &String| names.iter().any(|name| matches(pick, name));
        self.rows.is_empty() || self.rows.iter().any(is)
    }

    /// Rounds of rows that are not the main ones.
    pub fn fewer_rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.min(3) }
    }
}

fn matches(pick: &str, name: &str) -> bool {
    pick.strip_suffix('*').map_or(name == pick, |start| name.starts_with(start))
}

pub(crate) fn named_text(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is needed")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = named_text(text)?;
    Ok((name, std::path::absolute(path).map_err(|error| error.to_string())?))
}
