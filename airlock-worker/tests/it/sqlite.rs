//! The SQLite source against real files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::snapshot::source::{ForeignKey, RowFilter, Source, SourceError, TableKind};
use airlock_worker::sqlite::{SqliteConfig, SqliteSource};
use arrow::array::{ArrayRef, Int64Array, StringViewArray};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use tempfile::TempDir;

use crate::read::{ask, batches, equals, rows, table};

struct File {
    folder: TempDir,
    admin: SqliteConnection,
}

impl File {
    async fn new(setup: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("a.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let mut file = Self { admin: options.connect().await.unwrap(), folder };
        file.run(setup).await;
        file
    }
    async fn run(&mut self, sql: &str) {
        self.admin.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }
    fn config(&self) -> SqliteConfig {
        config(&self.folder.path().join("a.db"))
    }
    async fn source(&self) -> SqliteSource {
        SqliteSource::open(self.config()).await.unwrap()
    }
}

fn config(path: &Path) -> SqliteConfig {
    let timeout = Duration::from_secs(20);
    SqliteConfig { path: path.to_owned(), statement_timeout: timeout, lock_timeout: timeout }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

fn keys(columns: &[&str], keys: Vec<ArrayRef>) -> RowFilter {
    RowFilter::Keys { columns: words(columns), keys }
}

#[tokio::test]
async fn cells_arrive_as_declared_or_as_null() {
    let cases: &[(&str, &[&str], &[&str], u64)] = &[
        (
            "INTEGER",
            &["1", "'x'", "NULL", "9223372036854775807", "1.5"],
            &["1", "∅", "∅", "9223372036854775807", "∅"],
            2,
        ),
        ("REAL", &["1", "1.5", "'x'"], &["1.0", "1.5", "∅"], 1),
        ("TEXT", &["'é'", "1", "x'ff'"], &["é", "1", "∅"], 1),
        ("TEXT", &["CAST(x'ff' AS TEXT)"], &["∅"], 1),
        ("BLOB", &["x'00ff'", "'a'", "1"], &["00ff", "61", "∅"], 1),
        ("DECIMAL(10,2)", &["19.99", "5", "12.345", "'x'"], &["19.99", "5.00", "∅", "∅"], 2),
        ("NUMERIC", &["12.5", "-7"], &["12.500000000000000000", "-7.000000000000000000"], 0),
        ("BOOLEAN", &["0", "1", "2", "'yes'"], &["false", "true", "∅", "∅"], 2),
        ("DATE", &["'2024-02-29'", "'2023-02-29'", "19782"], &["2024-02-29", "∅", "∅"], 2),
        (
            "DATETIME",
            &["'2024-02-29 12:00:00'", "'2024-02-29T12:00:00.5Z'", "1"],
            &["2024-02-29T12:00:00", "2024-02-29T12:00:00.500", "∅"],
            1,
        ),
        ("UUID", &["'123e4567-e89b-12d3-a456-426614174000'"], &["123e4567-e89b-12d3-a456-426614174000"], 0),
    ];
    let mut setup = String::new();
    for (at, (kind, literals, _, _)) in cases.iter().enumerate() {
        setup.push_str(&format!("CREATE TABLE t{at} (id INTEGER PRIMARY KEY, v {kind});"));
        for literal in *literals {
            setup.push_str(&format!("INSERT INTO t{at} (v) VALUES ({literal});"));
        }
    }
    let file = File::new(&setup).await;
    let source = file.source().await;
    let reader = source.begin().await.unwrap();
    for (at, (kind, _, expected, failed)) in cases.iter().enumerate() {
        let of = table("main", &format!("t{at}"));
        let got = rows(reader.as_ref(), ask(&of, &["id", "v"], RowFilter::All)).await.unwrap();
        let expected: Vec<String> =
            expected.iter().enumerate().map(|(id, v)| format!("{}|{v}", id + 1)).collect();
        assert_eq!((got, reader.conversions_failed(&of)), (expected, *failed), "{kind}");
    }
}

#[tokio::test]
async fn the_catalog_tells_shapes_and_keys() {
    let file = File::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, place POINT, n INT GENERATED ALWAYS AS (id * 2) STORED);
         CREATE INDEX by_n ON users (n, email); CREATE INDEX partial ON users (n) WHERE n > 1; CREATE INDEX expr ON users (lower(email));
         CREATE TABLE orders (shop INT, no INT, user_id INT REFERENCES USERS, PRIMARY KEY (shop, no)) WITHOUT ROWID;
         CREATE TABLE lines (a INT, b INT, FOREIGN KEY (b, A) REFERENCES orders (no, SHOP), FOREIGN KEY (a) REFERENCES gone (x));
         CREATE VIEW v AS SELECT id, email, 1 AS one FROM users; CREATE VIRTUAL TABLE search USING fts5(body);",
    )
    .await;
    let catalog = file.source().await.catalog().await.unwrap();
    let names: Vec<&str> = catalog.tables.iter().map(|t| t.table.name.as_str()).collect();
    assert_eq!(names, ["lines", "orders", "users", "v"]);
    let find = |name: &str| catalog.table(&table("main", name)).unwrap();
    let users = find("users");
    assert_eq!(
        (&users.primary_key, &users.unique),
        (&words(&["id"]), &vec![words(&["id"]), words(&["email"])])
    );
    assert_eq!(users.indexes, [words(&["id"]), words(&["n", "email"]), words(&["email"])]);
    assert!(!users.column("id").unwrap().nullable && users.column("place").unwrap().data_type.is_none());
    assert!(users.column("n").unwrap().data_type.is_some());
    let key = |columns: &[&str], references: &str, referenced: &[&str]| ForeignKey {
        columns: words(columns),
        references: table("main", references),
        referenced: words(referenced),
    };
    assert_eq!(find("orders").foreign_keys, [key(&["user_id"], "users", &["id"])]);
    assert_eq!(find("lines").foreign_keys, [key(&["b", "a"], "orders", &["no", "shop"])]);
    assert_eq!(find("v").kind, TableKind::View);
    assert!(
        find("v").column("email").unwrap().data_type.is_some()
            && find("v").column("one").unwrap().data_type.is_none()
    );
}

#[tokio::test]
async fn rows_are_found_by_keys_and_texts() {
    let file = File::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT, n DECIMAL(10,2), d DATE);
         WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 60000)
         INSERT INTO t SELECT i, i % 10, 'it''s \"' || i, i + 0.5, date('2024-01-01', '+' || (i % 100) || ' days') FROM s;
         CREATE TABLE \"we\"\"ird; drop\" (\"i\"\"d\" INTEGER PRIMARY KEY); INSERT INTO \"we\"\"ird; drop\" VALUES (1), (2);",
    )
    .await;
    let source = file.source().await;
    let reader = source.begin().await.unwrap();
    let ints = |ints: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(ints.to_vec())) };
    let texts = |texts: &[&str]| -> ArrayRef { Arc::new(StringViewArray::from(texts.to_vec())) };
    let cases: Vec<(RowFilter, &[&str])> = vec![
        (keys(&["id"], vec![ints(&[3, 1, 3, 99_999])]), &["1", "3"]),
        (keys(&["id"], vec![texts(&["3", "x"])]), &["3"]),
        (keys(&["id"], vec![ints(&[])]), &[]),
        (keys(&["b"], vec![texts(&["it's \"7", "nul\0"])]), &["7"]),
        (keys(&["a", "b"], vec![ints(&[1, 2]), texts(&["it's \"11", "it's \"11"])]), &["11"]),
        (keys(&["n"], vec![texts(&["1.50", "2.5"])]), &["1", "2"]),
        (equals("id", "4"), &["4"]),
        (equals("id", "abc"), &[]),
        (equals("b", "it's \"4"), &["4"]),
        (equals("b", "' OR 1=1 --"), &[]),
    ];
    for (filter, expected) in cases {
        let shown = format!("{filter:?}");
        let got = rows(reader.as_ref(), ask(&table("main", "t"), &["id"], filter)).await.unwrap();
        assert_eq!(got, expected, "{shown}");
    }
    let many: Vec<i64> = (1..=25_000).map(|i| i * 2).collect();
    let mut ask_many = ask(&table("main", "t"), &["id", "b"], keys(&["id"], vec![ints(&many)]));
    ask_many.limit = 1_000_000;
    let got = batches(reader.as_ref(), ask_many).await.unwrap();
    assert_eq!(got.iter().map(|b| b.num_rows()).sum::<usize>(), 25_000);
    let weird = ask(&table("main", "we\"ird; drop"), &["i\"d"], equals("i\"d", "2"));
    let (one, two) = futures::join!(rows(reader.as_ref(), weird.clone()), rows(reader.as_ref(), weird));
    assert_eq!((one.unwrap(), two.unwrap()), (words(&["2"]), words(&["2"])));
}

#[tokio::test]
async fn a_reader_shows_one_instant_and_drift_is_told() {
    let mut file = File::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, w TEXT); INSERT INTO t VALUES (1, 'a', 'b')",
    )
    .await;
    let source = file.source().await;
    let all = |columns: &[&str]| ask(&table("main", "t"), columns, RowFilter::All);
    let before = source.begin().await.unwrap();
    file.run("UPDATE t SET v = 'z'").await;
    assert_eq!(rows(before.as_ref(), all(&["id", "v"])).await.unwrap(), ["1|a"]);
    drop(before);
    assert_eq!(rows(source.begin().await.unwrap().as_ref(), all(&["id", "v"])).await.unwrap(), ["1|z"]);

    // A name in double quotes that is no column would be read as a string.
    file.run("ALTER TABLE t RENAME COLUMN v TO renamed; ALTER TABLE t DROP COLUMN w; ALTER TABLE t ADD COLUMN w INTEGER").await;
    let reader = source.begin().await.unwrap();
    for column in ["v", "w"] {
        let got = rows(reader.as_ref(), all(&["id", column])).await;
        assert!(matches!(got, Err(SourceError::Drift { .. })), "{column}: {got:?}");
    }
    assert_eq!(rows(reader.as_ref(), all(&["id"])).await.unwrap(), ["1"]);
    source.catalog().await.unwrap();
    let reader = source.begin().await.unwrap();
    assert_eq!(rows(reader.as_ref(), all(&["id", "w"])).await.unwrap(), ["1|∅"]);
}

#[tokio::test]
async fn nothing_is_written_and_what_is_no_database_is_refused() {
    let file = File::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1); PRAGMA journal_mode = DELETE",
    )
    .await;
    let path = file.folder.path().join("a.db");
    let before = std::fs::read(&path).unwrap();
    let source = file.source().await;
    rows(source.begin().await.unwrap().as_ref(), ask(&table("main", "t"), &["id"], RowFilter::All))
        .await
        .unwrap();
    drop(source);
    assert!(std::fs::read(&path).unwrap() == before);
    assert_eq!(std::fs::read_dir(file.folder.path()).unwrap().count(), 1);

    let missing = file.folder.path().join("missing.db");
    assert!(matches!(SqliteSource::open(config(&missing)).await, Err(SourceError::Unavailable(_))));
    assert!(!missing.exists());
    let text = file.folder.path().join("text.db");
    std::fs::write(&text, "not a database, but long enough to have a header of one hundred bytes".repeat(4))
        .unwrap();
    assert!(matches!(SqliteSource::open(config(&text)).await, Err(SourceError::Unavailable(_))));
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped() {
    let file = File::new(
        "CREATE VIEW slow AS WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT CAST(i AS INTEGER) AS n FROM s;
         CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);
         CREATE VIEW never AS SELECT t.id FROM t WHERE (SELECT count(*) FROM slow) > 0",
    )
    .await;
    let mut config = file.config();
    config.statement_timeout = Duration::from_millis(50);
    let source = SqliteSource::open(config).await.unwrap();
    let reader = source.begin().await.unwrap();
    let never = rows(reader.as_ref(), ask(&table("main", "never"), &["id"], RowFilter::All)).await;
    assert_eq!(never, Err(SourceError::Timeout));
    assert_eq!(
        rows(reader.as_ref(), ask(&table("main", "t"), &["id"], RowFilter::All)).await.unwrap(),
        ["1"]
    );
}
