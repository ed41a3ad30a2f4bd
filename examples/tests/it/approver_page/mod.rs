//! The approver's page in Chromium, asked by the published client 0.3.5: `examples/tests/browser/approver.py` says what a person does. What
//! the client was answered is believed here as an enforcer of ours believes it, by the key that the pairing was answered with.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use airlock_core::approval::dnd::believe;
use airlock_core::approval::{
    ArtifactHash, Decision, KnownSigners, NonceJournal, PairingAnswer, Verdict, verify_decision,
};
use airlock_core::crypto::b64url;
use airlock_core::runtime::SystemHost;
use airlock_core::{Host as _, Timestamp};
use airlock_proto::gateway::DecisionBody;
use serde_json::{Value, json};

use crate::approvals::hostile;
use crate::needs;
use crate::passage::stack::Stack;

const EMAIL: &str = "ada@acme.example";
const OTHER: &str = "grace@acme.example";
const PASSWORD: &str = "correct horse battery staple";

/// Runs one part; what was decided, seen and wrong. `None` where something is not here.
async fn walked(part: &'static str, more: Value) -> Option<Value> {
    let chromium = needs::variable("AIRLOCK_TEST_CHROMIUM")?;
    let python = needs::variable("AIRLOCK_TEST_PYTHON_BROWSER")?;
    let enforcer = needs::variable("AIRLOCK_TEST_PYTHON_PUBLISHED_0_3_5")?;
    let rate = |name| (name, "100000".to_owned());
    let stack = Stack::with(&[rate("AIRLOCK_CP_APPROVALS_USER_RATE"), rate("AIRLOCK_CP_APPROVALS_APP_RATE")]);
    stack.owner(EMAIL, "Ada Lovelace", PASSWORD);
    stack.owner(OTHER, "Grace Hopper", PASSWORD);
    let mut given = json!({
        "part": part, "url": stack.url, "email": EMAIL, "password": PASSWORD, "other": OTHER, "enforcer": enforcer,
        "shots": needs::optional("AIRLOCK_TEST_SHOTS"),
    });
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let seen = tokio::task::spawn_blocking(move || walk(&python, &chromium, &given)).await.unwrap();
    // Nothing that was sealed, and no key, is in what the control plane said.
    for word in ["cargo publish", "contentKey", "responseJson"] {
        assert!(!stack.cp.said().contains(word), "the log has {word}");
    }
    Some(seen)
}

#[expect(clippy::disallowed_methods, reason = "drives the browser as a person does")]
fn walk(python: &str, chromium: &str, given: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/approver.py");
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(python)
        .arg(script)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AIRLOCK_TEST_CHROMIUM", chromium)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Payloads are longer than an argument may be.
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn signers(told: &Value) -> KnownSigners {
    let (answer, nonce) = (told["answer"].as_str().unwrap(), told["nonce"].as_str().unwrap());
    let verified = PairingAnswer::parse(answer).unwrap().verify(nonce).unwrap();
    [verified.signer().clone()].into_iter().collect()
}

/// Believes every decision as an enforcer does: how many.
fn believed(seen: &Value, now: Timestamp) -> usize {
    let mut journal = NonceJournal::new(NonceJournal::DEFAULT_TTL);
    let all = seen["decided"].as_array().unwrap();
    for told in all {
        let body: DecisionBody = serde_json::from_value(told["decision"].clone()).unwrap();
        let decision = Decision::try_from(body).unwrap();
        let hash: ArtifactHash = told["hash"].as_str().unwrap().parse().unwrap();
        let verdict: Verdict = told["expected"].as_str().unwrap().parse().unwrap();
        let held = verify_decision(&decision, &hash, &signers(told), &mut journal, None, now);
        assert_eq!(held.unwrap().verdict(), verdict, "{told}");
        // And it holds for nothing else.
        let other: ArtifactHash = "another".parse().unwrap();
        assert!(verify_decision(&decision, &other, &signers(told), &mut journal, None, now).is_err());
    }
    all.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_lives_with_it_at_a_desk() {
    let Some(seen) = walked("life", json!({})).await else { return };
    assert_eq!(seen["wrong"], json!([]));
    let now = SystemHost::new().now();
    assert!(believed(&seen, now) >= 9, "{seen}");
    let policies = seen["policies"].as_array().unwrap();
    assert_eq!(policies.len(), 2);
    for told in policies {
        let policy = told["policy"].as_object().unwrap();
        assert!(believe(policy, &signers(told), now).is_some(), "{told}");
    }
    let pages = seen["seen"].as_array().map_or(0, Vec::len);
    assert!(pages >= 26, "{pages}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_on_a_phone() {
    let Some(seen) = walked("phone", json!({})).await else { return };
    assert_eq!(seen["wrong"], json!([]));
    assert_eq!(believed(&seen, SystemHost::new().now()), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_agent_writes_is_more_than_text() {
    let payloads: Vec<_> = hostile::all().iter().map(|one| json!([one.name, b64url(&one.payload)])).collect();
    assert!(payloads.len() >= 60, "{}", payloads.len());
    let Some(seen) = walked("hostile", json!({"hostile": payloads})).await else { return };
    assert_eq!(seen["wrong"], json!([]));
    assert_eq!(seen["count"].as_u64(), Some(payloads.len() as u64));
    assert_eq!(believed(&seen, SystemHost::new().now()), payloads.len());
}
