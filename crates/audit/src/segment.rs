//! Records that are stored together.
//!
//! A row for each record took 31 µs of CPU, rows made from a JSON array by one statement 6.1 µs, a segment 0.85 µs for
//! each of its records. So a row holds many: one after the other, each with its length before it and the beginning of its
//! hash after it. The hash is there so that [`Verifier`](crate::Verifier) can
//! tell which record was altered, and not only in which row.

use crate::chain::{Hash, Head};
use crate::codec::{NotARecord, decode};
use crate::entry::{Entry, Time};

/// Bytes after which a segment is full. A reader holds one at a time.
pub const SEGMENT_BYTES: usize = 64 * 1024;

/// The bytes of a hash that are kept with its record.
const MARK: usize = 8;

/// A row: records that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The number of its first record.
    pub first: u64,
    /// How many it has.
    pub count: u32,
    /// When the earliest began.
    pub from: Time,
    /// When the latest began.
    pub until: Time,
    /// The hash of the record before the first.
    pub before: Hash,
    /// The hash of the last.
    pub after: Hash,
    /// The records.
    pub records: Vec<u8>,
}

/// A record as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its number.
    pub sequence: u64,
    /// Its bytes: what the hash is over.
    pub bytes: &'a [u8],
    mark: [u8; MARK],
}

impl Segment {
    /// Chains waiting records (of each buffer a length and so many bytes, one after the other) to `head`, which moves on.
    /// They are put in the order in which they began, since one thread's buffer knows nothing of another's.
    pub(crate) fn chain<'a>(head: &mut Head, waiting: impl IntoIterator<Item = &'a [u8]>) -> Vec<Self> {
        let mut records: Vec<(Time, &[u8])> = Vec::new();
        let mut bytes = 0;
        for mut waiting in waiting {
            bytes += waiting.len();
            while let Some((record, rest)) = split(waiting) {
                let at = record.first_chunk().map_or(Time(0), |at| Time(u64::from_le_bytes(*at)));
                records.push((at, record));
                waiting = rest;
            }
        }
        records.sort_by_key(|(at, _)| *at);
        let mut segments: Vec<Self> = Vec::new();
        for (at, record) in records {
            let full = segments.last().is_none_or(|segment| segment.records.len() >= SEGMENT_BYTES);
            if full {
                segments.push(Self::after(head, bytes));
            }
            let segment = segments.last_mut().expect("one was just added if there was none");
            segment.add(head, at, record);
        }
        segments
    }

    fn after(head: &Head, waiting: usize) -> Self {
        Self {
            first: head.sequence + 1,
            count: 0,
            from: Time(u64::MAX),
            until: Time(0),
            before: head.hash,
            after: head.hash,
            // Marks and the last record come on top.
            records: Vec::with_capacity(waiting.min(SEGMENT_BYTES) * 17 / 16 + 1024),
        }
    }

    fn add(&mut self, head: &mut Head, at: Time, record: &[u8]) {
        *head = head.then(record);
        self.from = self.from.min(at);
        self.until = self.until.max(at);
        self.count += 1;
        self.after = head.hash;
        self.records.extend_from_slice(&(record.len() as u32).to_le_bytes());
        self.records.extend_from_slice(record);
        self.records.extend_from_slice(&head.hash.0[..MARK]);
    }

    /// Its records, in order; an error where the bytes are none, and nothing after it.
    pub fn records(&self) -> impl Iterator<Item = Result<Stored<'_>, NotARecord>> {
        let mut rest = self.records.as_slice();
        let mut sequence = self.first;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let split = split(rest).and_then(|(bytes, after)| {
                let (mark, after) = after.split_first_chunk::<MARK>()?;
                rest = after;
                Some(Stored { sequence, bytes, mark: *mark })
            });
            sequence += 1;
            if split.is_none() {
                rest = &[];
            }
            Some(split.ok_or(NotARecord))
        })
    }
}

impl<'a> Stored<'a> {
    /// What it says.
    ///
    /// # Errors
    /// [`NotARecord`].
    pub fn entry(&self) -> Result<Entry<'a>, NotARecord> {
        decode(self.bytes)
    }

    pub(crate) fn is_marked(&self, hash: &Hash) -> bool {
        self.mark == hash.0[..MARK]
    }
}

/// The first record of several, without its length, and the rest.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}
