//! What is measured: the floors, our server, and the peers.

use anyhow::Result;
use serde::Serialize;

use crate::dialect::{Call, Era};
use crate::launch::Launch;

/// One side of the comparison.
#[derive(Debug, Clone)]
pub struct Subject {
    /// As it stands in tables and after `--only`.
    pub name: String,
    /// Which side.
    pub kind: Kind,
}

/// Which side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Bare hyper with a constant answer.
    FixedFloor,
    /// Bare hyper with the body through `serde_json::Value` both ways: what all ratios are against.
    SerdeFloor,
    /// Our server.
    Ours,
}

/// What a row asks of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Work {
    /// The call.
    pub call: Call,
    /// The revision it is made in.
    pub era: Era,
    /// With a bearer token, which the server checks.
    pub bearer: bool,
    /// With an audit record and metrics of each call.
    pub observe: bool,
    /// Tools beside the three that are called.
    pub more_tools: usize,
}

/// How a server is started for some work. Equal ones share a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Setup {
    bearer: bool,
    observe: bool,
    more_tools: usize,
}

impl Subject {
    /// The floors and our server.
    pub fn built_in() -> Vec<Self> {
        let subject = |name: &str, kind| Self { name: name.to_owned(), kind };
        vec![
            subject("floor-fixed", Kind::FixedFloor),
            subject("floor-serde", Kind::SerdeFloor),
            subject("barewire", Kind::Ours),
        ]
    }

    /// What this one does in the place of some work: the floors answer `echo` whatever the row asks of the others.
    pub fn stand_in(&self, work: Work) -> Option<Work> {
        let echo = match work.call {
            Call::Echo(length) => Call::Echo(length),
            Call::GetUser | Call::Progress | Call::ListTools => Call::ECHO,
        };
        let floor = Work { call: echo, era: Era::Modern, bearer: false, observe: false, more_tools: 0 };
        match self.kind {
            Kind::FixedFloor if echo == Call::ECHO => Some(floor),
            Kind::FixedFloor => None,
            Kind::SerdeFloor => Some(floor),
            Kind::Ours => Some(work),
        }
    }

    /// Which process does that work.
    pub fn setup(&self, work: Work) -> Setup {
        Setup { bearer: work.bearer, observe: work.observe, more_tools: work.more_tools }
    }

    /// How that process is started.
    ///
    /// # Errors
    /// When it was not built.
    pub fn launch(&self, setup: Setup) -> Result<Launch> {
        let floor = |kind| Launch::ours("floor", &["--listen", "{listen}", "--kind", kind]);
        match self.kind {
            Kind::FixedFloor => floor("fixed"),
            Kind::SerdeFloor => floor("serde"),
            Kind::Ours => {
                let more_tools = setup.more_tools.to_string();
                let mut arguments = vec!["--listen", "{listen}"];
                arguments.extend(setup.bearer.then_some("--auth"));
                arguments.extend(setup.observe.then_some("--observe"));
                if setup.more_tools > 0 {
                    arguments.extend(["--tools", &more_tools]);
                }
                Ok(Launch { prints_token: setup.bearer, ..Launch::ours("bench-server", &arguments)? })
            }
        }
    }
}
