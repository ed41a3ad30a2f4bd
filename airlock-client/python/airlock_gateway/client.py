"""The gateway's calls, one method each."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any, Dict, List, Optional

import httpx

from . import _native
from ._http import check, segment
from .exceptions import AirlockGatewayError
from .models import (
    ArtifactSubmitRequest,
    DecisionDeliverEnvelope,
    DndEffectiveResponse,
    EchoResponse,
    EncryptedArtifactRequest,
    EncryptedPayload,
    EnforcerPresenceRecord,
    ExchangeStatusResponse,
    PairingClaimRequest,
    PairingClaimResponse,
    PairingCompleteRequest,
    PairingCompleteResponse,
    PairingInitiateRequest,
    PairingInitiateResponse,
    PairingResolveResponse,
    PairingRevokeResponse,
    PairingStatusBatchResponse,
    PairingStatusResponse,
    PresenceHeartbeatRequest,
    _Wire,
)

DEFAULT_TTL = timedelta(minutes=10)
"""How long a request waits for a person when the caller does not say."""

WAIT_SECONDS_MAX = 60
"""The longest that the gateway holds one wait."""

_sleep = asyncio.sleep


class AirlockGatewayClient:
    """A connection to one gateway, for one user, one app, or both.

    With `http_client` everything else is ignored, credentials included: they must be on it already, and it stays open on `close`.

    A status outside 200 to 299 raises `AirlockGatewayError`; what happens on the network raises httpx's own exceptions.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: Optional[str] = None,
        pat: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        timeout: float = 90.0,
        http_client: Optional[httpx.AsyncClient] = None,
    ) -> None:
        if http_client is not None:
            self._client, self._owns_client = http_client, False
            return
        self._client = httpx.AsyncClient(base_url=base_url.rstrip("/"), timeout=timeout)
        self._owns_client = True
        self.set_bearer_token(token)
        self.set_pat(pat)
        self._set_header("X-Client-Id", client_id)
        self._set_header("X-Client-Secret", client_secret)

    async def __aenter__(self) -> AirlockGatewayClient:
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._owns_client:
            await self._client.aclose()

    def set_bearer_token(self, token: Optional[str] = None) -> None:
        """The user's access token from now on; `None` takes it away."""
        self._set_header("Authorization", f"Bearer {token}" if token else None)

    def set_pat(self, pat: Optional[str] = None) -> None:
        """The user's personal access token from now on; `None` takes it away. With both, it decides who the user is."""
        self._set_header("X-PAT", pat)

    def _set_header(self, name: str, value: Optional[str]) -> None:
        if value:
            self._client.headers[name] = value
        else:
            self._client.headers.pop(name, None)

    # The gateway itself

    async def echo(self) -> EchoResponse:
        """The gateway's clock; needs no credentials."""
        return EchoResponse.model_validate(await self._get("/echo"))

    async def check_consent(self) -> str:
        """`approved`, if this app may act for this user.

        Else an error with code `app_consent_required`, `app_consent_pending` or `app_consent_denied`;
        `AirlockAuthClient.parse_consent_error` reads the page to open from it.
        """
        answer = await self._get("/v1/consent/status")
        status: str = answer.get("status", "unknown")
        return status

    # Exchanges

    async def submit_artifact(self, request: ArtifactSubmitRequest) -> str:
        """Asks for an approval of something sealed already, and gives the request's id.

        The same id with the same hash may be sent again, after a restart say: it is one request.
        """
        request_id = request.request_id or f"req-{uuid.uuid4().hex}"
        now = datetime.now(timezone.utc)
        envelope = {
            "msgId": f"msg-{uuid.uuid4().hex}",
            "msgType": "artifact.submit",
            "requestId": request_id,
            "createdAt": now.isoformat(),
            "sender": {"enforcerId": request.enforcer_id},
            "body": {
                "artifactType": request.artifact_type,
                "artifactHash": request.artifact_hash,
                "ciphertext": request.ciphertext.model_dump(),
                "expiresAt": (request.expires_at or now + DEFAULT_TTL).isoformat(),
                "metadata": request.metadata,
            },
        }
        await self._post("/v1/artifacts", envelope)
        return request_id

    async def encrypt_and_submit_artifact(self, request: EncryptedArtifactRequest) -> str:
        """Seals the payload's canonical form, and asks for an approval of it. Only hash and ciphertext leave this process."""
        if not request.plaintext_payload.strip():
            raise ValueError("plaintext_payload is required")
        if not request.encryption_key_base64url.strip():
            raise ValueError("encryption_key_base64url is required")
        artifact_hash, (alg, data, nonce, tag) = _native.seal_payload(
            request.encryption_key_base64url, request.plaintext_payload
        )
        return await self.submit_artifact(
            ArtifactSubmitRequest(
                enforcer_id=request.enforcer_id,
                artifact_type=request.artifact_type,
                artifact_hash=artifact_hash,
                ciphertext=EncryptedPayload(alg=alg, data=data, nonce=nonce, tag=tag),
                expires_at=request.expires_at,
                metadata=request.metadata,
                request_id=request.request_id,
            )
        )

    async def get_exchange_status(self, request_id: str) -> ExchangeStatusResponse:
        return ExchangeStatusResponse.model_validate(await self._get(f"/v1/exchanges/{segment(request_id)}"))

    async def wait_for_decision(
        self, request_id: str, timeout_seconds: int = 30
    ) -> Optional[DecisionDeliverEnvelope]:
        """The decision, as soon as there is one; `None` when the time (1 to 60 s) is over.

        Asked again it answers the same. 404 with code `expired`, `withdrawn` or `cancelled`: there will be none.
        """
        seconds = max(1, min(WAIT_SECONDS_MAX, timeout_seconds))
        path = f"/v1/exchanges/{segment(request_id)}/wait?timeout={seconds}"
        response = check(await self._client.get(path))
        return None if response.status_code == 204 else DecisionDeliverEnvelope.model_validate(response.json())

    async def wait_until_decided(
        self, request_id: str, *, timeout_seconds: float = DEFAULT_TTL.total_seconds()
    ) -> Optional[DecisionDeliverEnvelope]:
        """Waits as often as it takes; `None` when the time is over.

        A lost connection, a rate limit and a fault of the server are waited out. May be cancelled, and called again for
        the same request, by another process as well.
        """
        deadline = time.monotonic() + timeout_seconds
        pause = 1.0
        while (left := deadline - time.monotonic()) > 0:
            asked_at, wanted = time.monotonic(), pause
            try:
                decision = await self.wait_for_decision(request_id, int(min(left, 30)))
                if decision is not None:
                    return decision
                # A gateway that shuts down says so at once, and would again.
                if time.monotonic() - asked_at >= 1:
                    pause = 1.0
                    continue
            except httpx.TransportError:
                pass
            except AirlockGatewayError as error:
                if not error.is_retryable:
                    raise
                wanted = error.retry_after or pause
            await _sleep(min(wanted, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 2, 30.0)
        return None

    async def withdraw_exchange(self, request_id: str) -> None:
        """Takes the request back; code `already_resolved` when it is settled."""
        check(await self._client.post(f"/v1/exchanges/{segment(request_id)}/withdraw"))

    async def submit_ack(self, msg_id: str, request_id: Optional[str] = None) -> None:
        """Says that the decision with this `msg_id` arrived, so that it is not sent again."""
        await self._acknowledge(f"ack-{uuid.uuid4().hex}", msg_id, request_id or msg_id, {}, "delivered")

    async def acknowledge(self, msg_id: str, enforcer_id: str) -> None:
        """As `submit_ack`, in the form of version 0.1."""
        own_id, request_id = f"msg-{uuid.uuid4().hex}", f"ack-{uuid.uuid4().hex}"
        await self._acknowledge(own_id, msg_id, request_id, {"enforcerId": enforcer_id}, "acknowledged")

    async def _acknowledge(
        self, own_id: str, msg_id: str, request_id: str, sender: Dict[str, str], status: str
    ) -> None:
        now = datetime.now(timezone.utc).isoformat()
        envelope = {
            "msgId": own_id,
            "msgType": "ack.submit",
            "requestId": request_id,
            "createdAt": now,
            "sender": sender,
            "body": {"msgId": msg_id, "status": status, "ackAt": now},
        }
        await self._post("/v1/acks", envelope)

    async def refresh_request(self, request_id: str, enforcer_device_id: str) -> None:
        """Approver: asks the enforcer to ask anew. Code `unavailable` when it is not connected."""
        path = f"/v1/requests/{segment(request_id)}/refresh"
        check(await self._client.post(path, params={"enforcerDeviceId": enforcer_device_id}))

    # Pairing

    async def initiate_pairing(self, request: PairingInitiateRequest) -> PairingInitiateResponse:
        """Starts a pairing: show `pairing_code` to the approver, then poll the status by `pairing_nonce`."""
        return PairingInitiateResponse.model_validate(await self._send("/v1/pairing/initiate", request))

    async def claim_pairing(self, request: PairingClaimRequest) -> PairingClaimResponse:
        """Takes up a code that an approver made first; then poll the status by `pairing_nonce`."""
        return PairingClaimResponse.model_validate(await self._send("/v1/pairing/claim", request))

    async def get_pairing_status(self, nonce: str) -> PairingStatusResponse:
        return PairingStatusResponse.model_validate(await self._get(f"/v1/pairing/{segment(nonce)}/status"))

    async def get_pairing_status_batch(self, routing_tokens: List[str]) -> PairingStatusBatchResponse:
        answer = await self._post("/v1/pairing/status-batch", {"routingTokens": routing_tokens})
        return PairingStatusBatchResponse.model_validate(answer.json())

    async def revoke_pairing(self, routing_token: str) -> PairingRevokeResponse:
        """Ends a pairing from either side; what is pending in it is cancelled."""
        answer = await self._post("/v1/pairing/revoke", {"routingToken": routing_token})
        return PairingRevokeResponse.model_validate(answer.json())

    async def resolve_pairing(self, code: str) -> PairingResolveResponse:
        """Approver: who stands behind a code."""
        return PairingResolveResponse.model_validate(await self._get(f"/v1/pairing/resolve/{segment(code)}"))

    async def complete_pairing(self, request: PairingCompleteRequest) -> PairingCompleteResponse:
        """Approver: agrees to a pairing, with signed keys as `response_json`."""
        return PairingCompleteResponse.model_validate(await self._send("/v1/pairing/complete", request))

    # Presence and standing decisions

    async def send_heartbeat(self, request: PresenceHeartbeatRequest) -> None:
        """Shows the enforcer as online for 90 s; send one every 30 s."""
        await self._send("/v1/presence/heartbeat", request, answer=False)

    async def list_enforcers(self) -> List[EnforcerPresenceRecord]:
        records = await self._get("/v1/presence/enforcers")
        return [EnforcerPresenceRecord.model_validate(record) for record in records]

    async def get_enforcer_presence(self, enforcer_device_id: str) -> EnforcerPresenceRecord:
        path = f"/v1/presence/enforcers/{segment(enforcer_device_id)}"
        return EnforcerPresenceRecord.model_validate(await self._get(path))

    async def get_effective_dnd_policies(
        self, *, enforcer_id: str, workspace_id: str, session_id: Optional[str] = None
    ) -> DndEffectiveResponse:
        """The approver's standing decisions for this enforcer now; `dnd.DndEvaluator` applies them."""
        return DndEffectiveResponse.model_validate(await self._dnd_as_sent(enforcer_id, workspace_id, session_id))

    async def _dnd_as_sent(self, enforcer_id: str, workspace_id: str, session_id: Optional[str]) -> Any:
        # Signatures cover what was sent, and not what the models keep of it.
        params = {"enforcerId": enforcer_id, "workspaceId": workspace_id}
        if session_id:
            params["sessionId"] = session_id
        return check(await self._client.get("/v1/policy/dnd/effective", params=params)).json()

    async def _get(self, path: str) -> Any:
        return check(await self._client.get(path)).json()

    async def _post(self, path: str, body: Any) -> httpx.Response:
        return check(await self._client.post(path, json=body))

    async def _send(self, path: str, request: _Wire, *, answer: bool = True) -> Any:
        response = await self._post(path, request.model_dump(by_alias=True, exclude_none=True))
        return response.json() if answer else None
