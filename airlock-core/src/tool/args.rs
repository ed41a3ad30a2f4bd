//! The tools' arguments: parsed strictly, refused with the name of what is wrong, never with its value.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{CallError, Code};
use crate::id::SubjectId;
use crate::plane::ToolCall;

/// Arguments of execute_sql.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecuteSql {
    #[serde(alias = "subject")]
    snapshot_id: Option<String>,
    /// The statement.
    pub sql: String,
    /// Most rows to return.
    pub max_rows: Option<u64>,
    /// Form of the text part.
    #[serde(default)]
    pub format: TextFormat,
    /// Where to go on.
    pub cursor: Option<String>,
    /// Time the statement may take.
    pub timeout_ms: Option<u64>,
}

impl std::fmt::Debug for ExecuteSql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExecuteSql({} bytes)", self.sql.len())
    }
}

/// Forms of text that an agent may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextFormat {
    /// Columns and rows.
    #[default]
    Json,
    /// RFC 4180.
    Csv,
    /// A table.
    Markdown,
    /// One object a row.
    Objects,
}

/// Arguments of get_schema.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetSchema {
    #[serde(alias = "subject")]
    snapshot_id: Option<String>,
    /// Only these tables.
    pub tables: Option<Vec<String>>,
    /// How much to tell.
    pub detail: Option<SchemaDetail>,
}

/// How much get_schema tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaDetail {
    /// One line a table.
    Compact,
    /// Everything.
    Full,
}

/// Arguments of null_rates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NullRates {
    #[serde(alias = "subject")]
    snapshot_id: Option<String>,
    /// Only this table.
    pub table: Option<String>,
    /// Only these columns.
    pub columns: Option<Vec<String>>,
}

macro_rules! arguments {
    ($($name:ident)+) => {$(
        impl $name {
            /// Reads the arguments of a call, and the subject: bound outside the model, or named by the argument.
            ///
            /// # Errors
            /// `invalid_arguments` naming what is wrong; `scope_denied` when the argument differs from the bound subject
            /// or the credential does not reach it.
            pub fn parse(call: &ToolCall) -> Result<(Self, Option<SubjectId>), CallError> {
                let args: Self = read(&call.arguments)?;
                let subject = resolve(call, args.snapshot_id.as_deref())?;
                Ok((args, subject))
            }
        }
    )+};
}

arguments! { ExecuteSql GetSchema NullRates }

fn read<T: DeserializeOwned>(raw: &RawValue) -> Result<T, CallError> {
    if !raw.get().starts_with('{') {
        return Err(invalid("arguments must be an object".into()));
    }
    // serde's text may quote a value in `invalid type` and `unknown variant`; only the shape of its complaint is kept.
    serde_json::from_str(raw.get()).map_err(|error| {
        let text = error.to_string();
        let named = |prefix: &str| {
            let rest = text.strip_prefix(prefix)?;
            let name = rest.split('`').nth(1)?;
            (name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
                .then(|| name.to_owned())
        };
        let message = if let Some(name) = named("missing field ") {
            format!("argument `{name}` is missing")
        } else if let Some(name) = named("unknown field ") {
            format!("there is no argument `{name}`")
        } else if let Some(name) = named("duplicate field ") {
            format!("argument `{name}` is given twice")
        } else {
            "an argument has the wrong type or is not one of the allowed words".to_owned()
        };
        invalid(message)
    })
}

fn resolve(call: &ToolCall, argument: Option<&str>) -> Result<Option<SubjectId>, CallError> {
    let named = argument.map(str::parse::<SubjectId>).transpose().map_err(|_| {
        invalid("argument `snapshot_id` must be 1 to 256 bytes without control characters".into())
    })?;
    let subject = match (&call.bound, named) {
        (Some(bound), Some(named)) if *bound != named => {
            return Err(CallError::new(Code::ScopeDenied, "this connection is bound to another snapshot"));
        }
        (Some(bound), _) => Some(bound.clone()),
        (None, named) => named,
    };
    match &subject {
        Some(subject) if !call.principal.scope.snapshots.allows(subject) => {
            Err(CallError::new(Code::ScopeDenied, "the credential does not reach this snapshot"))
        }
        _ => Ok(subject),
    }
}

fn invalid(message: String) -> CallError {
    CallError::new(Code::InvalidArguments, message).with_hint("see the tool's inputSchema")
}

/// The subject that a call names, for its audit row: bound outside the model, or the argument as given.
///
/// Cut to 256 characters; `None` when the call names none.
pub fn subject_of(call: &ToolCall) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(alias = "subject")]
        snapshot_id: Option<String>,
    }
    if let Some(bound) = &call.bound {
        return Some(bound.expose().to_owned());
    }
    let named: Named = serde_json::from_str(call.arguments.get()).ok()?;
    named.snapshot_id.map(|id| id.chars().filter(|c| !c.is_control()).take(256).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plane::{ContentType, Revision};
    use crate::principal::{Actor, ActorKind, Principal, Scope, SnapshotPattern, SnapshotScope};

    fn call(arguments: &str, bound: Option<&str>, snapshots: SnapshotScope) -> ToolCall {
        ToolCall {
            id: "c_01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            tool: "execute_sql".parse().unwrap(),
            arguments: RawValue::from_string(arguments.into()).unwrap(),
            bound: bound.map(|b| b.parse().unwrap()),
            principal: Principal {
                actor: Actor { kind: ActorKind::Embedded, id: "me".into(), name: None },
                scope: Scope { snapshots, ..Scope::EVERYTHING },
            },
            trace: "t".parse().unwrap(),
            budget: Duration::from_secs(1),
            revision: Revision::V2025_06_18,
            accept: ContentType::McpResult,
        }
    }

    #[track_caller]
    fn refused(arguments: &str, message: &str) {
        let error = ExecuteSql::parse(&call(arguments, None, SnapshotScope::All)).unwrap_err();
        assert_eq!(error.code, Code::InvalidArguments);
        assert_eq!(error.message, message);
    }

    #[test]
    fn a_refusal_names_the_argument_and_never_its_value() {
        refused(r#"{"snapshot_id":"u_1"}"#, "argument `sql` is missing");
        refused(r#"{"sql":"x","sqll":"SECRET"}"#, "there is no argument `sqll`");
        refused(r#"{"sql":"x","sql":"y"}"#, "argument `sql` is given twice");
        let shape = "an argument has the wrong type or is not one of the allowed words";
        refused(r#"{"sql":"x","format":"SECRET"}"#, shape);
        refused(r#"{"sql":"x","max_rows":"SECRET"}"#, shape);
        refused(r#"["SECRET"]"#, "arguments must be an object");
        refused(r#"{"sql":"x","a SECRET with space":1}"#, shape);
        refused(
            r#"{"sql":"x","snapshot_id":""}"#,
            "argument `snapshot_id` must be 1 to 256 bytes without control characters",
        );
    }

    #[test]
    fn subject_is_an_alias_of_snapshot_id() {
        let (_, subject) =
            ExecuteSql::parse(&call(r#"{"sql":"x","subject":"u_1"}"#, None, SnapshotScope::All)).unwrap();
        assert_eq!(subject.unwrap().expose(), "u_1");
    }

    #[test]
    fn a_bound_subject_wins_and_a_differing_argument_is_refused() {
        let bound = |args| ExecuteSql::parse(&call(args, Some("u_1"), SnapshotScope::All));
        assert_eq!(bound(r#"{"sql":"x"}"#).unwrap().1.unwrap().expose(), "u_1");
        assert_eq!(bound(r#"{"sql":"x","snapshot_id":"u_1"}"#).unwrap().1.unwrap().expose(), "u_1");
        assert_eq!(bound(r#"{"sql":"x","snapshot_id":"u_2"}"#).unwrap_err().code, Code::ScopeDenied);
    }

    #[test]
    fn a_subject_outside_the_scope_is_refused_however_it_is_named() {
        let only = || SnapshotScope::Only(vec![SnapshotPattern::parse("u_4*").unwrap()]);
        let code = |c: ToolCall| ExecuteSql::parse(&c).unwrap_err().code;
        assert_eq!(code(call(r#"{"sql":"x","snapshot_id":"u_5"}"#, None, only())), Code::ScopeDenied);
        assert_eq!(code(call(r#"{"sql":"x"}"#, Some("u_5"), only())), Code::ScopeDenied);
        assert!(ExecuteSql::parse(&call(r#"{"sql":"x","snapshot_id":"u_42"}"#, None, only())).is_ok());
    }
}
