//! Mails that something waits. They never say what.

use std::time::Duration;

use serde_json::json;

use super::harness::*;
use crate::harness::{Clock, TestStore};
use crate::identity::people::Town;

#[tokio::test]
async fn a_mail_says_that_something_waits_and_nothing_of_it_and_not_each_time() {
    let test = TestStore::sqlite().await;
    let town = Town::with(test.store.clone(), Clock::new(), &[]).await;
    let mut me = Side::new(&town.cp, &test, "default", "member").await;
    let address = format!("{}@example.com", me.person.id.to_ascii_lowercase());
    let paired = pair(&me, &me).await;
    for request in ["req-1", "req-2"] {
        ok(me.submit(request, Some(&paired.token)).await, 202);
    }
    let mail = town.mails.to(&address).await;
    assert!(mail.text.contains("Subject: Something waits for your decision"), "{}", mail.text);
    assert!(mail.text.lines().any(|line| line == "https://cp.example/approvals"), "{}", mail.text);
    for secret in
        ["req-1", "command", "Build agent", "deploy", hash_of("req-1").as_str(), paired.token.as_str()]
    {
        assert!(!mail.text.contains(secret), "{secret}: {}", mail.text);
    }
    // An app's question is told as well; it comes after whatever was sent for the second request.
    let (_, client, secret) = app(&town.cp, &me.person, "Build \"agent\"").await;
    me.app = Some((client, secret));
    assert_eq!(verdict(&me.get("/v1/consent/status").await), (403, "app_consent_required"));
    let mail = town.mails.to(&address).await;
    assert!(
        mail.text.contains("Subject: An app asks to act for you"),
        "one mail for two requests: {}",
        mail.text
    );
    me.app = None;
    town.cp.clock.advance(Duration::from_secs(600));
    ok(me.submit("req-3", Some(&paired.token)).await, 202);
    let mail = town.mails.to(&address).await;
    assert!(mail.text.contains("Subject: Something waits"), "{}", mail.text);
    // A report, and what is refused, is nothing to come for.
    let mut report = artifact("req-4", "enf-1", "h", Some(&paired.token));
    report["body"]["metadata"]["dndAudit"] = json!("true");
    report["body"]["metadata"]["dndDecision"] = json!("approve");
    town.cp.clock.advance(Duration::from_secs(600));
    ok(me.post("/v1/artifacts", report).await, 202);
    assert_eq!(verdict(&me.submit("req-5", Some("rt-abc")).await), (422, "no_approver"));
    ok(me.submit("req-6", Some(&paired.token)).await, 202);
    assert!(town.mails.to(&address).await.text.contains("Something waits"));
}
