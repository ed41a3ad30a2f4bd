//! Core from outside: what an embedder can call, and what it can rely on.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "../corpus/entries.rs"]
mod corpus;
mod egress_corpus;
mod fixture;
mod lineage;
mod names;
mod query_limits;
mod templates;
mod tpch;
