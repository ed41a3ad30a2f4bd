//! Each thing that is done, from its first call to what came of it: the calls of an enforcer's life, one after the other.

use std::sync::Arc;
use std::time::Duration;

use airlock_client::approvals::{Approvals, BegunPairing, Pairing, RemoteGate};
use airlock_client::auth::{BrowserGrant, DeviceGrant, FileTokenStore, Session};
use airlock_client::{Airlock, ClientError};
use airlock_core::Timestamp;
use airlock_core::approval::presence::HEARTBEAT_EVERY;
use airlock_core::approval::{ApprovalGate as _, Ask, GateError, RequestId};
use tokio::sync::mpsc;

use crate::model::{Msg, Way};
use crate::trouble::{Kind, Trouble};

/// Longer than any request lives.
const WAIT: Duration = Duration::from_secs(25 * 3_600);
/// Between two looks whether the person allowed this app.
const CONSENT_EVERY: Duration = Duration::from_secs(5);

/// What a task brings back.
pub(crate) enum Done {
    Said(Msg),
    Connected(Airlock, bool),
    SignedIn(Airlock),
    Answered(Pairing),
    Over,
}

pub(crate) type Outcome = Result<Done, Trouble>;

pub(crate) async fn sign_in(
    airlock: Airlock,
    store: Arc<FileTokenStore>,
    way: Way,
    tell: mpsc::Sender<Msg>,
) -> Result<Airlock, ClientError> {
    let idp = airlock.identity_provider().await?;
    let tokens = match way {
        Way::Code => {
            let mut grant = DeviceGrant::begin(&idp).await?;
            let (uri, code) = (grant.verification_uri.clone(), grant.user_code.clone());
            let _ = tell.send(Msg::DeviceCode { uri, code }).await;
            grant.finish(&idp).await?
        }
        Way::Browser => {
            // Any free port.
            BrowserGrant::run(&idp, 0, |url| drop(tell.try_send(Msg::BrowserUrl(url.to_string())))).await?
        }
    };
    Ok(airlock.signed_in(Arc::new(Session::begin(idp, store, tokens)?)))
}

/// Asks until the person said something about this app.
pub(crate) async fn consent(approvals: Approvals, tell: mpsc::Sender<Msg>) -> Outcome {
    let mut is_told = false;
    loop {
        match approvals.check_consent().await {
            Ok(()) => return Ok(Done::Said(Msg::Allowed)),
            Err(error) if error.refusal().is_some_and(|refusal| refusal.needs_consent()) => {
                if !is_told {
                    let _ = tell.send(Msg::Failed(error.into())).await;
                }
                is_told = true;
                tokio::time::sleep(CONSENT_EVERY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

pub(crate) async fn answered(begun: BegunPairing, approvals: Approvals, tell: mpsc::Sender<Msg>) -> Outcome {
    let (code, own_key, expires_at) = (begun.code().to_owned(), begun.public_key(), begun.expires_at());
    let _ = tell.send(Msg::PairingBegun { code, own_key, expires_at }).await;
    Ok(Done::Answered(begun.completed(&approvals).await?))
}

pub(crate) async fn revoke(pairing: Pairing, approvals: Approvals) -> Outcome {
    pairing.revoke(&approvals).await?;
    Ok(Done::Said(Msg::Unpaired))
}

pub(crate) async fn beat(approvals: Approvals, tell: mpsc::Sender<Msg>) -> Done {
    while tell.send(Msg::Beat(approvals.heartbeat().await.map_err(Trouble::from))).await.is_ok() {
        tokio::time::sleep(HEARTBEAT_EVERY).await;
    }
    Done::Over
}

/// What was decided in advance holds; else the person is asked.
pub(crate) async fn ask_and_wait(
    gate: Arc<RemoteGate>,
    local: u64,
    ask: Ask,
    now: Timestamp,
    tell: mpsc::Sender<Msg>,
) -> Done {
    if let Some(standing) = gate.standing(&ask).await {
        gate.report(&ask, &standing).await;
        return Done::Said(Msg::Standing { local, verdict: standing.verdict });
    }
    let until = now.after(ask.ttl.unwrap_or_default());
    match gate.submit(ask).await {
        Ok(request) => {
            let _ = tell.send(Msg::Submitted { local, request: request.clone(), until }).await;
            Done::Said(wait(&gate, request, &tell).await)
        }
        Err(error) => Done::Said(Msg::NotSubmitted { local, trouble: error.into() }),
    }
}

/// Waits for the decision. Only what was verified comes out as one.
pub(crate) async fn wait(gate: &RemoteGate, request: RequestId, tell: &mpsc::Sender<Msg>) -> Msg {
    loop {
        match gate.wait(&request, WAIT).await {
            Ok(Some(believed)) => {
                let reason = believed.unverified_reason().map(str::to_owned);
                return Msg::Decided { request, verdict: believed.verdict(), reason };
            }
            Ok(None) => {}
            // Nobody is signed in, or the gateway is away for long: the request goes on, and so does the waiting.
            Err(GateError::Refused(told)) => {
                let trouble = Trouble::from(GateError::Refused(told));
                if trouble.kind != Kind::Plain {
                    return Msg::Failed(trouble);
                }
                let _ = tell.send(Msg::Beat(Err(trouble))).await;
                tokio::time::sleep(HEARTBEAT_EVERY).await;
            }
            Err(error) => return Msg::Ended { request, trouble: error.into() },
        }
    }
}
