//! Why a call gave no result, on the wire.

use airlock_core::error::{CallError, Code};
use airlock_core::id::CallId;

use super::{WireError, cut, optional, text};
use crate::limits::{MESSAGE_BYTES_MAX, NAME_BYTES_MAX};
use crate::wire;

/// The failure frame of a call. Texts longer than their bounds are cut.
pub fn call_error_to_wire(id: &CallId, error: &CallError) -> wire::Failure {
    let name = |t: &Option<String>| t.as_deref().map(|t| cut(t, NAME_BYTES_MAX));
    wire::Failure {
        id: id.as_str().to_owned(),
        code: error.code.as_str().to_owned(),
        detail: name(&error.detail),
        message: cut(&error.message, MESSAGE_BYTES_MAX),
        hint: error.hint.as_deref().map(|t| cut(t, MESSAGE_BYTES_MAX)),
        retry_after_ms: error.retry_after_ms,
        limit: name(&error.limit),
    }
}

/// The error in a failure frame. A code that we do not know is `internal`: a newer worker may know more than we.
///
/// # Errors
/// If a text is longer than its bound.
pub fn call_error_from_wire(failure: wire::Failure) -> Result<CallError, WireError> {
    let mut error = CallError::new(
        Code::parse(&failure.code).unwrap_or(Code::Internal),
        text("failure.message", failure.message, MESSAGE_BYTES_MAX)?,
    );
    error.detail = optional("failure.detail", failure.detail, NAME_BYTES_MAX)?;
    error.hint = optional("failure.hint", failure.hint, MESSAGE_BYTES_MAX)?;
    error.retry_after_ms = failure.retry_after_ms;
    error.limit = optional("failure.limit", failure.limit, NAME_BYTES_MAX)?;
    Ok(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> CallId {
        "c_01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap()
    }

    #[test]
    fn every_code_survives_the_wire() {
        for &code in Code::ALL {
            let error = CallError::new(code, "why")
                .with_detail("d")
                .with_hint("h")
                .with_retry_after_ms(7)
                .with_limit("l");
            assert_eq!(call_error_from_wire(call_error_to_wire(&id(), &error)), Ok(error));
        }
    }

    #[test]
    fn an_unknown_code_is_internal_and_long_texts_are_cut_or_refused() {
        let mut wire = call_error_to_wire(&id(), &CallError::new(Code::Busy, "é".repeat(9000)));
        assert_eq!(wire.message.len(), MESSAGE_BYTES_MAX);
        wire.code = "from_the_future".into();
        assert_eq!(call_error_from_wire(wire.clone()).unwrap().code, Code::Internal);
        wire.message.push('x');
        assert!(call_error_from_wire(wire).is_err());
    }
}
