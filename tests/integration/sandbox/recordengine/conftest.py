"""A client of a running RecordEngine sandbox, and a receiver of its webhooks."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from headrace.testing.serving import Receiver
from headrace.testing.serving import receiver as receiving
from tests.integration.sandbox.recordengine.server import SEED, running


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the token and the seed that the tests share; the quota is off."""
    async with running(tmp_path) as client:
        (await client.post("/_sandbox/seed", json=SEED)).raise_for_status()
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that answers exactly 200."""
    async with receiving([200] * 1000) as found:
        yield found
