//! The engine's doors to the outside, walled up: object stores.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::object_store::ObjectStore;
use url::Url;

/// Knows no store and takes none. The engine's default would open the local file system.
#[derive(Debug)]
pub(super) struct NoStores;

impl ObjectStoreRegistry for NoStores {
    fn register_store(&self, _: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, _: &Url) -> Result<Arc<dyn ObjectStore>> {
        Err(DataFusionError::NotImplemented("object stores".to_owned()))
    }
}
