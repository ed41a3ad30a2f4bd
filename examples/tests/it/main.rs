//! Flows that cross crates, as a user meets them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; one that is skipped says so"
)]

mod architecture;
mod examples_run;
mod passage;
mod tunnel;
