//! `data_dir`: whether it may hold snapshots, one worker at a time, and clearing what an earlier one left.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlock_core::id::{Generation, SubjectHandle};
use rustix::fs::{FlockOperation, OFlags};

/// A directory that passed the start-up checks and belongs to this process until it is dropped.
#[derive(Debug)]
pub struct Place {
    dir: PathBuf,
    /// Locked; the lock ends with the process, however it ends.
    _lock: File,
}

/// Why a directory may not hold snapshots. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// It is missing and cannot be made.
    #[error(
        "data_dir {dir} cannot be created: {kind}; create it with mode 0700 or set AIRLOCK_DATA_DIR{}",
        platform_advice()
    )]
    Missing {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// It is a link or a file.
    #[error("data_dir {dir} is not a directory of its own; give the directory itself, not a link to it")]
    NotADirectory {
        /// The directory.
        dir: PathBuf,
    },
    /// Another user owns it.
    #[error("data_dir {dir} is owned by uid {owner}, the worker runs as uid {us}; run `chown {us} {dir}`")]
    Owner {
        /// The directory.
        dir: PathBuf,
        /// Its owner.
        owner: u32,
        /// The worker.
        us: u32,
    },
    /// Others may read or write it.
    #[error("data_dir {dir} has mode {mode:04o}; run `chmod 700 {dir}`")]
    Mode {
        /// The directory.
        dir: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is on a disk.
    #[error(
        "data_dir {dir} is not on tmpfs, so rows could reach a disk; use a directory below /dev/shm, or set `storage: {{allow_disk: true}}`"
    )]
    Disk {
        /// The directory.
        dir: PathBuf,
    },
    /// Another worker uses it.
    #[error("data_dir {dir} is in use by another worker; give each worker its own AIRLOCK_DATA_DIR")]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// It failed otherwise.
    #[error("data_dir {dir}: {kind}")]
    Io {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
    },
}

impl PlaceError {
    /// Whether owner or mode is the problem, rather than the choice of place.
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::Owner { .. } | Self::Mode { .. })
            || matches!(self, Self::Io { kind: io::ErrorKind::PermissionDenied, .. })
    }
}

fn platform_advice() -> &'static str {
    if cfg!(target_os = "macos") { " (macOS has no /dev/shm: set AIRLOCK_DATA_DIR=./data)" } else { "" }
}

impl Place {
    /// Checks the directory, makes it when missing, locks it and wipes snapshots of earlier processes.
    ///
    /// # Errors
    /// When it could be read by others, could reach a disk unasked, or is in use.
    pub fn open(dir: &Path, allow_disk: bool) -> Result<Self, PlaceError> {
        let owned = || dir.to_owned();
        let io = |e: io::Error| PlaceError::Io { dir: dir.to_owned(), kind: e.kind() };
        match DirBuilder::new().mode(0o700).create(dir) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                return Err(PlaceError::Missing { dir: owned(), kind: e.kind() });
            }
            _ => {}
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(dir);
        let handle = opened.map_err(|e| match rustix::io::Errno::from_io_error(&e) {
            Some(rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => {
                PlaceError::NotADirectory { dir: owned() }
            }
            _ => io(e),
        })?;
        let meta = handle.metadata().map_err(io)?;
        let us = rustix::process::geteuid().as_raw();
        if meta.uid() != us {
            return Err(PlaceError::Owner { dir: owned(), owner: meta.uid(), us });
        }
        let mode = meta.mode() & 0o7777;
        if mode & 0o077 != 0 || mode & 0o700 != 0o700 {
            return Err(PlaceError::Mode { dir: owned(), mode });
        }
        if !allow_disk && !is_memory(&handle).map_err(io)? {
            return Err(PlaceError::Disk { dir: owned() });
        }
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(dir.join(LOCK))
            .map_err(io)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(PlaceError::InUse { dir: owned() }),
            Err(e) => return Err(io(e.into())),
        }
        let place = Self { dir: dir.to_owned(), _lock: lock };
        place.wipe().map_err(io)?;
        Ok(place)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Removes what earlier processes left; anything that we would not have made stays.
    fn wipe(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let ours = entry.file_name().to_str().is_some_and(is_snapshot_name);
            if ours && entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Makes the directory of one snapshot, the store's `number`th. It goes when the value is dropped.
    pub(super) fn snapshot_dir(
        self: &Arc<Self>,
        handle: SubjectHandle,
        generation: Generation,
        number: u64,
    ) -> io::Result<SnapshotDir> {
        let path = self.dir.join(format!("{handle}-{}-{number}", generation.0));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(SnapshotDir { path, _place: self.clone() })
    }
}

/// One snapshot's directory; removed on drop.
#[derive(Debug)]
pub(super) struct SnapshotDir {
    path: PathBuf,
    /// The lock outlives every snapshot.
    _place: Arc<Place>,
}

impl SnapshotDir {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SnapshotDir {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_dir_all(&self.path) {
            tracing::warn!(kind = %e.kind(), "a snapshot's directory could not be removed");
        }
    }
}

/// A handle in hex, a generation, a number.
fn is_snapshot_name(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match parts[..] {
        [handle, generation, number] => {
            handle.len() == 32
                && handle.bytes().all(|b| b.is_ascii_hexdigit())
                && is_number(generation)
                && is_number(number)
        }
        _ => false,
    }
}

#[cfg(target_os = "linux")]
fn is_memory(dir: &File) -> io::Result<bool> {
    const TMPFS: i64 = 0x0102_1994;
    const RAMFS: i64 = 0x8584_58f6;
    let kind = rustix::fs::fstatfs(dir)?.f_type;
    #[allow(clippy::useless_conversion, reason = "the field's width differs between targets")]
    let kind = i64::from(kind);
    Ok(kind == TMPFS || kind == RAMFS)
}

/// Elsewhere there is no tmpfs to ask for; `./data` is what the documentation tells.
#[cfg(not(target_os = "linux"))]
fn is_memory(_: &File) -> io::Result<bool> {
    Ok(true)
}

const LOCK: &str = ".lock";
