//! Payloads: their one canonical text, its hash, and both with a seal in one go.

use airlock_core::crypto::{artifact_hash, canonical_payload};
use pyo3::prelude::*;

use crate::crypto::{Parts, content_key, seal};
use crate::error::NativeError;

#[pyfunction]
#[pyo3(signature = (text, /))]
pub(crate) fn canonicalize(py: Python<'_>, text: &str) -> Result<String, NativeError> {
    py.detach(|| Ok(canonical_payload(text)?))
}

#[pyfunction]
#[pyo3(signature = (text, /))]
pub(crate) fn sha256_hex(py: Python<'_>, text: &str) -> String {
    py.detach(|| artifact_hash(text).as_str().to_owned())
}

/// The artifact hash of a payload, and the payload's canonical form sealed.
#[pyfunction]
#[pyo3(signature = (key, payload, /))]
pub(crate) fn seal_payload(py: Python<'_>, key: &str, payload: &str) -> Result<(String, Parts), NativeError> {
    py.detach(|| {
        let key = content_key(key)?;
        let canonical = canonical_payload(payload)?;
        Ok((artifact_hash(&canonical).as_str().to_owned(), seal(&key, &canonical)))
    })
}
