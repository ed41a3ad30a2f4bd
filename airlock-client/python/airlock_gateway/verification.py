"""Whether to believe what a gateway hands over: an approver's keys at pairing, and each decision after it.

A gateway is a courier. It can lose a decision, and must not be able to make, change or repeat one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Mapping, Optional, Union

from . import _native
from .models import DecisionDeliverBody, DecisionDeliverEnvelope
from .nonce_journal import NonceJournal, _now_ms


@dataclass(frozen=True)
class VerifiedApprover:
    """An approver's keys, each bound to the pairing by the approver's own signature.

    A gateway could put its own keys here in the first place: compare `fingerprint` with what the approver's device shows.
    """

    signer_key_id: str
    public_key: str
    x25519_public_key: Optional[str]
    """`None` in the old form of the answer, which does not sign it."""
    fingerprint: str


@dataclass(frozen=True)
class VerifiedDecision:
    """What a known approver signed for this very request, seen for the first time and in time."""

    approved: bool
    signer_key_id: str
    reason: Optional[str]
    """In the approver's words, and not signed: text to show, nothing to act on."""


def verify_pairing_answer(response_json: str, pairing_nonce: str) -> VerifiedApprover:
    """The keys in an approver's answer (`PairingStatusResponse.response_json`), or `PairingNotBelieved`."""
    return VerifiedApprover(*_native.verify_pairing_answer(response_json, pairing_nonce))


def verify_decision(
    decision: Union[DecisionDeliverEnvelope, DecisionDeliverBody],
    *,
    artifact_hash: str,
    signers: Mapping[str, str],
    journal: NonceJournal,
    expires_at: Optional[datetime] = None,
    now: Optional[datetime] = None,
) -> VerifiedDecision:
    """What was decided, or `DecisionNotBelieved`.

    `artifact_hash` is your own, `signers` the public keys of your pairings by `signer_key_id`, `expires_at` when the request ends
    (without an offset it is UTC; a minute's difference of clocks is allowed). Keep one `journal` for all requests: asked twice
    about the same decision, this believes it once.
    """
    body = decision.body if isinstance(decision, DecisionDeliverEnvelope) else decision
    if body is None:
        body = DecisionDeliverBody()
    try:
        approved, signer, reason = _native.verify_decision(
            (body.artifact_hash, body.decision, body.signer_key_id, body.nonce, body.signature, body.reason),
            artifact_hash,
            dict(signers),
            journal._native,
            None if expires_at is None else _ms(expires_at),
            _now_ms() if now is None else _ms(now),
        )
    finally:
        journal._write()
    return VerifiedDecision(approved, signer, reason)


def key_fingerprint(public_key: str) -> str:
    """An Ed25519 public key for two people to compare: `AA:BB:…`, eight bytes."""
    return _native.key_fingerprint(public_key)


def _ms(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() * 1000)
