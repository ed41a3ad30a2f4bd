//! Worker and hub on loopback: calls, and everything that breaks and heals.

mod rig;

use std::time::Duration;

use airlock_core::error::Code;
use airlock_core::plane::DataPlane;
use airlock_proto::limits::REPLY_BYTES_MAX;
use airlock_proto::session::{CloseReason, Identity, RejectCode};

use rig::{Did, Heard, Server, Workers, call, key, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_out_and_its_answer_comes_back_as_it_was() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    let worker = workers.join(&mut server, "one").await;
    let (result, via) = server.hub.call_via(&tenant(), call("echo", r#"{"a":1}"#)).await;
    let rendered = result.unwrap();
    assert_eq!(rendered.body.as_ref(), br#"one:{"a":1}"#);
    assert_eq!((rendered.head.rows, rendered.head.policy_hash), (3, Some("ab".repeat(32))));
    assert_eq!(via.unwrap().worker_id, worker.id);
    let live = server.hub.workers(&tenant());
    assert_eq!((live.len(), live[0].in_flight, live[0].draining), (1, 0, false));
    assert!(live[0].ip.is_loopback());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_worker_the_caller_is_told_when_to_come_back() {
    let mut server = Server::start();
    let plane = server.hub.plane(tenant());
    let error = plane.call(call("echo", "{}")).await.unwrap_err();
    assert_eq!(error.code, Code::WorkerUnavailable);
    assert!(error.retry_after_ms.is_some());
    // Another tenant's worker does not help.
    let mut workers = Workers::new();
    workers.join(&mut server, "one").await;
    let other = server.hub.plane("t_other".parse().unwrap());
    assert_eq!(other.call(call("echo", "{}")).await.unwrap_err().code, Code::WorkerUnavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_answer_passes() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    workers.join(&mut server, "one").await;
    let plane = server.hub.plane(tenant());
    let rendered = plane.call(call("bytes", &format!("{{\"n\":{REPLY_BYTES_MAX}}}"))).await.unwrap();
    assert_eq!(rendered.body.len(), REPLY_BYTES_MAX);
    assert!(rendered.body.iter().enumerate().all(|(i, b)| usize::from(*b) == i % 253));
    let longer = plane.call(call("bytes", &format!("{{\"n\":{}}}", REPLY_BYTES_MAX + 1))).await;
    assert_eq!(longer.unwrap_err().code, Code::LimitExceeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_cancels_its_call_in_the_worker() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    workers.join(&mut server, "one").await;
    let plane = server.hub.plane(tenant());
    {
        let mut asked = Box::pin(plane.call(call("hang", "{}")));
        tokio::select! {
            _ = &mut asked => panic!("it hangs"),
            did = workers.did() => assert_eq!(did, Did::Began("one".into())),
        }
    }
    assert_eq!(workers.did().await, Did::Dropped("one".into()));
    plane.call(call("echo", "{}")).await.unwrap();
    assert_eq!(server.hub.workers(&tenant())[0].in_flight, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_panics_fails_alone_and_says_nothing_of_why() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    workers.join(&mut server, "one").await;
    let plane = server.hub.plane(tenant());
    let error = plane.call(call("panic", "{}")).await.unwrap_err();
    assert_eq!(error.code, Code::Internal);
    assert!(!error.message.contains("4711"));
    plane.call(call("echo", "{}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_calls_at_once_are_each_answered_right() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    for name in ["w1", "w2", "w3", "w4", "w5"] {
        workers.join(&mut server, name).await;
    }
    let plane = server.hub.plane(tenant());
    let all = (0..200).map(|n| {
        let plane = &plane;
        async move { (n, plane.call(call("echo", &format!("{{\"subject\":\"u_{n}\"}}"))).await) }
    });
    for (n, result) in futures::future::join_all(all).await {
        let body = result.unwrap().body;
        assert!(body.ends_with(format!(":{{\"subject\":\"u_{n}\"}}").as_bytes()), "{n}: {body:?}");
    }
    assert!(server.hub.workers(&tenant()).iter().all(|w| w.in_flight == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_one_worker_takes_are_answered_right_or_refused_as_busy() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    workers.join(&mut server, "one").await;
    let plane = server.hub.plane(tenant());
    let all = (0..200).map(|n| {
        let plane = &plane;
        async move { (n, plane.call(call("echo", &format!("{{\"n\":{n}}}"))).await) }
    });
    let mut answered = 0;
    for (n, result) in futures::future::join_all(all).await {
        match result {
            Ok(rendered) => {
                assert_eq!(rendered.body, format!("one:{{\"n\":{n}}}"));
                answered += 1;
            }
            Err(error) => assert_eq!(error.code, Code::Busy),
        }
    }
    assert!(answered >= 96, "{answered}");
    plane.call(call("echo", "{}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_stays_with_its_worker() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    for name in ["w1", "w2", "w3"] {
        workers.join(&mut server, name).await;
    }
    let mut seen = std::collections::HashSet::new();
    for n in 0..20 {
        let mut of_subject = std::collections::HashSet::new();
        for _ in 0..3 {
            let asked = call("echo", &format!("{{\"snapshot_id\":\"u_{n}\"}}"));
            of_subject.insert(server.hub.call_via(&tenant(), asked).await.1.unwrap().worker_id);
        }
        assert_eq!(of_subject.len(), 1);
        seen.extend(of_subject);
    }
    assert!(seen.len() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_and_starts_again_is_found_again() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    let first = workers.join(&mut server, "one").await;
    first.kill();
    server.hears(Heard::Disconnected(first.id.clone(), CloseReason::Disconnected)).await;
    let plane = server.hub.plane(tenant());
    assert_eq!(plane.call(call("echo", "{}")).await.unwrap_err().code, Code::WorkerUnavailable);
    workers.join(&mut server, "one").await;
    plane.call(call("echo", "{}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_leaves_finishes_what_runs() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    let mut worker = workers.join(&mut server, "one").await;
    let plane = server.hub.plane(tenant());
    let mut asked = Box::pin(plane.call(call("hang", "{}")));
    tokio::select! {
        _ = &mut asked => panic!("it hangs"),
        did = workers.did() => assert_eq!(did, Did::Began("one".into())),
    }
    worker.shutdown.cancel();
    // It has not left: the call still runs, though no other is let in.
    let refused = loop {
        match plane.call(call("echo", "{}")).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.code, Code::WorkerUnavailable);
    assert!(server.hub.workers(&tenant())[0].draining);
    drop(asked);
    worker.is_stopped().await;
    server.hears(Heard::Disconnected(worker.id, CloseReason::Drained)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_dies_and_starts_again_gets_its_workers_back() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    let worker = workers.join(&mut server, "one").await;
    server.hub.plane(tenant()).call(call("echo", "{}")).await.unwrap();
    let mut server = tokio::task::spawn_blocking(|| server.crash_and_restart()).await.unwrap();
    server.hears(Heard::Connected(worker.id)).await;
    server.hub.plane(tenant()).call(call("echo", "{}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_leaves_tells_its_workers_and_cuts_what_takes_too_long() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    let mut worker = workers.join(&mut server, "one").await;
    server.hub.drain(Duration::ZERO, rig::PATIENCE).await;
    worker.is_down("drained").await;
    server.hears(Heard::Disconnected(worker.id.clone(), CloseReason::Drained)).await;
    // It takes nobody in any more.
    worker.is_down("refused the tunnel").await;

    let (mut server, mut workers) = (Server::start(), Workers::new());
    workers.join(&mut server, "two").await;
    let plane = server.hub.plane(tenant());
    let mut asked = Box::pin(plane.call(call("hang", "{}")));
    tokio::select! {
        _ = &mut asked => panic!("it hangs"),
        _ = workers.did() => {}
    }
    server.hub.drain(Duration::ZERO, Duration::ZERO).await;
    assert_eq!(asked.await.unwrap_err().code, Code::WorkerUnavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_workers_tunnel_drops_at_once_and_stays_down() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    let key = key();
    let book = server.book.clone();
    let mut worker = workers.start(server.addr, server.key(), "one", &key, |id| {
        book.set(id, Identity::Known(key.public()));
    });
    server.hears(Heard::Connected(worker.id.clone())).await;
    let plane = server.hub.plane(tenant());
    let mut asked = Box::pin(plane.call(call("hang", "{}")));
    tokio::select! {
        _ = &mut asked => panic!("it hangs"),
        _ = workers.did() => {}
    }
    server.book.set(&worker.id, Identity::Revoked(key.public()));
    server.hub.drop_worker(&tenant(), &worker.id);
    assert_eq!(server.hub.tunnel_count(), 0);
    assert_eq!(asked.await.unwrap_err().code, Code::WorkerUnavailable);
    assert_eq!(plane.call(call("echo", "{}")).await.unwrap_err().code, Code::WorkerUnavailable);
    worker.is_down("revoked").await;

    // A worker that starts anew with the same key hears the same.
    let mut again = workers.start(server.addr, server.key(), "one", &key, |_| {});
    again.is_down("revoked").await;
    server.hears(Heard::Refused(worker.id, RejectCode::Revoked)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_tunnel_of_the_same_worker_takes_over() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    let key = key();
    let book = server.book.clone();
    let known = |id: &_| book.set(id, Identity::Known(key.public()));
    let mut old = workers.start(server.addr, server.key(), "one", &key, known);
    server.hears(Heard::Connected(old.id.clone())).await;
    let before = server.hub.workers(&tenant())[0].session_id.clone();
    let new = workers.start(server.addr, server.key(), "one", &key, |_| {});
    old.is_down("superseded").await;
    server.hears(Heard::Disconnected(old.id.clone(), CloseReason::Rejected(RejectCode::Superseded))).await;
    let live = server.hub.workers(&tenant());
    assert_eq!((live.len(), &live[0].worker_id), (1, &new.id));
    assert_ne!(live[0].session_id, before);
    server.hub.plane(tenant()).call(call("echo", "{}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_worker_dies_before_it_answers_goes_to_another() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    let both = [workers.join(&mut server, "w1").await, workers.join(&mut server, "w2").await];
    let hub = server.hub.clone();
    let tenant = tenant();
    let mut asked = Box::pin(hub.call_via(&tenant, call("hang_once", "{}")));
    let Did::Began(name) = (tokio::select! {
        _ = &mut asked => panic!("it hangs"),
        did = workers.did() => did,
    }) else {
        panic!()
    };
    both.iter().find(|w| w.id.as_str().ends_with(&name)).unwrap().kill();
    let (result, via) = asked.await;
    let answered_by = via.unwrap().worker_id;
    assert!(!answered_by.as_str().ends_with(&name));
    assert!(result.unwrap().body.starts_with(&answered_by.as_str().as_bytes()[2..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_with_another_key_is_not_spoken_to() {
    let (server, mut workers) = (Server::start(), Workers::new());
    let worker_key = key();
    let book = server.book.clone();
    let mut worker = workers.start(server.addr, key().public(), "one", &worker_key, |id| {
        book.set(id, Identity::Known(worker_key.public()));
    });
    worker.is_down("pinned").await;
    assert_eq!(server.hub.tunnel_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_fails_too_often_is_turned_away() {
    let (mut server, mut workers) = (Server::start(), Workers::new());
    for n in 0..5 {
        let mut stranger = workers.start(server.addr, server.key(), &format!("stranger{n}"), &key(), |_| {});
        stranger.is_down("not_authenticated").await;
        server.hears(Heard::Refused(stranger.id, RejectCode::NotAuthenticated)).await;
    }
    let mut sixth = workers.start(server.addr, server.key(), "stranger6", &key(), |_| {});
    sixth.is_down("refused the tunnel").await;
}
