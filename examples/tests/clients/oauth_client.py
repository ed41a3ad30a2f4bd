"""The Python SDK's OAuth provider (2.x), from a bare URL to a call: discovery, registration, a person's consent, tokens. Used as
`desktop` says."""

import asyncio
from typing import Any

from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult

from desktop import serve


async def ask(provider: OAuthClientProvider, url: str, call: tuple[str, dict[str, Any]], seen: dict[str, Any]) -> None:
    async with create_mcp_http_client(auth=provider) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            seen["tools"] = [tool.name for tool in (await client.list_tools()).tools]
            answer = await client.call_tool(*call)
            seen["answer"], seen["is_error"] = answer.structured_content, answer.is_error


asyncio.run(serve(ask, lambda answer: AuthorizationCodeResult(**answer)))
