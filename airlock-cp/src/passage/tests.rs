//! Which token opens which door how far, with tokens that a table knows.

use std::collections::HashMap;
use std::net::IpAddr;

use airlock_core::Timestamp;
use airlock_core::principal::{ActorKind, SnapshotScope, ToolScope};
use airlock_core::runtime::SystemHost;

use super::door::{KeysDoor, MainDoor};
use super::people::{PeopleDoor, Tokens};
use super::*;
use crate::audit::Caller;
use crate::authz::Role;
use crate::config::Config;
use crate::grants::NewGrant;
use crate::mcp::{Door as _, DoorError, Reach, Visitor};
use crate::oauth::{Scopes, VerifiedToken};
use crate::store::{Store, StoreError};
use crate::tenants::NewTenant;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));

struct Table(HashMap<String, VerifiedToken>);

#[async_trait]
impl Tokens for Table {
    async fn verify(&self, shown: &str) -> Result<Option<VerifiedToken>, StoreError> {
        match shown {
            "at_nostore" => Err(StoreError::Unavailable("busy")),
            _ => Ok(self.0.get(shown).cloned()),
        }
    }
}

fn token(resource: &str, org: &str, role: Role, scopes: &str) -> VerifiedToken {
    let host = SystemHost::new();
    VerifiedToken {
        family: airlock_core::id::FamilyId::new(&host),
        user: airlock_core::id::UserId::new(&host),
        org: org.parse().unwrap(),
        role,
        client_id: "https://client.example/c.json".into(),
        client_name: "Claude\u{202e}".into(),
        resource: resource.parse().unwrap(),
        scopes: Scopes::known_in(scopes),
        expires_at: Timestamp::from_millis(i64::MAX),
    }
}

async fn app() -> App {
    let config = Config::from_vars([]).unwrap();
    let app = App::new(config, Store::memory().await.unwrap(), Arc::new(SystemHost::new())).await.unwrap();
    for slug in ["acme", "other"] {
        let new = NewTenant { slug: slug.into(), id: None, name: None };
        app.tenants().create(&Caller::operator(), new).await.unwrap();
    }
    app
}

fn door(app: &App, tokens: impl IntoIterator<Item = (&'static str, VerifiedToken)>) -> MainDoor {
    let table = Table(tokens.into_iter().map(|(text, token)| (text.to_owned(), token)).collect());
    MainDoor {
        keys: KeysDoor { keys: app.keys().clone() },
        people: PeopleDoor::new(Box::new(table), app.grants().clone(), app.host()),
        tenants: app.tenants().clone(),
        metrics: app.metrics().clone(),
    }
}

async fn enter(app: &App, slug: &str, token: VerifiedToken) -> Result<Visitor, DoorError> {
    door(app, [("at_x", token)]).enter(slug, Some("at_x"), PEER).await
}

fn tools(visitor: &Visitor) -> Vec<&str> {
    match &visitor.principal.scope.tools {
        ToolScope::All => vec!["*"],
        ToolScope::Only(names) => names.iter().map(|name| name.as_str()).collect(),
    }
}

#[tokio::test]
async fn a_token_opens_the_place_it_names_in_its_own_org_and_no_other() {
    let app = app().await;
    for (slug, resource, org, opens) in [
        ("acme", "/mcp/acme", "default", true),
        ("acme", "/mcp/org/default", "default", true),
        ("other", "/mcp/org/default", "default", true),
        ("other", "/mcp/acme", "default", false),
        ("acme", "/mcp/acme", "org_elsewhere", false),
        ("acme", "/mcp/org/elsewhere", "default", false),
        ("acme", "/mcp/org/default", "org_elsewhere", false),
        ("acme", "/mcp/org/acme", "default", false),
        ("ghost", "/mcp/ghost", "default", false),
        ("ghost", "/mcp/org/default", "default", false),
    ] {
        let got = enter(&app, slug, token(resource, org, Role::Owner, "mcp:call")).await;
        match got {
            Ok(_) => assert!(opens, "{slug} {resource} {org}"),
            Err(DoorError::Unauthorized { revoked: false, .. }) => assert!(!opens, "{slug} {resource} {org}"),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn without_a_grant_a_person_reads_the_schema_and_no_snapshot() {
    let app = app().await;
    let visitor = enter(&app, "acme", token("/mcp/acme", "default", Role::Owner, "mcp:call")).await.unwrap();
    assert_eq!(tools(&visitor), ["get_schema"]);
    assert_eq!(visitor.principal.scope.snapshots, SnapshotScope::Only(vec![]));
    assert_eq!((visitor.reach, visitor.principal.actor.kind), (Reach::Call, ActorKind::User));
    assert_eq!(visitor.principal.actor.name.as_deref(), Some("Claude"));
    assert!(visitor.principal.actor.id.starts_with("usr_"));
}

#[tokio::test]
async fn scopes_role_and_grant_each_narrow_the_other() {
    let app = app().await;
    let tenant = app.tenants().show(&"t_acme".parse().unwrap()).await.unwrap();
    let all = |tools: Option<Vec<String>>| NewGrant { allowed_snapshots: None, tools, max_rows: Some(7) };
    let by = Caller::operator();
    for role in [Role::Member, Role::Auditor] {
        app.grants().put(&by, &tenant, role, all(None)).await.unwrap();
    }
    app.grants().put(&by, &tenant, Role::Approver, all(Some(vec!["execute_sql".into()]))).await.unwrap();
    for (role, scopes, expected) in [
        (Role::Member, "mcp:read mcp:call", Some((Reach::Call, vec!["*"]))),
        (Role::Member, "mcp:call", Some((Reach::Call, vec!["*"]))),
        (Role::Member, "mcp:read", Some((Reach::Read, vec!["get_schema"]))),
        (Role::Member, "openid profile email", None),
        (Role::Member, "", None),
        // The role became less after the token was given.
        (Role::Auditor, "mcp:read mcp:call", Some((Reach::Read, vec!["get_schema"]))),
        (Role::Billing, "mcp:read mcp:call", None),
        // No grant for it.
        (Role::Admin, "mcp:call", Some((Reach::Call, vec!["get_schema"]))),
        (Role::Approver, "mcp:call", Some((Reach::Call, vec!["execute_sql"]))),
        (Role::Approver, "mcp:read", Some((Reach::Read, vec![]))),
    ] {
        let got = enter(&app, "acme", token("/mcp/acme", "default", role, scopes)).await;
        match (got, expected) {
            (Ok(visitor), Some(expected)) => {
                assert_eq!((visitor.reach, tools(&visitor)), expected, "{role} {scopes}");
            }
            (Err(DoorError::InsufficientScope { actor, .. }), None) => assert!(actor.id.starts_with("usr_")),
            (got, _) => panic!("{role} {scopes}: {got:?}"),
        }
    }
}

#[tokio::test]
async fn a_changed_grant_counts_at_the_next_call_and_a_disabled_tenant_lets_nobody_in() {
    let app = app().await;
    let tenant = app.tenants().show(&"t_acme".parse().unwrap()).await.unwrap();
    let person = || token("/mcp/acme", "default", Role::Member, "mcp:call");
    let by = Caller::operator();
    let narrow = NewGrant { allowed_snapshots: Some(vec!["u_4*".into()]), tools: None, max_rows: None };
    app.grants().put(&by, &tenant, Role::Member, narrow).await.unwrap();
    let visitor = enter(&app, "acme", person()).await.unwrap();
    assert!(visitor.principal.scope.snapshots.allows(&"u_42".parse().unwrap()));
    assert!(!visitor.principal.scope.snapshots.allows(&"u_5".parse().unwrap()));
    app.grants().remove(&by, &tenant, Role::Member).await.unwrap();
    let visitor = enter(&app, "acme", person()).await.unwrap();
    assert!(!visitor.principal.scope.snapshots.allows(&"u_42".parse().unwrap()));
    let off =
        crate::tenants::TenantPatch { name: None, status: Some(crate::tenants::TenantStatus::Disabled) };
    app.tenants().patch(&by, &tenant.id, off, None).await.unwrap();
    assert!(matches!(enter(&app, "acme", person()).await, Err(DoorError::Unauthorized { .. })));
}

#[tokio::test]
async fn a_family_has_its_allowance_and_wrong_tokens_are_counted_by_address() {
    let app = app().await;
    let good = token("/mcp/acme", "default", Role::Member, "mcp:call");
    let open = door(&app, [("at_x", good)]);
    for _ in 0..600 {
        assert!(open.enter("acme", Some("at_x"), PEER).await.is_ok());
    }
    let refused = open.enter("acme", Some("at_x"), PEER).await.unwrap_err();
    assert!(matches!(refused, DoorError::RateLimited { of: Some(_), .. }), "{refused:?}");

    let other: IpAddr = "192.0.2.10".parse().unwrap();
    for _ in 0..120 {
        let refused = open.enter("acme", Some("at_wrong"), other).await.unwrap_err();
        assert!(matches!(refused, DoorError::Unauthorized { .. }));
    }
    let refused = open.enter("acme", Some("at_wrong"), other).await.unwrap_err();
    assert!(matches!(refused, DoorError::RateLimited { .. }));
}

#[tokio::test]
async fn what_the_store_does_not_say_opens_nothing_and_is_told_apart() {
    let app = app().await;
    let door = door(&app, []);
    assert_eq!(door.enter("acme", Some("at_nostore"), PEER).await, Err(DoorError::Unavailable));
    for shown in [None, Some("airpat_x"), Some("eyJ.eyJ.x"), Some("ak_live_x"), Some("ak_"), Some("rt_x")] {
        let refused = door.enter("acme", shown, PEER).await.unwrap_err();
        assert!(matches!(refused, DoorError::Unauthorized { revoked: false, .. }), "{shown:?}");
    }
    assert_eq!(app.keys().hash_runs(), 0);
}
