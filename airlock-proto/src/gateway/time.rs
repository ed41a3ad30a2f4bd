//! Times as the published SDKs write them: with any offset, with `Z`, or with nothing, which is UTC.

use airlock_core::Timestamp;

/// Reads a time of a message. Digits past the millisecond are dropped; `None` for what is no time.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    Timestamp::parse_lenient(text)
}
