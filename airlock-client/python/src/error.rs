//! The one place where our errors become Python's exceptions.

use airlock_core::crypto::{AgreementError, BadSignature, NotBase64, NotCanonicalPayload, OpenError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Why a native function gave nothing.
#[derive(Debug)]
pub(crate) enum NativeError {
    /// An argument cannot be what it should be. Says what, never its text.
    Malformed(String),
    /// A payload cannot be opened.
    Sealed,
    /// An approver's answer to a pairing is not to be believed.
    Pairing(String),
    /// A decision is not to be believed: which check failed, and in words.
    Decision(&'static str, String),
}

impl NativeError {
    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }
}

// Python's own classes, so that callers can name them and type checkers know them.
mod raised {
    pyo3::import_exception!(airlock_gateway.exceptions, DecryptionError);
    pyo3::import_exception!(airlock_gateway.exceptions, DecisionNotBelieved);
    pyo3::import_exception!(airlock_gateway.exceptions, PairingNotBelieved);
}

impl From<NativeError> for PyErr {
    fn from(error: NativeError) -> Self {
        match error {
            NativeError::Malformed(what) => PyValueError::new_err(what),
            NativeError::Sealed => raised::DecryptionError::new_err("the payload cannot be opened"),
            NativeError::Pairing(why) => raised::PairingNotBelieved::new_err(why),
            NativeError::Decision(check, why) => raised::DecisionNotBelieved::new_err((check, why)),
        }
    }
}

macro_rules! malformed {
    ($($error:ty),+) => {
        $(impl From<$error> for NativeError {
            fn from(error: $error) -> Self {
                Self::Malformed(error.to_string())
            }
        })+
    };
}

malformed!(NotBase64, AgreementError, BadSignature, NotCanonicalPayload);

impl From<OpenError> for NativeError {
    fn from(_: OpenError) -> Self {
        Self::Sealed
    }
}
