//! Each record's hash covers the one before.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::entry::Hex;

/// The hash of a record, and through it of all before: SHA-256 over the hash before and the record's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

/// The end of a chain so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last record; they count from 1.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// The end of a chain that has no record yet.
    pub const GENESIS: Self = Self { sequence: 0, hash: Hash([0; 32]) };

    /// The end after one more record.
    #[must_use]
    pub fn then(&self, record: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(self.hash.0).chain_update(record).finalize();
        Self { sequence: self.sequence + 1, hash: Hash(hash.into()) }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `NUMBER:HASH`, for noting it somewhere else.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.hash)
    }
}

/// Why a text names no head.
#[derive(Debug, thiserror::Error)]
#[error("a head is written NUMBER:HASH, as `audit verify` prints it")]
pub struct NotAHead;

impl FromStr for Head {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let (sequence, hash) = text.split_once(':').ok_or(NotAHead)?;
        let sequence = sequence.parse().map_err(|_| NotAHead)?;
        let digits = |pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = hash.as_bytes().chunks(2).map(digits).collect();
        let hash = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(NotAHead)?;
        Ok(Self { sequence, hash: Hash(hash) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_can_be_noted_and_read() {
        let head = Head::GENESIS.then(b"one");
        assert_eq!(head.to_string().parse::<Head>().unwrap(), head);
        for text in ["", "1", "1:", "x:00", "1:zz", &head.to_string()[..60]] {
            assert!(text.parse::<Head>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_byte_and_the_order_count() {
        let of = |records: &[&[u8]]| records.iter().fold(Head::GENESIS, |head, record| head.then(record));
        assert_ne!(of(&[b"a", b"b"]), of(&[b"b", b"a"]));
        assert_ne!(of(&[b"a", b"b"]).hash, of(&[b"ab"]).hash);
    }
}
