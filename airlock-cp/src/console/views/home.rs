//! The first page after sign-in.

use askama::Template;

use super::{Pager, Shell};
use crate::console::text::filters;

/// A thing to do, done or not.
#[derive(Clone, Debug)]
pub struct Hint {
    /// What.
    pub title: &'static str,
    /// Why, or how.
    pub text: String,
    /// Where.
    pub link: Option<(&'static str, &'static str)>,
    /// Whether it is done.
    pub done: bool,
}

/// `/`.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// Around it.
    pub shell: Shell,
    /// The first word of their name.
    pub greeting: String,
    /// AI clients that act for them.
    pub clients: usize,
    /// Browsers that are signed in.
    pub sessions: usize,
    /// People of the org, where they may be seen.
    pub members: Option<u64>,
    /// The addresses to paste into an AI client: what it reaches, and the address.
    pub endpoints: Vec<(String, String)>,
    /// The other ones.
    pub pager: Pager,
    /// What is left to do.
    pub hints: Vec<Hint>,
}
