//! A tool call on the wire.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;

use airlock_core::id::{TenantId, ToolName};
use airlock_core::plane::{ContentType, ToolCall};
use airlock_core::principal::{
    Actor, ActorKind, Principal, Scope, SnapshotPattern, SnapshotScope, ToolScope,
};

use super::{WireError, bounded, cut, text};
use crate::limits::{
    ARGUMENTS_BYTES_MAX, CALL_BUDGET_MAX, NAME_BYTES_MAX, SNAPSHOT_PATTERN_BYTES_MAX, SNAPSHOT_PATTERNS_MAX,
    TOOLS_MAX,
};
use crate::wire;

/// A call and the tenant it is meant for. The tenant is the sender's word: compare it with one's own.
#[derive(Clone, Debug)]
pub struct TenantCall {
    /// For whose data plane.
    pub tenant: TenantId,
    /// The call.
    pub call: ToolCall,
}

/// The call as a message.
///
/// # Errors
/// If arguments or scope are longer than a frame allows.
pub fn call_to_wire(tenant: &TenantId, call: &ToolCall) -> Result<wire::Call, WireError> {
    let arguments = call.arguments.get();
    bounded("call.arguments", arguments.len(), ARGUMENTS_BYTES_MAX)?;
    let actor = &call.principal.actor;
    Ok(wire::Call {
        id: call.id.as_str().to_owned(),
        tool: call.tool.as_str().to_owned(),
        arguments: Bytes::copy_from_slice(arguments.as_bytes()),
        tenant_id: tenant.as_str().to_owned(),
        actor: Some(wire::Actor {
            kind: kind_to_wire(actor.kind).to_owned(),
            id: cut(&actor.id, NAME_BYTES_MAX),
            name: actor.name.as_deref().map(|n| cut(n, NAME_BYTES_MAX)),
        }),
        allowed: Some(scope_to_wire(&call.principal.scope)?),
        trace_id: call.trace.as_str().to_owned(),
        deadline_ms: u64::try_from(call.budget.as_millis()).unwrap_or(u64::MAX),
        protocol: call.revision.as_str().to_owned(),
        accept: call.accept.as_str().to_owned(),
        bound: call.bound.as_ref().map(|s| s.expose().to_owned()),
    })
}

impl TryFrom<wire::Call> for TenantCall {
    type Error = WireError;

    fn try_from(from: wire::Call) -> Result<Self, WireError> {
        let invalid = |field| move |_| WireError::Invalid(field);
        let actor = from.actor.ok_or(WireError::Missing("call.actor"))?;
        let principal = Principal {
            actor: Actor {
                kind: kind_from_wire(&actor.kind)?,
                id: text("call.actor.id", actor.id, NAME_BYTES_MAX)?,
                name: super::optional("call.actor.name", actor.name, NAME_BYTES_MAX)?,
            },
            // Absent reaches nothing: the empty message does.
            scope: scope_from_wire(from.allowed.unwrap_or_default())?,
        };
        let call = ToolCall {
            id: from.id.parse().map_err(|_| WireError::Invalid("call.id"))?,
            tool: from.tool.parse().map_err(|_| WireError::Invalid("call.tool"))?,
            arguments: arguments(&from.arguments)?,
            bound: from.bound.map(|s| s.parse()).transpose().map_err(invalid("call.bound"))?,
            principal,
            trace: from.trace_id.parse().map_err(|_| WireError::Invalid("call.trace_id"))?,
            budget: Duration::from_millis(from.deadline_ms).min(CALL_BUDGET_MAX),
            revision: from.protocol.parse().map_err(|_| WireError::Invalid("call.protocol"))?,
            accept: ContentType::parse(&from.accept).ok_or(WireError::Invalid("call.accept"))?,
        };
        Ok(Self { tenant: from.tenant_id.parse().map_err(|_| WireError::Invalid("call.tenant_id"))?, call })
    }
}

/// A JSON object within its bound.
fn arguments(bytes: &[u8]) -> Result<Box<RawValue>, WireError> {
    bounded("call.arguments", bytes.len(), ARGUMENTS_BYTES_MAX)?;
    let invalid = WireError::Invalid("call.arguments");
    let text = std::str::from_utf8(bytes).map_err(|_| invalid)?.trim_matches([' ', '\t', '\n', '\r']);
    if !text.starts_with('{') {
        return Err(invalid);
    }
    RawValue::from_string(text.to_owned()).map_err(|_| invalid)
}

fn scope_to_wire(scope: &Scope) -> Result<wire::Allowed, WireError> {
    let (all_snapshots, snapshots) = match &scope.snapshots {
        SnapshotScope::All => (true, Vec::new()),
        SnapshotScope::Only(patterns) => (false, patterns.iter().map(|p| p.as_str().to_owned()).collect()),
    };
    let (all_tools, tools) = match &scope.tools {
        ToolScope::All => (true, Vec::new()),
        ToolScope::Only(names) => (false, names.iter().map(|n| n.as_str().to_owned()).collect()),
    };
    let allowed = wire::Allowed { all_snapshots, snapshots, all_tools, tools, max_rows: scope.max_rows };
    scope_bounds(&allowed).map(|()| allowed)
}

fn scope_from_wire(allowed: wire::Allowed) -> Result<Scope, WireError> {
    scope_bounds(&allowed)?;
    let snapshots = if allowed.all_snapshots {
        SnapshotScope::All
    } else {
        let patterns = allowed.snapshots.iter().map(|p| SnapshotPattern::parse(p));
        SnapshotScope::Only(
            patterns.collect::<Result<_, _>>().map_err(|_| WireError::Invalid("call.allowed.snapshots"))?,
        )
    };
    let tools = if allowed.all_tools {
        ToolScope::All
    } else {
        let names = allowed.tools.iter().map(|t| t.parse::<ToolName>());
        ToolScope::Only(
            names
                .collect::<Result<BTreeSet<_>, _>>()
                .map_err(|_| WireError::Invalid("call.allowed.tools"))?,
        )
    };
    Ok(Scope { snapshots, tools, max_rows: allowed.max_rows })
}

fn scope_bounds(allowed: &wire::Allowed) -> Result<(), WireError> {
    bounded("call.allowed.snapshots", allowed.snapshots.len(), SNAPSHOT_PATTERNS_MAX)?;
    bounded("call.allowed.tools", allowed.tools.len(), TOOLS_MAX)?;
    allowed
        .snapshots
        .iter()
        .try_for_each(|p| bounded("call.allowed.snapshots[]", p.len(), SNAPSHOT_PATTERN_BYTES_MAX))
}

fn kind_to_wire(kind: ActorKind) -> &'static str {
    KINDS.iter().find(|(k, _)| *k == kind).map_or("anonymous", |(_, word)| word)
}

fn kind_from_wire(word: &str) -> Result<ActorKind, WireError> {
    KINDS.iter().find(|(_, w)| *w == word).map(|(k, _)| *k).ok_or(WireError::Invalid("call.actor.kind"))
}

const KINDS: &[(ActorKind, &str)] = &[
    (ActorKind::ApiKey, "api_key"),
    (ActorKind::User, "user"),
    (ActorKind::Operator, "operator"),
    (ActorKind::Worker, "worker"),
    (ActorKind::Embedded, "embedded"),
    (ActorKind::System, "system"),
    (ActorKind::Anonymous, "anonymous"),
];

#[cfg(test)]
mod tests {
    use prost::Message;

    use airlock_core::plane::Revision;

    use super::*;
    use crate::limits::HUB_FRAME_BYTES_MAX;

    fn call(scope: Scope, arguments: &str) -> ToolCall {
        ToolCall {
            id: "c_01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            tool: "execute_sql".parse().unwrap(),
            arguments: RawValue::from_string(arguments.to_owned()).unwrap(),
            bound: Some("u_42".parse().unwrap()),
            principal: Principal {
                actor: Actor { kind: ActorKind::ApiKey, id: "abcd1234".into(), name: Some("ci".into()) },
                scope,
            },
            trace: "tr_1".parse().unwrap(),
            budget: Duration::from_secs(30),
            revision: Revision::V2025_06_18,
            accept: ContentType::McpResult,
        }
    }

    fn tenant() -> TenantId {
        "t_acme".parse().unwrap()
    }

    fn wire() -> wire::Call {
        call_to_wire(&tenant(), &call(Scope::EVERYTHING, r#"{"sql":"SELECT 1"}"#)).unwrap()
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut wire::Call), why: WireError) {
        let mut call = wire();
        change(&mut call);
        assert_eq!(TenantCall::try_from(call).unwrap_err(), why);
    }

    #[test]
    fn a_call_survives_the_wire() {
        let scope = Scope {
            snapshots: SnapshotScope::Only(vec![SnapshotPattern::parse("u_4*").unwrap()]),
            tools: ToolScope::Only(["execute_sql".parse().unwrap()].into()),
            max_rows: Some(7),
        };
        for scope in [scope, Scope::EVERYTHING] {
            let sent = call(scope, r#"{"sql":"SELECT 1"}"#);
            let got = TenantCall::try_from(call_to_wire(&tenant(), &sent).unwrap()).unwrap();
            assert_eq!(got.tenant, tenant());
            assert_eq!(got.call.principal, sent.principal);
            assert_eq!(got.call.arguments.get(), sent.arguments.get());
            assert_eq!((got.call.id, got.call.bound, got.call.budget), (sent.id, sent.bound, sent.budget));
        }
    }

    #[test]
    fn an_absent_scope_reaches_nothing() {
        let got = TenantCall::try_from(wire::Call { allowed: None, ..wire() }).unwrap();
        assert_eq!(got.call.principal.scope.snapshots, SnapshotScope::Only(vec![]));
        assert_eq!(got.call.principal.scope.tools, ToolScope::Only(BTreeSet::new()));
    }

    #[test]
    fn what_is_wrong_or_too_long_is_refused_by_its_field() {
        refused(|c| c.actor = None, WireError::Missing("call.actor"));
        refused(|c| c.tenant_id = "acme".into(), WireError::Invalid("call.tenant_id"));
        refused(|c| c.arguments = Bytes::from_static(b"[1]"), WireError::Invalid("call.arguments"));
        refused(|c| c.arguments = Bytes::from_static(b"{\xff}"), WireError::Invalid("call.arguments"));
        refused(|c| c.arguments = Bytes::from_static(b"{}{}"), WireError::Invalid("call.arguments"));
        refused(
            |c| c.arguments = vec![b'{'; ARGUMENTS_BYTES_MAX + 1].into(),
            WireError::TooLong { field: "call.arguments", max: ARGUMENTS_BYTES_MAX },
        );
        refused(|c| c.protocol = "1999-01-01".into(), WireError::Invalid("call.protocol"));
        refused(
            |c| {
                c.allowed =
                    Some(wire::Allowed { tools: vec!["t".into(); TOOLS_MAX + 1], ..Default::default() })
            },
            WireError::TooLong { field: "call.allowed.tools", max: TOOLS_MAX },
        );
    }

    #[test]
    fn budgets_are_cut_to_what_a_call_may_take() {
        let got = TenantCall::try_from(wire::Call { deadline_ms: u64::MAX, ..wire() }).unwrap();
        assert_eq!(got.call.budget, CALL_BUDGET_MAX);
    }

    #[test]
    fn the_longest_call_fits_into_a_frame() {
        let scope = Scope {
            snapshots: SnapshotScope::Only(vec![
                SnapshotPattern::parse(
                    &"s".repeat(SNAPSHOT_PATTERN_BYTES_MAX)
                )
                .unwrap();
                SNAPSHOT_PATTERNS_MAX
            ]),
            tools: ToolScope::Only((0..TOOLS_MAX).map(|i| format!("{i:0>128}").parse().unwrap()).collect()),
            max_rows: Some(u32::MAX),
        };
        let longest = call(scope, &format!("{{\"a\":\"{}\"}}", "x".repeat(ARGUMENTS_BYTES_MAX - 8)));
        let frame = call_to_wire(&tenant(), &longest).unwrap();
        assert!(frame.encoded_len() + 64 <= HUB_FRAME_BYTES_MAX);
    }
}
