"""A signed-in client of a running F&O sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.server import SEED, running, token_for


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client at the root of a plain-HTTP sandbox, with a token and the seed that the tests share."""
    async with running(tmp_path) as server, httpx.AsyncClient(base_url=server.url, timeout=10) as client:
        token = (await token_for(client, server.url)).json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        (await client.post("/_sandbox/seed", json=SEED)).raise_for_status()
        yield client
