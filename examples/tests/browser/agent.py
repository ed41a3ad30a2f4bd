"""An agent that asks the person at the browser: `clients/enforcer_client.py`, run by the Python that has the published package."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[1] / "clients" / "enforcer_client.py"


class Agent:
    def __init__(self, python: str, given: dict[str, str], **named: str) -> None:
        self.named = {"enforcer": "build-agent", "label": "Build agent", "workspace": "shop", **named}
        argument = json.dumps({**given, **self.named})
        env = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([python, str(SCRIPT), argument], stdin=pipe, stdout=pipe, env=env, text=True)
        self.paired: dict[str, Any] = {}

    def do(self, what: str, **more: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        assert "broke" not in told, told["broke"]
        return told

    def is_paired(self) -> str:
        """The fingerprint of whoever answered, as the agent shows it."""
        self.paired = self.do("paired")
        assert self.paired["state"] == "Completed", self.paired
        key = base64.urlsafe_b64decode(json.loads(self.paired["answer"])["publicKey"] + "=")
        return ":".join(f"{byte:02X}" for byte in hashlib.sha256(key).digest()[:8])

    def ask(self, payload: Any = None, **more: Any) -> dict[str, Any]:
        if payload is not None:
            more["payload"] = payload
        return self.do("submit", **more)

    def decided(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What the agent was answered, with all that a verifier needs."""
        told = self.do("wait", request=asked["request"])
        assert told.get("decision"), told
        answer, nonce = self.paired["answer"], self.paired["nonce"]
        return {"hash": asked["hash"], "answer": answer, "nonce": nonce, "decision": told["decision"]}

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(20)
