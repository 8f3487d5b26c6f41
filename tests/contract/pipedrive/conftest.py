"""The sandbox that each contract test has to itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.pipedrive.world import World, world


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[World]:
    """A running sandbox with the shared seed."""
    async with world(tmp_path) as running:
        yield running
