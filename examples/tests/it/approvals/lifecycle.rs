//! What both sides of the Rust SDK do with each other, through the control plane.

use std::time::Duration;

use airlock_client::approver::Choice;
use airlock_client::{Advice, calls};
use airlock_core::approval::{ApprovalGate, Ask, ExchangeState, GateError, Verdict};
use airlock_core::{Code, Coded};
use serde_json::json;

use super::rig::{LONG, Rig, ask};

fn ended(state: ExchangeState) -> impl Fn(&GateError) -> bool {
    move |error| matches!(error, GateError::Ended(found) if *found == state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_says_yes_and_no_and_each_is_believed() {
    let rig = Rig::start().await;
    let pair = rig.pair("agent").await;
    let (yes, no) =
        (pair.gate.submit(ask("ls")).await.unwrap(), pair.gate.submit(ask("rm -rf /")).await.unwrap());
    assert_eq!(rig.state_of(&yes).await, "PendingApproval");
    let waiting = pair.waiting(&no).await.unwrap();
    let opened = pair.approver.open(&waiting).unwrap();
    assert_eq!(opened.shown(100).rows[0].to_string(), "command: rm -rf /");
    let claimed = waiting.claimed();
    assert_eq!((claimed.enforcer.as_str(), claimed.artifact_type.as_str()), ("agent", "command-approval"));
    let metadata: Vec<String> = claimed.metadata.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(metadata, ["workspaceName=acme-shop"], "the routing token goes to nobody");

    pair.answer(&yes, Verdict::Approve).await.unwrap();
    pair.answer(&no, Verdict::Reject).await.unwrap();
    let believed = pair.gate.wait(&yes, LONG).await.unwrap().unwrap();
    assert_eq!((believed.is_approved(), believed.unverified_reason()), (true, Some("read it")));
    assert!(!pair.gate.wait(&no, LONG).await.unwrap().unwrap().is_approved());
    // The gate said thanks.
    assert_eq!((rig.state_of(&yes).await, rig.state_of(&no).await), ("Delivered".into(), "Delivered".into()));
    assert!(pair.waiting(&yes).await.is_none() && pair.waiting(&no).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_wakes_who_waits_and_a_second_one_changes_nothing() {
    let rig = Rig::start().await;
    let pair = rig.pair("agent").await;
    let request = pair.gate.submit(ask("deploy")).await.unwrap();
    let waiting = pair.waiting(&request).await.unwrap();
    let (believed, decided) =
        tokio::join!(pair.gate.wait(&request, LONG), pair.answer(&request, Verdict::Reject));
    decided.unwrap();
    assert!(!believed.unwrap().unwrap().is_approved());
    // The same signature sent again is no news; another one comes too late.
    let opened = pair.approver.open(&waiting).unwrap();
    let late = pair.approver.decide(Choice::Approve(opened.verified().unwrap()), None).await.unwrap_err();
    assert!(late.refusal().unwrap().is_conflict(), "{late}");
    assert_eq!(late.code(), Code::Conflict);
    assert!(!pair.gate.wait(&request, LONG).await.unwrap().unwrap().is_approved());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_nobody_answers_ends_for_both() {
    let rig = Rig::start().await;
    let pair = rig.pair("agent").await;
    let request = pair.gate.submit(Ask { ttl: Some(Duration::from_secs(2)), ..ask("ls") }).await.unwrap();
    let waiting = pair.waiting(&request).await.unwrap();
    let error = pair.gate.wait(&request, LONG).await.unwrap_err();
    assert!(ended(ExchangeState::Expired)(&error), "{error}");
    assert_eq!(error.code(), Code::ApprovalExpired);
    assert_eq!(rig.state_of(&request).await, "Expired");
    assert!(pair.waiting(&request).await.is_none());
    let late = pair.approver.decide(Choice::Reject(&waiting), None).await.unwrap_err();
    assert!(late.refusal().unwrap().is_conflict(), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_taken_back_is_nobodys_to_decide() {
    let rig = Rig::start().await;
    let pair = rig.pair("agent").await;
    let request = pair.gate.submit(ask("ls")).await.unwrap();
    let waiting = pair.waiting(&request).await.unwrap();
    pair.gate.withdraw(&request).await.unwrap();
    assert_eq!(rig.state_of(&request).await, "Withdrawn");
    assert!(pair.waiting(&request).await.is_none());
    let late = pair.approver.decide(Choice::Reject(&waiting), None).await.unwrap_err();
    assert!(late.refusal().unwrap().is_conflict(), "{late}");
    assert!(matches!(pair.gate.wait(&request, LONG).await, Err(GateError::UnknownRequest)));

    // Whoever waits elsewhere is woken.
    let second = pair.gate.submit(ask("ls again")).await.unwrap();
    let waiting = pair.gate.wait(&second, LONG);
    let taking = async { rig.airlock().call(&calls::withdraw(second.as_str())).await };
    let (waited, taken) = tokio::join!(waiting, taking);
    taken.unwrap();
    assert!(ended(ExchangeState::Withdrawn)(&waited.unwrap_err()));

    // What was decided stays decided.
    let third = pair.gate.submit(ask("ls once more")).await.unwrap();
    pair.answer(&third, Verdict::Approve).await.unwrap();
    assert!(ended(ExchangeState::Decided)(&pair.gate.withdraw(&third).await.unwrap_err()));
    assert!(pair.gate.wait(&third, LONG).await.unwrap().unwrap().is_approved());
}

#[tokio::test(flavor = "multi_thread")]
async fn either_side_ends_a_pairing_and_what_waits_is_cancelled() {
    let rig = Rig::start().await;
    for (name, by_approver) in [("one", true), ("other", false)] {
        let pair = rig.pair(name).await;
        let request = pair.gate.submit(ask("ls")).await.unwrap();
        match by_approver {
            true => {
                let nonce = pair.approver.with_keys(|keys| keys.pairings().next().unwrap().0.to_owned());
                pair.approver.revoke(&nonce).await.unwrap();
                assert!(pair.approver.with_keys(|keys| keys.pairing(&nonce).is_none()));
            }
            false => pair.gate.pairing().revoke(pair.gate.approvals()).await.unwrap(),
        }
        let error = pair.gate.wait(&request, LONG).await.unwrap_err();
        assert!(ended(ExchangeState::Cancelled)(&error), "{error}");
        let refused = pair.gate.submit(ask("ls")).await.unwrap_err();
        assert_eq!(refused.code(), Code::PairingRevoked, "{refused}");
        // A second time is the same.
        pair.gate.pairing().revoke(pair.gate.approvals()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approver_makes_a_code_and_an_enforcer_takes_it_up() {
    let rig = Rig::start().await;
    let (approvals, approver) = (rig.approvals("agent"), rig.approver("agent"));
    let made = approver.pre_generate(Some("laptop")).await.unwrap();
    let early = approver.resolve(&made.pairing_code).await.unwrap_err();
    assert_eq!(early.code(), Code::InvalidArguments, "{early}");
    let begun = approvals.claim(&made.pairing_code.to_lowercase()).await.unwrap();
    let taken = approvals.claim(&made.pairing_code).await.unwrap_err();
    assert_eq!(taken.word(), Some("already_claimed"), "{taken}");
    let invitation = approver.resolve(&made.pairing_code).await.unwrap();
    assert_eq!(invitation.enforcer_key(), begun.public_key());
    approver.accept(&invitation).await.unwrap();
    let gate = rig.gate("agent", begun).await;
    assert_eq!(gate.pairing().fingerprint(), approver.fingerprint());
    let request = gate.submit(ask("ls")).await.unwrap();
    let inbox = approver.inbox().await.unwrap();
    let opened = approver.open(&inbox.waiting[0]).unwrap();
    approver.decide(Choice::Approve(opened.verified().unwrap()), None).await.unwrap();
    assert!(gate.wait(&request, LONG).await.unwrap().unwrap().is_approved());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_that_the_approver_refuses_is_none() {
    let rig = Rig::start().await;
    let (approvals, approver) = (rig.approvals("agent"), rig.approver("agent"));
    let begun = approvals.pair().await.unwrap();
    let invitation = approver.resolve(begun.code()).await.unwrap();
    approver.refuse(&invitation).await.unwrap();
    let error = begun.completed(&approvals).await.unwrap_err();
    assert_eq!(error.code(), Code::PairingRevoked, "{error}");
    assert!(approver.accept(&invitation).await.is_err());
    assert_eq!(approver.with_keys(|keys| keys.pairings().count()), 0, "no key of a pairing that never was");
}

/// A gate that was dropped with its process; another one over the same folder goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_enforcer_that_was_started_again_finds_its_answer() {
    let rig = Rig::start().await;
    let pair = rig.pair("agent").await;
    let request = pair.gate.submit(ask("ls")).await.unwrap();
    let (pairing, approver) = (pair.gate.pairing().clone(), pair.approver);
    drop(pair.gate);
    let gate =
        airlock_client::approvals::RemoteGate::new(rig.approvals("agent"), pairing, rig.state("agent"))
            .unwrap();
    assert_eq!(gate.open_requests(), std::slice::from_ref(&request));
    let inbox = approver.inbox().await.unwrap();
    let opened = approver.open(&inbox.waiting[0]).unwrap();
    approver.decide(Choice::Approve(opened.verified().unwrap()), None).await.unwrap();
    assert!(gate.wait(&request, LONG).await.unwrap().unwrap().is_approved());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_none_is_told_what_to_do() {
    let rig = Rig::start().await;
    let config = airlock_client::ClientConfig::new(&rig.stack.url).unwrap().with_pat("airpat_none");
    let stranger = airlock_client::Airlock::new(config).unwrap();
    let error = stranger.call(&calls::consent()).await.unwrap_err();
    let Advice { what, .. } = error.advice();
    assert_eq!((error.code(), error.word()), (Code::Unauthorized, Some("invalid_pat")), "{error}");
    assert!(what.contains("make another"), "{what}");
    let (status, told) = rig.post("/v1/artifacts", &json!({})).await;
    assert_eq!((status, &told["error"]), (400, &json!("bad_request")));
}
