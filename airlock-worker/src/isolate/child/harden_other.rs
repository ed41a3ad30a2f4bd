//! Elsewhere than on Linux: resource limits only.

use std::io;

use rustix::process::{Resource, Rlimit};

use super::super::measure::{Measure, State};

/// Descriptors of this program are closed on exec; those it was itself given are not known here.
pub(super) fn close_inherited() {}

/// Limits what can be limited.
pub(super) fn lock_in(memory_bytes: u64, without: &[Measure]) -> Vec<(Measure, State)> {
    let act = |measure: Measure| match measure {
        _ if without.contains(&measure) => State::LeftOut,
        Measure::ResourceLimits => match resource_limits(memory_bytes) {
            Ok(()) => State::On,
            Err(_) => State::NotPermitted,
        },
        _ => State::Unsupported,
    };
    Measure::ALL.into_iter().map(|measure| (measure, act(measure))).collect()
}

/// The parent's deadline is what bounds a statement here.
pub(super) fn allow_cpu(_: std::time::Duration) {}

fn resource_limits(memory_bytes: u64) -> io::Result<()> {
    for (resource, value) in
        [(Resource::Core, 0), (Resource::Fsize, 0), (Resource::Nofile, 64), (Resource::Data, memory_bytes)]
    {
        rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    }
    Ok(())
}
