//! Programs to read and copy, and the tests that cross crates.
