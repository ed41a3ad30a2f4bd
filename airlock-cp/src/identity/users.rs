//! People.

use airlock_core::id::UserId;

use super::{User, users_repo as repo};
use crate::error::ServiceError;
use crate::store::Store;

/// People. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Users {
    store: Store,
}

impl Users {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// The person of this id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for one who was deleted.
    pub async fn show(&self, id: &UserId) -> Result<User, ServiceError> {
        repo::by_id(&self.store, id).await?.ok_or(ServiceError::NotFound("user"))
    }
}
