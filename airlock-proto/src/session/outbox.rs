//! Frames waiting to be sent, body chunks aside. Bounded: a peer that asks without reading is closed.

use std::collections::VecDeque;

use super::{SessionError, frame};
use crate::limits::FRAMES_WAITING_MAX;
use crate::wire::{self, Frame, frame::Kind};

#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: VecDeque<Frame>,
    // Only the newest of each matters, so that a flood of pings costs nothing.
    ping: Option<u64>,
    pong: Option<u64>,
}

impl Outbox {
    pub(super) fn push(&mut self, kind: Kind) -> Result<(), SessionError> {
        if self.frames.len() >= FRAMES_WAITING_MAX {
            return Err(SessionError::Flooded);
        }
        self.frames.push_back(frame(kind));
        Ok(())
    }
    pub(super) fn ping(&mut self, seq: u64) {
        self.ping = Some(seq);
    }
    pub(super) fn pong(&mut self, seq: u64) {
        self.pong = Some(seq);
    }
    /// Takes back the call of this id. False when it was sent already.
    pub(super) fn withdraw_call(&mut self, id: &str) -> bool {
        let before = self.frames.len();
        self.frames.retain(|f| !matches!(&f.kind, Some(Kind::Call(call)) if call.id == id));
        self.frames.len() < before
    }
    /// Forgets everything but `last`.
    pub(super) fn end_with(&mut self, last: Option<Kind>) {
        *self = Self::default();
        self.frames.extend(last.map(frame));
    }
    /// Signs of life first: behind a queue of calls they would come late.
    pub(super) fn poll(&mut self) -> Option<Frame> {
        if let Some(seq) = self.pong.take() {
            return Some(frame(Kind::Pong(wire::Pong { seq })));
        }
        if let Some(seq) = self.ping.take() {
            return Some(frame(Kind::Ping(wire::Ping { seq })));
        }
        self.frames.pop_front()
    }
}
