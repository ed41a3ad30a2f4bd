import base64
import threading

import pytest

from airlock_gateway import DecryptionError, EncryptedPayload, key_fingerprint
from airlock_gateway import crypto_helpers as crypto
from vectors import (
    APPROVED,
    APPROVER_PRIVATE,
    APPROVER_PUBLIC,
    ARTIFACT_HASH,
    CANONICAL,
    CONTENT_KEY,
    ENFORCER_PRIVATE,
    ENFORCER_PUBLIC,
    ENFORCER_PUBLIC_SPKI,
    REJECTED,
    SEALED,
    SIGNER_PUBLIC,
    SIGNER_SEED,
)


def test_both_sides_derive_the_key_of_the_vector():
    assert crypto.derive_shared_key(ENFORCER_PRIVATE, APPROVER_PUBLIC) == CONTENT_KEY
    assert crypto.derive_shared_key(APPROVER_PRIVATE, ENFORCER_PUBLIC) == CONTENT_KEY
    assert crypto.derive_shared_key(APPROVER_PRIVATE, ENFORCER_PUBLIC_SPKI) == CONTENT_KEY


def test_the_sealed_vector_opens_from_either_class():
    assert crypto.aes_gcm_decrypt(CONTENT_KEY, crypto.EncryptedPayload(*SEALED)) == CANONICAL
    alg, data, nonce, tag = SEALED
    model = EncryptedPayload(alg=alg.lower(), data=data, nonce=nonce, tag=tag)
    assert crypto.aes_gcm_decrypt(CONTENT_KEY, model) == CANONICAL
    assert crypto.aes_gcm_decrypt(CONTENT_KEY, EncryptedPayload(data=data, nonce=nonce, tag=tag)) == CANONICAL


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"alg": "xchacha20-poly1305"},
        {"data": "2IRq+G1Uk58ra9advaSwgWjCbzF1JaMmkNPpAg=="},
        {"data": ""},
        {"data": "?"},
        {"nonce": "AQECAwQFBgcICQoL"},
        {"nonce": None},
        {"tag": "LTDvtt/QMjZe21bbvr7FXw=="},
        {"tag": None},
        {"tag": "LTDvtt/QMjZe21bb"},
        {"aad": "AA=="},
    ],
)
def test_what_was_changed_does_not_open(change):
    payload = EncryptedPayload(**{**dict(zip(("alg", "data", "nonce", "tag"), SEALED)), **change})
    with pytest.raises(DecryptionError):
        crypto.aes_gcm_decrypt(CONTENT_KEY, payload)


def test_another_key_does_not_open_and_no_key_is_a_value_error():
    with pytest.raises(DecryptionError):
        crypto.aes_gcm_decrypt(ENFORCER_PUBLIC, crypto.EncryptedPayload(*SEALED))
    for key in ["", "AA", CONTENT_KEY + "AA", "not base64!"]:
        with pytest.raises(ValueError, match="32 bytes"):
            crypto.aes_gcm_encrypt(key, "x")


def test_every_seal_has_a_nonce_of_its_own():
    sealed = [crypto.aes_gcm_encrypt(CONTENT_KEY, "x") for _ in range(100)]
    assert len({s.nonce for s in sealed}) == 100
    assert {(s.alg, len(s.nonce), len(s.tag)) for s in sealed} == {("AES-256-GCM", 16, 24)}


@pytest.mark.parametrize("verdict, signature", [("approve", APPROVED), ("reject", REJECTED)])
def test_decision_signatures_of_the_vectors(verdict, signature):
    message = f"{ARTIFACT_HASH}|{verdict}|nonce-0001".encode()
    assert crypto.ed25519_sign(SIGNER_SEED, message) == signature
    assert crypto.ed25519_verify(SIGNER_PUBLIC, message, signature) is True
    assert crypto.ed25519_verify(SIGNER_PUBLIC, message + b" ", signature) is False
    assert crypto.ed25519_verify(SIGNER_PUBLIC, message, crypto.to_base64url(bytes(63))) is False


@pytest.mark.parametrize("key", ["", "AA", "!", crypto.to_base64url(bytes(32)), crypto.to_base64url(b"\x01" + bytes(31))])
def test_malformed_and_weak_verifying_keys_raise(key):
    with pytest.raises(ValueError):
        crypto.ed25519_verify(key, b"m", APPROVED)


def test_generated_keys_are_fresh_and_fit():
    one, two = crypto.generate_x25519_keypair(), crypto.generate_x25519_keypair()
    assert one != two and len(one.public_key) == len(one.private_key) == 43
    assert crypto.derive_shared_key(one.private_key, two.public_key) == crypto.derive_shared_key(
        two.private_key, one.public_key
    )
    signer = crypto.generate_ed25519_keypair()
    assert crypto.ed25519_verify(signer.public_key, b"m", crypto.ed25519_sign(signer.private_key, b"m"))


def test_a_peer_key_of_small_order_is_refused():
    with pytest.raises(ValueError):
        crypto.derive_shared_key(ENFORCER_PRIVATE, crypto.to_base64url(bytes(32)))


def test_base64url_has_no_padding_and_reads_every_form():
    data = bytes(range(250, 256)) + b"x"
    assert crypto.to_base64url(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")
    for text in (base64.urlsafe_b64encode(data).decode(), base64.b64encode(data).decode(), crypto.to_base64url(data)):
        assert crypto.from_base64url(text) == data
    assert crypto.from_base64url("") == crypto.to_base64url(b"").encode() == b""


def test_hkdf_follows_rfc_5869_case_1_and_ends_where_it_must():
    okm = crypto.hkdf_sha256(bytes([0x0B] * 22), bytes(range(13)), bytes(range(0xF0, 0xFA)), 42)
    assert okm.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    for length in (0, 8161):
        with pytest.raises(ValueError):
            crypto.hkdf_sha256(b"k", None, b"", length)


def test_the_fingerprint_is_eight_bytes_for_people():
    assert key_fingerprint(SIGNER_PUBLIC) == key_fingerprint(SIGNER_PUBLIC + "=") == "03:39:62:19:23:7F:75:A6"


def test_threads_seal_and_open_at_the_same_time():
    failures = []

    def work(text):
        for _ in range(200):
            if crypto.aes_gcm_decrypt(CONTENT_KEY, crypto.aes_gcm_encrypt(CONTENT_KEY, text)) != text:
                failures.append(text)

    threads = [threading.Thread(target=work, args=(str(n) * 1000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
