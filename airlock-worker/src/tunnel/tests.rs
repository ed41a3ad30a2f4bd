use airlock_core::error::CallError;
use airlock_core::plane::{Rendered, ToolCall};
use airlock_core::runtime::SystemHost;

use super::*;

#[derive(Debug)]
struct NoPlane;

#[async_trait::async_trait]
impl DataPlane for NoPlane {
    async fn call(&self, _: ToolCall) -> Result<Rendered, CallError> {
        Err(CallError::internal("none"))
    }
}

fn tunnel() -> Tunnel {
    let host = Arc::new(SystemHost::new());
    let key = Arc::new(PrivateKey::generate(host.as_ref()));
    let config = TunnelConfig {
        // Nothing listens on port 1.
        url: "http://127.0.0.1:1".parse().unwrap(),
        tenant_id: "t_acme".parse().unwrap(),
        worker_id: "w_acme_prod".parse().unwrap(),
        cp_key: key.public(),
        key,
        ca_file: None,
        proxy: Proxy::default(),
        heartbeat: None,
        reconnect_min: Duration::from_millis(500),
        reconnect_max: Duration::from_secs(30),
    };
    Tunnel::new(config, Arc::new(NoPlane), host).unwrap()
}

fn closed(why: CloseReason, retry_after: Duration) -> Ended {
    Ended::Closed { why, retry_after, was_up: false }
}

#[tokio::test]
async fn a_version_that_is_not_spoken_is_final_and_everything_else_is_tried_again() {
    let tunnel = tunnel();
    for code in RejectCode::ALL {
        let judged = tunnel.judge(&closed(CloseReason::Rejected(code), Duration::ZERO), 1);
        assert_eq!(judged.is_err(), code == RejectCode::VersionUnsupported, "{code}");
    }
    for why in [CloseReason::PeerSilent, CloseReason::Disconnected, CloseReason::HandshakeTimeout] {
        assert!(tunnel.judge(&closed(why, Duration::ZERO), 40).unwrap() <= Duration::from_secs(30));
    }
}

#[tokio::test]
async fn a_worker_that_is_not_wanted_comes_back_slowly() {
    // T-028: never faster than once a second.
    let tunnel = tunnel();
    for failures in 0..40 {
        let wait = tunnel
            .judge(&closed(CloseReason::Rejected(RejectCode::Revoked), Duration::ZERO), failures)
            .unwrap();
        assert!((REJECTED_MIN..=REJECTED_MAX).contains(&wait), "{wait:?}");
    }
}

#[tokio::test]
async fn a_drained_worker_stays_away_as_long_as_it_was_told() {
    let wait = tunnel().judge(&closed(CloseReason::Drained, Duration::from_secs(7)), 0).unwrap();
    assert!(wait >= Duration::from_secs(7));
}

#[tokio::test]
async fn shutdown_ends_the_wait_between_dials() {
    let tunnel = tunnel();
    let mut status = tunnel.status();
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let (result, ()) = tokio::join!(tunnel.run(shutdown), async move {
        status.wait_for(|s| matches!(s, TunnelStatus::Down { failures: 1.., .. })).await.unwrap();
        stop.cancel();
    });
    result.unwrap();
}
