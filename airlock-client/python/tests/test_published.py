"""Ours against the published package, in an environment of its own: names, wire bytes, canonical forms, crypto."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import airlock_gateway
from airlock_gateway import canonical_json, crypto_helpers
from calls import all_sent
from payloads import Payloads
from surface import surface

HERE = Path(__file__).parent
CASES = int(os.environ.get("AIRLOCK_TEST_PAYLOADS", "300"))
SEED = int(os.environ.get("AIRLOCK_TEST_SEED", "20260101"))
PUBLISHED = {
    version: os.environ.get("AIRLOCK_TEST_PYTHON_PUBLISHED_" + version.replace(".", "_"))
    for version in ("0.1.1", "0.3.5", "0.4.8")
}


class Published:
    def __init__(self, python):
        self._process = subprocess.Popen(
            [python, HERE / "published.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def ask(self, op, *args):
        """What it gives, or the exception's name in a tuple."""
        self._process.stdin.write(json.dumps([op, args]) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        return (said["error"],) if "error" in said else said["ok"]

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def start(version):
    if not PUBLISHED[version]:
        pytest.skip(f"no environment with the published {version}")
    return Published(PUBLISHED[version])


@pytest.fixture(scope="module")
def published():
    there = start("0.3.5")
    yield there
    there.close()


@pytest.mark.parametrize("version", PUBLISHED)
def test_every_published_name_is_here_with_its_parameters_and_defaults(version):
    there = start(version)
    theirs, ours = there.ask("surface"), json.loads(json.dumps(surface()))
    there.close()
    assert set(theirs.pop("")) <= set(airlock_gateway.__all__)
    assert theirs["models"] and theirs["client"]
    for module, names in theirs.items():
        for name, described in names.items():
            assert list(gaps(f"{module}.{name}", described, ours[module].get(name, {}))) == []


def gaps(path, theirs, ours):
    """Where `ours` has less than `theirs`. New optional parameters may follow the published ones."""
    if isinstance(theirs, dict):
        for key, value in theirs.items():
            if key not in ours:
                yield f"{path}.{key} is missing"
            else:
                yield from gaps(f"{path}.{key}", value, ours[key])
    elif path.endswith(".positional"):
        if ours[: len(theirs)] != theirs or any(default is None for _, default in ours[len(theirs) :]):
            yield f"{path}: {theirs} became {ours}"
    elif isinstance(theirs, list) and len(theirs) == len(ours) == 2 and isinstance(theirs[1], dict):
        yield from gaps(f"{path}.kind", theirs[0], ours[0])
        yield from gaps(path, theirs[1], ours[1])
    elif theirs != ours:
        yield f"{path}: {theirs} became {ours}"


@pytest.mark.parametrize("version", ["0.3.5", "0.4.8"])
def test_every_call_sends_the_published_bytes(version):
    there = start(version)
    theirs, ours = there.ask("sent"), all_sent()
    there.close()
    assert len(ours) == 24
    assert ours == theirs


def test_canonical_forms_and_hashes_agree(published):
    payloads = Payloads(SEED)
    for number in range(CASES):
        text = payloads.text()
        ours = canonical_json.canonicalize(text)
        assert ours == published.ask("canonicalize", text), f"seed {SEED}, payload {number}: {text}"
        value = json.loads(text)
        assert canonical_json.hash_canonical(value) == published.ask("hash_canonical", value)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,]", "01", "1e400", "-1e999", "NaN", "[Infinity]", "'a'", '"\t"', '{"a"}', "\ufeff{}", "nul", "1 2", "+1", ".5", "1."],
)
def test_what_has_no_canonical_form_there_has_none_here(published, text):
    assert isinstance(published.ask("canonicalize", text), tuple)
    with pytest.raises(ValueError):
        canonical_json.canonicalize(text)


def test_each_opens_what_the_other_sealed_under_keys_both_agree_on(published):
    payloads = Payloads(SEED + 1)
    key = None
    for number in range(CASES):
        if number % 50 == 0:
            mine, theirs = crypto_helpers.generate_x25519_keypair(), published.ask("generate_x25519_keypair")
            key = crypto_helpers.derive_shared_key(mine.private_key, theirs[0])
            assert key == published.ask("derive_shared_key", theirs[1], mine.public_key)
        text = canonical_json.canonicalize(payloads.text())
        assert published.ask("decrypt", key, crypto_helpers.aes_gcm_encrypt(key, text)) == text
        sealed = crypto_helpers.EncryptedPayload(*published.ask("aes_gcm_encrypt", key, text))
        assert crypto_helpers.aes_gcm_decrypt(key, sealed) == text


def test_each_verifies_what_the_other_signed(published):
    payloads = Payloads(SEED + 2)
    keys = crypto_helpers.generate_ed25519_keypair()
    for _ in range(CASES // 10):
        text = payloads.text()
        signature = crypto_helpers.ed25519_sign(keys.private_key, text.encode())
        assert published.ask("sign", keys.private_key, text) == signature
        assert published.ask("verify", keys.public_key, text, signature) is True
        assert published.ask("verify", keys.public_key, text + " ", signature) is False
        assert crypto_helpers.ed25519_verify(keys.public_key, text.encode(), signature)
        assert not crypto_helpers.ed25519_verify(keys.public_key, text.encode() + b" ", signature)


def test_keys_of_any_length_are_derived_alike(published):
    for salt, info, length in [(None, "", 1), ("", "i", 32), ("salt", "info", 42), ("s" * 80, "x" * 80, 255)]:
        mine = crypto_helpers.hkdf_sha256(b"ikm", None if salt is None else salt.encode(), info.encode(), length)
        assert mine.hex() == published.ask("hkdf", "ikm", salt, info, length)
