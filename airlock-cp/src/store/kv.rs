//! Small single values: the control plane's own signing key, and the secret that tokens are derived with.

use airlock_core::Host;
use airlock_core::Secret;
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

    /// The secret that successors of refresh tokens are derived with, made on first use. Two processes that begin at once
    /// end with the same one. Alone it opens nothing: the old token's text is needed as well.
    ///
    /// # Errors
    /// When the store cannot be read or written, or holds what is no secret.
    pub(crate) async fn token_secret(&self, host: &dyn Host) -> Result<Secret<[u8; 32]>, StoreError> {
        let read = || Sql::new("SELECT value FROM kv WHERE name = 'cp_token_key'");
        if self.optional(read()).await?.is_none() {
            let mut fresh = zeroize::Zeroizing::new([0; 32]);
            host.random(&mut *fresh);
            let insert = Sql::new(
                "INSERT INTO kv (name, value) VALUES ('cp_token_key', ?) ON CONFLICT (name) DO NOTHING",
            );
            self.execute(insert.bind(hex::encode(*fresh))).await?;
        }
        let row = self.optional(read()).await?.ok_or(StoreError::Damaged("cp_token_key"))?;
        let mut key = [0; 32];
        hex::decode_to_slice(row.get::<String>("value")?, &mut key)
            .map_err(|_| StoreError::Damaged("cp_token_key"))?;
        Ok(Secret::new(key))
    }

    /// Answers when the store can be read.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.optional(Sql::new("SELECT value FROM counters WHERE name = 'revocations'")).await.map(|_| ())
    }
}
