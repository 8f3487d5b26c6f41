"""A signed-in client of a running AvidXchange sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.integration.sandbox.avidxchange.server import HEADERS, SEED, running


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the usual tokens and the seed that the tests share; the quota is off."""
    async with running(tmp_path) as client:
        client.headers.update(HEADERS)
        (await client.post("/_sandbox/seed", json=SEED)).raise_for_status()
        yield client
