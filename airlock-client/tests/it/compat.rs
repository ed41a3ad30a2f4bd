//! Code written for the published client, compiled against ours under its name.

use airlock_client::gateway as airlock_gateway;
use airlock_gateway::crypto::{derive_shared_key, generate_x25519_keypair};
use airlock_gateway::*;
use serde_json::{Value, json};

use crate::stub::{Reply, Stub};

fn artifact(request_id: Option<String>) -> ArtifactSubmitRequest {
    ArtifactSubmitRequest {
        enforcer_id: "my-enforcer".into(),
        artifact_hash: "sha256-hash".into(),
        ciphertext: CiphertextRef {
            alg: "aes-256-gcm".into(),
            data: "base64-encrypted-content".into(),
            nonce: Some("nonce".into()),
            tag: None,
            aad: None,
        },
        artifact_type: None,
        expires_at: None,
        metadata: None,
        request_id,
    }
}

#[tokio::test]
async fn the_documented_life_of_a_request() {
    let stub = Stub::new(|_, seen| match seen.target.as_str() {
        "/v1/artifacts" => Reply::json(202, &json!({})),
        "/v1/acks" => Reply::json(200, &json!({"msgType": "ack.accepted"})),
        target if target.ends_with("/wait?timeout=30") => Reply::json(
            200,
            &json!({
                "msgId": "m-1", "msgType": "decision.deliver", "requestId": "r",
                "body": {"artifactHash": "h", "decision": "Approve", "reason": "fine"},
            }),
        ),
        _ => Reply::json(404, &json!({"error": "NotFound", "message": "nothing here"})),
    })
    .await;
    let mut client = AirlockGatewayClient::new(format!("{}/", stub.url), Some("your-token"));
    let request_id = client.submit_artifact(artifact(None)).await.unwrap();
    assert!(request_id.starts_with("req-"));
    let decision = client.wait_for_decision(&request_id, 30).await.unwrap().unwrap();
    assert!(decision.body.as_ref().unwrap().is_approved());
    client.submit_ack(decision.msg_id.as_deref().unwrap(), Some(&request_id)).await.unwrap();
    client.set_bearer_token(None::<String>);
    client.set_pat(Some("airpat_1"));
    match client.check_consent().await {
        Err(e) if e.error_code() == Some("NotFound") => {}
        other => panic!("{other:?}"),
    }
    let seen = stub.seen();
    assert_eq!(seen[0].header("authorization"), Some("Bearer your-token"));
    let sent: Value = seen[0].json();
    assert_eq!(
        (&sent["msgType"], &sent["body"]["artifactType"]),
        (&json!("artifact.submit"), &json!("command-approval"))
    );
    assert!(sent["body"]["expiresAt"].as_str() > sent["createdAt"].as_str(), "{sent}");
    assert_eq!(seen[2].json()["body"]["msgId"], "m-1");
    assert_eq!((seen[3].header("authorization"), seen[3].header("x-pat")), (None, Some("airpat_1")));
}

#[tokio::test]
async fn a_payload_is_made_canonical_hashed_and_encrypted() {
    let stub = Stub::always(|| Reply::json(202, &json!({}))).await;
    let client = AirlockGatewayClient::with_credentials(stub.url.clone(), "id", "secret");
    let (own, peer) = (generate_x25519_keypair(), generate_x25519_keypair());
    let key = derive_shared_key(&own.private_key, &peer.public_key).unwrap();
    let request = EncryptedArtifactRequest {
        enforcer_id: "e".into(),
        artifact_type: Some("command.review".into()),
        plaintext_payload: r#"{"value": 42, "action": "test"}"#.into(),
        encryption_key_base64url: key.clone(),
        expires_at: None,
        metadata: Some([("routingToken".to_owned(), "rt-1".to_owned())].into()),
        request_id: Some("req-1".into()),
    };
    assert!(!format!("{request:?}").contains("action"), "{request:?}");
    assert_eq!(client.encrypt_and_submit_artifact(request.clone()).await.unwrap(), "req-1");
    let body = stub.only().json()["body"].clone();
    assert_eq!(body["artifactHash"], "d3c2d7effb479ffc5085aad2144df886a452a4863396060f4e0ea29a8409d0fd");
    assert_eq!(body["metadata"]["routingToken"], "rt-1");
    let sealed: EncryptedPayload = serde_json::from_value(body["ciphertext"].clone()).unwrap();
    assert_eq!(crypto::aes_gcm_decrypt(&key, &sealed).unwrap(), r#"{"action":"test","value":42}"#);

    for (payload, key) in [(" ", key.as_str()), ("{}", " "), ("{", key.as_str()), ("{}", "short")] {
        let mut wrong = request.clone();
        (wrong.plaintext_payload, wrong.encryption_key_base64url) = (payload.into(), key.into());
        let error = client.encrypt_and_submit_artifact(wrong).await.unwrap_err();
        assert!(matches!(error, GatewayError::Crypto(_)), "{error:?}");
    }
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn errors_are_what_published_code_matches_on() {
    let stub = Stub::new(|n, _| match n {
        0 => Reply::json(429, &json!({"body": {"code": "quota_exceeded", "message": "Monthly quota exceeded"}})),
        1 => Reply::json(409, &json!({"body": {"code": "AlreadyExistsConflict"}})),
        2 => Reply::Answer(401, vec![], String::new()),
        3 => Reply::json(
            403,
            &json!({"error": "app_consent_required", "message": "m", "consentUrl": "https://c", "appId": "ABC-1234567"}),
        ),
        _ => Reply::text(200, "<html>"),
    })
    .await;
    let client = AirlockGatewayClient::new(stub.url.clone(), None::<String>);
    let error = client.submit_artifact(artifact(None)).await.unwrap_err();
    assert!(error.is_quota_exceeded() && !error.is_conflict());
    assert_eq!(error.to_string(), "gateway error 429: Monthly quota exceeded");
    assert!(client.submit_artifact(artifact(None)).await.unwrap_err().is_conflict());
    let error = client.echo().await.unwrap_err();
    assert_eq!((error.status_code(), error.error_code()), (Some(401), None));
    let error = client.check_consent().await.unwrap_err();
    let consent = AirlockAuthClient::parse_consent_error(&error).unwrap();
    assert_eq!(
        (consent.error.as_str(), consent.consent_url.as_deref()),
        ("app_consent_required", Some("https://c"))
    );
    assert!(matches!(client.echo().await.unwrap_err(), GatewayError::Json(_)));
    let url = stub.url.clone();
    drop(stub);
    let error = AirlockGatewayClient::new(url, None::<String>).echo().await.unwrap_err();
    assert!(matches!(&error, GatewayError::Http(_)), "{error:?}");
    assert!(!error.advice().what.is_empty());
}

#[tokio::test]
async fn the_rest_of_the_surface_speaks_to_the_paths_of_the_specification() {
    let stub = Stub::new(|_, seen| match seen.line().as_str() {
        "POST /v1/pairing/initiate" => {
            Reply::json(201, &json!({"pairingNonce": "n1", "pairingCode": "ABC123", "deviceId": "d1", "expiresAt": null}))
        }
        "GET /v1/pairing/n1/status" => {
            Reply::json(200, &json!({"pairingNonce": "n1", "state": "Completed", "routingToken": "rt-planted"}))
        }
        "POST /v1/pairing/claim" => Reply::json(200, &json!({"pairingNonce": "n2"})),
        "POST /v1/pairing/revoke" => Reply::json(200, &json!({"status": "revoked"})),
        "POST /v1/presence/heartbeat" => Reply::json(200, &json!({"status": "ok"})),
        "GET /v1/exchanges/req-1" => Reply::json(
            200,
            &json!({"msgType": "exchange.status", "requestId": "req-1", "body": {"requestId": "req-1", "state": "PendingApproval", "decision": null}}),
        ),
        "GET /v1/policy/dnd/effective?enforcerId=e&workspaceId=w+s&sessionId=x" => {
            Reply::json(200, &json!({"msgType": "dnd.policy.effective", "requestId": "q", "body": []}))
        }
        "POST /v1/exchanges/req-1/withdraw" => Reply::json(200, &json!({})),
        "GET /v1/consent/status" => Reply::json(200, &json!({"status": "approved"})),
        _ => Reply::json(404, &json!({"error": "NotFound"})),
    })
    .await;
    let client = AirlockGatewayClient::new(stub.url.clone(), Some("t"));
    let request = PairingInitiateRequest {
        device_id: "d1".into(),
        enforcer_id: "e1".into(),
        gateway_url: None,
        x25519_public_key: None,
        enforcer_label: None,
        workspace_name: None,
    };
    assert_eq!(client.initiate_pairing(&request).await.unwrap().pairing_code, "ABC123");
    let status = client.get_pairing_status("n1").await.unwrap();
    assert_eq!(status.routing_token.as_deref(), Some("rt-planted"));
    assert!(!format!("{status:?}").contains("planted"));
    let claim = PairingClaimRequest {
        pairing_code: "ABC123".into(),
        device_id: "d1".into(),
        enforcer_id: "e1".into(),
        enforcer_label: "l".into(),
        workspace_name: "w".into(),
        gateway_url: None,
        x25519_public_key: None,
    };
    assert_eq!(client.claim_pairing(&claim).await.unwrap().pairing_nonce, "n2");
    assert_eq!(client.revoke_pairing("rt-1").await.unwrap().status, "revoked");
    let beat =
        PresenceHeartbeatRequest { enforcer_id: "e".into(), workspace_name: None, enforcer_label: None };
    client.send_heartbeat(&beat).await.unwrap();
    assert_eq!(client.get_exchange_status("req-1").await.unwrap().body.unwrap().state, "PendingApproval");
    assert!(client.get_effective_dnd_policies("e", "w s", Some("x")).await.unwrap().body.is_empty());
    client.withdraw_exchange("req-1").await.unwrap();
    assert_eq!(client.check_consent().await.unwrap(), "approved");
    let bodies: Vec<String> = stub.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies[0], r#"{"deviceId":"d1","enforcerId":"e1"}"#);
    assert_eq!(bodies[3], r#"{"routingToken":"rt-1"}"#);
    assert_eq!((bodies[4].as_str(), bodies[7].as_str()), (r#"{"enforcerId":"e"}"#, "null"));
}

#[tokio::test]
async fn the_published_auth_client_signs_in_through_a_browser_and_refreshes() {
    let stub = Stub::new(|_, seen| match seen.target.as_str() {
        "/realms/airlock/.well-known/openid-configuration" => {
            let base = format!("http://{}", seen.header("host").unwrap());
            Reply::json(
                200,
                &json!({
                    "token_endpoint": format!("{base}/token"), "authorization_endpoint": format!("{base}/authorize"),
                    "device_authorization_endpoint": format!("{base}/device"), "revocation_endpoint": format!("{base}/revoke"),
                }),
            )
        }
        "/token" if seen.body.contains("grant_type=refresh_token") => Reply::json(
            200,
            &json!({"access_token": "at_2", "refresh_token": "rt_2", "token_type": "Bearer", "expires_in": 100}),
        ),
        "/token" => Reply::json(400, &json!({"error": "invalid_grant", "error_description": "used"})),
        _ => Reply::json(200, &json!({})),
    })
    .await;
    let auth = AirlockAuthClient::new(AirlockAuthOptions {
        keycloak_realm_url: format!("{}/realms/airlock/", stub.url),
        oidc_client_id: "airlock-integrations".to_string(),
        reqwest_client: None,
    });
    assert!(!auth.is_logged_in().await && auth.is_token_expired().await);
    assert_eq!(auth.get_access_token().await.unwrap_err().error_code(), Some("not_logged_in"));
    let request = auth.get_authorization_url("http://localhost:7/callback").await.unwrap();
    assert!(request.authorization_url.contains(&format!("state={}", request.state)));
    assert!(!format!("{request:?}").contains(&request.code_verifier));
    let error = auth.exchange_code("c", &request.redirect_uri, &request.code_verifier).await.unwrap_err();
    assert_eq!(error.to_string(), "gateway error 400: Code exchange failed: invalid_grant — used");

    auth.restore_tokens("at_1".into(), "rt_1".into(), Some(std::time::SystemTime::UNIX_EPOCH)).await;
    let (one, other) = tokio::join!(auth.get_access_token(), auth.get_access_token());
    assert_eq!((one.unwrap(), other.unwrap()), ("at_2".to_owned(), "at_2".to_owned()));
    let refreshes = stub.seen().iter().filter(|seen| seen.body.contains("grant_type=refresh_token")).count();
    assert_eq!(refreshes, 1);
    auth.logout().await.unwrap();
    assert!(!auth.is_logged_in().await);
    assert!(stub.seen().iter().any(|seen| seen.target == "/revoke" && seen.body.contains("token=rt_2")));
}
