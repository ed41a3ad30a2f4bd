//! Where a long list goes on.

/// Links to the other parts of a list; none for a list that is shown whole.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// What is listed.
    pub of: &'static str,
    /// Its beginning, when this is not it.
    pub first: Option<String>,
    /// What comes after this part.
    pub next: Option<String>,
}
