"""The whole of an approval in two calls: `pair` once, then `ask` before each risky step."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Awaitable, Callable, Dict, Mapping, Optional

import httpx

from .canonical_json import canonical_serialize
from .client import DEFAULT_TTL, AirlockGatewayClient
from .crypto_helpers import derive_shared_key, generate_x25519_keypair, sha256_hex
from .exceptions import AirlockGatewayError, PairingNotBelieved
from .models import (
    EncryptedArtifactRequest,
    PairingClaimRequest,
    PairingInitiateRequest,
    PairingInitiateResponse,
)
from .nonce_journal import NonceJournal, _owner_only
from .verification import VerifiedDecision, verify_decision, verify_pairing_answer

POLL_SECONDS = 2.0
PAIRING_SECONDS = 600.0
_sleep = asyncio.sleep


@dataclass(frozen=True)
class Pairing:
    """What an enforcer keeps of a pairing. Secret: the routing token opens a way to the approver, the key what was asked."""

    enforcer_id: str
    routing_token: str = field(repr=False)
    encryption_key: str = field(repr=False)
    signers: Dict[str, str]
    """The approver's public keys by key id."""
    fingerprint: str
    """Compare it with what the approver's device shows."""

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Writes a file that only its owner can read."""
        with open(path, "w", encoding="utf-8", opener=_owner_only) as file:
            os.chmod(path, 0o600)
            json.dump(asdict(self), file)

    @classmethod
    def load(cls, path: "str | os.PathLike[str]") -> Pairing:
        with open(path, encoding="utf-8") as file:
            return cls(**json.load(file))


async def pair(
    client: AirlockGatewayClient,
    *,
    enforcer_id: str,
    on_code: Callable[[PairingInitiateResponse], None],
    device_id: Optional[str] = None,
    enforcer_label: Optional[str] = None,
    workspace_name: Optional[str] = None,
    timeout_seconds: float = PAIRING_SECONDS,
) -> Pairing:
    """Pairs with whoever enters the code that `on_code` shows.

    `TimeoutError` when nobody does, `PairingNotBelieved` when they decline or their keys are not to be believed.
    """
    keys = generate_x25519_keypair()
    started = await client.initiate_pairing(
        PairingInitiateRequest(
            device_id=device_id or enforcer_id,
            enforcer_id=enforcer_id,
            x25519_public_key=keys.public_key,
            enforcer_label=enforcer_label,
            workspace_name=workspace_name,
        )
    )
    on_code(started)
    return await _completed(client, enforcer_id, started.pairing_nonce, keys.private_key, timeout_seconds)


async def pair_with_code(
    client: AirlockGatewayClient,
    code: str,
    *,
    enforcer_id: str,
    enforcer_label: str,
    workspace_name: str,
    device_id: Optional[str] = None,
    timeout_seconds: float = PAIRING_SECONDS,
) -> Pairing:
    """Pairs with the approver who made this code."""
    keys = generate_x25519_keypair()
    claimed = await client.claim_pairing(
        PairingClaimRequest(
            pairing_code=code,
            device_id=device_id or enforcer_id,
            enforcer_id=enforcer_id,
            x25519_public_key=keys.public_key,
            enforcer_label=enforcer_label,
            workspace_name=workspace_name,
        )
    )
    return await _completed(client, enforcer_id, claimed.pairing_nonce, keys.private_key, timeout_seconds)


async def _completed(
    client: AirlockGatewayClient, enforcer_id: str, nonce: str, private_key: str, timeout_seconds: float
) -> Pairing:
    deadline = time.monotonic() + timeout_seconds
    while True:
        status = await client.get_pairing_status(nonce)
        if status.state == "Completed":
            break
        if status.state == "Revoked":
            raise PairingNotBelieved("the approver declined the pairing")
        if status.state == "Expired" or time.monotonic() >= deadline:
            raise TimeoutError("nobody completed the pairing in time")
        await _sleep(POLL_SECONDS)
    if not status.response_json or not status.routing_token:
        raise PairingNotBelieved("the approver sent no keys")
    approver = verify_pairing_answer(status.response_json, nonce)
    if approver.x25519_public_key is None:
        raise PairingNotBelieved("the approver's encryption key is not signed")
    return Pairing(
        enforcer_id=enforcer_id,
        routing_token=status.routing_token,
        encryption_key=derive_shared_key(private_key, approver.x25519_public_key),
        signers={approver.signer_key_id: approver.public_key},
        fingerprint=approver.fingerprint,
    )


async def ask(
    client: AirlockGatewayClient,
    pairing: Pairing,
    payload: Mapping[str, Any],
    *,
    journal: NonceJournal,
    artifact_type: str = "command-approval",
    metadata: Optional[Mapping[str, str]] = None,
    ttl: timedelta = DEFAULT_TTL,
    request_id: Optional[str] = None,
) -> VerifiedDecision:
    """Asks the paired approver, waits, and gives the verified answer; the approver sees each key of `payload` as a row.

    The request's id becomes the payload's member `requestId`: a decision then is for this request alone, and not for an equal
    one. With the same `request_id` and payload this goes on after a restart. When it is cancelled, or when nobody answers
    (`TimeoutError`), the request is taken back.
    """
    request_id = request_id or f"req-{uuid.uuid4().hex}"
    text = canonical_serialize({**payload, "requestId": request_id})
    expires_at = datetime.now(timezone.utc) + ttl
    request = EncryptedArtifactRequest(
        enforcer_id=pairing.enforcer_id,
        artifact_type=artifact_type,
        plaintext_payload=text,
        encryption_key_base64url=pairing.encryption_key,
        expires_at=expires_at,
        metadata={**(metadata or {}), "routingToken": pairing.routing_token},
        request_id=request_id,
    )
    await client.encrypt_and_submit_artifact(request)
    try:
        answer = await client.wait_until_decided(request_id, timeout_seconds=ttl.total_seconds())
    except asyncio.CancelledError:
        await asyncio.shield(_take_back(client, request_id))
        raise
    if answer is None:
        await _take_back(client, request_id)
        raise TimeoutError("nobody decided in time")
    decision = verify_decision(
        answer, artifact_hash=sha256_hex(text), signers=pairing.signers, journal=journal, expires_at=expires_at
    )
    if answer.msg_id:
        await _quietly(client.submit_ack(answer.msg_id, request_id))
    return decision


async def _take_back(client: AirlockGatewayClient, request_id: str) -> None:
    await _quietly(client.withdraw_exchange(request_id))


async def _quietly(call: Awaitable[None]) -> None:
    """Tells the gateway what it can do without."""
    try:
        await call
    except (AirlockGatewayError, httpx.HTTPError):
        pass
