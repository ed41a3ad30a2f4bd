//! What goes over the wire, and what is made of what comes back: on real sockets.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlock_client::calls::{self, Submission};
use airlock_client::gateway::models::{EncryptedPayload, PairingInitiateRequest};
use airlock_client::transport::{ANSWER_BYTES_MAX, RetryPolicy, TransportError};
use airlock_client::{Airlock, ClientConfig, ClientError};
use airlock_core::backoff::Backoff;
use airlock_core::error::Retry;
use airlock_core::runtime::SystemHost;
use airlock_core::{Code, Coded, Fault, Host};
use serde_json::json;

use crate::stub::{Reply, Stub};

/// Repeats at once.
const EAGER: RetryPolicy = RetryPolicy {
    attempts: 4,
    backoff: Backoff { min: Duration::ZERO, max: Duration::from_millis(2) },
    pause_max: Duration::from_secs(5),
};

fn airlock(url: &str) -> Airlock {
    let config = ClientConfig::new(url).unwrap().with_retry(EAGER);
    Airlock::new(config.with_pat("airpat_planted").with_app("app-1", "secret-planted")).unwrap()
}

fn echo() -> Reply {
    let body = json!({"utc": "t", "local": "t", "timezone": "UTC", "offsetMinutes": 0, "new": {"a": 1}});
    Reply::json(200, &body)
}

fn submission(ciphertext: &EncryptedPayload) -> Submission<'_> {
    Submission {
        request_id: "req-1",
        enforcer_id: "e",
        artifact_type: "command-approval",
        artifact_hash: "h",
        ciphertext,
        expires_at: None,
        metadata: None,
    }
}

fn ciphertext() -> EncryptedPayload {
    EncryptedPayload { alg: "AES-256-GCM".into(), data: "d".into(), nonce: None, tag: None, aad: None }
}

fn initiate() -> PairingInitiateRequest {
    PairingInitiateRequest {
        device_id: "d".into(),
        enforcer_id: "e".into(),
        gateway_url: None,
        x25519_public_key: None,
        enforcer_label: None,
        workspace_name: None,
    }
}

#[tokio::test]
async fn credentials_and_paths_are_put_in_where_they_belong() {
    let stub = Stub::always(echo).await;
    let echoed = airlock(&format!("{}/behind/a/proxy/", stub.url)).call(&calls::echo()).await.unwrap();
    assert_eq!(echoed.timezone, "UTC");
    let seen = stub.only();
    assert_eq!(seen.line(), "GET /behind/a/proxy/echo");
    assert_eq!(seen.header("x-pat"), Some("airpat_planted"));
    assert_eq!(seen.header("x-client-id"), Some("app-1"));
    assert_eq!(seen.header("x-client-secret"), Some("secret-planted"));
    assert_eq!((seen.header("authorization"), seen.header("content-type")), (None, None));
}

#[tokio::test]
async fn a_body_is_json_with_its_length() {
    let stub = Stub::always(|| Reply::Answer(202, vec![], String::new())).await;
    let (host, ciphertext) = (SystemHost::new(), ciphertext());
    let call = calls::submit(&submission(&ciphertext), host.now(), &host);
    // Any 2xx is agreement, whatever its body.
    airlock(&stub.url).call(&call).await.unwrap();
    airlock(&stub.url).call(&calls::withdraw("req-1")).await.unwrap();
    let seen = stub.seen();
    assert_eq!(seen[0].line(), "POST /v1/artifacts");
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(seen[0].json()["requestId"], "req-1");
    assert_eq!(
        (seen[1].line().as_str(), seen[1].body.as_str()),
        ("POST /v1/exchanges/req-1/withdraw", "null")
    );
}

#[track_caller]
fn refused(error: &ClientError, status: u16, word: Option<&str>) {
    let refusal = error.refusal().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!((refusal.status, refusal.code.as_deref()), (status, word));
}

#[tokio::test]
async fn every_form_of_refusal_is_read() {
    let hybrid = json!({
        "msgType": "error", "body": {"code": "expired", "message": "too late", "requestId": "req-1"},
        "error": "expired", "message": "too late",
    });
    let cases = [
        (Reply::json(404, &hybrid), 404, Some("expired")),
        (
            Reply::json(403, &json!({"error": "app_consent_required", "message": "m"})),
            403,
            Some("app_consent_required"),
        ),
        (Reply::json(422, &json!({"body": {"code": "no_approver"}})), 422, Some("no_approver")),
        (Reply::json(400, &json!({"error": null, "message": null, "body": null})), 400, None),
        (Reply::text(403, "<html>forbidden</html>"), 403, None),
        (Reply::Answer(401, vec![], String::new()), 401, None),
    ];
    for (reply, status, word) in cases {
        let reply = Mutex::new(Some(reply));
        let stub = Stub::new(move |_, _| reply.lock().unwrap().take().unwrap()).await;
        let error = airlock(&stub.url).call(&calls::wait("req-1", 1)).await.unwrap_err();
        refused(&error, status, word);
        assert!(!error.advice().what.is_empty());
    }
}

#[tokio::test]
async fn no_decision_yet_is_an_answer_and_nulls_are_absent() {
    let decided = json!({
        "msgId": "m-1", "msgType": "decision.deliver", "requestId": "req-1",
        "body": {"artifactHash": "h", "decision": "reject", "reason": null, "signerKeyId": null, "nonce": null,
                 "signature": null, "decisionHash": null, "more": []},
    });
    let stub = Stub::new(move |n, _| match n {
        0 => Reply::Answer(204, vec![], String::new()),
        _ => Reply::json(200, &decided),
    })
    .await;
    let airlock = airlock(&stub.url);
    assert!(airlock.call(&calls::wait("req-1", 60)).await.unwrap().is_none());
    let body = airlock.call(&calls::wait("req-1", 999)).await.unwrap().unwrap().body.unwrap();
    assert!(body.is_rejected() && body.nonce.is_none());
    let targets: Vec<String> = stub.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/v1/exchanges/req-1/wait?timeout=60"; 2]);
}

#[tokio::test]
async fn what_may_be_repeated_is_repeated_and_nothing_else() {
    let passing = |n: usize| match n {
        0 => Reply::text(503, "busy"),
        1 => Reply::HangUp,
        2 => Reply::Cut,
        _ => echo(),
    };
    let stub = Stub::new(move |n, _| passing(n)).await;
    airlock(&stub.url).call(&calls::echo()).await.unwrap();
    assert_eq!(stub.seen().len(), 4);

    // The same id and hash are the same request, so it may be sent until it is answered.
    let stub = Stub::new(move |n, _| passing(n)).await;
    let (host, ciphertext) = (SystemHost::new(), ciphertext());
    let call = calls::submit(&submission(&ciphertext), host.now(), &host);
    airlock(&stub.url).call(&call).await.unwrap();
    let seen = stub.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|again| again.body == seen[0].body));

    // A second one would begin a second pairing.
    for reply in [|| Reply::text(503, "busy"), || Reply::HangUp] {
        let stub = Stub::always(reply).await;
        airlock(&stub.url).call(&calls::initiate_pairing(&initiate())).await.unwrap_err();
        assert_eq!(stub.seen().len(), 1);
    }

    // Refused before anything was done.
    let stub = Stub::new(|n, _| match n {
        0 => Reply::json(429, &json!({"error": "rate_limited"})).with("Retry-After", "0"),
        _ => Reply::json(201, &json!({"pairingNonce": "n", "pairingCode": "ABCDEF", "deviceId": "d"})),
    })
    .await;
    airlock(&stub.url).call(&calls::initiate_pairing(&initiate())).await.unwrap();
    assert_eq!(stub.seen().len(), 2);

    // A quota names no time: asking again is of no use.
    let stub = Stub::always(|| Reply::json(429, &json!({"error": "quota_exceeded"}))).await;
    let error = airlock(&stub.url).call(&calls::echo()).await.unwrap_err();
    assert_eq!((stub.seen().len(), error.code(), error.advice().retry), (1, Code::LimitExceeded, Retry::No));
}

#[tokio::test]
async fn a_redirect_is_an_error_and_its_target_is_not_asked() {
    let elsewhere = Stub::always(echo).await;
    let to = format!("{}/stolen", elsewhere.url);
    let stub = Stub::new(move |_, _| Reply::text(307, "").with("Location", to.clone())).await;
    let error = airlock(&stub.url).call(&calls::echo()).await.unwrap_err();
    refused(&error, 307, None);
    assert_eq!(error.fault(), Fault::Upstream);
    assert!(elsewhere.seen().is_empty());

    // An HTTP client of somebody else's that follows: its answer is not taken.
    let follows = airlock_client::gateway::AirlockGatewayClient::with_http_client(
        stub.url.clone(),
        None::<String>,
        following_client(),
    );
    let error = follows.echo().await.unwrap_err();
    assert_eq!((error.status_code(), error.error_code()), (Some(0), Some("transport")), "{error}");
}

fn following_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let stub = Stub::always(|| Reply::Endless).await;
    let error = airlock(&stub.url).call(&calls::echo()).await.unwrap_err();
    assert!(matches!(error, ClientError::Transport(TransportError::TooLarge)), "{error:?}");
    let stub = Stub::always(|| Reply::text(200, &"x".repeat(ANSWER_BYTES_MAX + 1))).await;
    let error = airlock(&stub.url).call(&calls::echo()).await.unwrap_err();
    assert_eq!(error.code(), Code::TooLarge);
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn what_is_no_gateway_is_told_apart_from_one_that_is_away() {
    let stub = Stub::always(|| Reply::text(200, "<html>Sign in</html>")).await;
    let error = airlock(&stub.url).call(&calls::echo()).await.unwrap_err();
    assert!(matches!(error, ClientError::Answer), "{error:?}");
    assert!(error.advice().what.contains("base URL"));

    let url = stub.url.clone();
    drop(stub);
    let error = airlock(&url).call(&calls::echo()).await.unwrap_err();
    assert!(matches!(error, ClientError::Transport(TransportError::Connect)), "{error:?}");
    assert_eq!((error.fault(), error.advice().retry), (Fault::Upstream, Retry::Later));
}

#[tokio::test]
async fn an_id_cannot_reach_another_path() {
    let stub = Stub::always(|| Reply::json(404, &json!({"error": "NotFound"}))).await;
    let error = airlock(&stub.url).call(&calls::exchange_status("..")).await.unwrap_err();
    assert!(matches!(error, ClientError::Transport(TransportError::Unsendable(_))), "{error:?}");
    assert!(stub.seen().is_empty());
    airlock(&stub.url).call(&calls::exchange_status("a/../b?c")).await.unwrap_err();
    assert_eq!(stub.only().target, "/v1/exchanges/a%2F..%2Fb%3Fc");
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_credential_and_no_body_is_logged_or_printed() {
    let log = Log::default();
    let kept = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || kept.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let stub = Stub::new(|n, _| match n {
        0 => Reply::text(503, "answer-planted"),
        _ => Reply::json(401, &json!({"error": "invalid_pat", "message": "m", "x": "answer-planted"})),
    })
    .await;
    let airlock = airlock(&stub.url);
    let (host, mut sealed) = (SystemHost::new(), ciphertext());
    sealed.data = "body-planted".into();
    let call = calls::submit(&submission(&sealed), host.now(), &host);
    let error = airlock.call(&call).await.unwrap_err();
    let printed = format!("{error} {error:?} {airlock:?} {call:?} {sealed:?} {:?}", error.advice());
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("sending again") && logged.contains("/v1/artifacts"), "{logged}");
    for text in [&printed, &logged] {
        assert!(!text.contains("planted"), "{text}");
    }
}
