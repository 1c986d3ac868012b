//! The protocol's revisions, and which one is spoken.
//!
//! A revision is decided once, here, and from then on the code holds that revision's types. Nothing outside of this
//! file compares dates
//! ([Versioning](https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning)).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A published revision of the protocol, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Revision {
    /// HTTP with two endpoints, `/sse` and `/messages`.
    #[serde(rename = "2024-11-05")]
    V2024_11_05,
    /// Streamable HTTP, batches, OAuth.
    #[serde(rename = "2025-03-26")]
    V2025_03_26,
    /// Structured results, elicitation, the version header; no batches.
    #[serde(rename = "2025-06-18")]
    V2025_06_18,
    /// Icons, elicitation by URL, sampling with tools, client documents.
    #[serde(rename = "2025-11-25")]
    V2025_11_25,
    /// No handshake and no session: each request says what it needs to be understood.
    #[serde(rename = "2026-07-28")]
    V2026_07_28,
}

/// How a revision establishes what both sides know of each other
/// ([Terminology](https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#terminology)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Era {
    /// An `initialize` handshake and, over HTTP, a session.
    Legacy,
    /// Each request carries version, identity and capabilities in its `_meta`.
    Modern,
}

impl Revision {
    /// Every published revision, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];

    /// What this build speaks, preferred first: the order of `supportedVersions` and of `data.supported`.
    pub const SPOKEN: [Self; 5] =
        [Self::V2026_07_28, Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26, Self::V2024_11_05];

    /// The newest revision that has the `initialize` handshake and that this build speaks.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;

    /// What a request without session and version header is taken for
    /// ([Protocol Version Header](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#protocol-version-header)).
    pub const ASSUMED: Self = Self::V2025_03_26;

    /// The newest revision without handshake that this build speaks.
    pub const LATEST_MODERN: Self = Self::V2026_07_28;

    /// The revision's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The revision with this name, if it was ever published.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == name)
    }

    /// Whether a server may close the stream of a request before it has answered, and the client comes back for the
    /// answer.
    pub const fn lets_streams_close(self) -> bool {
        matches!(self, Self::V2025_11_25)
    }

    /// Whether it has a handshake.
    pub const fn era(self) -> Era {
        match self {
            Self::V2024_11_05 | Self::V2025_03_26 | Self::V2025_06_18 | Self::V2025_11_25 => Era::Legacy,
            Self::V2026_07_28 => Era::Modern,
        }
    }

    /// Whether each request of a session says which revision it speaks
    /// ([Protocol Version Header](https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#protocol-version-header)).
    pub const fn has_version_header(self) -> bool {
        match self {
            Self::V2024_11_05 | Self::V2025_03_26 => false,
            Self::V2025_06_18 | Self::V2025_11_25 | Self::V2026_07_28 => true,
        }
    }

    /// What a client proposes in a handshake when it speaks nothing newer than this.
    #[must_use]
    pub fn proposal(self) -> Self {
        self.min(Self::LATEST_LEGACY)
    }

    /// Whether this build speaks it.
    pub fn is_spoken(self) -> bool {
        Self::SPOKEN.contains(&self)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a server answers to the `protocolVersion` of an `initialize` request: the same revision where it is spoken,
/// otherwise the newest legacy one that is. A client that proposes a modern revision in a handshake gets a legacy
/// one too, because the handshake belongs to that era
/// ([Version negotiation](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation)).
pub fn negotiate_initialize(proposed: &str) -> Revision {
    Revision::parse(proposed)
        .filter(|revision| revision.is_spoken() && revision.era() == Era::Legacy)
        .unwrap_or(Revision::LATEST_LEGACY)
}

/// What a server does with the `protocolVersion` of a modern request: the revision, or nothing, which is
/// [`crate::error::Error::UnsupportedVersion`].
pub fn accept_modern(requested: &str) -> Option<Revision> {
    Revision::parse(requested).filter(|revision| revision.is_spoken() && revision.era() == Era::Modern)
}

/// What a client takes from the `protocolVersion` of an `initialize` result: what it proposed, or an older one. A newer
/// one than proposed it would not understand, and a modern one does not come from a handshake.
pub fn accept_initialize_result(answered: &str, proposed: Revision) -> Option<Revision> {
    Revision::parse(answered).filter(|revision| revision.era() == Era::Legacy && *revision <= proposed)
}

/// What a client picks from the versions that a modern server lists, in `supportedVersions` or in the data of
/// [`crate::error::code::UNSUPPORTED_PROTOCOL_VERSION`]: the newest one that this build speaks.
pub fn pick<S: AsRef<str>>(listed: &[S]) -> Option<Revision> {
    Revision::SPOKEN.into_iter().find(|spoken| listed.iter().any(|name| name.as_ref() == spoken.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_answers_a_handshake_with_a_revision_it_speaks() {
        let check =
            |proposed, answered| assert_eq!(negotiate_initialize(proposed).as_str(), answered, "{proposed}");
        check("2025-11-25", "2025-11-25");
        check("2025-06-18", "2025-06-18");
        check("2025-03-26", "2025-03-26");
        check("2024-11-05", "2024-11-05");
        check("2026-07-28", "2025-11-25");
        check("1900-01-01", "2025-11-25");
        check("", "2025-11-25");
    }

    #[test]
    fn a_client_takes_what_it_proposed_or_an_older_revision() {
        let check = |proposed: Revision, answered: &str, taken: Option<&str>| {
            let accepted = accept_initialize_result(answered, proposed);
            assert_eq!(accepted.map(Revision::as_str), taken, "{proposed} {answered}");
        };
        check(Revision::V2025_11_25, "2025-11-25", Some("2025-11-25"));
        check(Revision::V2025_11_25, "2024-11-05", Some("2024-11-05"));
        check(Revision::V2025_03_26, "2025-06-18", None);
        check(Revision::V2025_11_25, "2026-07-28", None);
        check(Revision::V2025_11_25, "", None);
        assert_eq!(Revision::V2026_07_28.proposal(), Revision::V2025_11_25);
        assert_eq!(Revision::V2025_03_26.proposal(), Revision::V2025_03_26);
    }

    #[test]
    fn a_client_picks_the_newest_common_revision() {
        let check =
            |listed: &[&str], picked: Option<Revision>| assert_eq!(pick(listed), picked, "{listed:?}");
        check(&["2025-11-25", "2026-07-28"], Some(Revision::V2026_07_28));
        check(&["2025-06-18", "2025-11-25"], Some(Revision::V2025_11_25));
        check(&["2030-01-01"], None);
        check(&[], None);
    }

    #[test]
    fn a_name_round_trips() {
        for revision in Revision::ALL {
            assert_eq!(Revision::parse(revision.as_str()), Some(revision));
            assert_eq!(serde_json::to_value(revision).unwrap(), revision.as_str());
        }
        assert!(Revision::ALL.is_sorted());
    }
}
