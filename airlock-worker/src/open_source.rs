//! Which source a `DATABASE_URL` names, opened as a policy demands.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::Secret;
use airlock_core::id::WorkerId;
use airlock_core::policy::limits::Limits;
use airlock_core::policy::{Policy, SourcePolicy, TableRef};
use airlock_core::snapshot::{Source, SourceError};

use crate::sqlite::{SqliteConfig, SqliteSource};

/// How a source is opened.
#[derive(Clone, Debug)]
pub struct OpenSource {
    worker_id: WorkerId,
    schema: String,
    policy: SourcePolicy,
    limits: Limits,
    tables: Vec<TableRef>,
}

impl OpenSource {
    /// As a policy demands; the role must not be able to write to its tables.
    pub fn for_policy(policy: &Policy) -> Self {
        let named = policy.control_plane.as_ref().map(|cp| cp.worker_id.clone());
        Self {
            worker_id: named.unwrap_or_else(local),
            schema: policy.schema.clone(),
            policy: policy.source.clone(),
            limits: policy.limits.clone(),
            tables: policy.tables.iter().map(|t| t.source.clone()).collect(),
        }
    }

    /// To look at its catalog, before there is a policy: whoever runs `init` may well be the owner.
    pub fn to_look() -> Self {
        let policy = SourcePolicy {
            pool_size: 1,
            require_read_only: false,
            require_replica: false,
            allow_bypass_rls: true,
        };
        Self {
            worker_id: local(),
            schema: "public".to_owned(),
            policy,
            limits: Limits::default(),
            tables: vec![],
        }
    }

    /// The same whatever the role may do: to tell what else is wrong with a policy whose role is refused.
    #[must_use]
    pub fn with_any_role(mut self) -> Self {
        self.policy.require_read_only = false;
        self.policy.allow_bypass_rls = true;
        self
    }

    /// Opens the source.
    ///
    /// # Errors
    /// When it cannot be reached, or is not what the policy demands.
    pub async fn open(&self, url: &Secret<String>) -> Result<Arc<dyn Source>, SourceError> {
        let statement = Duration::from_millis(self.limits.statement_timeout_ms);
        let lock = Duration::from_millis(self.limits.lock_timeout_ms);
        match url.expose().split_once("://").map(|(scheme, _)| scheme) {
            Some("sqlite") => {
                let config = SqliteConfig::from_url(url.expose(), statement, lock)?;
                Ok(Arc::new(SqliteSource::open(config).await?))
            }
            #[cfg(feature = "postgres")]
            Some("postgres" | "postgresql") => {
                let config = crate::postgres::PgConfig {
                    url: url.clone(),
                    worker_id: self.worker_id.clone(),
                    schema: self.schema.clone(),
                    pool_size: self.policy.pool_size,
                    connect_timeout: CONNECT_TIMEOUT,
                    statement_timeout: statement,
                    lock_timeout: lock,
                    require_read_only: self.policy.require_read_only,
                    require_replica: self.policy.require_replica,
                    allow_bypass_rls: self.policy.allow_bypass_rls,
                };
                let source = crate::postgres::PgSource::connect(config).await?;
                source.check_tables(&self.tables).await?;
                Ok(Arc::new(source))
            }
            _ => Err(SourceError::Unavailable(
                "DATABASE_URL begins with none of postgres://, sqlite://".to_owned(),
            )),
        }
    }
}

/// A worker without a control plane.
fn local() -> WorkerId {
    "w_local".parse().expect("a constant worker id is valid")
}

/// For a free connection, and to open one.
#[cfg(feature = "postgres")]
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
