//! The devices that an approver signs with.

use airlock_core::audit::Action;

use super::approvers::{self, Noted};
use super::error::ApprovalError;
use super::model::{Approver, ApproverDevice, Party};
use super::pairings_repo;
use super::service::Approvals;
use crate::error::ServiceError;

impl Approvals {
    /// An approver's devices, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn devices(&self, approver: &Approver) -> Result<Vec<ApproverDevice>, ServiceError> {
        Ok(approvers::devices(&self.on.store, &approver.id).await?)
    }

    /// Takes note of a device and its key. The same once more changes nothing.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] when another key has its name, or it was taken back; when the store or the log does not take it.
    pub async fn add_device(
        &self,
        party: &Party,
        approver: &Approver,
        device: ApproverDevice,
    ) -> Result<(), ServiceError> {
        let (this, id, resource) = (self.clone(), approver.id.clone(), device.signer_key_id.clone());
        let work = async move {
            let mut tx = this.on.store.begin().await?;
            if approvers::note_device(&mut tx, &id, &device).await? == Noted::Refused {
                return Err(ServiceError::Conflict("another key has this id, or it was revoked"));
            }
            Ok(tx.commit().await?)
        };
        self.act(party, Action::ApproverDeviceAdded, &resource, work).await
    }

    /// Takes a device's key back, with the pairings that were completed with it and what waits on them: how many pairings.
    ///
    /// # Errors
    /// [`ApprovalError::NotFound`]; when the store or the log does not take it.
    pub async fn revoke_device(
        &self,
        party: &Party,
        approver: &Approver,
        signer_key_id: &str,
    ) -> Result<usize, ServiceError> {
        let known = self.devices(approver).await?;
        if !known.iter().any(|device| device.signer_key_id == signer_key_id) {
            return Err(ApprovalError::NotFound("device").into());
        }
        let (this, id, key) = (self.clone(), approver.id.clone(), signer_key_id.to_owned());
        let work = async move {
            let mut tx = this.on.store.begin().await?;
            approvers::revoke_device(&mut tx, &id, &key, this.now()).await?;
            let pairings = pairings_repo::of_signer(&mut tx, &id, &key).await?;
            let mut ended = Vec::new();
            let n = pairings.len();
            for pairing in pairings {
                ended.extend(this.end_in(&mut tx, pairing).await?.1);
            }
            tx.commit().await?;
            for record in &ended {
                this.note_end(record).await?;
            }
            Ok(n)
        };
        self.act(party, Action::ApproverDeviceRevoked, signer_key_id, work).await
    }
}
