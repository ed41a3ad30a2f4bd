//! Keeps this process's memory, which holds the database password and mask keys, out of core files and other hands.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// No core file; on Linux also no reading of this process's memory by others of the same user. Raises the limit on
/// descriptors, of which every snapshot's table takes two.
///
/// # Errors
/// When the system refuses the first two.
pub fn protect_process() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    let descriptors = getrlimit(Resource::Nofile);
    // Where it fails the old limit holds, and a snapshot too many says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: descriptors.maximum, ..descriptors });
    Ok(())
}
