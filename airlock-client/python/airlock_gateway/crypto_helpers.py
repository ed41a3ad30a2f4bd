"""The primitives of an approval, made in Rust: base64url, SHA-256, HKDF, X25519, AES-256-GCM, Ed25519.

Keys and signatures are base64url without padding; parts of a ciphertext are base64. Input may have either alphabet, and public
keys may be SPKI as well. What cannot be a key or text in these encodings raises `ValueError`.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Protocol

from . import _native

AES_KEY_SIZE = 32
AES_NONCE_SIZE = 12
AES_TAG_SIZE = 16


class X25519KeyPair(NamedTuple):
    public_key: str
    private_key: str


class Ed25519KeyPair(NamedTuple):
    public_key: str
    private_key: str


class EncryptedPayload(NamedTuple):
    alg: str
    data: str
    nonce: str
    tag: str


class Sealed(Protocol):
    """A payload of this module or of `models`."""

    @property
    def data(self) -> str: ...
    @property
    def nonce(self) -> Optional[str]: ...
    @property
    def tag(self) -> Optional[str]: ...


def to_base64url(data: bytes) -> str:
    return _native.to_base64url(data)


def from_base64url(s: str) -> bytes:
    return _native.from_base64url(s)


def sha256_hex(s: str) -> str:
    """SHA-256 of the text's UTF-8, in lower-case hex."""
    return _native.sha256_hex(s)


def hkdf_sha256(ikm: bytes, salt: Optional[bytes], info: bytes, length: int = AES_KEY_SIZE) -> bytes:
    """RFC 5869; at most 8160 bytes."""
    return _native.hkdf_sha256(ikm, salt, info, length)


def generate_x25519_keypair() -> X25519KeyPair:
    """Keys for one pairing. Keep the private half until the pairing is complete."""
    return X25519KeyPair(*_native.generate_x25519_keypair())


def derive_shared_key(my_private_base64url: str, peer_public_base64url: str) -> str:
    """The key that both sides of a pairing seal with."""
    return _native.derive_shared_key(my_private_base64url, peer_public_base64url)


def aes_gcm_encrypt(key_base64url: str, plaintext: str) -> EncryptedPayload:
    """Seals a text under a fresh random nonce."""
    return EncryptedPayload(*_native.aes_gcm_encrypt(key_base64url, plaintext))


def aes_gcm_decrypt(key_base64url: str, payload: Sealed) -> str:
    """Opens a payload, or raises `DecryptionError`. One without `alg` is AES-256-GCM; `aad` is honoured."""
    return _native.aes_gcm_decrypt(
        key_base64url,
        getattr(payload, "alg", None) or None,
        payload.data,
        payload.nonce,
        payload.tag,
        getattr(payload, "aad", None),
    )


def generate_ed25519_keypair() -> Ed25519KeyPair:
    return Ed25519KeyPair(*_native.generate_ed25519_keypair())


def ed25519_sign(private_key_base64url: str, message: bytes) -> str:
    return _native.ed25519_sign(private_key_base64url, message)


def ed25519_verify(public_key_base64url: str, message: bytes, signature_base64url: str) -> bool:
    """Whether the signature holds, strictly: weak keys raise, malleable signatures do not hold."""
    return _native.ed25519_verify(public_key_base64url, message, signature_base64url)
