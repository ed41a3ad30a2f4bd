//! Linux: gives up, one by one, all that running a query does not need. What cannot be given up is reported.

use std::fs;
use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetStatus,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};

use super::super::measure::{Measure, State};
use super::seccomp;

/// Closes everything but standard input, output and error: whatever the worker's own parent left open.
#[expect(unsafe_code, reason = "closing descriptors by number has no safe form")]
pub(super) fn close_inherited() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: called first in `main`, when nothing in this process owns a descriptor but the standard three.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) } == 0;
    if !closed {
        // Kernels before 5.9.
        for fd in 3..4096 {
            // SAFETY: as above.
            unsafe { libc::close(fd) };
        }
    }
}

/// Applies every measure that is not left out, in an order in which none hinders the next.
///
/// Must be called while the process has one thread: namespaces demand it, and later threads inherit the rest.
pub(super) fn lock_in(memory_bytes: u64, without: &[Measure]) -> Vec<(Measure, State)> {
    let mut done = Vec::new();
    let mut apply = |measure: Measure, act: &mut dyn FnMut() -> State| {
        let state = if without.contains(&measure) { State::LeftOut } else { act() };
        done.push((measure, state));
    };
    // Files of /proc first: they cannot be written once the process is not dumpable.
    apply(Measure::OomFirst, &mut || state(fs::write("/proc/self/oom_score_adj", "900")));
    apply(Measure::ResourceLimits, &mut || state(resource_limits(memory_bytes)));
    apply(Measure::Namespaces, &mut || state(namespaces()));
    apply(Measure::NotDumpable, &mut || {
        state(rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from))
    });
    apply(Measure::NoPrivileges, &mut || state(no_privileges()));
    apply(Measure::Landlock, &mut landlock);
    apply(Measure::Seccomp, &mut || seccomp::apply().unwrap_or(State::Unsupported));
    done.sort_by_key(|(measure, _)| Measure::ALL.iter().position(|m| m == measure));
    done
}

/// Sets the processor time after which the system ends this process: `more` than it has used so far.
pub(super) fn allow_cpu(more: std::time::Duration) {
    let seconds = cpu_seconds().saturating_add(more.as_secs()).saturating_add(2);
    // Where it fails the parent's deadline remains.
    let _ = rustix::process::setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: None });
}

#[expect(unsafe_code, reason = "rustix reads clocks only with a feature that rebuilds half of the workspace")]
fn cpu_seconds() -> u64 {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local of the type that the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut used) };
    u64::try_from(used.tv_sec).unwrap_or(0)
}

fn resource_limits(memory_bytes: u64) -> io::Result<()> {
    let set = |resource, value| {
        rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
    };
    set(Resource::Core, 0)?;
    set(Resource::Fsize, 0)?;
    set(Resource::Nofile, DESCRIPTORS)?;
    set(Resource::Data, memory_bytes)?;
    Ok(())
}

#[expect(unsafe_code, reason = "unshare is unsafe for the flag FILES, which is not among these")]
fn namespaces() -> io::Result<()> {
    let flags = UnshareFlags::NEWUSER | UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    // SAFETY: descriptors stay shared; the process has one thread.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}

fn no_privileges() -> io::Result<()> {
    let none = CapabilitySet::empty();
    rustix::thread::set_no_new_privs(true)?;
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )?;
    Ok(())
}

fn landlock() -> State {
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|r| r.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .and_then(|r| r.restrict_self());
    match rules.map(|done| done.ruleset) {
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => State::On,
        Ok(RulesetStatus::NotEnforced) => State::Unsupported,
        Err(_) => State::NotPermitted,
    }
}

fn state(result: io::Result<()>) -> State {
    match result {
        Ok(()) => State::On,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => State::NotPermitted,
        // A full table of namespaces, a kernel without them, /proc not there.
        Err(_) => State::Unsupported,
    }
}

/// Newest rules known to the library; older kernels enforce those they know.
const NEWEST: ABI = ABI::V6;
/// Descriptors at once: standard ones, the socket, a table being mapped, the engine's runtime.
const DESCRIPTORS: u64 = 64;
