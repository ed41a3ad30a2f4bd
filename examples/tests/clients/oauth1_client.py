"""The same with the SDK's 1.x line, which most programs still have. Used as `desktop` says."""

import asyncio
from typing import Any

from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamablehttp_client

from desktop import serve


async def ask(provider: OAuthClientProvider, url: str, call: tuple[str, dict[str, Any]], seen: dict[str, Any]) -> None:
    async with streamablehttp_client(url, auth=provider) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            seen["tools"] = [tool.name for tool in (await session.list_tools()).tools]
            answer = await session.call_tool(*call)
            seen["answer"], seen["is_error"] = answer.structuredContent, answer.isError


asyncio.run(serve(ask, lambda answer: (answer["code"], answer.get("state"))))
