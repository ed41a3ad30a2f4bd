//! How a query child is started.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::{Child, Command};

/// The program that is started as a query child. Its `main` must call [`run_if_child`](super::run_if_child) first.
#[derive(Clone, Debug)]
pub struct ChildCommand {
    program: PathBuf,
}

impl ChildCommand {
    /// This program again.
    ///
    /// # Errors
    /// If the system does not say where it is.
    pub fn this_program() -> io::Result<Self> {
        // The link names this very file even after an upgrade has replaced it on disk.
        let link = PathBuf::from("/proc/self/exe");
        Ok(Self { program: if link.exists() { link } else { std::env::current_exe()? } })
    }
    /// Another program, by its absolute path: for tests, and for embedders whose own `main` does not suit.
    pub fn program(path: impl Into<PathBuf>) -> Self {
        Self { program: path.into() }
    }

    /// Starts a child with `socket` as its standard input, an empty environment and `/` as its directory. What it
    /// writes on standard error can be read from the child; everything else it inherits it closes itself.
    pub(super) fn spawn(&self, socket: OwnedFd) -> io::Result<Child> {
        Command::new(&self.program)
            .arg0("airlock-query")
            .arg(CHILD_ARGUMENT)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(socket))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Its own group: Ctrl-C at a terminal reaches the worker, which lets running queries finish.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

/// Tells a query child from any other start.
pub(super) const CHILD_ARGUMENT: &str = "query-child";
