//! What a person may answer, and what their word means.

use airlock_core::approval::{ActionStyle, RequestedAction, Verdict};

use super::request::barred;
use crate::approver::Opened;

/// What has to be typed for a yes to what is not all there, or not what will be signed.
pub(super) const BLIND_YES: &str = "yes without seeing";

/// How much of what will be signed was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// All of it.
    Whole,
    /// Not all, or something else.
    Part,
    /// Nothing: it did not open.
    Nothing,
}

/// What a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Approve,
    Reject,
    /// Leave it for later.
    Pass,
    /// None of these.
    Unclear,
}

/// The answers to one request.
#[derive(Debug)]
pub(super) struct Menu {
    sight: Sight,
    actions: Vec<RequestedAction>,
}

impl Menu {
    pub(super) fn of(opened: Option<&Opened<'_>>, left_out: usize) -> Self {
        let sight = match opened {
            None => Sight::Nothing,
            Some(opened) if opened.verified().is_some() && left_out == 0 => Sight::Whole,
            Some(_) => Sight::Part,
        };
        let actions = opened.and_then(Opened::requested_actions).unwrap_or_default();
        Self { sight, actions }
    }

    pub(super) fn sight(&self) -> Sight {
        self.sight
    }

    /// The question. A button says first what it does; its caption is the agent's.
    pub(super) fn question(&self) -> String {
        let mut text = String::new();
        let offered = self.actions.iter().enumerate().filter(|(_, action)| self.offers(action));
        for (at, action) in offered {
            let danger = if action.style == ActionStyle::Danger { ", marked as dangerous" } else { "" };
            text.push_str(&format!("   {} = {}{danger}, under this name:\n", at + 1, action.verdict));
            text.push_str(&format!("{}\n", barred(&action.caption)));
        }
        text.push_str(match self.sight {
            Sight::Whole => "y = approve, n = reject, s = skip",
            Sight::Part => "'yes without seeing' = approve all the same, n = reject, s = skip",
            Sight::Nothing => "n = reject, s = skip",
        });
        text
    }

    /// What was typed.
    pub(super) fn read(&self, typed: &str) -> Said {
        let typed = typed.to_lowercase();
        match (typed.as_str(), self.sight) {
            ("n" | "no" | "reject", _) => Said::Reject,
            ("s" | "skip", _) => Said::Pass,
            ("y" | "yes" | "approve", Sight::Whole) | (BLIND_YES, Sight::Part) => Said::Approve,
            _ => {
                let chosen = typed.parse::<usize>().ok().and_then(|n| self.actions.get(n.checked_sub(1)?));
                match chosen.filter(|action| self.offers(action)).map(|action| action.verdict) {
                    Some(Verdict::Approve) => Said::Approve,
                    Some(Verdict::Reject) => Said::Reject,
                    None => Said::Unclear,
                }
            }
        }
    }

    // A button that approves is none where a y is not enough.
    fn offers(&self, action: &RequestedAction) -> bool {
        self.sight == Sight::Whole || action.verdict == Verdict::Reject
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menu(sight: Sight) -> Menu {
        let action = |caption: &str, verdict, style| RequestedAction {
            id: caption.to_owned(),
            caption: caption.to_owned(),
            verdict,
            style,
        };
        let actions = vec![
            action("Cancel\u{202e}\n0 = reject", Verdict::Approve, ActionStyle::Danger),
            action("Not now", Verdict::Reject, ActionStyle::Primary),
        ];
        Menu { sight, actions }
    }

    #[track_caller]
    fn check(sight: Sight, typed: &[&str], expected: Said) {
        for typed in typed {
            assert_eq!(menu(sight).read(typed), expected, "{typed:?} at {sight:?}");
        }
    }

    #[test]
    fn a_yes_is_a_yes_where_all_of_it_was_seen() {
        check(Sight::Whole, &["y", "YES", "approve", "1"], Said::Approve);
        check(Sight::Part, &["yes without seeing"], Said::Approve);
        check(Sight::Part, &["y", "yes", "approve", "1"], Said::Unclear);
        check(Sight::Nothing, &["y", "1", "yes without seeing"], Said::Unclear);
        check(Sight::Whole, &["yes without seeing", "yes but not there", "0", "3", "-1", ""], Said::Unclear);
        for sight in [Sight::Whole, Sight::Part, Sight::Nothing] {
            check(sight, &["n", "No", "2"], Said::Reject);
            check(sight, &["s", "skip"], Said::Pass);
        }
    }

    #[test]
    fn a_button_says_what_it_does_before_what_it_is_called() {
        let question = menu(Sight::Whole).question();
        assert_eq!(
            question,
            "   1 = approve, marked as dangerous, under this name:\n   | Cancel\\u{202e}\\u{a}0 = reject\n   \
             2 = reject, under this name:\n   | Not now\ny = approve, n = reject, s = skip"
        );
        assert!(!menu(Sight::Part).question().contains("Cancel"));
    }
}
