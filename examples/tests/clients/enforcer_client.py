"""A published `airlock-gateway`, unmodified, as an agent that asks a person: each line on standard input is an act, each line on
standard output what came of it.

The argument is {"url": …, "email": …, "password": …, "enforcer": …, "label": …, "workspace": …}. What the package seals with, derives
and hashes is the package's own; only payloads that are no text are sealed with the primitive below it.
"""

import asyncio
import base64
import hashlib
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import airlock_gateway as sdk
import httpx
from airlock_gateway import crypto_helpers as crypto
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def token(given: dict[str, str]) -> str:
    """A personal access token of the agent's owner, made as a person makes it."""
    with httpx.Client(base_url=given["url"]) as browser:
        who = {"email": given["email"], "password": given["password"]}
        login = browser.post("/api/v1/auth/login", json=who)
        login.raise_for_status()
        cookie = {"cookie": login.headers["set-cookie"].split(";")[0], "x-csrf-token": login.json()["csrf_token"]}
        made = browser.post("/api/v1/me/pats", json={"name": given["enforcer"]}, headers=cookie)
        made.raise_for_status()
        return made.json()["token"]


class Agent:
    def __init__(self, given: dict[str, str]) -> None:
        self.given = given
        self.own = crypto.generate_x25519_keypair()
        self.nonce, self.routing, self.key, self.answer = "", "", "", ""

    def client(self, **more: Any) -> sdk.AirlockGatewayClient:
        return sdk.AirlockGatewayClient(self.given["url"], pat=self.given["pat"], **more)

    async def initiate(self, client: Any, _: Any) -> Any:
        self.own = crypto.generate_x25519_keypair()
        begun = await client.initiate_pairing(
            sdk.PairingInitiateRequest(
                device_id="laptop",
                enforcer_id=self.given["enforcer"],
                enforcer_label=self.given["label"],
                workspace_name=self.given["workspace"],
                x25519_public_key=self.own.public_key,
            )
        )
        self.nonce = begun.pairing_nonce
        return {"code": begun.pairing_code, "key": self.own.public_key}

    async def claim(self, client: Any, act: Any) -> Any:
        self.own = crypto.generate_x25519_keypair()
        claimed = await client.claim_pairing(
            sdk.PairingClaimRequest(
                pairing_code=act["code"],
                device_id="laptop",
                enforcer_id=self.given["enforcer"],
                enforcer_label=self.given["label"],
                workspace_name=self.given["workspace"],
                x25519_public_key=self.own.public_key,
            )
        )
        self.nonce = claimed.pairing_nonce
        return {"key": self.own.public_key}

    async def paired(self, client: Any, _: Any) -> Any:
        """Polls until the approver answered, as every agent of the package does."""
        for _ in range(100):
            status = await client.get_pairing_status(self.nonce)
            if status.state != "Pending":
                break
            await asyncio.sleep(0.1)
        if status.state == "Completed":
            self.routing, self.answer = status.routing_token, status.response_json
            peer = json.loads(self.answer)["x25519PublicKey"]
            self.key = crypto.derive_shared_key(self.own.private_key, peer)
        return {"state": status.state, "nonce": self.nonce, "answer": self.answer}

    async def submit(self, client: Any, act: Any) -> Any:
        metadata = {"routingToken": self.routing, **act.get("metadata", {})}
        expires = {}
        if "seconds" in act:
            expires["expires_at"] = datetime.now(timezone.utc) + timedelta(seconds=act["seconds"])
        text = json.dumps(act["payload"]) if "payload" in act else None
        raw = text.encode() if text is not None else crypto.from_base64url(act["raw"])
        if text is not None:
            sealed: Any = crypto.aes_gcm_encrypt(self.key, text)
            sealed = sdk.EncryptedPayload(alg=sealed.alg, data=sealed.data, nonce=sealed.nonce, tag=sealed.tag)
            digest = crypto.sha256_hex(text)
        else:
            nonce = os.urandom(12)
            both = AESGCM(crypto.from_base64url(self.key)).encrypt(nonce, raw, None)
            b64 = lambda data: base64.b64encode(data).decode()
            sealed = sdk.EncryptedPayload(alg="AES-256-GCM", data=b64(both[:-16]), nonce=b64(nonce), tag=b64(both[-16:]))
            digest = hashlib.sha256(raw).hexdigest()
        request = await client.submit_artifact(
            sdk.ArtifactSubmitRequest(
                enforcer_id=self.given["enforcer"],
                artifact_hash=act.get("hash", digest),
                ciphertext=sealed,
                metadata=metadata,
                **expires,
            )
        )
        return {"request": request, "hash": act.get("hash", digest)}

    async def wait(self, client: Any, act: Any) -> Any:
        decision = await client.wait_for_decision(act["request"], act.get("seconds", 30))
        if decision is None:
            return {"decision": None}
        body = decision.body
        told = {
            "artifactHash": body.artifact_hash,
            "decision": body.decision,
            "reason": body.reason,
            "signerKeyId": body.signer_key_id,
            "nonce": body.nonce,
            "signature": body.signature,
        }
        return {"decision": told, "is_approved": body.is_approved}

    async def withdraw(self, client: Any, act: Any) -> Any:
        await client.withdraw_exchange(act["request"])
        return {}

    async def heartbeat(self, client: Any, _: Any) -> Any:
        await client.send_heartbeat(sdk.PresenceHeartbeatRequest(enforcer_id=self.given["enforcer"], workspace_name=self.given["workspace"]))
        return {}

    async def standing(self, client: Any, _: Any) -> Any:
        told = await client.get_effective_dnd_policies(enforcer_id=self.given["enforcer"], workspace_id=self.given["workspace"])
        # The package's own reading keeps what it knows; whoever verifies wants what was signed.
        async with httpx.AsyncClient(base_url=self.given["url"], headers={"X-PAT": self.given["pat"]}) as http:
            query = {"enforcerId": self.given["enforcer"], "workspaceId": self.given["workspace"]}
            raw = (await http.get("/v1/policy/dnd/effective", params=query)).json()
        return {"modes": [one.policy_mode for one in told.body], "raw": raw["body"]}

    async def app(self, client: Any, act: Any) -> Any:
        """Asks through a registered app."""
        if "name" in act:
            async with httpx.AsyncClient(base_url=self.given["url"], headers={"X-PAT": self.given["pat"]}) as http:
                self.shown = (await http.post("/v1/developer/apps", json={"kind": "Agent", "name": act["name"]})).json()
        shown = {"client_id": self.shown["clientId"], "client_secret": self.shown["clientSecret"]}
        try:
            async with self.client(**shown) as one:
                return {"consent": await one.check_consent()}
        except sdk.AirlockGatewayError as error:
            info = sdk.ConsentErrorInfo(json.loads(error.response_body or "{}"))
            return {"refused": info.error, "url": info.consent_url}

    async def act(self, act: dict[str, Any]) -> Any:
        client = self.client()
        try:
            return await getattr(self, act["do"])(client, act)
        except sdk.AirlockGatewayError as error:
            return {"refused": error.error_code, "status": error.status_code}
        finally:
            await client.close()


async def main() -> None:
    given = json.loads(sys.argv[1])
    given["pat"] = token(given)
    agent = Agent(given)
    for line in sys.stdin:
        try:
            told = await agent.act(json.loads(line))
        except Exception as error:  # What went wrong is the answer.
            import traceback

            told = {"broke": "".join(traceback.format_exception(error))}
        print(json.dumps(told), flush=True)


asyncio.run(main())
