//! To whom a question goes.

use airlock_core::approval::{EnforcerId, Metadata, PairingState};
use airlock_core::id::ApproverId;

use super::error::ApprovalError;
use super::model::{Approver, Pairing, Party};
use super::service::Approvals;
use super::{approvers, pairings_repo};
use crate::error::ServiceError;
use crate::secrets::digest;
use crate::store::{StoreError, Tx};

const TOKEN_BYTES_MAX: usize = 256;

/// One approver, and the pairing whose key opens the question for them.
pub(super) struct Route {
    pub(super) approver: Approver,
    pub(super) pairing: Option<Pairing>,
}

impl Approvals {
    /// By routing token; else by approver; else by the enforcer's pairings; else to the person who asks.
    pub(super) async fn route(
        &self,
        tx: &mut Tx,
        party: &Party,
        enforcer: &EnforcerId,
        metadata: &Metadata,
    ) -> Result<Vec<Route>, ServiceError> {
        let said = metadata.routing();
        let routes = if let Some(token) = said.routing_token {
            self.by_token(tx, party, token).await?.into_iter().collect()
        } else if let Some(id) = said.approver_id {
            self.by_approver(tx, party, enforcer, id).await?.into_iter().collect()
        } else {
            self.by_enforcer(tx, party, enforcer).await?
        };
        if routes.is_empty() { Err(ApprovalError::NoApprover.into()) } else { Ok(routes) }
    }

    async fn by_token(&self, tx: &mut Tx, party: &Party, token: &str) -> Result<Option<Route>, ServiceError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Ok(None);
        }
        let found = pairings_repo::hold_by_token(tx, &party.org, &digest(token)).await?;
        // Another person's token is as good as none.
        let Some(pairing) = found.filter(|p| p.owner.as_ref() == Some(&party.user)) else { return Ok(None) };
        match pairing.session.state(self.now()) {
            PairingState::Completed => Ok(with(tx, pairing).await?),
            PairingState::Revoked => Err(ApprovalError::PairingRevoked.into()),
            PairingState::Pending | PairingState::Expired => Ok(None),
        }
    }

    async fn by_approver(
        &self,
        tx: &mut Tx,
        party: &Party,
        enforcer: &EnforcerId,
        id: &str,
    ) -> Result<Option<Route>, ServiceError> {
        let Ok(id) = id.parse::<ApproverId>() else { return Ok(None) };
        let Some(approver) = approvers::by_id(tx, &party.org, &id).await? else { return Ok(None) };
        let pairing = pairings_repo::between(tx, &party.user, &approver.id, enforcer.as_str()).await?;
        // Somebody else's approver is asked only by those whom they paired with.
        let may = pairing.is_some() || approver.user == party.user;
        Ok(may.then_some(Route { approver, pairing }))
    }

    async fn by_enforcer(
        &self,
        tx: &mut Tx,
        party: &Party,
        enforcer: &EnforcerId,
    ) -> Result<Vec<Route>, ServiceError> {
        let mut routes: Vec<Route> = Vec::new();
        for pairing in pairings_repo::of_enforcer(tx, &party.org, &party.user, enforcer.as_str()).await? {
            // The newest pairing with each.
            if routes.iter().any(|r| Some(&r.approver.id) == pairing.approver.as_ref()) {
                continue;
            }
            routes.extend(with(tx, pairing).await?);
        }
        if routes.is_empty() && self.on.config.route_to_owner {
            let own = approvers::of_user_tx(tx, &party.org, &party.user).await?;
            if let Some(approver) = own {
                let pairing =
                    pairings_repo::between(tx, &party.user, &approver.id, enforcer.as_str()).await?;
                routes.push(Route { approver, pairing });
            }
        }
        Ok(routes)
    }
}

/// The pairing's approver, while their person is a member.
async fn with(tx: &mut Tx, pairing: Pairing) -> Result<Option<Route>, StoreError> {
    let Some(id) = &pairing.approver else { return Ok(None) };
    let approver = approvers::by_id(tx, &pairing.org, id).await?;
    Ok(approver.map(|approver| Route { approver, pairing: Some(pairing) }))
}
