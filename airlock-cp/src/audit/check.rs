//! Checks an export or a store line by line: hashes, order, gaps, signatures.

use airlock_core::audit::{Line, SignedCheckpoint, SignedTombstone, Tombstone, verify};
use airlock_core::crypto::PublicKey;
use airlock_core::id::OrgId;
use serde::{Deserialize, Serialize};

/// What does not hold, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("the log is broken at seq {seq}: {why}")]
pub struct Mismatch {
    /// Position of the first line that does not hold.
    pub seq: u64,
    /// What is wrong with it.
    pub why: String,
}

/// A line of an export, after its header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ExportLine {
    /// Where the chain stood, right after the line that it signs.
    Checkpoint(SignedCheckpoint),
    /// What is no longer kept, before all records.
    Tombstone(SignedTombstone),
    /// A record, or the hashes of one that is left out.
    Record(Line),
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// Last position that was taken out because its time was over, and proven to have been.
    pub pruned_seq: Option<u64>,
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
    tombstone: Option<Tombstone>,
    report: ChainReport,
}

impl ChainCheck {
    /// A check that believes checkpoints signed by `key`; without one, signatures are not looked at.
    pub fn new(key: Option<PublicKey>) -> Self {
        Self { key, last: None, tombstone: None, report: ChainReport::default() }
    }

    /// Takes in the next line of an export of this org's.
    ///
    /// # Errors
    /// As [`Self::line`], [`Self::checkpoint`] and [`Self::tombstone`], and if a signature is about another org.
    pub fn export_line(&mut self, line: ExportLine, org: &OrgId) -> Result<(), Mismatch> {
        let elsewhere = |seq, what: &str| Err(Mismatch { seq, why: format!("{what} is another org's") });
        match line {
            ExportLine::Checkpoint(signed) if signed.checkpoint.org_id != *org => {
                elsewhere(signed.checkpoint.seq, "a checkpoint")
            }
            ExportLine::Tombstone(signed) if signed.tombstone.org_id != *org => {
                elsewhere(signed.tombstone.to_seq, "the tombstone")
            }
            ExportLine::Checkpoint(signed) => self.checkpoint(&signed),
            ExportLine::Tombstone(signed) => self.tombstone(signed),
            ExportLine::Record(line) => self.line(line),
        }
    }

    /// Takes in the tombstone, which stands before all lines.
    ///
    /// # Errors
    /// If its signature does not hold, or lines came before it.
    pub fn tombstone(&mut self, signed: SignedTombstone) -> Result<(), Mismatch> {
        let to = signed.tombstone.to_seq;
        let broken = |why: &str| Err(Mismatch { seq: to, why: why.to_owned() });
        if self.last.is_some() || self.tombstone.is_some() {
            return broken("a tombstone stands in the midst of the log");
        }
        if self.key.is_some_and(|key| signed.verify(key).is_err()) {
            return broken("the signature of the tombstone does not hold");
        }
        self.report.pruned_seq = Some(to);
        self.tombstone = Some(signed.tombstone);
        Ok(())
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
        if let (None, Some(gone)) = (&self.last, &self.tombstone) {
            let Line::Omitted { seq, prev_hash, .. } = &omitted else { unreachable!("it was made so above") };
            let broken = |why: &str| Err(Mismatch { seq: *seq, why: why.to_owned() });
            if *seq <= gone.to_seq {
                return broken("the tombstone says that it is no longer kept");
            }
            if *seq == gone.to_seq + 1 && *prev_hash != gone.last_hash {
                return broken("it does not follow what the tombstone stands for");
            }
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
