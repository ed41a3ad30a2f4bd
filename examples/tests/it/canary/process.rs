//! What a running program holds, as root sees it: its open files, its memory, its children.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Every file in a folder, by name.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            found.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// Programs that this one started.
pub(crate) fn children(of: u32) -> Vec<u32> {
    let parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    all.filter(|pid| parent(*pid) == Some(of)).collect()
}

/// The regular files that a program has open, the deleted ones too. `None` when the system does not let us look.
pub(crate) fn open_files(pid: u32) -> Option<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten() {
        let is = fs::read_link(entry.path()).unwrap_or_default();
        // Opening it again reads from its beginning; sockets and pipes have none.
        if is.starts_with("/")
            && !is.starts_with("/dev/null")
            && fs::metadata(entry.path()).is_ok_and(|m| m.is_file())
        {
            found.push((is.display().to_string(), fs::read(entry.path()).ok()?));
        }
    }
    Some(found)
}

/// What a program can write in its memory, without the pages that are empty. `None` when the system does not let us look.
pub(crate) fn memory(pid: u32) -> Option<Vec<Vec<u8>>> {
    let place = PathBuf::from(format!("/proc/{pid}"));
    let maps = fs::read_to_string(place.join("maps")).ok()?;
    let mut memory = fs::File::open(place.join("mem")).ok()?;
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (begin, end) = line.split_once(' ')?.0.split_once('-')?;
        let (begin, end) = (u64::from_str_radix(begin, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let mut bytes = vec![0; usize::try_from(end - begin).ok()?.min(RANGE_MAX)];
        memory.seek(SeekFrom::Start(begin)).ok()?;
        // What was never touched may not be readable.
        let read = memory.read(&mut bytes).unwrap_or_default();
        bytes.truncate(read);
        let pages = bytes.chunks(PAGE_BYTES);
        found.extend(
            pages
                .collect::<Vec<_>>()
                .split(|page| *page == &[0; PAGE_BYTES][..page.len()])
                .map(<[_]>::concat),
        );
    }
    Some(found)
}

const PAGE_BYTES: usize = 4096;

/// Longer ranges are reserved, not used.
const RANGE_MAX: usize = 64 << 20;
