"""Talks to MCP endpoints with the Python SDK's 1.x line, which knows the handshake revisions only. Used as `visits` says."""

import asyncio
from typing import Any

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

from visits import FORBIDDEN, serve


async def visit(endpoint: dict[str, str], snapshot: str, sql: str, seen: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {endpoint['key']}"}
    async with streamablehttp_client(endpoint["url"], headers=headers) as (read, write, _):
        async with ClientSession(read, write) as session:
            hello = await session.initialize()
            seen["protocol"], seen["server"] = hello.protocolVersion, hello.serverInfo.name
            await session.send_ping()
            seen["tools"] = [tool.name for tool in (await session.list_tools()).tools]
            seen["resources"] = [str(resource.uri) for resource in (await session.list_resources()).resources]
            seen["prompts"] = [prompt.name for prompt in (await session.list_prompts()).prompts]
            seen["schema"] = (await session.call_tool("get_schema", {})).structuredContent
            answer = await session.call_tool("execute_sql", {"snapshot_id": snapshot, "sql": sql})
            seen["answer"], seen["is_error"] = answer.structuredContent, answer.isError
            blocked = await session.call_tool("execute_sql", {"snapshot_id": snapshot, "sql": FORBIDDEN})
            seen["blocked"] = blocked.structuredContent["error"]["class"] if blocked.isError else None


if __name__ == "__main__":
    serve(lambda *args: asyncio.run(visit(*args)))
