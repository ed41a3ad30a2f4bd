//! Code made from `proto/`; never edited. `tests/it/regenerate.rs` renews it and checks that it is fresh.

#[rustfmt::skip]
#[path = "airlock.tunnel.v1.rs"]
#[allow(missing_docs, unreachable_pub, unused_qualifications, missing_debug_implementations, clippy::all, reason = "generated")]
pub mod tunnel_v1;
