//! The buttons that an enforcer asks its approver to show.
//!
//! Source: the gateway's protocol, extension `org.harp.requestedActions` of a payload: one fault, and all of it is ignored.

use serde_json::Value;

use super::verdict::Verdict;

/// One button. The caption is the enforcer's text: show what the button does beside it, because a caption may say the contrary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedAction {
    /// Its name, unlike every other's without regard to case.
    pub id: String,
    /// What stands on it.
    pub caption: String,
    /// What it does.
    pub verdict: Verdict,
    /// How it looks.
    pub style: ActionStyle,
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionStyle {
    /// As the one to press.
    Primary,
    /// As any other.
    Secondary,
    /// As one to think about.
    Danger,
}

/// The extension of a payload that names buttons.
#[derive(Clone, Copy, Debug)]
pub struct RequestedActions;

impl RequestedActions {
    /// The buttons that a payload asks for. None if it asks for none or breaks one rule: then show yes and no.
    pub fn parse(payload: &Value) -> Option<Vec<RequestedAction>> {
        let extension = payload.get("extensions")?.get("org.harp.requestedActions")?;
        // 1 and no other way to write it: 1.0 and "1" are other versions.
        if extension.get("version")?.as_u64()? != 1 {
            return None;
        }
        let actions = extension.get("actions")?.as_array()?;
        if !(1..=ACTIONS_MAX).contains(&actions.len()) {
            return None;
        }
        let actions: Vec<RequestedAction> = actions.iter().map(action).collect::<Option<_>>()?;
        let is_repeated = |i: usize| actions[..i].iter().any(|a| is_same_name(&a.id, &actions[i].id));
        (!(1..actions.len()).any(is_repeated)).then_some(actions)
    }
}

fn action(value: &Value) -> Option<RequestedAction> {
    let text = |key: &str, chars_max: usize| {
        let text = value.get(key)?.as_str()?;
        (!text.trim().is_empty() && text.chars().count() <= chars_max).then(|| text.to_owned())
    };
    let style = match value.get("style") {
        None | Some(Value::Null) => ActionStyle::Secondary,
        Some(Value::String(style)) => match style.as_str() {
            "primary" => ActionStyle::Primary,
            "danger" => ActionStyle::Danger,
            _ => ActionStyle::Secondary,
        },
        Some(_) => return None,
    };
    Some(RequestedAction {
        id: text("id", ID_CHARS_MAX)?,
        caption: text("caption", CAPTION_CHARS_MAX)?.trim().to_owned(),
        verdict: value.get("decision")?.as_str()?.parse().ok()?,
        style,
    })
}

fn is_same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

const ACTIONS_MAX: usize = 5;
const ID_CHARS_MAX: usize = 128;
const CAPTION_CHARS_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn payload(version: Value, actions: Value) -> Value {
        json!({"extensions": {"org.harp.requestedActions": {"version": version, "actions": actions}}})
    }
    fn button(id: &str) -> Value {
        json!({"id": id, "caption": "Do it", "decision": "approve"})
    }

    #[test]
    fn good_buttons_are_shown_in_their_order() {
        let actions = json!([
            {"id": "once", "caption": " Allow once ", "decision": "approve", "style": "primary"},
            {"id": "no", "caption": "Never", "decision": "reject", "style": "danger", "more": 1},
            {"id": "x", "caption": "X", "decision": "reject", "style": "blinking"},
        ]);
        let parsed = RequestedActions::parse(&payload(json!(1), actions)).unwrap();
        let seen: Vec<_> = parsed.iter().map(|a| (a.caption.as_str(), a.verdict, a.style)).collect();
        assert_eq!(
            seen,
            [
                ("Allow once", Verdict::Approve, ActionStyle::Primary),
                ("Never", Verdict::Reject, ActionStyle::Danger),
                ("X", Verdict::Reject, ActionStyle::Secondary),
            ]
        );
        assert!(
            RequestedActions::parse(&payload(json!(1), json!(["a", "b", "c", "d", "e"].map(button))))
                .is_some()
        );
    }

    #[test]
    fn one_fault_and_none_is_shown() {
        let with = |key: &str, value: Value| {
            let mut action = button("a");
            action[key] = value;
            json!([button("b"), action])
        };
        for (version, actions) in [
            (json!(2), json!([button("a")])),
            (json!("1"), json!([button("a")])),
            (json!(1.0), json!([button("a")])),
            (json!(1), json!([])),
            (json!(1), json!(["a", "b", "c", "d", "e", "f"].map(button))),
            (json!(1), json!([button("a"), button("A")])),
            (json!(1), json!([button("Ä"), button("ä")])),
            (json!(1), json!({"0": button("a")})),
            (json!(1), json!([button("a"), "b"])),
            (json!(1), with("caption", json!(" \n"))),
            (json!(1), with("caption", json!("x".repeat(129)))),
            (json!(1), with("caption", Value::Null)),
            (json!(1), with("id", json!(""))),
            (json!(1), with("id", json!(7))),
            (json!(1), with("decision", json!("allow"))),
            (json!(1), with("decision", json!("Approve"))),
            (json!(1), with("decision", json!(true))),
            (json!(1), with("style", json!(1))),
        ] {
            assert_eq!(RequestedActions::parse(&payload(version, actions.clone())), None, "{actions}");
        }
        for other in
            [json!(null), json!("x"), json!({}), json!({"extensions": []}), json!([{"extensions": {}}])]
        {
            assert_eq!(RequestedActions::parse(&other), None, "{other}");
        }
    }
}
