//! Wire messages to core types and back: lenient with what is unknown, strict with what is too long.

mod call;
mod error;
mod head;

pub use call::{TenantCall, call_to_wire};
pub use error::{call_error_from_wire, call_error_to_wire};
pub use head::{head_from_wire, head_to_wire};

/// A message is not what it should be. Names the field, never its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are no message of the kind expected.
    #[error("not a protobuf message of the kind expected")]
    NotProtobuf,
    /// A field that must be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field is not valid.
    #[error("`{0}` is not valid")]
    Invalid(&'static str),
    /// A field is longer than its bound.
    #[error("`{field}` is longer than {max}")]
    TooLong {
        /// Which.
        field: &'static str,
        /// Its bound.
        max: usize,
    },
}

/// `Ok` when `len` keeps to its bound.
pub(crate) fn bounded(field: &'static str, len: usize, max: usize) -> Result<(), WireError> {
    if len <= max { Ok(()) } else { Err(WireError::TooLong { field, max }) }
}

/// The text, if it keeps to its bound.
fn text(field: &'static str, text: String, max: usize) -> Result<String, WireError> {
    bounded(field, text.len(), max).map(|()| text)
}

/// The text, if there is one and it keeps to its bound.
fn optional(field: &'static str, given: Option<String>, max: usize) -> Result<Option<String>, WireError> {
    given.map(|t| text(field, t, max)).transpose()
}

/// At most `max` bytes of the text, cut between characters.
fn cut(text: &str, max: usize) -> String {
    text[..text.floor_char_boundary(max)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("", 3), "");
    }
}
