//! Standing decisions: taken from approvers as they were signed, handed to the enforcers that they are for.

use airlock_core::approval::KnownSigners;
use airlock_core::approval::dnd::{self, DndPolicy, DndQuery};
use airlock_core::audit::Action;
use serde_json::{Map, Value};

use super::approvers;
use super::error::ApprovalError;
use super::model::{Approver, Party};
use super::service::Approvals;
use crate::error::ServiceError;
use crate::store::{Sql, StoreError};

const LIST_MAX: i64 = 500;
const POLICY_BYTES_MAX: usize = 16 * 1024;

impl Approvals {
    /// Takes a standing decision in: its name. The same once more changes nothing, also after it was taken back.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for one that cannot stand, [`ApprovalError::Signature`], [`ServiceError::Conflict`] for another one
    /// of the same name; when the store or the log does not take it.
    pub async fn set_policy(&self, party: &Party, sent: Map<String, Value>) -> Result<String, ServiceError> {
        let approver = self.approver(party).await?;
        let text = Value::Object(sent.clone()).to_string();
        if text.len() > POLICY_BYTES_MAX {
            return Err(ServiceError::invalid("policy", "16 KiB of JSON at most"));
        }
        let policy: DndPolicy = serde_json::from_value(Value::Object(sent.clone()))
            .map_err(|_| ServiceError::invalid("policy", "a member is missing or not of its kind"))?;
        policy.validate(self.now()).map_err(|error| ServiceError::invalid("policy", error.to_string()))?;
        let (this, name) = (self.clone(), policy.policy_id.clone());
        let work = async move {
            let now = this.now();
            let mut tx = this.on.store.begin().await?;
            let signers = approvers::signers(&mut tx, &approver.id).await?;
            let may_be_unsigned = this.on.config.unsigned_dnd && policy.signature.is_none();
            if !(may_be_unsigned || is_signed(&sent, &policy, &signers)) {
                return Err(ApprovalError::Signature.into());
            }
            let insert = Sql::new(
                "INSERT INTO dnd_policies (approver_id, policy_id, enforcer_id, workspace, policy, created_at, expires_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (approver_id, policy_id) DO NOTHING",
            );
            let insert = insert.bind(&approver.id).bind(&policy.policy_id).bind(&policy.enforcer_id);
            let insert = insert.bind(&policy.workspace_id).bind(&text).bind(now).bind(policy.expires_at);
            if tx.execute(insert).await? == 0 {
                let sql = Sql::new("SELECT policy FROM dnd_policies WHERE approver_id = ? AND policy_id = ?");
                let row = tx.optional(sql.bind(&approver.id).bind(&policy.policy_id)).await?;
                let known: String = row.ok_or(StoreError::Damaged("dnd_policies"))?.get("policy")?;
                if known != text {
                    return Err(ServiceError::Conflict("this requestId was used for another policy"));
                }
            }
            Ok(tx.commit().await?)
        };
        self.act(party, Action::DndPolicySet, &name, work).await?;
        Ok(name)
    }

    /// What stands for an enforcer of this person's: set by themselves, or by an approver that the enforcer is paired with.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn effective_policies(
        &self,
        party: &Party,
        query: &DndQuery<'_>,
    ) -> Result<Vec<Map<String, Value>>, ServiceError> {
        let now = self.now();
        let sql = Sql::new(
            "SELECT d.approver_id, d.policy FROM dnd_policies d JOIN approvers a ON a.id = d.approver_id \
             WHERE d.enforcer_id = ? AND d.workspace = ? AND d.revoked_at IS NULL AND d.expires_at > ? AND a.org_id = ? \
             AND (a.user_id = ? OR EXISTS (SELECT 1 FROM pairings p WHERE p.approver_id = a.id AND p.org_id = a.org_id \
             AND p.owner_id = ? AND p.enforcer_id = d.enforcer_id AND p.state = 'Completed')) \
             ORDER BY d.created_at DESC, d.policy_id LIMIT ?",
        );
        let sql = sql.bind(query.enforcer_id).bind(query.workspace_id).bind(now).bind(&party.org);
        let rows = self.on.store.all(sql.bind(&party.user).bind(&party.user).bind(LIST_MAX)).await?;
        let mut standing = Vec::new();
        for row in &rows {
            let sent = policy_of(&row.get::<String>("policy")?)?;
            let policy: DndPolicy = serde_json::from_value(Value::Object(sent.clone()))
                .map_err(|_| StoreError::Damaged("dnd_policies.policy"))?;
            // What a device signed that was taken back since does not stand.
            let signers = approvers::signers_now(&self.on.store, &row.parse("approver_id")?).await?;
            let holds = is_signed(&sent, &policy, &signers) || policy.signature.is_none();
            if holds && policy.applies_to(query, now) {
                standing.push(sent);
            }
        }
        Ok(standing)
    }

    /// An approver's own, newest first: those that stand.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn policies(&self, approver: &Approver) -> Result<Vec<Map<String, Value>>, ServiceError> {
        let sql = Sql::new(
            "SELECT policy FROM dnd_policies WHERE approver_id = ? AND revoked_at IS NULL AND expires_at > ? \
             ORDER BY created_at DESC, policy_id LIMIT ?",
        );
        let rows = self.on.store.all(sql.bind(&approver.id).bind(self.now()).bind(LIST_MAX)).await?;
        rows.iter().map(|row| Ok(policy_of(&row.get::<String>("policy")?)?)).collect()
    }

    /// An approver takes one of theirs back.
    ///
    /// # Errors
    /// [`ApprovalError::NotFound`]; when the store or the log does not take it.
    pub async fn revoke_policy(&self, party: &Party, name: &str) -> Result<(), ServiceError> {
        let approver = self.approver(party).await?;
        let (this, policy) = (self.clone(), name.to_owned());
        let work = async move {
            let sql = Sql::new(
                "UPDATE dnd_policies SET revoked_at = ? WHERE approver_id = ? AND policy_id = ? AND revoked_at IS NULL",
            );
            let sql = sql.bind(this.now()).bind(&approver.id).bind(&policy);
            if this.on.store.execute(sql).await? == 0 {
                return Err(ApprovalError::NotFound("policy").into());
            }
            Ok(())
        };
        self.act(party, Action::DndPolicyRevoked, name, work).await
    }
}

fn policy_of(text: &str) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Damaged("dnd_policies.policy"))
}

fn is_signed(sent: &Map<String, Value>, policy: &DndPolicy, signers: &KnownSigners) -> bool {
    let signer = policy.signer_key_id.as_deref().and_then(|id| signers.find(id));
    signer.is_some_and(|signer| dnd::verify(sent, signer.public_key).is_ok())
}
