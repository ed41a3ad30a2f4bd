//! The one way by which the control plane fetches what others name: a client's metadata document, its keys.
//!
//! A name is resolved once, and only public addresses are dialled; every redirect is checked anew; size and time are
//! bounded. Nothing of ours goes along: no cookie, no referrer, no credential; a proxy of the environment is not asked.

mod address;
mod answer;
mod dial;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::Empty;
use url::{Position, Url};

use crate::error::StartError;
use crate::trust::Trust;
use address::Allow;
use answer::Got;
use dial::{Checked, Dialer, System};

const REDIRECTS_MAX: usize = 3;
const URL_BYTES_MAX: usize = 2_048;

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
#[derive(Clone)]
pub struct Fetch {
    dialer: Dialer,
}

impl std::fmt::Debug for Fetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fetch({:?})", self.dialer.allow)
    }
}

impl Fetch {
    /// Fetches from public addresses, and from those that `allow` lists: addresses, networks, host names. Of the servers
    /// there, those are believed whose certificates `trust` knows.
    ///
    /// # Errors
    /// [`StartError::FetchAllow`] when an entry is none of them.
    pub fn new(allow: &[String], trust: Trust) -> Result<Self, StartError> {
        let allow = Allow::parse(allow).map_err(StartError::FetchAllow)?;
        let (resolver, tls) = (Arc::new(System), Arc::new(OnceLock::new()));
        Ok(Self { dialer: Dialer { allow, resolver, trust, tls } })
    }

    /// Fetches a JSON document of at most `bytes_max` within `time_max`, over https, following redirects within the
    /// origin. Listed hosts may also be asked over http and at any port. Dropping the future closes the connection.
    ///
    /// # Errors
    /// When it may not be fetched, is not there, or is not JSON by its `Content-Type`.
    pub async fn json(&self, url: &Url, bytes_max: usize, time_max: Duration) -> Result<Fetched, FetchError> {
        let followed = tokio::time::timeout(time_max, self.follow(url.clone(), bytes_max)).await;
        followed.unwrap_or(Err(FetchError::Failed))
    }

    async fn follow(&self, mut url: Url, bytes_max: usize) -> Result<Fetched, FetchError> {
        self.admit(&url)?;
        // One look-up for all: a name that means another address a moment later finds nobody who asks.
        let checked = self.dialer.check(&url).await?;
        for _ in 0..=REDIRECTS_MAX {
            let next = match self.ask(&url, &checked, bytes_max).await? {
                Got::Document(fetched) => return Ok(fetched),
                Got::Elsewhere(location) => url.join(&location).map_err(|_| FetchError::Refused)?,
            };
            if next.origin() != url.origin() {
                return Err(FetchError::Refused);
            }
            self.admit(&next)?;
            url = next;
        }
        Err(FetchError::Failed)
    }

    /// Judges what the URL says, before anything is resolved.
    fn admit(&self, url: &Url) -> Result<(), FetchError> {
        let host = url.host().ok_or(FetchError::Refused)?;
        let listed = self.dialer.allow.lists(&host);
        let at = match (url.scheme(), url.port_or_known_default()) {
            ("https", Some(443)) => true,
            ("https" | "http", Some(_)) => listed,
            _ => false,
        };
        let bare = url.username().is_empty() && url.password().is_none();
        if at && bare && url.as_str().len() <= URL_BYTES_MAX { Ok(()) } else { Err(FetchError::Refused) }
    }

    async fn ask(&self, url: &Url, checked: &Checked, bytes_max: usize) -> Result<Got, FetchError> {
        let mut connection = self.dialer.connect(url, checked).await?;
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, host)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(USER_AGENT, HeaderValue::from_static(concat!("airlock-cp/", env!("CARGO_PKG_VERSION"))))
            .body(Empty::new())
            .map_err(|_| FetchError::Refused)?;
        answer::read(connection.send(request).await?, bytes_max).await
    }
}
