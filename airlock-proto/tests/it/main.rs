//! What two processes agree on, tested from outside.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "gateway")]
mod gateway_shapes;
mod handshake;
mod pair;
mod regenerate;
mod scripts;
mod session;
