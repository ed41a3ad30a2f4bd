//! L0 and L1: bytes, characters and tokens, before anything is parsed.

/// A statement's text whose bytes, characters and tokens are within bounds. Not yet admitted.
#[derive(Clone, PartialEq, Eq)]
pub struct Checked(std::sync::Arc<str>);

impl Checked {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checked({} bytes)", self.0.len())
    }
}
