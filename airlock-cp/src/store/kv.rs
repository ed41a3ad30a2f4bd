//! Small single values: the control plane's own signing key.

use airlock_core::Host;
use airlock_core::crypto::PrivateKey;

use super::{Sql, Store, StoreError};

impl Store {
    /// The control plane's signing key, made on first use. Two processes that begin at once end with the same one.
    ///
    /// # Errors
    /// When the store cannot be read or written, or holds what is no key.
    pub async fn signing_key(&self, host: &dyn Host) -> Result<PrivateKey, StoreError> {
        let read = || Sql::new("SELECT value FROM kv WHERE name = 'cp_signing_key'");
        if self.optional(read()).await?.is_none() {
            let fresh = PrivateKey::generate(host).to_pem();
            let insert = Sql::new(
                "INSERT INTO kv (name, value) VALUES ('cp_signing_key', ?) ON CONFLICT (name) DO NOTHING",
            );
            self.execute(insert.bind(fresh.as_str())).await?;
        }
        let row = self.optional(read()).await?.ok_or(StoreError::Damaged("cp_signing_key"))?;
        PrivateKey::from_pem(&row.get::<String>("value")?).map_err(|_| StoreError::Damaged("cp_signing_key"))
    }

    /// Answers when the store can be read.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.optional(Sql::new("SELECT value FROM counters WHERE name = 'revocations'")).await.map(|_| ())
    }
}
