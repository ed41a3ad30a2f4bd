//! The MCP endpoint over its ports: a door with four keys, a data plane that is a closure, the audit log in memory.

mod calls;
mod eras;
mod harness;
mod messages;
mod oauth;
mod refusals;
mod rows;
mod sockets;
