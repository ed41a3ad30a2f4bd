//! Checks an export or a store line by line: hashes, order, gaps, signatures.

use airlock_core::audit::{Line, SignedCheckpoint, verify};
use airlock_core::crypto::PublicKey;
use serde::Serialize;

/// What does not hold, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("the log is broken at seq {seq}: {why}")]
pub struct Mismatch {
    /// Position of the first line that does not hold.
    pub seq: u64,
    /// What is wrong with it.
    pub why: String,
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// First position seen.
    pub first_seq: Option<u64>,
    /// Last position seen.
    pub last_seq: Option<u64>,
    /// Hash of the last line.
    pub head: Option<String>,
    /// Whole records.
    pub records: u64,
    /// Records of others, of which only the hashes are there.
    pub omitted: u64,
    /// Signatures that hold.
    pub checkpoints: u64,
    /// Last position under a signature; lines after it are proven by nothing but their hashes.
    pub signed_seq: Option<u64>,
}

/// A check under way. Lines go in one by one, so that a log of any size is checked in little memory.
#[derive(Debug)]
pub struct ChainCheck {
    key: Option<PublicKey>,
    last: Option<Line>,
    report: ChainReport,
}

impl ChainCheck {
    /// A check that believes checkpoints signed by `key`; without one, signatures are not looked at.
    pub fn new(key: Option<PublicKey>) -> Self {
        Self { key, last: None, report: ChainReport::default() }
    }

    /// Takes in the next line.
    ///
    /// # Errors
    /// If it does not follow the one before, or is not what was hashed.
    pub fn line(&mut self, line: Line) -> Result<(), Mismatch> {
        let omitted = match &line {
            Line::Record(r) => {
                Line::Omitted { seq: r.seq, prev_hash: r.prev_hash.clone(), hash: r.hash.clone() }
            }
            Line::Omitted { .. } => line.clone(),
        };
        match &line {
            Line::Record(_) => self.report.records += 1,
            Line::Omitted { .. } => self.report.omitted += 1,
        }
        let end = verify(self.last.take().into_iter().chain([line]))
            .map_err(|broken| Mismatch { seq: broken.seq, why: broken.why.to_owned() })?;
        if let Some(end) = end {
            self.report.first_seq.get_or_insert(end.seq());
            (self.report.last_seq, self.report.head) = (Some(end.seq()), Some(end.head()));
        }
        self.last = Some(omitted);
        Ok(())
    }

    /// Takes in a checkpoint, which stands right after the line that it signs.
    ///
    /// # Errors
    /// If it says something else than the chain, or its signature does not hold.
    pub fn checkpoint(&mut self, signed: &SignedCheckpoint) -> Result<(), Mismatch> {
        let at = &signed.checkpoint;
        let broken = |why: &str| Err(Mismatch { seq: at.seq, why: why.to_owned() });
        if self.report.last_seq != Some(at.seq) || self.report.head.as_ref() != Some(&at.root) {
            return broken("a signed checkpoint says otherwise");
        }
        if let Some(key) = self.key {
            if signed.verify(key).is_err() {
                return broken("the signature of a checkpoint does not hold");
            }
            self.report.checkpoints += 1;
            self.report.signed_seq = Some(at.seq);
        }
        Ok(())
    }

    /// What was checked so far.
    pub fn report(&self) -> &ChainReport {
        &self.report
    }
}
