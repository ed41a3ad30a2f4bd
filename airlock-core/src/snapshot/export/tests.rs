use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
    Int64Array, ListArray, StringViewArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type};
use async_trait::async_trait;

use super::*;
use crate::id::PolicyHash;
use crate::mask::{ConstantValue, DateUnit, EmailDomain, Entity, MaskSpec, Masked, Masking, masked_type};
use crate::policy::TableRef;
use crate::secret::Secret;
use crate::snapshot::ipc::IpcTableWriter;
use crate::snapshot::plan::{ColumnMask, ColumnPlan, ForeignKeyPlan};
use crate::snapshot::source::BatchStream;
use crate::snapshot::store::StoreError;
use crate::snapshot::{Catalog, MemorySnapshots, MemorySource, MemoryTable, MemoryTables, filter_rows};
use crate::test_util::FixedHost;

pub(in crate::snapshot) fn keys() -> MaskKeys {
    MaskKeys::new(Secret::new([5; 32]), "t_a".parse().unwrap())
}

fn hash() -> MaskSpec {
    MaskSpec::Hash {
        length: 16,
        prefix: String::new(),
        key: "k1".into(),
        lower: false,
        trim: false,
        as_text: false,
    }
}

fn column(name: &str, raw: DataType, mask: Option<(MaskSpec, &str)>) -> ColumnPlan {
    let mask = mask.map(|(spec, domain)| ColumnMask { masking: Masking::one(spec), domain: domain.into() });
    ColumnPlan {
        name: name.into(),
        source_type: "text".into(),
        data_type: mask.as_ref().map_or(raw.clone(), |m| masked_type(&m.masking, &raw).unwrap()),
        raw_type: raw,
        nullable: true,
        mask,
        labels: vec![],
        description: None,
    }
}

fn table(name: &str, edge: EdgePlan, columns: Vec<ColumnPlan>) -> TablePlan {
    TablePlan {
        name: name.into(),
        source: TableRef { schema: "public".into(), name: name.into() },
        edge,
        columns,
        traversal_only: vec![],
        key: vec!["id".into()],
        foreign_keys: vec![],
        order_by: vec![("id".into(), false)],
        max_rows: 100,
        on_limit: OnLimit::Truncate,
        include: Include::Rows,
        description: None,
        excluded_columns: 0,
    }
}

fn child(parent: usize, column: &str) -> EdgePlan {
    EdgePlan::Child { parent, parent_columns: vec!["id".into()], columns: vec![column.into()] }
}

/// users (root) ← orders (child) → products (lookup); notes (child, free text); countries (global).
pub(in crate::snapshot) fn plan() -> ExportPlan {
    let scrub = MaskSpec::Scrub { entities: vec![Entity::Email], replacement: None };
    let redact = MaskSpec::Redact { text: "***".into() };
    ExportPlan {
        tables: vec![
            table(
                "users",
                EdgePlan::Root { filter: "external_id".into() },
                vec![
                    column("id", DataType::Int64, Some((hash(), "users.id"))),
                    column("name", DataType::Utf8View, Some((redact, "users.name"))),
                ],
            ),
            table(
                "notes",
                child(0, "user_id"),
                vec![
                    column("id", DataType::Int64, None),
                    column("body", DataType::Utf8View, Some((scrub, "notes.body"))),
                ],
            ),
            table(
                "orders",
                child(0, "user_id"),
                vec![
                    column("id", DataType::Int64, None),
                    column("user_id", DataType::Int64, Some((hash(), "users.id"))),
                    column("recipient", DataType::Utf8View, Some((hash(), "orders.recipient"))),
                ],
            ),
            table(
                "products",
                EdgePlan::Lookup {
                    via: 2,
                    via_columns: vec!["product_id".into()],
                    columns: vec!["id".into()],
                    also: vec![],
                },
                vec![column("id", DataType::Int64, None), column("title", DataType::Utf8View, None)],
            ),
            table("countries", EdgePlan::Global, vec![column("id", DataType::Utf8View, None)]),
        ],
        policy_hash: PolicyHash([1; 32]),
    }
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringViewArray::from(values.to_vec()))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
}

pub(in crate::snapshot) fn source() -> MemorySource {
    let users = batch(vec![
        ("id", ints(&[1, 2, 3, 4, 5])),
        ("external_id", texts(&["u_1", "u_2", "u_3", "u_3", "u_4"])),
        ("name", texts(&["Alice Quartz", "Bob", "C", "D", "E"])),
    ]);
    let orders = batch(vec![
        ("id", ints(&[10, 11, 12, 13])),
        ("user_id", ints(&[1, 1, 2, 1])),
        ("product_id", Arc::new(Int64Array::from(vec![Some(7), Some(7), Some(8), None]))),
        ("recipient", texts(&["Zelda", "Alice", "Bob", "Zelda"])),
    ]);
    let products = batch(vec![("id", ints(&[7, 8, 9])), ("title", texts(&["pen", "book", "ink"]))]);
    let notes = batch(vec![
        ("id", ints(&[20, 21])),
        ("user_id", ints(&[1, 2])),
        ("body", texts(&["Quartz wants it sent to zelda, a@b.de", "Bob's"])),
    ]);
    MemorySource::new()
        .with_table("users", users, &["id"])
        .with_table("orders", orders, &["id"])
        .with_table("products", products, &["id"])
        .with_table("notes", notes, &["id"])
        .with_table("countries", batch(vec![("id", texts(&["de", "fr"]))]), &["id"])
        .with_foreign_key("orders", &["user_id"], "users", &["id"])
}

async fn export(
    plan: &ExportPlan,
    source: &dyn Source,
    limits: &Limits,
    subject: &str,
) -> Result<Snapshot<MemoryTables>, ExportError> {
    let (keys, host) = (keys(), FixedHost::new());
    let subject: SubjectId = subject.parse().unwrap();
    let handle = keys.subject_handle(&plan.policy_hash, &subject);
    let ttl = Duration::from_secs(60);
    let export = Export { plan, source, keys: &keys, limits, ttl, store: &MemorySnapshots, host: &host };
    export.run(&subject, handle, Generation(1)).await
}

fn rows(table: &MemoryTable, column: &str) -> Vec<String> {
    let shown = |batch: &RecordBatch| {
        let column =
            arrow::compute::cast(batch.column_by_name(column).unwrap(), &DataType::Utf8View).unwrap();
        column.as_string_view().iter().map(|v| v.unwrap_or("NULL").to_owned()).collect::<Vec<_>>()
    };
    table.batches().iter().flat_map(shown).collect()
}

#[tokio::test]
async fn a_subject_gets_its_rows_masked_and_nobody_elses() {
    let snapshot = export(&plan(), &source(), &Limits::default(), "u_1").await.unwrap();
    let [users, notes, orders, products, countries] = snapshot.data.tables() else { panic!() };
    assert_eq!(rows(users, "name"), ["***"]);
    assert_eq!(rows(orders, "id"), ["10", "11", "13"]);
    assert_eq!(rows(products, "title"), ["pen"]);
    assert_eq!(rows(countries, "id"), ["de", "fr"]);
    // The order's recipient is known by the time the note is read, although notes come before orders in the plan.
    assert_eq!(rows(notes, "body"), ["<REDACTED> wants it sent to <REDACTED>, <EMAIL>"]);

    let id = users.batches()[0].column(0).as_primitive::<Int64Type>().value(0);
    assert_ne!(id, 1);
    assert_eq!(rows(orders, "user_id"), vec![id.to_string(); 3]);
    assert_ne!(rows(orders, "recipient")[0], rows(orders, "recipient")[1]);
    assert_eq!(rows(orders, "recipient")[0], rows(orders, "recipient")[2]);

    let manifest = &snapshot.manifest;
    assert_eq!(manifest.tables.iter().map(|t| t.rows).collect::<Vec<_>>(), [1, 1, 3, 1, 2]);
    assert_eq!(manifest.expires_at.since(manifest.exported_at), Duration::from_secs(60));
    assert_eq!((snapshot.fresh_until, manifest.truncated_tables().len()), (Duration::from_secs(61), 0));
    let said = format!("{snapshot:?} {}", serde_json::to_string(manifest).unwrap());
    assert!(!said.contains("u_1") && !said.contains("Alice"));
}

#[tokio::test]
async fn no_row_and_two_rows_are_told_apart() {
    let none = export(&plan(), &source(), &Limits::default(), "u_9").await.unwrap_err();
    assert_eq!(none.to_string(), "No record in users");
    let two = export(&plan(), &source(), &Limits::default(), "u_3").await.unwrap_err();
    assert_eq!(two, ExportError::Ambiguous { root_table: "users".into() });
}

#[tokio::test]
async fn row_limits_cut_the_first_rows_or_fail() {
    let mut plan = plan();
    plan.tables[2].max_rows = 2;
    plan.tables[2].order_by = vec![("id".into(), true)];
    let snapshot = export(&plan, &source(), &Limits::default(), "u_1").await.unwrap();
    assert_eq!(rows(&snapshot.data.tables()[2], "id"), ["13", "11"]);
    assert_eq!(snapshot.manifest.truncated_tables(), ["orders"]);

    plan.tables[2].max_rows = 3;
    assert!(
        export(&plan, &source(), &Limits::default(), "u_1")
            .await
            .unwrap()
            .manifest
            .truncated_tables()
            .is_empty()
    );

    plan.tables[2].max_rows = 2;
    plan.tables[2].on_limit = OnLimit::Fail;
    let error = export(&plan, &source(), &Limits::default(), "u_1").await.unwrap_err();
    assert_eq!(error, ExportError::TooLarge { limit: "max_rows_per_table" });
}

#[tokio::test]
async fn each_limit_of_a_snapshot_bites() {
    let run = async |limits: Limits| export(&plan(), &source(), &limits, "u_1").await;
    let limits = Limits { max_rows_total: 7, ..Limits::default() };
    assert_eq!(run(limits).await.unwrap_err(), ExportError::TooLarge { limit: "max_rows_total" });
    assert!(run(Limits { max_rows_total: 8, ..Limits::default() }).await.is_ok());
    let limits = Limits { max_bytes_per_snapshot: 50, ..Limits::default() };
    assert_eq!(run(limits).await.unwrap_err(), ExportError::TooLarge { limit: "max_bytes_per_snapshot" });
    let snapshot = run(Limits { global_table_max_rows: 1, ..Limits::default() }).await.unwrap();
    assert_eq!(snapshot.manifest.truncated_tables(), ["countries"]);
}

#[tokio::test]
async fn a_table_without_rows_keeps_its_schema_and_leads_on() {
    let mut plan = plan();
    plan.tables[2].include = Include::None;
    let snapshot = export(&plan, &source(), &Limits::default(), "u_1").await.unwrap();
    let tables = snapshot.data.tables();
    assert_eq!((tables[2].row_count(), tables[2].schema().fields().len()), (0, 3));
    assert_eq!(rows(&tables[3], "title"), ["pen"]);
}

#[tokio::test]
async fn a_renamed_column_fails_the_export() {
    let mut plan = plan();
    plan.tables[0].columns[1].name = "full_name".into();
    let error = export(&plan, &source(), &Limits::default(), "u_1").await.unwrap_err();
    assert!(matches!(error, ExportError::Source(SourceError::Drift { .. })));
}

#[tokio::test]
async fn a_plan_that_never_gets_to_a_table_is_broken() {
    let mut plan = plan();
    plan.tables[4].edge = child(4, "id");
    let error = export(&plan, &source(), &Limits::default(), "u_1").await.unwrap_err();
    assert_eq!(
        error,
        ExportError::Plan { table: "countries".into(), what: "depends on a table that is not read" }
    );
}

#[tokio::test]
async fn many_keys_are_asked_in_batches_and_the_first_rows_of_all_stay() {
    let many = i64::try_from(KEYS_AT_ONCE).unwrap() + 500;
    let ids: Vec<i64> = (0..many).collect();
    let users = batch(vec![("id", ints(&[1])), ("external_id", texts(&["u_1"])), ("name", texts(&["A"]))]);
    let orders = batch(vec![
        ("id", ints(&ids)),
        ("user_id", ints(&vec![1; ids.len()])),
        ("product_id", ints(&ids)),
        ("recipient", Arc::new(ids.iter().map(|i| Some(i.to_string())).collect::<StringViewArray>())),
    ]);
    let titles: StringViewArray = ids.iter().map(|i| Some(format!("t{i}"))).collect();
    let products = batch(vec![("id", ints(&ids)), ("title", Arc::new(titles))]);
    let source = MemorySource::new()
        .with_table("users", users, &["id"])
        .with_table("orders", orders, &["id"])
        .with_table("products", products, &["id"]);
    let mut plan = plan();
    plan.tables.truncate(4);
    plan.tables.remove(1);
    plan.tables[2].edge = EdgePlan::Lookup {
        via: 1,
        via_columns: vec!["product_id".into()],
        columns: vec!["id".into()],
        also: vec![],
    };
    plan.tables[1].max_rows = 100_000;
    plan.tables[2].max_rows = 3;
    plan.tables[2].order_by = vec![("id".into(), true)];
    let limits = Limits { export_timeout_ms: 120_000, ..Limits::default() };
    let snapshot = export(&plan, &source, &limits, "u_1").await.unwrap();
    let expected: Vec<String> = (0..3).map(|i| (many - 1 - i).to_string()).collect();
    assert_eq!(rows(&snapshot.data.tables()[2], "id"), expected);
    assert_eq!(snapshot.manifest.tables[1].rows, many as u64);
    assert_eq!(snapshot.manifest.truncated_tables(), ["products"]);
}

#[tokio::test]
async fn a_lookup_has_what_any_of_its_tables_points_at_once() {
    let mut plan = plan();
    let at = plan.tables.iter().position(|t| t.name == "products").unwrap();
    let orders = plan.tables.iter().position(|t| t.name == "orders").unwrap();
    let wishes = TablePlan {
        name: "wishes".into(),
        ..table("wishes", child(0, "user_id"), vec![column("id", DataType::Int64, None)])
    };
    plan.tables.push(wishes);
    let wishes = plan.tables.len() - 1;
    plan.tables[at].edge = EdgePlan::Lookup {
        via: orders,
        via_columns: vec!["product_id".into()],
        columns: vec!["id".into()],
        also: vec![(wishes, vec!["product_id".into()])],
    };
    let wished = batch(vec![
        ("id", ints(&[30, 31, 32])),
        ("user_id", ints(&[1, 1, 2])),
        ("product_id", ints(&[7, 9, 8])),
    ]);
    let source = source().with_table("wishes", wished, &["id"]);
    let snapshot = export(&plan, &source, &Limits::default(), "u_1").await.unwrap();
    assert_eq!(rows(&snapshot.data.tables()[at], "id"), ["7", "9"]);
}

/// Fails as told, then answers.
#[derive(Debug)]
struct Flaky {
    errors: Mutex<Vec<SourceError>>,
    then: MemorySource,
}

#[async_trait]
impl Source for Flaky {
    async fn catalog(&self) -> Result<Catalog, SourceError> {
        self.then.catalog().await
    }
    async fn begin(&self) -> Result<Box<dyn Reader>, SourceError> {
        let error = lock(&self.errors).pop();
        match error {
            Some(error) => Err(error),
            None => self.then.begin().await,
        }
    }
}

#[tokio::test]
async fn a_conflict_is_tried_once_more_and_other_failures_are_not() {
    let run = async |errors: Vec<SourceError>| {
        let source = Flaky { errors: Mutex::new(errors), then: source() };
        export(&plan(), &source, &Limits::default(), "u_1").await.map(|_| ())
    };
    assert_eq!(run(vec![SourceError::Conflict]).await, Ok(()));
    assert_eq!(run(vec![SourceError::Conflict; 2]).await, Err(SourceError::Conflict.into()));
    assert_eq!(run(vec![SourceError::Timeout]).await, Err(SourceError::Timeout.into()));
}

/// Answers never.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Source for Silent {
    async fn catalog(&self) -> Result<Catalog, SourceError> {
        std::future::pending().await
    }
    async fn begin(&self) -> Result<Box<dyn Reader>, SourceError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_silent_source_ends_the_export() {
    let limits = Limits { export_timeout_ms: 10, ..Limits::default() };
    assert_eq!(export(&plan(), &Silent, &limits, "u_1").await.unwrap_err(), ExportError::TimedOut);
}

/// A source of ten lines, as an embedder writes it.
#[derive(Clone, Debug)]
struct TenLines(RecordBatch);

#[async_trait]
impl Reader for TenLines {
    async fn rows<'a>(&'a self, ask: RowsAsk) -> Result<BatchStream<'a>, SourceError> {
        Ok(stream::iter([filter_rows(&self.0, &ask)]).boxed())
    }
}

#[async_trait]
impl Source for TenLines {
    async fn catalog(&self) -> Result<Catalog, SourceError> {
        Ok(Catalog::default())
    }
    async fn begin(&self) -> Result<Box<dyn Reader>, SourceError> {
        Ok(Box::new(self.clone()))
    }
}

#[tokio::test]
async fn a_source_of_ten_lines_is_enough() {
    let rows = batch(vec![("id", ints(&[1])), ("external_id", texts(&["u_1"])), ("name", texts(&["Alice"]))]);
    let mut plan = plan();
    plan.tables.truncate(1);
    let snapshot = export(&plan, &TenLines(rows), &Limits::default(), "u_1").await.unwrap();
    assert_eq!(snapshot.manifest.tables[0].rows, 1);
}

/// Keeps each table as the bytes of its file, as a worker's store does.
struct Files;
struct FileWriters(Vec<IpcTableWriter<Vec<u8>>>);

impl SnapshotStore for Files {
    type Data = Vec<Vec<u8>>;
    type Writer = FileWriters;
    fn begin(
        &self,
        _: SubjectHandle,
        _: Generation,
        tables: &[(String, arrow::datatypes::SchemaRef)],
    ) -> Result<FileWriters, StoreError> {
        let writers = tables.iter().map(|(_, schema)| IpcTableWriter::new(vec![], schema));
        Ok(FileWriters(writers.collect::<Result<_, _>>()?))
    }
}

impl SnapshotWriter for FileWriters {
    type Data = Vec<Vec<u8>>;
    fn push(&mut self, table: usize, batch: Masked<RecordBatch>) -> Result<(), StoreError> {
        Ok(self.0[table].push(&batch)?)
    }
    fn finish(self, _: &Manifest) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(self.0.into_iter().map(IpcTableWriter::finish).collect::<Result<_, _>>()?)
    }
}

/// A column of every type, each cell with a marker of its own, and a mask for each.
fn canaries() -> (RecordBatch, Vec<ColumnPlan>, Vec<Vec<u8>>) {
    let mark = |column: &str, row: usize| format!("CANARY-{column}-{row}-{}", "x".repeat(20));
    let redact = || MaskSpec::Redact { text: "***".into() };
    let partial = MaskSpec::Partial {
        keep_first: 0,
        keep_last: 4,
        char: '*',
        min_masked: 4,
        keep_separators: true,
        fixed_length: false,
    };
    let email =
        MaskSpec::Email { domain: EmailDomain::Constant("example.com".into()), length: 10, key: "k1".into() };
    let scrub = MaskSpec::Scrub { entities: vec![Entity::Email], replacement: None };
    let constant = MaskSpec::Constant { value: ConstantValue::Text("fixed".into()), apply_to_null: false };
    let (mut columns, mut plans, mut markers) = (vec![], vec![], vec![]);
    let mut add = |name: &str, array: ArrayRef, spec: MaskSpec| {
        plans.push(column(name, array.data_type().clone(), Some((spec, name))));
        columns.push((name.to_owned(), array, true));
    };
    for (name, spec) in [
        ("hash", hash()),
        ("redact", redact()),
        ("null", MaskSpec::Null),
        ("partial", partial),
        ("email", email),
        ("truncate", MaskSpec::Truncate { length: 3 }),
        ("constant", constant),
        ("scrub", scrub),
    ] {
        // What scrubbing has to find is an address; elsewhere any text is secret.
        let shape =
            |row| if name == "scrub" { format!("{}@example.com", mark(name, row)) } else { mark(name, row) };
        let values: Vec<String> = (0..3).map(shape).collect();
        markers.extend((0..3).map(|row| mark(name, row).into_bytes()));
        add(name, Arc::new(StringViewArray::from(values)), spec);
    }
    let number = |row: i64| 0x4341_4e41_5259_0000 + row;
    for row in 0..3 {
        markers.push(number(row).to_le_bytes().to_vec());
        markers.push(f64::from_bits(number(row) as u64).to_le_bytes().to_vec());
        markers.push(i128::from(number(row)).to_le_bytes().to_vec());
        markers.push(format!("CANARY-bytes-{row}").into_bytes());
        markers.push((0x4341_0000 + row as i32).to_le_bytes().to_vec());
    }
    let numbers = || (0..3).map(number);
    let small = || (0..3).map(|row| 0x4341_0000 + row);
    add("int8", Arc::new(numbers().map(Some).collect::<Int64Array>()), hash());
    add("int4", Arc::new(small().map(Some).collect::<Int32Array>()), hash());
    add("int8_null", Arc::new(numbers().map(Some).collect::<Int64Array>()), MaskSpec::Null);
    add(
        "float",
        Arc::new(numbers().map(|n| Some(f64::from_bits(n as u64))).collect::<Float64Array>()),
        redact(),
    );
    let decimal = numbers().map(|n| Some(i128::from(n))).collect::<Decimal128Array>();
    add("numeric", Arc::new(decimal.with_precision_and_scale(38, 2).unwrap()), hash());
    add(
        "date",
        Arc::new(small().map(|d| Some(d % 20_000)).collect::<Date32Array>()),
        MaskSpec::DateTrunc { unit: DateUnit::Year },
    );
    let at = numbers().map(|n| Some(n % 1_000_000_000_000_000)).collect::<TimestampMicrosecondArray>();
    add("at", Arc::new(at.with_timezone("UTC")), MaskSpec::DateTrunc { unit: DateUnit::Year });
    let blobs: Vec<String> = (0..3).map(|row| format!("CANARY-bytes-{row}")).collect();
    add("bytes", Arc::new(BinaryViewArray::from_iter_values(&blobs)), hash());
    add("flag", Arc::new(BooleanArray::from(vec![true, false, true])), redact());
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(small().map(|n| Some(vec![Some(n)])));
    add("list", Arc::new(list), redact());
    let field = Arc::new(Field::new("x", DataType::Int64, true));
    let point =
        StructArray::from(vec![(field, Arc::new(numbers().map(Some).collect::<Int64Array>()) as ArrayRef)]);
    add("point", Arc::new(point), MaskSpec::Null);
    (RecordBatch::try_from_iter_with_nullable(columns).unwrap(), plans, markers)
}

#[tokio::test]
async fn no_canary_is_in_the_bytes_of_a_snapshot_with_every_column_masked() {
    let (raw, columns, markers) = canaries();
    let users = batch(vec![("id", ints(&[1])), ("external_id", texts(&["u_1"]))]);
    let mut with_keys: Vec<(String, ArrayRef, bool)> = raw
        .schema()
        .fields()
        .iter()
        .zip(raw.columns())
        .map(|(f, c)| (f.name().clone(), c.clone(), true))
        .collect();
    with_keys.push(("id".into(), ints(&[70, 71, 72]), true));
    with_keys.push(("user_id".into(), ints(&[1, 1, 1]), true));
    let source = MemorySource::new().with_table("users", users, &["id"]).with_table(
        "canaries",
        RecordBatch::try_from_iter_with_nullable(with_keys).unwrap(),
        &["id"],
    );
    let root = table(
        "users",
        EdgePlan::Root { filter: "external_id".into() },
        vec![column("id", DataType::Int64, Some((hash(), "users.id")))],
    );
    let plan = ExportPlan {
        tables: vec![root, table("canaries", child(0, "user_id"), columns)],
        policy_hash: PolicyHash([1; 32]),
    };

    let (keys, host, limits) = (keys(), FixedHost::new(), Limits::default());
    let subject: SubjectId = "u_1".parse().unwrap();
    let handle = keys.subject_handle(&plan.policy_hash, &subject);
    let export = Export {
        plan: &plan,
        source: &source,
        keys: &keys,
        limits: &limits,
        ttl: Duration::ZERO,
        store: &Files,
        host: &host,
    };
    let snapshot = export.run(&subject, handle, Generation(1)).await.unwrap();

    let (_, batches) = crate::snapshot::ipc::read(&Buffer::from_vec(snapshot.data[1].clone())).unwrap();
    assert_eq!((batches[0].num_rows(), batches[0].num_columns()), (3, raw.num_columns()));
    for file in &snapshot.data {
        for marker in &markers {
            let found = file.windows(marker.len()).any(|w| w == marker);
            assert!(!found, "{}", String::from_utf8_lossy(marker));
        }
    }
    // The search itself would find a marker.
    let mut clear = IpcTableWriter::new(vec![], &raw.schema()).unwrap();
    clear.push(&Masked::assume(raw)).unwrap();
    let clear = clear.finish().unwrap();
    assert!(markers.iter().all(|marker| clear.windows(marker.len()).any(|w| w == marker)));
}

/// Users 1 and 2 referred each other; orders of user 1 have products, one of which a limit cuts.
#[tokio::test]
async fn rows_that_point_outside_the_snapshot_are_counted() {
    let mut plan = plan();
    let key = |columns: &str, references: &str, referenced: &str| ForeignKeyPlan {
        columns: vec![columns.into()],
        references: references.into(),
        referenced: vec![referenced.into()],
        declared: true,
    };
    // Masked alike, of other types, by the own edge, and to a table found later.
    plan.tables[0].columns.push(column("referrer", DataType::Int32, Some((hash(), "users.id"))));
    plan.tables[0].foreign_keys = vec![key("referrer", "users", "id")];
    plan.tables[2].columns.push(column("product_id", DataType::Int64, None));
    plan.tables[2].foreign_keys = vec![key("user_id", "users", "id"), key("product_id", "products", "id")];
    plan.tables[3].max_rows = 1;

    let users = batch(vec![
        ("id", ints(&[1, 2])),
        ("external_id", texts(&["u_1", "u_2"])),
        ("name", texts(&["a", "b"])),
        ("referrer", Arc::new(Int32Array::from(vec![2, 2]))),
    ]);
    let orders = batch(vec![
        ("id", ints(&[10, 11, 12, 13, 14])),
        ("user_id", ints(&[1, 1, 1, 1, 2])),
        ("product_id", Arc::new(Int64Array::from(vec![Some(7), Some(8), Some(8), None, Some(9)]))),
        ("recipient", texts(&["a", "b", "c", "d", "e"])),
    ]);
    let notes = batch(vec![("id", ints(&[20])), ("user_id", ints(&[1])), ("body", texts(&["nothing"]))]);
    let source = MemorySource::new()
        .with_table("users", users, &["id"])
        .with_table("notes", notes, &["id"])
        .with_table("orders", orders, &["id"])
        .with_table(
            "products",
            batch(vec![("id", ints(&[7, 8, 9])), ("title", texts(&["a", "b", "c"]))]),
            &["id"],
        )
        .with_table("countries", batch(vec![("id", texts(&["de"]))]), &["id"]);
    let dangling = |snapshot: Snapshot<MemoryTables>| -> Vec<Vec<u64>> {
        snapshot.manifest.tables.into_iter().map(|t| t.dangling).collect()
    };
    let of_1 = dangling(export(&plan, &source, &Limits::default(), "u_1").await.unwrap());
    assert_eq!(of_1, [vec![1], vec![], vec![0, 2], vec![], vec![]]);
    let of_2 = dangling(export(&plan, &source, &Limits::default(), "u_2").await.unwrap());
    assert_eq!(of_2, [vec![0], vec![], vec![0, 0], vec![], vec![]]);
}
