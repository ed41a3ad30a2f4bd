//! An enforcer and an approver with real keys, each with a person's token.

use airlock_core::approval::{
    ArtifactHash, DecisionNonce, PairingAnswer, Verdict, sign_decision, signer_key_id,
};
use airlock_core::crypto::{AgreementKey, PrivateKey, artifact_hash, canonical_payload};
use airlock_core::runtime::SystemHost;
use airlock_core::{Host as _, Timestamp};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::apps_people::{Person, person};
use crate::harness::{Answer, Cp, TestStore};

/// Status and code.
#[track_caller]
pub(super) fn verdict(answer: &Answer) -> (u16, &str) {
    let code = answer.body["error"].as_str().unwrap_or_default();
    if !code.is_empty() && answer.body.get("body").is_some() {
        assert_eq!(answer.body["body"]["code"], code, "{:?}", answer.body);
        assert_eq!(answer.body["body"]["message"], answer.body["message"]);
    }
    assert!(
        !answer.body.to_string().contains(":null") || answer.body["msgType"] == "inbox.page",
        "{:?}",
        answer.body
    );
    (answer.status.as_u16(), code)
}

#[track_caller]
pub(super) fn ok(answer: Answer, status: u16) -> Value {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    verdict(&answer);
    answer.body
}

/// One who asks the gateway, with a personal access token.
pub(super) struct Side<'a> {
    pub(super) cp: &'a Cp,
    pub(super) person: Person,
    pub(super) pat: String,
    pub(super) app: Option<(String, String)>,
}

impl<'a> Side<'a> {
    pub(super) async fn new(cp: &'a Cp, test: &TestStore, org: &str, role: &str) -> Self {
        let person = person(test, org, role).await;
        let (pat, _) = cp.pat(&person).await;
        Self { cp, person, pat, app: None }
    }
    /// The same person at another control plane over the same store.
    pub(super) fn at<'b>(&self, cp: &'b Cp) -> Side<'b> {
        let person = Person { id: self.person.id.clone(), cookie: self.person.cookie.clone() };
        Side { cp, person, pat: self.pat.clone(), app: self.app.clone() }
    }
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut headers = vec![("x-pat", self.pat.as_str())];
        if let Some((id, secret)) = &self.app {
            headers.extend([("x-client-id", id.as_str()), ("x-client-secret", secret.as_str())]);
        }
        self.cp.bare(method, path, body, &headers).await
    }
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }
    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }
    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await
    }

    // What an enforcer does.

    pub(super) async fn initiate(&self, enforcer: &str) -> Value {
        let body = json!({
            "deviceId": "laptop", "enforcerId": enforcer, "enforcerLabel": "Build agent", "workspaceName": "shop",
            "x25519PublicKey": ENFORCER_KEY,
        });
        ok(self.post("/v1/pairing/initiate", body).await, 201)
    }
    pub(super) async fn submit(&self, request: &str, token: Option<&str>) -> Answer {
        self.post("/v1/artifacts", artifact(request, "enf-1", hash_of(request).as_str(), token)).await
    }
    pub(super) async fn state(&self, request: &str) -> String {
        let body = ok(self.get(&format!("/v1/exchanges/{request}")).await, 200);
        body["body"]["state"].as_str().unwrap().to_owned()
    }
    pub(super) async fn wait(&self, request: &str, seconds: u32) -> Answer {
        self.get(&format!("/v1/exchanges/{request}/wait?timeout={seconds}")).await
    }
}

/// X25519 of the private key 00..1f.
pub(super) const ENFORCER_KEY: &str = "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8";

/// A hash that stands for a payload about this request.
pub(super) fn hash_of(request: &str) -> ArtifactHash {
    let payload = json!({"about": request}).to_string();
    artifact_hash(canonical_payload(&payload).unwrap())
}

pub(super) fn artifact(request: &str, enforcer: &str, hash: &str, token: Option<&str>) -> Value {
    let mut metadata = json!({"workspaceName": "shop", "requestLabel": "deploy"});
    if let Some(token) = token {
        metadata["routingToken"] = json!(token);
    }
    json!({
        "msgId": "msg-1", "msgType": "artifact.submit", "requestId": request,
        "createdAt": SystemHost::new().now().to_string(), "sender": {"enforcerId": enforcer},
        "body": {
            "artifactType": "command-approval", "artifactHash": hash,
            "ciphertext": {"alg": "AES-256-GCM", "data": "c2VhbGVk", "nonce": "AAECAwQFBgcICQoL", "tag": null, "aad": null},
            "expiresAt": null, "metadata": metadata,
        },
    })
}

/// The approver's device.
pub(super) struct Keys {
    pub(super) signing: PrivateKey,
    pub(super) agreement: AgreementKey,
}

impl Keys {
    pub(super) fn new() -> Self {
        let host = SystemHost::new();
        let mut seed = [0; 32];
        host.random(&mut seed);
        let signing = PrivateKey::from_seed(&seed);
        host.random(&mut seed);
        Self { signing, agreement: AgreementKey::from_bytes(&seed) }
    }
    pub(super) fn id(&self) -> String {
        signer_key_id(self.signing.public())
    }
    pub(super) fn answer(&self, nonce: &str, now: Timestamp) -> String {
        let answer = PairingAnswer::sign(&self.signing, self.agreement.public(), nonce, now, Some("phone"));
        serde_json::to_string(&answer.unwrap()).unwrap()
    }
    pub(super) fn decision(&self, request: &str, hash: &ArtifactHash, verdict: Verdict) -> Value {
        self.decision_with(request, hash, verdict, &DecisionNonce::random(&SystemHost::new()))
    }
    pub(super) fn decision_with(
        &self,
        request: &str,
        hash: &ArtifactHash,
        verdict: Verdict,
        nonce: &DecisionNonce,
    ) -> Value {
        let signed = sign_decision(&self.signing, &self.id(), hash, verdict, nonce, Some("looks fine"));
        json!({
            "msgId": "msg-2", "msgType": "decision.submit", "requestId": request,
            "createdAt": SystemHost::new().now().to_string(), "sender": {"approverId": "me"}, "body": signed,
        })
    }
}

/// A pairing of two people's programs.
pub(super) struct Paired {
    pub(super) keys: Keys,
    pub(super) token: String,
    pub(super) nonce: String,
    pub(super) approver_id: String,
}

/// Pairs as the enforcer `enf-1`, enforcer first.
pub(super) async fn pair(enforcer: &Side<'_>, approver: &Side<'_>) -> Paired {
    let begun = enforcer.initiate("enf-1").await;
    let code = begun["pairingCode"].as_str().unwrap();
    let seen = ok(approver.get(&format!("/v1/pairing/resolve/{code}")).await, 200);
    let nonce = seen["pairingNonce"].as_str().unwrap().to_owned();
    assert_eq!(begun["pairingNonce"], nonce.as_str());
    let keys = Keys::new();
    let answer = keys.answer(&nonce, SystemHost::new().now());
    let done =
        approver.post("/v1/pairing/complete", json!({"pairingNonce": nonce, "responseJson": answer})).await;
    let done = ok(done, 200);
    let status = ok(enforcer.get(&format!("/v1/pairing/{nonce}/status")).await, 200);
    assert_eq!(status["state"], "Completed");
    assert_eq!(status["responseJson"], answer.as_str());
    assert_eq!(status["routingToken"], done["routingToken"]);
    Paired {
        keys,
        token: done["routingToken"].as_str().unwrap().to_owned(),
        nonce,
        approver_id: done["approverId"].as_str().unwrap().to_owned(),
    }
}

/// Decides and expects it taken.
pub(super) async fn decide(approver: &Side<'_>, keys: &Keys, request: &str, verdict: Verdict) {
    let sent = keys.decision(request, &hash_of(request), verdict);
    let taken = ok(approver.post("/v1/decisions", sent).await, 200);
    assert_eq!(
        (&taken["msgType"], &taken["body"]["state"]),
        (&json!("decision.accepted"), &json!("Decided"))
    );
}

/// The request ids in the inbox.
pub(super) async fn inbox(approver: &Side<'_>) -> Vec<String> {
    let page = ok(approver.get("/v1/approvers/me/inbox").await, 200);
    let items = page["body"]["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["requestId"].as_str().unwrap().to_owned()).collect()
}

/// The app of an org, registered by one of its people: client id and secret.
pub(super) async fn app(cp: &Cp, who: &Person, name: &str) -> (String, String, String) {
    let body = json!({"kind": "Agent", "name": name});
    let made = cp.browse(who, Method::POST, "/api/v1/org/apps", Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
    (text("app_id"), text("client_id"), text("client_secret"))
}
