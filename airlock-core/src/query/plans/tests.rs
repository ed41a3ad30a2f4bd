use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use crate::egress::Checked;
use crate::policy::limits::Limits;
use crate::query::{Format, Job, QUERY_STACK_BYTES, Session};
use crate::snapshot::MemoryTable;

fn session() -> Session {
    let schema = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("d", DataType::Date32, true),
        Field::new("t", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ]));
    let batch = RecordBatch::try_new(
        schema.clone(),
        vec![
            Arc::new(Int64Array::from(vec![1, 2])),
            Arc::new(StringArray::from(vec!["x", "y"])),
            Arc::new(Date32Array::from(vec![1, 2])),
            Arc::new(TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("UTC")),
        ],
    );
    let batches = vec![batch.expect("four columns")];
    let table = MemoryTable::dangerous_assume_masked("t".to_owned(), schema, batches);
    Session::open(vec![table], &Limits::default()).expect("one table")
}

/// Runs the statements; returns how many plans are kept.
fn kept(statements: Vec<String>) -> usize {
    let work = move || {
        let session = session();
        let limits = Arc::new(Limits::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        for sql in &statements {
            let job = Job {
                sql: Checked::new(sql, &limits).expect("the statement is within bounds"),
                format: Format::Json,
                max_rows: 10,
                offset: 0,
                limits: limits.clone(),
                timeout: Duration::from_secs(60),
            };
            runtime.block_on(session.run(&job)).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        }
        let plans = session.plans.lock();
        plans.shelves.values().map(|shelf| shelf.free.len()).sum()
    };
    let thread = std::thread::Builder::new().stack_size(QUERY_STACK_BYTES).spawn(work);
    thread.expect("a thread starts").join().expect("the statements run")
}

/// Whether the two statements, which differ in values only, share a plan.
#[track_caller]
fn shared(family: &str, values: [&str; 2], expected: bool) {
    let statements = values.map(|value| family.replace("{}", value));
    let plans = kept([&statements[..], &statements[..]].concat());
    assert_eq!(plans == 1, expected, "{statements:?}: {plans} plans");
}

#[test]
fn compared_values_share_a_plan() {
    shared("SELECT a FROM t WHERE a = {}", ["1", "-2"], true);
    shared("SELECT a FROM t WHERE a > {}", ["1.5", "2e3"], true);
    shared("SELECT a FROM t WHERE NOT ({} >= a) OR s IS NULL", ["1", "2"], true);
    shared("SELECT a FROM t WHERE s = {}", ["'x'", "''"], true);
    shared("SELECT a FROM t WHERE s IN ({}, 'z')", ["'x'", "'y'"], true);
    shared("SELECT a FROM t WHERE a IN (1, 2, 3, 4, {})", ["5", "6"], true);
    shared("SELECT a FROM t WHERE a BETWEEN 0 AND {}", ["1", "2"], true);
    shared("SELECT a FROM t WHERE d >= {}", ["'2024-01-01'", "'1970-01-02'"], true);
    shared("SELECT a FROM t WHERE d >= {}", ["DATE '2024-01-01'", "'1970-01-02'::date"], false);
    shared("SELECT a FROM t WHERE d >= DATE {}", ["'2024-01-01'", "'1970-01-02'"], true);
    shared("SELECT a FROM t WHERE t >= {}", ["'2024-01-01'", "'1970-01-02 00:00:01'"], true);
    shared("SELECT a FROM t WHERE t >= TIMESTAMP {}", ["'2024-01-01'", "'1970-01-02 00:00:01'"], true);
    shared("SELECT a FROM t WHERE t >= DATE {}", ["'2024-01-01'", "'1970-01-02'"], true);
    shared("SELECT a FROM t WHERE t::date = {}", ["'2024-01-01'", "'1970-01-02'"], true);
    shared("SELECT s, count(*) FROM t GROUP BY s HAVING count(*) > {}", ["1", "2"], true);
    shared("SELECT x.a FROM t x JOIN t y ON x.a = y.a AND y.s = {}", ["'x'", "'y'"], true);
    shared("SELECT a FROM t WHERE a IN (SELECT a FROM t WHERE s = {})", ["'x'", "'y'"], true);
    shared("SELECT a FROM t WHERE a = (SELECT max(a) FROM t WHERE s = {})", ["'x'", "'y'"], true);
    shared("WITH w AS (SELECT a FROM t WHERE a > {}) SELECT * FROM w", ["1", "2"], true);
    shared("SELECT a FROM t -- {}\nWHERE a = 1", ["one", "two"], true);
}

#[test]
fn everything_else_is_part_of_the_template() {
    shared("SELECT a FROM t WHERE a = {}", ["1", "1.0"], false);
    shared("SELECT a FROM t WHERE a = {}", ["1", "'1'"], false);
    shared("SELECT a FROM t WHERE a = {}", ["1", "NULL"], false);
    shared("SELECT a FROM t WHERE a < {}", ["1", "9223372036854775808"], false);
    shared("SELECT a FROM t WHERE a = {}", ["1", "1 + 1"], false);
    shared("SELECT a FROM t WHERE a IN ({})", ["1, 2", "1, 2, 3"], false);
    shared("SELECT a FROM t WHERE a IN (1, {})", ["2", "2.5"], false);
    shared("SELECT {} FROM t", ["1", "2"], false);
    shared("SELECT a + {} FROM t", ["1", "2"], false);
    shared("SELECT a FROM t WHERE a + {} > 1", ["1", "2"], false);
    shared("SELECT a FROM t LIMIT {}", ["1", "2"], false);
    shared("SELECT a FROM t ORDER BY a OFFSET {}", ["0", "1"], false);
    shared("SELECT a, s FROM t ORDER BY {}", ["1", "2"], false);
    shared("SELECT a, a + 1 AS b FROM t GROUP BY {}, a", ["1", "2"], false);
    shared("SELECT repeat(s, {}) FROM t", ["1", "2"], false);
    shared("SELECT a FROM t WHERE repeat(s, {}) = 'x'", ["1", "2"], false);
    shared("SELECT a FROM t WHERE s LIKE {}", ["'x'", "'y'"], false);
    shared("SELECT a FROM t WHERE s ~ {}", ["'x'", "'y'"], false);
    shared("SELECT a FROM t WHERE date_trunc({}, t) > '1970-01-01'", ["'day'", "'hour'"], false);
    shared("SELECT a FROM t WHERE d > DATE '2024-01-01' - INTERVAL {}", ["'1 day'", "'2 days'"], false);
    shared("SELECT a FROM t WHERE a = {}::int", ["'1'", "'2'"], false);
    shared("SELECT a FROM t WHERE {} = 1", ["1", "2"], false);
    shared("SELECT a FROM t WHERE (SELECT {}) = 1", ["1", "2"], false);
    shared("SELECT CASE WHEN a = {} THEN 1 END FROM t", ["1", "2"], false);
    shared("SELECT count(*) FILTER (WHERE a = {}) FROM t", ["1", "2"], false);
    shared("SELECT * FROM (VALUES ({})) v", ["1", "2"], false);
    shared("SELECT * FROM generate_series(1, {})", ["1", "2"], false);
}

#[test]
fn the_plans_kept_are_bounded() {
    let many = |n: usize| (0..n).map(|i| format!("SELECT a + {i} FROM t")).collect::<Vec<_>>();
    assert_eq!(kept(many(super::SHELVES_MAX + 20)), super::SHELVES_MAX);
    let long = format!("SELECT a FROM t WHERE s = '{}'", "x".repeat(super::TEXT_BYTES_MAX));
    assert_eq!(kept(vec![long]), 0);
    assert_eq!(kept(vec!["SELECT a FROM t WHERE t < now()".to_owned()]), 0);
}
