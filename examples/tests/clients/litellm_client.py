"""Puts LiteLLM's proxy in front of MCP endpoints and asks through it, as any client of the proxy does. Used as `visits` says; the
proxy is started once, with every endpoint. Run with the Python that has litellm[proxy]."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from typing import Any

from visits import FORBIDDEN, endpoints, serve

MASTER_KEY = "sk-local-test"


class Refused(Exception):
    """A JSON-RPC error that the proxy gave its client."""

    def __init__(self, error: dict[str, Any]):
        super().__init__(error.get("message"))
        self.error = type("Error", (), {key: error.get(key) for key in ("code", "message", "data")})()


def config() -> str:
    """It reads YAML, of which JSON is a part."""
    return json.dumps({
        "model_list": [],
        "general_settings": {"master_key": MASTER_KEY},
        "mcp_servers": {
            name: {"url": one["url"], "transport": "http", "auth_type": "bearer_token", "auth_value": one["key"]}
            for name, one in endpoints().items()
        },
    })


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_alive(base: str, proxy: subprocess.Popen, log: str) -> None:
    """Its start imports for many seconds; two minutes is for slow machines."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if proxy.poll() is not None:
            raise SystemExit("litellm ended:\n" + open(log).read()[-4000:])
        try:
            urllib.request.urlopen(base + "/health/liveliness", timeout=2).read()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise SystemExit("litellm did not start:\n" + open(log).read()[-4000:])


def ask(base: str, name: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        base + "/mcp/",
        data=json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode(),
        headers={
            "x-litellm-api-key": f"Bearer {MASTER_KEY}",
            "x-mcp-servers": name,
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        },
    )
    text = urllib.request.urlopen(request, timeout=60).read().decode()
    lines = [line[len("data:"):] for line in text.splitlines() if line.startswith("data:")]
    message = json.loads(lines[-1] if lines else text)
    if "result" not in message:
        raise Refused(message["error"])
    return message["result"]


def look(base: str, name: str, snapshot: str, sql: str, seen: dict[str, Any]) -> None:
    seen["tools"] = [tool["name"] for tool in ask(base, name, "tools/list", {})["tools"]]

    def call(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = ask(base, name, "tools/call", {"name": f"{name}-{tool}", "arguments": arguments})
        if result.get("isError") and "structuredContent" not in result:
            raise Refused({"message": result["content"][0]["text"]})
        return result

    seen["schema"] = call("get_schema", {}).get("structuredContent")
    answer = call("execute_sql", {"snapshot_id": snapshot, "sql": sql})
    seen["answer"], seen["is_error"] = answer.get("structuredContent"), answer.get("isError", False)
    blocked = call("execute_sql", {"snapshot_id": snapshot, "sql": FORBIDDEN})
    seen["blocked"] = blocked["structuredContent"]["error"]["class"] if blocked.get("isError") else None


def main() -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        path, log = os.path.join(folder, "litellm.json"), os.path.join(folder, "log")
        with open(path, "w") as file:
            file.write(config())
        program = os.path.join(os.path.dirname(sys.executable), "litellm")
        with open(log, "w") as out:
            # It must not tell its makers of our test runs.
            env = dict(os.environ, LITELLM_TELEMETRY="False", LITELLM_LOCAL_MODEL_COST_MAP="True")
            proxy = subprocess.Popen(
                [program, "--config", path, "--port", str(port), "--host", "127.0.0.1"],
                stdout=out, stderr=subprocess.STDOUT, cwd=folder, env=env,
            )
        try:
            wait_until_alive(base, proxy, log)
            serve(lambda endpoint, *rest: look(base, endpoint["name"], *rest))
        finally:
            proxy.terminate()
            try:
                proxy.wait(timeout=15)
            except subprocess.TimeoutExpired:
                proxy.kill()
                proxy.wait()


if __name__ == "__main__":
    main()
