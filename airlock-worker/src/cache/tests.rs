use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlock_core::id::{Generation, PolicyHash, SubjectHandle};
use airlock_core::mask::Masked;
use airlock_core::runtime::SystemHost;
use airlock_core::snapshot::{Manifest, SnapshotStore as _, SnapshotWriter as _};
use airlock_core::time::Timestamp;
use arrow::array::{Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;

use super::*;

const CANARY: &str = "canary-7f3a";

fn batch() -> RecordBatch {
    let schema =
        Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)]);
    let names = StringArray::from(vec![Some(CANARY), None, Some("b")]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(vec![1, 2, 3])), Arc::new(names)])
        .unwrap()
}

fn handle() -> SubjectHandle {
    SubjectHandle::derive(&[1; 32], "t_acme", &PolicyHash([2; 32]), &"u_42".parse().unwrap())
}

fn manifest() -> Manifest {
    let at = Timestamp::default();
    Manifest {
        handle: handle(),
        generation: Generation(1),
        policy_hash: PolicyHash([2; 32]),
        exported_at: at,
        expires_at: at,
        duration_ms: 1,
        tables: vec![],
    }
}

fn tables() -> Vec<(String, SchemaRef)> {
    vec![("users".to_owned(), batch().schema()), ("empty".to_owned(), batch().schema())]
}

fn store(dir: &Path) -> TmpfsSnapshots {
    TmpfsSnapshots::new(Place::open(dir, true).unwrap(), &SystemHost::new())
}

fn fill(store: &TmpfsSnapshots) -> TmpfsData {
    let mut writer = store.begin(handle(), Generation(1), &tables()).unwrap();
    writer.push(0, Masked::dangerous_unmasked(batch())).unwrap();
    writer.push(0, Masked::dangerous_unmasked(batch())).unwrap();
    writer.finish(&manifest()).unwrap()
}

/// Every file below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] })
        .collect()
}

#[test]
fn what_was_written_is_read_from_the_mapping() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("data");
    let tables = fill(&store(&place)).tables().unwrap();
    assert_eq!(tables[0].name(), "users");
    assert_eq!(tables[0].batches(), [batch(), batch()]);
    assert_eq!((tables[1].name(), tables[1].row_count()), ("empty", 0));
}

#[test]
fn rows_never_have_a_name_and_the_manifest_names_no_subject() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("data");
    let store = store(&place);
    let mut writer = store.begin(handle(), Generation(1), &tables()).unwrap();
    writer.push(0, Masked::dangerous_unmasked(batch())).unwrap();
    assert_eq!(files(&place), [place.join(".lock")]);
    let data = writer.finish(&manifest()).unwrap();

    let snapshot = place.join(format!("{}-1-0", handle()));
    let mut named = files(&place);
    named.sort();
    assert_eq!(named, [place.join(".lock"), snapshot.join("manifest.json")]);
    for file in &named {
        let text = fs::read_to_string(file).unwrap();
        assert!(!text.contains(CANARY) && !text.contains("u_42"));
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    drop(data);
    assert!(!snapshot.exists());
}

#[test]
fn the_descriptor_that_is_handed_on_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let data = fill(&store(&dir.path().join("data")));
    let mut reader = data.files()[0].reader();
    assert!(io::Write::write(&mut reader, b"x").is_err());
}

#[test]
fn files_are_overwritten_and_freed_with_the_last_reader() {
    let dir = tempfile::tempdir().unwrap();
    let data = fill(&store(&dir.path().join("data")));
    let kept = data.files()[0].reader().try_clone().unwrap();
    let tables = data.tables().unwrap();
    drop(data);
    // A mapping still refers to it.
    assert_eq!(tables[0].batches()[0], batch());
    assert_ne!(kept.metadata().unwrap().len(), 0);
    drop(tables);
    assert_eq!(kept.metadata().unwrap().len(), 0);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("data");
    let store = store(&place);
    let mut writer = store.begin(handle(), Generation(1), &tables()).unwrap();
    writer.push(0, Masked::dangerous_unmasked(batch())).unwrap();
    drop(writer);
    assert_eq!(files(&place), [place.join(".lock")]);
    // The same generation may be begun again.
    drop(fill(&store));
}

#[test]
fn keys_differ_between_snapshots_and_between_stores() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (store(&dir.path().join("a")), store(&dir.path().join("b")));
    let keys = [fill(&a).key(), fill(&a).key(), fill(&b).key()];
    assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
}

#[test]
fn stale_snapshots_are_wiped_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("data");
    drop(store(&place));
    let stale = place.join("00112233445566778899aabbccddeeff-7-0");
    fs::create_dir(&stale).unwrap();
    fs::write(stale.join("0.arrow.tmp"), CANARY).unwrap();
    let theirs = place.join("notes");
    fs::create_dir(&theirs).unwrap();
    // A link in place of a snapshot is not followed.
    symlink(&theirs, place.join("ffffffffffffffffffffffffffffffff-1-0")).unwrap();
    let _store = store(&place);
    assert!(!stale.exists());
    assert!(theirs.exists());
}

#[test]
fn two_workers_do_not_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("data");
    let first = store(&place);
    assert!(matches!(Place::open(&place, true), Err(PlaceError::InUse { .. })));
    drop(first);
    assert!(Place::open(&place, true).is_ok());
}

#[test]
fn a_place_that_others_can_reach_is_refused_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("data");
    drop(store(&place));
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    let error = Place::open(&place, true).unwrap_err();
    assert!(error.is_permission());
    assert!(error.to_string().contains("chmod 700"), "{error}");

    symlink(&place, dir.path().join("link")).unwrap();
    assert!(matches!(Place::open(&dir.path().join("link"), true), Err(PlaceError::NotADirectory { .. })));
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(matches!(Place::open(&dir.path().join("file"), true), Err(PlaceError::NotADirectory { .. })));
    assert!(matches!(Place::open(&dir.path().join("no/such"), true), Err(PlaceError::Missing { .. })));
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_is_refused_unless_allowed() {
    // The build directory is on a disk, /dev/shm is not.
    let disk = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    fs::set_permissions(disk.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(Place::open(disk.path(), false), Err(PlaceError::Disk { .. })));
    assert!(Place::open(disk.path(), true).is_ok());
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    assert!(Place::open(&memory.path().join("data"), false).is_ok());
}

/// On a tmpfs of its own, which only root may mount.
#[cfg(target_os = "linux")]
#[test]
fn a_full_place_keeps_nothing_and_says_full() {
    assert_eq!(store_error(&io::ErrorKind::StorageFull.into()), StoreError::Full);
    let dir = tempfile::tempdir().unwrap();
    if !run("mount", &["-t", "tmpfs", "-o", "size=256k,mode=0700", "none"], dir.path()) {
        return;
    }
    let store = store(dir.path());
    let mut writer = store.begin(handle(), Generation(1), &tables()).unwrap();
    let full = (0..10_000).find_map(|_| writer.push(0, Masked::dangerous_unmasked(batch())).err());
    assert_eq!(full, Some(StoreError::Full));
    drop(writer);
    assert_eq!(files(dir.path()), [dir.path().join(".lock")]);
    drop(fill(&store));
    drop(store);
    assert!(run("umount", &[], dir.path()));
}

#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "mounting in a test")]
fn run(program: &str, arguments: &[&str], dir: &Path) -> bool {
    let status = std::process::Command::new(program).args(arguments).arg(dir).status();
    status.is_ok_and(|s| s.success())
}
