//! The bytes that Airlock's processes agree on: the tunnel's frames and its session, enrollment, the MCP face, the
//! approvals gateway's JSON.
//!
//! Nothing here opens a socket or reads a clock. The tunnel's [`session`] is a value: a shell feeds it frames and the
//! time, and sends what it is told to.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `tunnel` (default) | [`wire`] messages and gRPC glue, [`convert`], [`session`] |
//! | `mcp` | the agent's tools as an MCP service, without a listener |
//! | `gateway` | the approvals gateway's messages, without HTTP |
//!
//! # Example
//!
//! ```
//! use airlock_proto::limits;
//! assert_eq!(limits::REPLY_BYTES_MAX, 8 * 1024 * 1024);
//! ```

pub mod enroll;
#[cfg(feature = "gateway")]
pub mod gateway;
pub mod limits;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod rotate;
pub mod version;

#[cfg(feature = "tunnel")]
pub mod convert;
#[cfg(feature = "tunnel")]
mod generated;
#[cfg(feature = "tunnel")]
pub mod session;

// The public interface:
#[cfg(feature = "tunnel")]
pub use generated::tunnel_v1 as wire;
