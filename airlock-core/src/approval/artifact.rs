//! What is asked: the names of a request, and what may be said about it in clear.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::verdict::Verdict;
use crate::host::Host;
use crate::id::id;

id!(
/// One request for approval, as the enforcer that asked it calls it. Stands in URLs as it is.
RequestId, "request id", "1-128 letters, digits and . _ : ~ -, not dots alone", |t| {
    (1..=128).contains(&t.len())
        && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:~-".contains(&b))
        // Programs on the way would take `..` for a step upwards.
        && t.bytes().any(|b| b != b'.')
});
id!(
    /// What kind of act is asked for: `command-approval`, `plan.review`, a vendor's own word.
    ArtifactType, "artifact type", "1-128 bytes without control characters", |t| is_plain(t, 128));
id!(
    /// What a decision is about: SHA-256 of the sealed payload as 64 hex digits in ours, any text in some programs'.
    ArtifactHash, "artifact hash", "1-256 bytes without control characters", |t| is_plain(t, 256));
id!(
    /// The program that asks before it acts, as it calls itself.
    EnforcerId, "enforcer id", "1-256 bytes without control characters", |t| is_plain(t, 256));

impl RequestId {
    /// A fresh id: `req-` and 32 hex digits.
    pub fn new(host: &dyn Host) -> Self {
        let mut random = [0; 16];
        host.random(&mut random);
        format!("req-{}", hex::encode(random)).parse().expect("letters, digits and - are allowed")
    }
}

/// What an enforcer says about a request in clear: not sealed, not signed, shown as unverified.
///
/// `Debug` names the keys only: a routing token opens a pairing.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Metadata(BTreeMap<String, String>);

/// The metadata passes a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "metadata has more than {KEYS_MAX} keys, a key over {KEY_BYTES_MAX} bytes or a value over {VALUE_BYTES_MAX}"
)]
pub struct MetadataTooLarge;

/// Where a request is to go: the part of the metadata that the gateway consumes and never forwards.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Routing<'a> {
    /// Names one pairing and proves that the sender is its enforcer.
    pub routing_token: Option<&'a str>,
    /// Names one approver.
    pub approver_id: Option<&'a str>,
    /// Names a tenant of the approver's.
    pub tenant_id: Option<&'a str>,
}

impl Metadata {
    /// Takes what an enforcer sent.
    ///
    /// # Errors
    /// [`MetadataTooLarge`] past a bound.
    pub fn new(entries: BTreeMap<String, String>) -> Result<Self, MetadataTooLarge> {
        let fits = |(k, v): (&String, &String)| k.len() <= KEY_BYTES_MAX && v.len() <= VALUE_BYTES_MAX;
        if entries.len() <= KEYS_MAX && entries.iter().all(fits) {
            Ok(Self(entries))
        } else {
            Err(MetadataTooLarge)
        }
    }
    /// All of it, as sent.
    pub fn entries(&self) -> &BTreeMap<String, String> {
        &self.0
    }
    /// What the gateway consumes.
    pub fn routing(&self) -> Routing<'_> {
        Routing {
            routing_token: self.text(ROUTING[0]),
            approver_id: self.text(ROUTING[1]),
            tenant_id: self.text(ROUTING[2]),
        }
    }
    /// What an approver is shown: all but what [`Self::routing`] consumes.
    pub fn display(&self) -> BTreeMap<String, String> {
        let shown = self.0.iter().filter(|(key, _)| !ROUTING.contains(&key.as_str()));
        shown.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
    /// What a standing decision said, when the enforcer only reports that it acted on one.
    ///
    /// Anything but `"true"` with `approve` or `reject` is an ordinary request: a person is asked.
    pub fn dnd_audit(&self) -> Option<Verdict> {
        (self.text("dndAudit") == Some("true")).then(|| self.text("dndDecision")?.parse().ok()).flatten()
    }
    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|text| !text.is_empty())
    }
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = MetadataTooLarge;
    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, MetadataTooLarge> {
        Self::new(entries)
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl std::fmt::Debug for Routing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Routing(..)")
    }
}

fn is_plain(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && !text.chars().any(char::is_control)
}

const ROUTING: [&str; 3] = ["routingToken", "approverId", "tenantId"];
const KEYS_MAX: usize = 64;
const KEY_BYTES_MAX: usize = 128;
const VALUE_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::FixedHost;

    fn metadata(entries: &[(&str, &str)]) -> Metadata {
        let entries = entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Metadata::new(entries.collect()).unwrap()
    }

    #[test]
    fn a_request_id_can_stand_in_a_url_as_it_is() {
        for good in
            ["req-1", "audit-0b1c", "a.b_c:d~e", &"x".repeat(128), RequestId::new(&FixedHost::new()).as_str()]
        {
            assert!(good.parse::<RequestId>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "a%2e", "a|b", "é", "a\n", &"x".repeat(129)] {
            assert!(bad.parse::<RequestId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn other_names_are_any_text_within_bounds() {
        assert!("sha256:ab|cd é".parse::<ArtifactHash>().is_ok());
        assert!("my enforcer".parse::<EnforcerId>().is_ok());
        for bad in ["", "a\u{0}", "a\u{9b}", &"x".repeat(257)] {
            assert!(bad.parse::<ArtifactHash>().is_err() && bad.parse::<EnforcerId>().is_err(), "{bad:?}");
        }
        assert!("x".repeat(129).parse::<ArtifactType>().is_err());
    }

    #[test]
    fn routing_is_consumed_and_the_rest_is_shown() {
        let given =
            metadata(&[("routingToken", "rt-planted"), ("approverId", ""), ("repoName", "r"), ("x", "y")]);
        assert_eq!(given.routing().routing_token, Some("rt-planted"));
        assert_eq!((given.routing().approver_id, given.routing().tenant_id), (None, None));
        assert_eq!(given.display().keys().collect::<Vec<_>>(), ["repoName", "x"]);
        assert!(!format!("{given:?}{:?}", given.routing()).contains("planted"));
    }

    #[test]
    fn a_report_of_a_standing_decision_says_both_words() {
        assert_eq!(
            metadata(&[("dndAudit", "true"), ("dndDecision", "reject")]).dnd_audit(),
            Some(Verdict::Reject)
        );
        for other in [
            [("dndAudit", "true"), ("x", "")],
            [("dndAudit", "1"), ("dndDecision", "approve")],
            [("dndAudit", "true"), ("dndDecision", "Approve")],
        ] {
            assert_eq!(metadata(&other).dnd_audit(), None, "{other:?}");
        }
    }

    #[test]
    fn metadata_is_bounded() {
        let many = |n: usize| (0..n).map(|i| (i.to_string(), String::new())).collect::<BTreeMap<_, _>>();
        assert!(Metadata::new(many(KEYS_MAX)).is_ok());
        assert!(Metadata::new(many(KEYS_MAX + 1)).is_err());
        assert!(serde_json::from_str::<Metadata>(&format!(r#"{{"a":"{}"}}"#, "x".repeat(4097))).is_err());
        assert!(serde_json::from_str::<Metadata>(r#"{"a":1}"#).is_err());
    }
}
