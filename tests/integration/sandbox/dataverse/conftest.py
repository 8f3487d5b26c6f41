"""A signed-in client of a running Dataverse sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.integration.sandbox.dataverse.server import running, sign_in


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client at the root of a plain-HTTP sandbox, with a token."""
    async with running(tmp_path) as server, httpx.AsyncClient(base_url=server.url, timeout=10) as client:
        await sign_in(client)
        yield client
