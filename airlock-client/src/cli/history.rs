//! `airlock-approve history`: what waited.

use serde_json::{Value, json};

use super::desk::Desk;
use super::error::CliError;
use super::inbox::told;

const COLUMNS: &[&str] = &["request_id", "type", "enforcer", "outcome", "created_at", "check"];

/// One page, or with `all` every page from there on.
pub(super) async fn history(
    before: Option<&str>,
    limit: u8,
    all: bool,
    desk: &mut Desk,
) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    let (mut items, mut unreadable, mut next) = (Vec::new(), 0, before.map(str::to_owned));
    for _ in 0..PAGES_MAX {
        let page = approver.history(next.as_deref(), limit).await?;
        for waiting in &page.waiting {
            let claimed = waiting.claimed();
            let mut item = told(waiting, &approver, desk);
            item["state"] = json!(claimed.state.as_str());
            item["decision"] = json!(claimed.decision.as_ref().map(|decision| decision.as_str()));
            let said = |name: &str| claimed.metadata.iter().find(|(key, _)| key.as_str() == name);
            item["in_advance"] =
                json!(said("dndAudit").and_then(|_| said("dndDecision")).map(|(_, said)| said.as_str()));
            item["outcome"] = json!(outcome(&item));
            items.push(item);
        }
        unreadable += page.unreadable;
        next = page.next;
        if !all || next.is_none() {
            break;
        }
    }
    desk.output.page(&items, COLUMNS, next.as_deref());
    if unreadable > 0 {
        desk.output.say(&format!("{unreadable} more have a form that this program does not know"));
    }
    if let Some(next) = next {
        desk.output.say(&format!("there are older ones: airlock-approve history --before {next}"));
    }
    Ok(())
}

/// A decision says more than that there is one.
fn outcome(item: &Value) -> &str {
    match item["in_advance"].as_str() {
        Some("approve") => return "approved in advance",
        Some(_) => return "rejected in advance",
        None => {}
    }
    match (item["state"].as_str(), item["decision"].as_str()) {
        (_, Some("approve")) => "approved",
        (_, Some("reject")) => "rejected",
        // Still open, and put out of sight.
        (Some("PendingApproval"), None) => "dismissed",
        (state, _) => state.unwrap_or("-"),
    }
}

const PAGES_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_the_decision_or_the_state() {
        let of =
            |state: &str, decision: Value| outcome(&json!({"state": state, "decision": decision})).to_owned();
        assert_eq!(of("Decided", json!("approve")), "approved");
        assert_eq!(of("Delivered", json!("reject")), "rejected");
        assert_eq!(of("Expired", Value::Null), "Expired");
        assert_eq!(of("PendingApproval", Value::Null), "dismissed");
    }
}
