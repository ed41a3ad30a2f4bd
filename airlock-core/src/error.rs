//! The one registry of error codes: name, JSON-RPC number, who is at fault, whether to try again.

use std::fmt;

/// Who has to change something for the call to succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The one who asked.
    Caller,
    /// Something behind us: a database, a worker, the network between.
    Upstream,
    /// We.
    Internal,
}

/// Whether the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same call will fail again.
    No,
    /// The same call may succeed later.
    Later,
    /// A changed call may succeed: a narrower query, corrected SQL, a fresh cursor.
    Changed,
}

/// Where an MCP client sees the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// As a JSON-RPC error.
    Protocol,
    /// As a tool result with `isError: true`, because the model can act on it.
    Tool,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $rpc:literal, $fault:ident, $retry:ident, $surface:ident;)+) => {
        /// A stable name for a kind of failure; the same word in MCP, HTTP, audit and logs.
        ///
        /// Each has a page in `docs/errors/`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code, in the order of the registry.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The name, as it stands in answers and audit rows.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $name,)+ }
            }
            /// The JSON-RPC error number. Clients read the name, never the number alone.
            pub const fn rpc_code(self) -> i32 {
                match self { $(Code::$variant => $rpc,)+ }
            }
            /// Who is at fault.
            pub const fn fault(self) -> Fault {
                match self { $(Code::$variant => Fault::$fault,)+ }
            }
            /// Whether to try again.
            pub const fn retry(self) -> Retry {
                match self { $(Code::$variant => Retry::$retry,)+ }
            }
            /// Where an MCP client sees it.
            pub const fn surface(self) -> Surface {
                match self { $(Code::$variant => Surface::$surface,)+ }
            }
            /// The code of this name.
            pub fn parse(name: &str) -> Option<Code> {
                match name { $($name => Some(Code::$variant),)+ _ => None }
            }
        }
    };
}

codes! {
    /// A bug of ours; the answer carries an incident id only.
    Internal = "internal", -32000, Internal, Later, Protocol;
    /// No worker of the tenant is connected, or the tunnel dropped during the call.
    WorkerUnavailable = "worker_unavailable", -32001, Upstream, Later, Protocol;
    /// The source database cannot be reached, refuses us, or failed too often of late.
    SourceUnavailable = "source_unavailable", -32002, Upstream, Later, Protocol;
    /// No, an unknown or a revoked credential.
    Unauthorized = "unauthorized", -32003, Caller, No, Protocol;
    /// No row of the root table has this id.
    SnapshotNotFound = "snapshot_not_found", -32004, Caller, No, Protocol;
    /// The credential does not reach this snapshot or tool.
    ScopeDenied = "scope_denied", -32005, Caller, No, Protocol;
    /// The statement ended the process that ran it.
    QueryCrashed = "query_crashed", -32006, Caller, No, Tool;
    /// The statement ran past its deadline.
    QueryTimeout = "query_timeout", -32007, Caller, Changed, Tool;
    /// A limit was passed: memory, rows, bytes. The answer names it.
    LimitExceeded = "limit_exceeded", -32008, Caller, Changed, Tool;
    /// Too much is running or waiting.
    Busy = "busy", -32009, Upstream, Later, Protocol;
    /// The statement could reach outside the snapshot, or is no query.
    EgressBlocked = "egress_blocked", -32010, Caller, Changed, Tool;
    /// The statement is allowed and wrong: syntax, names, types.
    SqlError = "sql_error", -32011, Caller, Changed, Tool;
    /// The source's data or the policy stopped the export.
    ExportFailed = "export_failed", -32012, Upstream, No, Protocol;
    /// Too many calls.
    RateLimited = "rate_limited", -32013, Caller, Later, Protocol;
    /// Worker and control plane do not speak a common version.
    WorkerIncompatible = "worker_incompatible", -32014, Upstream, No, Protocol;
    /// The snapshot changed since the cursor was made.
    CursorExpired = "cursor_expired", -32015, Caller, Changed, Tool;
    /// An argument is missing, unknown or out of range.
    InvalidArguments = "invalid_arguments", -32602, Caller, Changed, Tool;
    /// No tool of this name is visible to the caller.
    ToolNotFound = "tool_not_found", -32602, Caller, No, Protocol;
    /// The caller went away or asked to stop.
    Cancelled = "cancelled", -32000, Caller, No, Protocol;
    /// The audit log cannot be written, so nothing is answered.
    AuditUnavailable = "audit_unavailable", -32000, Upstream, Later, Protocol;
    /// The store cannot be read or written just now.
    StoreUnavailable = "store_unavailable", -32000, Upstream, Later, Protocol;
    /// The access token lacks a scope that this needs; the challenge names all of them.
    InsufficientScope = "insufficient_scope", -32005, Caller, Changed, Protocol;
    /// Signed in, and the role does not allow this.
    Forbidden = "forbidden", -32000, Caller, No, Protocol;
    /// The request changes something and does not prove that it came from our own page.
    CsrfFailed = "csrf_failed", -32000, Caller, Changed, Protocol;
    /// Nothing of this name exists, or not for the caller.
    NotFound = "not_found", -32000, Caller, No, Protocol;
    /// It exists already, or its state does not allow this.
    Conflict = "conflict", -32000, Caller, Changed, Protocol;
    /// It was changed by somebody else in the meantime.
    PreconditionFailed = "precondition_failed", -32000, Caller, Changed, Protocol;
    /// The path exists and does not take this method.
    MethodNotAllowed = "method_not_allowed", -32000, Caller, No, Protocol;
    /// The request's body is larger than allowed.
    TooLarge = "too_large", -32000, Caller, Changed, Protocol;
    /// The worker is enrolled with another key and not revoked.
    WorkerExists = "worker_exists", -32000, Caller, No, Protocol;
    /// The enrollment token is not known.
    EnrollmentUnknown = "enrollment_unknown", -32000, Caller, No, Protocol;
    /// The enrollment token was used before.
    EnrollmentUsed = "enrollment_used", -32000, Caller, No, Protocol;
    /// The enrollment token is past its time.
    EnrollmentExpired = "enrollment_expired", -32000, Caller, No, Protocol;
    /// The gateway or control plane cannot be reached, or what answers there is none.
    GatewayUnavailable = "gateway_unavailable", -32000, Upstream, Later, Protocol;
    /// Nobody can be asked: the pairing is not known, or has no approver.
    NoApprover = "no_approver", -32000, Caller, Changed, Protocol;
    /// The pairing was revoked by either side.
    PairingRevoked = "pairing_revoked", -32000, Caller, Changed, Protocol;
    /// Nobody decided in time.
    ApprovalExpired = "approval_expired", -32000, Caller, Changed, Tool;
    /// The request was taken back or ended before anybody decided.
    ApprovalEnded = "approval_ended", -32000, Caller, Changed, Tool;
    /// The decision that came is not the approver's own, or not about this.
    DecisionNotBelieved = "decision_not_believed", -32000, Upstream, No, Protocol;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error with a code from the registry.
pub trait Coded: std::error::Error {
    /// Which code it is.
    fn code(&self) -> Code;
    /// Who is at fault; the code's own word unless the error knows better.
    fn fault(&self) -> Fault {
        self.code().fault()
    }
}

/// Why a tool call gave no result: everything here may be shown to the caller.
///
/// Never holds cell values, SQL literals, tokens, or the existence of what the caller may not know of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CallError {
    /// The kind of failure.
    pub code: Code,
    /// A finer word below the code, such as `table_function_not_allowed`.
    pub detail: Option<String>,
    /// One sentence for the caller.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
    /// When to try again, milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The limit that was passed, by its name in `limits:`.
    pub limit: Option<String>,
}

impl CallError {
    /// A failure with a code and a sentence for the caller.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, detail: None, message: message.into(), hint: None, retry_after_ms: None, limit: None }
    }

    /// The same with a finer word.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the time after which to try again.
    #[must_use]
    pub fn with_retry_after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// The same with the name of the limit that was passed.
    #[must_use]
    pub fn with_limit(mut self, limit: impl Into<String>) -> Self {
        self.limit = Some(limit.into());
        self
    }

    /// A bug of ours. The caller gets the incident id only; the cause goes to the log.
    pub fn internal(incident: &str) -> Self {
        Self::new(Code::Internal, format!("internal error, incident {incident}"))
    }
}

impl Coded for CallError {
    fn code(&self) -> Code {
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_are_unique() {
        for &code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
        }
        assert_eq!(Code::parse("nope"), None);
    }

    #[test]
    fn own_numbers_stay_below_the_range_reserved_by_mcp() {
        for &code in Code::ALL {
            let n = code.rpc_code();
            assert!((-32019..=-32000).contains(&n) || n == -32602, "{code} has {n}");
        }
    }
}
