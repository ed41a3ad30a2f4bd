from datetime import datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

import airlock_gateway
from airlock_gateway import models
from airlock_gateway.models import (
    ArtifactSubmitRequest,
    DecisionDeliverBody,
    DndEffectiveResponse,
    EncryptedArtifactRequest,
    EncryptedPayload,
    ExchangeStatusBody,
    HarpEnvelope,
    PairingInitiateRequest,
    PairingStatusResponse,
)

UTC_NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def test_both_names_of_the_payload_are_one_class():
    assert models.CiphertextRef is EncryptedPayload is airlock_gateway.CiphertextRef


def test_python_names_and_wire_names_make_the_same():
    one = PairingInitiateRequest(device_id="d", enforcer_id="e", x25519_public_key="k")
    two = PairingInitiateRequest(deviceId="d", enforcerId="e", x25519PublicKey="k")
    assert one == two
    assert one.model_dump(by_alias=True, exclude_none=True) == {"deviceId": "d", "enforcerId": "e", "x25519PublicKey": "k"}


def test_an_envelope_survives_both_directions():
    text = '{"msgType":"t","requestId":"r","sender":{"enforcerId":"e"},"body":[1,{"a":null}],"trace":{"x":1}}'
    envelope = HarpEnvelope.model_validate_json(text)
    assert envelope.sender.enforcer_id == "e" and envelope.body == [1, {"a": None}]
    again = HarpEnvelope.model_validate(envelope.model_dump(by_alias=True, exclude_none=True))
    assert again == envelope


@pytest.mark.parametrize("missing", ["msgType", "requestId"])
def test_an_envelope_needs_its_type_and_id(missing):
    fields = {"msgType": "t", "requestId": "r"}
    del fields[missing]
    with pytest.raises(ValidationError):
        HarpEnvelope.model_validate(fields)


@pytest.mark.parametrize(
    "text", ["2026-01-01T12:00:00Z", "2026-01-01T14:00:00.000000+02:00", "2026-01-01T12:00:00", "2026-01-01T12:00:00.000Z"]
)
def test_times_in_answers_are_in_a_zone_and_utc_without_one(text):
    assert ExchangeStatusBody(expires_at=text).expires_at == UTC_NOON


def test_a_submission_keeps_types_and_defaults():
    request = ArtifactSubmitRequest(
        enforcer_id="e", artifact_hash="h", ciphertext={"alg": "a", "data": "d"}, expires_at=UTC_NOON + timedelta(days=1)
    )
    assert request.artifact_type == "command-approval"
    assert request.ciphertext == EncryptedPayload(alg="a", data="d")
    assert "metadata" not in request.model_dump(by_alias=True, exclude_none=True)
    with pytest.raises(ValidationError):
        ArtifactSubmitRequest(enforcer_id="e", artifact_hash="h", ciphertext=EncryptedPayload(), metadata={"a": 1})


def test_neither_payload_nor_key_is_printed():
    request = EncryptedArtifactRequest(enforcerId="e", plaintextPayload="planted-1", encryptionKeyBase64Url="planted-2")
    assert request.encryption_key_base64url == "planted-2"
    assert "planted" not in repr(request) and "planted" not in str(request)


@pytest.mark.parametrize(
    "decision, approved, rejected",
    [("approve", True, False), ("APPROVE", True, False), ("reject", False, True), ("Reject", False, True), ("", False, False)],
)
def test_a_decision_reads_in_any_case(decision, approved, rejected):
    body = DecisionDeliverBody(decision=decision)
    assert (body.is_approved, body.is_rejected) == (approved, rejected)


@pytest.mark.parametrize(
    "model, key", [(PairingStatusResponse, "state"), (DecisionDeliverBody, "artifactHash"), (DndEffectiveResponse, "body")]
)
def test_a_key_may_be_missing_and_must_not_be_null(model, key):
    model.model_validate({})
    with pytest.raises(ValidationError):
        model.model_validate({key: None})


def test_sign_in_answers_have_the_defaults_of_the_protocol_and_are_not_printed():
    device = models.DeviceCodeInfo({"user_code": "ABCD"})
    assert (device.user_code, device.expires_in, device.interval, device.verification_uri_complete) == ("ABCD", 600, 5, None)
    tokens = models.TokenResponse({"access_token": "planted"})
    assert tokens.refresh_token == "" and tokens.expires_in == 0 and "planted" not in repr(tokens)
