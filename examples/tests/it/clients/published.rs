//! The published `airlock-gateway` packages, unmodified, live their whole life at our gateway.

use serde_json::{Value, json};

use super::client::Client;
use crate::passage::stack::Stack;

const EMAIL: &str = "ada@acme.example";
const PASSWORD: &str = "correct horse battery staple";

/// What a version can do beside what all can.
struct Version {
    name: &'static str,
    acks: bool,
    resolves: bool,
    claims: bool,
    asks_consent: bool,
}

fn live(version: &Version) {
    let Some(python) = Client::python(&format!("published_{}", version.name)) else { return };
    let rate = ("AIRLOCK_CP_APPROVALS_USER_RATE", "100000".to_owned());
    let stack = Stack::with(&[rate]);
    stack.owner(EMAIL, "Ada Lovelace", PASSWORD);
    let given = json!({"url": stack.url, "email": EMAIL, "password": PASSWORD});
    let mut seen = Client::start(&python, "published", &given).ask(&json!({}));
    assert_eq!(seen["broke"], Value::Null, "{}", seen["broke"].as_str().unwrap_or_default());
    let mut took = |name: &str, expected: Value| {
        let got = seen.as_object_mut().unwrap().remove(name);
        assert_eq!(got, Some(expected), "{name}");
    };
    took("stranger", json!([401, "unauthorized", []]));
    took("echo", json!("UTC"));
    took("unknown", json!([404, "NotFound", []]));
    took("unpaired", json!([422, "no_approver", []]));
    took("pending", json!("Pending"));
    took("completed", json!(["Completed", true, true]));
    took("presence", json!(["online", "shop"]));
    took("reused", json!([409, "AlreadyExistsConflict", ["is_conflict"]]));
    took("forged", json!(422));
    took("yes", json!([true, true, "read it"]));
    took("decided", json!("Decided"));
    took("no", json!(true));
    took("nothing_yet", Value::Null);
    took("withdrawn", json!([404, "withdrawn", []]));
    took("withdrawn_twice", json!([409, "already_resolved", ["is_conflict"]]));
    took("expired", json!([404, "expired", ["is_expired"]]));
    took("too_late", json!([422, "expired", ["is_expired"]]));
    took("fifty", json!(true));
    took("revoked", json!("revoked"));
    took("after", json!([403, "pairing_revoked", ["is_pairing_revoked"]]));
    if version.resolves {
        took("resolved", json!("laptop"));
        took("presence_list", json!(["enf-py"]));
    }
    if version.acks {
        took("acked", json!("Delivered"));
    }
    if version.claims {
        took("claimed", json!(true));
    }
    if version.asks_consent {
        took("policies", json!(0));
        took("consent_asked", json!([403, "app_consent_required", []]));
        took("consent_pending", json!([403, "app_consent_pending", []]));
        took("consent", json!("approved"));
    }
    assert_eq!(seen, json!({}), "what nobody expected");
}

#[tokio::test(flavor = "multi_thread")]
async fn version_0_1_1() {
    live(&Version { name: "0_1_1", acks: true, resolves: true, claims: false, asks_consent: false });
}

#[tokio::test(flavor = "multi_thread")]
async fn version_2_0_1_which_is_older_than_0_3() {
    live(&Version { name: "2_0_1", acks: false, resolves: false, claims: false, asks_consent: true });
}

#[tokio::test(flavor = "multi_thread")]
async fn version_0_3_5() {
    live(&Version { name: "0_3_5", acks: false, resolves: false, claims: true, asks_consent: true });
}

#[tokio::test(flavor = "multi_thread")]
async fn version_0_4_8() {
    live(&Version { name: "0_4_8", acks: true, resolves: false, claims: true, asks_consent: true });
}
