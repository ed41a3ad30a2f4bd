//! Files that only their owner may read: written whole or not at all, refused when anyone else could have had them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// Why a private file was not read or written. The text says what to do; nothing of the file is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateFileError {
    /// There is none.
    #[error("{path} does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is one already.
    #[error("{path} exists already; it is never overwritten")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It is a link, a directory, a device.
    #[error("{path} is not a plain file; put the file itself there, not a link")]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Someone else owns it or its directory.
    #[error("{path} is owned by uid {owner}, the worker runs as uid {us}; run `chown {us} {path}`")]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The worker.
        us: u32,
    },
    /// Others may read or write it or its directory.
    #[error("{path} has mode {mode:04o}; run `chmod {wanted:o} {path}`")]
    Mode {
        /// The file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it should have.
        wanted: u32,
    },
    /// It holds something else.
    #[error("{path} does not hold what it should; restore it, or move it away to have a new one made")]
    Content {
        /// The file.
        path: PathBuf,
    },
    /// It failed otherwise.
    #[error("{path}: {kind}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
    },
}

/// Reads a private text of at most 16 KiB.
///
/// # Errors
/// When the file or its directory belongs to or is open to others, is no plain file, or cannot be read.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, PrivateFileError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = file.map_err(|e| match (e.kind(), rustix::io::Errno::from_io_error(&e)) {
        (io::ErrorKind::NotFound, _) => PrivateFileError::Missing { path: path.to_owned() },
        (_, Some(rustix::io::Errno::LOOP)) => PrivateFileError::NotAFile { path: path.to_owned() },
        (kind, _) => PrivateFileError::Io { path: path.to_owned(), kind },
    })?;
    let meta = file.metadata().map_err(|e| io_error(path, &e))?;
    if !meta.is_file() {
        return Err(PrivateFileError::NotAFile { path: path.to_owned() });
    }
    check_owner(path, &meta, 0o600)?;
    check_dir(path)?;
    let mut text = Zeroizing::new(String::new());
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(|e| match e.kind() {
        io::ErrorKind::InvalidData => PrivateFileError::Content { path: path.to_owned() },
        _ => io_error(path, &e),
    })?;
    if text.len() as u64 > BYTES_MAX {
        Err(PrivateFileError::Content { path: path.to_owned() })
    } else {
        Ok(text)
    }
}

/// Writes a private text that does not exist yet, making its directory when that is missing. Of two that race, one
/// succeeds; whatever is interrupted leaves no file of this name.
///
/// # Errors
/// [`PrivateFileError::Exists`] when there is one; otherwise as [`read`].
pub(crate) fn create(path: &Path, text: &str) -> Result<(), PrivateFileError> {
    let temporary = write_temporary(path, text)?;
    // A link, unlike a rename, never replaces.
    let linked = fs::hard_link(&temporary, path);
    let removed = fs::remove_file(&temporary);
    match linked {
        Ok(()) => removed.map_err(|e| io_error(path, &e)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            Err(PrivateFileError::Exists { path: path.to_owned() })
        }
        Err(e) => Err(io_error(path, &e)),
    }
}

fn write_temporary(path: &Path, text: &str) -> Result<PathBuf, PrivateFileError> {
    let dir = dir_of(path);
    DirBuilder::new().mode(0o700).recursive(true).create(dir).map_err(|e| io_error(dir, &e))?;
    check_dir(path)?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = dir.join(format!(".{name}.{}.tmp", std::process::id()));
    // Left by a process of the same id that was interrupted.
    let _ = fs::remove_file(&temporary);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        File::open(dir)?.sync_all()
    };
    match write() {
        Ok(()) => Ok(temporary),
        Err(e) => {
            let _ = fs::remove_file(&temporary);
            Err(io_error(path, &e))
        }
    }
}

fn check_dir(path: &Path) -> Result<(), PrivateFileError> {
    let dir = dir_of(path);
    let meta = fs::metadata(dir).map_err(|e| io_error(dir, &e))?;
    check_owner(dir, &meta, 0o700)
}

fn check_owner(path: &Path, meta: &fs::Metadata, wanted: u32) -> Result<(), PrivateFileError> {
    let us = rustix::process::geteuid().as_raw();
    if meta.uid() != us {
        return Err(PrivateFileError::Owner { path: path.to_owned(), owner: meta.uid(), us });
    }
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 {
        Err(PrivateFileError::Mode { path: path.to_owned(), mode, wanted })
    } else {
        Ok(())
    }
}

fn dir_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn io_error(path: &Path, error: &io::Error) -> PrivateFileError {
    PrivateFileError::Io { path: path.to_owned(), kind: error.kind() }
}

/// Keys are far smaller.
const BYTES_MAX: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_was_created_is_read_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/k");
        create(&path, "one").unwrap();
        assert!(matches!(create(&path, "two"), Err(PrivateFileError::Exists { .. })));
        assert_eq!(*read(&path).unwrap(), "one");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        // Nothing temporary stays.
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_could_read_is_refused_with_the_command_that_helps() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/k");
        create(&path, "one").unwrap();
        mode(&path, 0o640);
        assert!(read(&path).unwrap_err().to_string().contains("run `chmod 600 "));
        mode(&path, 0o600);
        mode(path.parent().unwrap(), 0o755);
        assert!(read(&path).unwrap_err().to_string().contains("run `chmod 700 "));
        assert!(create(&path, "two").is_err());
    }

    #[test]
    fn links_directories_and_absences_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/k");
        create(&path, "one").unwrap();
        let link = dir.path().join("keys/link");
        symlink(&path, &link).unwrap();
        assert!(matches!(read(&link), Err(PrivateFileError::NotAFile { .. })));
        assert!(matches!(read(path.parent().unwrap()), Err(PrivateFileError::NotAFile { .. })));
        assert!(matches!(read(&dir.path().join("keys/none")), Err(PrivateFileError::Missing { .. })));
        fs::write(&path, [0xff]).unwrap();
        assert!(matches!(read(&path), Err(PrivateFileError::Content { .. })));
    }
}
