//! All of it in one process.
