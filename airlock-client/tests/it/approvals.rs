//! The gate against a gateway of values that hides, forges, replays and breaks; the test plays the approver with its own keys.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlock_client::approvals::{
    Approvals, Choice, Enforcer, Pairing, PairingFailure, RemoteGate, STANDING_CACHED_FOR, StateFolder,
};
use airlock_client::transport::{Request, Response, TransportError};
use airlock_client::{Airlock, ClientConfig, ClientError, FileError};
use airlock_core::approval::{
    ApprovalGate, Ask, Decision, DecisionNonce, Disbelief, ExchangeState, GateError, Metadata, PairingAnswer,
    Verdict, dnd, sign_decision, signer_key_id,
};
use airlock_core::crypto::{AgreementKey, AgreementPublicKey, Ciphertext, PrivateKey, sha256};
use airlock_core::test_util::FixedHost;
use airlock_core::{Code, Coded, Host};
use serde_json::{Value, json};

use crate::scripted::{Scripted, answer};

const NONCE: &str = "pairing-nonce";
const LONG: Duration = Duration::from_secs(300);

/// The person's approver: its keys never leave it.
struct Approver {
    signing: PrivateKey,
    agreement: AgreementKey,
    enforcer: Mutex<Option<AgreementPublicKey>>,
}

impl Approver {
    fn new(host: &dyn Host) -> Self {
        Self {
            signing: PrivateKey::generate(host),
            agreement: AgreementKey::generate(host),
            enforcer: Mutex::default(),
        }
    }
    fn pair(&self, host: &dyn Host) -> PairingAnswer {
        PairingAnswer::sign(&self.signing, self.agreement.public(), NONCE, host.now(), None).unwrap()
    }
    fn open(&self, artifact: &Value) -> Vec<u8> {
        let key = self.agreement.agree(&self.enforcer.lock().unwrap().unwrap()).unwrap();
        let sealed: Ciphertext = serde_json::from_value(artifact["body"]["ciphertext"].clone()).unwrap();
        key.open(&sealed).unwrap().to_vec()
    }
    fn decide(&self, artifact: &Value, verdict: Verdict, host: &dyn Host) -> Decision {
        let hash = artifact["body"]["artifactHash"].as_str().unwrap().parse().unwrap();
        let (id, nonce) = (signer_key_id(self.signing.public()), DecisionNonce::random(host));
        sign_decision(&self.signing, &id, &hash, verdict, &nonce, Some("because"))
    }
}

type Waited = Result<Response, TransportError>;

/// The gateway's side: what it holds, and what it says to those who wait.
struct World {
    host: Arc<FixedHost>,
    approver: Arc<Approver>,
    transport: Arc<Scripted>,
    artifacts: Arc<Mutex<Vec<Value>>>,
    waiting: Arc<Mutex<Box<dyn FnMut() -> Waited + Send>>>,
    policies: Arc<Mutex<Vec<Value>>>,
    answer: Arc<Mutex<Option<String>>>,
    folder: tempfile::TempDir,
}

fn world() -> World {
    let host = Arc::new(FixedHost::new());
    let approver = Arc::new(Approver::new(&*host));
    let artifacts = Arc::new(Mutex::new(Vec::new()));
    let waiting: Arc<Mutex<Box<dyn FnMut() -> Waited + Send>>> =
        Arc::new(Mutex::new(Box::new(|| Ok(answer(204, &Value::Null)))));
    let policies = Arc::new(Mutex::new(Vec::new()));
    let given = Arc::new(Mutex::new(None));
    let parts =
        (host.clone(), approver.clone(), artifacts.clone(), waiting.clone(), policies.clone(), given.clone());
    let transport = Scripted::new(move |request: &Request| {
        let (host, approver, artifacts, waiting, policies, given) = &parts;
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        Ok(match request.path() {
            "/v1/pairing/initiate" => {
                let key = body["x25519PublicKey"].as_str().unwrap();
                *approver.enforcer.lock().unwrap() = Some(AgreementPublicKey::parse(key).unwrap());
                answer(
                    201,
                    &json!({"pairingNonce": NONCE, "pairingCode": "A3K9X2", "deviceId": body["deviceId"]}),
                )
            }
            "/v1/pairing/pairing-nonce/status" => {
                let own = given.lock().unwrap().clone();
                let response = own.unwrap_or_else(|| approver.pair(&**host).to_json());
                answer(
                    200,
                    &json!({"pairingNonce": NONCE, "state": "Completed", "routingToken": "rt-planted", "responseJson": response}),
                )
            }
            "/v1/artifacts" => {
                artifacts.lock().unwrap().push(body);
                answer(202, &json!({}))
            }
            "/v1/policy/dnd/effective" => {
                let body = Value::from(policies.lock().unwrap().clone());
                answer(200, &json!({"msgType": "dnd.policy.effective", "requestId": "q", "body": body}))
            }
            path if path.ends_with("/wait") => return (waiting.lock().unwrap())(),
            _ => answer(200, &json!({})),
        })
    });
    let folder = tempfile::tempdir().unwrap();
    World { host, approver, transport, artifacts, waiting, policies, answer: given, folder }
}

impl World {
    fn approvals(&self) -> Approvals {
        let config = ClientConfig::new("https://gw.example").unwrap().with_pat("airpat_planted");
        let airlock = Airlock::with_parts(config, self.transport.clone(), self.host.clone());
        airlock.approvals(Enforcer::new("enf-1".parse().unwrap()).with_workspace("my-project"))
    }
    async fn pair(&self) -> Result<Pairing, ClientError> {
        let approvals = self.approvals();
        let begun = approvals.pair().await?;
        assert_eq!(begun.code(), "A3K9X2");
        begun.completed(&approvals).await
    }
    /// A gate as it is after a start of the program.
    async fn gate(&self) -> RemoteGate {
        let folder = StateFolder::open(self.folder.path().join("state")).unwrap();
        let pairing = match folder.pairing().unwrap() {
            Some(pairing) => pairing,
            None => {
                let pairing = self.pair().await.unwrap();
                folder.keep_pairing(&pairing).unwrap();
                pairing
            }
        };
        RemoteGate::new(self.approvals(), pairing, folder).unwrap()
    }
    fn says(&self, waited: impl FnMut() -> Waited + Send + 'static) {
        *self.waiting.lock().unwrap() = Box::new(waited);
    }
    fn hands_over(&self, decision: &Decision) {
        let body = serde_json::to_value(decision).unwrap();
        self.hands_over_body(body);
    }
    fn hands_over_body(&self, body: Value) {
        let envelope = json!({"msgId": "m-1", "msgType": "decision.deliver", "requestId": "r", "body": body});
        self.says(move || Ok(answer(200, &envelope)));
    }
    fn artifact(&self) -> Value {
        self.artifacts.lock().unwrap().last().unwrap().clone()
    }
    fn decides(&self, verdict: Verdict) {
        self.hands_over(&self.approver.decide(&self.artifact(), verdict, &*self.host));
    }
    fn sent_to(&self, path: &str) -> usize {
        self.transport.sent().iter().filter(|request| request.path() == path).count()
    }
}

fn ask(command: &str) -> Ask {
    Ask::new("command-approval".parse().unwrap(), json!({"command": command, "at": 1.0}))
}

#[tokio::test]
async fn the_person_is_asked_sees_the_payload_and_is_believed() {
    let world = world();
    let gate = world.gate().await;
    assert_eq!(gate.pairing().fingerprint(), world.approver.signing.public().human_fingerprint());
    let mut ask = ask("rm -rf planted");
    let clear = [("repoName", "shop"), ("routingToken", "rt-of-somebody-else"), ("workspaceName", "")];
    let clear = clear.map(|(key, value)| (key.to_owned(), value.to_owned()));
    ask.metadata = Metadata::new(clear.into()).unwrap();
    let request = gate.submit(ask).await.unwrap();
    let artifact = world.artifact();
    assert_eq!(artifact["requestId"], request.as_str());
    assert_eq!(artifact["sender"]["enforcerId"], "enf-1");
    let opened = world.approver.open(&artifact);
    assert_eq!(opened, br#"{"at":1,"command":"rm -rf planted"}"#);
    let hash: String = sha256(&[&opened]).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(artifact["body"]["artifactHash"], hash.as_str());
    // Where it goes is the pairing's to say.
    assert_eq!(
        artifact["body"]["metadata"],
        json!({"repoName": "shop", "workspaceName": "", "routingToken": "rt-planted"})
    );
    assert_eq!(gate.open_requests(), std::slice::from_ref(&request));

    world.decides(Verdict::Approve);
    let believed = gate.wait(&request, LONG).await.unwrap().unwrap();
    assert!(believed.is_approved());
    assert_eq!(believed.unverified_reason(), Some("because"));
    assert_eq!(world.sent_to("/v1/acks"), 1);
    assert!(gate.open_requests().is_empty());
    let sent = world.transport.sent();
    assert!(sent.iter().all(|request| !String::from_utf8_lossy(&request.body).contains("rm -rf")));
    let printed = format!("{gate:?} {:?} {sent:?}", gate.pairing());
    assert!(!printed.contains("planted"), "{printed}");
}

#[tokio::test]
async fn an_answer_survives_a_restart_and_the_gateway() {
    let world = world();
    let gate = world.gate().await;
    let request = gate.submit(ask("a")).await.unwrap();
    assert!(gate.wait(&request, Duration::ZERO).await.unwrap().is_none());
    drop(gate);

    // Killed while it waited: the next run finds the request and its decision.
    let gate = world.gate().await;
    assert_eq!(gate.open_requests(), std::slice::from_ref(&request));
    world.decides(Verdict::Reject);
    let first = gate.wait(&request, LONG).await.unwrap().unwrap();
    assert!(!first.is_approved());
    drop(gate);

    // Killed after the decision was believed, before anything was done: the same answer, from the file, verified again.
    world.says(|| Err(TransportError::Connect));
    let gate = world.gate().await;
    assert_eq!(gate.wait(&request, LONG).await.unwrap().unwrap(), first);
    drop(gate);

    // A journal that was lost with the crash does not make the old decision good for another request.
    std::fs::remove_file(world.folder.path().join("state/nonces")).unwrap();
    let gate = world.gate().await;
    let second = gate.submit(ask("a")).await.unwrap();
    let old = kept_decision(world.folder.path(), request.as_str());
    world.hands_over(&old);
    let error = gate.wait(&second, LONG).await.unwrap_err();
    assert!(matches!(error, GateError::Disbelieved(Disbelief::Replayed)), "{error:?}");
}

fn kept_decision(folder: &Path, request: &str) -> Decision {
    let kept: Value =
        serde_json::from_slice(&std::fs::read(folder.join("state/requests.json")).unwrap()).unwrap();
    serde_json::from_value(kept[request]["answer"]["decision"].clone()).unwrap()
}

#[tokio::test]
async fn whoever_changes_the_file_is_not_believed() {
    let world = world();
    let gate = world.gate().await;
    let request = gate.submit(ask("a")).await.unwrap();
    world.decides(Verdict::Reject);
    gate.wait(&request, LONG).await.unwrap();
    drop(gate);
    let path = world.folder.path().join("state/requests.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"reject\"", "\"approve\"")).unwrap();
    let error = world.gate().await.wait(&request, LONG).await.unwrap_err();
    assert!(matches!(error, GateError::Disbelieved(Disbelief::BadSignature)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_loses_nothing_and_a_gateway_that_is_away_is_waited_for() {
    let world = world();
    let gate = world.gate().await;
    let request = gate.submit(ask("a")).await.unwrap();
    world.says(|| Err(TransportError::Broken));
    let begun = tokio::time::Instant::now();
    assert!(tokio::time::timeout(Duration::from_secs(20), gate.wait(&request, LONG)).await.is_err());
    assert_eq!(begun.elapsed().as_secs(), 20);

    let decision = world.approver.decide(&world.artifact(), Verdict::Approve, &*world.host);
    let envelope = json!({"msgId": "m-1", "msgType": "decision.deliver", "requestId": "r", "body": decision});
    let mut asked = 0;
    world.says(move || {
        asked += 1;
        match asked {
            1 => Err(TransportError::Connect),
            2 => Ok(answer(503, &Value::Null)),
            3 => Ok(answer(204, &Value::Null)),
            _ => Ok(answer(200, &envelope)),
        }
    });
    assert!(gate.wait(&request, LONG).await.unwrap().unwrap().is_approved());

    // Away until the time is over: that is no answer, and says so.
    let other = gate.submit(ask("b")).await.unwrap();
    world.says(|| Err(TransportError::Connect));
    let error = gate.wait(&other, Duration::from_secs(30)).await.unwrap_err();
    assert_eq!(error.code(), Code::GatewayUnavailable);
    // Nothing yet until the time is over.
    world.says(|| Ok(answer(204, &Value::Null)));
    let begun = tokio::time::Instant::now();
    let gone = gate.wait(&other, Duration::from_millis(1)).await.unwrap();
    assert!(gone.is_none() && begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn what_the_approver_did_not_sign_is_not_believed() {
    let stranger = PrivateKey::generate(&FixedHost::seeded(9));
    type Change = Box<dyn Fn(&mut Value)>;
    let cases: Vec<(Change, Disbelief)> = vec![
        (Box::new(|d| d["artifactHash"] = "0".repeat(64).into()), Disbelief::HashMismatch),
        (Box::new(|d| d["decision"] = "approve".into()), Disbelief::BadSignature),
        (Box::new(|d| d["decision"] = "Approve".into()), Disbelief::UnknownVerdict),
        (Box::new(|d| d["decision"] = "allow".into()), Disbelief::UnknownVerdict),
        (Box::new(|d| d["signerKeyId"] = Value::Null), Disbelief::UnknownSigner),
        (Box::new(|d| d["signerKeyId"] = "key-other".into()), Disbelief::UnknownSigner),
        (Box::new(|d| d["signature"] = Value::Null), Disbelief::Unsigned),
        (Box::new(|d| d["nonce"] = Value::Null), Disbelief::Unsigned),
        (Box::new(|d| d["nonce"] = "another".into()), Disbelief::BadSignature),
        (
            Box::new(move |d| {
                let hash = d["artifactHash"].as_str().unwrap().parse().unwrap();
                let (id, nonce) = (d["signerKeyId"].as_str().unwrap().to_owned(), "n".parse().unwrap());
                let forged = sign_decision(&stranger, &id, &hash, Verdict::Approve, &nonce, None);
                *d = serde_json::to_value(forged).unwrap();
            }),
            Disbelief::BadSignature,
        ),
    ];
    for (change, expected) in cases {
        let world = world();
        let gate = world.gate().await;
        let request = gate.submit(ask("a")).await.unwrap();
        let decision = world.approver.decide(&world.artifact(), Verdict::Reject, &*world.host);
        let mut body = serde_json::to_value(decision).unwrap();
        change(&mut body);
        world.hands_over_body(body);
        let error = gate.wait(&request, LONG).await.unwrap_err();
        assert!(
            matches!(error, GateError::Disbelieved(found) if found == expected),
            "{expected:?}: {error:?}"
        );
        assert_eq!(error.code(), Code::DecisionNotBelieved);
        // Nothing was used up: the person's own decision is still believed.
        world.decides(Verdict::Reject);
        assert!(!gate.wait(&request, LONG).await.unwrap().unwrap().is_approved());
    }
}

#[tokio::test]
async fn a_decision_is_good_for_one_request_and_in_time() {
    let world = world();
    let gate = world.gate().await;
    let first = gate.submit(ask("same")).await.unwrap();
    world.decides(Verdict::Approve);
    gate.wait(&first, LONG).await.unwrap();
    let second = gate.submit(ask("same")).await.unwrap();
    let error = gate.wait(&second, LONG).await.unwrap_err();
    assert!(matches!(error, GateError::Disbelieved(Disbelief::Replayed)), "{error:?}");

    let third = gate.submit(Ask { ttl: Some(Duration::from_secs(60)), ..ask("late") }).await.unwrap();
    world.decides(Verdict::Approve);
    world.host.advance(Duration::from_secs(60 + 61));
    let error = gate.wait(&third, LONG).await.unwrap_err();
    assert!(matches!(error, GateError::Ended(ExchangeState::Expired)), "{error:?}");
}

#[tokio::test]
async fn a_request_that_is_over_says_how() {
    for (status, code, expected) in [
        (404, "expired", "approval_expired"),
        (404, "withdrawn", "approval_ended"),
        (404, "cancelled", "approval_ended"),
        (404, "NotFound", "not_found"),
        (401, "unauthorized", "unauthorized"),
        (403, "pairing_revoked", "pairing_revoked"),
    ] {
        let world = world();
        let gate = world.gate().await;
        let request = gate.submit(ask("a")).await.unwrap();
        let body = json!({"error": code, "body": {"code": code}});
        world.says(move || Ok(answer(status, &body)));
        let error = gate.wait(&request, LONG).await.unwrap_err();
        assert_eq!(error.code().as_str(), expected, "{error:?}");
    }
    let world = world();
    let gate = world.gate().await;
    let unknown = "req-unknown".parse().unwrap();
    assert!(matches!(gate.wait(&unknown, LONG).await, Err(GateError::UnknownRequest)));
    let request = gate.submit(ask("a")).await.unwrap();
    gate.withdraw(&request).await.unwrap();
    assert_eq!(world.sent_to(&format!("/v1/exchanges/{request}/withdraw")), 1);
    assert!(matches!(gate.withdraw(&request).await, Err(GateError::UnknownRequest)));
}

#[tokio::test]
async fn a_pairing_is_taken_of_an_approver_that_signed_its_keys() {
    type Change = fn(&World, &mut PairingAnswer);
    let cases: Vec<(Change, &str)> = vec![
        (|_, answer| answer.pairing_nonce = "other".into(), "another session"),
        (
            // The gateway in the middle: its own key for sealing, the approver's signature.
            |_, answer| {
                let own = AgreementKey::generate(&FixedHost::seeded(7)).public();
                answer.x25519_public_key = Some(own.to_base64url());
            },
            "signature",
        ),
        (|_, answer| answer.signature.clear(), "signature"),
        (
            // The older form, which leaves the key for sealing unsigned.
            |world, answer| {
                let text = format!(
                    "{}|{}|{}|{}",
                    answer.signer_key_id, answer.public_key, answer.pairing_nonce, answer.timestamp
                );
                answer.signature =
                    airlock_core::crypto::b64url(&world.approver.signing.sign(&[text.as_bytes()]));
            },
            "signed key",
        ),
    ];
    for (change, why) in cases {
        let world = world();
        let mut answer = world.approver.pair(&*world.host);
        change(&world, &mut answer);
        *world.answer.lock().unwrap() = Some(answer.to_json());
        let error = world.pair().await.unwrap_err();
        assert!(matches!(error, ClientError::Pairing(_)) && error.to_string().contains(why), "{error}");
    }
    let world = world();
    *world.answer.lock().unwrap() = Some("not json".into());
    let error = world.pair().await.unwrap_err();
    assert!(matches!(error, ClientError::Pairing(PairingFailure::Answer(_))), "{error:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_state_folder_is_for_one_process_and_one_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world();
    let gate = world.gate().await;
    let folder = world.folder.path().join("state");
    assert_eq!(StateFolder::open(&folder).unwrap_err(), FileError::InUse);
    drop(gate);
    let pairing = folder.join("pairing.json");
    assert_eq!(std::fs::metadata(&pairing).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    std::fs::set_permissions(&pairing, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(StateFolder::open(&folder).unwrap().pairing().unwrap_err(), FileError::Open);
}

fn policy(world: &World, mode: &str, sign: bool) -> Value {
    let until = world.host.now().after(Duration::from_secs(3600)).to_string();
    let mut policy = json!({
        "requestId": "dnd-1", "objectType": "airlock.dnd.action", "workspaceId": "my-project", "enforcerId": "enf-1",
        "policyMode": mode, "actionSelector": {"argvPrefix": ["git status"]}, "expiresAt": until,
        "signerKeyId": signer_key_id(world.approver.signing.public()), "nonce": "n-1",
    });
    if sign {
        dnd::sign(&world.approver.signing, policy.as_object_mut().unwrap()).unwrap();
    }
    policy
}

#[tokio::test]
async fn a_standing_yes_is_believed_signed_and_a_standing_no_of_anybody() {
    for (mode, sign, expected) in [
        ("approve_all", true, Some(Verdict::Approve)),
        ("approve_all", false, None),
        ("deny_all", true, Some(Verdict::Reject)),
        ("deny_all", false, Some(Verdict::Reject)),
    ] {
        let world = world();
        *world.policies.lock().unwrap() = vec![json!({"odd": 1}), policy(&world, mode, sign)];
        let gate = world.gate().await;
        let standing = gate.standing(&ask("git status --short")).await;
        assert_eq!(standing.map(|standing| standing.verdict), expected, "{mode} {sign}");
        assert!(gate.standing(&ask("git push")).await.is_none());
        // Looked up once in a while only.
        assert_eq!(world.sent_to("/v1/policy/dnd/effective"), 1);
        world.host.advance(STANDING_CACHED_FOR);
        gate.standing(&ask("git push")).await;
        assert_eq!(world.sent_to("/v1/policy/dnd/effective"), 2);
    }
}

#[tokio::test]
async fn a_standing_decision_is_acted_on_and_reported_and_else_a_person_is_asked() {
    let world = world();
    *world.policies.lock().unwrap() = vec![policy(&world, "approve_all", true)];
    let gate = world.gate().await;
    let choice = gate.decide(ask("git status"), LONG).await.unwrap().unwrap();
    assert!(choice.is_approved() && matches!(choice, Choice::Standing(_)));
    let metadata = world.artifact()["body"]["metadata"].clone();
    assert_eq!((&metadata["dndAudit"], &metadata["dndDecision"]), (&json!("true"), &json!("approve")));
    assert_eq!(world.approver.open(&world.artifact()), br#"{"at":1,"command":"git status"}"#);
    assert!(gate.open_requests().is_empty(), "nobody waits for a report");

    assert!(gate.decide(ask("git push"), Duration::ZERO).await.unwrap().is_none());
    assert!(world.artifact()["body"]["metadata"].get("dndAudit").is_none());
    let request = gate.open_requests().pop().unwrap();
    world.decides(Verdict::Approve);
    assert!(gate.wait(&request, LONG).await.unwrap().unwrap().is_approved());
}

#[tokio::test]
async fn a_request_that_was_not_taken_is_not_kept() {
    let world = world();
    let gate = world.gate().await;
    drop(gate);
    let refusing = Scripted::new(|request| match request.path() {
        "/v1/artifacts" => {
            Ok(answer(422, &json!({"error": "no_approver", "message": "No approver available."})))
        }
        _ => Ok(answer(200, &json!({}))),
    });
    let config = ClientConfig::new("https://gw.example").unwrap();
    let airlock = Airlock::with_parts(config, refusing, world.host.clone());
    let approvals = airlock.approvals(Enforcer::new("enf-1".parse().unwrap()));
    let folder = StateFolder::open(world.folder.path().join("state")).unwrap();
    let pairing = folder.pairing().unwrap().unwrap();
    let gate = RemoteGate::new(approvals, pairing, folder).unwrap();
    let error = gate.submit(ask("a")).await.unwrap_err();
    assert_eq!(error.code(), Code::NoApprover);
    let GateError::Refused(told) = &error else { panic!("{error:?}") };
    assert!(told.hint.as_deref().unwrap().starts_with("Pair again"));
    assert!(gate.open_requests().is_empty());
}
