//! A small masked snapshot, and a thread with the stack that queries need.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::egress::{Checked, TableShape};
use airlock_core::policy::limits::Limits;
use airlock_core::query::{Format, Job, QUERY_STACK_BYTES, QueryError, Rows, Session, Shaped};
use airlock_core::snapshot::{MASK_KEY, MemoryTable};
use arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, StringViewArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};

/// A column: name, values, mask.
pub(crate) type Column = (&'static str, ArrayRef, Option<&'static str>);

pub(crate) fn table(name: &str, columns: Vec<Column>) -> MemoryTable {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array, mask)| {
            let field = Field::new(*name, array.data_type().clone(), true);
            match mask {
                Some(kind) => field.with_metadata([(MASK_KEY.to_owned(), (*kind).to_owned())].into()),
                None => field,
            }
        })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array, _)| array).collect();
    let batch = RecordBatch::try_new(schema.clone(), arrays).unwrap();
    MemoryTable::dangerous_assume_masked(name.to_owned(), schema, vec![batch])
}

pub(crate) fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringViewArray::from(values.to_vec()))
}

pub(crate) fn ints(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

fn micros(days: &[i64]) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::from(days.iter().map(|d| d * 86_400_000_000).collect::<Vec<_>>())
}

/// Four tables: plain, with masks, with upper case, with a schema in the name.
pub(crate) fn tables() -> Vec<MemoryTable> {
    let mut tags = ListBuilder::new(StringBuilder::new());
    for row in [vec!["a", "b"], vec![], vec!["b"]] {
        for tag in row {
            tags.values().append_value(tag);
        }
        tags.append(true);
    }
    let address = StructArray::from(vec![
        (
            Arc::new(Field::new("city", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec!["Bonn", "Köln", "Ulm"])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("zip", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![53111, 50667, 89073])) as ArrayRef,
        ),
    ]);
    let plans: DictionaryArray<Int32Type> = vec!["free", "pro", "free"].into_iter().collect();
    vec![
        table(
            "users",
            vec![
                ("id", ints(vec![1, 2, 3]), None),
                ("name", text(&["Ada", "Bob", "Cy"]), Some("fake")),
                ("email", text(&["h1", "h2", "h3"]), Some("hash")),
                ("plan", Arc::new(plans), None),
                ("created_at", Arc::new(micros(&[19_700, 19_710, 19_720]).with_timezone("UTC")), None),
                ("tags", Arc::new(tags.finish()), None),
                ("address", Arc::new(address), Some("partial")),
            ],
        ),
        table(
            "orders",
            vec![
                ("id", ints(vec![10, 11, 12, 13]), None),
                ("user_id", ints(vec![1, 1, 2, 3]), None),
                (
                    "amount",
                    Arc::new(
                        Decimal128Array::from(vec![Some(1050), Some(200), Some(9999), None])
                            .with_precision_and_scale(12, 2)
                            .unwrap(),
                    ),
                    None,
                ),
                ("status", text(&["paid", "open", "paid", "void"]), None),
                ("day", Arc::new(Date32Array::from(vec![19_700, 19_701, 19_711, 19_722])), None),
                ("ordered_at", Arc::new(micros(&[19_700, 19_701, 19_711, 19_722])), None),
                ("note", text(&["x", "", "with, comma", "line\nbreak|bar"]), Some("scrub")),
            ],
        ),
        table(
            "Events",
            vec![
                ("id", ints(vec![1, 2, 3]), None),
                ("userId", ints(vec![1, 1, 2]), None),
                ("kind", text(&["login", "buy", "login"]), None),
                ("payload", text(&["{\"a\": 1}", "{}", "null"]), None),
                ("blob", Arc::new(BinaryViewArray::from(vec![b"\x00\x01".as_slice(), b"", b"abc"])), None),
            ],
        ),
        table(
            "billing.invoices",
            vec![
                ("id", ints(vec![1, 9_007_199_254_740_993]), None),
                ("total", Arc::new(Float64Array::from(vec![1.5, f64::NAN])), None),
                ("paid", Arc::new(BooleanArray::from(vec![true, false])), None),
            ],
        ),
    ]
}

pub(crate) fn shapes(tables: &[MemoryTable]) -> Vec<TableShape> {
    tables
        .iter()
        .map(|t| TableShape {
            name: t.name().to_owned(),
            columns: t.schema().fields().iter().map(|f| f.name().clone()).collect(),
        })
        .collect()
}

/// Runs on a thread with the stack that the documentation asks for.
pub(crate) fn on_query_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(QUERY_STACK_BYTES).spawn(work).unwrap();
    match thread.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

pub(crate) fn job(sql: &str, limits: &Arc<Limits>) -> Result<Job, QueryError> {
    Ok(Job {
        sql: Checked::new(sql, limits).map_err(QueryError::Refused)?,
        format: Format::Json,
        max_rows: u64::MAX,
        offset: 0,
        limits: limits.clone(),
        timeout: Duration::from_secs(600),
    })
}

pub(crate) fn run_with(session: &Session, sql: &str, limits: &Arc<Limits>) -> Result<Shaped, QueryError> {
    block_on(session.run(&job(sql, limits)?))
}

/// Runs one statement over the fixture on a thread of its own.
pub(crate) fn run(sql: &str, limits: Limits) -> Result<Shaped, QueryError> {
    let sql = sql.to_owned();
    on_query_thread(move || {
        let limits = Arc::new(limits);
        run_with(&Session::open(tables(), &limits).unwrap(), &sql, &limits)
    })
}

pub(crate) fn rows(shaped: &Shaped) -> &str {
    match &shaped.rows {
        Rows::Text { rows_json, .. } => rows_json,
        Rows::Arrow(_) => panic!("text was asked for"),
    }
}
