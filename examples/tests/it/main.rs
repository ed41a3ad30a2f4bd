//! Flows that cross crates, as a user meets them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; one that is skipped says so"
)]

mod approvals;
mod approver_page;
mod architecture;
mod attacks;
mod browser;
mod browser_crypto;
mod canary;
mod clients;
#[path = "../../../airlock-core/tests/corpus/entries.rs"]
mod corpus;
mod examples_run;
#[cfg(target_os = "linux")]
mod http;
mod kill;
mod mail;
mod needs;
mod passage;
mod quickstart;
mod tunnel;
