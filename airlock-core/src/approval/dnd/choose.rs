//! Which of several standing decisions counts.
//!
//! Source: the gateway's protocol: a no about an act before a no about its workspace before a yes about the act before a yes about
//! the workspace; of two about an act the longer prefix, then the newer.

use super::believe::BelievedPolicy;
use super::policy::{DndMode, DndObject, DndPolicy, DndQuery};
use crate::approval::Verdict;
use crate::time::Timestamp;

/// What is about to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The workspace, as the enforcer names it.
    pub workspace: &'a str,
    /// The enforcer.
    pub enforcer: &'a str,
    /// Its session, if it has one.
    pub session: Option<&'a str>,
    /// What kind of act.
    pub artifact_type: &'a str,
    /// The command, if the act is one.
    pub command: Option<&'a str>,
}

/// The standing decision that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub policy_id: String,
    /// What it says.
    pub verdict: Verdict,
}

/// The standing decision on what is about to be asked. None: ask a person.
///
/// A yes about an act counts for one plain command only, as [`ActionSelector::matches_only`](super::ActionSelector::matches_only) says. One
/// about a workspace that brings a selector along, which nobody may set, counts for nothing.
pub fn evaluate(policies: &[BelievedPolicy], asked: &Asked<'_>, now: Timestamp) -> Option<Standing> {
    let query =
        DndQuery { enforcer_id: asked.enforcer, workspace_id: asked.workspace, session_id: asked.session };
    let ranked = policies
        .iter()
        .map(BelievedPolicy::policy)
        .filter(|p| p.applies_to(&query, now))
        .filter_map(|p| Some((rank(p, asked)?, p)));
    let (_, policy) = ranked.max_by(|(one, _), (other, _)| one.cmp(other))?;
    Some(Standing { policy_id: policy.policy_id.clone(), verdict: policy.policy_mode.verdict() })
}

/// Greater counts before smaller. The name decides between two that are equal in all else, so that the order of the list never does.
type Rank<'a> = (u8, usize, Option<Timestamp>, &'a str);

fn rank<'a>(policy: &'a DndPolicy, asked: &Asked<'_>) -> Option<Rank<'a>> {
    if policy.target_artifact_type.as_deref().is_some_and(|kind| kind != asked.artifact_type) {
        return None;
    }
    let (class, words) = match (policy.object_type, policy.policy_mode) {
        (DndObject::Workspace, _) if policy.action_selector.is_some() => return None,
        (DndObject::Workspace, DndMode::ApproveAll) => (0, 0),
        (DndObject::Workspace, DndMode::DenyAll) => (2, 0),
        (DndObject::Action, mode) => {
            let (selector, command) = (policy.selector()?, asked.command?);
            let matches = match mode {
                DndMode::ApproveAll => selector.matches_only(command),
                DndMode::DenyAll => selector.matches(command),
            };
            if !matches {
                return None;
            }
            (if mode == DndMode::DenyAll { 3 } else { 1 }, selector.word_count())
        }
    };
    Some((class, words, policy.created_at, &policy.policy_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);
    const ASKED: Asked<'static> = Asked {
        workspace: "w",
        enforcer: "e",
        session: None,
        artifact_type: "command.review",
        command: Some("git push origin main"),
    };

    // `about` is a prefix, or empty for the workspace; `made` in milliseconds, none if negative.
    fn policy(id: &str, mode: DndMode, about: &str, made: i64) -> DndPolicy {
        let object_type = if about.is_empty() { DndObject::Workspace } else { DndObject::Action };
        let selector = json!({"argvPrefix": [about]});
        DndPolicy {
            policy_id: id.to_owned(),
            object_type,
            workspace_id: "w".to_owned(),
            session_id: None,
            enforcer_id: "e".to_owned(),
            policy_mode: mode,
            target_artifact_type: None,
            action_selector: (object_type == DndObject::Action)
                .then(|| selector.as_object().unwrap().clone()),
            selector_hash: None,
            created_at: (made >= 0).then(|| Timestamp::from_millis(made)),
            expires_at: Timestamp::from_millis(NOW.as_millis() + 1),
            signer_key_id: None,
            nonce: None,
            signature: None,
        }
    }
    use DndMode::{ApproveAll as Yes, DenyAll as No};

    fn evaluate(policies: &[DndPolicy], asked: &Asked<'_>, now: Timestamp) -> Option<Standing> {
        let policies: Vec<_> = policies.iter().cloned().map(BelievedPolicy).collect();
        super::evaluate(&policies, asked, now)
    }

    #[track_caller]
    fn check(policies: &[DndPolicy], asked: &Asked<'_>, winner: Option<&str>) {
        for policies in [policies.to_vec(), policies.iter().rev().cloned().collect()] {
            let standing = evaluate(&policies, asked, NOW);
            assert_eq!(standing.as_ref().map(|s| s.policy_id.as_str()), winner);
        }
    }

    #[test]
    fn a_no_counts_before_a_yes_and_an_act_before_its_workspace() {
        let all = [
            policy("wy", Yes, "", 9),
            policy("ay", Yes, "git push", 8),
            policy("wn", No, "", 7),
            policy("an", No, "git", 6),
        ];
        check(&all, &ASKED, Some("an"));
        check(&all[..3], &ASKED, Some("wn"));
        check(&all[..2], &ASKED, Some("ay"));
        check(&all[..1], &ASKED, Some("wy"));
        check(&[], &ASKED, None);
    }

    #[test]
    fn of_two_alike_the_longer_counts_and_then_the_newer() {
        check(&[policy("long", Yes, "git push", 1), policy("short", Yes, "git", 9)], &ASKED, Some("long"));
        check(&[policy("old", No, "git", 1), policy("new", No, "git", 2)], &ASKED, Some("new"));
        check(&[policy("undated", No, "", -1), policy("dated", No, "", 0)], &ASKED, Some("dated"));
        check(&[policy("a", No, "", 1), policy("b", No, "", 1)], &ASKED, Some("b"));
    }

    #[test]
    fn what_does_not_fit_does_not_count() {
        let mut other_type = policy("t", Yes, "", 1);
        other_type.target_artifact_type = Some("plan.review".to_owned());
        let mut over = policy("o", Yes, "", 1);
        over.expires_at = NOW;
        let mut confused = policy("c", Yes, "", 1);
        confused.action_selector = Some(serde_json::Map::new());
        check(&[other_type, over, confused, policy("p", Yes, "git pull", 1)], &ASKED, None);
        let no_command = Asked { command: None, ..ASKED };
        check(&[policy("a", No, "git", 1)], &no_command, None);
        check(&[policy("w", Yes, "", 1)], &no_command, Some("w"));
        let joined = Asked { command: Some("git push && rm -rf ~"), ..ASKED };
        check(&[policy("y", Yes, "git push", 1)], &joined, None);
        check(&[policy("n", No, "git push", 1)], &joined, Some("n"));
    }

    fn any_policy() -> impl Strategy<Value = DndPolicy> {
        let about =
            prop_oneof![Just(""), Just("git"), Just("git push"), Just("git push origin"), Just("npm")];
        ("[a-d]{1,2}", any::<bool>(), about, -1i64..3)
            .prop_map(|(id, yes, about, made)| policy(&id, if yes { Yes } else { No }, about, made))
    }

    proptest! {
        #[test]
        fn the_order_of_the_list_decides_nothing(mut policies in prop::collection::vec(any_policy(), 0..8), seed: u64) {
            // Of two that share a name one may say yes and one no; their rank tells them apart unless they are equal in all.
            policies.sort_by(|a, b| a.policy_id.cmp(&b.policy_id));
            policies.dedup_by(|a, b| a.policy_id == b.policy_id);
            let first = evaluate(&policies, &ASKED, NOW);
            let len = policies.len().max(1);
            policies.rotate_left(usize::try_from(seed % 8).unwrap_or(0) % len);
            policies.reverse();
            prop_assert_eq!(evaluate(&policies, &ASKED, NOW), first);
        }

        #[test]
        fn ranks_are_a_total_order_and_one_more_policy_never_helps_a_weaker_one(
            policies in prop::collection::vec(any_policy(), 1..8), more in any_policy(),
        ) {
            let rank_of = |list: &[DndPolicy]| list.iter().filter_map(|p| rank(p, &ASKED)).max().map(|r| (r.0, r.1, r.2));
            let before = rank_of(&policies);
            let after = rank_of(&[policies, vec![more]].concat());
            prop_assert!(after >= before);
            if after.is_some_and(|r| r.0 >= 2) && before.is_none_or(|r| r.0 < 2) {
                prop_assert!(after > before);
            }
        }

        #[test]
        fn a_no_that_applies_is_never_overruled(policies in prop::collection::vec(any_policy(), 0..8)) {
            let with = [policies, vec![policy("zz", No, "git", 0)]].concat();
            prop_assert_eq!(evaluate(&with, &ASKED, NOW).map(|s| s.verdict), Some(Verdict::Reject));
        }
    }
}
