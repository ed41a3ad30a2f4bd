//! The authorization server, by its routes and by the calls that the console makes.

mod access;
mod assertions;
mod authorize;
mod clients;
mod codes;
mod devices;
mod documents;
mod harness;
mod metadata_documents;
mod negative;
mod refresh;
mod registration;
mod revocation;
mod secrets_kept;
