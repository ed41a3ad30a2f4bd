//! What `/proc` says: whose child is whose, who still runs, who still has a file.

use std::fs;
use std::path::Path;

use crate::passage::stack::target;

/// One process, told from a later one of the same id by its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    parent: u32,
    start: u64,
    name: String,
}

/// Every process that is not a zombie.
pub(crate) fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(of).collect()
}

/// Source: proc_pid_stat(5).
fn of(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may itself hold spaces and brackets.
    let (before, after) = stat.rsplit_once(") ")?;
    let name = before.split_once(" (")?.1.to_owned();
    let fields: Vec<&str> = after.split(' ').collect();
    let (state, parent, start) = (fields.first()?, fields.get(1)?, fields.get(19)?);
    (!matches!(*state, "Z" | "X"))
        .then(|| Some(Process { pid, parent: parent.parse().ok()?, start: start.parse().ok()?, name }))?
}

impl Process {
    pub(crate) fn is_alive(&self) -> bool {
        of(self.pid).is_some_and(|now| now.start == self.start)
    }
    /// Ends it as `kill -9` does.
    #[expect(clippy::disallowed_methods, reason = "the killer kills what it did not start")]
    pub(crate) fn kill(&self) {
        let _ = std::process::Command::new("/bin/kill").args(["-9", &self.pid.to_string()]).output();
    }
}

pub(crate) fn children(pid: u32) -> Vec<Process> {
    all().into_iter().filter(|process| process.parent == pid).collect()
}

/// Query children of this build's worker whose worker is gone.
pub(crate) fn orphans() -> Vec<Process> {
    let (all, program) = (all(), target().join("airlock"));
    let parents: Vec<u32> = all
        .iter()
        .filter(|p| p.name.starts_with("airlock") || p.name.starts_with("it-"))
        .map(|p| p.pid)
        .collect();
    let is_query = |p: &Process| {
        fs::read(format!("/proc/{}/cmdline", p.pid)).is_ok_and(|line| line.starts_with(b"airlock-query\0"))
    };
    // Where it may not be read, it is taken for ours.
    let is_ours = |p: &Process| {
        fs::read_link(format!("/proc/{}/exe", p.pid)).map_or(true, |exe| exe.starts_with(&program))
    };
    let mut found = all;
    found.retain(|p| is_query(p) && !parents.contains(&p.parent) && is_ours(p));
    found
}

/// Who has files of this folder open or mapped, named or not.
pub(crate) fn holders(folder: &Path) -> Vec<String> {
    let within = |text: &str| text.contains(folder.to_str().unwrap());
    let mut found = vec![];
    for process in all() {
        let proc = format!("/proc/{}", process.pid);
        let files = fs::read_dir(format!("{proc}/fd")).into_iter().flatten().filter_map(Result::ok);
        let open = files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .find(|path| within(&path.to_string_lossy()));
        let maps = fs::read_to_string(format!("{proc}/maps")).unwrap_or_default();
        let mapped = maps.lines().find(|line| within(line)).map(Into::into);
        if let Some(what) = open.or(mapped) {
            found.push(format!("{process:?} has {}", what.display()));
        }
    }
    found
}
