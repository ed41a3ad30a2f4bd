//! The agent's tools over the Model Context Protocol: what goes in and out, without a listener.
//!
//! Revisions 2025-03-26, 2025-06-18, 2025-11-25 (a handshake, then requests) and 2026-07-28 (every request stands alone)
//! are served on one URL and without a session, so that any replica may answer any request. In reading order:
//! [`message`] takes a body apart; [`era`] decides which revision a message speaks and whether its headers agree;
//! [`catalog`] answers what needs no data; [`result`] writes failures.
//!
//! # Why not rmcp's server
//!
//! Shapes are rmcp's model types wherever we build them, and tests read all we write with them. Its service is not used:
//! it takes typed messages, so an id is no longer the bytes the client sent (`1.0`, 80 digits); it asks for two media
//! types, so that the documented curl gets 406; it knows no batches, which 2025-03-26 has; a `tools/call` result would be
//! parsed and written again, though the worker has rendered it; and it starts a detached task for each request, about
//! 140 µs. What it would have left for us, ten small methods, is less than the adapter in front of it.

pub mod binding;
pub mod catalog;
pub mod era;
pub mod header;
pub mod lenient;
pub mod message;
pub mod params;
pub mod result;
pub mod trace;

pub use catalog::{Answer, Catalog, View};
pub use era::Reject;
pub use message::{Id, Incoming, Malformed, Message, Notification, Request};
pub use params::{ClientInfo, Meta, Params};
