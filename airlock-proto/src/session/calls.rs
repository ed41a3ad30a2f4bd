//! The hub's side of its calls: many on one tunnel, by id. Late and unknown answers are dropped.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use airlock_core::error::CallError;
use airlock_core::id::CallId;
use airlock_core::plane::{ContentType, Head, Rendered};

use super::SessionError;
use crate::convert::{WireError, bounded, call_error_from_wire, head_from_wire};
use crate::limits::{CHUNK_BYTES_MAX, REPLY_BYTES_MAX};
use crate::wire;

#[derive(Debug, Default)]
pub(super) struct Calls(HashMap<CallId, Call>);

/// One call that waits for its answer.
#[derive(Debug)]
struct Call {
    deadline: Duration,
    answer: Option<Answer>,
}

/// An answer on its way.
#[derive(Debug)]
struct Answer {
    head: Head,
    content_type: ContentType,
    announced: usize,
    body: Body,
    hash: Sha256,
}

/// Most answers are one chunk, kept as received; longer ones are gathered.
#[derive(Debug)]
enum Body {
    One(Bytes),
    Many(BytesMut),
}

impl Calls {
    pub(super) fn begin(&mut self, id: CallId, deadline: Duration) {
        self.0.insert(id, Call { deadline, answer: None });
    }
    pub(super) fn contains(&self, id: &CallId) -> bool {
        self.0.contains_key(id)
    }
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
    /// Forgets a call. True if it waited.
    pub(super) fn remove(&mut self, id: &CallId) -> bool {
        self.0.remove(id).is_some()
    }
    /// Forgets all calls: each with whether its answer had begun.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (CallId, bool)> {
        self.0.drain().map(|(id, call)| (id, call.answer.is_some()))
    }
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.0.values().map(|c| c.deadline).min()
    }
    pub(super) fn expired(&self, now: Duration) -> Vec<CallId> {
        self.0.iter().filter(|(_, c)| now >= c.deadline).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn handle_reply(&mut self, reply: wire::Reply) -> Result<(), SessionError> {
        let Some((_, call)) = self.find(&reply.id)? else { return Ok(()) };
        if call.answer.is_some() {
            return Err(SessionError::Unexpected("reply"));
        }
        let announced = usize::try_from(reply.bytes).unwrap_or(usize::MAX);
        if announced > REPLY_BYTES_MAX {
            return Err(SessionError::ReplyTooLong);
        }
        call.answer = Some(Answer {
            head: head_from_wire(reply.meta.ok_or(WireError::Missing("reply.meta"))?)?,
            content_type: ContentType::parse(&reply.content_type)
                .ok_or(WireError::Invalid("reply.content_type"))?,
            announced,
            body: Body::One(Bytes::new()),
            hash: Sha256::new(),
        });
        Ok(())
    }

    pub(super) fn handle_chunk(&mut self, chunk: wire::Chunk) -> Result<(), SessionError> {
        let Some((_, call)) = self.find(&chunk.id)? else { return Ok(()) };
        let answer = call.answer.as_mut().ok_or(SessionError::Unexpected("chunk"))?;
        bounded("chunk.data", chunk.data.len(), CHUNK_BYTES_MAX)?;
        if chunk.data.is_empty() {
            return Err(WireError::Missing("chunk.data").into());
        }
        if answer.body.len() + chunk.data.len() > answer.announced {
            return Err(SessionError::ReplyTooLong);
        }
        answer.hash.update(&chunk.data);
        answer.body.push(chunk.data);
        Ok(())
    }

    /// The whole answer, if its call still waits.
    pub(super) fn handle_end(&mut self, end: wire::End) -> Result<Option<(CallId, Rendered)>, SessionError> {
        let Some((id, call)) = self.find(&end.id)? else { return Ok(None) };
        let answer = call.answer.as_ref().ok_or(SessionError::Unexpected("end"))?;
        let whole = answer.body.len() == answer.announced
            && end.bytes == answer.body.len() as u64
            && end.sha256.as_ref() == answer.hash.clone().finalize().as_slice();
        if !whole {
            // The call stays as begun: closing the session tells whoever asked not to ask another worker.
            return Err(SessionError::ReplyMismatch);
        }
        let answer = self.0.remove(&id).and_then(|c| c.answer).expect("it was just looked at");
        let rendered =
            Rendered { head: answer.head, content_type: answer.content_type, body: answer.body.into_bytes() };
        Ok(Some((id, rendered)))
    }

    /// The worker's own word, if its call still waits. An answer that had begun is dropped.
    pub(super) fn handle_failure(
        &mut self,
        failure: wire::Failure,
    ) -> Result<Option<(CallId, CallError)>, SessionError> {
        let Some((id, _)) = self.find(&failure.id)? else { return Ok(None) };
        let error = call_error_from_wire(failure)?;
        self.0.remove(&id);
        Ok(Some((id, error)))
    }

    /// `None` when no call of this id waits: it ended, or never was. Both are ordinary on a line with cancellation.
    fn find(&mut self, id: &str) -> Result<Option<(CallId, &mut Call)>, SessionError> {
        let id: CallId = id.parse().map_err(|_| WireError::Invalid("id"))?;
        Ok(self.0.get_mut(&id).map(|call| (id, call)))
    }
}

impl Body {
    fn len(&self) -> usize {
        match self {
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }
    fn push(&mut self, data: Bytes) {
        match self {
            Self::One(first) if first.is_empty() => *first = data,
            // Grows with what came, never with what was promised.
            Self::One(first) => {
                let mut many = BytesMut::from(first.as_ref());
                many.extend_from_slice(&data);
                *self = Self::Many(many);
            }
            Self::Many(bytes) => bytes.extend_from_slice(&data),
        }
    }
    fn into_bytes(self) -> Bytes {
        match self {
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}
