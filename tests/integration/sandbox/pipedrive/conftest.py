"""A running Pipedrive sandbox, and a receiver of its webhooks."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from headrace.testing.serving import serve
from tests.integration.sandbox.pipedrive.server import Receiver, running


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running(tmp_path) as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    async with serve(found.app) as served:
        found.url = f"{served.url}/hook"
        yield found
