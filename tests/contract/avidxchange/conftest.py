"""The sandbox that each contract test has to itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.avidxchange.harness import AvidxchangeHarness, running


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[AvidxchangeHarness]:
    """What the inherited suites and all others work with."""
    async with running(tmp_path, AvidxchangeHarness) as found:
        yield found
