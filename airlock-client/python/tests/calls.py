"""Calls that ours and the published package both have, and what they send. Runs in either's environment."""

import asyncio
import json
import re
from datetime import datetime, timezone

import httpx

from airlock_gateway import (
    AirlockAuthClient,
    AirlockAuthOptions,
    AirlockGatewayClient,
    ArtifactSubmitRequest,
    EncryptedPayload,
    PairingClaimRequest,
    PairingInitiateRequest,
    PresenceHeartbeatRequest,
)

ENDS = datetime(2026, 11, 22, 1, 57, 18, 932956, tzinfo=timezone.utc)
SEALED = EncryptedPayload(alg="AES-256-GCM", data="ZA==", nonce="bg==", tag="dA==")


def gateway_calls(c):
    submit = lambda **more: c.submit_artifact(  # noqa: E731
        ArtifactSubmitRequest(enforcer_id="e", artifact_hash="h", expires_at=ENDS, **more)
    )
    return [
        lambda: c.echo(),
        lambda: c.check_consent(),
        lambda: submit(ciphertext=EncryptedPayload(alg="a", data="d")),
        lambda: submit(ciphertext=SEALED, request_id="req-1", artifact_type="t", metadata={"routingToken": "rt-ü"}),
        lambda: submit(ciphertext=SEALED, request_id="req-1", metadata={}),
        lambda: c.get_exchange_status("req-1"),
        lambda: c.wait_for_decision("req-1"),
        lambda: c.wait_for_decision("req-1", 0),
        lambda: c.wait_for_decision("req:1.~-", timeout_seconds=200),
        lambda: c.withdraw_exchange("req-1"),
        lambda: c.initiate_pairing(PairingInitiateRequest(device_id="d", enforcer_id="e")),
        lambda: c.initiate_pairing(
            PairingInitiateRequest(
                deviceId="d",
                enforcerId="e",
                gatewayUrl="g",
                x25519PublicKey="x",
                enforcerLabel="l",
                workspaceName="w",
            )
        ),
        lambda: c.claim_pairing(
            PairingClaimRequest(
                pairing_code="A3K9X2", device_id="d", enforcer_id="e", enforcer_label="l", workspace_name="w"
            )
        ),
        lambda: c.get_pairing_status("pn-1"),
        lambda: c.revoke_pairing("rt"),
        lambda: c.send_heartbeat(PresenceHeartbeatRequest(enforcer_id="e")),
        lambda: c.send_heartbeat(PresenceHeartbeatRequest(enforcer_id="e", workspace_name="w", enforcer_label="l")),
        lambda: c.get_effective_dnd_policies(enforcer_id="e", workspace_id="w s"),
        lambda: c.get_effective_dnd_policies(enforcer_id="e", workspace_id="w/&ü", session_id="x"),
    ]


def auth_calls(a):
    return [
        lambda: a.discover(),
        lambda: a.exchange_code("code", "http://localhost:1/callback", "verifier"),
        lambda: a.refresh_token(),
        lambda: a.logout(),
    ]


async def sent():
    """What each call sends, one text a request; what is random or the time is replaced by its shape."""
    seen = []

    def answer(request):
        body = request.content.decode()
        body = re.sub(r"-[0-9a-f]{32}", "-<32 hex>", body)
        body = re.sub(r'"createdAt":"[0-9T:.-]+\+00:00"', '"createdAt":"<now>"', body)
        headers = {k: v for k, v in request.headers.items() if k.startswith("x-") or k in ("authorization", "content-type")}
        seen.append(f"{request.method} {request.url} {json.dumps(headers, sort_keys=True)} {body}")
        realm = "https://idp.test/r"
        return httpx.Response(
            200,
            json={
                "status": "approved",
                "token_endpoint": f"{realm}/token",
                "revocation_endpoint": f"{realm}/revoke",
                "access_token": "at",
                "refresh_token": "rt",
                "expires_in": 300,
            },
        )

    transport = httpx.MockTransport(answer)
    gateway = AirlockGatewayClient("https://gw.test/prefix/", token="T", pat="P", client_id="C", client_secret="S")
    gateway._client._transport = transport
    gateway._client._mounts = {}
    async with gateway, httpx.AsyncClient(transport=transport) as http:
        for call in gateway_calls(gateway):
            await call()
        gateway.set_bearer_token(None)
        gateway.set_pat("other")
        await gateway.echo()
        for call in auth_calls(AirlockAuthClient(AirlockAuthOptions("https://idp.test/r/"), http)):
            await call()
    return seen


def all_sent():
    return asyncio.run(sent())
