//! An enforcer that seals any bytes at all, as one that keeps no rules would.

use airlock_client::Airlock;
use airlock_client::calls::{self, Submission};
use airlock_client::gateway::models::PairingInitiateRequest;
use airlock_core::Host as _;
use airlock_core::approval::{PairingAnswer, RequestId};
use airlock_core::crypto::{AgreementKey, ContentKey, artifact_hash};
use airlock_core::runtime::SystemHost;

use super::rig::Rig;

pub(super) struct RawEnforcer {
    airlock: Airlock,
    name: &'static str,
    key: ContentKey,
    routing_token: String,
}

impl RawEnforcer {
    /// Pairs with whoever `accept` has agree to a code.
    pub(super) async fn pair(rig: &Rig, name: &'static str, accept: impl AsyncFnOnce(&str)) -> Self {
        let (airlock, own) = (rig.airlock(), AgreementKey::generate(&SystemHost::new()));
        let request = PairingInitiateRequest {
            device_id: "dev".to_owned(),
            enforcer_id: name.to_owned(),
            gateway_url: None,
            x25519_public_key: Some(own.public().to_base64url()),
            enforcer_label: None,
            workspace_name: None,
        };
        let begun = airlock.call(&calls::initiate_pairing(&request)).await.unwrap();
        accept(&begun.pairing_code).await;
        let status = airlock.call(&calls::pairing_status(&begun.pairing_nonce)).await.unwrap();
        let answer = PairingAnswer::parse(&status.response_json.unwrap()).unwrap();
        let peer = answer.verify(&begun.pairing_nonce).unwrap().agreement_key().unwrap();
        Self { airlock, name, key: own.agree(&peer).unwrap(), routing_token: status.routing_token.unwrap() }
    }

    /// Asks about these bytes.
    pub(super) async fn submit(&self, plaintext: &[u8]) -> RequestId {
        let host = SystemHost::new();
        let (id, hash) = (RequestId::new(&host), artifact_hash(plaintext));
        let metadata = [("routingToken".to_owned(), self.routing_token.clone())].into();
        let until = host.now().after(std::time::Duration::from_secs(600)).to_string();
        let submission = Submission {
            request_id: id.as_str(),
            enforcer_id: self.name,
            artifact_type: "command-approval",
            artifact_hash: hash.as_str(),
            ciphertext: &self.key.seal(&host, plaintext).into(),
            expires_at: Some(&until),
            metadata: Some(&metadata),
        };
        self.airlock.call(&calls::submit(&submission, host.now(), &host)).await.unwrap();
        id
    }
}
