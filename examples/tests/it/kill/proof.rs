//! Holds what clients saw against the log: for every answer one row, of the same outcome; for no call two.

use std::collections::HashMap;

use airlock_core::audit::{Action, Event, Line};
use airlock_core::plane::Outcome;

use super::load::Seen;

/// Rows of calls by trace.
pub(super) struct Rows(HashMap<String, Vec<Event>>);

impl Rows {
    /// From an export.
    pub(super) fn read(export: &str) -> Self {
        let mut rows: HashMap<String, Vec<Event>> = HashMap::new();
        let records = export.lines().filter_map(|line| match serde_json::from_str(line) {
            Ok(Line::Record(record)) => Some(record.event),
            _ => None,
        });
        for event in records {
            if let (Action::ToolsCall | Action::ToolsList | Action::McpDenied, Some(trace)) =
                (event.action, &event.trace_id)
            {
                rows.entry(trace.to_string()).or_default().push(event);
            }
        }
        Self(rows)
    }

    /// How many rows say `unknown`.
    pub(super) fn unknown(&self) -> usize {
        self.0.values().flatten().filter(|e| e.outcome == Outcome::Unknown).count()
    }

    /// What does not fit.
    pub(super) fn misfits(&self, seen: &[Seen], unseen: &[String]) -> Vec<String> {
        let none = Vec::new();
        let of = |trace: &str| self.0.get(trace).unwrap_or(&none);
        let mut found = vec![];
        for one in seen {
            let rows = of(&one.trace);
            let fits = match &rows[..] {
                // The log could not be written: whether it was after all is not promised.
                _ if one.class == "audit_unavailable" => rows.len() <= 1,
                [row] => tells(row, one),
                _ => false,
            };
            if !fits {
                found.push(format!("{one:?} has {} rows: {rows:?}", rows.len()));
            }
        }
        for trace in unseen {
            if of(trace).len() > 1 {
                found.push(format!("an unanswered call has {} rows: {:?}", of(trace).len(), of(trace)));
            }
        }
        found
    }
}

fn tells(row: &Event, seen: &Seen) -> bool {
    let went_well = row.outcome == Outcome::Ok && row.error_class.is_none();
    let failed = matches!(row.outcome, Outcome::Error | Outcome::Denied)
        && row.error_class.as_deref() == Some(&seen.class);
    row.action.as_str() == seen.action && if seen.class.is_empty() { went_well } else { failed }
}

#[cfg(test)]
mod tests {
    use airlock_core::Timestamp;
    use airlock_core::audit::{Context, Counts, Record, Target};
    use airlock_core::principal::{Actor, ActorKind};

    use super::*;

    fn line(trace: &str, outcome: Outcome, class: Option<&str>) -> String {
        let event = Event {
            id: "au_01J00000000000000000000000".parse().unwrap(),
            ts: Timestamp::from_millis(0),
            org_id: "default".parse().unwrap(),
            tenant_id: None,
            trace_id: Some(trace.parse().unwrap()),
            actor: Actor { kind: ActorKind::ApiKey, id: "k".into(), name: None },
            action: Action::ToolsCall,
            target: Target::default(),
            outcome,
            error_class: class.map(str::to_owned),
            error_code: None,
            detail_code: None,
            context: Context::default(),
            counts: Counts::default(),
        };
        serde_json::to_string(&Record { seq: 1, prev_hash: "0".into(), hash: "0".into(), event }).unwrap()
    }

    #[track_caller]
    fn check(lines: &[String], class: &str, misfits: usize) {
        let seen = Seen { trace: "tr_a".into(), action: "mcp.tools.call", class: class.into() };
        assert_eq!(Rows::read(&lines.join("\n")).misfits(&[seen], &["tr_b".into()]).len(), misfits);
    }

    #[test]
    fn rows_that_miss_repeat_or_say_otherwise_are_found() {
        let ok = line("tr_a", Outcome::Ok, None);
        let failed = line("tr_a", Outcome::Error, Some("sql_error"));
        let unanswered = line("tr_b", Outcome::Unknown, None);
        check(&[ok.clone(), unanswered.clone()], "", 0);
        check(std::slice::from_ref(&failed), "sql_error", 0);
        check(&[], "", 1);
        check(&[ok.clone(), ok.clone()], "", 1);
        check(std::slice::from_ref(&failed), "", 1);
        check(&[failed], "query_crashed", 1);
        check(&[line("tr_a", Outcome::Unknown, None)], "", 1);
        check(&[ok, unanswered.clone(), unanswered], "", 1);
    }
}
