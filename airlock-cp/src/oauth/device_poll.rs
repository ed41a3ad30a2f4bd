//! What a device that asks is told: a rule over what is kept of it, and the time.

use std::time::Duration;

use airlock_core::Timestamp;

use super::devices::INTERVAL;
use super::devices_repo::{Device, State};
use super::{Refusal, Word};

/// What to do with a device that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Take,
    Wait { interval_s: i64, refusal: Refusal },
    Refuse(Refusal),
}

pub(super) fn judge(device: &Device, client_id: &str, now: Timestamp) -> Verdict {
    let bad = Refusal::grant("the device code does not hold, or not for this client");
    if device.client_id != client_id || device.state == State::Used {
        return Verdict::Refuse(bad);
    }
    if now >= device.expires_at {
        return Verdict::Refuse(Refusal::new(Word::ExpiredToken, "the device code is past its time"));
    }
    match device.state {
        State::Approved => Verdict::Take,
        State::Denied => Verdict::Refuse(Refusal::new(Word::AccessDenied, "the person said no")),
        State::Used => Verdict::Refuse(bad),
        State::Pending => {
            let interval = Duration::from_secs(device.interval_s.unsigned_abs());
            let too_soon = device.polled_at.is_some_and(|at| now.since(at) < interval);
            if too_soon {
                let interval_s = (device.interval_s + INTERVAL.as_secs() as i64).min(60);
                let refusal = Refusal::new(Word::SlowDown, "five seconds more between two asks");
                Verdict::Wait { interval_s, refusal }
            } else {
                let refusal = Refusal::new(Word::AuthorizationPending, "the person has not decided yet");
                Verdict::Wait { interval_s: device.interval_s, refusal }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scopes;
    use super::*;

    #[test]
    fn a_device_waits_slows_down_and_takes_once() {
        let device = |state, polled_at: Option<i64>| Device {
            client_id: "c".to_owned(),
            scopes: Scopes::default(),
            resource: None,
            state,
            interval_s: 5,
            polled_at: polled_at.map(Timestamp::from_millis),
            ip: None,
            user: None,
            org: None,
            auth_at: None,
            expires_at: Timestamp::from_millis(600_000),
        };
        let word = |device: &Device, client: &str, ms: i64| match judge(
            device,
            client,
            Timestamp::from_millis(ms),
        ) {
            Verdict::Take => "take",
            Verdict::Wait { refusal, .. } | Verdict::Refuse(refusal) => refusal.word.as_str(),
        };
        let pending = device(State::Pending, None);
        assert_eq!(word(&pending, "c", 0), "authorization_pending");
        assert_eq!(word(&pending, "c", 600_000), "expired_token");
        assert_eq!(word(&pending, "d", 0), "invalid_grant");
        assert_eq!(word(&device(State::Pending, Some(1_000)), "c", 5_999), "slow_down");
        assert_eq!(word(&device(State::Pending, Some(1_000)), "c", 6_000), "authorization_pending");
        assert_eq!(word(&device(State::Denied, None), "c", 0), "access_denied");
        assert_eq!(word(&device(State::Used, None), "c", 0), "invalid_grant");
        assert_eq!(word(&device(State::Approved, None), "c", 0), "take");
        assert_eq!(word(&device(State::Approved, None), "d", 0), "invalid_grant");
        assert_eq!(word(&device(State::Approved, None), "c", 600_000), "expired_token");
    }
}
