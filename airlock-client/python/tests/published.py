"""A published package's answers, one JSON line for each asked. Runs in the environment of the published package."""

import json
import sys


def answer(op, args):
    if op == "surface":
        from surface import surface

        return surface()
    if op == "sent":
        from calls import all_sent

        return all_sent()
    from airlock_gateway import canonical_json, crypto_helpers

    if op == "decrypt":
        key, parts = args
        return crypto_helpers.aes_gcm_decrypt(key, crypto_helpers.EncryptedPayload(*parts))
    if op == "hkdf":
        ikm, salt, info, length = args
        salt = None if salt is None else salt.encode()
        return crypto_helpers.hkdf_sha256(ikm.encode(), salt, info.encode(), length).hex()
    if op in ("sign", "verify"):
        key, message, *rest = args
        return getattr(crypto_helpers, f"ed25519_{op}")(key, message.encode(), *rest)
    module = canonical_json if hasattr(canonical_json, op) else crypto_helpers
    return getattr(module, op)(*args)


if __name__ == "__main__":
    for line in sys.stdin:
        op, args = json.loads(line)
        try:
            said = {"ok": answer(op, args)}
        except Exception as error:
            said = {"error": type(error).__name__}
        print(json.dumps(said), flush=True)
