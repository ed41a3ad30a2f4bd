//! Each limit bites, none is exceeded.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::egress::{Checked, Detail, TableShape, Verdict, admit};
use airlock_core::policy::limits::Limits;
use airlock_core::query::{Format, QueryError, Rows, Session, Shaped, Truncation, TruncationReason};
use airlock_core::snapshot::MemoryTable;
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;
use proptest::prelude::*;

use crate::fixture::{block_on, ints, job, on_query_thread, rows, run, run_with, table, tables, text};

fn limits(set: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    set(&mut limits);
    limits
}

#[track_caller]
fn refused(sql: &str, set: impl FnOnce(&mut Limits), expected: Detail) {
    assert!(run(sql, Limits::default()).is_ok(), "{sql} runs within the defaults");
    match run(sql, limits(set)) {
        Err(QueryError::Refused(refusal)) => assert_eq!(refusal.detail, expected, "{sql}"),
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn limits_on_shape_refuse() {
    refused("SELECT 1, 2, 3", |l| l.max_sql_bytes = 10, Detail::TooLarge);
    refused("SELECT 1, 2, 3", |l| l.max_sql_tokens = 5, Detail::TooLarge);
    refused("SELECT ((1))", |l| l.max_nesting = 1, Detail::TooDeep);
    refused("SELECT 1 + 1 + 1", |l| l.max_expr_terms = 1, Detail::TooDeep);
    refused("SELECT 1 FROM users a, users b", |l| l.max_joins = 1, Detail::TooLarge);
    refused("WITH a AS (SELECT 1), b AS (SELECT 1) SELECT 1", |l| l.max_ctes = 1, Detail::TooLarge);
    refused("SELECT 1 UNION SELECT 2 UNION SELECT 3", |l| l.max_union_branches = 2, Detail::TooLarge);
    refused("SELECT 1 WHERE 1 IN (1, 2, 3)", |l| l.max_in_list = 2, Detail::TooLarge);
    refused("SELECT 1, 2, 3", |l| l.max_projection = 2, Detail::TooLarge);
    refused("SELECT * FROM users", |l| l.max_projection = 2, Detail::TooLarge);
    refused("SELECT * FROM generate_series(1, 10)", |l| l.max_series = 9, Detail::UnboundedSizeArgument);
    refused("SELECT range(0, 10)", |l| l.max_series = 9, Detail::UnboundedSizeArgument);
    refused("SELECT repeat('x', 10)", |l| l.max_repeat = 9, Detail::UnboundedSizeArgument);
    refused("SELECT 1 FROM users, orders", |l| l.max_join_rows = 11, Detail::JoinExplosion);
    refused(
        "SELECT 1 FROM users u JOIN orders o ON u.id < o.id",
        |l| l.max_join_rows = 11,
        Detail::JoinExplosion,
    );
}

#[test]
fn comma_joins_with_equality_are_no_explosion() {
    let tight = limits(|l| l.max_join_rows = 1);
    assert!(run("SELECT 1 FROM users u, orders o WHERE u.id = o.user_id", tight).is_ok());
}

fn wide(n: i64) -> Vec<MemoryTable> {
    let words: Vec<String> = (0..n).map(|i| format!("word {i} é")).collect();
    vec![table(
        "t",
        vec![
            ("i", ints((0..n).collect()), None),
            ("s", text(&words.iter().map(String::as_str).collect::<Vec<_>>()), None),
        ],
    )]
}

fn shaped(sql: &str, format: Format, max_rows: u64, offset: u64, limits: Limits) -> Shaped {
    let sql = sql.to_owned();
    on_query_thread(move || {
        let limits = Arc::new(limits);
        let session = Session::open(wide(20_000), &limits).unwrap();
        let mut job = job(&sql, &limits).unwrap();
        (job.format, job.max_rows, job.offset) = (format, max_rows, offset);
        block_on(session.run(&job)).unwrap()
    })
}

#[test]
fn rows_are_cut_at_the_smaller_of_call_and_policy() {
    let of = |max_rows| {
        shaped("SELECT i FROM t ORDER BY i", Format::Json, max_rows, 0, limits(|l| l.max_result_rows = 5))
    };
    let cut = of(3);
    assert_eq!(rows(&cut), "[[0],[1],[2]]");
    assert_eq!(cut.truncation, Some(Truncation { reason: TruncationReason::Rows, returned: 3, limit: 3 }));
    assert!(cut.ordered);
    assert_eq!(
        of(1_000).truncation,
        Some(Truncation { reason: TruncationReason::Rows, returned: 5, limit: 5 })
    );
}

#[test]
fn an_answer_of_exactly_the_limit_is_whole() {
    let whole = shaped("SELECT i FROM t LIMIT 5", Format::Json, 5, 0, Limits::default());
    assert_eq!((whole.row_count, whole.truncation), (5, None));
}

#[test]
fn an_offset_continues_where_the_last_answer_ended() {
    let sql = "SELECT i FROM t ORDER BY i";
    let next = shaped(sql, Format::Json, 2, 9_000, Limits::default());
    assert_eq!(rows(&next), "[[9000],[9001]]");
    let past = shaped(sql, Format::Json, 2, 20_000, Limits::default());
    assert_eq!((rows(&past), past.truncation), ("[]", None));
}

#[test]
fn bytes_are_cut_but_never_below_one_row() {
    for format in [Format::Json, Format::Csv, Format::Markdown, Format::Objects] {
        let cut =
            shaped("SELECT * FROM t ORDER BY i", format, 1_000, 0, limits(|l| l.max_result_bytes = 500));
        let Rows::Text { rows_json, text } = &cut.rows else { panic!("text was asked for") };
        assert!(rows_json.len() <= 501, "{format:?}: {}", rows_json.len());
        assert!(format == Format::Json || text.len() <= 501, "{format:?}: {}", text.len());
        assert_eq!(cut.truncation.map(|t| t.reason), Some(TruncationReason::Bytes));
        let one = shaped("SELECT * FROM t ORDER BY i", format, 1_000, 0, limits(|l| l.max_result_bytes = 1));
        assert_eq!(one.row_count, 1);
    }
}

#[test]
fn cells_are_cut_with_a_count() {
    let cut =
        shaped("SELECT 'äbcdefgh', ARRAY['abcdef']", Format::Json, 10, 0, limits(|l| l.max_cell_chars = 4));
    assert_eq!(rows(&cut), "[[\"äbcd...(+4 chars)\",[\"abcd...(+2 chars)\"]]]");
    assert_eq!(cut.truncation.map(|t| t.reason), Some(TruncationReason::Cells));
}

#[test]
fn arrow_answers_are_cut_like_text() {
    let decoded = |shaped: &Shaped| -> Vec<i64> {
        let Rows::Arrow(bytes) = &shaped.rows else { panic!("Arrow was asked for") };
        let batches = StreamReader::try_new(bytes.as_ref(), None).unwrap().map(Result::unwrap);
        batches.flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
    };
    let sql = "SELECT * FROM t ORDER BY i";
    let cut = shaped(sql, Format::Arrow, 3, 2, Limits::default());
    assert_eq!(decoded(&cut), [2, 3, 4]);
    assert_eq!(cut.truncation.map(|t| t.reason), Some(TruncationReason::Rows));
    let small = shaped(sql, Format::Arrow, 1_000, 0, limits(|l| l.max_result_bytes = 1_000));
    assert_eq!(small.truncation.map(|t| t.reason), Some(TruncationReason::Bytes));
    assert_eq!(decoded(&small).len() as u64, small.row_count);
    let Rows::Arrow(bytes) = &small.rows else { panic!("Arrow was asked for") };
    assert!(bytes.len() < 3_000, "{}", bytes.len());
    let one = shaped(sql, Format::Arrow, 1_000, 0, limits(|l| l.max_result_bytes = 1));
    assert_eq!(decoded(&one), [0]);
    assert!(
        decoded(&shaped("SELECT i FROM t WHERE false", Format::Arrow, 10, 0, Limits::default())).is_empty()
    );
}

#[test]
fn memory_is_bounded_and_nothing_is_spilled() {
    let sorted = "SELECT s FROM t ORDER BY s";
    on_query_thread(move || {
        let tight = Arc::new(limits(|l| l.query_memory = 100_000));
        let session = Session::open(wide(20_000), &tight).unwrap();
        assert_eq!(
            run_with(&session, sorted, &tight),
            Err(QueryError::LimitExceeded { limit: "query_memory" })
        );
        let roomy = Arc::new(Limits::default());
        assert!(run_with(&Session::open(wide(20_000), &roomy).unwrap(), sorted, &roomy).is_ok());
    });
}

#[test]
fn the_deadline_ends_a_query() {
    on_query_thread(|| {
        let limits = Arc::new(Limits::default());
        let session = Session::open(wide(20_000), &limits).unwrap();
        let mut job = job(
            "SELECT count(*) FROM t a JOIN t b ON a.i % 2 = b.i % 2 JOIN t c ON c.i % 2 = b.i % 2",
            &limits,
        )
        .unwrap();
        job.timeout = Duration::from_millis(300);
        assert_eq!(block_on(session.run(&job)), Err(QueryError::Timeout));
    });
}

#[test]
fn formats_are_written_by_their_rules() {
    let of = |sql: &str, format| {
        let sql = sql.to_owned();
        on_query_thread(move || {
            let limits = Arc::new(Limits::default());
            let session = Session::open(tables(), &limits).unwrap();
            let mut job = job(&sql, &limits).unwrap();
            job.format = format;
            match block_on(session.run(&job)).unwrap().rows {
                Rows::Text { text, .. } => text,
                Rows::Arrow(_) => panic!("text was asked for"),
            }
        })
    };
    let sql = "SELECT id, note, amount FROM orders ORDER BY id";
    assert_eq!(
        of(sql, Format::Csv),
        "id,note,amount\r\n10,x,10.50\r\n11,\"\",2.00\r\n12,\"with, comma\",99.99\r\n13,\"line\nbreak|bar\",\r\n"
    );
    assert_eq!(
        of(sql, Format::Markdown),
        "| id | note | amount |\n| --- | --- | --- |\n| 10 | x | 10.50 |\n| 11 |  | 2.00 |\n| 12 | with, comma | 99.99 |\n\
         | 13 | line<br>break\\|bar | NULL |\n"
    );
    assert_eq!(of("SELECT 1 AS a, NULL AS b", Format::Objects), "[{\"a\":1,\"b\":null}]");
    assert_eq!(
        of("SELECT id FROM users WHERE id = 1", Format::Json),
        "{\"columns\":[{\"name\":\"id\",\"type\":\"int8\",\"masked\":false}],\"rows\":[[1]]}"
    );
}

#[test]
fn a_plan_kept_answers_like_a_fresh_one() {
    on_query_thread(|| {
        let limits = Arc::new(Limits::default());
        let session = Session::open(wide(20_000), &limits).unwrap();
        for sql in [
            "SELECT a.i, b.s FROM t a JOIN t b ON a.i = b.i WHERE a.i > 19990 ORDER BY a.i",
            "SELECT s, i FROM t ORDER BY s DESC LIMIT 7",
            "SELECT i % 3, count(*), max(s) FROM t GROUP BY 1 ORDER BY 1",
            "SELECT i FROM t WHERE i = (SELECT max(i) FROM t)",
            "SELECT sum(i) OVER (ORDER BY i) FROM t ORDER BY 1 LIMIT 3",
            "SELECT i FROM t WHERE i < 3 UNION SELECT i FROM t WHERE i < 5 ORDER BY i",
        ] {
            let fresh = run_with(&Session::open(wide(20_000), &limits).unwrap(), sql, &limits).unwrap();
            for _ in 0..3 {
                assert_eq!(run_with(&session, sql, &limits).as_ref(), Ok(&fresh), "{sql}");
            }
        }
        // A plan holds under the limits it was checked against only.
        let tight = Arc::new(self::limits(|l| l.max_projection = 1));
        let sql = "SELECT s, i FROM t ORDER BY s DESC LIMIT 7";
        assert!(matches!(run_with(&session, sql, &tight), Err(QueryError::Refused(_))));
    });
}

/// The engine's own operators would go on with another number.
#[test]
fn whole_numbers_do_not_wrap_around() {
    for sql in [
        "SELECT id + 9223372036854775807 FROM users",
        "SELECT -9223372036854775808 - id FROM users",
        "SELECT 9223372036854775807 * id FROM users",
        "SELECT 9223372036854775807 + 1",
        "SELECT id::int2 * 32767::int2 FROM users",
        "SELECT count(*) FROM users WHERE id + 9223372036854775807 > 0",
        "SELECT sum(id * 9223372036854775807) FROM users",
        "SELECT max(id + 9223372036854775807) OVER (PARTITION BY plan) FROM users",
        "SELECT plan FROM users GROUP BY plan HAVING max(id) + 9223372036854775807 > 0",
        "SELECT u.id FROM users u JOIN orders o ON u.id + 9223372036854775807 = o.id",
        "SELECT id FROM users ORDER BY id + 9223372036854775807",
        "SELECT id FROM users WHERE id IN (SELECT id * 9223372036854775807 FROM orders)",
        "SELECT array_transform([9223372036854775807], x -> x + 1)",
        "SELECT 1 + id * 9223372036854775807 - 1 FROM users",
        "SELECT (day - DATE '2023-01-01') + 9223372036854775807 FROM orders WHERE id = 13",
        "SELECT total + (id * id * id * id) FROM billing.invoices",
    ] {
        match run(sql, Limits::default()) {
            Err(QueryError::Sql { message, .. }) => {
                assert!(message.contains("out of its type"), "{sql}: {message}")
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    // Not theirs: the aggregate and the sign are the engine's, and docs/sql.md says so.
    let wrapped = run("SELECT sum(id + 9223372036854775800) FROM users WHERE id > 1", Limits::default());
    assert_eq!(rows(&wrapped.unwrap()), "[[-11]]");
    let other = run(
        "SELECT 10 - id - 1 AS a, 10 - (id - 1) AS b, id * 2 + id * 3 - 1, -id * 2, id + 0.5, day - 1, day - DATE '2023-12-09' + 1, amount * 2 + id FROM orders WHERE id = 10",
        Limits::default(),
    );
    assert_eq!(rows(&other.unwrap()), "[[-1,1,49,-20,10.5,\"2023-12-08\",1,\"31.00\"]]");
    let shaped = run(
        "SELECT id + 1, id - -1 AS b, 2 * (id + 1), sum(id * 2), id::int2 + 1::int2 AS small FROM users GROUP BY id, id + 1 HAVING id + 1 > 2 ORDER BY id * 2 LIMIT 1 + 1",
        Limits::default(),
    );
    let shaped = shaped.unwrap();
    assert_eq!(rows(&shaped), "[[3,3,6,4,3],[4,4,8,6,4]]");
    let columns: Vec<(&str, &str)> =
        shaped.columns.iter().map(|c| (c.name.as_str(), c.data_type.as_str())).collect();
    assert_eq!(
        columns,
        [
            ("users.id + Int64(1)", "int8"),
            ("b", "int8"),
            ("Int64(2) * users.id + Int64(1)", "int8"),
            ("sum(users.id * Int64(2))", "int8"),
            ("small", "int2"),
        ]
    );
}

proptest! {
    // A share of the usual number, which PROPTEST_CASES sets.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 3 / 32))]

    #[test]
    fn no_answer_exceeds_its_limits(rows in 1_u64..40, bytes in 1_u64..4_000, chars in 1_u64..12, offset in 0_u64..30) {
        let of = limits(|l| (l.max_result_rows, l.max_result_bytes, l.max_cell_chars) = (rows, bytes, chars));
        let answer = shaped("SELECT i, s FROM t ORDER BY i LIMIT 50", Format::Json, u64::MAX, offset, of);
        let Rows::Text { rows_json, .. } = &answer.rows else { panic!("text was asked for") };
        prop_assert!(answer.row_count <= rows);
        prop_assert!(answer.row_count == 1 || rows_json.len() as u64 <= bytes + 1);
        let parsed: Vec<(i64, String)> = serde_json::from_str(rows_json).unwrap();
        prop_assert_eq!(parsed.len() as u64, answer.row_count);
        for (n, (i, s)) in parsed.iter().enumerate() {
            prop_assert_eq!(*i as u64, offset + n as u64);
            prop_assert!(s.split("...(+").next().unwrap().chars().count() as u64 <= chars);
        }
    }
}

#[test]
fn admission_needs_no_session() {
    let limits = Limits::default();
    let shapes = [TableShape { name: "t".into(), columns: vec!["a".into()] }];
    let checked = Checked::new("SELECT a FROM t ORDER BY a", &limits).unwrap();
    let admitted = on_query_thread(move || admit(&checked, &shapes, &Limits::default())).unwrap();
    assert_eq!(
        (admitted.tables(), admitted.is_ordered(), admitted.uses_time()),
        (&["t".to_owned()][..], true, false)
    );
    assert_eq!(format!("{admitted:?}"), "AdmittedSql { tables: [\"t\"], .. }");
    let unknown = Checked::new("SELECT a FROM u", &limits).unwrap();
    assert!(matches!(
        on_query_thread(move || admit(&unknown, &[], &Limits::default())),
        Err(Verdict::Refused(_))
    ));
}
