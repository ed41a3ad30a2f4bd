//! What the catalog tells: tables, keys, comments, and what of it the role may select.

use airlock_core::snapshot::source::{ForeignKey, Source, TableInfo, TableKind};
use arrow::datatypes::DataType;

use super::server::Database;
use crate::read::{ask, rows, table};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

const SETUP: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN email AS text;
CREATE TABLE users (
  id int8 PRIMARY KEY, email email NOT NULL UNIQUE, mood mood, moods mood[], place point,
  born date, year int4 GENERATED ALWAYS AS (extract(year FROM born)) STORED, price numeric(12,2));
COMMENT ON TABLE users IS 'people';
COMMENT ON COLUMN users.email IS 'where to write';
CREATE INDEX ON users (born, mood);
CREATE INDEX ON users (lower(email));
CREATE UNIQUE INDEX ON users (year) WHERE year > 2000;
CREATE UNIQUE INDEX ON users (price) INCLUDE (year);
CREATE TABLE orders (shop int4, no int4, user_id int8 REFERENCES users, PRIMARY KEY (shop, no));
CREATE TABLE lines (id int4, a int4, b int4, FOREIGN KEY (b, a) REFERENCES orders (no, shop));
ALTER TABLE orders ADD UNIQUE (no, shop);
CREATE TABLE events (id int4, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO events VALUES (1, '2024-05-05');
CREATE VIEW adults AS SELECT id, email FROM users;
CREATE MATERIALIZED VIEW stats AS SELECT count(*) AS n FROM users;
CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int4);
CREATE TABLE secret (id int4);
CREATE TABLE partly (id int4 PRIMARY KEY, code text UNIQUE, secret text);
ANALYZE stats;";

#[tokio::test]
async fn the_catalog_tells_shapes_and_keys() {
    let Some(db) = Database::new(SETUP).await else { return };
    let role = &db.name;
    db.run(&format!(
        "ALTER TABLE lines ADD UNIQUE (id); REVOKE ALL ON SCHEMA hidden FROM {role}; REVOKE ALL ON secret, partly FROM {role};
         GRANT SELECT (id, secret) ON partly TO {role}"
    ))
    .await;
    let source = db.connect().await;
    let catalog = source.catalog().await.unwrap();
    let names: Vec<&str> = catalog.tables.iter().map(|t| t.table.name.as_str()).collect();
    assert_eq!(names, ["adults", "events", "lines", "orders", "partly", "stats", "users"]);
    assert!(catalog.server_version.as_ref().is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit())));
    let find = |name: &str| -> &TableInfo { catalog.table(&table("public", name)).unwrap() };

    let users = find("users");
    assert_eq!((users.kind, users.comment.as_deref()), (TableKind::Table, Some("people")));
    assert_eq!(users.primary_key, ["id"]);
    assert_eq!(users.unique, [words(&["id"]), words(&["email"]), words(&["price"])]);
    assert!(users.indexes.contains(&words(&["born", "mood"])) && users.indexes.contains(&words(&["price"])));
    assert_eq!(users.indexes.len(), 4);
    let email = users.column("email").unwrap();
    assert_eq!((email.source_type.as_str(), email.nullable), ("email", false));
    assert_eq!(
        (email.data_type.as_ref(), email.comment.as_deref()),
        (Some(&DataType::Utf8View), Some("where to write"))
    );
    assert_eq!(users.column("mood").unwrap().labels, ["sad", "ok", "happy"]);
    assert_eq!(users.column("moods").unwrap().labels, ["sad", "ok", "happy"]);
    assert_eq!(users.column("place").unwrap().data_type, None);
    assert_eq!(users.column("year").unwrap().data_type, Some(DataType::Int32));
    assert_eq!(users.column("price").unwrap().source_type, "numeric(12,2)");

    assert_eq!(find("orders").primary_key, ["shop", "no"]);
    assert!(
        find("orders").is_unique(&words(&["shop", "no"])) && !find("orders").is_unique(&words(&["shop"]))
    );
    assert_eq!(
        find("lines").foreign_keys,
        [ForeignKey {
            columns: words(&["b", "a"]),
            references: table("public", "orders"),
            referenced: words(&["no", "shop"])
        }]
    );
    assert_eq!(find("events").kind, TableKind::Partitioned);
    assert_eq!(find("events").primary_key, ["id", "at"]);
    assert_eq!((find("adults").kind, find("stats").kind), (TableKind::View, TableKind::MaterializedView));
    assert!(find("stats").rows_estimate.is_some() && find("adults").rows_estimate.is_none());

    let partly = find("partly");
    let granted: Vec<_> = partly.columns.iter().map(|c| (c.name.as_str(), c.granted)).collect();
    assert_eq!(
        granted,
        [("id", true), ("code", false), ("secret", true)],
        "what is not granted is named only"
    );
    assert_eq!(partly.unique, [words(&["id"])]);

    let reader = source.begin().await.unwrap();
    let events =
        ask(&table("public", "events"), &["id", "at"], airlock_core::snapshot::source::RowFilter::All);
    assert_eq!(rows(reader.as_ref(), events).await.unwrap(), ["1|2024-05-05"]);
}
