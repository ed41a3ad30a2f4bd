//! Every way in which a tunnel must not open.

use std::time::Duration;

use prost::Message;

use airlock_core::time::Timestamp;
use airlock_proto::session::{CloseReason, HubEvent, Identity, RejectCode, SessionError, WorkerEvent};
use airlock_proto::wire::{self, Frame, frame::Kind};

use crate::pair::{HEARTBEAT, Pair, WALL, call, key, tenant};

#[track_caller]
fn rejected(mut pair: Pair, code: RejectCode) {
    pair.drive();
    assert_eq!(pair.closed_hub(), Some(CloseReason::Rejected(code)));
    assert_eq!(pair.closed_worker(), Some(CloseReason::Rejected(code)));
    assert!(!pair.hub_events.iter().any(|e| matches!(e, HubEvent::Authenticated(_))));
}

/// Changes the first frame for which `change` says so, on its way up, then drives on.
fn tamper_up(pair: &mut Pair, mut change: impl FnMut(&mut Kind) -> bool) {
    let mut done = false;
    loop {
        let sent = pair.send(usize::MAX);
        for frame in &mut pair.up.frames {
            done = done || frame.kind.as_mut().is_some_and(&mut change);
        }
        if !(sent | pair.deliver_up() | pair.deliver_down() | pair.take_events()) {
            break;
        }
    }
    assert!(done, "nothing was changed");
}

fn with_auth(change: impl Fn(&mut wire::Auth)) -> Pair {
    let mut pair = Pair::new();
    tamper_up(&mut pair, |kind| {
        let Kind::Auth(bytes) = kind else { return false };
        let mut auth = wire::Auth::decode(bytes.clone()).unwrap();
        change(&mut auth);
        *bytes = auth.encode_to_vec().into();
        true
    });
    pair
}

#[test]
fn two_sides_that_know_each_other_open_a_tunnel() {
    let mut pair = Pair::new();
    pair.drive();
    let Some(WorkerEvent::Ready { session_id, heartbeat, server_time }) = pair.worker_events.first() else {
        panic!("{:?}", pair.worker_events)
    };
    assert_eq!((session_id, *heartbeat, *server_time), (pair.hub.session_id(), HEARTBEAT, WALL));
    let Some(HubEvent::Authenticated(claims)) = pair.hub_events.get(1) else {
        panic!("{:?}", pair.hub_events)
    };
    assert_eq!((claims.tenant_id.as_str(), claims.version.as_str()), ("t_acme", "0.1.0"));
}

#[test]
fn an_unknown_worker_and_a_wrong_key_hear_the_same() {
    let (worker, hub) = (key(), key());
    for identity in [Identity::Unknown, Identity::Known(key().public()), Identity::Revoked(key().public())] {
        let mut pair = Pair::with(worker.clone(), hub.clone(), hub.clone(), identity);
        pair.send(usize::MAX);
        pair.deliver_up();
        pair.take_events();
        pair.send(usize::MAX);
        // Challenged like a known one.
        assert!(matches!(pair.down.frames[0].kind, Some(Kind::Challenge(_))));
        rejected(pair, RejectCode::NotAuthenticated);
    }
}

#[test]
fn a_worker_that_proves_its_key_hears_why_it_is_sent_away() {
    let (worker, hub) = (key(), key());
    let public = worker.public();
    rejected(
        Pair::with(worker.clone(), hub.clone(), hub.clone(), Identity::Revoked(public)),
        RejectCode::Revoked,
    );
    rejected(
        Pair::with(worker, hub.clone(), hub, Identity::TenantDisabled(public)),
        RejectCode::TenantDisabled,
    );
}

#[test]
fn a_look_alike_control_plane_learns_nothing() {
    let (worker, look_alike, pinned) = (key(), key(), key());
    let identity = Identity::Known(worker.public());
    let mut pair = Pair::with(worker, look_alike, pinned, identity);
    pair.drive();
    assert_eq!(pair.worker_error, Some(SessionError::WrongControlPlane));
    assert_eq!(pair.closed_worker(), Some(CloseReason::Misbehaved(SessionError::WrongControlPlane)));
    // No auth was sent.
    assert!(!pair.hub.is_open() && pair.hub_events.len() == 1);
}

#[test]
fn clocks_may_differ_by_two_minutes_and_no_more() {
    for (ms, opens) in
        [(120_000, true), (-120_000, true), (120_001, false), (-120_001, false), (i64::MAX / 2, false)]
    {
        let mut pair = Pair::new();
        pair.wall_hub = Timestamp::from_millis(WALL.as_millis() + ms);
        if opens {
            pair.drive();
            assert!(pair.hub.is_open() && pair.worker.is_open(), "{ms}");
        } else {
            rejected(pair, RejectCode::ClockSkew);
        }
    }
}

#[test]
fn an_unspoken_version_is_refused_before_anything_else() {
    let mut pair = Pair::new();
    tamper_up(&mut pair, |kind| {
        let Kind::Hello(bytes) = kind else { return false };
        *bytes = wire::Hello { v: 2, ..Default::default() }.encode_to_vec().into();
        true
    });
    rejected(pair, RejectCode::VersionUnsupported);
}

#[test]
fn a_recorded_handshake_does_not_open_a_second_tunnel() {
    // Replay: the whole of what a worker said, said again to a hub with another nonce.
    let (worker, hub) = (key(), key());
    let identity = Identity::Known(worker.public());
    let mut first = Pair::with(worker.clone(), hub.clone(), hub.clone(), identity);
    let mut said: Vec<Frame> = Vec::new();
    loop {
        let sent = first.send(usize::MAX);
        said.extend(first.up.frames.iter().cloned());
        if !(sent | first.deliver_up() | first.deliver_down() | first.take_events()) {
            break;
        }
    }
    assert!(first.hub.is_open());

    let me = airlock_proto::session::HubIdentity { key: hub };
    let session = "s_01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    let mut second = airlock_proto::session::HubSession::new(me, session, [3; 32], HEARTBEAT, Duration::ZERO);
    for frame in said {
        let _ = second.handle_frame(Duration::ZERO, WALL, frame);
        second.identify(identity);
    }
    assert!(second.is_closed());
}

#[test]
fn a_handshake_relayed_to_another_control_plane_opens_nothing() {
    // The worker dials A; A's operator relays its frames to B, where the same worker is enrolled, and B's challenge back.
    let (worker, a, b) = (key(), key(), key());
    let identity = Identity::Known(worker.public());
    let mut relayed = Pair::with(worker, b, a, identity);
    relayed.drive();
    assert_eq!(relayed.worker_error, Some(SessionError::WrongControlPlane));
    assert!(!relayed.hub.is_open());
}

#[test]
fn a_transcript_changed_on_the_way_is_noticed() {
    // The hello: the hub's signature no longer covers what the worker sent.
    let mut pair = Pair::new();
    tamper_up(&mut pair, |kind| {
        let Kind::Hello(bytes) = kind else { return false };
        let mut hello = wire::Hello::decode(bytes.clone()).unwrap();
        hello.version = "9.9.9".into();
        *bytes = hello.encode_to_vec().into();
        true
    });
    assert_eq!(pair.worker_error, Some(SessionError::WrongControlPlane));

    // The challenge: the worker would sign another text than the hub checks.
    let mut pair = Pair::new();
    pair.send(usize::MAX);
    pair.deliver_up();
    pair.take_events();
    pair.send(usize::MAX);
    let Some(Kind::Challenge(bytes)) = &mut pair.down.frames[0].kind else { panic!() };
    // An unknown field: the same message to a decoder, other bytes to a hash.
    *bytes = [bytes.as_ref(), &[0x78, 0x01]].concat().into();
    rejected(pair, RejectCode::NotAuthenticated);
}

// T-025: signature tricks. The curve's own edge cases are tested beside `PublicKey`.
#[test]
fn no_signature_but_the_workers_own_over_this_transcript_lets_in() {
    rejected(with_auth(|auth| auth.signature = vec![0; 64].into()), RejectCode::NotAuthenticated);
    rejected(with_auth(|auth| auth.signature = vec![].into()), RejectCode::NotAuthenticated);
    rejected(with_auth(|auth| auth.signature = auth.signature.slice(..63)), RejectCode::NotAuthenticated);
    // S + L: the same scalar in a second encoding.
    rejected(
        with_auth(|auth| {
            let l = [
                0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
                0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
            ];
            let mut signature = auth.signature.to_vec();
            let mut carry = 0u16;
            for (s, l) in signature[32..].iter_mut().zip(l) {
                carry += u16::from(*s) + l;
                *s = carry.to_le_bytes()[0];
                carry >>= 8;
            }
            auth.signature = signature.into();
        }),
        RejectCode::NotAuthenticated,
    );
    // A binding that nobody checks is not believed.
    rejected(with_auth(|auth| auth.channel_bound = true), RejectCode::NotAuthenticated);
}

#[test]
fn the_control_planes_context_does_not_do_for_the_worker() {
    let (worker, hub) = (key(), key());
    let identity = Identity::Known(worker.public());
    let mut pair = Pair::with(worker.clone(), hub.clone(), hub, identity);
    let mut hello = Vec::new();
    pair.send(usize::MAX);
    if let Some(Kind::Hello(bytes)) = &pair.up.frames[0].kind {
        hello = bytes.to_vec();
    }
    tamper_up(&mut pair, |kind| {
        let Kind::Auth(bytes) = kind else { return false };
        let signature = worker.sign(&[
            b"airlock-tunnel-v1-cp",
            &airlock_core::crypto::sha256(&[&hello]),
            &[2; 32],
            b"s_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        ]);
        *bytes =
            wire::Auth { signature: signature.to_vec().into(), channel_bound: false }.encode_to_vec().into();
        true
    });
    assert_eq!(pair.closed_hub(), Some(CloseReason::Rejected(RejectCode::NotAuthenticated)));
}

// T-026: after auth no frame of the worker names a tenant; what it says of itself again ends the tunnel.
#[test]
fn a_second_hello_for_another_tenant_closes_the_tunnel() {
    let mut pair = Pair::open();
    let hello = wire::Hello { v: 1, tenant_id: "t_other".into(), ..Default::default() };
    pair.up.frames.push_back(Frame { kind: Some(Kind::Hello(hello.encode_to_vec().into())) });
    pair.drive();
    assert_eq!(pair.hub_error, Some(SessionError::Unexpected("hello")));
    assert!(pair.hub.is_closed());
}

// T-026 the other way: the tenant is always the one that authenticated.
#[test]
fn a_call_for_another_tenant_is_refused_on_both_sides() {
    let mut pair = Pair::open();
    let other = "t_other".parse().unwrap();
    assert_eq!(pair.hub.call(pair.now, &call(1), &other).unwrap_err().code.as_str(), "scope_denied");

    let wire = airlock_proto::convert::call_to_wire(&other, &call(2)).unwrap();
    pair.down.frames.push_back(Frame { kind: Some(Kind::Call(wire)) });
    pair.deliver_down();
    pair.take_events();
    assert!(pair.asked().is_empty());
    let Some(Frame { kind: Some(Kind::Failure(failure)) }) = pair.worker.poll_transmit() else { panic!() };
    assert_eq!(failure.code, "scope_denied");

    // The same call for our own tenant is run, so it was the tenant that decided.
    let wire = airlock_proto::convert::call_to_wire(&tenant(), &call(3)).unwrap();
    pair.down.frames.push_back(Frame { kind: Some(Kind::Call(wire)) });
    pair.drive();
    assert_eq!(pair.asked().len(), 1);
}

#[test]
fn a_handshake_that_stalls_is_given_up_after_ten_seconds() {
    for cut_up in [true, false] {
        let mut pair = Pair::new();
        pair.up.cut = cut_up;
        pair.down.cut = !cut_up;
        pair.wait(Duration::from_millis(9_999));
        assert_eq!((pair.closed_worker(), pair.closed_hub()), (None, None));
        pair.wait(Duration::from_millis(1));
        assert_eq!(pair.closed_worker(), Some(CloseReason::HandshakeTimeout));
        assert_eq!(pair.closed_hub(), Some(CloseReason::HandshakeTimeout));
    }
}

#[test]
fn long_or_broken_hellos_are_refused_unread() {
    for bytes in [vec![0x0a; 5000], vec![0xff; 10], Vec::new()] {
        let mut pair = Pair::new();
        pair.up.frames.push_back(Frame { kind: Some(Kind::Hello(bytes.into())) });
        pair.deliver_up();
        pair.take_events();
        assert!(pair.hub.is_closed());
        assert!(!pair.hub_events.iter().any(|e| matches!(e, HubEvent::Hello(_))));
    }
}

#[test]
fn calls_before_the_handshake_close_the_tunnel_and_are_not_run() {
    let mut pair = Pair::new();
    let wire = airlock_proto::convert::call_to_wire(&tenant(), &call(1)).unwrap();
    pair.down.frames.push_back(Frame { kind: Some(Kind::Call(wire)) });
    pair.deliver_down();
    pair.take_events();
    assert_eq!(pair.worker_error, Some(SessionError::Unexpected("call")));
    assert!(pair.asked().is_empty());
}
