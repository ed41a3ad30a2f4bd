//! A hash chain over events, and its check.

use serde::{Deserialize, Serialize};

use super::Event;
use crate::crypto::{canonical_json, sha256};

/// An event in its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the org's chain, from 1, without gaps.
    pub seq: u64,
    /// Hash of the record before it; 64 zeros for the first.
    pub prev_hash: String,
    /// SHA-256(previous hash ‖ canonical JSON of `{seq, event}`), hex.
    pub hash: String,
    /// What happened.
    pub event: Event,
}

/// A line of an export: a record, or only the hashes of one that the export leaves out because it is another tenant's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// A whole record.
    Record(Box<Record>),
    /// A record left out.
    Omitted {
        /// Its position.
        seq: u64,
        /// Hash of the one before.
        prev_hash: String,
        /// Its own hash.
        hash: String,
    },
}

impl Line {
    fn parts(&self) -> (u64, &str, &str) {
        match self {
            Self::Record(r) => (r.seq, &r.prev_hash, &r.hash),
            Self::Omitted { seq, prev_hash, hash } => (*seq, prev_hash, hash),
        }
    }
}

/// The end of a chain, to which the next event is appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    seq: u64,
    head: [u8; 32],
}

#[derive(Serialize)]
struct Hashed<'a> {
    seq: u64,
    event: &'a Event,
}

impl Chain {
    /// The chain that ends with this position and hash (64 hex digits).
    ///
    /// # Errors
    /// When the hash is not 64 hex digits.
    pub fn resume(seq: u64, head: &str) -> Result<Self, Broken> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(head, &mut bytes)
            .map_err(|_| Broken { seq, why: "its hash is not 64 hex digits" })?;
        Ok(Self { seq, head: bytes })
    }
    /// Position of the last record; 0 when there is none.
    pub fn seq(&self) -> u64 {
        self.seq
    }
    /// Hash of the last record, hex.
    pub fn head(&self) -> String {
        hex::encode(self.head)
    }
    /// Appends an event.
    pub fn append(&mut self, event: Event) -> Record {
        let seq = self.seq + 1;
        let hash = link(&self.head, seq, &event);
        let record = Record { seq, prev_hash: self.head(), hash: hex::encode(hash), event };
        (self.seq, self.head) = (seq, hash);
        record
    }
}

fn link(prev: &[u8; 32], seq: u64, event: &Event) -> [u8; 32] {
    let body = canonical_json(&Hashed { seq, event }).expect("events hold strings and integers only");
    sha256(&[prev, &body])
}

/// Where and how a chain fails to hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain is broken at seq {seq}: {why}")]
pub struct Broken {
    /// Position of the first line that does not hold.
    pub seq: u64,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Checks that the lines follow one another without a gap and that each record's hash is its own.
///
/// The first line may stand anywhere in the chain, as an export of a range does. Returns the end of the chain.
///
/// # Errors
/// With the first line that does not hold.
pub fn verify(lines: impl IntoIterator<Item = Line>) -> Result<Option<Chain>, Broken> {
    let mut end: Option<Chain> = None;
    for line in lines {
        let (seq, prev, hash) = line.parts();
        let prev = Chain::resume(seq.saturating_sub(1), prev)?;
        let this = Chain::resume(seq, hash)?;
        match &end {
            Some(end) if end.seq.checked_add(1) != Some(seq) => {
                return Err(Broken { seq, why: "a record before it is missing or repeated" });
            }
            Some(end) if end.head != prev.head => {
                return Err(Broken { seq, why: "it does not follow the record before it" });
            }
            None if seq == 0 => return Err(Broken { seq, why: "positions begin at 1" }),
            None if seq == 1 && prev.head != [0; 32] => {
                return Err(Broken { seq, why: "the first record does not begin the chain" });
            }
            _ => {}
        }
        if let Line::Record(record) = &line
            && link(&prev.head, seq, &record.event) != this.head
        {
            return Err(Broken { seq, why: "its content is not what was hashed" });
        }
        end = Some(this);
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Action, Context, Counts, Target};
    use crate::plane::Outcome;
    use crate::principal::{Actor, ActorKind};
    use crate::time::Timestamp;

    fn event(n: u64) -> Event {
        Event {
            id: format!("au_{:026}", n).parse().unwrap(),
            ts: Timestamp::from_millis(i64::try_from(n).unwrap()),
            org_id: "default".parse().unwrap(),
            tenant_id: Some("t_acme".parse().unwrap()),
            trace_id: None,
            actor: Actor { kind: ActorKind::ApiKey, id: "a1b2c3d4".into(), name: None },
            action: Action::ToolsCall,
            target: Target::default(),
            outcome: Outcome::Ok,
            error_class: None,
            error_code: None,
            detail_code: None,
            context: Context::default(),
            counts: Counts { rows: Some(n), ..Counts::default() },
        }
    }

    fn chain(n: u64) -> Vec<Line> {
        let mut chain = Chain::default();
        (1..=n).map(|i| Line::Record(Box::new(chain.append(event(i))))).collect()
    }

    #[test]
    fn a_chain_holds_whole_in_part_and_with_records_left_out() {
        let mut lines = chain(5);
        assert_eq!(verify(lines.clone()).unwrap().unwrap().seq(), 5);
        assert!(verify(lines[2..].to_vec()).is_ok());
        let Line::Record(r) = &lines[2] else { unreachable!() };
        lines[2] = Line::Omitted { seq: r.seq, prev_hash: r.prev_hash.clone(), hash: r.hash.clone() };
        assert!(verify(lines).is_ok());
        assert_eq!(verify([]).unwrap(), None);
    }

    #[test]
    fn alteration_removal_and_reordering_show() {
        let mut altered = chain(5);
        if let Line::Record(r) = &mut altered[2] {
            r.event.counts.rows = Some(99);
        }
        assert_eq!(verify(altered).unwrap_err().seq, 3);

        let mut removed = chain(5);
        removed.remove(2);
        assert_eq!(verify(removed).unwrap_err().seq, 4);

        let mut swapped = chain(5);
        swapped.swap(1, 2);
        assert!(verify(swapped).is_err());

        let mut renumbered = chain(5);
        if let Line::Record(r) = &mut renumbered[4] {
            r.seq = 6;
        }
        assert!(verify(renumbered).is_err());
    }

    #[test]
    fn lines_survive_json() {
        for line in chain(2) {
            let text = serde_json::to_string(&line).unwrap();
            assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
        }
    }
}
