//! The Postgres source against a real server. Needs AIRLOCK_TEST_POSTGRES: see `.ci/with-postgres`.

mod catalog;
mod lint;
mod reads;
mod safety;
mod server;
mod types;
