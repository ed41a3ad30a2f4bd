"""What goes over the wire, as pydantic models.

Construction takes Python names or wire names (`enforcer_id=` or `enforcerId=`); `model_dump(by_alias=True)` gives wire names.
Answers may lack keys and may have unknown ones.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any, Dict, List, Mapping, Optional

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _wire_name(name: str) -> str:
    if name == "encryption_key_base64url":
        return "encryptionKeyBase64Url"
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


# A generator, and no alias at each field: type checkers then know the Python names as arguments.
class _Wire(BaseModel):
    model_config = ConfigDict(populate_by_name=True, alias_generator=_wire_name)


Instant = Annotated[datetime, AfterValidator(_in_utc)]
"""A moment in an answer, in UTC; one that comes without an offset is UTC already."""


# Envelope

class SenderInfo(_Wire):
    enforcer_id: Optional[str] = None
    approver_id: Optional[str] = None
    gateway_id: Optional[str] = None


class RecipientInfo(_Wire):
    enforcer_id: Optional[str] = None
    approver_id: Optional[str] = None


class HarpEnvelope(_Wire):
    msg_id: Optional[str] = None
    msg_type: str
    request_id: str
    created_at: Optional[Instant] = None
    expires_at: Optional[Instant] = None
    sender: Optional[SenderInfo] = None
    recipient: Optional[RecipientInfo] = None
    body: Optional[Any] = None


# Artifacts

class EncryptedPayload(BaseModel):
    """Ciphertext and what is needed to open it, each part in base64."""

    alg: str = ""
    data: str = ""
    nonce: Optional[str] = None
    tag: Optional[str] = None
    aad: Optional[str] = None


CiphertextRef = EncryptedPayload
"""The name of `EncryptedPayload` in versions 0.1 and 0.2."""


class ArtifactSubmitRequest(_Wire):
    """A request that is sealed already."""

    enforcer_id: str
    artifact_type: str = "command-approval"
    artifact_hash: str
    ciphertext: EncryptedPayload
    expires_at: Optional[datetime] = None
    metadata: Optional[Dict[str, str]] = None
    request_id: Optional[str] = None


class EncryptedArtifactRequest(_Wire):
    """A request in clear, as JSON text, and the key to seal it with. Neither is printed."""

    enforcer_id: str
    artifact_type: str = "command-approval"
    plaintext_payload: str = Field(repr=False)
    encryption_key_base64url: str = Field(repr=False)
    expires_at: Optional[datetime] = None
    metadata: Optional[Dict[str, str]] = None
    request_id: Optional[str] = None


# Decisions and exchanges

class DecisionDeliverBody(_Wire):
    """What an approver is said to have decided. Nothing of it is verified: see `verify_decision`."""

    artifact_hash: str = ""
    decision: str = ""
    reason: Optional[str] = None
    signer_key_id: Optional[str] = None
    nonce: Optional[str] = None
    signature: Optional[str] = None
    decision_hash: Optional[str] = None

    @property
    def is_approved(self) -> bool:
        return self.decision.lower() == "approve"

    @property
    def is_rejected(self) -> bool:
        return self.decision.lower() == "reject"


class DecisionDeliverEnvelope(_Wire):
    msg_id: Optional[str] = None
    msg_type: str = ""
    request_id: str = ""
    body: Optional[DecisionDeliverBody] = None


class ExchangeStatusBody(_Wire):
    """`state` is one of PendingApproval, Decided, Delivered, Expired, Withdrawn, Cancelled."""

    request_id: str = ""
    state: str = ""
    created_at: Optional[Instant] = None
    expires_at: Optional[Instant] = None
    artifact_hash: Optional[str] = None
    decision: Optional[Any] = None


class ExchangeStatusResponse(_Wire):
    msg_type: str = ""
    request_id: str = ""
    body: Optional[ExchangeStatusBody] = None


# Pairing

class PairingInitiateRequest(_Wire):
    device_id: str
    enforcer_id: str
    gateway_url: Optional[str] = None
    x25519_public_key: Optional[str] = None
    enforcer_label: Optional[str] = None
    workspace_name: Optional[str] = None


class PairingInitiateResponse(_Wire):
    pairing_nonce: str = ""
    pairing_code: str = ""
    device_id: str = ""
    gateway_url: Optional[str] = None
    expires_at: Optional[Instant] = None


class PairingResolveResponse(_Wire):
    """What an approver sees behind a code, before agreeing."""

    pairing_nonce: str = ""
    device_id: str = ""
    gateway_url: Optional[str] = None
    expires_at: Optional[Instant] = None
    x25519_public_key: Optional[str] = None
    enforcer_label: Optional[str] = None
    workspace_name: Optional[str] = None


class PairingStatusResponse(_Wire):
    """`state` is one of Pending, Completed, Expired, Revoked; `response_json` is the approver's answer, not verified yet."""

    pairing_nonce: str = ""
    state: str = ""
    response_json: Optional[str] = None
    routing_token: Optional[str] = None
    expires_at: Optional[Instant] = None


class PairingCompleteRequest(_Wire):
    pairing_nonce: str
    response_json: Optional[str] = None


class PairingCompleteResponse(_Wire):
    status: str = ""
    pairing_nonce: str = ""
    routing_token: Optional[str] = None


class PairingClaimRequest(_Wire):
    """Takes up a code that an approver made first."""

    pairing_code: str
    device_id: str
    enforcer_id: str
    enforcer_label: str
    workspace_name: str
    gateway_url: Optional[str] = None
    x25519_public_key: Optional[str] = None


class PairingClaimResponse(_Wire):
    """Holds no routing token: poll the pairing's status for it."""

    pairing_nonce: str = ""
    expires_at: Optional[Instant] = None


class PairingRevokeResponse(_Wire):
    status: str = ""
    enforcer_id: Optional[str] = None


class PairingStatusBatchResponse(_Wire):
    """State by routing token; unknown tokens are absent."""

    statuses: Dict[str, str] = {}


# Presence

class PresenceHeartbeatRequest(_Wire):
    enforcer_id: str
    workspace_name: Optional[str] = None
    enforcer_label: Optional[str] = None


class EnforcerPresenceRecord(_Wire):
    enforcer_device_id: str = ""
    status: str = ""
    last_seen_at: Optional[Instant] = None
    transport: Optional[str] = None
    capabilities: Optional[Dict[str, str]] = None
    workspace_name: Optional[str] = None
    enforcer_label: Optional[str] = None


class EchoResponse(_Wire):
    utc: str = ""
    local: str = ""
    timezone: str = ""
    offset_minutes: int = 0


# Standing decisions

class DndPolicyWire(_Wire):
    """An approver's standing decision. `policy_mode` is `approve_all` or `deny_all`."""

    request_id: str
    object_type: str
    workspace_id: str
    session_id: Optional[str] = None
    enforcer_id: str
    policy_mode: str
    target_artifact_type: Optional[str] = None
    action_selector: Optional[Dict[str, Any]] = None
    selector_hash: Optional[str] = None
    created_at: Optional[Instant] = None
    expires_at: Instant


class DndEffectiveResponse(_Wire):
    msg_type: str = ""
    request_id: str = ""
    body: List[DndPolicyWire] = []


# Signing in. Made from an answer's object, and never printed: two of them hold what opens an account.

class DeviceCodeInfo:
    """Where a person signs in for this program, and with which code."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.device_code: str = data.get("device_code", "")
        self.user_code: str = data.get("user_code", "")
        self.verification_uri: str = data.get("verification_uri", "")
        self.verification_uri_complete: Optional[str] = data.get("verification_uri_complete")
        self.expires_in: int = data.get("expires_in", 600)
        self.interval: int = data.get("interval", 5)


class TokenResponse:
    def __init__(self, data: Mapping[str, Any]) -> None:
        self.access_token: str = data.get("access_token", "")
        self.refresh_token: str = data.get("refresh_token", "")
        self.token_type: str = data.get("token_type", "")
        self.expires_in: int = data.get("expires_in", 0)
        self.scope: str = data.get("scope", "")


class ConsentErrorInfo:
    """Why the gateway does not let this app act for this user (yet), and where the user can change that."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.error: str = data.get("error", "")
        self.message: Optional[str] = data.get("message")
        self.consent_url: Optional[str] = data.get("consentUrl")
        self.app_name: Optional[str] = data.get("appName")
        self.app_id: Optional[str] = data.get("appId")
