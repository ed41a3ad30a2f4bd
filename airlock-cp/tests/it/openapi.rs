//! The OpenAPI document lists what is mounted, and what it says of a route's door is true.

use http::Method;
use serde_json::json;

use crate::harness::{Cp, request};

#[tokio::test]
async fn the_document_is_the_committed_one() {
    let cp = Cp::fresh().await;
    let served = cp.send(request(Method::GET, "/api/v1/openapi.json", None)).await.body;
    insta::assert_json_snapshot!("openapi", served);
}

#[tokio::test]
async fn every_listed_route_is_mounted_and_guarded_as_it_says() {
    let cp = Cp::fresh().await;
    let operations = cp.app.api().operations().to_vec();
    assert!(operations.len() >= 25, "{}", operations.len());
    for operation in operations {
        let path = operation
            .path
            .replace("{tenant_id}", "t_ghost")
            .replace("{kid}", "zzzzzzzz")
            .replace("{worker_id}", "w_nobody")
            .replace("{enrollment_id}", "zzzzzzzz")
            .replace("{role}", "member")
            .replace("{app_id}", "ABC-1234567")
            .replace("{pat_id}", "pat_01J00000000000000000000000");
        let answer = cp.send(request(operation.method.clone(), &path, Some(json!({})))).await;
        let status = answer.status.as_u16();
        if operation.operator {
            assert_eq!(status, 401, "{} {path}", operation.method);
        } else if path.contains("{token}") {
            assert_eq!(status, 404, "who has no link sees nothing: {path}");
        } else {
            assert!(![401, 404, 405].contains(&status), "{} {path}: {status}", operation.method);
        }
    }
}
