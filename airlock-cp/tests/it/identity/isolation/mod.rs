//! What is another org's, or another person's, is not there. The lists of routes and forms come from what is mounted.

mod forms;
mod routes;
mod things;

use http::Method;
use serde_json::json;

use super::people::Town;
use crate::harness::on_both;

on_both! {
    a_person_is_no_operator(test) {
        let town = Town::on(test.store.clone()).await;
        let ada = town.person("ada", "default", "owner").await;
        let mut asked = 0;
        for operation in town.cp.app.api().operations().to_vec() {
            if !operation.path.starts_with("/api/v1/admin/") {
                continue;
            }
            let path = operation.path.replace("{user_id}", ada.id.as_str());
            let body = match operation.path.rsplit('/').next() {
                Some("orgs") => json!({"name": "Mine"}),
                Some("users") => json!({"email": "x@example.com"}),
                Some("{user_id}") => json!({"status": "disabled"}),
                _ => json!({}),
            };
            let answer = ada.ask(&town.cp, operation.method.clone(), &path, Some(body)).await;
            assert_eq!(answer.status.as_u16(), 403, "{} {path}", operation.method);
            asked += 1;
        }
        assert!(asked >= 9, "{asked}");
    }

    a_person_in_two_orgs_acts_in_the_one_they_chose(test) {
        let town = Town::on(test.store.clone()).await;
        let (one, two) = (town.org("one").await, town.org("two").await);
        let ada = town.person("ada", &one, "owner").await;
        let link = town.invite(&two, "ada@example.com", "billing").await;
        ada.post(&town.cp, "/api/v1/invitations/accept", json!({"token": link})).await;
        assert_eq!(ada.get(&town.cp, "/api/v1/org").await.body["role"], "billing");
        assert_eq!(ada.get(&town.cp, "/api/v1/org/members").await.status.as_u16(), 403);
        let switch = json!({"org_id": one});
        assert_eq!(ada.post(&town.cp, "/api/v1/me/org", switch).await.status.as_u16(), 200);
        assert_eq!(ada.get(&town.cp, "/api/v1/org").await.body["role"], "owner");
        assert_eq!(ada.get(&town.cp, "/api/v1/org/members").await.body["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn one_persons_idempotency_key_is_not_anothers() {
    let town = Town::on(airlock_cp::Store::memory().await.unwrap()).await;
    let (one, two) = (town.org("one").await, town.org("two").await);
    let body = json!({"email": "guest@example.com", "role": "member"});
    let ask = async |org: &str| {
        let more = [("airlock-org", org), ("idempotency-key", "k1")];
        town.cp.ask(Method::POST, "/api/v1/org/invitations", Some(body.clone()), &more).await
    };
    let (first, again, other) = (ask(&one).await, ask(&one).await, ask(&two).await);
    assert!(first.body["link"].is_string());
    assert_eq!((&again.body["id"], &again.body["link"]), (&first.body["id"], &json!(null)));
    assert_eq!(other.body["org_id"], two);
}
