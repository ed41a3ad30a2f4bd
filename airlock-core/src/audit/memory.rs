//! A sink for embedders and tests: the chain in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{AuditError, AuditSink, Chain, Event, Record};
use crate::id::AuditId;

/// Keeps the chain in memory; gone with the process.
#[derive(Debug, Default)]
pub struct MemoryAudit {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<AuditId, Event>,
    chain: Chain,
    records: Vec<Record>,
}

impl MemoryAudit {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }
    /// Every record so far, oldest first.
    pub fn records(&self) -> Vec<Record> {
        self.lock().records.clone()
    }
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl AuditSink for MemoryAudit {
    async fn open(&self, event: &Event) -> Result<(), AuditError> {
        self.lock().open.insert(event.id.clone(), event.clone());
        Ok(())
    }
    async fn close(&self, event: Event) -> Result<(), AuditError> {
        let mut state = self.lock();
        state.open.remove(&event.id);
        let record = state.chain.append(event);
        state.records.push(record);
        Ok(())
    }
    async fn abandon(&self, id: &AuditId) -> Result<(), AuditError> {
        self.lock().open.remove(id);
        Ok(())
    }
}
