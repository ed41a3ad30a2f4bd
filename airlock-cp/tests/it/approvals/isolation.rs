//! Another person's, or another org's, is not there.

use airlock_core::approval::Verdict;
use http::Method;
use serde_json::json;

use super::harness::*;
use crate::apps_people::org;
use crate::harness::{Cp, on_both};

on_both! {
    ids_of_others_name_nothing(test) {
        let cp = Cp::on(test.store.clone()).await;
        org(&test, "other").await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let colleague = Side::new(&cp, &test, "default", "owner").await;
        let stranger = Side::new(&cp, &test, "org_other", "owner").await;
        let paired = pair(&me, &me).await;
        let open = me.initiate("enf-1").await;
        ok(me.submit("req-1", Some(&paired.token)).await, 202);
        ok(me.post("/v1/presence/heartbeat", json!({"enforcerId": "enf-1"})).await, 200);
        // Both have an inbox of their own, so that it is not for want of one.
        for other in [&colleague, &stranger] {
            ok(other.get("/v1/approvers/me/inbox").await, 200);
        }
        let (app_id, ..) = app(&cp, &me.person, "Build agent").await;
        for (side, status) in [(&stranger, 404), (&colleague, 200)] {
            for said in ["allow", "deny", "revoke"] {
                let answer = side.post(&format!("/v1/consents/{app_id}/{said}"), json!({})).await;
                assert_eq!(answer.status.as_u16(), status, "{said}");
            }
        }
        assert_eq!(ok(me.get("/v1/consents").await, 200)["items"], json!([]));
        let (nonce, code) = (open["pairingNonce"].as_str().unwrap(), open["pairingCode"].as_str().unwrap());
        let approver = &paired.approver_id;
        let answer = Keys::new().answer(nonce, airlock_core::Host::now(&*cp.clock));
        for (other, same_org) in [(&colleague, true), (&stranger, false)] {
            for (method, path, body) in [
                (Method::GET, "/v1/exchanges/req-1".to_owned(), None),
                (Method::GET, "/v1/exchanges/req-1/wait?timeout=1".to_owned(), None),
                (Method::POST, "/v1/exchanges/req-1/withdraw".to_owned(), None),
                (Method::GET, format!("/v1/pairing/{}/status", paired.nonce), None),
                (Method::GET, format!("/v1/pairing/{nonce}/status"), None),
                (Method::POST, "/v1/pairing/revoke".to_owned(), Some(json!({"routingToken": paired.token}))),
                (Method::POST, "/v1/pairing/revoke".to_owned(), Some(json!({"pairingNonce": paired.nonce}))),
                (Method::GET, format!("/v1/approvers/{approver}/inbox"), None),
                (Method::GET, format!("/v1/approvers/{approver}/inbox/expired"), None),
                (Method::DELETE, format!("/v1/approvers/{approver}/inbox/req-1"), None),
                (Method::DELETE, "/v1/approvers/me/inbox/req-1".to_owned(), None),
                (Method::GET, format!("/v1/approvers/{approver}/devices"), None),
                (Method::DELETE, format!("/v1/approvers/{approver}/devices/{}", paired.keys.id()), None),
                (Method::DELETE, format!("/v1/approvers/me/devices/{}", paired.keys.id()), None),
                (Method::GET, format!("/v1/sse/approvers/{approver}"), None),
                (Method::POST, "/v1/requests/req-1/refresh?enforcerDeviceId=enf-1".to_owned(), None),
                (Method::GET, "/v1/presence/enforcers/enf-1".to_owned(), None),
                (Method::DELETE, "/v1/policy/dnd/p-1".to_owned(), None),
                (Method::POST, "/v1/decisions".to_owned(), Some(paired.keys.decision("req-1", &hash_of("req-1"), Verdict::Approve))),
            ] {
                let answer = other.ask(method.clone(), &path, body).await;
                assert_eq!(verdict(&answer), (404, "NotFound"), "{method} {path}");
            }
            // A code is for whoever is told it, within the org.
            let resolved = other.get(&format!("/v1/pairing/resolve/{code}")).await;
            let completed = if same_org {
                ok(resolved, 200);
                continue;
            } else {
                assert_eq!(verdict(&resolved), (404, "NotFound"));
                other.post("/v1/pairing/complete", json!({"pairingNonce": nonce, "responseJson": answer})).await
            };
            assert_eq!(verdict(&completed), (404, "NotFound"));
            assert_eq!(verdict(&other.post("/v1/pairing/reject", json!({"pairingNonce": nonce})).await), (404, "NotFound"));
            let mut sent = artifact("req-1", "enf-1", "h", None);
            sent["body"]["metadata"]["approverId"] = json!(approver);
            assert_eq!(verdict(&other.post("/v1/artifacts", sent).await), (422, "no_approver"));
        }
        // Nothing of it was touched.
        assert_eq!(me.state("req-1").await, "PendingApproval");
        assert_eq!(inbox(&me).await, ["req-1"]);
        assert_eq!(ok(me.get(&format!("/v1/pairing/{nonce}/status")).await, 200)["state"], "Pending");
    }
}
