//! Names of things: each its own type, checked when made. Random ids are ULIDs with a prefix.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::host::Host;

/// The text is no id of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: {rule}")]
pub struct InvalidId {
    kind: &'static str,
    rule: &'static str,
}

impl InvalidId {
    pub(crate) fn new(kind: &'static str, rule: &'static str) -> Self {
        Self { kind, rule }
    }
}

macro_rules! id {
    ($(#[doc = $doc:literal])+ $name:ident, $kind:literal, $rule:expr, $check:expr) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text of the id.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::id::InvalidId;
            fn from_str(text: &str) -> Result<Self, $crate::id::InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err($crate::id::InvalidId::new($kind, $rule)) }
            }
        }
        impl TryFrom<&str> for $name {
            type Error = $crate::id::InvalidId;
            fn try_from(text: &str) -> Result<Self, $crate::id::InvalidId> { text.parse() }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> { to.serialize_str(&self.0) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
// The approvals room has ids of its own.
pub(crate) use id;

macro_rules! ulid_id {
    ($(#[doc = $doc:literal])+ $name:ident, $kind:literal, $prefix:literal) => {
        id!($(#[doc = $doc])+ $name, $kind, concat!("`", $prefix, "` and a ULID"), |t| is_ulid_after(t, $prefix));

        impl $name {
            /// A fresh id: time in front, so that ids sort by age, and 80 random bits.
            pub fn new(host: &dyn Host) -> Self {
                Self(format!(concat!($prefix, "{}"), ulid(host)).into())
            }
        }
    };
}

id!(
    /// An organization: owns people, integrations, policies and tenants.
    OrgId, "org id", "2-60 lower-case letters, digits and _", |t| (2..=60).contains(&t.len()) && word(t, false));
id!(
    /// A tenant: one data plane, with its workers and API keys. `t_acme`.
    TenantId, "tenant id", "`t_` and 1-60 lower-case letters, digits and _", |t| rest(t, "t_", 1, 60));
id!(
    /// A worker of a tenant. `w_acme_prod`.
    WorkerId, "worker id", "`w_` and 2-60 lower-case letters, digits and _", |t| rest(t, "w_", 2, 60));
id!(
/// The tenant's name in the MCP URL. Never `org` or `authorize`, which are paths there.
TenantSlug, "tenant slug", "3-40 lower-case letters, digits and -, a letter first, not `org` or `authorize`", |t| {
    slug(t) && t != "org" && t != "authorize"
});
id!(
    /// The public part of an API key, by which it is looked up.
    Kid, "key id", "8 lower-case letters or digits", |t| t.len() == 8 && word(t, false) && !t.contains('_'));
id!(
/// A trace: all calls of one chat turn share it. `tr_` and a ULID, a W3C trace id, or the client's own word.
TraceId, "trace id", "1-64 letters, digits, `_`, `-` and `.`", |t| {
    (1..=64).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
});
id!(
/// A tool's name, as MCP allows it.
ToolName, "tool name", "1-128 letters, digits, `_`, `-` and `.`", |t| {
    (1..=128).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
});
ulid_id!(
    /// One tool call. `c_` and a ULID.
    CallId, "call id", "c_");
ulid_id!(
    /// One authenticated tunnel connection. `s_` and a ULID.
    SessionId, "session id", "s_");
ulid_id!(
    /// One audit event. `au_` and a ULID.
    AuditId, "audit id", "au_");

id!(
    /// An organization's name in URLs. `acme`.
    OrgSlug, "organization slug", "3-40 lower-case letters, digits and -, a letter first", |t| slug(t));
ulid_id!(
    /// A person. `usr_` and a ULID.
    UserId, "user id", "usr_");
ulid_id!(
    /// An invitation into an org. `ivt_` and a ULID; never the secret in the mail.
    InvitationId, "invitation id", "ivt_");
ulid_id!(
    /// One sign-in of a browser. `ses_` and a ULID; never the secret in the cookie.
    LoginId, "session id", "ses_");
ulid_id!(
    /// All tokens that came of one consent. `fam_` and a ULID.
    FamilyId, "token family id", "fam_");
ulid_id!(
    /// A personal access token. `pat_` and a ULID; never the secret `airpat_…`.
    PatId, "token id", "pat_");
ulid_id!(
    /// One exchange in the gateway's store. `xc_` and a ULID; enforcers know it by a request id of their own.
    ExchangeId, "exchange id", "xc_");
ulid_id!(
    /// A person as the one who decides, in one org. `apr_` and a ULID.
    ApproverId, "approver id", "apr_");
ulid_id!(
    /// One pairing of an enforcer and an approver, from its first code on. `pr_` and a ULID.
    PairingId, "pairing id", "pr_");

impl OrgId {
    /// A fresh id: `org_` and a ULID in lower case.
    pub fn new(host: &dyn Host) -> Self {
        Self(format!("org_{}", ulid(host).to_string().to_ascii_lowercase()).into())
    }
}

impl TraceId {
    /// A fresh trace id.
    pub fn new(host: &dyn Host) -> Self {
        Self(format!("tr_{}", ulid(host)).into())
    }
}

impl TenantSlug {
    /// The tenant id that goes with the slug unless another is given: `t_` + slug with `-` as `_`.
    pub fn default_tenant_id(&self) -> TenantId {
        TenantId(format!("t_{}", self.0.replace('-', "_")).into())
    }
}

/// The id of one row of the root table, as the agent names it: `u_42`. Customer data: never printed by `Debug`.
///
/// 1-256 bytes of UTF-8, NFC-normalised, no control characters. Never used as a file name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectId(Arc<str>);

impl SubjectId {
    /// The id itself: for the bind parameter, the audit row and the scope check.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for SubjectId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId { kind: "snapshot id", rule: "1-256 bytes without control characters" };
        if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
            return Err(invalid);
        }
        let nfc: String = text.nfc().collect();
        if nfc.len() > 256 { Err(invalid) } else { Ok(Self(nfc.into())) }
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectId(..)")
    }
}

/// What a subject is called in files, logs and metrics of the worker: a keyed digest that names nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectHandle([u8; 16]);

impl SubjectHandle {
    /// First 16 bytes of HMAC-SHA-256(`key`, tenant ‖ 0 ‖ policy hash ‖ 0 ‖ subject).
    pub fn derive(key: &[u8; 32], tenant: &str, policy: &PolicyHash, subject: &SubjectId) -> Self {
        let mac = crate::crypto::hmac_sha256(
            key,
            &[tenant.as_bytes(), &[0], policy.to_string().as_bytes(), &[0], subject.expose().as_bytes()],
        );
        let mut out = [0; 16];
        out.copy_from_slice(&mac[..16]);
        Self(out)
    }
}

impl fmt::Display for SubjectHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SubjectHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which materialised version of a subject's snapshot: counts up from 1 in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

/// SHA-256 of the canonical, masking-relevant part of a policy: which masks were in force.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyHash(pub [u8; 32]);

impl fmt::Display for PolicyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PolicyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PolicyHash {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut out = [0; 32];
        match hex::decode_to_slice(text, &mut out) {
            Ok(()) => Ok(Self(out)),
            Err(_) => Err(InvalidId { kind: "policy hash", rule: "64 hex digits" }),
        }
    }
}

fn slug(text: &str) -> bool {
    (3..=40).contains(&text.len())
        && text.as_bytes()[0].is_ascii_lowercase()
        && !text.ends_with('-')
        && word(text, true)
}

fn word(text: &str, dash: bool) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || (if dash { b == b'-' } else { b == b'_' }))
}

fn rest(text: &str, prefix: &str, min: usize, max: usize) -> bool {
    text.strip_prefix(prefix).is_some_and(|r| (min..=max).contains(&r.len()) && word(r, false))
}

fn is_ulid_after(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|r| ulid::Ulid::from_string(r).is_ok())
}

fn ulid(host: &dyn Host) -> ulid::Ulid {
    let mut random = [0; 16];
    host.random(&mut random);
    let ms = u64::try_from(host.now().as_millis()).unwrap_or(0);
    ulid::Ulid::from_parts(ms, u128::from_le_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_follow_the_rule() {
        for good in ["acme", "a-b", "abc", "acme-prod-2"] {
            assert!(good.parse::<TenantSlug>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "ab",
            "Acme",
            "acme-",
            "-acme",
            "2acme",
            "a_b",
            "org",
            "authorize",
            "a/b",
            "..",
            "%2e%2e",
            "аcme",
            "acme.",
        ] {
            assert!(bad.parse::<TenantSlug>().is_err(), "{bad}");
        }
        assert_eq!("acme-prod".parse::<TenantSlug>().unwrap().default_tenant_id().as_str(), "t_acme_prod");
    }

    #[test]
    fn worker_and_tenant_ids_carry_their_prefix() {
        assert!("w_acme_prod".parse::<WorkerId>().is_ok());
        assert!("w_".parse::<WorkerId>().is_err());
        assert!("acme".parse::<WorkerId>().is_err());
        assert!("t_acme".parse::<TenantId>().is_ok());
        assert!("T_acme".parse::<TenantId>().is_err());
    }

    #[test]
    fn subjects_are_normalised_and_never_printed() {
        let composed: SubjectId = "caf\u{e9}".parse().unwrap();
        let decomposed: SubjectId = "cafe\u{301}".parse().unwrap();
        assert_eq!(composed, decomposed);
        assert_eq!(format!("{composed:?}"), "SubjectId(..)");
        assert!("a\nb".parse::<SubjectId>().is_err());
        assert!("x".repeat(257).parse::<SubjectId>().is_err());
    }
}
