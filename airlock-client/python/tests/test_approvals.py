import asyncio
import json
import os
import stat
from datetime import datetime, timedelta, timezone

import pytest

from airlock_gateway import (
    DecisionNotBelieved,
    NonceJournal,
    Pairing,
    PairingNotBelieved,
    approvals,
    ask,
    key_fingerprint,
    pair,
    pair_with_code,
)
from gateway import Approver, Gateway


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    async def pause(seconds):
        await asyncio.sleep(0)

    monkeypatch.setattr(approvals, "_sleep", pause)


async def paired(gateway):
    return await pair(gateway.client(), enforcer_id="e", on_code=lambda code: None)


async def test_a_pairing_gives_keys_that_the_approver_signed():
    gateway, codes = Gateway(), []
    pairing = await pair(gateway.client(), enforcer_id="e", on_code=codes.append, workspace_name="w")
    assert [code.pairing_code for code in codes] == ["A3K9X2"]
    assert pairing.routing_token == "rt-1" and pairing.encryption_key == gateway.approver.content_key
    assert pairing.signers == {"key-1": gateway.approver.signing.public_key}
    assert pairing.fingerprint == key_fingerprint(gateway.approver.signing.public_key)


async def test_a_code_that_the_approver_made_pairs_as_well():
    gateway = Gateway()
    pairing = await pair_with_code(gateway.client(), "A3K9X2", enforcer_id="e", enforcer_label="l", workspace_name="w")
    assert pairing.encryption_key == gateway.approver.content_key
    assert gateway.log[0] == "POST pairing/claim"


def other_nonce(approver):
    return lambda nonce, key: approver.answer("another", key)


@pytest.mark.parametrize(
    "gateway",
    [
        lambda a: Gateway(a, pairing_state="Revoked"),
        lambda a: Gateway(a, answer=lambda nonce, key: None),
        lambda a: Gateway(a, answer=lambda nonce, key: "{}"),
        lambda a: Gateway(a, answer=other_nonce(a)),
        # The old form leaves the key for payloads unsigned: whoever carries it could put in their own.
        lambda a: Gateway(a, answer=lambda nonce, key: a.answer(nonce, key, fields=4)),
        lambda a: Gateway(
            a, answer=lambda nonce, key: json.dumps({**json.loads(a.answer(nonce, key)), "x25519PublicKey": key})
        ),
    ],
)
async def test_a_pairing_without_signed_keys_is_none(gateway):
    with pytest.raises(PairingNotBelieved):
        await paired(gateway(Approver()))


@pytest.mark.parametrize("state, seconds", [("Pending", 0), ("Expired", 600)])
async def test_nobody_at_the_other_end_ends_a_pairing(state, seconds):
    client = Gateway(pairing_state=state).client()
    with pytest.raises(TimeoutError):
        await pair(client, enforcer_id="e", on_code=lambda _: None, timeout_seconds=seconds)


async def test_a_pairing_is_kept_for_its_owner_only_and_not_printed(tmp_path):
    pairing = await paired(Gateway())
    path = tmp_path / "pairing.json"
    path.touch(0o644)
    pairing.save(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert Pairing.load(path) == pairing
    assert pairing.encryption_key not in repr(pairing) and pairing.routing_token not in repr(pairing)


@pytest.mark.parametrize("verdict, approved", [("approve", True), ("reject", False)])
async def test_an_answer_is_verified_and_acknowledged(verdict, approved):
    gateway = Gateway(Approver(lambda payload: verdict))
    decision = await ask(
        gateway.client(), await paired(gateway), {"command": "rm -rf build"}, journal=NonceJournal(), metadata={"repoName": "r"}
    )
    assert (decision.approved, decision.reason, decision.signer_key_id) == (approved, "as you like", "key-1")
    ((request_id, (sent, _)),) = gateway.exchanges.items()
    assert gateway.approver.read == [{"command": "rm -rf build", "requestId": request_id}]
    assert sent["body"]["metadata"] == {"repoName": "r", "routingToken": "rt-1"}
    assert "rm -rf" not in json.dumps(sent)
    assert gateway.acks == [f"msg-{request_id}"]


@pytest.mark.parametrize(
    "reason, tamper",
    [
        ("bad_signature", lambda decision: {**decision, "decision": "approve"}),
        ("bad_signature", lambda decision: {**decision, "nonce": "another"}),
        ("hash_mismatch", lambda decision: {**decision, "artifactHash": "0" * 64}),
        ("unknown_signer", lambda decision: {**decision, "signerKeyId": "key-2"}),
        ("unknown_signer", lambda decision: {"artifactHash": decision["artifactHash"], "decision": "approve"}),
        ("unsigned", lambda decision: {**decision, "signature": None}),
    ],
)
async def test_a_gateway_that_lies_is_not_believed(reason, tamper):
    gateway = Gateway(Approver(lambda payload: "reject"), tamper=tamper)
    with pytest.raises(DecisionNotBelieved) as caught:
        await ask(gateway.client(), await paired(gateway), {"command": "x"}, journal=NonceJournal())
    assert caught.value.reason == reason
    assert gateway.acks == []


async def test_yesterdays_yes_does_not_answer_todays_equal_question():
    gateway = Gateway()
    pairing, earlier = await paired(gateway), []
    gateway.tamper = lambda decision: earlier.append(decision) or earlier[0]
    assert (await ask(gateway.client(), pairing, {"command": "x"}, journal=NonceJournal())).approved
    with pytest.raises(DecisionNotBelieved) as caught:
        await ask(gateway.client(), pairing, {"command": "x"}, journal=NonceJournal())
    assert caught.value.reason == "hash_mismatch"


async def test_a_restart_goes_on_with_the_same_request_and_believes_once(tmp_path):
    gateway = Gateway()
    pairing = await paired(gateway)
    for expected in (True, False):
        journal = NonceJournal(persist_path=tmp_path / "nonces")
        again = ask(gateway.client(), pairing, {"command": "x"}, journal=journal, request_id="req-1")
        if expected:
            assert (await again).approved
        else:
            with pytest.raises(DecisionNotBelieved) as caught:
                await again
            assert caught.value.reason == "replayed"
    assert list(gateway.exchanges) == ["req-1"]


async def test_a_request_that_nobody_answers_is_taken_back():
    gateway = Gateway(Approver(lambda payload: None))
    pairing = await paired(gateway)
    with pytest.raises(TimeoutError):
        await ask(gateway.client(), pairing, {"command": "x"}, journal=NonceJournal(), ttl=timedelta(0), request_id="req-1")
    assert gateway.log[-1] == "POST exchanges/req-1/withdraw"


async def test_a_request_that_is_cancelled_is_taken_back():
    gateway = Gateway(Approver(lambda payload: None))
    pairing = await paired(gateway)
    asking = asyncio.ensure_future(
        ask(gateway.client(), pairing, {"command": "x"}, journal=NonceJournal(), request_id="req-1")
    )
    while "GET exchanges/req-1/wait" not in gateway.log:
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert gateway.log[-1] == "POST exchanges/req-1/withdraw"


async def test_the_request_ends_when_it_was_said_to():
    gateway = Gateway()
    before = datetime.now(timezone.utc)
    await ask(gateway.client(), await paired(gateway), {}, journal=NonceJournal(), ttl=timedelta(minutes=3))
    ((sent, _),) = gateway.exchanges.values()
    ends = datetime.fromisoformat(sent["body"]["expiresAt"]) - timedelta(minutes=3)
    assert before <= ends <= datetime.now(timezone.utc)
