"""What a program on somebody's desktop has for the OAuth providers of the Python SDK: a memory, an address, a person.

Its scripts are told {"url": …, "email": …, "password": …}, then what to {"do": …}, a line each: `call` reads the schema, `query` asks a
snapshot, and after `expire` the access token counts as old. Each line on standard output is what was seen.
"""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from visits import told

QUERY = {"snapshot_id": "u_1", "sql": "SELECT sum(amount) FROM orders"}


class Memory:
    """Where the provider keeps what it was given."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Callback:
    """The redirect address of a desktop program: a port of this machine."""

    def __init__(self) -> None:
        self.answers: list[dict[str, str]] = []
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlparse(self.path)
                if asked.path == "/callback":
                    answers.append({name: values[0] for name, values in parse_qs(asked.query).items()})
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{server.server_port}/callback"


async def serve(
    ask: Callable[[OAuthClientProvider, str, tuple[str, dict[str, Any]], dict[str, Any]], Awaitable[None]],
    answered: Callable[[dict[str, str]], Any],
) -> None:
    """`ask` connects with the provider, calls the tool and notes what it saw; `answered` puts the redirect's answer in the SDK's form."""
    given = json.loads(sys.argv[1])
    memory, callback, consents = Memory(), Callback(), []

    def decide(url: str) -> dict[str, Any]:
        # Where the SDK's Python has no browser, another drives it.
        person = [given["python"], "-m", "person", url, given["email"], given["password"]]
        done = subprocess.run(person, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr[-2_000:])
        return json.loads(done.stdout)

    async def redirect(url: str) -> None:
        consents.append(await asyncio.to_thread(decide, url))

    async def result() -> Any:
        return answered(callback.answers[-1])

    provider = OAuthClientProvider(
        server_url=given["url"],
        client_metadata=OAuthClientMetadata(
            client_name="A desktop agent",
            redirect_uris=[callback.address],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="none",
        ),
        storage=memory,
        redirect_handler=redirect,
        callback_handler=result,
    )
    for line in sys.stdin:
        what = json.loads(line)["do"]
        seen: dict[str, Any] = {}
        if what == "expire":
            provider.context.token_expiry_time = 1
        else:
            try:
                call = ("execute_sql", QUERY) if what == "query" else ("get_schema", {})
                await ask(provider, given["url"], call, seen)
            except BaseException as error:
                seen["failed"] = told(error)
        if memory.tokens:
            seen["access"], seen["refresh"] = memory.tokens.access_token, memory.tokens.refresh_token
            seen["scope"], seen["expires_in"] = memory.tokens.scope, memory.tokens.expires_in
        seen["consents"] = consents
        print(json.dumps(seen), flush=True)
