//! When an approver looks into the inbox again: told by a stream, or by the clock. Time is wound; no socket.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlock_client::approver::{Approver, ApproverFolder, Live};
use airlock_client::transport::{Pieces, Request, Response, Streamed, Transport, TransportError};
use airlock_client::{Airlock, ClientConfig};
use airlock_core::runtime::SystemHost;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, sleep_until, timeout};

/// How a stream is answered.
enum Opens {
    /// With these texts; then it ends.
    Ending(Vec<&'static str>),
    /// With these texts, each after a pause; then it says nothing more.
    Going(Vec<(u64, &'static str)>),
    /// With this status, and how long to wait.
    Refused(u16, Option<&'static str>),
    Broken(TransportError),
}

struct Gateway {
    opens: Mutex<VecDeque<Opens>>,
    /// From where each stream was asked to go on.
    asked: Mutex<Vec<Option<String>>>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gateway")
    }
}

struct Texts {
    left: VecDeque<(u64, &'static str)>,
    due: Option<Instant>,
    ends: bool,
}

#[async_trait]
impl Pieces for Texts {
    async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        let Some((pause_s, text)) = self.left.front().copied() else {
            if self.ends {
                return Ok(None);
            }
            std::future::pending().await
        };
        let due = *self.due.get_or_insert_with(|| Instant::now() + Duration::from_secs(pause_s));
        sleep_until(due).await;
        self.due = None;
        self.left.pop_front();
        Ok(Some(Bytes::from_static(text.as_bytes())))
    }
}

#[async_trait]
impl Transport for Gateway {
    async fn send(&self, _: &Request) -> Result<Response, TransportError> {
        Err(TransportError::Connect)
    }
    async fn open(&self, request: &Request) -> Result<Streamed, TransportError> {
        assert_eq!(request.path(), "/v1/sse/approvers/me");
        let from = request.headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
        self.asked.lock().unwrap().push(from);
        let next = self.opens.lock().unwrap().pop_front().unwrap_or(Opens::Broken(TransportError::Connect));
        let (status, after, left, ends) = match next {
            Opens::Broken(error) => return Err(error),
            Opens::Refused(status, after) => (status, after, vec![(0, "{\"error\":\"no\"}")], true),
            Opens::Ending(texts) => (200, None, texts.into_iter().map(|text| (0, text)).collect(), true),
            Opens::Going(texts) => (200, None, texts, false),
        };
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "text/event-stream".parse().unwrap());
        if let Some(after) = after {
            headers.insert("retry-after", after.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Streamed { status, headers, pieces: Box::new(Texts { left: left.into(), due: None, ends }) })
    }
}

fn live(opens: Vec<Opens>) -> (Live, Arc<Gateway>, tempfile::TempDir) {
    let gateway = Arc::new(Gateway { opens: Mutex::new(opens.into()), asked: Mutex::default() });
    let config = ClientConfig::new("https://gw.test").unwrap().with_pat("airpat_x");
    let airlock = Airlock::with_parts(config, gateway.clone(), Arc::new(SystemHost::new()));
    let folder = tempfile::tempdir().unwrap();
    let approver = Approver::new(airlock, ApproverFolder::open(folder.path().join("a")).unwrap()).unwrap();
    (approver.live(), gateway, folder)
}

const REQUEST: &str = "event: approval.request\nid: msg-1\ndata: {}\n\n";
const PING: &str = "event: ping\ndata: {}\n\n";

/// Whole seconds until it is worth looking again.
async fn looks_after(live: &mut Live) -> u64 {
    let begun = Instant::now();
    live.changed().await;
    (begun.elapsed() + Duration::from_millis(500)).as_secs()
}

#[tokio::test(start_paused = true)]
async fn where_no_streams_are_offered_the_clock_tells() {
    for refused in
        [Opens::Broken(TransportError::NoStreams), Opens::Refused(404, None), Opens::Refused(501, None)]
    {
        let (mut live, gateway, _folder) = live(vec![refused]);
        for _ in 0..5 {
            assert_eq!(looks_after(&mut live).await, 2);
        }
        assert_eq!(gateway.asked.lock().unwrap().len(), 1, "asked once, and never again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_at_once_and_the_clock_only_every_minute() {
    let texts = vec![
        (0, PING),
        (30, PING),
        (5, REQUEST),
        (0, REQUEST),
        (7, "event: exchange.withdr"),
        (1, "awn\n\n"),
    ];
    let (mut live, gateway, _folder) = live(vec![Opens::Going(texts)]);
    assert_eq!(looks_after(&mut live).await, 0, "the stream is open: what was before it is in the inbox");
    assert_eq!(
        looks_after(&mut live).await,
        35,
        "a ping is no news; two that come together are told together"
    );
    assert!(live.is_told());
    assert_eq!(looks_after(&mut live).await, 8);
    assert_eq!(looks_after(&mut live).await, 60);
    assert_eq!(*gateway.asked.lock().unwrap(), [None]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_says_nothing_is_not_believed_to_tell() {
    let (mut live, ..) = live(vec![Opens::Going(vec![])]);
    assert_eq!(looks_after(&mut live).await, 0);
    assert!(!live.is_told());
    assert_eq!(looks_after(&mut live).await, 2, "something between may hold it back");
}

#[tokio::test(start_paused = true)]
async fn what_ended_is_opened_again_from_where_it_was() {
    let opens = vec![
        Opens::Ending(vec![REQUEST]),
        Opens::Broken(TransportError::Broken),
        Opens::Refused(503, None),
        Opens::Going(vec![(0, PING)]),
    ];
    let (mut live, gateway, _folder) = live(opens);
    while gateway.asked.lock().unwrap().len() < 4 {
        assert!(looks_after(&mut live).await <= 2);
    }
    timeout(Duration::from_secs(10), async {
        while !live.is_told() {
            live.changed().await;
        }
    })
    .await
    .unwrap();
    let from = |id: &str| Some(id.to_owned());
    assert_eq!(*gateway.asked.lock().unwrap(), [None, from("msg-1"), from("msg-1"), from("msg-1")]);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_names_a_pause_gets_it_and_dropping_the_future_loses_nothing() {
    let opens = vec![Opens::Refused(429, Some("9")), Opens::Going(vec![(0, PING), (40, REQUEST)])];
    let (mut live, gateway, _folder) = live(opens);
    let begun = Instant::now();
    while gateway.asked.lock().unwrap().len() < 2 {
        // As whoever waits for a person as well does.
        let _ = timeout(Duration::from_millis(700), live.changed()).await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(9));
    let begun = Instant::now();
    while timeout(Duration::from_millis(700), live.changed()).await.is_err() || begun.elapsed().as_secs() < 30
    {
        assert!(begun.elapsed().as_secs() < 59, "it was told, however often the future was dropped");
    }
}
