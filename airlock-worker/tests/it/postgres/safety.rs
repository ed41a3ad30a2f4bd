//! The source can only read, ends what it began, and says what went wrong in its own words.

use std::path::Path;
use std::time::Duration;

use airlock_core::Secret;
use airlock_core::snapshot::source::{RowFilter, Source, SourceError};
use airlock_worker::postgres::PgSource;
use futures::StreamExt;

use super::server::{Database, config, refusal, variable};
use crate::read::{ask, equals, rows, table};

#[tokio::test]
async fn a_role_that_could_write_is_refused_by_name() {
    let Some(db) =
        Database::new("CREATE TABLE a (id int4, v text); CREATE TABLE b (id int4); CREATE TABLE c (id int4)")
            .await
    else {
        return;
    };
    let listed = ["a", "b", "c"].map(|name| table("public", name));
    let source = db.connect().await;
    assert_eq!(source.check_tables(&listed).await, Ok(()));
    let role = &db.name;
    db.run(&format!("GRANT TRUNCATE ON a TO {role}; GRANT UPDATE (id) ON c TO {role}")).await;
    let Err(SourceError::Unsafe(text)) = source.check_tables(&listed).await else { panic!("accepted") };
    assert!(text.contains("public.a, public.c") && text.contains("airlock init --print-grants"), "{text}");
    assert_eq!(source.check_tables(&listed[1..2]).await, Ok(()));
    let mut lax = db.config();
    lax.require_read_only = false;
    assert_eq!(PgSource::connect(lax).await.unwrap().check_tables(&listed).await, Ok(()));
}

#[tokio::test]
async fn superusers_bypassers_and_primaries_are_refused() {
    let Some(db) = Database::new("").await else { return };
    let role = &db.name;
    let check = |config, word: &'static str| async move {
        let error = refusal(config).await;
        assert!(matches!(&error, SourceError::Unsafe(text) if text.contains(word)), "{error}");
    };
    let mut replica = db.config();
    replica.require_replica = true;
    check(replica, "standby").await;
    db.run(&format!("ALTER ROLE {role} BYPASSRLS")).await;
    check(db.config(), "BYPASSRLS").await;
    let mut allowed = db.config();
    allowed.allow_bypass_rls = true;
    assert!(PgSource::connect(allowed).await.is_ok());
    db.run(&format!("ALTER ROLE {role} SUPERUSER")).await;
    check(db.config(), "superuser").await;
}

#[tokio::test]
async fn every_transaction_is_read_only_and_cannot_be_talked_out_of_it() {
    let setup = "
        CREATE TABLE log (id int4);
        CREATE FUNCTION write() RETURNS int4 LANGUAGE sql VOLATILE SECURITY DEFINER AS 'INSERT INTO public.log VALUES (1) RETURNING id';
        CREATE VIEW settings AS SELECT current_setting('transaction_read_only') AS ro, current_setting('transaction_isolation') AS iso,
          current_setting('application_name') AS app, current_setting('TimeZone') AS zone, current_setting('search_path') AS path;
        CREATE VIEW sly AS SELECT write() AS id;";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    let reader = source.begin().await.unwrap();
    let got = rows(
        reader.as_ref(),
        ask(&table("public", "settings"), &["ro", "iso", "app", "zone", "path"], RowFilter::All),
    )
    .await;
    assert_eq!(got.unwrap(), ["on|repeatable read|airlock-worker/w_test|UTC|pg_catalog, public"]);
    let got = rows(reader.as_ref(), ask(&table("public", "sly"), &["id"], RowFilter::All)).await;
    assert_eq!(got, Err(SourceError::Failed("25006".to_owned())));
    drop(reader);
    assert_eq!(db.count("SELECT count(*) FROM log").await, 0);
}

#[tokio::test]
async fn row_security_binds_the_role() {
    let setup =
        "CREATE TABLE t (id int4); INSERT INTO t VALUES (1), (2); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
                 CREATE POLICY only_one ON t USING (id = 1)";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    let reader = source.begin().await.unwrap();
    for limit in [5, 1_000_000] {
        let mut ask = ask(&table("public", "t"), &["id"], RowFilter::All);
        ask.limit = limit;
        assert_eq!(rows(reader.as_ref(), ask).await.unwrap(), ["1"]);
    }
}

#[tokio::test]
async fn timeouts_bite() {
    let setup = "CREATE VIEW slow AS SELECT 1 AS id, pg_sleep(600)::text AS v; CREATE TABLE t (id int4)";
    let Some(mut db) = Database::new(setup).await else { return };
    let mut config = db.config();
    config.statement_timeout = Duration::from_millis(100);
    let source = PgSource::connect(config).await.unwrap();
    let slow = rows(
        source.begin().await.unwrap().as_ref(),
        ask(&table("public", "slow"), &["id", "v"], RowFilter::All),
    )
    .await;
    assert_eq!(slow, Err(SourceError::Timeout));

    let mut config = db.config();
    config.lock_timeout = Duration::from_millis(100);
    let source = PgSource::connect(config).await.unwrap();
    source.catalog().await.unwrap();
    let holder = db.admin.transaction().await.unwrap();
    holder.batch_execute("LOCK TABLE t").await.unwrap();
    for limit in [5, 1_000_000] {
        let mut ask = ask(&table("public", "t"), &["id"], RowFilter::All);
        ask.limit = limit;
        assert_eq!(rows(source.begin().await.unwrap().as_ref(), ask).await, Err(SourceError::Timeout));
    }
}

/// Sessions of the source in this database that are doing what `condition` says.
fn sessions(condition: &str) -> String {
    format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'airlock-worker/w_test' AND {condition}"
    )
}

/// Asks the server again and again until it counts `expected`.
async fn until(db: &Database, sql: &str, expected: i64) {
    for _ in 0..100_000 {
        if db.count(sql).await == expected {
            return;
        }
    }
    panic!("never {expected}: {sql}");
}

#[tokio::test]
async fn a_dropped_reader_leaves_no_transaction_and_its_connection_is_used_again() {
    let Some(db) = Database::new("CREATE TABLE t (id int4 PRIMARY KEY); INSERT INTO t VALUES (1)").await
    else {
        return;
    };
    let source = db.source().await;
    for _ in 0..5 {
        let reader = source.begin().await.unwrap();
        rows(reader.as_ref(), ask(&table("public", "t"), &["id"], equals("id", "1"))).await.unwrap();
    }
    until(&db, &sessions("state <> 'idle'"), 0).await;
    until(&db, &sessions("true"), 1).await;
    drop(source);
    until(&db, &sessions("true"), 0).await;
}

#[tokio::test]
async fn dropping_a_reader_cancels_its_statement_and_frees_its_place() {
    let Some(db) = Database::new("CREATE VIEW slow AS SELECT 1 AS id, pg_sleep(600)::text AS v").await else {
        return;
    };
    let mut config = db.config();
    // Long, so that it is not the timeout that ends the statement.
    (config.pool_size, config.statement_timeout) = (1, Duration::from_secs(600));
    let source = PgSource::connect(config).await.unwrap();
    source.catalog().await.unwrap();
    let reader = source.begin().await.unwrap();
    let mut stream = reader.rows(ask(&table("public", "slow"), &["id", "v"], RowFilter::All)).await.unwrap();
    let active = sessions("state = 'active'");
    tokio::select! {
        _ = stream.next() => panic!("an answer"),
        () = until(&db, &active, 1) => {}
    }
    drop(stream);
    drop(reader);
    until(&db, &sessions("true"), 0).await;
    assert!(source.begin().await.is_ok());
}

#[tokio::test]
async fn a_lost_server_is_unavailable_and_the_next_read_finds_it_again() {
    let setup = "CREATE TABLE t (id int4); INSERT INTO t VALUES (1); CREATE VIEW slow AS SELECT 1 AS id, pg_sleep(600)::text AS v";
    let Some(db) = Database::new(setup).await else { return };
    let source = db.source().await;
    let kill = sessions("true").replace("count(*)", "count(pg_terminate_backend(pid))");
    let reader = source.begin().await.unwrap();
    let slow = ask(&table("public", "slow"), &["id", "v"], RowFilter::All);
    let (got, ()) = futures::join!(rows(reader.as_ref(), slow), async {
        until(&db, &sessions("state = 'active'"), 1).await;
        db.count(&kill).await;
    });
    assert!(matches!(got, Err(SourceError::Unavailable(_))), "{got:?}");
    drop(reader);

    let of = ask(&table("public", "t"), &["id"], RowFilter::All);
    assert_eq!(rows(source.begin().await.unwrap().as_ref(), of.clone()).await.unwrap(), ["1"]);
    // Killed while idle: found out at the next loan.
    until(&db, &sessions("state = 'idle'"), 1).await;
    db.count(&kill).await;
    until(&db, &sessions("true"), 0).await;
    assert_eq!(rows(source.begin().await.unwrap().as_ref(), of).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = refusal(config(format!("postgres://u:hunter2@127.0.0.1:{port}/d"))).await;
    assert_eq!(error, SourceError::Unavailable("connection refused".to_owned()));
}

#[tokio::test]
async fn a_table_without_the_privilege_is_denied() {
    let Some(db) = Database::new("CREATE TABLE t (id int4)").await else { return };
    let source = db.source().await;
    db.run(&format!("REVOKE SELECT ON t FROM {}", db.name)).await;
    for limit in [5, 1_000_000] {
        let mut ask = ask(&table("public", "t"), &["id"], RowFilter::All);
        ask.limit = limit;
        let got = rows(source.begin().await.unwrap().as_ref(), ask).await;
        assert_eq!(got, Err(SourceError::Denied(table("public", "t"))));
    }
}

#[tokio::test]
async fn a_full_pool_is_unavailable_and_a_wrong_database_too() {
    let Some(db) = Database::new("").await else { return };
    let mut config = db.config();
    (config.pool_size, config.connect_timeout) = (1, Duration::from_millis(500));
    let source = PgSource::connect(config).await.unwrap();
    let reader = source.begin().await.unwrap();
    assert_eq!(
        source.begin().await.err(),
        Some(SourceError::Unavailable("every connection is busy".to_owned()))
    );
    drop(reader);
    assert!(source.begin().await.is_ok());
    let mut config = db.config();
    config.url = Secret::new(config.url.expose().replace("?", "_gone?"));
    assert!(matches!(refusal(config).await, SourceError::Unavailable(text) if text.contains("3D000")));
}

#[tokio::test]
async fn certificates_are_believed_as_sslmode_says() {
    let Some(db) = Database::new("").await else { return };
    let Some(ca) = variable("AIRLOCK_TEST_POSTGRES_CA") else {
        println!("skipped: the server has no certificate");
        return;
    };
    let port = db.port();
    let other = Path::new(&ca).with_file_name("other.crt").display().to_string();
    // The certificate is for localhost; 127.0.0.1 is the same server under another name.
    for (host, options, accepted) in [
        ("localhost", format!("?sslmode=verify-full&sslrootcert={ca}"), true),
        ("127.0.0.1", format!("?sslmode=verify-full&sslrootcert={ca}"), false),
        ("127.0.0.1", format!("?sslmode=verify-ca&sslrootcert={ca}"), true),
        ("127.0.0.1", format!("?sslmode=require&sslrootcert={ca}"), true),
        ("localhost", format!("?sslmode=verify-ca&sslrootcert={other}"), false),
        ("localhost", format!("?sslmode=verify-full&sslrootcert={other}"), false),
        ("localhost", "?sslmode=verify-full".to_owned(), false),
        ("127.0.0.1", "?sslmode=require".to_owned(), true),
        ("127.0.0.1", "?sslmode=prefer".to_owned(), true),
        ("127.0.0.1", String::new(), true),
    ] {
        match PgSource::connect(config(db.url(host, port, &options))).await {
            Ok(_source) => {
                assert!(accepted, "{host}{options} was accepted");
                let tls = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
                           WHERE a.datname = current_database() AND a.application_name LIKE 'airlock-worker/%' AND s.ssl";
                assert!(db.count(tls).await >= 1, "{host}{options} went in the clear");
            }
            Err(error) => {
                assert!(!accepted, "{host}{options}: {error}");
                assert_eq!(
                    error,
                    SourceError::Unavailable("its TLS certificate was not accepted".to_owned())
                );
            }
        }
    }
    let missing =
        refusal(config(db.url("localhost", port, "?sslmode=verify-full&sslrootcert=/nowhere.pem"))).await;
    assert!(matches!(missing, SourceError::Unavailable(text) if text.contains("sslrootcert")));
}

#[tokio::test]
async fn a_socket_is_reached_whatever_sslmode_says() {
    let Some(db) = Database::new("").await else { return };
    let folders = db.admin.query_one("SELECT current_setting('unix_socket_directories')", &[]).await.unwrap();
    let folder = folders.get::<_, String>(0).replace('/', "%2F");
    if folder.is_empty() || folder.contains(',') {
        println!("skipped: no one socket folder");
        return;
    }
    assert!(PgSource::connect(config(db.url(&folder, db.port(), "?sslmode=require"))).await.is_ok());
}
