//! People: sign-in, orgs, invitations, and what strangers learn of them: nothing.

mod accounts;
mod command_line;
mod invitations;
mod isolation;
pub(crate) mod people;
mod roles;
mod sessions;
mod sign_in;
