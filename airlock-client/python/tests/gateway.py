"""A gateway of one process behind httpx, and an approver with real keys behind it."""

import contextlib
import json
import threading
import uuid
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from airlock_gateway import AirlockGatewayClient
from airlock_gateway.crypto_helpers import (
    aes_gcm_decrypt,
    derive_shared_key,
    ed25519_sign,
    generate_ed25519_keypair,
    generate_x25519_keypair,
)
from airlock_gateway.models import EncryptedPayload


class Approver:
    """Reads what was asked and signs what `decides` says: `approve`, `reject`, or nothing for `None`."""

    def __init__(self, decides=lambda payload: "approve"):
        self.decides = decides
        self.keys, self.signing = generate_x25519_keypair(), generate_ed25519_keypair()
        self.content_key = None
        self.read = []

    def answer(self, nonce, enforcer_key, *, fields=5):
        """The answer that completes a pairing, signed over so many fields."""
        self.content_key = derive_shared_key(self.keys.private_key, enforcer_key)
        signed = ["key-1", self.signing.public_key, nonce, datetime.now(timezone.utc).isoformat(), self.keys.public_key]
        names = ["signerKeyId", "publicKey", "pairingNonce", "timestamp", "x25519PublicKey"]
        signature = ed25519_sign(self.signing.private_key, "|".join(signed[:fields]).encode())
        return json.dumps({**dict(zip(names, signed)), "signature": signature})

    def decide(self, body):
        payload = json.loads(aes_gcm_decrypt(self.content_key, EncryptedPayload(**body["ciphertext"])))
        self.read.append(payload)
        verdict = self.decides(payload)
        return verdict and self.sign(body["artifactHash"], verdict)

    def sign(self, artifact_hash, verdict):
        nonce = uuid.uuid4().hex
        message = f"{artifact_hash}|{verdict}|{nonce}".encode()
        return {
            "artifactHash": artifact_hash,
            "decision": verdict,
            "reason": "as you like",
            "signerKeyId": "key-1",
            "nonce": nonce,
            "signature": ed25519_sign(self.signing.private_key, message),
        }


class Gateway:
    """Carries what it is given; `tamper` changes a decision on its way, as a gateway that lies would."""

    def __init__(self, approver=None, *, tamper=lambda decision: decision, pairing_state="Completed", answer=None):
        self.approver, self.tamper = approver or Approver(), tamper
        self.pairing_state, self.answer = pairing_state, answer or self.approver.answer
        self.sessions, self.exchanges, self.acks, self.log = {}, {}, [], []

    def client(self):
        http = httpx.AsyncClient(base_url="https://gw.test", transport=httpx.MockTransport(self))
        return AirlockGatewayClient("https://gw.test", http_client=http)

    def __call__(self, request):
        body = json.loads(request.content) if request.content else None
        path = request.url.path.removeprefix("/v1/")
        self.log.append(f"{request.method} {path}")
        match path.split("/"):
            case ["pairing", "initiate" | "claim"]:
                nonce = uuid.uuid4().hex
                self.sessions[nonce] = body
                answer = {"pairingNonce": nonce, "pairingCode": "A3K9X2", "deviceId": body["deviceId"]}
                return httpx.Response(201, json=answer)
            case ["pairing", nonce, "status"]:
                answer = {"pairingNonce": nonce, "state": self.pairing_state}
                if self.pairing_state == "Completed":
                    answer["responseJson"] = self.answer(nonce, self.sessions[nonce]["x25519PublicKey"])
                    answer["routingToken"] = "rt-1"
                return httpx.Response(200, json=answer)
            case ["artifacts"]:
                self.exchanges.setdefault(body["requestId"], (body, self.approver.decide(body["body"])))
                return httpx.Response(202, json={"msgType": "artifact.accepted"})
            case ["exchanges", request_id, "wait"]:
                decision = self.exchanges[request_id][1]
                if decision is None:
                    return httpx.Response(204)
                deliver = {"msgId": f"msg-{request_id}", "msgType": "decision.deliver", "requestId": request_id}
                return httpx.Response(200, json={**deliver, "body": self.tamper(decision)})
            case ["exchanges", request_id, "withdraw"]:
                return httpx.Response(200, json={})
            case ["acks"]:
                self.acks.append(body["body"]["msgId"])
                return httpx.Response(200, json={})
        return httpx.Response(404, json={"error": "NotFound"})


@contextlib.contextmanager
def served(gateway):
    """The gateway on a free port of loopback; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                said = gateway(httpx.Request(self.command, f"http://gw.test{self.path}", content=body))
            self.send_response(said.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said.content)))
            self.end_headers()
            self.wfile.write(said.content)

        do_GET = do_POST = answer

        def log_message(self, format, *args):
            pass

    lock = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
