"""Standing decisions ("do not disturb"): what an approver allowed or denied in advance, applied on this side.

Precedence: an action denied, a workspace denied, an action approved, a workspace approved.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Dict, Iterable, List, Optional, Tuple

import httpx

from . import _native
from .client import AirlockGatewayClient
from .exceptions import AirlockGatewayError
from .models import DndPolicyWire
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
    policies: Iterable[DndPolicyWire],
    *,
    enforcer_id: str,
    workspace_id: str,
    session_id: Optional[str] = None,
    artifact_type: str = "command-approval",
    command: Optional[str] = None,
    now: Optional[datetime] = None,
) -> Optional[StandingDecision]:
    """The policy that decides, or `None`: ask the approver. Action policies match the command's first words."""
    texts = [policy.model_dump_json(by_alias=True, exclude_none=True) for policy in policies]
    asked = (workspace_id, enforcer_id, session_id, artifact_type, command)
    found = _native.evaluate_dnd(texts, asked, _now_ms() if now is None else _ms(now))
    return None if found is None else StandingDecision(*found)


class DndEvaluator:
    """Fetches an enforcer's policies, keeps them for 15 s, and evaluates them.

    A failure to fetch is no policy: the approver is asked.
    """

    def __init__(self, client: AirlockGatewayClient, *, cache_seconds: float = CACHE_SECONDS) -> None:
        self._client = client
        self._cache_seconds = cache_seconds
        self._cache: Dict[Tuple[str, str, Optional[str]], Tuple[float, List[DndPolicyWire]]] = {}

    async def decide(
        self,
        *,
        enforcer_id: str,
        workspace_id: str,
        session_id: Optional[str] = None,
        artifact_type: str = "command-approval",
        command: Optional[str] = None,
    ) -> Optional[StandingDecision]:
        policies = await self._policies(enforcer_id, workspace_id, session_id)
        return evaluate_dnd(
            policies,
            enforcer_id=enforcer_id,
            workspace_id=workspace_id,
            session_id=session_id,
            artifact_type=artifact_type,
            command=command,
        )

    async def _policies(self, enforcer_id: str, workspace_id: str, session_id: Optional[str]) -> List[DndPolicyWire]:
        key = (enforcer_id, workspace_id, session_id)
        now = time.monotonic()
        self._cache = {k: kept for k, kept in self._cache.items() if now < kept[0]}
        if key not in self._cache:
            try:
                answer = await self._client.get_effective_dnd_policies(
                    enforcer_id=enforcer_id, workspace_id=workspace_id, session_id=session_id
                )
                policies = answer.body
            except (AirlockGatewayError, httpx.HTTPError, ValueError):
                policies = []
            self._cache[key] = (now + self._cache_seconds, policies)
        return self._cache[key][1]
