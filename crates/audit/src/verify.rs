//! Whether a log is the one that was written.

use crate::chain::Head;
use crate::entry::Kind;
use crate::segment::Segment;

/// Goes through a log from its beginning and stops at the first record that does not follow from the one before.
///
/// This finds every change by somebody who does not recompute all hashes that come after it. Who does, or cuts the end
/// off, is found out by a head that was noted somewhere else before: [`Verifier::expecting`].
#[derive(Debug, Default)]
pub struct Verifier {
    /// The end so far; `None` before the first segment.
    head: Option<Head>,
    /// Where the log begins now, where its beginning has been deleted.
    begins_after: Option<Head>,
    /// The last checkpoint.
    checkpoint: Option<Head>,
    noted: Option<Head>,
    found_noted: bool,
    report: Report,
}

/// What an intact log has.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// Records.
    pub records: u64,
    /// The number of the first; what was before is deleted and vouched for by a checkpoint.
    pub first: u64,
    /// Records that the log says it could not keep.
    pub lost: u64,
    /// How often the log was opened and not closed. One of them may be who writes to it now; of the others the last
    /// moments may be missing.
    pub not_closed: u64,
    /// The end.
    pub head: Option<Head>,
}

/// The first broken link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A record is not the one that was written.
    #[error("record {sequence} is not the one that was written")]
    Altered {
        /// Its number.
        sequence: u64,
    },
    /// Records are not there.
    #[error("records {from} to {through} are missing")]
    Missing {
        /// The first.
        from: u64,
        /// The last.
        through: u64,
    },
    /// A record is there twice, or in the wrong place.
    #[error("record {sequence} comes where record {expected} should")]
    Misplaced {
        /// Its number.
        sequence: u64,
        /// The one that would come next.
        expected: u64,
    },
    /// A record follows from another one than the one before it.
    #[error("record {sequence} does not follow from the record before it")]
    Detached {
        /// Its number.
        sequence: u64,
    },
    /// The beginning is gone and nothing in the log says that it was deleted on purpose.
    #[error("records 1 to {through} are missing, and no checkpoint stands for them")]
    NoCheckpoint {
        /// The last of them.
        through: u64,
    },
    /// The log has another record, or none, where a noted head says which there was.
    #[error("record {sequence} is not the one whose hash was noted")]
    NotTheNoted {
        /// Its number.
        sequence: u64,
    },
}

impl Verifier {
    /// Also expects the record whose number and hash were noted earlier.
    #[must_use]
    pub fn expecting(noted: Option<Head>) -> Self {
        Self { noted, ..Self::default() }
    }

    /// Checks the next segment.
    ///
    /// # Errors
    /// The first broken link.
    pub fn check(&mut self, segment: &Segment) -> Result<(), Broken> {
        let mut head = self.arrive(segment)?;
        let mut count = 0;
        for stored in segment.records() {
            let altered = Broken::Altered { sequence: head.sequence + 1 };
            let Ok(stored) = stored else { return Err(altered) };
            head = head.then(stored.bytes);
            let Ok(entry) = stored.entry() else { return Err(altered) };
            if !stored.is_marked(&head.hash) {
                return Err(altered);
            }
            match entry.kind {
                Kind::Gap => self.report.lost += entry.count.unwrap_or(0),
                Kind::Checkpoint => {
                    self.checkpoint =
                        entry.through.zip(entry.hash).map(|(sequence, hash)| Head { sequence, hash });
                }
                Kind::Started => self.report.not_closed += 1,
                // The record of its opening may have been deleted.
                Kind::Stopped => self.report.not_closed = self.report.not_closed.saturating_sub(1),
                Kind::Request | Kind::Event => {}
            }
            if let Some(noted) = self.noted.filter(|noted| noted.sequence == head.sequence) {
                if noted != head {
                    return Err(Broken::NotTheNoted { sequence: noted.sequence });
                }
                self.found_noted = true;
            }
            count += 1;
        }
        if count != segment.count {
            let through = segment.first + u64::from(segment.count.max(count)) - 1;
            return Err(Broken::Missing { from: head.sequence + 1, through });
        }
        if segment.after != head.hash {
            return Err(Broken::Altered { sequence: head.sequence });
        }
        self.report.records += u64::from(count);
        self.head = Some(head);
        Ok(())
    }

    /// The last word, once there are no more segments.
    ///
    /// # Errors
    /// What only the whole can show.
    pub fn finish(mut self) -> Result<Report, Broken> {
        if let Some(begins_after) = self.begins_after
            && self.checkpoint != Some(begins_after)
        {
            return Err(Broken::NoCheckpoint { through: begins_after.sequence });
        }
        if let Some(noted) = self.noted
            && !self.found_noted
            // A noted record may have been deleted since, with everything before it.
            && self.begins_after.is_none_or(|begins_after| noted.sequence > begins_after.sequence)
        {
            return Err(Broken::NotTheNoted { sequence: noted.sequence });
        }
        self.report.head = self.head;
        Ok(self.report)
    }

    /// The head that a segment has to follow from.
    fn arrive(&mut self, segment: &Segment) -> Result<Head, Broken> {
        let before = Head { sequence: segment.first.saturating_sub(1), hash: segment.before };
        let Some(head) = self.head else {
            self.report.first = segment.first;
            if segment.first > 1 {
                self.begins_after = Some(before);
            } else if before != Head::GENESIS {
                return Err(Broken::Detached { sequence: segment.first });
            }
            return Ok(before);
        };
        let expected = head.sequence + 1;
        if segment.first > expected {
            return Err(Broken::Missing { from: expected, through: segment.first - 1 });
        }
        if segment.first < expected {
            return Err(Broken::Misplaced { sequence: segment.first, expected });
        }
        if segment.before != head.hash {
            return Err(Broken::Detached { sequence: segment.first });
        }
        Ok(head)
    }
}
