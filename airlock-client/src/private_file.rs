//! Small files that only their owner may read: tokens, keys, what was seen.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Others may read it; what is in it is not trusted any more.
    #[error("the file may be read by others than its owner; take their rights away (chmod 600)")]
    Open,
    /// It is longer than such a file ever is.
    #[error("the file is longer than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// It does not hold what it should.
    #[error("the file does not hold what was written there")]
    Unreadable,
    /// Another process uses it.
    #[error("another process uses this folder")]
    InUse,
    /// The system said no.
    #[error("the file cannot be read or written: {0}")]
    Io(io::ErrorKind),
}

/// Most bytes of a file that are read.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// A folder that only its owner may read, for one process at a time.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    folder: PathBuf,
    /// Held as long as the folder is used; the system lets go of it when the process ends, however it ends.
    _lock: fs::File,
}

impl PrivateFolder {
    /// Opens a folder, and makes it where there is none.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, FileError> {
        let lock = lock(&folder.join("lock"))?;
        Ok(Self { folder, _lock: lock })
    }
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }
    /// Where a file of it is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The file's bytes; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if found.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    if is_open(&found) {
        return Err(FileError::Open);
    }
    Ok(Some(fs::read(path)?))
}

#[cfg(unix)]
fn is_open(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    found.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open(_: &fs::Metadata) -> bool {
    false
}

/// Writes the whole file beside its place, readable by the owner alone, and moves it there: a reader, and a crash, find the
/// old one or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        create_folder(folder)?;
    }
    let mut name = path.file_name().ok_or(FileError::Io(io::ErrorKind::InvalidInput))?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let _ = fs::remove_file(&beside);
    let mut file = private().open(&beside)?;
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    Ok(written?)
}

/// Takes a file for this process alone, as long as it is open.
pub(crate) fn lock(path: &Path) -> Result<fs::File, FileError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_folder(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(FileError::InUse),
        Err(fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Takes the file away; it is no error that there is none.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_may_read_and_a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("file");
        assert_eq!(read(&path), Ok(None));
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path), Ok(Some(b"two".to_vec())));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read(&path), Err(FileError::Open));
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(read(&path), Ok(None));
    }
}
