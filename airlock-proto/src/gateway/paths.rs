//! Where things are asked for. In routes a part in braces stands for any text; the functions put one in, percent-encoded
//! where a part of a path needs it.

macro_rules! paths {
    ($($(#[doc = $doc:literal])+ $name:ident = $path:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $path;)+
    };
}

paths! {
    /// Whether a gateway is here.
    ECHO = "/echo";
    /// Where people sign in.
    DISCOVERY = "/v1/integrations/discovery";
    /// An enforcer asks.
    ARTIFACTS = "/v1/artifacts";
    /// How an exchange stands.
    EXCHANGE = "/v1/exchanges/{request_id}";
    /// Waits for a decision: `?timeout=` in seconds.
    WAIT = "/v1/exchanges/{request_id}/wait";
    /// The enforcer does not need it any more.
    WITHDRAW = "/v1/exchanges/{request_id}/withdraw";
    /// Somebody got a message.
    ACKS = "/v1/acks";
    /// An approver decides.
    DECISIONS = "/v1/decisions";
    /// An enforcer begins a pairing.
    PAIRING_INITIATE = "/v1/pairing/initiate";
    /// How a pairing stands.
    PAIRING_STATUS = "/v1/pairing/{nonce}/status";
    /// Who wants to pair.
    PAIRING_RESOLVE = "/v1/pairing/resolve/{code}";
    /// The approver agrees.
    PAIRING_COMPLETE = "/v1/pairing/complete";
    /// The approver does not.
    PAIRING_REJECT = "/v1/pairing/reject";
    /// An approver begins a pairing.
    PAIRING_PRE_GENERATE = "/v1/pairing/pre-generate";
    /// An enforcer takes up an approver's code.
    PAIRING_CLAIM = "/v1/pairing/claim";
    /// Either side ends a pairing.
    PAIRING_REVOKE = "/v1/pairing/revoke";
    /// How several pairings stand.
    PAIRING_STATUS_BATCH = "/v1/pairing/status-batch";
    /// An enforcer lives.
    HEARTBEAT = "/v1/presence/heartbeat";
    /// Which enforcers live.
    PRESENCE = "/v1/presence/enforcers";
    /// Whether one lives.
    PRESENCE_ONE = "/v1/presence/enforcers/{enforcer_id}";
    /// The standing decisions in force: `?enforcerId=&workspaceId=&sessionId=`.
    DND_EFFECTIVE = "/v1/policy/dnd/effective";
    /// An approver's standing decisions.
    DND = "/v1/policy/dnd";
    /// One of them.
    DND_ONE = "/v1/policy/dnd/{request_id}";
    /// Whether the app may act for the person.
    CONSENT_STATUS = "/v1/consent/status";
    /// The same under the name of a newer guide.
    CONSENTS_CHECK = "/v1/consents/check";
    /// What one decided about apps.
    CONSENTS = "/v1/consents";
    /// Let an app.
    CONSENT_ALLOW = "/v1/consents/{app_id}/allow";
    /// Do not let an app.
    CONSENT_DENY = "/v1/consents/{app_id}/deny";
    /// Do not let an app any more.
    CONSENT_REVOKE = "/v1/consents/{app_id}/revoke";
    /// The plan.
    SUBSCRIPTION = "/v1/subscription";
    /// The plan, as published clients write it.
    SUBSCRIPTION_SLASH = "/v1/subscription/";
    /// What waits for an approver: `?cursor=&limit=`.
    INBOX = "/v1/approvers/{approver_id}/inbox";
    /// What waited.
    INBOX_EXPIRED = "/v1/approvers/{approver_id}/inbox/expired";
    /// One thing that waits.
    INBOX_ONE = "/v1/approvers/{approver_id}/inbox/{request_id}";
    /// An approver's devices.
    APPROVER_DEVICES = "/v1/approvers/{approver_id}/devices";
    /// An approver asks an enforcer to ask again: `?enforcerDeviceId=`.
    REFRESH = "/v1/requests/{request_id}/refresh";
    /// An approver's events.
    SSE_APPROVER = "/v1/sse/approvers/{approver_id}";
    /// An enforcer's events.
    SSE_ENFORCER = "/v1/sse/enforcers/{enforcer_id}";
    /// Both ways: `?role=&id=`.
    WS = "/v1/ws";
}

/// A path with its one part put in.
///
/// ```
/// use airlock_proto::gateway::paths;
/// assert_eq!(paths::of(paths::WAIT, "req-1"), "/v1/exchanges/req-1/wait");
/// assert_eq!(paths::of(paths::EXCHANGE, "a/b"), "/v1/exchanges/a%2Fb");
/// ```
pub fn of(path: &str, part: &str) -> String {
    match (path.find('{'), path.find('}')) {
        (Some(from), Some(to)) if from < to => {
            format!("{}{}{}", &path[..from], encoded(part), &path[to + 1..])
        }
        _ => path.to_owned(),
    }
}

/// Percent-encodes all but what RFC 3986 leaves alone in a part of a path.
pub fn encoded(part: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:".contains(&b);
    part.bytes().fold(String::with_capacity(part.len()), |mut out, b| {
        if plain(b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
        out
    })
}
