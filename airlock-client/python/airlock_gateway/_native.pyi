"""The part in Rust: values in, values out, without the interpreter's lock. Times are Unix milliseconds."""

from typing import Dict, List, Optional, Tuple, final

__all__ = [
    "NonceJournal",
    "__version__",
    "aes_gcm_decrypt",
    "aes_gcm_encrypt",
    "canonicalize",
    "derive_shared_key",
    "ed25519_sign",
    "ed25519_verify",
    "evaluate_dnd",
    "from_base64url",
    "generate_ed25519_keypair",
    "generate_x25519_keypair",
    "hkdf_sha256",
    "key_fingerprint",
    "seal_payload",
    "sha256_hex",
    "to_base64url",
    "verify_decision",
    "verify_pairing_answer",
]

__version__: str

def canonicalize(text: str, /) -> str: ...
def sha256_hex(text: str, /) -> str: ...
def to_base64url(data: bytes, /) -> str: ...
def from_base64url(text: str, /) -> bytes: ...
def hkdf_sha256(ikm: bytes, salt: Optional[bytes], info: bytes, length: int, /) -> bytes: ...
def generate_x25519_keypair() -> Tuple[str, str]: ...
def derive_shared_key(private_key: str, peer_public_key: str, /) -> str: ...
def aes_gcm_encrypt(key: str, plaintext: str, /) -> Tuple[str, str, str, str]: ...
def aes_gcm_decrypt(
    key: str,
    alg: Optional[str],
    data: str,
    nonce: Optional[str],
    tag: Optional[str],
    aad: Optional[str],
    /,
) -> str: ...
def generate_ed25519_keypair() -> Tuple[str, str]: ...
def ed25519_sign(private_key: str, message: bytes, /) -> str: ...
def ed25519_verify(public_key: str, message: bytes, signature: str, /) -> bool: ...
def key_fingerprint(public_key: str, /) -> str: ...
def seal_payload(key: str, payload: str, /) -> Tuple[str, Tuple[str, str, str, str]]: ...
def verify_pairing_answer(answer: str, nonce: str, /) -> Tuple[str, str, Optional[str], str]: ...
def verify_decision(
    decision: Tuple[str, str, Optional[str], Optional[str], Optional[str], Optional[str]],
    artifact_hash: str,
    signers: Dict[str, str],
    journal: NonceJournal,
    expires_at: Optional[int],
    now: int,
    /,
) -> Tuple[bool, str, Optional[str]]: ...
def evaluate_dnd(
    policies: List[str],
    signers: Dict[str, str],
    asked: Tuple[str, str, Optional[str], str, Optional[str]],
    now: int,
    /,
) -> Optional[Tuple[bool, str]]: ...
@final
class NonceJournal:
    def __new__(cls, ttl_seconds: float, lines: str) -> NonceJournal: ...
    def try_record(self, nonce: str, now: int, /) -> bool: ...
    def has_seen(self, nonce: str, now: int, /) -> bool: ...
    def count(self, now: int, /) -> int: ...
    def to_lines(self) -> str: ...
