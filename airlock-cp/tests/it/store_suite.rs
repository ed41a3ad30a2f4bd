//! The store on both databases.

use airlock_cp::store::SCHEMA_VERSION;
use airlock_cp::{Store, StoreError};

use crate::harness::{Cp, TestStore, on_both};

on_both! {
    migration_runs_once_even_when_two_begin_at_once(test) {
        let (a, b) = (test.again().await, test.again().await);
        let (first, second) = tokio::join!(a.migrate(), b.migrate());
        let mut found = [first.unwrap().0, second.unwrap().0];
        found.sort_unstable();
        assert_eq!(found, [0, SCHEMA_VERSION]);
        assert_eq!(test.store.migrate().await.unwrap(), (SCHEMA_VERSION, SCHEMA_VERSION));
    }

    a_fresh_store_has_the_org_default_and_nothing_else(test) {
        test.store.migrate().await.unwrap();
        assert_eq!(test.text("SELECT id FROM orgs").await, "default");
        for table in ["tenants", "workers", "enrollment_tokens", "api_keys", "audit", "audit_open", "revocations"] {
            let count = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
            assert_eq!(test.text(&count).await, "0", "{table}");
        }
    }

    a_store_of_a_newer_program_is_refused_and_left_alone(test) {
        test.store.migrate().await.unwrap();
        test.raw("UPDATE kv SET value = '999' WHERE name = 'schema_version'").await;
        let refused = test.again().await.migrate().await.unwrap_err();
        assert_eq!(refused, StoreError::Newer { found: 999, known: SCHEMA_VERSION });
        assert!(refused.to_string().contains("newer airlock-cp"));
        assert_eq!(test.text("SELECT value FROM kv WHERE name = 'schema_version'").await, "999");
    }

    two_processes_end_with_one_signing_key(test) {
        test.store.migrate().await.unwrap();
        let host = airlock_core::runtime::SystemHost::new();
        let (a, b) = (test.again().await, test.again().await);
        let (first, second) = tokio::join!(a.signing_key(&host), b.signing_key(&host));
        assert_eq!(first.unwrap().public(), second.unwrap().public());
    }

    a_damaged_signing_key_is_said_and_not_replaced(test) {
        test.store.migrate().await.unwrap();
        test.raw("INSERT INTO kv (name, value) VALUES ('cp_signing_key', 'no key')").await;
        let host = airlock_core::runtime::SystemHost::new();
        let refused = test.store.signing_key(&host).await.unwrap_err();
        assert_eq!(refused, StoreError::Damaged("cp_signing_key"));
    }
}

/// Every column is on this list; a new one is added by somebody who has thought about what it may hold.
const COLUMNS: &[(&str, &str)] = &[
    ("access_tokens", "hash family_id resource scopes issued_at expires_at revoked_at"),
    (
        "api_keys",
        "kid tenant_id name phc snapshots tools max_rows rate_limit created_at expires_at retires_at successor revoked_at last_used_at version",
    ),
    ("app_consents", "org_id user_id app_id state asked_at decided_at"),
    ("approval_news", "seq ts topic kind about"),
    ("approver_devices", "approver_id signer_key_id public_key device_id label created_at revoked_at"),
    ("approvers", "id org_id user_id created_at"),
    (
        "apps",
        "id client_id org_id owner_id kind name description home_page is_open_source origins hint status created_at updated_at version rate",
    ),
    (
        "audit",
        "org_id seq id ts tenant_id trace_id action outcome error_class tool kid worker_id snapshot_id event prev_hash hash",
    ),
    ("audit_checkpoints", "org_id seq root ts signature"),
    ("audit_open", "id process_id org_id ts event"),
    ("audit_tombstones", "org_id to_seq last_hash ts signature"),
    (
        "auth_codes",
        "hash client_id user_id org_id redirect_uri redirect_given resource scopes challenge nonce auth_at created_at expires_at used_at family_id",
    ),
    ("client_assertions", "hash expires_at"),
    ("consents", "user_id org_id client_id resource redirect_uri scopes granted_at revoked_at"),
    ("counters", "name value"),
    ("decision_nonces", "approver_id signer_key_id nonce used_at"),
    (
        "device_codes",
        "hash user_code_hash client_id scopes resource state interval_s polled_at ip user_id org_id auth_at created_at expires_at",
    ),
    ("dnd_policies", "approver_id policy_id enforcer_id workspace policy created_at expires_at revoked_at"),
    ("enrollment_tokens", "id tenant_id worker_id hash created_at expires_at used_at used_key revoked_at"),
    (
        "exchanges",
        "id org_id owner_id request_id enforcer_id enforcer_label app_id pairing_id artifact_type artifact_hash ciphertext metadata standing_verdict state created_at expires_at ended_at decided_by decision deliver_id",
    ),
    ("idempotency", "actor route key_hash body_hash created_at status answer"),
    ("inbox", "approver_id exchange_id pairing_id msg_id received_at dismissed_at"),
    (
        "invitations",
        "id org_id email email_key role hash invited_by created_at expires_at used_at used_by revoked_at",
    ),
    ("kv", "name value"),
    (
        "logins",
        "hash id user_id org_id proof ip user_agent created_at auth_at last_seen_at expires_at revoked_at",
    ),
    ("mail_tokens", "hash user_id purpose email phc created_at expires_at used_at"),
    ("memberships", "org_id user_id role joined_at"),
    (
        "oauth_clients",
        "id kind org_id name metadata hash hash_ends_at status created_at updated_at last_used_at fetched_at fresh_until version",
    ),
    ("orgs", "id name created_at audit_seq audit_head slug status updated_at version"),
    (
        "pairings",
        "id org_id nonce code_hash kind state is_claimed wrong_answers made_by owner_id approver_id app_id device_id enforcer_id enforcer_label workspace gateway enforcer_key answer signer_key_id token_hash created_at expires_at completed_at ended_at",
    ),
    ("pats", "id hash user_id org_id name hint created_at expires_at last_used_at revoked_at"),
    ("presence", "org_id user_id enforcer_id last_seen_at transport capabilities workspace enforcer_label"),
    ("processes", "id lease_until"),
    ("refresh_tokens", "hash family_id issued_at used_at used_from used_scopes used_resource"),
    ("revocations", "seq ts kind tenant_id name"),
    ("tenant_grants", "tenant_id role snapshots tools max_rows updated_at"),
    ("tenants", "id org_id slug name status created_at updated_at version"),
    ("throttles", "name failures since locked_until"),
    (
        "token_families",
        "id user_id org_id client_id resource scopes auth_at created_at last_used_at ends_at revoked_at reason",
    ),
    (
        "users",
        "id email email_key email_verified_at name phc status created_at updated_at last_login_at version",
    ),
    (
        "workers",
        "tenant_id id public_key hostname version enrolled_at revoked_at session_id connected_at last_seen_at",
    ),
];

#[tokio::test]
async fn there_is_no_column_for_database_urls_sql_text_or_rows() {
    let test = TestStore::sqlite().await;
    test.store.migrate().await.unwrap();
    let pool = test.sqlite_pool().await;
    let mut found: Vec<(String, String)> = sqlx::query_as(
        "SELECT t.name, group_concat(c.name, ' ') FROM sqlite_schema t, pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' GROUP BY t.name ORDER BY t.name",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    found.sort();
    let expected: Vec<_> = COLUMNS.iter().map(|(t, c)| ((*t).to_owned(), (*c).to_owned())).collect();
    assert_eq!(found, expected);
    for (table, columns) in &found {
        for column in columns.split(' ') {
            for word in ["url", "dsn", "sql", "query", "statement", "result", "row", "password", "secret"] {
                let told = column != "max_rows" && column.contains(word);
                assert!(!told, "{table}.{column} looks like a place for {word}");
            }
        }
    }
}

#[tokio::test]
async fn a_backup_is_whole_private_and_never_overwrites() {
    use std::os::unix::fs::PermissionsExt;
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    cp.tenant("acme").await;
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy.sqlite");
    test.store.backup(&copy).await.unwrap();
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(test.store.backup(&copy).await, Err(StoreError::Address(_))));
    let restored = Cp::on(Store::sqlite(&copy).await.unwrap()).await;
    assert_eq!(restored.get("/api/v1/tenants/t_acme").await.status.as_u16(), 200);
    assert_eq!(restored.app.public_key(), cp.app.public_key());
}

#[tokio::test]
async fn the_store_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cp.sqlite");
    let store = Store::sqlite(&file).await.unwrap();
    store.migrate().await.unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_being_printed() {
    let error = Store::postgres("not-a-url://user:s3cret@host").await.unwrap_err();
    assert!(!error.to_string().contains("s3cret"));
}
