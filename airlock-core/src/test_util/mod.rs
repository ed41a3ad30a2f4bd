//! For tests of this crate and of its shells: a host whose clocks stand still until they are wound.

mod host;

pub use host::FixedHost;
