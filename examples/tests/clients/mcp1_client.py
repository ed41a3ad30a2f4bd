"""Talks to an MCP endpoint with the Python SDK's 1.x line, which knows the handshake revisions only.

Usage: mcp1_client.py URL KEY SNAPSHOT_ID SQL
Prints one JSON object: what was agreed, the tools, the schema, the answer, and what a forbidden statement gives.
"""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


async def main(url: str, key: str, snapshot: str, sql: str) -> dict:
    headers = {"Authorization": f"Bearer {key}"}
    async with streamablehttp_client(url, headers=headers) as (read, write, _):
        async with ClientSession(read, write) as session:
            hello = await session.initialize()
            await session.send_ping()
            tools = await session.list_tools()
            resources = await session.list_resources()
            prompts = await session.list_prompts()
            schema = await session.call_tool("get_schema", {})
            answer = await session.call_tool("execute_sql", {"snapshot_id": snapshot, "sql": sql})
            blocked = await session.call_tool("execute_sql", {"snapshot_id": snapshot, "sql": "select pg_read_file('/etc/passwd')"})
            return {
                "protocol": hello.protocolVersion,
                "server": hello.serverInfo.name,
                "tools": [tool.name for tool in tools.tools],
                "resources": [str(resource.uri) for resource in resources.resources],
                "prompts": [prompt.name for prompt in prompts.prompts],
                "schema": schema.structuredContent,
                "answer": answer.structuredContent,
                "is_error": answer.isError,
                "blocked": {"is_error": blocked.isError, "class": blocked.structuredContent["error"]["class"]},
            }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:5]))))
