//! Any frames at any times against both ends of a tunnel, fresh and open: no panic, and a closed end stays closed.
//!
//! Input: records of `[what, time, length low, length high, frame…]`.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use airlock_core::crypto::PrivateKey;
use airlock_core::runtime::SystemHost;
use airlock_core::time::Timestamp;
use airlock_proto::session::{HubEvent, HubIdentity, HubSession, Identity, WorkerIdentity, WorkerSession};
use airlock_proto::wire::Frame;
use libfuzzer_sys::fuzz_target;
use prost::Message;

const WALL: Timestamp = Timestamp::from_millis(1_767_323_045_678);

fuzz_target!(|bytes: &[u8]| {
    let Some((&open, mut rest)) = bytes.split_first() else { return };
    let (mut worker, mut hub, identity) = pair();
    let mut now = Duration::ZERO;
    if open % 2 == 1 {
        pump(&mut worker, &mut hub, now, identity);
    }
    while let [what, time, low, high, tail @ ..] = rest {
        now += Duration::from_secs(u64::from(*time));
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(tail.len());
        let (body, next) = tail.split_at(length);
        rest = next;
        let frame = Frame::decode(body);
        match (what % 4, frame) {
            (0, Ok(frame)) => _ = worker.handle_frame(now, WALL, frame),
            (1, Ok(frame)) => _ = hub.handle_frame(now, WALL, frame),
            (2, _) => {
                worker.handle_timeout(now);
                hub.handle_timeout(now);
            }
            _ => pump(&mut worker, &mut hub, now, identity),
        }
        assert!(worker.is_closed() == worker.next_deadline().is_none());
        assert!(hub.is_closed() == hub.next_deadline().is_none());
    }
});

fn pair() -> (WorkerSession, HubSession, Identity) {
    let host = SystemHost::new();
    let (worker_key, hub_key) =
        (Arc::new(PrivateKey::generate(&host)), Arc::new(PrivateKey::generate(&host)));
    let me = WorkerIdentity {
        tenant_id: "t_acme".parse().expect("valid"),
        worker_id: "w_acme".parse().expect("valid"),
        key: worker_key.clone(),
        cp_key: hub_key.public(),
        version: "0".into(),
    };
    let session = "s_01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("valid");
    (
        WorkerSession::new(me, [1; 32], WALL, Duration::ZERO),
        HubSession::new(
            HubIdentity { key: hub_key },
            session,
            [2; 32],
            Duration::from_secs(15),
            Duration::ZERO,
        ),
        Identity::Known(worker_key.public()),
    )
}

fn pump(worker: &mut WorkerSession, hub: &mut HubSession, now: Duration, identity: Identity) {
    loop {
        let mut moved = false;
        while let Some(frame) = worker.poll_transmit() {
            moved = true;
            let _ = hub.handle_frame(now, WALL, frame);
        }
        while let Some(event) = hub.poll_event() {
            if let HubEvent::Hello(_) = event {
                hub.identify(identity);
            }
        }
        while let Some(frame) = hub.poll_transmit() {
            moved = true;
            let _ = worker.handle_frame(now, WALL, frame);
        }
        while worker.poll_event().is_some() {}
        if !moved {
            return;
        }
    }
}
