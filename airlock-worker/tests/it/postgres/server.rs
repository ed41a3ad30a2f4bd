//! A database and a role of a test's own, on the server that AIRLOCK_TEST_POSTGRES names.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use airlock_core::Secret;
use airlock_core::snapshot::source::{Source, SourceError};
use airlock_worker::postgres::{PgConfig, PgSource};
use tokio_postgres::{Client, Config, NoTls};

pub(crate) struct Database {
    pub(crate) admin: Client,
    server: Config,
    pub(crate) name: String,
}

/// A variable of the test run.
#[expect(clippy::disallowed_methods, reason = "tests have no config.rs")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

impl Database {
    /// A fresh database after `setup` has run in it, with a role of the same name that may select everything. `None`
    /// when there is no server; where tests must run, that is a failure.
    pub(crate) async fn new(setup: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Some(url) = variable("AIRLOCK_TEST_POSTGRES") else {
            assert_ne!(variable("CI").as_deref(), Some("true"), "AIRLOCK_TEST_POSTGRES is not set");
            println!("skipped: run `make test`");
            return None;
        };
        let server: Config = url.parse().unwrap();
        let name = format!("airlock_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let first = connect(&server).await;
        first.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        first.batch_execute(&format!("CREATE ROLE {name} LOGIN PASSWORD 'pw'")).await.unwrap();
        let mut config = server.clone();
        config.dbname(&name);
        let admin = connect(&config).await;
        admin.batch_execute(setup).await.unwrap();
        let database = Self { admin, server, name };
        database.grant().await;
        Some(database)
    }

    /// Lets the role select what exists now.
    pub(crate) async fn grant(&self) {
        let schemas = "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'";
        for row in self.admin.query(schemas, &[]).await.unwrap() {
            let schema = row.get::<_, String>(0).replace('"', "\"\"");
            let role = &self.name;
            let grants = format!(
                "GRANT USAGE ON SCHEMA \"{schema}\" TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA \"{schema}\" TO {role}"
            );
            self.run(&grants).await;
        }
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.admin.batch_execute(sql).await.unwrap();
    }

    /// One number that the administrator sees.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.admin.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// The role's URL with another host, port and options.
    pub(crate) fn url(&self, host: &str, port: u16, options: &str) -> String {
        format!("postgres://{role}:pw@{host}:{port}/{role}{options}", role = self.name)
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.get_ports().first().copied().unwrap_or(5432)
    }

    pub(crate) fn config(&self) -> PgConfig {
        config(self.url("127.0.0.1", self.port(), "?sslmode=disable"))
    }

    pub(crate) async fn connect(&self) -> PgSource {
        PgSource::connect(self.config()).await.unwrap()
    }

    /// A source that has read its catalog.
    pub(crate) async fn source(&self) -> PgSource {
        let source = self.connect().await;
        source.catalog().await.unwrap();
        source
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // Best effort, and also when the test panics: a runtime of its own, since this one may be going down.
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let admin = connect(&server).await;
                let _ = admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
                let _ = admin.batch_execute(&format!("DROP ROLE {name}")).await;
            });
        });
        let _ = cleaning.join();
    }
}

pub(crate) fn config(url: String) -> PgConfig {
    PgConfig {
        url: Secret::new(url),
        worker_id: "w_test".parse().unwrap(),
        schema: "public".to_owned(),
        pool_size: 4,
        connect_timeout: Duration::from_secs(20),
        statement_timeout: Duration::from_secs(20),
        lock_timeout: Duration::from_secs(20),
        require_read_only: true,
        require_replica: false,
        allow_bypass_rls: false,
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own connection ends with its client")]
pub(crate) async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The refusal of a connection that must not come about.
pub(crate) async fn refusal(config: PgConfig) -> SourceError {
    PgSource::connect(config).await.unwrap_err()
}
