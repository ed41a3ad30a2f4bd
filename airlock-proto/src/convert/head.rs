//! A reply's head on the wire.

use airlock_core::plane::{Head, Outcome};

use super::{WireError, cut, optional};
use crate::limits::NAME_BYTES_MAX;
use crate::wire;

/// The head as a message. Texts longer than their bounds are cut.
pub fn head_to_wire(head: &Head) -> wire::Meta {
    let name = |t: &Option<String>| t.as_deref().map(|t| cut(t, NAME_BYTES_MAX));
    let outcome = match head.outcome {
        Outcome::Ok => wire::Outcome::Ok,
        Outcome::Denied => wire::Outcome::Denied,
        // A reply that is there has an outcome; a plane that says otherwise has failed.
        Outcome::Error | Outcome::Unknown => wire::Outcome::Error,
    };
    wire::Meta {
        outcome: outcome.into(),
        error_class: name(&head.error_class),
        detail_code: name(&head.detail_code),
        rows: head.rows,
        truncated: head.truncated,
        elapsed_ms: head.elapsed_ms,
        queue_ms: head.queue_ms,
        cold: head.cold,
        generation: head.generation,
        policy_hash: name(&head.policy_hash),
        sql_fingerprint: name(&head.sql_fingerprint),
    }
}

/// The head in a message.
///
/// # Errors
/// If the outcome is not one we know, or a text is longer than its bound.
pub fn head_from_wire(meta: wire::Meta) -> Result<Head, WireError> {
    let outcome = match wire::Outcome::try_from(meta.outcome) {
        Ok(wire::Outcome::Ok) => Outcome::Ok,
        Ok(wire::Outcome::Error) => Outcome::Error,
        Ok(wire::Outcome::Denied) => Outcome::Denied,
        Ok(wire::Outcome::Unspecified) | Err(_) => return Err(WireError::Invalid("meta.outcome")),
    };
    Ok(Head {
        outcome,
        error_class: optional("meta.error_class", meta.error_class, NAME_BYTES_MAX)?,
        detail_code: optional("meta.detail_code", meta.detail_code, NAME_BYTES_MAX)?,
        rows: meta.rows,
        truncated: meta.truncated,
        elapsed_ms: meta.elapsed_ms,
        queue_ms: meta.queue_ms,
        cold: meta.cold,
        generation: meta.generation,
        policy_hash: optional("meta.policy_hash", meta.policy_hash, NAME_BYTES_MAX)?,
        sql_fingerprint: optional("meta.sql_fingerprint", meta.sql_fingerprint, NAME_BYTES_MAX)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_the_wire() {
        let head = Head {
            outcome: Outcome::Error,
            error_class: Some("egress_blocked".into()),
            detail_code: Some("table_function_not_allowed".into()),
            rows: 3,
            truncated: true,
            elapsed_ms: 12,
            queue_ms: 1,
            cold: true,
            generation: Some(9),
            policy_hash: Some("ab".repeat(32)),
            sql_fingerprint: Some("cd".repeat(32)),
        };
        assert_eq!(head_from_wire(head_to_wire(&head)), Ok(head));
        assert_eq!(head_from_wire(head_to_wire(&Head::ok())), Ok(Head::ok()));
    }

    #[test]
    fn an_unknown_outcome_and_a_long_text_are_refused() {
        let unsaid = wire::Meta::default();
        assert_eq!(head_from_wire(unsaid), Err(WireError::Invalid("meta.outcome")));
        let mut long = head_to_wire(&Head::ok());
        long.policy_hash = Some("a".repeat(NAME_BYTES_MAX + 1));
        assert!(head_from_wire(long).is_err());
    }
}
