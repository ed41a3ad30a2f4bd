//! A small shop in a Postgres database of the test's own, with a role that can only read.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::NoTls;

use crate::needs;

pub(crate) const POLICY: &str = "
root_table: users
root_filter_col: external_id
tables:
  - {name: users, mask_columns: {email: email, ssn: null, name: hash}}
  - {name: orders, parent: users, fk: user_id}
";

pub(crate) const SEED: &str = "
CREATE TABLE users (id bigint PRIMARY KEY, external_id text UNIQUE NOT NULL, name text, email text, ssn text);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, amount numeric(10,2) NOT NULL);
CREATE INDEX ON orders (user_id);
INSERT INTO users VALUES (1, 'u_1', 'Alice', 'alice@example.net', '536-90-4399'), (2, 'u_2', 'Bob', 'bob@example.net', '219-09-9999');
INSERT INTO orders VALUES (1, 1, 12.50), (2, 1, 3.99), (3, 2, 999.00);
";

pub(crate) struct Database {
    server: tokio_postgres::Config,
    name: String,
}

impl Database {
    /// The shop, and a role that can only read it. `None` without a server; where tests must run, that is a failure.
    pub(crate) async fn new() -> Option<Self> {
        Some(Self::on(server()?, SEED).await)
    }

    /// On a server whose superuser is named, with tables and rows by `seed`, and a role that can only read them.
    pub(crate) async fn on(server: tokio_postgres::Config, seed: &str) -> Self {
        let this = Self::made(server, seed).await;
        let role = &this.name;
        let grant = format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'reader'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
        );
        this.execute(&grant).await;
        this
    }

    /// A database filled by `seed`, and nobody else to read it.
    pub(crate) async fn filled(seed: &str) -> Option<Self> {
        Some(Self::made(server()?, seed).await)
    }

    async fn made(server: tokio_postgres::Config, seed: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("airlock_e2e_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let this = Self { server, name };
        this.run("postgres", &format!("CREATE DATABASE {}", this.name)).await;
        this.execute(seed).await;
        this
    }

    /// A role's name that no other test has: roles are the server's, not the database's.
    pub(crate) fn role(&self, name: &str) -> String {
        format!("{}_{name}", self.name)
    }

    /// Where its owner finds it.
    pub(crate) fn owner_url(&self) -> String {
        let password = self.server.get_password().map(|p| String::from_utf8_lossy(p).into_owned());
        self.url_of(self.server.get_user().unwrap_or("postgres"), &password.unwrap_or_default())
    }

    /// Where the worker finds it, as the role that can only read.
    pub(crate) fn reader_url(&self) -> String {
        self.url_of(&self.name, "reader")
    }

    /// Where a role finds it.
    pub(crate) fn url_of(&self, role: &str, password: &str) -> String {
        let host = match &self.server.get_hosts()[0] {
            tokio_postgres::config::Host::Tcp(host) => host.clone(),
            #[cfg(unix)]
            tokio_postgres::config::Host::Unix(_) => "127.0.0.1".to_owned(),
        };
        format!("postgres://{role}:{password}@{host}:{}/{}", self.server.get_ports()[0], self.name)
    }

    /// One number that a statement answers with.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut server = self.server.clone();
        let (client, connection) = server.dbname(&self.name).connect(NoTls).await.unwrap();
        let asked = async move { client.query_one(sql, &[]).await.unwrap().get(0) };
        tokio::join!(asked, connection).0
    }

    /// Runs SQL in it as its owner.
    pub(crate) async fn execute(&self, sql: &str) {
        self.run(&self.name, sql).await;
    }

    async fn run(&self, database: &str, sql: &str) {
        let mut server = self.server.clone();
        let (client, connection) = server.dbname(database).connect(NoTls).await.unwrap();
        let driven = async {
            client.batch_execute(sql).await.unwrap();
            drop(client);
        };
        let (_, ended) = tokio::join!(driven, connection);
        ended.unwrap();
    }
}

fn server() -> Option<tokio_postgres::Config> {
    Some(needs::variable("AIRLOCK_TEST_POSTGRES")?.parse().unwrap())
}
