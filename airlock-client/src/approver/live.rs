//! Tells when there may be something new in the inbox: as soon as it happens where the gateway says so, else every two seconds.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use airlock_core::backoff::Backoff;
use airlock_proto::gateway::{msg_type, paths};
use http::{HeaderName, HeaderValue, Method};
use tokio::time::{Instant, sleep_until, timeout};

use super::calls::ME;
use super::events::{Event, EventReader};
use crate::client::Airlock;
use crate::error::ClientError;
use crate::transport::{Pieces, Request, TransportError};

/// Between two looks while nobody says what happens.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Between two looks while somebody does: news are a hint, the inbox is what counts.
const LOOK_ANYWAY_EVERY: Duration = Duration::from_secs(60);
/// Time that the head of a stream may take.
const OPEN_TIME_MAX: Duration = Duration::from_secs(15);
/// Pauses before a stream that ended is opened again.
const AWAY: Backoff = Backoff { min: Duration::from_millis(500), max: Duration::from_secs(30) };
/// Time in which news that come together are heard together.
const SETTLE: Duration = Duration::from_millis(30);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// An approver's ear at the gateway. It goes on by itself: what ended is opened again, from where it was.
pub struct Live {
    airlock: Airlock,
    ear: Ear,
    last_id: Option<String>,
    failures: u32,
    /// Whether the ear that is open said anything. What buffers it says nothing for long, and is not believed to tell.
    is_heard: bool,
    /// Whether something happened that nobody was told yet.
    is_new: bool,
    looked: Instant,
}

enum Ear {
    Closed {
        until: Instant,
    },
    Opening(Opening),
    Open(Stream),
    /// This gateway, or the network before it, offers no streams.
    NotOffered,
}

type Opening = Pin<Box<dyn Future<Output = Result<Stream, ClientError>> + Send>>;

struct Stream {
    pieces: Box<dyn Pieces>,
    reader: EventReader,
}

impl Stream {
    /// The next event; `None` at the end. Dropping the future loses nothing.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.reader.poll_event() {
                return Some(event);
            }
            let piece = self.pieces.next().await.ok()??;
            self.reader.handle(&piece).ok()?;
        }
    }
}

impl Live {
    pub(super) fn new(airlock: Airlock) -> Self {
        let now = Instant::now();
        let ear = Ear::Closed { until: now };
        Self { airlock, ear, last_id: None, failures: 0, is_heard: false, is_new: false, looked: now }
    }

    /// Whether the gateway tells what happens, at the moment.
    pub fn is_told(&self) -> bool {
        self.is_heard && matches!(self.ear, Ear::Open(_))
    }

    /// Returns when it is worth looking into the inbox again. Dropping the future loses nothing.
    pub async fn changed(&mut self) {
        while !self.is_new {
            let look_at = self.looked + if self.is_told() { LOOK_ANYWAY_EVERY } else { LOOK_EVERY };
            tokio::select! {
                () = sleep_until(look_at) => break,
                () = self.step() => {}
            }
        }
        // News that come together are told together.
        let _ = timeout(SETTLE, async {
            while self.is_new {
                self.step().await;
            }
        })
        .await;
        self.is_new = false;
        self.looked = Instant::now();
    }

    /// Goes one step on. Dropping the future loses nothing.
    async fn step(&mut self) {
        match &mut self.ear {
            Ear::NotOffered => std::future::pending().await,
            Ear::Closed { until } => {
                sleep_until(*until).await;
                self.ear = Ear::Opening(Box::pin(open(self.airlock.clone(), self.last_id.clone())));
            }
            Ear::Opening(opening) => match opening.await {
                Ok(stream) => {
                    // What happened before this ear was open is in the inbox.
                    (self.ear, self.is_heard, self.is_new) = (Ear::Open(stream), false, true);
                }
                Err(error) if is_never(&error) => self.ear = Ear::NotOffered,
                Err(error) => self.close(error.advice().after),
            },
            Ear::Open(stream) => match stream.next().await {
                Some(event) => self.heard(event),
                None => self.close(None),
            },
        }
    }

    fn heard(&mut self, event: Event) {
        (self.is_heard, self.failures) = (true, 0);
        self.is_new |= event.kind != msg_type::PING;
        if event.id.is_some() {
            self.last_id = event.id;
        }
    }

    fn close(&mut self, named: Option<Duration>) {
        let mut random = [0; 8];
        self.airlock.host().random(&mut random);
        let own = AWAY.delay(self.failures, u64::from_le_bytes(random));
        self.failures = self.failures.saturating_add(1);
        self.ear = Ear::Closed { until: Instant::now() + named.map_or(own, |named| named.max(own)) };
    }
}

async fn open(airlock: Airlock, last_id: Option<String>) -> Result<Stream, ClientError> {
    let mut request = Request::new(Method::GET, paths::of(paths::SSE_APPROVER, ME)).within(OPEN_TIME_MAX);
    request.headers.insert(http::header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    if let Some(id) = last_id.and_then(|id| HeaderValue::from_str(&id).ok()) {
        request.headers.insert(LAST_EVENT_ID, id);
    }
    let opened = airlock.open(&request).await?;
    let kind = opened.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
        return Err(TransportError::NoStreams.into());
    }
    Ok(Stream { pieces: opened.pieces, reader: EventReader::default() })
}

/// Whether asking again is of no use.
fn is_never(error: &ClientError) -> bool {
    match error {
        ClientError::Transport(TransportError::NoStreams) => true,
        ClientError::Refused(refusal) => matches!(refusal.status, 404 | 405 | 406 | 501),
        _ => false,
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ear = match self.ear {
            Ear::Closed { .. } => "closed",
            Ear::Opening(_) => "opening",
            Ear::Open(_) => "open",
            Ear::NotOffered => "not offered",
        };
        f.debug_struct("Live").field("ear", &ear).field("failures", &self.failures).finish_non_exhaustive()
    }
}
