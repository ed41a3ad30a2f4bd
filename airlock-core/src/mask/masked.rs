//! The proof that a value went through the masks.

/// A value every column of which went through the mask plan. Only this module can make one.
#[derive(Clone, Debug)]
pub struct Masked<T>(T);

impl<T> Masked<T> {
    /// Only `mask` may say that something is masked.
    #[cfg_attr(not(feature = "snapshot"), allow(dead_code))]
    pub(super) fn new(value: T) -> Self {
        Self(value)
    }
    /// Says that test data is masked, whether or not it is.
    #[cfg(feature = "test-util")]
    pub fn dangerous_unmasked(value: T) -> Self {
        Self(value)
    }
    /// A test's own word that this value is masked.
    #[cfg(test)]
    pub(crate) fn assume(value: T) -> Self {
        Self(value)
    }
    /// The masked value.
    pub fn get(&self) -> &T {
        &self.0
    }
    /// The masked value, no longer marked. Masking cannot be undone, so this is safe; it only loses the proof.
    pub fn into_inner(self) -> T {
        self.0
    }
}
