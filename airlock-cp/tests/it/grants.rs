//! Grants: set by the operator and the org's admins, for the org's own tenants; gone with the tenant.

use airlock_core::principal::{SnapshotScope, ToolScope};
use airlock_cp::authz::Role;
use http::Method;
use serde_json::{Value, json};

use crate::apps_people::{org, person};
use crate::harness::{Clock, Cp, on_both};

async fn theirs(test: &crate::harness::TestStore, cp: &Cp) {
    org(test, "other").await;
    cp.tenant("acme").await;
    cp.tenant("theirs").await;
    test.raw("UPDATE tenants SET org_id = 'org_other' WHERE id = 't_theirs'").await;
}

on_both! {
    a_grant_is_set_shown_listed_and_taken_back(test) {
        let cp = Cp::on(test.store.clone()).await;
        let id = cp.tenant("acme").await.parse().unwrap();
        let path = "/api/v1/tenants/t_acme/grants/member";
        let none = cp.app.grants().scope_of(&id, Role::Member).await.unwrap();
        assert_eq!(none.snapshots, SnapshotScope::Only(vec![]));
        assert!(none.tools.allows(&"get_schema".parse().unwrap()));
        assert!(!none.tools.allows(&"execute_sql".parse().unwrap()));
        assert_eq!(cp.get(path).await.status.as_u16(), 404);

        let put = |body: Value| cp.ask(Method::PUT, path, Some(body), &[]);
        let set = put(json!({"allowed_snapshots": ["u_4*"], "tools": ["execute_sql"], "max_rows": 10})).await;
        assert_eq!(set.status.as_u16(), 200, "{:?}", set.body);
        assert_eq!(cp.get(path).await.body, set.body);
        let list = cp.get("/api/v1/tenants/t_acme/grants").await.body;
        assert_eq!(list["items"], json!([set.body]));
        let scope = cp.app.grants().scope_of(&id, Role::Member).await.unwrap();
        assert!(scope.snapshots.allows(&"u_42".parse().unwrap()) && !scope.snapshots.allows(&"u_5".parse().unwrap()));
        assert_eq!(scope.max_rows, Some(10));
        // Another role has what it had.
        assert_eq!(cp.app.grants().scope_of(&id, Role::Owner).await.unwrap(), none);

        put(json!({"allowed_snapshots": null})).await;
        let scope = cp.app.grants().scope_of(&id, Role::Member).await.unwrap();
        assert_eq!((scope.snapshots, scope.tools, scope.max_rows), (SnapshotScope::All, ToolScope::All, None));
        assert_eq!(cp.ask(Method::DELETE, path, None, &[]).await.status.as_u16(), 204);
        assert_eq!(cp.ask(Method::DELETE, path, None, &[]).await.status.as_u16(), 404);
        assert_eq!(cp.app.grants().scope_of(&id, Role::Member).await.unwrap(), none);
        let acts = cp.actions("t_acme").await;
        let changed = acts.iter().filter(|(action, _)| action == "grant.changed");
        let outcomes: Vec<_> = changed.map(|(_, outcome)| outcome.as_str()).collect();
        assert_eq!(outcomes, ["ok", "ok", "ok", "error"]);
    }

    a_grant_changed_in_one_process_counts_in_another(test) {
        let clock = Clock::new();
        let here = Cp::with_clock(test.store.clone(), clock.clone()).await;
        let there = Cp::with_clock(test.again().await, clock).await;
        here.tenant("acme").await;
        let slug = "acme".parse().unwrap();
        there.app.revocations().poll().await.unwrap();
        let reach = async || there.app.grants().reach(&slug, Role::Member).await.unwrap().unwrap();
        assert_eq!(reach().await.scope.snapshots, SnapshotScope::Only(vec![]));
        let path = "/api/v1/tenants/t_acme/grants/member";
        here.ask(Method::PUT, path, Some(json!({"allowed_snapshots": null})), &[]).await;
        there.app.revocations().poll().await.unwrap();
        assert_eq!(reach().await.scope.snapshots, SnapshotScope::All);
        here.ask(Method::PATCH, "/api/v1/tenants/t_acme", Some(json!({"status": "disabled"})), &[]).await;
        there.app.revocations().poll().await.unwrap();
        assert_eq!(reach().await.status, airlock_cp::tenants::TenantStatus::Disabled);
        assert_eq!(here.ask(Method::DELETE, "/api/v1/tenants/t_acme", None, &[]).await.status.as_u16(), 204);
        there.app.revocations().poll().await.unwrap();
        assert_eq!(there.app.grants().reach(&slug, Role::Member).await.unwrap(), None);
        assert_eq!(test.text("SELECT CAST(COUNT(*) AS TEXT) FROM tenant_grants").await, "0");
    }

    an_orgs_admins_set_its_grants_and_another_orgs_tenant_is_not_there(test) {
        let cp = Cp::on(test.store.clone()).await;
        theirs(&test, &cp).await;
        let own = "/api/v1/org/tenants/t_acme/grants/member";
        let foreign = "/api/v1/org/tenants/t_theirs/grants/member";
        let body = || Some(json!({"allowed_snapshots": ["u_1"]}));
        for (role, read, set) in [
            ("owner", 200, 200), ("admin", 200, 200), ("auditor", 200, 403), ("approver", 403, 403),
            ("member", 403, 403), ("billing", 403, 403),
        ] {
            let who = person(&test, "default", role).await;
            let status = async |method: Method, path: &str, body: Option<Value>| {
                cp.browse(&who, method, path, body).await.status.as_u16()
            };
            assert_eq!(status(Method::PUT, own, body()).await, set, "{role}");
            assert_eq!(status(Method::GET, own, None).await, read, "{role}");
            assert_eq!(status(Method::GET, "/api/v1/org/tenants/t_acme/grants", None).await, read, "{role}");
            if read == 200 {
                for path in [foreign, "/api/v1/org/tenants/t_theirs/grants", "/api/v1/org/tenants/t_ghost/grants/member"] {
                    assert_eq!(status(Method::GET, path, None).await, 404, "{role} {path}");
                }
            }
            if set == 200 {
                assert_eq!(status(Method::PUT, foreign, body()).await, 404, "{role}");
                assert_eq!(status(Method::DELETE, foreign, None).await, 404, "{role}");
            }
            let list = cp.browse(&who, Method::GET, "/api/v1/org/tenants", None).await.body.to_string();
            assert!(list.contains("t_acme") && !list.contains("theirs"), "{role} {list}");
        }
        // The operator acts in the org that the request names.
        let in_org = |org: &'static str, path: &'static str| async {
            cp.ask(Method::PUT, path, Some(json!({"allowed_snapshots": []})), &[("airlock-org", org)]).await.status.as_u16()
        };
        assert_eq!(in_org("other", foreign).await, 200);
        assert_eq!(in_org("other", own).await, 404);
        assert_eq!(in_org("default", foreign).await, 404);
        assert_eq!(cp.bare(Method::GET, own, None, &[]).await.status.as_u16(), 401);
        // The row stands in the log of the org whose tenant it is.
        let org = "org_other".parse().unwrap();
        assert!(cp.app.audit_log().verify(&org).await.unwrap().unwrap().records >= 1);
    }
}

#[tokio::test]
async fn what_may_be_granted_has_bounds() {
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    for (role, body, expected) in [
        ("member", json!({"allowed_snapshots": []}), 200),
        ("auditor", json!({"allowed_snapshots": null, "tools": null, "max_rows": null}), 200),
        // Forgotten, it would open everything.
        ("member", json!({}), 422),
        ("member", json!({"tools": ["get_schema"]}), 422),
        ("member", json!({"allowed_snapshots": ["u_*4"]}), 422),
        ("member", json!({"allowed_snapshots": [""]}), 422),
        ("member", json!({"allowed_snapshots": ["x".repeat(257)]}), 422),
        ("member", json!({"allowed_snapshots": vec!["u_1"; 1001]}), 422),
        ("member", json!({"allowed_snapshots": [], "tools": ["no spaces"]}), 422),
        ("member", json!({"allowed_snapshots": [], "max_rows": 0}), 422),
        ("member", json!({"allowed_snapshots": [], "max_rows": -1}), 422),
        ("member", json!({"allowed_snapshots": [], "role": "owner"}), 422),
        ("billing", json!({"allowed_snapshots": []}), 422),
        ("root", json!({"allowed_snapshots": []}), 404),
        ("Member", json!({"allowed_snapshots": []}), 404),
    ] {
        let path = format!("/api/v1/tenants/t_acme/grants/{role}");
        let answer = cp.ask(Method::PUT, &path, Some(body.clone()), &[]).await;
        assert_eq!(answer.status.as_u16(), expected, "{role} {body} {:?}", answer.body);
    }
}

#[cfg(feature = "cli")]
#[test]
fn the_command_line_sets_lists_and_removes() {
    let dir = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_airlock-cp"));
        let done = command.env_clear().env("AIRLOCK_CP_DATA_DIR", dir.path()).args(args).output().unwrap();
        (done.status.code().unwrap(), String::from_utf8(done.stdout).unwrap().trim_end().to_owned())
    };
    run(&["tenant", "create", "acme"]);
    let set = ["grant", "set", "--tenant", "t_acme", "--role", "member", "--snapshots"];
    assert_eq!(run(&[&set[..], &["u_42,u_5*"]].concat()), (0, "member".to_owned()));
    let (code, list) = run(&["grant", "list", "--tenant", "t_acme"]);
    assert!(code == 0 && list.starts_with("member\tu_42,u_5*\t-\t-\t"), "{list}");
    assert_eq!(run(&[&set[..], &["none"]].concat()).0, 0);
    assert_eq!(run(&["grant", "remove", "--tenant", "t_acme", "--role", "member"]), (0, "member".to_owned()));
    assert_eq!(run(&["grant", "remove", "--tenant", "t_acme", "--role", "member"]).0, 1);
    assert_eq!(run(&["grant", "remove", "--tenant", "t_acme", "--role", "x/../y"]).0, 2);

    let (code, made) = run(&["app", "create", "--kind", "Agent", "--name", "agent"]);
    let lines: Vec<_> = made.lines().map(str::len).collect();
    assert_eq!((code, lines), (0, vec![20, 40]));
    let (_, list) = run(&["app", "list"]);
    let id = list.split('\t').next().unwrap();
    assert_eq!(run(&["app", "rotate", id]).1.lines().count(), 2);
    assert_eq!(run(&["app", "revoke", id]), (0, "revoked".to_owned()));
    assert_eq!(run(&["app", "revoke", "ABC-1234567"]).0, 1);
    assert_eq!(run(&["pat", "list"]), (0, String::new()));
    assert_eq!(run(&["pat", "revoke", "pat_01J00000000000000000000000"]).0, 1);
}
