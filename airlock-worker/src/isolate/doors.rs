//! Tries what a confined child must not be able to do. Trying is harmless where a door turns out to be open.

use serde::{Deserialize, Serialize};

/// Something a query child must not be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// Make a TCP socket.
    Network,
    /// Make a Unix socket.
    LocalSocket,
    /// Open a file for reading.
    ReadFile,
    /// Open a file for writing.
    WriteFile,
    /// Execute a program.
    Execute,
    /// Start a process.
    Fork,
    /// Trace another process.
    Trace,
    /// Read an environment variable.
    Environment,
    /// Use a descriptor that was not meant for it.
    Descriptors,
}

/// Tries each door of this process: whether it is shut.
#[cfg(target_os = "linux")]
pub(super) fn try_all() -> Vec<(Door, bool)> {
    use rustix::io::Errno;
    use rustix::net::{AddressFamily, SocketType};

    let refused = |errno: Option<Errno>| matches!(errno, Some(Errno::PERM | Errno::ACCESS));
    let socket = |family| refused(rustix::net::socket(family, SocketType::STREAM, None).err());
    let open = |write: bool, path: &str| {
        let result = std::fs::OpenOptions::new().read(!write).write(write).open(path);
        refused(result.err().as_ref().and_then(Errno::from_io_error))
    };
    vec![
        (Door::Network, socket(AddressFamily::INET)),
        (Door::LocalSocket, socket(AddressFamily::UNIX)),
        (Door::ReadFile, open(false, "/")),
        (Door::WriteFile, open(true, "/dev/null")),
        (Door::Execute, refused(raw::execute())),
        (Door::Fork, refused(raw::fork())),
        (Door::Trace, refused(raw::trace())),
        (Door::Environment, std::env::vars_os().next().is_none()),
        (Door::Descriptors, raw::only_expected_descriptors()),
    ]
}

/// Nothing is known to try elsewhere.
#[cfg(not(target_os = "linux"))]
pub(super) fn try_all() -> Vec<(Door, bool)> {
    Vec::new()
}

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "these system calls have no safe form, because where they succeed they are not safe"
)]
mod raw {
    use rustix::io::Errno;

    /// A path that does not exist: `ENOENT` tells that executing is allowed.
    pub(super) fn execute() -> Option<Errno> {
        let null = std::ptr::null::<*const libc::c_char>();
        // SAFETY: the path ends in NUL; null argument and environment lists are taken as empty; nothing is executed.
        let result = unsafe { libc::syscall(libc::SYS_execve, c"/airlock/nothing".as_ptr(), null, null) };
        errno(result)
    }

    /// Flags that contradict each other: `EINVAL` tells that starting a process is allowed.
    pub(super) fn fork() -> Option<Errno> {
        // SAFETY: CLONE_SIGHAND without CLONE_VM is refused by every kernel, so no process is made.
        let result = unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_SIGHAND, 0, 0, 0, 0) };
        errno(result)
    }

    /// Process 0 does not exist: `ESRCH` tells that tracing is allowed.
    pub(super) fn trace() -> Option<Errno> {
        // SAFETY: no process has id 0, so nothing is read or attached.
        let result = unsafe { libc::syscall(libc::SYS_ptrace, libc::PTRACE_PEEKUSER, 0, 0, 0) };
        errno(result)
    }

    /// Descriptors: standard ones, and the socket's copy.
    pub(super) fn only_expected_descriptors() -> bool {
        // SAFETY: asking for flags changes nothing, on any number.
        (4..1024).all(|fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1)
    }

    fn errno(result: libc::c_long) -> Option<Errno> {
        (result == -1).then(|| Errno::from_io_error(&std::io::Error::last_os_error())).flatten()
    }
}
