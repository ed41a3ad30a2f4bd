//! An answer that goes on: its head, and its pieces as they come.

use std::fmt;

use ::http::{HeaderMap, StatusCode};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{ANSWER_BYTES_MAX, Response, TransportError};

/// The body of an answer that goes on.
#[async_trait]
pub trait Pieces: Send {
    /// The next piece; `None` at the end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the connection broke, or nothing came for too long.
    async fn next(&mut self) -> Result<Option<Bytes>, TransportError>;
}

/// An answer whose body is not there yet.
pub struct Streamed {
    /// The status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub pieces: Box<dyn Pieces>,
}

impl Streamed {
    /// The whole of it, where it is an answer like any other: a refusal.
    ///
    /// # Errors
    /// When it breaks, or is longer than [`ANSWER_BYTES_MAX`].
    pub async fn whole(mut self) -> Result<Response, TransportError> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.pieces.next().await? {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(TransportError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok(Response { status: self.status, headers: self.headers, body: body.freeze() })
    }
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Streamed({})", self.status)
    }
}
