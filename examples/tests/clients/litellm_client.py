"""Puts LiteLLM's proxy in front of an MCP endpoint and asks through it.

Usage: litellm_client.py URL KEY SNAPSHOT_ID SQL
Run with the Python that has litellm[proxy]. Prints one JSON object: the tools as the proxy lists them, schema and answer.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

MASTER_KEY = "sk-local-test"


def config(url: str, key: str) -> str:
    return json.dumps({
        "model_list": [],
        "general_settings": {"master_key": MASTER_KEY},
        "mcp_servers": {
            "airlock": {"url": url, "transport": "http", "auth_type": "bearer_token", "auth_value": key},
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


def ask(base: str, number: int, method: str, params: dict) -> dict:
    request = urllib.request.Request(
        base + "/mcp/",
        data=json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode(),
        headers={
            "x-litellm-api-key": f"Bearer {MASTER_KEY}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        },
    )
    text = urllib.request.urlopen(request, timeout=60).read().decode()
    lines = [line[len("data:"):] for line in text.splitlines() if line.startswith("data:")]
    message = json.loads(lines[-1] if lines else text)
    if "result" not in message:
        raise SystemExit(f"{method}: {message}")
    return message["result"]


def main(url: str, key: str, snapshot: str, sql: str) -> dict:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        path, log = os.path.join(folder, "litellm.json"), os.path.join(folder, "log")
        with open(path, "w") as file:
            file.write(config(url, key))
        program = os.path.join(os.path.dirname(sys.executable), "litellm")
        with open(log, "w") as out:
            # It reads YAML, of which JSON is a part; and it must not tell its makers of our test runs.
            env = dict(os.environ, LITELLM_TELEMETRY="False", LITELLM_LOCAL_MODEL_COST_MAP="True")
            proxy = subprocess.Popen(
                [program, "--config", path, "--port", str(port), "--host", "127.0.0.1"],
                stdout=out, stderr=subprocess.STDOUT, cwd=folder, env=env,
            )
        try:
            wait_until_alive(base, proxy, log)
            tools = ask(base, 1, "tools/list", {})
            schema = ask(base, 2, "tools/call", {"name": "airlock-get_schema", "arguments": {}})
            answer = ask(base, 3, "tools/call", {
                "name": "airlock-execute_sql", "arguments": {"snapshot_id": snapshot, "sql": sql},
            })
            return {
                "tools": [tool["name"] for tool in tools["tools"]],
                "schema": schema.get("structuredContent"),
                "answer": answer.get("structuredContent"),
                "is_error": answer.get("isError", False),
            }
        finally:
            proxy.terminate()
            try:
                proxy.wait(timeout=15)
            except subprocess.TimeoutExpired:
                proxy.kill()
                proxy.wait()


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:5])))
