//! The child's side: lock in, take snapshots, run statements.

#[cfg(target_os = "linux")]
mod harden;
#[cfg(not(target_os = "linux"))]
#[path = "harden_other.rs"]
mod harden;
mod link;
#[cfg(target_os = "linux")]
mod seccomp;
mod serve;

use std::io;
use std::sync::mpsc::sync_channel;
use std::thread;

use airlock_core::query::QUERY_STACK_BYTES;

use super::command::CHILD_ARGUMENT;
use super::wire::{Reply, Request};
use link::Link;

/// Runs a query child and never returns, when this process was started as one; returns otherwise.
///
/// The first line of `main` of every program that uses [`ChildRunner`](super::ChildRunner): before threads,
/// arguments, or a runtime.
pub fn run_if_child() {
    if std::env::args_os().nth(1).is_some_and(|first| first == CHILD_ARGUMENT) {
        // A child's own words could quote rows, so it has none; the parent reads how it ended.
        std::panic::set_hook(Box::new(|_| {}));
        std::process::exit(match run() {
            Ok(()) => 0,
            Err(_) => 2,
        });
    }
}

/// Ends with the socket.
fn run() -> io::Result<()> {
    harden::close_inherited();
    let mut link = Link::from_stdin()?;
    let Some((Request::Setup { memory_bytes, without }, _)) = link.receive()? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let measures = harden::lock_in(memory_bytes, &without);
    link.reply(&Reply::Hello(measures), &[])?;

    // The receiving side stays on this thread, so that the end of the parent ends a running statement too.
    let (requests, inbox) = sync_channel(INBOX);
    let replies = link.clone();
    thread::Builder::new().name("query".to_owned()).stack_size(QUERY_STACK_BYTES).spawn(move || {
        let code = match serve::serve(&inbox, replies) {
            Ok(()) => 0,
            Err(_) => CRASHED,
        };
        std::process::exit(code);
    })?;
    while let Some(message) = link.receive()? {
        if requests.send(message).is_err() {
            break;
        }
    }
    Ok(())
}

/// Messages received ahead; the parent waits for each answer, so more than one snapshot's tables never gather.
const INBOX: usize = 16;
/// Exit code after a panic.
const CRASHED: i32 = 101;
