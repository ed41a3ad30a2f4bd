"""Fixtures by the names that the tests of the published archives expect, so that those run here as they are."""

import httpx
import pytest
import pytest_asyncio
import respx

from airlock_gateway.client import AirlockGatewayClient

BASE_URL = "https://gw.test"


@pytest.fixture
def mock_api():
    with respx.mock(base_url=BASE_URL) as router:
        yield router


@pytest_asyncio.fixture
async def client(mock_api):
    async with httpx.AsyncClient(base_url=BASE_URL) as http:
        yield AirlockGatewayClient(BASE_URL, http_client=http)
