//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::oauth::population::Population;

/// Measure our authorization server, at an empty store and at a full one, beside other people's.
#[derive(Debug, Clone, Parser)]
#[command(name = "bench-oauth")]
pub struct Options {
    /// Live grants of the full store.
    #[arg(long, default_value_t = 1_000_000)]
    pub grants: u64,
    /// Registered clients of the full store.
    #[arg(long, default_value_t = 100_000)]
    pub clients: u64,
    /// Users of the full store.
    #[arg(long, default_value_t = 100_000)]
    pub users: u64,
    /// Turns of each row.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Seconds of one turn.
    #[arg(long, default_value_t = 1.5)]
    pub seconds: f64,
    /// Short, with a small store, to see that everything works; the figures are not good for anything.
    #[arg(long)]
    pub quick: bool,
    /// Leave server and generator on all cores.
    #[arg(long)]
    pub no_pin: bool,
    /// Keep the full store in this file before it is used, or take a copy of the one that is there.
    #[arg(long)]
    pub keep: Option<PathBuf>,
    /// Where the other servers are described.
    #[arg(long, default_value = "bench/oauth-peers")]
    pub peers: PathBuf,
    /// Leave this peer out, and say so in the report: NAME=REASON.
    #[arg(long, value_parser = crate::options::named_text)]
    pub left_out: Vec<(String, String)>,
    /// Write the figures there, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Write the page there.
    #[arg(long)]
    pub markdown: Option<PathBuf>,
}

impl Options {
    /// What they come to: a trial has less of everything.
    #[must_use]
    pub fn effective(mut self) -> Self {
        if self.quick {
            (self.grants, self.clients, self.users) = (2_000, 200, 200);
            (self.rounds, self.seconds) = (1, 0.2);
        }
        self
    }

    /// Of the full store.
    pub fn population(&self) -> Population {
        Population { grants: self.grants, clients: self.clients, users: self.users }
    }
}
