//! Lookups: keys of one and of several columns, few and many, texts that are no value, names that bite.

use std::sync::Arc;

use airlock_core::snapshot::source::{Reader, RowFilter, Source, SourceError};
use arrow::array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringViewArray};
use futures::TryStreamExt;

use super::server::Database;
use crate::read::{ask, batches, equals, rows, table};

fn keys(columns: &[&str], keys: Vec<ArrayRef>) -> RowFilter {
    RowFilter::Keys { columns: columns.iter().map(|c| (*c).to_owned()).collect(), keys }
}

fn ints(ints: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(ints))
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringViewArray::from_iter_values(texts))
}

fn count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

#[tokio::test]
async fn rows_are_found_by_keys_of_one_or_more_columns() {
    let setup = "
        CREATE EXTENSION citext; CREATE SCHEMA other; ALTER EXTENSION citext SET SCHEMA other;
        CREATE TYPE mood AS ENUM ('sad', 'ok');
        CREATE DOMAIN code AS varchar(10);
        CREATE TABLE t (id int4 PRIMARY KEY, a int2, b text, u uuid, m mood, c code, p char(4), n numeric(10,2), d date,
                        z timestamptz, y bytea, ci other.citext, name name, UNIQUE (a, b));
        INSERT INTO t SELECT i, i, 'b' || i, ('00000000-0000-0000-0000-00000000000' || i)::uuid,
          CASE WHEN i % 2 = 0 THEN 'ok' ELSE 'sad' END::mood, 'c' || i, 'p' || i, i + 0.5, date '2024-01-01' + i,
          timestamptz '2024-01-01 12:00Z' + i * interval '1 day', decode('0' || i, 'hex'), 'CI' || i, 'n' || i
        FROM generate_series(1, 5) i;";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    let reader = source.begin().await.unwrap();
    let date: ArrayRef = Arc::new(arrow::array::Date32Array::from(vec![19_725]));
    let stamp: ArrayRef = Arc::new(
        arrow::array::TimestampMicrosecondArray::from(vec![1_704_283_200_000_000]).with_timezone("UTC"),
    );
    let cases: Vec<(RowFilter, &[&str])> = vec![
        (keys(&["id"], vec![ints([2, 4, 4, 99, i64::MAX])]), &["2", "4"]),
        (keys(&["id"], vec![texts(["2", "x"])]), &["2"]),
        (keys(&["id"], vec![ints([])]), &[]),
        (keys(&["a", "b"], vec![ints([1, 2, 3]), texts(["b1", "b1", "b3"])]), &["1", "3"]),
        (keys(&["a", "ci"], vec![ints([1, 2]), texts(["ci1", "CI2"])]), &["1", "2"]),
        (keys(&["u"], vec![texts(["00000000-0000-0000-0000-000000000003", "no uuid"])]), &["3"]),
        (keys(&["m"], vec![texts(["ok", "glad"])]), &["2", "4"]),
        (keys(&["c"], vec![texts(["c5", "c5 "])]), &["5"]),
        (keys(&["p"], vec![texts(["p1", "p"])]), &["1"]),
        (keys(&["n"], vec![texts(["1.5", "2.50", "NaN"])]), &["1", "2"]),
        (keys(&["d"], vec![date]), &["2"]),
        (keys(&["z"], vec![stamp]), &["2"]),
        (keys(&["ci"], vec![texts(["ci3"])]), &["3"]),
        (keys(&["name"], vec![texts([&*format!("n1{}", "x".repeat(80)), "n2"])]), &["2"]),
        (equals("id", "3"), &["3"]),
        (equals("id", "abc"), &[]),
        (equals("id", "2147483648"), &[]),
        (equals("a", "40000"), &[]),
        (equals("b", "b2"), &["2"]),
        (equals("b", "b2' OR true --"), &[]),
        (equals("b", "nul\0"), &[]),
        (equals("u", "00000000000000000000000000000004"), &["4"]),
        (equals("u", "abc"), &[]),
        (equals("m", "glad"), &[]),
        (equals("n", "2.5"), &["2"]),
        (equals("n", "two"), &[]),
        (equals("d", "2024-02-30"), &[]),
        (equals("z", "2024-01-03T14:00:00+02:00"), &["2"]),
        (equals("y", "02"), &["2"]),
        (equals("p", "p1"), &["1"]),
    ];
    for (filter, expected) in cases {
        let shown = format!("{filter:?}");
        let got = rows(reader.as_ref(), ask(&table("public", "t"), &["id"], filter)).await;
        assert_eq!(
            got.as_deref(),
            Ok(&expected.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>()[..]),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn many_keys_go_by_copy_and_find_the_same_rows() {
    let setup = "CREATE TABLE t (id int4 PRIMARY KEY, a int4, b text);
                 INSERT INTO t SELECT i, i % 1000, 'it''s {\"' || i FROM generate_series(1, 60000) i; ANALYZE t";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    let reader = source.begin().await.unwrap();
    let of = table("public", "t");
    let even = || (1..=25_000).map(|i| i * 2);
    let names: Vec<String> = even().map(|i| format!("it's {{\"{i}")).collect();
    let remainders: ArrayRef =
        Arc::new(Int32Array::from_iter_values(even().map(|i| i32::try_from(i % 1000).unwrap())));
    for filter in [
        keys(&["id"], vec![ints(even())]),
        keys(&["b"], vec![texts(names.iter().map(String::as_str))]),
        keys(&["a", "b"], vec![remainders, texts(names.iter().map(String::as_str))]),
    ] {
        let mut ask = ask(&of, &["id", "b"], filter);
        ask.limit = 1_000_000;
        let shown = format!("{:?}", ask.filter);
        let got = batches(reader.as_ref(), ask).await.unwrap();
        assert_eq!(count(&got), 25_000, "{shown}");
        assert!(got.iter().all(|b| b.num_rows() <= 8_192));
        let first = got[0].column(0).as_any().downcast_ref::<Int32Array>().unwrap().value(24);
        assert_eq!(first, 50, "{shown}");
    }
}

#[tokio::test]
async fn order_and_limit_choose_which_rows_stay() {
    let setup = "CREATE TABLE t (id int4 PRIMARY KEY, v int4); INSERT INTO t VALUES (1, 5), (2, NULL), (3, 9), (4, 7)";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    let reader = source.begin().await.unwrap();
    for (descending, expected) in [(true, ["3|9", "4|7"]), (false, ["1|5", "4|7"])] {
        let mut ask = ask(&table("public", "t"), &["id", "v"], RowFilter::All);
        (ask.order_by, ask.limit) = (vec![("v".to_owned(), descending)], 2);
        assert_eq!(rows(reader.as_ref(), ask).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn asks_polled_together_share_one_connection() {
    let setup = "CREATE TABLE t (id int4 PRIMARY KEY, pad text);
                 INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 15000) i";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    let reader = source.begin().await.unwrap();
    let reader: &dyn Reader = reader.as_ref();
    let all = |limit| async move {
        let mut ask = ask(&table("public", "t"), &["id", "pad"], RowFilter::All);
        ask.limit = limit;
        count(&batches(reader, ask).await.unwrap())
    };
    assert_eq!(futures::join!(all(12_000), all(100_000), all(3), all(9_000)), (12_000, 15_000, 3, 9_000));
}

#[tokio::test]
async fn names_are_quoted_whatever_they_hold() {
    let setup = r#"
        CREATE SCHEMA "we""ird; drop"; CREATE TYPE "we""ird; drop"."ty""pe" AS ENUM ('a');
        CREATE TABLE "we""ird; drop"."ta'ble""" ("i""d; --" int4, "keys" text, "src" "we""ird; drop"."ty""pe", PRIMARY KEY ("i""d; --", "keys"));
        INSERT INTO "we""ird; drop"."ta'ble""" VALUES (1, 'k', 'a'), (2, 'k', 'a')"#;
    let Some(db) = Database::new(setup).await else { return };
    let mut config = db.config();
    config.schema = "we\"ird; drop".to_owned();
    let source = airlock_worker::postgres::PgSource::connect(config).await.unwrap();
    let reader = source.begin().await.unwrap();
    let of = table("we\"ird; drop", "ta'ble\"");
    let columns = ["i\"d; --", "keys", "src"];
    for filter in [
        equals("i\"d; --", "1"),
        keys(&["i\"d; --"], vec![ints([1])]),
        keys(&["i\"d; --", "keys", "src"], vec![ints([1]), texts(["k"]), texts(["a"])]),
        keys(&["i\"d; --", "keys"], vec![ints([1; 10_001]), texts(["k"; 10_001])]),
    ] {
        assert_eq!(rows(reader.as_ref(), ask(&of, &columns, filter)).await.unwrap(), ["1|k|a"]);
    }
}

#[tokio::test]
async fn a_reader_shows_one_instant() {
    let Some(db) =
        Database::new("CREATE TABLE t (id int4 PRIMARY KEY, v int4); INSERT INTO t VALUES (1, 1)").await
    else {
        return;
    };
    let source = db.source().await;
    let read = |reader: Box<dyn Reader>| async move {
        rows(reader.as_ref(), ask(&table("public", "t"), &["id", "v"], RowFilter::All)).await.unwrap()
    };
    let before = source.begin().await.unwrap();
    db.run("UPDATE t SET v = 2; INSERT INTO t VALUES (2, 2)").await;
    assert_eq!(read(before).await, ["1|1"]);
    assert_eq!(read(source.begin().await.unwrap()).await, ["1|2", "2|2"]);
}

#[tokio::test]
async fn what_changed_since_the_catalog_is_drift() {
    let setup = "
        CREATE TYPE mood AS ENUM ('a'); CREATE DOMAIN d AS int4;
        CREATE TABLE t (id int4 PRIMARY KEY, i int4, n numeric(10,2), s text, gone int4, m mood);
        INSERT INTO t SELECT i, i, i, i::text, i, 'a' FROM generate_series(1, 20000) i; CREATE TABLE lost (id int4)";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    db.run(
        "ALTER TABLE t ALTER i TYPE mood USING 'a'; ALTER TABLE t ALTER n TYPE numeric(12,4);
         ALTER TABLE t ALTER s TYPE int4 USING 1; ALTER TABLE t DROP gone; ALTER TABLE t ALTER m TYPE point USING '0,0';
         ALTER TABLE t ALTER id TYPE int8; DROP TABLE lost",
    )
    .await;
    for (name, column) in [("t", "id"), ("t", "i"), ("t", "n"), ("t", "s"), ("t", "gone"), ("lost", "id")] {
        for limit in [5, 1_000_000] {
            let reader = source.begin().await.unwrap();
            let mut ask = ask(&table("public", name), &[column], RowFilter::All);
            ask.limit = limit;
            let got = rows(reader.as_ref(), ask).await;
            assert!(matches!(&got, Err(SourceError::Drift { .. })), "{name}.{column}, {limit}: {got:?}");
        }
    }
    let reader = source.begin().await.unwrap();
    let unknown = reader.rows(ask(&table("public", "never"), &["id"], RowFilter::All)).await;
    assert!(matches!(unknown.err(), Some(SourceError::Drift { .. })));
}

#[tokio::test]
async fn a_lookup_uses_its_index_even_where_the_planner_would_scan() {
    let setup = "CREATE TABLE t (id int4 PRIMARY KEY, a int4, b int4, v int4, UNIQUE (a, b));
                 INSERT INTO t SELECT i, i, i, i FROM generate_series(1, 300) i; ANALYZE t;
                 CREATE VIEW scans AS SELECT 1 AS id, pg_stat_get_xact_numscans('t'::regclass) AS n";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    let reader = source.begin().await.unwrap();
    let scans = || rows(reader.as_ref(), ask(&table("public", "scans"), &["id", "n"], RowFilter::All));
    let of = table("public", "t");
    for filter in [
        keys(&["id"], vec![ints(1..=250)]),
        keys(&["a", "b"], vec![ints(1..=250), ints(1..=250)]),
        equals("id", "7"),
    ] {
        rows(reader.as_ref(), ask(&of, &["id", "v"], filter)).await.unwrap();
        assert_eq!(scans().await.unwrap(), ["1|0"]);
    }
    for filter in [RowFilter::All, keys(&["v"], vec![ints(1..=2)])] {
        rows(reader.as_ref(), ask(&of, &["v"], filter)).await.unwrap();
    }
    assert_eq!(scans().await.unwrap(), ["1|2"]);
}

#[tokio::test]
async fn a_stream_dropped_halfway_leaves_the_reader_usable() {
    let setup = "CREATE TABLE t (id int4 PRIMARY KEY, pad text);
                 INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 15000) i";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    let reader = source.begin().await.unwrap();
    let mut all = ask(&table("public", "t"), &["id", "pad"], RowFilter::All);
    all.limit = 15_000;
    let mut stream = reader.rows(all).await.unwrap();
    assert!(stream.try_next().await.unwrap().is_some());
    drop(stream);
    assert_eq!(
        rows(reader.as_ref(), ask(&table("public", "t"), &["id"], equals("id", "7"))).await.unwrap(),
        ["7"]
    );
}

#[tokio::test]
async fn a_plan_shows_the_index_and_no_key() {
    let setup = "CREATE TABLE t (id int8 PRIMARY KEY, note text); INSERT INTO t SELECT i, 'n' || i FROM generate_series(1, 5000) i; ANALYZE t";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    let reader = source.begin().await.unwrap();
    for (filter, index) in [
        (equals("id", "4711"), "Index Cond: (id = ($1)::bigint)"),
        (keys(&["id"], vec![ints([4711, 4712])]), "Index Cond: (id = ANY ($1))"),
        (RowFilter::All, "Index Only Scan using t_pkey"),
    ] {
        let explained =
            reader.explain(&ask(&table("public", "t"), &["id"], filter.clone())).await.unwrap().unwrap();
        let plan = explained.plan.join("\n");
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("4711") && !explained.sql.contains("4711"), "{plan}");
        // The transaction is as it was.
        let found = rows(&*reader, ask(&table("public", "t"), &["id"], filter)).await.unwrap();
        assert!(!found.is_empty());
    }
}
