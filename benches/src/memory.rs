//! How much memory a program and its children take, and whether it is at rest.

use std::collections::BTreeMap;
use std::time::Duration;

/// Waits until a process has had nothing to do for a while, so that what it was told last is done. Not for ever.
pub async fn settled(pid: u32) {
    let mut before = ticks(pid);
    for _ in 0..LOOKS_MAX {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let now = ticks(pid);
        // One hundredth of a second each: what goes on by itself takes one or two.
        if now.saturating_sub(before) <= 3 {
            return;
        }
        before = now;
    }
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
const LOOKS_MAX: usize = 40;

fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Proportional set size of a process and all that descend from it, MiB: pages that several share are counted once among
/// them. Not a number where the system does not tell, or does not tell this user.
pub fn memory_mib(pid: u32) -> f64 {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let (mut kib, mut left) = (0.0, vec![pid]);
    while let Some(pid) = left.pop() {
        left.extend(children.get(&pid).into_iter().flatten());
        kib += pss_kib(pid).unwrap_or(f64::NAN);
    }
    kib / 1024.0
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, so what follows its last parenthesis counts: state, parent.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn pss_kib(pid: u32) -> Option<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
