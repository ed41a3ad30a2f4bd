//! A small snapshot in a directory of its own.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::id::{Generation, PolicyHash, SubjectHandle};
use airlock_core::mask::Masked;
use airlock_core::runtime::SystemHost;
use airlock_core::snapshot::{Manifest, Snapshot, SnapshotStore as _, SnapshotWriter as _};
use airlock_core::time::Timestamp;
use airlock_worker::cache::{Place, TmpfsData, TmpfsSnapshots};
use arrow::array::{Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;

/// A store in a fresh directory; keep both.
pub(crate) fn store() -> (tempfile::TempDir, TmpfsSnapshots) {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::open(&dir.path().join("data"), true).unwrap();
    (dir, TmpfsSnapshots::new(place, &SystemHost::new()))
}

/// One subject's snapshot: `users(id, name)` with one row, `orders(id, user_id)` with `orders` rows.
pub(crate) fn snapshot(store: &TmpfsSnapshots, generation: u64, orders: i64) -> Arc<Snapshot<TmpfsData>> {
    let policy_hash = PolicyHash([2; 32]);
    let handle = SubjectHandle::derive(&[1; 32], "t_acme", &policy_hash, &"u_42".parse().unwrap());
    let ints = |name: &str| Field::new(name, DataType::Int64, false);
    let users = Arc::new(Schema::new(vec![ints("id"), Field::new("name", DataType::Utf8, true)]));
    let orders_schema = Arc::new(Schema::new(vec![ints("id"), ints("user_id")]));
    let tables = [("users".to_owned(), users.clone()), ("orders".to_owned(), orders_schema.clone())];
    let mut writer = store.begin(handle, Generation(generation), &tables).unwrap();
    let user = RecordBatch::try_new(
        users,
        vec![Arc::new(Int64Array::from(vec![1])), Arc::new(StringArray::from(vec!["***"]))],
    );
    writer.push(0, Masked::dangerous_unmasked(user.unwrap())).unwrap();
    let ids = Arc::new(Int64Array::from_iter_values(0..orders));
    let owners = Arc::new(Int64Array::from_iter_values((0..orders).map(|_| 1)));
    writer
        .push(1, Masked::dangerous_unmasked(RecordBatch::try_new(orders_schema, vec![ids, owners]).unwrap()))
        .unwrap();
    let at = Timestamp::default();
    let manifest = Manifest {
        handle,
        generation: Generation(generation),
        policy_hash,
        exported_at: at,
        expires_at: at,
        duration_ms: 1,
        tables: vec![],
    };
    let data = writer.finish(&manifest).unwrap();
    Arc::new(Snapshot::new(manifest, Duration::MAX, data))
}
