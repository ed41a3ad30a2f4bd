//! One thing that happened: who, what, to what, how it ended, how much. No value, no SQL text, no free text of callers
//! but the names they give themselves, which are cut and cleaned.

use serde::{Deserialize, Serialize};

use crate::id::{AuditId, OrgId, SessionId, TenantId, TraceId, WorkerId};
use crate::plane::Outcome;
use crate::principal::Actor;
use crate::time::Timestamp;

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What was done: a dotted word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Action { $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+ }

        impl Action {
            /// The dotted word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Action::$variant => $name,)+ }
            }
            /// The action of this word.
            pub fn parse(name: &str) -> Option<Action> {
                match name { $($name => Some(Action::$variant),)+ _ => None }
            }
        }
    };
}

actions! {
    /// A tool was called.
    ToolsCall = "mcp.tools.call";
    /// The tools were listed.
    ToolsList = "mcp.tools.list";
    /// A request was refused at the door: credential, rate, origin.
    McpDenied = "mcp.denied";
    /// One caller asked for more different snapshots than its work explains.
    EnumerationSuspected = "subject.enumeration_suspected";
    /// A tenant was made.
    TenantCreated = "tenant.created";
    /// A tenant was changed.
    TenantUpdated = "tenant.updated";
    /// A tenant was deleted.
    TenantDeleted = "tenant.deleted";
    /// An API key was made.
    KeyCreated = "key.created";
    /// An API key's successor was made.
    KeyRotated = "key.rotated";
    /// An API key was revoked.
    KeyRevoked = "key.revoked";
    /// An API key's scopes were changed.
    KeyScopeChanged = "key.scope_changed";
    /// An enrollment token was made.
    EnrollmentCreated = "enrollment.created";
    /// An enrollment token was used.
    EnrollmentUsed = "enrollment.used";
    /// An enrollment was tried and refused.
    EnrollmentRefused = "enrollment.refused";
    /// An enrollment token was taken back.
    EnrollmentRevoked = "enrollment.revoked";
    /// A worker's tunnel came up.
    WorkerConnected = "worker.connected";
    /// A worker's tunnel went down.
    WorkerDisconnected = "worker.disconnected";
    /// A worker was refused at the handshake.
    WorkerRefused = "worker.refused";
    /// A worker was revoked.
    WorkerRevoked = "worker.revoked";
    /// A worker changed its key.
    WorkerKeyRotated = "worker.key_rotated";
    /// A newer tunnel of the same worker took over.
    WorkerSuperseded = "worker.superseded";
    /// An operator token was refused.
    AuthFailed = "auth.failed";
    /// Somebody signed in: with a password, or with the operator token.
    SignedIn = "auth.login";
    /// A sign-in was refused.
    SignInFailed = "auth.login.failed";
    /// Somebody signed out.
    SignedOut = "auth.logout";
    /// A browser's session was ended by its owner or an operator.
    SessionRevoked = "auth.session.revoked";
    /// A password was changed.
    PasswordChanged = "auth.password.changed";
    /// A password was set anew by mail.
    PasswordReset = "auth.password.reset";
    /// An e-mail address was shown to be the person's own.
    EmailVerified = "auth.email.verified";
    /// An e-mail address was changed.
    EmailChanged = "auth.email.changed";
    /// A person was made.
    UserCreated = "user.created";
    /// A person was disabled, enabled or renamed.
    UserUpdated = "user.updated";
    /// A person was deleted.
    UserDeleted = "user.deleted";
    /// An org was made.
    OrgCreated = "org.created";
    /// An org was changed.
    OrgUpdated = "org.updated";
    /// An org was deleted.
    OrgDeleted = "org.deleted";
    /// A person joined an org.
    MemberJoined = "member.joined";
    /// A member's role was changed.
    MemberChanged = "member.changed";
    /// A member left, or was removed.
    MemberRemoved = "member.removed";
    /// A person was invited.
    InvitationCreated = "invitation.created";
    /// An invitation was taken back.
    InvitationRevoked = "invitation.revoked";
    /// An OAuth client was registered.
    ClientRegistered = "oauth.client.registered";
    /// An OAuth client was changed, blocked or unblocked.
    ClientUpdated = "oauth.client.updated";
    /// An OAuth client was deleted.
    ClientDeleted = "oauth.client.deleted";
    /// A person let a client act for them.
    ConsentGranted = "oauth.consent.granted";
    /// A person refused a client.
    ConsentDenied = "oauth.consent.denied";
    /// Tokens were issued for a code, a device or a refresh token.
    TokenIssued = "oauth.token.issued";
    /// A rotated refresh token, or a used code, was shown again: its family is revoked.
    TokenReused = "oauth.refresh.reuse";
    /// Tokens were revoked.
    TokenRevoked = "oauth.token.revoked";
    /// A personal access token was made.
    PatCreated = "pat.created";
    /// A personal access token was revoked.
    PatRevoked = "pat.revoked";
    /// An app was registered.
    AppCreated = "app.created";
    /// An app was changed.
    AppUpdated = "app.updated";
    /// An app got a new secret; the old one is dead.
    AppRotated = "app.rotated";
    /// An app was revoked.
    AppRevoked = "app.revoked";
    /// What a role reaches of a tenant was changed.
    GrantChanged = "grant.changed";
    /// An enforcer asked for an approval.
    ExchangeSubmitted = "exchange.submitted";
    /// An enforcer asked for an approval and was refused.
    ExchangeRefused = "exchange.refused";
    /// An enforcer told that a standing decision was applied.
    ExchangePolicyApplied = "exchange.policy_applied";
    /// An approver decided.
    ExchangeDecided = "exchange.decided";
    /// A decision was refused: its signature, its nonce, its hash, or who sent it.
    DecisionRefused = "exchange.decision_refused";
    /// The enforcer said that it has the decision.
    ExchangeDelivered = "exchange.delivered";
    /// The enforcer took its question back.
    ExchangeWithdrawn = "exchange.withdrawn";
    /// Nobody decided in time.
    ExchangeExpired = "exchange.expired";
    /// A question ended because its pairing, app or consent did.
    ExchangeCancelled = "exchange.cancelled";
    /// An approver put something out of their inbox.
    ExchangeDismissed = "exchange.dismissed";
    /// An approver asked an enforcer to ask again.
    RefreshAsked = "exchange.refresh";
    /// An enforcer began a pairing.
    PairingInitiated = "pairing.initiated";
    /// An approver made a code for a pairing.
    PairingPreGenerated = "pairing.pre_generated";
    /// An enforcer took up an approver's code.
    PairingClaimed = "pairing.claimed";
    /// An approver agreed to a pairing.
    PairingCompleted = "pairing.completed";
    /// An approver did not agree to a pairing.
    PairingRejected = "pairing.rejected";
    /// A pairing was ended.
    PairingRevoked = "pairing.revoked";
    /// An approver's device and its key were registered.
    ApproverDeviceAdded = "approver.device.added";
    /// An approver's device was taken back, with its pairings.
    ApproverDeviceRevoked = "approver.device.revoked";
    /// A standing decision was made.
    DndPolicySet = "dnd.policy.set";
    /// A standing decision was taken back.
    DndPolicyRevoked = "dnd.policy.revoked";
    /// An app asked whether it may act for a person.
    AppConsentAsked = "app.consent.asked";
    /// A person let an app act for them.
    AppConsentAllowed = "app.consent.allowed";
    /// A person did not let an app act for them.
    AppConsentDenied = "app.consent.denied";
    /// A person does not let an app act for them any more.
    AppConsentRevoked = "app.consent.revoked";
    /// The log was exported.
    AuditExported = "audit.exported";
    /// Old rows were removed: `rows` says how many, the signed tombstone up to where.
    AuditPruned = "audit.pruned";
}

/// What it was done to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The tool that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The snapshot that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// Any other thing, by its id: a key, a worker, a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// Through what it came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The worker that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<WorkerId>,
    /// Its tunnel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Protocol revision of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// What the client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Its version, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// The peer's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The HTTP user agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// How much, how long, and which masks were in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Milliseconds from request to answer.
    pub latency_ms: u64,
    /// Milliseconds of it in the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_ms: Option<u64>,
    /// Milliseconds of it in a queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_ms: Option<u64>,
    /// Whether the call exported first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold: Option<bool>,
    /// Rows answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Bytes answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether the answer was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<bool>,
    /// Generation of the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Which masks were in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_hash: Option<String>,
    /// Keyed digest of the statement's shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_fingerprint: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Names the event.
    pub id: AuditId,
    /// When it began.
    pub ts: Timestamp,
    /// In whose log it stands.
    pub org_id: OrgId,
    /// Which tenant it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// Which trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// To what.
    pub target: Target,
    /// How it ended.
    pub outcome: Outcome,
    /// The code's name when it did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_class: Option<String>,
    /// The code's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<i32>,
    /// The finer word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail_code: Option<String>,
    /// Through what it came.
    pub context: Context,
    /// How much.
    pub counts: Counts,
}

impl Event {
    /// A name given by a client, made safe to keep: no control or format characters, 64 characters at most. T-146.
    pub fn clean_name(text: &str) -> String {
        clean(text, 64)
    }
    /// An HTTP user agent, made safe in the same way: 256 characters, so that the browser's name, which comes late, stays.
    pub fn clean_user_agent(text: &str) -> String {
        clean(text, 256)
    }
}

fn clean(text: &str, chars_max: usize) -> String {
    let invisible = |c: &char| {
        c.is_control()
            || matches!(*c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().filter(|c| !invisible(c)).take(chars_max).collect()
}
