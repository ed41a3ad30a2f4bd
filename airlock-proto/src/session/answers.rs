//! The worker's side of its calls: which run, and answers sent in fair turns.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use airlock_core::id::CallId;
use airlock_core::plane::Rendered;

use super::frame;
use crate::convert::head_to_wire;
use crate::limits::{CALLS_IN_FLIGHT_MAX, CHUNK_BYTES_MAX};
use crate::wire::{self, Frame, frame::Kind};

/// Whether a call may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    Started,
    /// As many as may are in flight.
    Full,
    /// Its id is in use.
    Twice,
}

#[derive(Debug, Default)]
pub(super) struct Answers {
    running: HashSet<CallId>,
    sending: VecDeque<Sending>,
}

/// One answer on its way.
#[derive(Debug)]
struct Sending {
    id: CallId,
    head: Option<wire::Reply>,
    rest: Bytes,
    bytes: u64,
    hash: Sha256,
}

impl Answers {
    pub(super) fn begin(&mut self, id: &CallId) -> Begin {
        if self.running.contains(id) || self.sending.iter().any(|s| s.id == *id) {
            Begin::Twice
        } else if self.running.len() + self.sending.len() >= CALLS_IN_FLIGHT_MAX {
            Begin::Full
        } else {
            self.running.insert(id.clone());
            Begin::Started
        }
    }
    /// Forgets a call that ends without an answer. True if it was running.
    pub(super) fn remove(&mut self, id: &CallId) -> bool {
        self.sending.retain(|s| s.id != *id);
        self.running.remove(id)
    }
    /// Queues an answer; drops it if its call is not running (any more).
    pub(super) fn reply(&mut self, id: CallId, rendered: Rendered) {
        if !self.running.remove(&id) {
            return;
        }
        let bytes = rendered.body.len() as u64;
        let head = wire::Reply {
            id: id.as_str().to_owned(),
            content_type: rendered.content_type.as_str().to_owned(),
            meta: Some(head_to_wire(&rendered.head)),
            bytes,
        };
        self.sending.push_back(Sending {
            id,
            head: Some(head),
            rest: rendered.body,
            bytes,
            hash: Sha256::new(),
        });
    }
    /// The next frame of the answer whose turn it is.
    pub(super) fn poll(&mut self) -> Option<Frame> {
        let mut sending = self.sending.pop_front()?;
        let kind = if let Some(head) = sending.head.take() {
            Kind::Reply(head)
        } else if sending.rest.is_empty() {
            return Some(frame(Kind::End(wire::End {
                id: sending.id.as_str().to_owned(),
                bytes: sending.bytes,
                sha256: Bytes::copy_from_slice(&sending.hash.finalize()),
            })));
        } else {
            let data = sending.rest.split_to(sending.rest.len().min(CHUNK_BYTES_MAX));
            sending.hash.update(&data);
            Kind::Chunk(wire::Chunk { id: sending.id.as_str().to_owned(), data })
        };
        self.sending.push_back(sending);
        Some(frame(kind))
    }
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.sending.is_empty()
    }
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
