//! The rooms behind the ports of hub and MCP endpoint: who may dial, who may come in, where a call goes.

mod door;
mod people;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use airlock_core::id::{SessionId, TenantId, WorkerId};
use airlock_core::plane::{Rendered, ToolCall};
use airlock_core::tool::{EXECUTE_SQL, GET_SCHEMA, NULL_RATES};
use airlock_core::{CallError, Host, Outcome};
use airlock_proto::mcp::Catalog;
use async_trait::async_trait;
use axum::Router;
use futures::future::BoxFuture;

use crate::app::App;
use crate::error::StartError;
use crate::hub::Hub;
use crate::mcp::{self, McpConfig, McpDeps, Planes, Spawn};
use crate::metrics::Metrics;
use crate::tasks::{TaskKind, Tasks};

use door::{KeysDoor, MainDoor};
use people::PeopleDoor;

/// The data airlock of one control plane: its tunnels and its MCP endpoint. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Passage {
    app: App,
    hub: Hub,
}

impl Passage {
    /// Opens the passage of an app: revoked workers and those of disabled tenants are dropped as soon as the app knows.
    pub fn new(app: &App) -> Self {
        let hub = Hub::new(app.signing_key(), Arc::new(app.directory()), app.host(), app.metrics().clone());
        app.directory().follow(app.revocations(), hub.clone());
        Self { app: app.clone(), hub }
    }

    /// The control plane around it.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The tunnels.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Everything that the control plane serves on one port.
    ///
    /// # Errors
    /// When the configuration names an origin that is none.
    pub fn router(&self) -> Result<Router, StartError> {
        let config = self.app.config();
        let public_url = config.public_url_given.then_some(&config.public_url);
        let deps = McpDeps {
            door: Arc::new(MainDoor {
                keys: KeysDoor { keys: self.app.keys().clone() },
                people: PeopleDoor::new(
                    Box::new(self.app.oauth().access().clone()),
                    self.app.grants().clone(),
                    self.app.host(),
                ),
                tenants: self.app.tenants().clone(),
                metrics: self.app.metrics().clone(),
            }),
            planes: Arc::new(Tunnels {
                hub: self.hub.clone(),
                metrics: self.app.metrics().clone(),
                host: self.app.host(),
            }),
            audit: self.app.audit(),
            host: self.app.host(),
            tasks: Arc::new(Calls(self.app.tasks().clone())),
            catalog: Catalog::data_tools(),
            config: McpConfig {
                issuer: config.issuer().to_owned(),
                ..McpConfig::for_listener(config.bind, public_url, &config.cors_origins)
                    .map_err(|_| StartError::Origin)?
            },
        };
        let tunnel = tonic::service::Routes::new(self.hub.service()).into_axum_router();
        Ok(self.app.router(mcp::router(deps), tunnel))
    }

    /// Ends it: workers are told to come back, calls in flight end within `drain`, then the app stops.
    pub async fn shut_down(&self, drain: Duration) {
        self.hub.drain(Duration::from_secs(1), drain).await;
        self.app.shut_down(drain).await;
    }
}

/// Calls go out by the hub, and are counted.
struct Tunnels {
    hub: Hub,
    metrics: Metrics,
    host: Arc<dyn Host>,
}

#[async_trait]
impl Planes for Tunnels {
    async fn call(
        &self,
        tenant: &TenantId,
        call: ToolCall,
    ) -> (Result<Rendered, CallError>, Option<(WorkerId, SessionId)>) {
        let tool = [EXECUTE_SQL, GET_SCHEMA, NULL_RATES].into_iter().find(|t| *t == call.tool.as_str());
        let began = self.host.monotonic();
        let (result, via) = self.hub.call_via(tenant, call).await;
        let outcome = result.as_ref().map_or(Outcome::Error, |answer| answer.head.outcome);
        let took = self.host.monotonic().saturating_sub(began);
        self.metrics.mcp_request(tenant, tool.unwrap_or("other"), outcome.as_str(), took);
        (result, via.map(|via| (via.worker_id, via.session_id)))
    }
}

struct Calls(Tasks);

impl Spawn for Calls {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        drop(self.0.spawn(TaskKind::Call, work));
    }
}
