"""A published `airlock-gateway`, unmodified, as an agent's author uses it; the approver is played with plain requests.

The argument is {"url": …, "email": …, "password": …}. At a line on standard input it lives its whole life, and prints one JSON
object: what its user saw, by the name of the step.
"""

import asyncio
import base64
import hashlib
import json
import sys
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import airlock_gateway as sdk
import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Payload = getattr(sdk, "EncryptedPayload", None) or sdk.CiphertextRef


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def raw(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def now() -> str:
    return datetime.now(timezone.utc).isoformat()


def sign_in(given: dict[str, str]) -> tuple[str, str]:
    """A person at a browser: a personal access token of theirs, and an access token that a device was given."""
    with httpx.Client(base_url=given["url"]) as browser:
        who = {"email": given["email"], "password": given["password"]}
        login = browser.post("/api/v1/auth/login", json=who)
        cookie = {"cookie": login.headers["set-cookie"].split(";")[0]}
        csrf = login.json()["csrf_token"]
        pat = browser.post("/api/v1/me/pats", json={"name": "published"}, headers={**cookie, "x-csrf-token": csrf})
        device = browser.post("/v1/auth/device", json={}).json()
        form = {"code": device["userCode"], "decision": "allow", "org": "default", "csrf": csrf}
        browser.post("/device/decide", data=form, headers={**cookie, "origin": given["url"]})
        # It asks no sooner than it was told.
        import time

        time.sleep(device["interval"])
        tokens = browser.post("/v1/auth/device/token", json={"deviceCode": device["deviceCode"]}).json()
        return pat.json()["token"], tokens["accessToken"]


class Approver:
    """A person's phone: two keys, and requests as the protocol has them."""

    def __init__(self, url: str, pat: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, headers={"X-PAT": pat}, timeout=60)
        self.signing, self.agreement = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
        self.key_id = "key-" + hashlib.sha256(raw(self.signing)).hexdigest()[:16]

    def answer(self, nonce: str) -> str:
        fields = [self.key_id, b64url(raw(self.signing)), nonce, now(), b64url(raw(self.agreement))]
        names = ["signerKeyId", "publicKey", "pairingNonce", "timestamp", "x25519PublicKey"]
        signature = b64url(self.signing.sign("|".join(fields).encode()))
        return json.dumps({**dict(zip(names, fields)), "signature": signature, "deviceId": "phone"})

    async def complete(self, nonce: str) -> str:
        sent = {"pairingNonce": nonce, "responseJson": self.answer(nonce)}
        answer = await self.http.post("/v1/pairing/complete", json=sent)
        answer.raise_for_status()
        return answer.json()["routingToken"]

    async def decide(self, request: str, decision: str, forge: bool = False) -> httpx.Response:
        inbox = (await self.http.get("/v1/approvers/me/inbox?limit=100")).json()["body"]["items"]
        item = next(item for item in inbox if item["requestId"] == request)
        digest, nonce = item["body"]["artifactHash"], uuid.uuid4().hex
        key = Ed25519PrivateKey.generate() if forge else self.signing
        body = {
            "artifactHash": digest,
            "decision": decision,
            "reason": "read it",
            "signerKeyId": self.key_id,
            "nonce": nonce,
            "signature": b64url(key.sign(f"{digest}|{decision}|{nonce}".encode())),
        }
        sent = {"msgType": "decision.submit", "requestId": request, "createdAt": now(), "sender": {"approverId": "me"}, "body": body}
        return await self.http.post("/v1/decisions", json=sent)


async def failed(act: Any) -> list[Any]:
    """Status, code and the predicates, as a user of the package sees a failure."""
    try:
        await act
    except sdk.AirlockGatewayError as error:
        names = ["is_quota_exceeded", "is_pairing_revoked", "is_expired", "is_conflict"]
        return [error.status_code, error.error_code, [name for name in names if getattr(error, name)]]
    return ["nothing failed"]


async def live(given: dict[str, str]) -> dict[str, Any]:
    pat, token = sign_in(given)
    url, seen = given["url"], {}
    approver = Approver(url, pat)

    def artifact(request: str, routing: str | None = None, digest: str | None = None, **more: Any) -> Any:
        metadata = {"workspaceName": "shop", **({"routingToken": routing} if routing else {})}
        return sdk.ArtifactSubmitRequest(
            enforcer_id="enf-py",
            artifact_hash=digest or hashlib.sha256(request.encode()).hexdigest(),
            ciphertext=Payload(alg="AES-256-GCM", data="c2VhbGVk"),
            metadata=metadata,
            request_id=request,
            **more,
        )

    async with sdk.AirlockGatewayClient(url, token="at_wrong") as stranger:
        seen["stranger"] = await failed(stranger.get_exchange_status("req-1"))
        seen["echo"] = (await stranger.echo()).timezone
    async with sdk.AirlockGatewayClient(url, token=token) as client:
        seen["unknown"] = await failed(client.get_exchange_status("req-unknown"))
        seen["unpaired"] = await failed(client.submit_artifact(artifact("req-0", "rt-abc")))

        begun = await client.initiate_pairing(
            sdk.PairingInitiateRequest(device_id="laptop", enforcer_id="enf-py", x25519_public_key=b64url(raw(X25519PrivateKey.generate())))
        )
        seen["pending"] = (await client.get_pairing_status(begun.pairing_nonce)).state
        if hasattr(client, "resolve_pairing"):
            seen["resolved"] = (await client.resolve_pairing(begun.pairing_code)).device_id
        routing = await approver.complete(begun.pairing_nonce)
        status = await client.get_pairing_status(begun.pairing_nonce)
        seen["completed"] = [status.state, status.routing_token == routing, bool(status.response_json)]

        await client.send_heartbeat(sdk.PresenceHeartbeatRequest(enforcer_id="enf-py", workspace_name="shop"))
        lives = (await approver.http.get("/v1/presence/enforcers/enf-py")).json()
        seen["presence"] = [lives["status"], lives["workspaceName"]]
        if hasattr(client, "list_enforcers"):
            seen["presence_list"] = [e.enforcer_device_id for e in await client.list_enforcers()]

        await client.submit_artifact(artifact("req-yes", routing))
        await client.submit_artifact(artifact("req-yes", routing))
        seen["reused"] = await failed(client.submit_artifact(artifact("req-yes", routing, digest="other")))
        seen["forged"] = (await approver.decide("req-yes", "approve", forge=True)).status_code
        waiting = asyncio.create_task(client.wait_for_decision("req-yes", 60))
        await asyncio.sleep(0.2)
        (await approver.decide("req-yes", "approve")).raise_for_status()
        yes = await waiting
        seen["yes"] = [yes.body.is_approved, yes.body.signer_key_id == approver.key_id, yes.body.reason]
        seen["decided"] = (await client.get_exchange_status("req-yes")).body.state
        if hasattr(client, "submit_ack"):
            await client.submit_ack(yes.msg_id)
            seen["acked"] = (await client.get_exchange_status("req-yes")).body.state
        if hasattr(client, "acknowledge"):
            await client.acknowledge(yes.msg_id, "enf-py")
            seen["acked"] = (await client.get_exchange_status("req-yes")).body.state

        await client.submit_artifact(artifact("req-no", routing))
        (await approver.decide("req-no", "reject")).raise_for_status()
        seen["no"] = (await client.wait_for_decision("req-no", 5)).body.is_rejected
        await client.submit_artifact(artifact("req-w", routing))
        seen["nothing_yet"] = await client.wait_for_decision("req-w", 1)
        await client.withdraw_exchange("req-w")
        seen["withdrawn"] = await failed(client.wait_for_decision("req-w", 5))
        seen["withdrawn_twice"] = await failed(client.withdraw_exchange("req-w"))
        soon = datetime.now(timezone.utc) + timedelta(seconds=2)
        await client.submit_artifact(artifact("req-e", routing, expires_at=soon))
        seen["expired"] = await failed(client.wait_for_decision("req-e", 30))
        late = datetime.now(timezone.utc) - timedelta(minutes=5)
        seen["too_late"] = await failed(client.submit_artifact(artifact("req-l", routing, expires_at=late)))

        names = [f"req-{n}" for n in range(50)]
        for name in names:
            await client.submit_artifact(artifact(name, routing))
        limits = httpx.Limits(max_connections=60)
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=90, limits=limits) as http:
            many = sdk.AirlockGatewayClient(url, http_client=http)
            waits = asyncio.gather(*(many.wait_for_decision(name, 60) for name in names))
            await asyncio.sleep(0.5)
            for n, name in enumerate(names):
                (await approver.decide(name, "approve" if n % 2 else "reject")).raise_for_status()
            seen["fifty"] = [d.body.is_approved for d in await waits] == [bool(n % 2) for n in range(50)]

        if hasattr(client, "get_effective_dnd_policies"):
            policies = await client.get_effective_dnd_policies(enforcer_id="enf-py", workspace_id="my shop")
            seen["policies"] = len(policies.body)
        if hasattr(client, "claim_pairing"):
            made = (await approver.http.post("/v1/pairing/pre-generate", json={})).json()
            claimed = await client.claim_pairing(
                sdk.PairingClaimRequest(
                    pairing_code=made["pairingCode"].lower(), device_id="laptop", enforcer_id="enf-py", enforcer_label="Py", workspace_name="shop"
                )
            )
            second = await approver.complete(claimed.pairing_nonce)
            seen["claimed"] = (await client.get_pairing_status(claimed.pairing_nonce)).routing_token == second
        seen["revoked"] = (await client.revoke_pairing(routing)).status
        seen["after"] = await failed(client.submit_artifact(artifact("req-after", routing)))

    if hasattr(sdk.AirlockGatewayClient, "check_consent"):
        kind = {"kind": "Agent", "name": f"published {sdk.__name__} {uuid.uuid4().hex[:6]}"}
        app = (await approver.http.post("/v1/developer/apps", json=kind)).json()
        shown = {"client_id": app["clientId"], "client_secret": app["clientSecret"]}
        async with sdk.AirlockGatewayClient(url, token=token, **shown) as client:
            seen["consent_asked"] = await failed(client.check_consent())
            seen["consent_pending"] = await failed(client.check_consent())
            (await approver.http.post(f"/v1/consents/{app['appId']}/allow")).raise_for_status()
            seen["consent"] = await client.check_consent()
    await approver.http.aclose()
    return seen


for _ in sys.stdin:
    try:
        told = asyncio.run(live(json.loads(sys.argv[1])))
    except Exception as error:  # What went wrong is the answer.
        import traceback

        told = {"broke": "".join(traceback.format_exception(error))}
    print(json.dumps(told), flush=True)
