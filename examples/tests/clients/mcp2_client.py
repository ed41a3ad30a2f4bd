"""Talks to an MCP endpoint with the Python SDK's 2.x line, which asks for the stateless revision first.

Usage: mcp2_client.py URL KEY SNAPSHOT_ID SQL [MODE]
MODE is `auto`, `legacy` or a revision. Prints one JSON object of the same shape as mcp1_client.py.
"""

import asyncio
import json
import sys

from mcp.client import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client


async def main(url: str, key: str, snapshot: str, sql: str, mode: str = "auto") -> dict:
    async with create_mcp_http_client(headers={"Authorization": f"Bearer {key}"}) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            tools = await client.list_tools()
            resources = await client.list_resources()
            prompts = await client.list_prompts()
            schema = await client.call_tool("get_schema", {})
            answer = await client.call_tool("execute_sql", {"snapshot_id": snapshot, "sql": sql})
            blocked = await client.call_tool("execute_sql", {"snapshot_id": snapshot, "sql": "select pg_read_file('/etc/passwd')"})
            return {
                "protocol": client.protocol_version,
                "server": client.server_info.name if client.server_info else None,
                "tools": [tool.name for tool in tools.tools],
                "resources": [str(resource.uri) for resource in resources.resources],
                "prompts": [prompt.name for prompt in prompts.prompts],
                "schema": schema.structured_content,
                "answer": answer.structured_content,
                "is_error": answer.is_error,
                "blocked": {"is_error": blocked.is_error, "class": blocked.structured_content["error"]["class"]},
            }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:6]))))
