//! What holds for any script of calls, losses, reorderings, bit flips and goodbyes.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use airlock_core::error::{CallError, Code};
use airlock_core::id::CallId;
use airlock_proto::session::{CloseReason, HubEvent, WorkerEvent};
use airlock_proto::wire::Frame;

use crate::pair::{Pair, WALL, call, call_id, rendered, tenant};

/// One move of a random script.
#[derive(Clone, Debug)]
enum Act {
    Call,
    Cancel(u64),
    Reply(u64, usize),
    Fail(u64),
    SendSome(usize),
    DeliverUp,
    DeliverDown,
    Wait(u64),
    StallUp(bool),
    StallDown(bool),
    LoseUp,
    LoseDown,
    SwapUp,
    FlipUp(usize),
    FlipDown(usize),
    DrainWorker,
    DrainHub,
    CloseHub,
    CloseWorker,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let n = 0..12u64;
    let act = prop_oneof![
        8 => Just(Act::Call),
        2 => n.clone().prop_map(Act::Cancel),
        6 => (n.clone(), prop_oneof![0..20usize, 0..200_000usize]).prop_map(|(n, b)| Act::Reply(n, b)),
        2 => n.prop_map(Act::Fail),
        8 => (1..8usize).prop_map(Act::SendSome),
        8 => Just(Act::DeliverUp),
        8 => Just(Act::DeliverDown),
        2 => (0..20u64).prop_map(Act::Wait),
        1 => any::<bool>().prop_map(Act::StallUp),
        1 => any::<bool>().prop_map(Act::StallDown),
        1 => Just(Act::LoseUp),
        1 => Just(Act::LoseDown),
        1 => Just(Act::SwapUp),
        1 => any::<usize>().prop_map(Act::FlipUp),
        1 => any::<usize>().prop_map(Act::FlipDown),
        1 => Just(Act::DrainWorker),
        1 => Just(Act::DrainHub),
        1 => Just(Act::CloseHub),
        1 => Just(Act::CloseWorker),
    ];
    prop::collection::vec(act, 0..120)
}

fn flip(frame: &mut Frame, at: usize) {
    use prost::Message;
    let mut bytes = frame.encode_to_vec();
    if bytes.is_empty() {
        return;
    }
    let bit = at % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    // What does not decode never reaches a session: the carrier ends instead.
    if let Ok(changed) = Frame::decode(bytes.as_slice()) {
        *frame = changed;
    }
}

fn play(pair: &mut Pair, act: Act, calls: &mut u64, cancelled: &mut HashMap<CallId, bool>) {
    match act {
        Act::Call => {
            if pair.hub.call(pair.now, &call(*calls), &tenant()).is_ok() {
                cancelled.insert(call_id(*calls), false);
            }
            *calls += 1;
        }
        Act::Cancel(n) => {
            pair.take_events();
            pair.hub.cancel(&call_id(n));
            if let Some(c) = cancelled.get_mut(&call_id(n)) {
                *c = true;
            }
        }
        Act::Reply(n, bytes) => pair.worker.reply(call_id(n), rendered(bytes)),
        Act::Fail(n) => pair.worker.fail(&call_id(n), &CallError::new(Code::SqlError, "no")),
        Act::SendSome(most) => _ = pair.send(most),
        Act::DeliverUp => _ = pair.deliver_up(),
        Act::DeliverDown => _ = pair.deliver_down(),
        Act::Wait(s) => {
            pair.now += Duration::from_secs(s);
            pair.worker.handle_timeout(pair.now);
            pair.hub.handle_timeout(pair.now);
        }
        Act::StallUp(on) => pair.up.stalled = on,
        Act::StallDown(on) => pair.down.stalled = on,
        Act::LoseUp => _ = pair.up.frames.pop_front(),
        Act::LoseDown => _ = pair.down.frames.pop_front(),
        Act::SwapUp if pair.up.frames.len() > 1 => pair.up.frames.swap(0, 1),
        Act::SwapUp => {}
        Act::FlipUp(at) => pair.up.frames.front_mut().into_iter().for_each(|f| flip(f, at)),
        Act::FlipDown(at) => pair.down.frames.front_mut().into_iter().for_each(|f| flip(f, at)),
        Act::DrainWorker => pair.worker.drain(pair.now),
        Act::DrainHub => pair.hub.drain(pair.now, Duration::from_secs(1)),
        Act::CloseHub => pair.hub.close(CloseReason::Disconnected),
        Act::CloseWorker => pair.worker.close(CloseReason::Disconnected),
    }
    pair.take_events();
}

proptest! {
    // A share of the usual number, which PROPTEST_CASES sets.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    /// Whatever happens on the line and on both sides: no panic, and each call that was started ends exactly once,
    /// with its own answer if it ends with one.
    #[test]
    fn every_call_ends_exactly_once(script in acts()) {
        let mut pair = Pair::open();
        let (mut calls, mut cancelled) = (0, HashMap::new());
        for act in script {
            play(&mut pair, act, &mut calls, &mut cancelled);
        }
        // The carrier ends at last.
        pair.hub.close(CloseReason::Disconnected);
        pair.worker.close(CloseReason::Disconnected);
        pair.take_events();

        let mut ends: HashMap<CallId, usize> = HashMap::new();
        for event in &pair.hub_events {
            match event {
                HubEvent::Reply { id, .. } | HubEvent::Failed { id, .. } | HubEvent::Lost { id, .. } => {
                    *ends.entry(id.clone()).or_default() += 1;
                }
                _ => {}
            }
        }
        for (id, cancelled) in &cancelled {
            let count = ends.remove(id).unwrap_or(0);
            prop_assert!(count == 1 || (*cancelled && count == 0), "{id} ended {count} times");
        }
        prop_assert!(ends.is_empty(), "ends without calls: {ends:?}");
        for (_, got) in pair.replies() {
            prop_assert_eq!(&got.body, &rendered(got.body.len()).body);
        }
        prop_assert_eq!(pair.worker_events.iter().filter(|e| matches!(e, WorkerEvent::Closed(_))).count(), 1);
        prop_assert_eq!(pair.hub_events.iter().filter(|e| matches!(e, HubEvent::Closed(_))).count(), 1);
        prop_assert!(matches!(pair.hub_events.last(), Some(HubEvent::Closed(_))));
        prop_assert_eq!((pair.hub.next_deadline(), pair.worker.next_deadline()), (None, None));
    }

    /// Nobody's bytes make a session panic, before or after the handshake.
    #[test]
    fn any_frames_are_survived(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20)) {
        use prost::Message;
        for mut pair in [Pair::new(), Pair::open()] {
            for bytes in &frames {
                if let Ok(frame) = Frame::decode(bytes.as_slice()) {
                    let _ = pair.hub.handle_frame(pair.now, WALL, frame.clone());
                    let _ = pair.worker.handle_frame(pair.now, WALL, frame);
                    pair.take_events();
                }
            }
        }
    }
}
