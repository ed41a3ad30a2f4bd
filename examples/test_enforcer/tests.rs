//! The test enforcer's parts without a terminal and without a network; each is tested beside it. The whole program:
//! `tests/it/approvals/test_enforcer.rs`.

#![expect(dead_code, reason = "what does the effects is not among them")]

mod form;
mod keys;
mod model;
mod settings;
mod terminal;
mod trouble;
mod view;
