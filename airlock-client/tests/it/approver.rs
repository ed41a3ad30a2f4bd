//! Both sides of the SDK with a gateway of values between them, which lies where the test says so.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlock_client::approvals::{Approvals, BegunPairing, Enforcer, Pairing, RemoteGate, StateFolder};
use airlock_client::approver::{Approver, ApproverFolder, Choice, HashCheck, InvitationError, NotOpened};
use airlock_client::transport::{Request, Response, TransportError};
use airlock_client::{Airlock, ClientConfig, ClientError, FileError};
use airlock_core::approval::{ApprovalGate, Ask, GateError, PairingAnswer};
use airlock_core::crypto::OpenError;
use airlock_core::test_util::FixedHost;
use serde_json::{Value, json};

use crate::scripted::{Scripted, answer};

const CODE: &str = "A3K9X2";
const LONG: Duration = Duration::from_secs(300);

type Lie = Box<dyn Fn(&Request, &mut Value) -> Option<Result<Response, TransportError>> + Send>;

/// The gateway's memory, and what it does instead of its duty.
#[derive(Default)]
struct Memory {
    begun: Value,
    answer: Value,
    artifacts: Vec<Value>,
    decisions: Vec<Value>,
    completions: usize,
    lie: Option<Lie>,
}

struct World {
    memory: Arc<Mutex<Memory>>,
    airlock: Airlock,
    folder: tempfile::TempDir,
}

fn item(artifact: &Value) -> Value {
    let body = &artifact["body"];
    json!({
        "msgId": format!("msg-{}", artifact["requestId"]), "msgType": "approval.request",
        "requestId": artifact["requestId"], "createdAt": artifact["createdAt"], "expiresAt": body["expiresAt"],
        "sender": {"gatewayId": "gw"}, "recipient": {"approverId": "apr_1"},
        "body": {"artifactType": body["artifactType"], "artifactHash": body["artifactHash"],
            "ciphertext": body["ciphertext"], "metadata": {}, "enforcerId": artifact["sender"]["enforcerId"],
            "pairingNonce": "pn-1", "state": "PendingApproval"},
    })
}

fn reply(memory: &mut Memory, request: &Request) -> Value {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    match request.path() {
        "/v1/pairing/initiate" => {
            memory.begun = body;
            json!({"pairingNonce": "pn-1", "pairingCode": CODE, "deviceId": memory.begun["deviceId"]})
        }
        "/v1/pairing/resolve/A3K9X2" => json!({
            "pairingNonce": "pn-1", "deviceId": memory.begun["deviceId"], "state": "Pending",
            "enforcerId": memory.begun["enforcerId"], "x25519PublicKey": memory.begun["x25519PublicKey"],
        }),
        "/v1/pairing/complete" => {
            memory.completions += 1;
            memory.answer = body["responseJson"].clone();
            json!({"status": "completed", "pairingNonce": "pn-1", "routingToken": "rt-1"})
        }
        "/v1/pairing/pn-1/status" => match memory.answer.is_null() {
            true => json!({"pairingNonce": "pn-1", "state": "Pending"}),
            false => {
                json!({"pairingNonce": "pn-1", "state": "Completed", "routingToken": "rt-1", "responseJson": memory.answer})
            }
        },
        "/v1/artifacts" => {
            memory.artifacts.push(body);
            json!({})
        }
        "/v1/approvers/me/inbox" => {
            let items: Vec<Value> = memory.artifacts.iter().map(item).collect();
            json!({"msgType": "inbox.page", "requestId": "q", "body": {"items": items, "nextCursor": null}})
        }
        "/v1/decisions" => {
            memory.decisions.push(body);
            json!({})
        }
        path if path.ends_with("/wait") => {
            let id = path.split('/').nth(3).unwrap_or_default();
            let found = memory.decisions.iter().find(|decision| decision["requestId"] == id);
            found.map_or(Value::Null, |found| {
                json!({"msgId": "m", "msgType": "decision.deliver", "requestId": id, "body": found["body"]})
            })
        }
        _ => json!({}),
    }
}

fn world() -> World {
    let memory = Arc::new(Mutex::new(Memory::default()));
    let held = memory.clone();
    let transport = Scripted::new(move |request| {
        let mut memory = held.lock().unwrap();
        let mut said = reply(&mut memory, request);
        if let Some(instead) = memory.lie.as_ref().and_then(|lie| lie(request, &mut said)) {
            return instead;
        }
        Ok(answer(if said.is_null() { 204 } else { 200 }, &said))
    });
    let config = ClientConfig::new("https://gw.example").unwrap().with_pat("airpat_x");
    let airlock = Airlock::with_parts(config, transport, Arc::new(FixedHost::new()));
    World { memory, airlock, folder: tempfile::tempdir().unwrap() }
}

impl World {
    fn approver(&self) -> Approver {
        let folder = ApproverFolder::open(self.folder.path().join("approver")).unwrap();
        Approver::new(self.airlock.clone(), folder).unwrap()
    }
    fn approvals(&self) -> Approvals {
        self.airlock.approvals(Enforcer::new("enf-1".parse().unwrap()))
    }
    fn gate(&self, pairing: Pairing) -> RemoteGate {
        let folder = StateFolder::open(self.folder.path().join("enforcer")).unwrap();
        RemoteGate::new(self.approvals(), pairing, folder).unwrap()
    }
    async fn begin(&self) -> BegunPairing {
        self.approvals().pair().await.unwrap()
    }
    /// Both sides, paired.
    async fn paired(&self) -> (Approver, RemoteGate) {
        let approver = self.approver();
        let begun = self.begin().await;
        let invitation = approver.resolve(begun.code()).await.unwrap();
        assert_eq!(invitation.enforcer_key(), begun.public_key());
        approver.accept(&invitation).await.unwrap();
        let pairing = begun.completed(&self.approvals()).await.unwrap();
        assert_eq!(pairing.fingerprint(), approver.fingerprint());
        (approver, self.gate(pairing))
    }
    fn lies(
        &self,
        lie: impl Fn(&Request, &mut Value) -> Option<Result<Response, TransportError>> + Send + 'static,
    ) {
        self.memory.lock().unwrap().lie = Some(Box::new(lie));
    }
    /// Changes the items of the inbox on their way.
    fn changes_items(&self, change: impl Fn(&mut Vec<Value>) + Send + 'static) {
        self.lies(move |request, said| {
            if request.path().ends_with("/inbox") {
                change(said["body"]["items"].as_array_mut().unwrap());
            }
            None
        });
    }
}

fn ask(command: &str) -> Ask {
    Ask::new("command-approval".parse().unwrap(), json!({"command": command}))
}

#[tokio::test]
async fn a_yes_goes_from_the_approver_to_the_gate_and_keys_outlive_the_process() {
    let world = world();
    let (approver, gate) = world.paired().await;
    drop(approver);
    let again = ApproverFolder::open(world.folder.path().join("approver")).unwrap();
    let second = ApproverFolder::open(world.folder.path().join("approver"));
    assert_eq!(second.unwrap_err(), FileError::InUse);
    let approver = Approver::new(world.airlock.clone(), again).unwrap();

    let (yes, no) = (gate.submit(ask("ls")).await.unwrap(), gate.submit(ask("rm -rf /")).await.unwrap());
    let inbox = approver.inbox().await.unwrap();
    assert_eq!((inbox.waiting.len(), inbox.unreadable), (2, 0));
    for waiting in &inbox.waiting {
        let opened = approver.open(waiting).unwrap();
        let shown = opened.shown(1_000);
        let choice = match shown.rows[0].to_string().as_str() {
            "command: ls" => Choice::Approve(opened.verified().unwrap()),
            _ => Choice::Reject(waiting),
        };
        approver.decide(choice, Some("read it")).await.unwrap();
        assert!(!format!("{opened:?} {waiting:?}").contains("rm -rf"));
    }
    let believed = gate.wait(&yes, LONG).await.unwrap().unwrap();
    assert_eq!((believed.is_approved(), believed.unverified_reason()), (true, Some("read it")));
    assert!(!gate.wait(&no, LONG).await.unwrap().unwrap().is_approved());
    let sent = world.memory.lock().unwrap().decisions.clone();
    assert_eq!(sent[0]["sender"]["approverId"], "apr_1");
    assert_eq!(sent[0]["msgType"], "decision.submit");
    assert_ne!(sent[0]["body"]["nonce"], sent[1]["body"]["nonce"]);
    assert!(sent[0]["body"].get("decisionHash").is_none());
}

#[tokio::test]
async fn a_substituted_hash_is_seen_and_a_yes_to_it_has_to_be_called_dangerous() {
    let world = world();
    let (approver, gate) = world.paired().await;
    gate.submit(ask("ls")).await.unwrap();
    let harmful = gate.submit(ask("rm -rf /")).await.unwrap();
    // The harmless text over the harmful hash.
    world.changes_items(|items| {
        let sealed = items[0]["body"]["ciphertext"].clone();
        items[1]["body"]["ciphertext"] = sealed;
    });
    let inbox = approver.inbox().await.unwrap();
    let opened = approver.open(&inbox.waiting[1]).unwrap();
    assert_eq!(opened.shown(100).rows[0].to_string(), "command: ls");
    assert_eq!((opened.hash_check(), opened.verified().is_none()), (HashCheck::NotVerifiable, true));
    // Why the door is called what it is called.
    approver.decide(Choice::Approve(opened.dangerous_unverified()), None).await.unwrap();
    assert!(gate.wait(&harmful, LONG).await.unwrap().unwrap().is_approved());
}

#[tokio::test]
async fn what_does_not_open_can_be_rejected_and_the_no_is_believed() {
    let world = world();
    let (approver, gate) = world.paired().await;
    let request = gate.submit(ask("ls")).await.unwrap();
    type Change = fn(&mut Value);
    let changes: [(Change, NotOpened); 7] = [
        (|item| item["body"]["pairingNonce"] = json!("pn-2"), NotOpened::NoKey),
        (|item| item["body"]["pairingNonce"] = Value::Null, NotOpened::NoKey),
        (|item| item["body"]["ciphertext"] = Value::Null, NotOpened::Erased),
        (|item| item["body"]["ciphertext"]["alg"] = json!("none"), NotOpened::Sealed(OpenError::UnknownAlg)),
        (|item| item["body"]["ciphertext"]["data"] = json!("AAAA"), NotOpened::Sealed(OpenError::Tag)),
        (
            |item| item["body"]["ciphertext"]["nonce"] = json!("AAAAAAAAAAAAAAAA"),
            NotOpened::Sealed(OpenError::Tag),
        ),
        (|item| item["body"]["ciphertext"]["tag"] = json!("AA"), NotOpened::Sealed(OpenError::Encoding)),
    ];
    for (change, expected) in changes {
        world.changes_items(move |items| change(&mut items[0]));
        let inbox = approver.inbox().await.unwrap();
        assert_eq!(approver.open(&inbox.waiting[0]).unwrap_err(), expected);
    }
    let inbox = approver.inbox().await.unwrap();
    approver.decide(Choice::Reject(&inbox.waiting[0]), None).await.unwrap();
    assert!(!gate.wait(&request, LONG).await.unwrap().unwrap().is_approved());
}

/// The enforcer's key swapped on its way to the approver: the gateway can read neither side, and nothing works.
#[tokio::test]
async fn a_swapped_key_of_the_enforcer_opens_nothing() {
    let world = world();
    let approver = world.approver();
    let begun = world.begin().await;
    let other = world.begin().await.public_key();
    let swapped = other.clone();
    world.lies(move |request, said| {
        if request.path().contains("/resolve/") {
            said["x25519PublicKey"] = json!(swapped);
        }
        None
    });
    let invitation = approver.resolve("a3k-9x2").await.unwrap();
    assert_eq!(invitation.enforcer_key(), other);
    approver.accept(&invitation).await.unwrap();
    let gate = world.gate(begun.completed(&world.approvals()).await.unwrap());
    gate.submit(ask("secret")).await.unwrap();
    let inbox = approver.inbox().await.unwrap();
    assert_eq!(approver.open(&inbox.waiting[0]).unwrap_err(), NotOpened::Sealed(OpenError::Tag));
}

/// Another approver's answer in place of the person's: it works, and the fingerprint alone tells.
#[tokio::test]
async fn a_swapped_approver_shows_in_the_fingerprint() {
    let (world, others) = (world(), world());
    let approver = world.approver();
    let begun = world.begin().await;
    approver.accept(&approver.resolve(CODE).await.unwrap()).await.unwrap();
    // The gateway pairs itself, with keys of its own and the enforcer's public one. (Another start, another key.)
    others.begin().await;
    others.memory.lock().unwrap().begun = world.memory.lock().unwrap().begun.clone();
    let eve = others.approver();
    eve.accept(&eve.resolve(CODE).await.unwrap()).await.unwrap();
    world.memory.lock().unwrap().answer = others.memory.lock().unwrap().answer.clone();
    let pairing = begun.completed(&world.approvals()).await.unwrap();
    assert_ne!(pairing.fingerprint(), approver.fingerprint());
    assert_eq!(pairing.fingerprint(), eve.fingerprint());
    // A mixture of both answers is refused outright.
    let mut mixed = PairingAnswer::parse(others.memory.lock().unwrap().answer.as_str().unwrap()).unwrap();
    mixed.public_key = approver.with_keys(|keys| keys.public_key().to_base64url());
    world.memory.lock().unwrap().answer = json!(mixed.to_json());
    assert!(matches!(begun.poll(&world.approvals()).await, Err(ClientError::Pairing(_))));
}

/// Holds at every moment at which the process can end: no enforcer is paired with keys that nobody has.
#[tokio::test]
async fn a_pairings_key_is_kept_before_the_enforcer_can_use_it() {
    let world = world();
    let approver = world.approver();
    let kept = |folder: &Path| std::fs::read_to_string(folder.join("approver/approver.json")).unwrap();
    let folder = world.folder.path().to_owned();
    let _begun = world.begin().await;
    let invitation = approver.resolve(CODE).await.unwrap();

    let at = folder.clone();
    world.lies(move |request, _| {
        if request.path() != "/v1/pairing/complete" {
            return None;
        }
        assert!(kept(&at).contains("pn-1"));
        Some(Ok(answer(410, &json!({"error": "expired"}))))
    });
    assert!(matches!(approver.accept(&invitation).await, Err(ClientError::Refused(_))));
    assert!(!kept(&folder).contains("pn-1"), "what was refused is forgotten");

    // Nobody knows whether the answer arrived: the key stays.
    world
        .lies(|request, _| (request.path() == "/v1/pairing/complete").then_some(Err(TransportError::Broken)));
    assert!(approver.accept(&invitation).await.is_err());
    assert!(kept(&folder).contains("pn-1"));
    assert_eq!(world.memory.lock().unwrap().completions, 2);
}

#[tokio::test]
async fn a_code_that_leads_nowhere_says_why() {
    let world = world();
    let approver = world.approver();
    assert!(matches!(approver.resolve("../../x").await, Err(ClientError::Invalid { .. })));
    world.lies(|request, said| {
        if request.path().contains("/resolve/") {
            *said = json!({"pairingNonce": "pn-1", "deviceId": "", "state": "Pending"});
        }
        None
    });
    let refused = approver.resolve(CODE).await.unwrap_err();
    assert!(matches!(refused, ClientError::Invitation(InvitationError::NotClaimed)), "{refused}");
    assert!(matches!(approver.revoke("pn-1").await, Err(ClientError::Invalid { .. })));
}

/// The gateway says of a decided request that it never heard of it, and hands an old yes over for a new one.
#[tokio::test]
async fn an_old_yes_is_not_good_for_a_new_request() {
    let world = world();
    let (approver, gate) = world.paired().await;
    let first = gate.submit(ask("deploy")).await.unwrap();
    let inbox = approver.inbox().await.unwrap();
    let opened = approver.open(&inbox.waiting[0]).unwrap();
    approver.decide(Choice::Approve(opened.verified().unwrap()), None).await.unwrap();
    assert!(gate.wait(&first, LONG).await.unwrap().unwrap().is_approved());
    let second = gate.submit(ask("deploy")).await.unwrap();
    world.memory.lock().unwrap().decisions[0]["requestId"] = json!(second.as_str());
    assert!(matches!(gate.wait(&second, LONG).await, Err(GateError::Disbelieved(_))));
}
