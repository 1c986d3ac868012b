//! What is measured: the floors, our server, and the peers.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::dialect::{Call, Era};
use crate::launch::Launch;
use crate::peer::Peer;

/// One side of the comparison.
#[derive(Debug, Clone)]
pub struct Subject {
    /// As it stands in tables and after `--only`.
    pub name: String,
    /// Which side.
    pub kind: Kind,
    which: Which,
}

/// Which side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Bare hyper with a constant answer.
    FixedFloor,
    /// Bare hyper with the body through `serde_json::Value` both ways: what all ratios are against.
    SerdeFloor,
    /// Our server.
    Ours,
    /// Somebody else's.
    Peer,
}

#[derive(Debug, Clone)]
enum Which {
    Floor(&'static str),
    /// Another build of ours, where a path is given.
    Ours(Option<PathBuf>),
    Peer(Box<Peer>),
}

/// What a row asks of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Work {
    /// The call.
    pub call: Call,
    /// The revision it is made in.
    pub era: Era,
    /// With a bearer token, which the server checks.
    pub bearer: bool,
    /// With an audit record and metrics of each call.
    pub observe: bool,
    /// Tools beside those that are called.
    pub more_tools: usize,
    /// Entries of one page of a list, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<usize>,
}

/// How a server is started for some work. Equal ones share a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Setup {
    /// It asks for a bearer token.
    pub bearer: bool,
    /// It keeps an audit record and metrics.
    pub observe: bool,
    /// Tools beside those that are called.
    pub more_tools: usize,
    /// Entries of one page of a list, where it is not the default.
    pub page_size: Option<usize>,
    /// It answers with event streams, where a server has to be told.
    pub stream: bool,
}

impl Work {
    /// `echo` of 2026-07-28 and nothing else.
    pub const ECHO: Self = Self {
        call: Call::ECHO,
        era: Era::Modern,
        bearer: false,
        observe: false,
        more_tools: 0,
        page_size: None,
    };
}

impl Subject {
    /// The floors and our server.
    pub fn built_in() -> Vec<Self> {
        let subject = |name: &str, kind, which| Self { name: name.to_owned(), kind, which };
        vec![
            subject("floor-fixed", Kind::FixedFloor, Which::Floor("fixed")),
            subject("floor-serde", Kind::SerdeFloor, Which::Floor("serde")),
            subject("barewire", Kind::Ours, Which::Ours(None)),
        ]
    }

    /// Another build of our server, to compare two.
    pub fn another_of_ours(name: &str, program: &Path) -> Self {
        Self { name: name.to_owned(), kind: Kind::Ours, which: Which::Ours(Some(program.to_owned())) }
    }

    /// Somebody else's.
    pub fn peer(peer: Peer) -> Self {
        Self { name: peer.name.clone(), kind: Kind::Peer, which: Which::Peer(Box::new(peer)) }
    }

    /// How its description has it, of a peer.
    pub fn as_peer(&self) -> Option<&Peer> {
        match &self.which {
            Which::Peer(peer) => Some(peer),
            Which::Floor(_) | Which::Ours(_) => None,
        }
    }

    /// What this one does in the place of some work; nothing where the row is not about it. The floors answer `echo`,
    /// whatever the row asks of the others.
    ///
    /// # Errors
    /// Why it cannot do what the row is about.
    pub fn stand_in(&self, work: Work) -> Result<Option<Work>, String> {
        let echo = match work.call {
            Call::Echo(length) => Call::Echo(length),
            Call::GetUser | Call::Progress | Call::ListTools => Call::ECHO,
        };
        let floor = Work { call: echo, ..Work::ECHO };
        Ok(match &self.which {
            Which::Floor("fixed") if echo != Call::ECHO => None,
            Which::Floor(_) => Some(floor),
            Which::Ours(_) => Some(work),
            Which::Peer(_) if work.observe || work.more_tools > 0 => None,
            Which::Peer(peer) => {
                let needs = [
                    (work.era == Era::Modern, "modern"),
                    (work.era == Era::Session, "session"),
                    (work.bearer, "auth"),
                    (work.call == Call::Progress, "progress"),
                    (work.call == Call::GetUser, "structured"),
                ];
                if (work.call, work.era) == (Call::Progress, Era::Session) && peer.says("session_progress") {
                    peer.can("session_progress")?;
                }
                for (_, what) in needs.into_iter().filter(|(needed, _)| *needed) {
                    peer.can(what)?;
                }
                Some(work)
            }
        })
    }

    /// What a reader has to know about its figures for that work.
    pub fn remark(&self, work: Work) -> Option<String> {
        if work.call == Call::Progress {
            return None;
        }
        let json = if work.era == Era::Modern { "modern_json" } else { "session_json" };
        self.as_peer()?.can(json).err()
    }

    /// Which process does that work.
    pub fn setup(&self, work: Work) -> Setup {
        let stream = work.call == Call::Progress && self.as_peer().is_some_and(Peer::streams_apart);
        let Work { bearer, observe, more_tools, page_size, .. } = work;
        Setup { bearer, observe, more_tools, page_size, stream }
    }

    /// How that process is started.
    ///
    /// # Errors
    /// When it was not built, or there is no such thing.
    pub fn launch(&self, setup: Setup) -> Result<Launch> {
        match &self.which {
            Which::Floor(kind) => Launch::ours("floor", &["--listen", "{listen}", "--kind", kind]),
            Which::Ours(program) => {
                let more_tools = setup.more_tools.to_string();
                let page_size = setup.page_size.map(|size| size.to_string());
                let mut arguments = vec!["--listen", "{listen}"];
                arguments.extend(setup.bearer.then_some("--auth"));
                arguments.extend(setup.observe.then_some("--observe"));
                if setup.more_tools > 0 {
                    arguments.extend(["--tools", &more_tools]);
                }
                if let Some(size) = &page_size {
                    arguments.extend(["--page-size", size]);
                }
                let launch = match program {
                    None => Launch::ours("bench-server", &arguments)?,
                    Some(program) => Launch::of(program, &arguments),
                };
                Ok(Launch { prints_token: setup.bearer, ..launch })
            }
            Which::Peer(peer) if !setup.observe && setup.more_tools == 0 => {
                peer.server(setup.bearer, setup.stream)
            }
            Which::Peer(_) => bail!("only our server is measured so"),
        }
    }
}
