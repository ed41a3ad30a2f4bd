//! For each route below a tenant: what is another tenant's is not there. The list of routes comes from what is mounted.

use std::collections::BTreeMap;

use airlock_core::crypto::{PrivateKey, sha256};
use airlock_core::runtime::SystemHost;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use crate::harness::{Cp, on_both, request};

on_both! {
    another_tenants_things_do_not_exist(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("mine").await;
        cp.tenant("theirs").await;
        let (kid, _) = cp.key("t_theirs").await;
        let enrollment = cp.post("/api/v1/tenants/t_theirs/enrollments", json!({"worker_id": "w_theirs_1"})).await.body;
        enroll_worker(&cp, enrollment["enrollment_token"].as_str().unwrap()).await;
        let theirs = BTreeMap::from([
            ("{kid}", kid.clone()),
            ("{worker_id}", "w_theirs_1".to_owned()),
            ("{enrollment_id}", enrollment["id"].as_str().unwrap().to_owned()),
        ]);
        let mut asked = 0;
        for operation in cp.app.api().operations().to_vec() {
            let Some((name, id)) = theirs.iter().find(|(name, _)| operation.path.contains(**name)) else { continue };
            let path = operation.path.replace("{tenant_id}", "t_mine").replace(name, id);
            let missing = operation.path.replace("{tenant_id}", "t_mine").replace(name, match *name {
                "{kid}" => "zzzzzzzz",
                "{worker_id}" => "w_nobody",
                _ => "zzzzzzzz",
            });
            let theirs = cp.ask(operation.method.clone(), &path, Some(json!({})), &[]).await;
            let nobodys = cp.ask(operation.method.clone(), &missing, Some(json!({})), &[]).await;
            assert_eq!(theirs.status.as_u16(), 404, "{} {path}", operation.method);
            assert_eq!(theirs.body["detail"], nobodys.body["detail"], "{path}");
            asked += 1;
        }
        assert!(asked >= 7, "{asked}");
        // Nothing was done to them.
        assert_eq!(cp.get(&format!("/api/v1/tenants/t_theirs/api-keys/{kid}")).await.body["status"], "active");
        assert_eq!(
            cp.get("/api/v1/tenants/t_theirs/workers/w_theirs_1").await.body["status"],
            "disconnected"
        );
    }

    lists_and_logs_hold_ones_own_only(test) {
        // T-087
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("mine").await;
        cp.tenant("theirs").await;
        let (kid, _) = cp.key("t_theirs").await;
        for list in ["api-keys", "workers", "enrollments", "audit"] {
            let body = cp.get(&format!("/api/v1/tenants/t_mine/{list}")).await.body.to_string();
            assert!(!body.contains("theirs") && !body.contains(&kid), "{list}: {body}");
        }
        for export in ["jsonl", "csv"] {
            let body = cp.get(&format!("/api/v1/tenants/t_mine/audit/export?format={export}")).await.body.to_string();
            assert!(!body.contains("theirs") && !body.contains(&kid), "{export}: {body}");
        }
    }

    an_unknown_tenant_is_not_found_on_every_route(test) {
        let cp = Cp::on(test.store.clone()).await;
        for operation in cp.app.api().operations().to_vec() {
            if !operation.path.contains("{tenant_id}") {
                continue;
            }
            let path = operation
                .path
                .replace("{tenant_id}", "t_ghost")
                .replace("{kid}", "zzzzzzzz")
                .replace("{worker_id}", "w_nobody")
                .replace("{enrollment_id}", "zzzzzzzz")
                .replace("{role}", "member");
            let body = match operation.path.rsplit('/').next() {
                Some("enrollments") => json!({"worker_id": "w_x_1"}),
                Some("{role}") => json!({"allowed_snapshots": []}),
                Some("api-keys" | "{tenant_id}" | "{kid}") => json!({"name": "x"}),
                _ => json!({}),
            };
            let in_org = [("airlock-org", "default")];
            let answer = cp.ask(operation.method.clone(), &path, Some(body), &in_org).await;
            assert_eq!(answer.status.as_u16(), 404, "{} {path}: {:?}", operation.method, answer.body);
        }
    }
}

async fn enroll_worker(cp: &Cp, token: &str) {
    let key = PrivateKey::generate(&SystemHost::new());
    let public = key.public().to_bytes();
    let proof = key.sign(&[b"airlock-enroll-v1\n", &sha256(&[token.as_bytes()]), b"\n", &public]);
    let body = json!({
        "token": token, "worker_public_key": BASE64.encode(public), "proof": BASE64.encode(proof)
    });
    let answer = cp.send(request(http::Method::POST, "/api/v1/enroll", Some(body))).await;
    assert_eq!(answer.status.as_u16(), 200, "{:?}", answer.body);
}
