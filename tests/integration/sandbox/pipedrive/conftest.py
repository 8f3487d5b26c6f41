"""A running Pipedrive sandbox, and a receiver of its webhooks."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.integration.sandbox.pipedrive.server import Receiver, running, serving


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running(tmp_path) as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    async with serving(found.app) as url:
        found.url = f"{url}/hook"
        yield found
