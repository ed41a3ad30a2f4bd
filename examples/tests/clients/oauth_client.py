"""The Python SDK's OAuth provider (2.x), from a bare URL to a call: discovery, registration, a person's consent, tokens.

The argument is {"url": …, "email": …, "password": …}. Each line on standard input is {"do": WHAT}: `call` reads the schema, `query`
asks a snapshot, and after `expire` the access token counts as old. Each line on standard output is what was seen.
"""

import asyncio
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from person import decide
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


async def main() -> None:
    given = json.loads(sys.argv[1])
    memory, callback, consents = Memory(), Callback(), []

    async def redirect(url: str) -> None:
        consents.append(await asyncio.to_thread(decide, url, given["email"], given["password"]))

    async def result() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(**callback.answers[-1])

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
                async with create_mcp_http_client(auth=provider) as http:
                    async with Client(streamable_http_client(given["url"], http_client=http)) as client:
                        seen["tools"] = [tool.name for tool in (await client.list_tools()).tools]
                        tool, arguments = ("execute_sql", QUERY) if what == "query" else ("get_schema", {})
                        answer = await client.call_tool(tool, arguments)
                        seen["answer"], seen["is_error"] = answer.structured_content, answer.is_error
            except BaseException as error:
                seen["failed"] = told(error)
        if memory.tokens:
            seen["access"], seen["refresh"] = memory.tokens.access_token, memory.tokens.refresh_token
            seen["scope"], seen["expires_in"] = memory.tokens.scope, memory.tokens.expires_in
        seen["consents"] = consents
        print(json.dumps(seen), flush=True)


asyncio.run(main())
