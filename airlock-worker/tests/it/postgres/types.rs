//! Every type of the map, with NULLs, extremes and what Arrow cannot hold; by SELECT and by COPY.

use airlock_core::snapshot::source::{RowFilter, Source, SourceError};

use super::server::Database;
use crate::read::{ask, batches, rows, table};

/// A type, literals of it, how Arrow shows them, and how many do not fit. `∅` is NULL.
type Case = (&'static str, &'static [&'static str], &'static [&'static str], u64);

const CASES: &[Case] = &[
    ("bool", &["true", "false", "∅"], &["true", "false", "∅"], 0),
    ("int2", &["-32768", "32767"], &["-32768", "32767"], 0),
    ("int4", &["-2147483648", "2147483647"], &["-2147483648", "2147483647"], 0),
    (
        "int8",
        &["-9223372036854775808", "9223372036854775807"],
        &["-9223372036854775808", "9223372036854775807"],
        0,
    ),
    ("oid", &["0", "4294967295"], &["0", "4294967295"], 0),
    ("float4", &["1.5", "NaN", "-Infinity"], &["1.5", "NaN", "-inf"], 0),
    ("float8", &["1e308", "NaN", "Infinity"], &["1e308", "NaN", "inf"], 0),
    ("numeric(5,2)", &["-999.99", "0.01", "NaN"], &["-999.99", "0.01", "∅"], 1),
    (
        "numeric(38,0)",
        &["99999999999999999999999999999999999999"],
        &["99999999999999999999999999999999999999"],
        0,
    ),
    (
        "numeric(50,2)",
        &["123456789012345678901234567890123456789012345678.90"],
        &["123456789012345678901234567890123456789012345678.90"],
        0,
    ),
    ("numeric(5,-3)", &["12345678"], &["12346000"], 0),
    ("numeric(2,5)", &["0.00012"], &["0.00012"], 0),
    ("numeric(100,4)", &["-1.5", "NaN"], &["-1.5000", "∅"], 1),
    (
        "numeric",
        &["12.5", "-0.000000000000000001", "1e58", "Infinity"],
        &["12.500000000000000000", "-0.000000000000000001", "∅", "∅"],
        2,
    ),
    ("money", &["1234.56", "-0.01"], &["1234.56", "-0.01"], 0),
    ("text", &["", "é\n", "∅"], &["", "é\n", "∅"], 0),
    ("varchar(3)", &["abc"], &["abc"], 0),
    ("char(5)", &["ab", "  "], &["ab", ""], 0),
    ("name", &["ab"], &["ab"], 0),
    ("citext", &["AbC"], &["AbC"], 0),
    ("xml", &["<a>1</a>"], &["<a>1</a>"], 0),
    ("json", &["{\"b\": 1,  \"a\": 2}"], &["{\"b\": 1,  \"a\": 2}"], 0),
    ("jsonb", &["{\"b\": 1,  \"a\": 2}", "null"], &["{\"a\": 2, \"b\": 1}", "null"], 0),
    ("uuid", &["123E4567-e89b-12d3-a456-426614174000"], &["123e4567-e89b-12d3-a456-426614174000"], 0),
    ("bytea", &["\\x00ff", ""], &["00ff", ""], 0),
    (
        "date",
        &["2024-02-29", "0001-01-01 BC", "infinity", "-infinity", "5874897-12-31"],
        &["2024-02-29", "0000-01-01", "∅", "∅", "∅"],
        3,
    ),
    ("time", &["23:59:59.999999", "24:00"], &["23:59:59.999999", "∅"], 1),
    ("timetz", &["12:00:00.5+02", "00:00-03:30"], &["12:00:00.5+02", "00:00:00-03:30"], 0),
    (
        "timestamp",
        &["2024-02-29 12:00:00.000001", "infinity", "294276-12-31"],
        &["2024-02-29T12:00:00.000001", "∅", "∅"],
        2,
    ),
    ("timestamptz", &["2024-02-29 12:00+02", "-infinity"], &["2024-02-29T10:00:00Z", "∅"], 1),
    ("interval", &["1 year 2 days 00:00:01", "-1 month"], &["12 mons 2 days 1.000000000 secs", "-1 mons"], 0),
    ("interval", &["3000000 hours"], &["∅"], 1),
    ("inet", &["10.0.0.1", "10.0.0.1/8", "::1"], &["10.0.0.1", "10.0.0.1/8", "::1"], 0),
    ("cidr", &["10.0.0.0/8", "::1/128"], &["10.0.0.0/8", "::1/128"], 0),
    ("macaddr", &["08:00:2b:01:02:03"], &["08:00:2b:01:02:03"], 0),
    ("bit(3)", &["101"], &["101"], 0),
    ("varbit", &["", "101010101"], &["", "101010101"], 0),
    ("mood", &["sad", "o'k"], &["sad", "o'k"], 0),
    ("mood_domain", &["sad"], &["sad"], 0),
    ("price", &["1.50"], &["1.50"], 0),
    (
        "int4[]",
        &["{1,NULL,3}", "{}", "∅", "[5:6]={1,2}", "{{1},{2}}"],
        &["[1, ∅, 3]", "[]", "∅", "[1, 2]", "∅"],
        1,
    ),
    ("text[]", &["{a,\"b,c\"}"], &["[a, b,c]"], 0),
    ("numeric(5,2)[]", &["{1.5,NaN}"], &["[1.50, ∅]"], 1),
    ("mood[]", &["{sad}"], &["[sad]"], 0),
    ("price[]", &["{1.5}"], &["[1.50]"], 0),
    ("numbers", &["{1,2}"], &["[1, 2]"], 0),
    ("uuid[]", &["{123e4567-e89b-12d3-a456-426614174000}"], &["[123e4567-e89b-12d3-a456-426614174000]"], 0),
    ("money[]", &["{1.5}"], &["[1.50]"], 0),
];

const SETUP: &str = "
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'o''k');
CREATE DOMAIN mood_domain AS mood;
CREATE DOMAIN price AS numeric(10,2) CHECK (VALUE > 0);
CREATE DOMAIN numbers AS int4[];";

#[tokio::test]
async fn every_type_arrives_by_select_and_by_copy() {
    let Some(db) = Database::new(SETUP).await else { return };
    let mut setup = String::new();
    for (at, (kind, literals, _, _)) in CASES.iter().enumerate() {
        setup.push_str(&format!("CREATE TABLE t{at} (id int4 PRIMARY KEY, v {kind});"));
        for (id, literal) in literals.iter().enumerate() {
            let literal = if *literal == "∅" {
                "NULL".to_owned()
            } else {
                format!("'{}'", literal.replace('\'', "''"))
            };
            setup.push_str(&format!("INSERT INTO t{at} VALUES ({id}, {literal});"));
        }
    }
    db.run(&setup).await;
    db.grant().await;
    let source = db.source().await;
    let catalog = source.catalog().await.unwrap();
    for (at, (kind, _, expected, failed)) in CASES.iter().enumerate() {
        let of = table("public", &format!("t{at}"));
        let reader = source.begin().await.unwrap();
        let by_select = ask(&of, &["id", "v"], RowFilter::All);
        let mut by_copy = by_select.clone();
        by_copy.limit = 1_000_000;
        let expected: Vec<String> = expected.iter().enumerate().map(|(id, v)| format!("{id}|{v}")).collect();
        assert_eq!(rows(reader.as_ref(), by_select.clone()).await.as_ref(), Ok(&expected), "{kind}");
        assert_eq!(reader.conversions_failed(&of), *failed, "{kind}");
        assert_eq!(rows(reader.as_ref(), by_copy).await.as_ref(), Ok(&expected), "{kind} by COPY");
        assert_eq!(reader.conversions_failed(&of), *failed * 2, "{kind} by COPY");
        let batches = batches(reader.as_ref(), by_select).await.unwrap();
        let said = catalog.table(&of).unwrap().column("v").unwrap().data_type.clone();
        assert_eq!(said.as_ref(), Some(batches[0].schema().field(1).data_type()), "{kind}");
    }
}

/// Types whose text Arrow writes as Postgres does, and a random value of each.
const RANDOM: &[(&str, &str)] = &[
    ("numeric(30,10)", "(random() - 0.5) * 10 ^ (random() * 19)"),
    ("numeric(60,30)", "(random() - 0.5) * 10 ^ (random() * 29)"),
    ("numeric(90,3)", "(random() - 0.5) * 10 ^ (random() * 80)"),
    ("int8", "(random() - 0.5) * 1e18"),
    ("uuid", "gen_random_uuid()"),
    ("date", "date '0001-01-01' + (random() * 3000000)::int"),
    ("timetz", "(timestamptz '2024-01-01' + random() * interval '1 day')::timetz"),
    ("inet", "('10.0.0.0'::inet + (random() * 1e6)::int8)"),
    ("cidr", "network(set_masklen('2001:db8::'::inet + (random() * 1e15)::int8, 128))"),
    ("macaddr8", "substr(md5(random()::text), 1, 16)::macaddr8"),
    ("varbit", "((random() * 1e9)::int::bit(32))::varbit"),
    ("jsonb", "jsonb_build_object('k', random(), 'j', md5(random()::text))"),
];

#[tokio::test]
async fn random_values_read_as_postgres_writes_them() {
    let Some(db) = Database::new("").await else { return };
    let mut setup = String::new();
    for (at, (kind, random)) in RANDOM.iter().enumerate() {
        setup.push_str(&format!(
            "CREATE TABLE t{at} AS SELECT i AS id, ({random})::{kind} AS v, NULL::text AS t FROM generate_series(1, 300) i;
             UPDATE t{at} SET t = v::text;"
        ));
    }
    // The cast of an address to text always shows the prefix; the value alone does not.
    setup.push_str("UPDATE t7 SET t = host(v);");
    db.run(&setup).await;
    db.grant().await;
    let source = db.source().await;
    let reader = source.begin().await.unwrap();
    for (at, (kind, _)) in RANDOM.iter().enumerate() {
        let of = table("public", &format!("t{at}"));
        let read = rows(reader.as_ref(), ask(&of, &["v"], RowFilter::All)).await.unwrap();
        let mut by_id = ask(&of, &["t"], RowFilter::All);
        by_id.order_by = vec![("v".to_owned(), false)];
        let expected = rows(reader.as_ref(), by_id).await.unwrap();
        assert_eq!(read.len(), 300);
        assert_eq!(read, expected, "{kind}");
    }
}

#[tokio::test]
async fn a_database_whose_bytes_are_not_utf8_is_not_read() {
    let Some(db) = Database::new("").await else { return };
    // Only a database without an encoding lets such bytes in.
    let ascii = format!("{}_ascii", db.name);
    db.run(&format!("CREATE DATABASE {ascii} ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")).await;
    let config: tokio_postgres::Config =
        format!("postgres://postgres@127.0.0.1:{}/{ascii}", db.port()).parse().unwrap();
    let admin = super::server::connect(&config).await;
    admin.batch_execute("CREATE TABLE t (id int4, v text); INSERT INTO t VALUES (1, E'\\xff'), (2, 'ok'); GRANT SELECT ON t TO public").await.unwrap();
    let mut config = db.config();
    config.url =
        airlock_core::Secret::new(format!("postgres://{}:pw@127.0.0.1:{}/{ascii}", db.name, db.port()));
    let source = airlock_worker::postgres::PgSource::connect(config).await.unwrap();
    let reader = source.begin().await.unwrap();
    let of = table("public", "t");
    let got = rows(reader.as_ref(), ask(&of, &["id", "v"], RowFilter::All)).await;
    drop((reader, source, admin));
    db.run(&format!("DROP DATABASE {ascii} WITH (FORCE)")).await;
    // The server itself refuses to send the row: "invalid byte sequence".
    assert_eq!(got, Err(SourceError::Failed("22021".to_owned())));
}
