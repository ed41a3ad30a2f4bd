//! A database of a bench's own, with a role that can only read it.

use tokio::task::JoinSet;
use tokio_postgres::{Client, Config, NoTls};

use crate::{Result, variable};

/// A database on the server that `.ci/with-postgres` started.
#[derive(Debug)]
pub struct Database {
    server: Config,
    name: String,
}

impl Database {
    /// Makes it and fills it by `seed`. It goes with the server.
    ///
    /// # Errors
    /// When there is no server, or it refuses.
    pub async fn filled(name: &str, seed: &str) -> Result<Self> {
        let server: Config = variable("AIRLOCK_TEST_POSTGRES")?.parse()?;
        let name = format!("airlock_bench_{}_{name}", std::process::id());
        let this = Self { server, name };
        let (admin, _driver) = connect(&this.server).await?;
        admin.batch_execute(&format!("CREATE DATABASE {}", this.name)).await?;
        let (owner, _driver) = this.connect_as_owner().await?;
        owner.batch_execute(seed).await?;
        let role = &this.name;
        let grant = format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'reader'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
        );
        owner.batch_execute(&grant).await?;
        // VACUUM sets the hint bits and ANALYZE the statistics, so that the first to read does not pay for all.
        owner.batch_execute("VACUUM ANALYZE").await?;
        Ok(this)
    }

    /// Where the worker finds it, as the role that can only read.
    pub fn reader_url(&self) -> String {
        let host = match self.server.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
            _ => "127.0.0.1".to_owned(),
        };
        let port = self.server.get_ports().first().copied().unwrap_or(5432);
        format!("postgres://{}:reader@{host}:{port}/{}", self.name, self.name)
    }

    /// A connection as the same role. The second value moves its bytes; keep both.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn connect(&self) -> Result<(Client, JoinSet<()>)> {
        connect(&self.reader_url().parse()?).await
    }

    async fn connect_as_owner(&self) -> Result<(Client, JoinSet<()>)> {
        let mut server = self.server.clone();
        connect(server.dbname(&self.name)).await
    }
}

async fn connect(config: &Config) -> Result<(Client, JoinSet<()>)> {
    let (client, connection) = config.connect(NoTls).await?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // Its end is told by the next statement.
        let _ = connection.await;
    });
    Ok((client, driver))
}
