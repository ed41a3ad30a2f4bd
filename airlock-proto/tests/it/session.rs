//! The open tunnel: answers, cancels, cuts, stalls, late and double replies, drains; and what holds for any script.

use std::time::Duration;

use airlock_core::error::{CallError, Code};
use airlock_core::plane::ToolCall;
use airlock_proto::convert::call_to_wire;
use airlock_proto::limits::{CALLS_IN_FLIGHT_MAX, CHUNK_BYTES_MAX, REPLY_BYTES_MAX, TUNNEL_AGE_MAX};
use airlock_proto::session::{CloseReason, HubEvent, RejectCode, SessionError, WorkerEvent};
use airlock_proto::wire::{self, Frame, frame::Kind};

use crate::pair::{HEARTBEAT, Pair, call, call_id, rendered, tenant};

fn frame(kind: Kind) -> Frame {
    Frame { kind: Some(kind) }
}

/// What the hub thinks of frames that a worker with one running call sends.
#[track_caller]
fn hub_says(frames: Vec<Kind>, error: SessionError) {
    let mut pair = Pair::open();
    pair.start(1);
    pair.drive();
    pair.up.frames.extend(frames.into_iter().map(frame));
    pair.drive();
    assert_eq!(pair.hub_error, Some(error));
    let begun = pair.hub_events.iter().find_map(|e| match e {
        HubEvent::Lost { id, begun } if *id == call_id(1) => Some(*begun),
        _ => None,
    });
    assert!(begun.is_some(), "the call was not ended: {:?}", pair.hub_events);
}

fn reply(n: u64, bytes: u64) -> Kind {
    Kind::Reply(wire::Reply {
        id: call_id(n).to_string(),
        content_type: "application/json".into(),
        meta: Some(wire::Meta { outcome: wire::Outcome::Ok.into(), ..Default::default() }),
        bytes,
    })
}

fn chunk(n: u64, data: &[u8]) -> Kind {
    Kind::Chunk(wire::Chunk { id: call_id(n).to_string(), data: data.to_vec().into() })
}

fn end(n: u64, body: &[u8]) -> Kind {
    Kind::End(wire::End {
        id: call_id(n).to_string(),
        bytes: body.len() as u64,
        sha256: airlock_core::crypto::sha256(&[body]).to_vec().into(),
    })
}

#[test]
fn an_answer_of_any_size_arrives_as_it_was() {
    for bytes in [0, 1, CHUNK_BYTES_MAX - 1, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX + 1, REPLY_BYTES_MAX] {
        let mut pair = Pair::open();
        pair.start(1);
        pair.drive();
        let sent = rendered(bytes);
        pair.worker.reply(call_id(1), sent.clone());
        pair.drive();
        let replies = pair.replies();
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].0, call_id(1));
        assert_eq!(replies[0].1.head, sent.head);
        assert!(replies[0].1.body == sent.body, "{bytes}");
    }
}

#[test]
fn an_answer_too_long_to_send_is_a_failure_of_its_call() {
    let mut pair = Pair::open();
    pair.start(1);
    pair.drive();
    pair.worker.reply(call_id(1), rendered(REPLY_BYTES_MAX + 1));
    pair.drive();
    assert!(
        matches!(&pair.hub_events[..], [HubEvent::Failed { error, .. }] if error.code == Code::LimitExceeded)
    );
    assert!(pair.hub.is_open());
}

#[test]
fn answers_take_turns() {
    let mut pair = Pair::open();
    for n in [1, 2] {
        pair.start(n);
    }
    pair.drive();
    pair.worker.reply(call_id(1), rendered(REPLY_BYTES_MAX));
    pair.worker.reply(call_id(2), rendered(10));
    // Head, chunk and end of the small one, each behind one frame of the large one.
    pair.send(6);
    while pair.deliver_up() {}
    pair.take_events();
    assert_eq!(pair.replies().iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), [call_id(2)]);
}

#[test]
fn a_failure_reaches_the_one_who_asked() {
    let mut pair = Pair::open();
    pair.start(1);
    pair.drive();
    let error = CallError::new(Code::SourceUnavailable, "the database is away").with_retry_after_ms(500);
    pair.worker.fail(&call_id(1), &error);
    pair.drive();
    assert!(
        matches!(&pair.hub_events[..], [HubEvent::Failed { id, error: e }] if *id == call_id(1) && *e == error)
    );
}

#[test]
fn as_many_calls_as_may_run_at_once_and_no_more() {
    let mut pair = Pair::open();
    let most = CALLS_IN_FLIGHT_MAX as u64;
    for n in 0..most {
        pair.start(n);
    }
    assert_eq!(pair.hub.call(pair.now, &call(most), &tenant()).unwrap_err().code, Code::Busy);
    pair.drive();
    assert_eq!(pair.asked().len(), CALLS_IN_FLIGHT_MAX);

    // A hub that sends more is told so; the tunnel stays.
    pair.down.frames.push_back(frame(Kind::Call(call_to_wire(&tenant(), &call(most)).unwrap())));
    pair.deliver_down();
    assert!(
        matches!(pair.worker.poll_transmit(), Some(Frame { kind: Some(Kind::Failure(f)) }) if f.code == "busy")
    );
    pair.worker.reply(call_id(0), rendered(1));
    pair.drive();
    pair.start(most + 1);
}

#[test]
fn a_cancelled_call_is_stopped_and_its_late_answer_dropped() {
    let mut pair = Pair::open();
    pair.start(1);
    pair.drive();
    // The answer is on its way when the cancel is sent.
    pair.worker.reply(call_id(1), rendered(200_000));
    pair.send(3);
    pair.hub.cancel(&call_id(1));
    pair.drive();
    pair.worker.reply(call_id(1), rendered(5));
    pair.drive();
    assert!(pair.hub_events.is_empty(), "{:?}", pair.hub_events);
    assert!(pair.hub.is_open() && pair.worker.is_open());

    pair.start(2);
    pair.drive();
    pair.hub.cancel(&call_id(2));
    pair.drive();
    assert!(pair.worker_events.iter().any(|e| matches!(e, WorkerEvent::Cancel(id) if *id == call_id(2))));
}

#[test]
fn a_call_cancelled_before_it_was_sent_never_reaches_the_worker() {
    let mut pair = Pair::open();
    pair.down.stalled = true;
    for n in 0..1000 {
        pair.start(n);
        pair.hub.cancel(&call_id(n));
    }
    pair.down.stalled = false;
    pair.drive();
    assert!(pair.worker_events.is_empty() && pair.hub.is_open());
}

#[test]
fn late_double_and_unknown_answers_are_dropped() {
    let mut pair = Pair::open();
    pair.start(1);
    pair.drive();
    pair.worker.reply(call_id(1), rendered(3));
    pair.worker.reply(call_id(1), rendered(4));
    pair.worker.reply(call_id(9), rendered(4));
    pair.worker.fail(&call_id(1), &CallError::new(Code::Busy, "late"));
    pair.drive();
    // The same from a worker whose session does not hold it back.
    for kind in [reply(1, 3), chunk(1, b"abc"), end(1, b"abc"), reply(7, 1), end(7, b"")] {
        pair.up.frames.push_back(frame(kind));
    }
    pair.drive();
    assert_eq!((pair.replies().len(), pair.hub_events.len()), (1, 1));
    assert!(pair.hub.is_open());
}

#[test]
fn ends_may_come_in_any_order() {
    let mut pair = Pair::open();
    for n in 1..=3 {
        pair.start(n);
    }
    pair.drive();
    let bodies: [&[u8]; 3] = [b"one", b"twotwo", b"three"];
    for kind in
        [reply(1, 3), reply(2, 6), chunk(2, b"two"), reply(3, 5), chunk(3, b"three"), chunk(2, b"two")]
    {
        pair.up.frames.push_back(frame(kind));
    }
    for n in [3, 2] {
        pair.up.frames.push_back(frame(end(n, bodies[usize::try_from(n).unwrap() - 1])));
    }
    for kind in [chunk(1, b"one"), end(1, b"one")] {
        pair.up.frames.push_back(frame(kind));
    }
    pair.drive();
    let got: Vec<_> = pair.replies().into_iter().map(|(id, r)| (id, r.body.to_vec())).collect();
    assert_eq!(got, [(3, bodies[2]), (2, bodies[1]), (1, bodies[0])].map(|(n, b)| (call_id(n), b.to_vec())));
}

#[test]
fn answers_that_break_the_rules_close_the_tunnel() {
    hub_says(vec![chunk(1, b"x")], SessionError::Unexpected("chunk"));
    hub_says(vec![end(1, b"")], SessionError::Unexpected("end"));
    hub_says(vec![reply(1, 1), reply(1, 1)], SessionError::Unexpected("reply"));
    hub_says(vec![reply(1, REPLY_BYTES_MAX as u64 + 1)], SessionError::ReplyTooLong);
    hub_says(vec![reply(1, u64::MAX)], SessionError::ReplyTooLong);
    hub_says(vec![reply(1, 2), chunk(1, b"abc")], SessionError::ReplyTooLong);
    hub_says(vec![reply(1, 3), chunk(1, b"abc"), end(1, b"abd")], SessionError::ReplyMismatch);
    hub_says(vec![reply(1, 3), chunk(1, b"ab"), end(1, b"ab")], SessionError::ReplyMismatch);
    hub_says(vec![Kind::Call(wire::Call::default())], SessionError::Unexpected("call"));
    let long = airlock_proto::convert::WireError::TooLong { field: "chunk.data", max: CHUNK_BYTES_MAX };
    hub_says(
        vec![reply(1, REPLY_BYTES_MAX as u64), chunk(1, &vec![0; CHUNK_BYTES_MAX + 1])],
        SessionError::Malformed(long),
    );
}

#[test]
fn a_call_id_in_use_closes_the_workers_end() {
    let mut pair = Pair::open();
    for _ in 0..2 {
        pair.down.frames.push_back(frame(Kind::Call(call_to_wire(&tenant(), &call(1)).unwrap())));
    }
    pair.drive();
    assert_eq!(pair.worker_error, Some(SessionError::CallTwice));
}

#[test]
fn what_a_worker_does_not_understand_ends_the_call_and_not_the_tunnel() {
    let mut pair = Pair::open();
    pair.start(1);
    pair.send(usize::MAX);
    if let Some(Kind::Call(call)) = &mut pair.down.frames[0].kind {
        call.protocol = "2031-01-01".into();
    }
    pair.down.frames.push_back(Frame { kind: None });
    pair.drive();
    assert!(
        matches!(&pair.hub_events[..], [HubEvent::Failed { error, .. }] if error.code == Code::WorkerIncompatible)
    );
    assert!(pair.worker.is_open());
}

#[test]
fn admin_frames_are_answered_with_unsupported() {
    let mut pair = Pair::open();
    let admin = wire::Admin { id: "a1".into(), op: "config_put".into(), ..Default::default() };
    pair.down.frames.push_back(frame(Kind::Admin(admin)));
    pair.deliver_down();
    let Some(Frame { kind: Some(Kind::AdminReply(reply)) }) = pair.worker.poll_transmit() else { panic!() };
    assert_eq!((reply.id.as_str(), reply.code.as_str()), ("a1", "unsupported"));
}

#[test]
fn a_hub_that_asks_without_reading_is_closed() {
    let mut pair = Pair::open();
    pair.up.stalled = true;
    for _ in 0..1000 {
        pair.down.frames.push_back(frame(Kind::Admin(wire::Admin::default())));
    }
    pair.drive();
    assert_eq!(pair.worker_error, Some(SessionError::Flooded));
    // Pings, though, cost nothing however many come.
    let mut pair = Pair::open();
    pair.up.stalled = true;
    for seq in 0..1000 {
        pair.down.frames.push_back(frame(Kind::Ping(wire::Ping { seq })));
    }
    pair.drive();
    assert!(matches!(pair.worker.poll_transmit(), Some(Frame { kind: Some(Kind::Pong(p)) }) if p.seq == 999));
    assert!(pair.worker.is_open());
}

// T-181: half-open, one way only, in both directions.
#[test]
fn three_missed_pings_end_the_tunnel_and_its_calls() {
    for cut_up in [true, false] {
        let mut pair = Pair::open();
        let long = ToolCall { budget: Duration::from_secs(300), ..call(1) };
        pair.hub.call(pair.now, &long, &tenant()).unwrap();
        pair.drive();
        pair.up.cut = cut_up;
        pair.down.cut = !cut_up;
        pair.wait(HEARTBEAT * 3);
        if cut_up {
            assert_eq!(pair.closed_hub(), Some(CloseReason::PeerSilent));
            assert!(matches!(pair.hub_events[0], HubEvent::Lost { begun: false, .. }));
        } else {
            assert_eq!(pair.closed_worker(), Some(CloseReason::PeerSilent));
        }
    }
}

#[test]
fn a_worker_pings_at_its_own_interval_when_it_has_one() {
    let own = Duration::from_secs(60);
    let mut pair = Pair::new();
    pair.worker = pair.worker.with_heartbeat(Some(own));
    pair.drive();
    assert!(matches!(pair.worker_events[0], WorkerEvent::Ready { heartbeat, .. } if heartbeat == own));
    pair.down.cut = true;
    pair.wait(HEARTBEAT * 3);
    assert!(pair.worker.is_open());
    pair.wait(own * 3);
    assert_eq!(pair.closed_worker(), Some(CloseReason::PeerSilent));
}

#[test]
fn an_idle_tunnel_stays_up() {
    let mut pair = Pair::open();
    pair.wait(Duration::from_secs(3600));
    assert!(pair.worker.is_open() && pair.hub.is_open());
}

// T-183: the stopped worker wakes up; its hub has long closed and takes nothing of the old session.
#[test]
fn a_worker_that_was_stopped_cannot_answer_old_calls() {
    let mut pair = Pair::open();
    pair.start(1);
    pair.drive();
    pair.now += HEARTBEAT * 4;
    pair.hub.handle_timeout(pair.now);
    pair.take_events();
    assert_eq!(pair.closed_hub(), Some(CloseReason::PeerSilent));
    pair.worker.reply(call_id(1), rendered(10));
    pair.drive();
    assert!(pair.replies().is_empty());
}

#[test]
fn a_call_that_is_never_answered_ends_after_its_budget() {
    let mut pair = Pair::open();
    pair.start(1);
    pair.wait(Duration::from_secs(31));
    assert!(pair.hub_events.is_empty());
    pair.wait(Duration::from_secs(1));
    assert!(
        matches!(&pair.hub_events[..], [HubEvent::Failed { error, .. }] if error.code == Code::QueryTimeout)
    );
    // The worker was told to stop.
    assert!(pair.worker_events.iter().any(|e| matches!(e, WorkerEvent::Cancel(_))));
    assert!(pair.hub.is_open());
}

#[test]
fn a_worker_that_leaves_finishes_what_runs_and_gets_nothing_new() {
    let mut pair = Pair::open();
    pair.start(1);
    pair.drive();
    // A second call is on its way when the worker decides to go: it is answered too.
    pair.start(2);
    pair.send(usize::MAX);
    pair.worker.drain(pair.now);
    pair.drive();
    assert!(pair.hub_events.iter().any(|e| matches!(e, HubEvent::Draining)));
    assert_eq!(pair.hub.call(pair.now, &call(3), &tenant()).unwrap_err().code, Code::WorkerUnavailable);
    assert_eq!(pair.asked().len(), 2);
    for n in [1, 2] {
        assert_eq!((pair.closed_worker(), pair.closed_hub()), (None, None));
        pair.worker.reply(call_id(n), rendered(100_000));
        pair.drive();
    }
    assert_eq!(pair.replies().len(), 2);
    assert_eq!(
        (pair.closed_worker(), pair.closed_hub()),
        (Some(CloseReason::Drained), Some(CloseReason::Drained))
    );
}

#[test]
fn a_hub_that_leaves_says_when_to_come_back() {
    let mut pair = Pair::open();
    pair.start(1);
    pair.drive();
    pair.hub.drain(pair.now, Duration::from_secs(3));
    pair.drive();
    let retry = pair.worker_events.iter().find_map(|e| match e {
        WorkerEvent::Draining { retry_after } => Some(*retry_after),
        _ => None,
    });
    assert_eq!(retry, Some(Duration::from_secs(3)));
    pair.worker.reply(call_id(1), rendered(1));
    pair.drive();
    assert_eq!(pair.replies().len(), 1);
    assert_eq!(
        (pair.closed_worker(), pair.closed_hub()),
        (Some(CloseReason::Drained), Some(CloseReason::Drained))
    );
}

#[test]
fn a_drain_that_takes_too_long_is_cut() {
    let mut pair = Pair::open();
    pair.start(1);
    pair.drive();
    pair.worker.drain(pair.now);
    pair.wait(Duration::from_secs(30));
    assert_eq!(pair.closed_worker(), Some(CloseReason::DrainTimeout));
    assert_eq!(pair.closed_hub(), Some(CloseReason::DrainTimeout));
    assert!(pair.hub_events.iter().any(|e| matches!(e, HubEvent::Lost { .. })));
}

#[test]
fn an_old_tunnel_is_drained_so_that_the_worker_dials_anew() {
    let mut pair = Pair::open();
    pair.wait(TUNNEL_AGE_MAX + Duration::from_secs(1));
    assert_eq!(
        (pair.closed_worker(), pair.closed_hub()),
        (Some(CloseReason::Drained), Some(CloseReason::Drained))
    );
}

#[test]
fn a_revoked_or_superseded_worker_is_told_and_its_calls_end() {
    for code in [RejectCode::Revoked, RejectCode::Superseded] {
        let mut pair = Pair::open();
        pair.start(1);
        pair.drive();
        pair.hub.close(CloseReason::Rejected(code));
        pair.drive();
        assert_eq!(pair.closed_worker(), Some(CloseReason::Rejected(code)));
        assert!(matches!(&pair.hub_events[..], [HubEvent::Lost { begun: false, .. }, HubEvent::Closed(_)]));
    }
}
