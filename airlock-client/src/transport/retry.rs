//! Sends again what may be sent again, later each time.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::Host;
use airlock_core::backoff::Backoff;
use async_trait::async_trait;
use http::StatusCode;

use super::{Repeat, Request, Response, Streamed, Transport, TransportError};

/// How often and how late to send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Requests in all, the first among them.
    pub attempts: u32,
    /// Pauses between them, when the gateway names none.
    pub backoff: Backoff,
    /// Longest pause that is waited through; a gateway that asks for more gets its answer passed on.
    pub pause_max: Duration,
}

impl RetryPolicy {
    /// Every request once.
    pub const NONE: RetryPolicy = RetryPolicy {
        attempts: 1,
        backoff: Backoff { min: Duration::ZERO, max: Duration::ZERO },
        pause_max: Duration::ZERO,
    };
}

impl Default for RetryPolicy {
    /// Four requests within about ten seconds.
    fn default() -> Self {
        Self {
            attempts: 4,
            backoff: Backoff { min: Duration::from_millis(250), max: Duration::from_secs(5) },
            pause_max: Duration::from_secs(30),
        }
    }
}

/// A transport that repeats requests by a policy.
#[derive(Debug)]
pub struct Retrying<T> {
    inner: T,
    policy: RetryPolicy,
    host: Arc<dyn Host>,
}

impl<T: Transport> Retrying<T> {
    /// Around another transport.
    pub fn new(inner: T, policy: RetryPolicy, host: Arc<dyn Host>) -> Self {
        Self { inner, policy, host }
    }
}

#[async_trait]
impl<T: Transport> Transport for Retrying<T> {
    /// Safe to drop: a pause is given up, a request as the inner transport gives it up.
    async fn send(&self, request: &Request) -> Result<Response, TransportError> {
        let mut failures = 0;
        loop {
            let outcome = self.inner.send(request).await;
            let mut random = [0; 8];
            self.host.random(&mut random);
            let pause =
                pause_after(&self.policy, request.repeat, failures, &outcome, u64::from_le_bytes(random));
            let Some(pause) = pause else { return outcome };
            failures += 1;
            tracing::debug!(path = request.path(), failures, pause_ms = pause.as_millis(), "sending again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn open(&self, request: &Request) -> Result<Streamed, TransportError> {
        self.inner.open(request).await
    }
}

/// How long to wait before the same request is sent again; `None` when it is not.
fn pause_after(
    policy: &RetryPolicy,
    repeat: Repeat,
    failures: u32,
    outcome: &Result<Response, TransportError>,
    random: u64,
) -> Option<Duration> {
    if failures + 1 >= policy.attempts {
        return None;
    }
    let named = match outcome {
        // Nothing was sent, so nothing can be done twice.
        Err(TransportError::Connect) => None,
        Err(TransportError::Timeout | TransportError::Broken) if repeat == Repeat::Safe => None,
        // Refused before anything was done, whatever the request.
        Ok(response) if response.status == StatusCode::TOO_MANY_REQUESTS => Some(response.retry_after()?),
        Ok(response) if is_passing(response.status) && repeat == Repeat::Safe => response.retry_after(),
        _ => return None,
    };
    let own = policy.backoff.delay(failures, random);
    // Everybody who was told the same second comes a little apart.
    let pause = named.map_or(own, |named| named + own.min(named / 4));
    (pause <= policy.pause_max).then_some(pause)
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u32 = 0;

    fn answer(status: u16, retry_after: Option<&str>) -> Result<Response, TransportError> {
        let mut response = Response::new(StatusCode::from_u16(status).unwrap(), "");
        if let Some(value) = retry_after {
            response.headers.insert(http::header::RETRY_AFTER, value.parse().unwrap());
        }
        Ok(response)
    }

    #[track_caller]
    fn check(repeat: Repeat, outcome: Result<Response, TransportError>, again: bool) {
        let pause = pause_after(&RetryPolicy::default(), repeat, FIRST, &outcome, 7);
        assert_eq!(pause.is_some(), again, "{repeat:?} {outcome:?}");
    }

    #[test]
    fn only_what_may_be_done_twice_or_was_not_done_is_sent_again() {
        for repeat in [Repeat::Safe, Repeat::Never] {
            let safe = repeat == Repeat::Safe;
            check(repeat, Err(TransportError::Connect), true);
            check(repeat, Err(TransportError::Timeout), safe);
            check(repeat, Err(TransportError::Broken), safe);
            check(repeat, answer(503, None), safe);
            check(repeat, answer(502, Some("1")), safe);
            check(repeat, answer(429, Some("1")), true);
            // A quota of the month says no when: asking again is of no use.
            check(repeat, answer(429, None), false);
            check(repeat, answer(429, Some("600")), false);
            for other in [200, 204, 301, 400, 401, 403, 404, 409, 410, 422, 501] {
                check(repeat, answer(other, None), false);
            }
            check(repeat, Err(TransportError::TooLarge), false);
            check(repeat, Err(TransportError::Redirected), false);
        }
    }

    #[test]
    fn attempts_end_and_a_named_pause_is_kept() {
        let policy = RetryPolicy::default();
        let connect = Err(TransportError::Connect);
        assert!(pause_after(&policy, Repeat::Safe, policy.attempts - 1, &connect, 7).is_none());
        assert!(pause_after(&RetryPolicy::NONE, Repeat::Safe, FIRST, &connect, 7).is_none());
        let pause = pause_after(&policy, Repeat::Safe, FIRST, &answer(429, Some("8")), 7).unwrap();
        assert!(pause >= Duration::from_secs(8) && pause <= Duration::from_secs(10), "{pause:?}");
    }
}
