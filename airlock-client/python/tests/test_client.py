import json
from datetime import datetime, timedelta, timezone

import httpx
import pytest
import respx

from airlock_gateway import (
    AirlockGatewayClient,
    AirlockGatewayError,
    ArtifactSubmitRequest,
    CiphertextRef,
    EncryptedArtifactRequest,
    EncryptedPayload,
    PairingClaimRequest,
    PairingCompleteRequest,
    PairingInitiateRequest,
    PresenceHeartbeatRequest,
)
from airlock_gateway import client as client_module
from airlock_gateway.crypto_helpers import aes_gcm_decrypt
from vectors import ARTIFACT_HASH, CANONICAL, CONTENT_KEY, PAYLOAD

ECHO = {"utc": "2026-01-01T00:00:00Z", "local": "x", "timezone": "Europe/Istanbul", "offsetMinutes": 180}
STATUS = {"msgType": "exchange.status", "requestId": "r", "body": {"requestId": "r", "state": "PendingApproval"}}
DECIDED = {"msgId": "m", "msgType": "decision.deliver", "requestId": "r", "body": {"artifactHash": "h", "decision": "approve"}}
INITIATE = PairingInitiateRequest(device_id="d", enforcer_id="e")
CLAIM = PairingClaimRequest(
    pairing_code="A3K9X2", device_id="d", enforcer_id="e", enforcer_label="l", workspace_name="w"
)
CLAIM_BODY = {"pairingCode": "A3K9X2", "deviceId": "d", "enforcerId": "e", "enforcerLabel": "l", "workspaceName": "w"}
COMPLETE = PairingCompleteRequest(pairing_nonce="pn", response_json="{}")
POLICIES = {
    "msgType": "dnd.policy.effective",
    "requestId": "d",
    "body": [
        {
            "requestId": "p",
            "objectType": "airlock.dnd.workspace",
            "workspaceId": "w",
            "enforcerId": "e",
            "policyMode": "approve_all",
            "expiresAt": "2099-01-01T00:00:00Z",
        }
    ],
}


# What is called, what is sent, what comes back, and what the caller gets of it.
CALLS = [
    (lambda c: c.echo(), "GET", "/echo", None, ECHO, lambda r: r.offset_minutes == 180),
    (lambda c: c.check_consent(), "GET", "/v1/consent/status", None, {"status": "approved"}, lambda r: r == "approved"),
    (lambda c: c.check_consent(), "GET", "/v1/consent/status", None, {}, lambda r: r == "unknown"),
    (lambda c: c.get_exchange_status("r"), "GET", "/v1/exchanges/r", None, STATUS, lambda r: r.body.state == "PendingApproval"),
    (lambda c: c.wait_for_decision("r"), "GET", "/v1/exchanges/r/wait", None, DECIDED, lambda r: r.body.is_approved),
    (lambda c: c.withdraw_exchange("r"), "POST", "/v1/exchanges/r/withdraw", b"", {}, lambda r: r is None),
    (
        lambda c: c.initiate_pairing(INITIATE), "POST", "/v1/pairing/initiate", {"deviceId": "d", "enforcerId": "e"},
        {"pairingNonce": "pn", "pairingCode": "A3K9X2", "deviceId": "d"}, lambda r: r.pairing_code == "A3K9X2",
    ),
    (lambda c: c.claim_pairing(CLAIM), "POST", "/v1/pairing/claim", CLAIM_BODY, {"pairingNonce": "pn"}, lambda r: r.pairing_nonce == "pn"),
    (
        lambda c: c.get_pairing_status("pn"), "GET", "/v1/pairing/pn/status", None,
        {"pairingNonce": "pn", "state": "Completed", "routingToken": "rt"}, lambda r: r.routing_token == "rt",
    ),
    (
        lambda c: c.revoke_pairing("rt"), "POST", "/v1/pairing/revoke", {"routingToken": "rt"},
        {"status": "revoked", "enforcerId": "e"}, lambda r: r.status == "revoked" and r.enforcer_id == "e",
    ),
    (
        lambda c: c.get_pairing_status_batch(["a", "b"]), "POST", "/v1/pairing/status-batch", {"routingTokens": ["a", "b"]},
        {"statuses": {"a": "Revoked"}}, lambda r: r.statuses == {"a": "Revoked"},
    ),
    (
        lambda c: c.resolve_pairing("A3K9X2"), "GET", "/v1/pairing/resolve/A3K9X2", None,
        {"pairingNonce": "pn", "deviceId": "d", "enforcerLabel": "l"}, lambda r: r.enforcer_label == "l",
    ),
    (
        lambda c: c.complete_pairing(COMPLETE), "POST", "/v1/pairing/complete", {"pairingNonce": "pn", "responseJson": "{}"},
        {"status": "completed", "pairingNonce": "pn", "routingToken": "rt"}, lambda r: r.routing_token == "rt",
    ),
    (
        lambda c: c.send_heartbeat(PresenceHeartbeatRequest(enforcer_id="e")), "POST", "/v1/presence/heartbeat",
        {"enforcerId": "e"}, {"status": "ok"}, lambda r: r is None,
    ),
    (
        lambda c: c.list_enforcers(), "GET", "/v1/presence/enforcers", None,
        [{"enforcerDeviceId": "e", "status": "online"}], lambda r: r[0].enforcer_device_id == "e",
    ),
    (
        lambda c: c.get_enforcer_presence("e"), "GET", "/v1/presence/enforcers/e", None,
        {"enforcerDeviceId": "e", "status": "online", "capabilities": {"hooks": "true"}}, lambda r: r.capabilities["hooks"] == "true",
    ),
    (
        lambda c: c.get_effective_dnd_policies(enforcer_id="e", workspace_id="w"), "GET", "/v1/policy/dnd/effective", None,
        POLICIES, lambda r: r.body[0].policy_mode == "approve_all",
    ),
    (lambda c: c.refresh_request("r", "e"), "POST", "/v1/requests/r/refresh", b"", {"status": "forwarded"}, lambda r: r is None),
]  # fmt: skip


@pytest.mark.parametrize("call, method, path, body, answer, expected", CALLS)
async def test_every_call_sends_its_request_and_reads_its_answer(client, mock_api, call, method, path, body, answer, expected):
    route = mock_api.route(method=method, path=path).respond(200, json=answer)
    assert expected(await call(client))
    sent = route.calls[0].request.content
    assert (json.loads(sent) if isinstance(body, dict) else sent) == (body or b"")


@pytest.mark.parametrize("call, method, path, body, answer, expected", CALLS)
async def test_every_call_raises_what_the_gateway_says(client, mock_api, call, method, path, body, answer, expected):
    envelope = {"msgType": "error", "body": {"code": "c", "message": "m", "requestId": "r"}}
    mock_api.route(method=method, path=path).respond(422, json=envelope)
    with pytest.raises(AirlockGatewayError, match="m") as caught:
        await call(client)
    error = caught.value
    assert (error.status_code, error.error_code, error.request_id) == (422, "c", "r")
    assert json.loads(error.response_body) == envelope


def submission(**more):
    return ArtifactSubmitRequest(
        enforcer_id="e", artifact_hash="h", ciphertext=CiphertextRef(alg="aes-256-gcm", data="d"), **more
    )


async def test_a_submission_is_an_envelope_that_ends_in_ten_minutes(client, mock_api):
    route = mock_api.post("/v1/artifacts").respond(202)
    request_id = await client.submit_artifact(submission(metadata={"routingToken": "rt"}))
    sent = json.loads(route.calls[0].request.content)
    assert sent["requestId"] == request_id and len(request_id) == 36 and request_id.startswith("req-")
    created, ends = (datetime.fromisoformat(t) for t in (sent["createdAt"], sent["body"]["expiresAt"]))
    assert ends - created == timedelta(minutes=10) and created.tzinfo == timezone.utc
    assert sent["msgType"] == "artifact.submit" and sent["sender"] == {"enforcerId": "e"}
    assert sent["body"]["ciphertext"] == {"alg": "aes-256-gcm", "data": "d", "nonce": None, "tag": None, "aad": None}
    assert sent["body"]["metadata"] == {"routingToken": "rt"}


async def test_a_sealed_submission_holds_hash_and_ciphertext_and_no_plaintext(client, mock_api):
    route = mock_api.post("/v1/artifacts").respond(202, json={})
    request = EncryptedArtifactRequest(
        enforcer_id="e", plaintext_payload=PAYLOAD, encryption_key_base64url=CONTENT_KEY, request_id="req-1"
    )
    assert await client.encrypt_and_submit_artifact(request) == "req-1"
    sent = route.calls[0].request.content
    body = json.loads(sent)["body"]
    assert body["artifactHash"] == ARTIFACT_HASH
    assert aes_gcm_decrypt(CONTENT_KEY, EncryptedPayload(**body["ciphertext"])) == CANONICAL
    assert b"test" not in sent and CONTENT_KEY.encode() not in sent


@pytest.mark.parametrize("payload, key", [("", CONTENT_KEY), (" \n", CONTENT_KEY), (PAYLOAD, ""), (PAYLOAD, " "), (PAYLOAD, "AA"), ("{", CONTENT_KEY)])
async def test_a_payload_or_key_that_is_none_is_not_sent(client, payload, key):
    with pytest.raises(ValueError):
        await client.encrypt_and_submit_artifact(
            EncryptedArtifactRequest(enforcer_id="e", plaintext_payload=payload, encryption_key_base64url=key)
        )


async def test_a_wait_ends_with_nothing_on_204_and_is_kept_within_a_minute(client, mock_api):
    route = mock_api.get("/v1/exchanges/r/wait").respond(204)
    for asked, sent in [(5, 5), (0, 1), (-3, 1), (200, 60)]:
        assert await client.wait_for_decision("r", asked) is None
        assert route.calls.last.request.url.query == f"timeout={sent}".encode()


async def test_an_id_cannot_name_another_route(client, mock_api):
    route = mock_api.route(method="POST").respond(200, json={})
    await client.withdraw_exchange("a/b?c#d é")
    assert route.calls[0].request.url.raw_path == b"/v1/exchanges/a%2Fb%3Fc%23d%20%C3%A9/withdraw"


@pytest.mark.parametrize(
    "call, request_id, sender, status",
    [
        (lambda c: c.submit_ack("msg-1"), "msg-1", {}, "delivered"),
        (lambda c: c.submit_ack("msg-1", "req-1"), "req-1", {}, "delivered"),
        (lambda c: c.acknowledge("msg-1", "e"), None, {"enforcerId": "e"}, "acknowledged"),
    ],
)
async def test_acknowledgements_of_both_generations(client, mock_api, call, request_id, sender, status):
    route = mock_api.post("/v1/acks").respond(200, json={})
    await call(client)
    sent = json.loads(route.calls[0].request.content)
    assert sent["msgType"] == "ack.submit" and sent["sender"] == sender
    assert sent["body"]["msgId"] == "msg-1" and sent["body"]["status"] == status and sent["body"]["ackAt"]
    # The older form has the two prefixes the other way about.
    assert sent["msgId"].startswith("ack-" if request_id else "msg-")
    assert sent["requestId"] == request_id if request_id else sent["requestId"].startswith("ack-")


# Waiting for as long as it takes

@pytest.fixture
def pauses(monkeypatch):
    """The pauses that would have been made."""
    made = []

    async def pause(seconds):
        made.append(seconds)

    monkeypatch.setattr(client_module, "_sleep", pause)
    return made


async def test_faults_are_waited_out_until_the_decision(client, mock_api, pauses):
    answers = [
        httpx.Response(204),
        httpx.ConnectError("gone"),
        httpx.Response(503),
        httpx.Response(429, json={"error": "rate_limited"}, headers={"Retry-After": "7"}),
        httpx.Response(204),
        httpx.ReadTimeout("slow"),
        httpx.Response(200, json=DECIDED),
    ]
    mock_api.get("/v1/exchanges/r/wait").mock(side_effect=answers)
    decision = await client.wait_until_decided("r")
    assert decision.body.is_approved
    assert pauses == [1.0, 2.0, 4.0, 7.0, 16.0, 30.0]


@pytest.mark.parametrize("status, code", [(404, "expired"), (404, "withdrawn"), (401, "unauthorized"), (429, "quota_exceeded")])
async def test_what_waiting_does_not_mend_is_raised(client, mock_api, pauses, status, code):
    mock_api.get("/v1/exchanges/r/wait").respond(status, json={"error": code, "message": "m"})
    with pytest.raises(AirlockGatewayError) as caught:
        await client.wait_until_decided("r")
    assert caught.value.error_code == code and pauses == []


async def test_no_time_is_no_wait(client):
    assert await client.wait_until_decided("r", timeout_seconds=0) is None


# Credentials and the connection

async def test_credentials_are_headers_and_can_change():
    async with AirlockGatewayClient(
        "https://gw.test/", token="T", pat="P", client_id="C", client_secret="S"
    ) as client:
        with respx.mock(base_url="https://gw.test") as router:
            route = router.get("/echo").respond(200, json=ECHO)
            await client.echo()
            client.set_bearer_token("T2")
            client.set_pat(None)
            await client.echo()
            client.set_bearer_token()
            client.set_bearer_token()
            await client.echo()
        names = ("Authorization", "X-PAT", "X-Client-Id", "X-Client-Secret")
        seen = [tuple(call.request.headers.get(name) for name in names) for call in route.calls]
    assert seen == [("Bearer T", "P", "C", "S"), ("Bearer T2", None, "C", "S"), (None, None, "C", "S")]


async def test_a_given_connection_is_used_as_it_is_and_stays_open():
    with respx.mock(base_url="https://gw.test") as router:
        route = router.get("/echo").respond(200, json=ECHO)
        async with httpx.AsyncClient(base_url="https://gw.test", headers={"X-PAT": "own"}) as http:
            async with AirlockGatewayClient("https://other.test", token="T", http_client=http) as client:
                await client.echo()
            assert not http.is_closed
        headers = route.calls[0].request.headers
    assert headers["X-PAT"] == "own" and "Authorization" not in headers


async def test_an_own_connection_is_closed():
    async with AirlockGatewayClient("https://gw.test") as client:
        pass
    with pytest.raises(RuntimeError):
        await client.echo()


async def test_what_happens_on_the_network_is_httpx_s_exception(client, mock_api):
    mock_api.get("/echo").mock(side_effect=httpx.ConnectError("no route"))
    with pytest.raises(httpx.ConnectError):
        await client.echo()
