"""The sandbox that each contract test has to itself, and the harness of the inherited suites."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.dataverse.harness import DataverseHarness
from tests.contract.dataverse.harness import harness as running
from tests.contract.dataverse.world import World, world


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[World]:
    """A running sandbox with the shared seed."""
    async with world(tmp_path) as running:
        yield running


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[DataverseHarness]:
    """What the inherited suites work with."""
    async with running(tmp_path, DataverseHarness) as found:
        yield found
