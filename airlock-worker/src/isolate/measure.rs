//! What confines a query child, and whether this machine allowed it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One measure of confinement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// A list of allowed system calls: nothing that opens, connects, executes or forks.
    Seccomp,
    /// No access to any file, by rules that a bug in the list above cannot lift.
    Landlock,
    /// A user, network and IPC namespace of its own, with nothing in them.
    Namespaces,
    /// No capability, and none to gain.
    NoPrivileges,
    /// Limits on memory, descriptors, file size, core files.
    ResourceLimits,
    /// The first to go when the machine runs out of memory.
    OomFirst,
    /// Not readable by other processes of the same user.
    NotDumpable,
}

impl Measure {
    /// All, in the order they are reported.
    pub const ALL: [Measure; 7] = [
        Self::Seccomp,
        Self::Landlock,
        Self::Namespaces,
        Self::NoPrivileges,
        Self::ResourceLimits,
        Self::OomFirst,
        Self::NotDumpable,
    ];
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seccomp => "seccomp",
            Self::Landlock => "landlock",
            Self::Namespaces => "namespaces",
            Self::NoPrivileges => "privileges dropped",
            Self::ResourceLimits => "resource limits",
            Self::OomFirst => "oom score",
            Self::NotDumpable => "memory unreadable",
        })
    }
}

/// Whether a measure holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It holds.
    On,
    /// The kernel or the platform does not know it.
    Unsupported,
    /// The machine does not allow it.
    NotPermitted,
    /// The configuration left it out.
    LeftOut,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Unsupported => "off (not supported)",
            Self::NotPermitted => "off (not permitted)",
            Self::LeftOut => "off (left out)",
        })
    }
}

/// One line for the log: `seccomp on, landlock off (not supported), …`.
pub(super) fn describe(measures: &[(Measure, State)]) -> String {
    let parts: Vec<_> = measures.iter().map(|(measure, state)| format!("{measure} {state}")).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_names_each_measure_and_why_it_is_off() {
        let line = describe(&[(Measure::Seccomp, State::On), (Measure::Namespaces, State::NotPermitted)]);
        assert_eq!(line, "seccomp on, namespaces off (not permitted)");
    }
}
