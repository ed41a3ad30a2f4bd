"""Standing decisions ("do not disturb"): what an approver allowed or denied in advance, applied on this side.

Precedence: an action denied, a workspace denied, an action approved, a workspace approved.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

import httpx

from . import _native
from .client import AirlockGatewayClient
from .exceptions import AirlockGatewayError
from .nonce_journal import _now_ms
from .verification import _ms

CACHE_SECONDS = 15.0


@dataclass(frozen=True)
class StandingDecision:
    """What was decided in advance, and by which policy."""

    approved: bool
    policy_id: str

    @property
    def audit_metadata(self) -> Dict[str, str]:
        """Metadata of the artifact that tells the approver afterwards what this policy decided."""
        return {"dndAudit": "true", "dndDecision": "approve" if self.approved else "reject"}


def evaluate_dnd(
    policies: Iterable[Mapping[str, Any]],
    *,
    signers: Mapping[str, str],
    enforcer_id: str,
    workspace_id: str,
    session_id: Optional[str] = None,
    artifact_type: str = "command-approval",
    command: Optional[str] = None,
    now: Optional[datetime] = None,
) -> Optional[StandingDecision]:
    """The policy that decides, or `None`: ask the approver. Action policies match the command's first words.

    `policies` are the objects as the gateway sent them, `signers` the public keys of your pairings by `signer_key_id`. A yes
    that none of them signed is no policy: whoever relays it could have made it up. A no needs no signature.
    """
    texts = [json.dumps(policy) for policy in policies]
    asked = (workspace_id, enforcer_id, session_id, artifact_type, command)
    found = _native.evaluate_dnd(texts, dict(signers), asked, _now_ms() if now is None else _ms(now))
    return None if found is None else StandingDecision(*found)


class DndEvaluator:
    """Fetches an enforcer's policies, keeps them for 15 s, and evaluates them; see `evaluate_dnd` for `signers`.

    A failure to fetch is no policy: the approver is asked.
    """

    def __init__(
        self, client: AirlockGatewayClient, *, signers: Mapping[str, str], cache_seconds: float = CACHE_SECONDS
    ) -> None:
        self._client = client
        self._signers = dict(signers)
        self._cache_seconds = cache_seconds
        self._cache: Dict[Tuple[str, str, Optional[str]], Tuple[float, List[Dict[str, Any]]]] = {}

    async def decide(
        self,
        *,
        enforcer_id: str,
        workspace_id: str,
        session_id: Optional[str] = None,
        artifact_type: str = "command-approval",
        command: Optional[str] = None,
    ) -> Optional[StandingDecision]:
        return evaluate_dnd(
            await self._policies(enforcer_id, workspace_id, session_id),
            signers=self._signers,
            enforcer_id=enforcer_id,
            workspace_id=workspace_id,
            session_id=session_id,
            artifact_type=artifact_type,
            command=command,
        )

    async def _policies(self, enforcer_id: str, workspace_id: str, session_id: Optional[str]) -> List[Dict[str, Any]]:
        key = (enforcer_id, workspace_id, session_id)
        now = time.monotonic()
        self._cache = {k: kept for k, kept in self._cache.items() if now < kept[0]}
        if key not in self._cache:
            try:
                answer = await self._client._dnd_as_sent(enforcer_id, workspace_id, session_id)
            except (AirlockGatewayError, httpx.HTTPError, ValueError):
                answer = None
            body = answer.get("body") if isinstance(answer, dict) else None
            policies = [policy for policy in body if isinstance(policy, dict)] if isinstance(body, list) else []
            self._cache[key] = (now + self._cache_seconds, policies)
        return self._cache[key][1]
