//! Core from outside: what an embedder can call, and what it can rely on.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod approval_laws;
mod codes;
mod vectors;

// Those below ask questions of snapshots.
#[cfg(feature = "query")]
#[path = "../corpus/entries.rs"]
mod corpus;
#[cfg(feature = "query")]
mod egress_corpus;
#[cfg(feature = "query")]
mod fixture;
#[cfg(feature = "query")]
mod lineage;
#[cfg(feature = "query")]
mod names;
#[cfg(feature = "query")]
mod query_limits;
#[cfg(feature = "query")]
mod templates;
#[cfg(feature = "query")]
mod tpch;
