import json
from datetime import datetime, timedelta, timezone

import pytest

from airlock_gateway import (
    DecisionDeliverBody,
    DecisionDeliverEnvelope,
    DecisionNotBelieved,
    NonceJournal,
    PairingNotBelieved,
    key_fingerprint,
    verify_decision,
    verify_pairing_answer,
)
from airlock_gateway.crypto_helpers import ed25519_sign, generate_ed25519_keypair
from vectors import (
    APPROVED,
    APPROVER_PUBLIC,
    ARTIFACT_HASH,
    PAIRING_4,
    PAIRING_5,
    REJECTED,
    SIGNER_PUBLIC,
    SIGNER_SEED,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
SIGNERS = {"key-test-1": SIGNER_PUBLIC}
DECISION = DecisionDeliverBody(
    artifact_hash=ARTIFACT_HASH,
    decision="approve",
    reason="looks fine",
    signer_key_id="key-test-1",
    nonce="nonce-0001",
    signature=APPROVED,
)


def verify(decision=DECISION, *, journal=None, signers=SIGNERS, artifact_hash=ARTIFACT_HASH, **more):
    return verify_decision(
        decision, artifact_hash=artifact_hash, signers=signers, journal=journal or NonceJournal(), now=NOW, **more
    )


def changed(**fields):
    return DECISION.model_copy(update=fields)


def test_both_vectors_are_believed():
    believed = verify()
    assert (believed.approved, believed.signer_key_id, believed.reason) == (True, "key-test-1", "looks fine")
    assert verify(changed(decision="reject", signature=REJECTED)).approved is False
    assert verify(DecisionDeliverEnvelope(body=DECISION)).approved is True


@pytest.mark.parametrize("signer, known", [("test-1", "key-test-1"), ("key-test-1", "test-1")])
def test_a_key_is_known_with_its_prefix_and_without(signer, known):
    assert verify(changed(signer_key_id=signer), signers={known: SIGNER_PUBLIC}).approved


@pytest.mark.parametrize(
    "reason, decision",
    [
        ("unknown_verdict", changed(decision="allow")),
        ("unknown_verdict", changed(decision="APPROVE")),
        ("unknown_verdict", changed(decision="")),
        ("unknown_verdict", DecisionDeliverEnvelope()),
        ("hash_mismatch", changed(artifact_hash="other")),
        ("hash_mismatch", changed(artifact_hash=ARTIFACT_HASH.upper())),
        ("unknown_signer", changed(signer_key_id="key-test-2")),
        ("unknown_signer", changed(signer_key_id=None)),
        ("unsigned", changed(signature=None)),
        ("unsigned", changed(nonce=None)),
        ("bad_signature", changed(signature="")),
        ("bad_signature", changed(signature=REJECTED)),
        ("bad_signature", changed(decision="reject")),
        ("bad_signature", changed(nonce="nonce-0002")),
        ("bad_signature", changed(signature=APPROVED[:-4] + "AAAA")),
    ],
)
def test_what_an_approver_did_not_sign_is_not_believed(reason, decision):
    journal = NonceJournal()
    with pytest.raises(DecisionNotBelieved) as caught:
        verify(decision, journal=journal)
    assert caught.value.reason == reason
    # A forger must not be able to use up a nonce that the approver has yet to send.
    assert journal.count == 0


def test_a_decision_is_believed_once(tmp_path):
    journal = NonceJournal(persist_path=tmp_path / "nonces")
    verify(journal=journal)
    for seen in (journal, NonceJournal(persist_path=tmp_path / "nonces")):
        with pytest.raises(DecisionNotBelieved) as caught:
            verify(journal=seen)
        assert caught.value.reason == "replayed"


@pytest.mark.parametrize("late, believed", [(-60, True), (59, True), (61, False), (86_400, False)])
def test_a_decision_counts_until_a_minute_after_the_request_ended(late, believed):
    for ends in (NOW - timedelta(seconds=late), (NOW - timedelta(seconds=late)).replace(tzinfo=None)):
        if believed:
            assert verify(expires_at=ends).approved
        else:
            with pytest.raises(DecisionNotBelieved) as caught:
                verify(expires_at=ends)
            assert caught.value.reason == "expired"


def test_another_approvers_key_under_the_same_id_does_not_verify():
    with pytest.raises(DecisionNotBelieved) as caught:
        verify(signers={"key-test-1": generate_ed25519_keypair().public_key})
    assert caught.value.reason == "bad_signature"


def test_own_keys_that_are_none_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError):
        verify(signers={"key-test-1": "no key"})


ANSWER = {
    "signerKeyId": "key-test-1",
    "publicKey": SIGNER_PUBLIC,
    "pairingNonce": "pn-0001",
    "timestamp": "2026-01-01T00:00:00Z",
    "x25519PublicKey": APPROVER_PUBLIC,
    "signature": PAIRING_5,
    "deviceId": "mobile",
}


def test_the_pairing_vectors_are_believed():
    approver = verify_pairing_answer(json.dumps(ANSWER), "pn-0001")
    assert (approver.signer_key_id, approver.public_key) == ("key-test-1", SIGNER_PUBLIC)
    assert approver.x25519_public_key == APPROVER_PUBLIC
    assert approver.fingerprint == key_fingerprint(SIGNER_PUBLIC)
    old = verify_pairing_answer(json.dumps({**ANSWER, "signature": PAIRING_4}), "pn-0001")
    assert old.signer_key_id == "key-test-1"


@pytest.mark.parametrize(
    "change",
    [
        {"pairingNonce": "pn-0002"},
        {"signerKeyId": "key-test-2"},
        {"timestamp": "2026-01-01T00:00:01Z"},
        {"x25519PublicKey": SIGNER_PUBLIC},
        {"x25519PublicKey": "no key"},
        {"publicKey": APPROVER_PUBLIC},
        {"publicKey": ""},
        {"signature": APPROVED},
        {"signature": None},
    ],
)
def test_an_answer_that_was_changed_is_not_believed(change):
    with pytest.raises(PairingNotBelieved):
        verify_pairing_answer(json.dumps({**ANSWER, **change}), "pn-0001")


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "{", '"x"', json.dumps(ANSWER)[:-1]])
def test_what_is_no_answer_is_not_believed(text):
    with pytest.raises(PairingNotBelieved):
        verify_pairing_answer(text, "pn-0001")


def test_an_answer_for_another_pairing_is_not_believed():
    message = "|".join(["k", SIGNER_PUBLIC, "pn-0002", ANSWER["timestamp"], APPROVER_PUBLIC]).encode()
    answer = {**ANSWER, "signerKeyId": "k", "pairingNonce": "pn-0002"}
    answer["signature"] = ed25519_sign(SIGNER_SEED, message)
    assert verify_pairing_answer(json.dumps(answer), "pn-0002").signer_key_id == "k"
    with pytest.raises(PairingNotBelieved):
        verify_pairing_answer(json.dumps(answer), "pn-0001")
