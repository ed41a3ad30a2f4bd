"""Talks to MCP endpoints with the Python SDK's 2.x line, which asks for the stateless revision first. Used as `visits` says;
an endpoint's `mode` is `auto`, `legacy` or a revision."""

import asyncio
from typing import Any

from mcp.client import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from visits import FORBIDDEN, serve


async def visit(endpoint: dict[str, str], snapshot: str, sql: str, seen: dict[str, Any]) -> None:
    async with create_mcp_http_client(headers={"Authorization": f"Bearer {endpoint['key']}"}) as http:
        transport = streamable_http_client(endpoint["url"], http_client=http)
        async with Client(transport, mode=endpoint.get("mode", "auto")) as client:
            seen["protocol"] = client.protocol_version
            seen["server"] = client.server_info.name if client.server_info else None
            seen["tools"] = [tool.name for tool in (await client.list_tools()).tools]
            seen["resources"] = [str(resource.uri) for resource in (await client.list_resources()).resources]
            seen["prompts"] = [prompt.name for prompt in (await client.list_prompts()).prompts]
            seen["schema"] = (await client.call_tool("get_schema", {})).structured_content
            answer = await client.call_tool("execute_sql", {"snapshot_id": snapshot, "sql": sql})
            seen["answer"], seen["is_error"] = answer.structured_content, answer.is_error
            blocked = await client.call_tool("execute_sql", {"snapshot_id": snapshot, "sql": FORBIDDEN})
            seen["blocked"] = blocked.structured_content["error"]["class"] if blocked.is_error else None


if __name__ == "__main__":
    serve(lambda *args: asyncio.run(visit(*args)))
