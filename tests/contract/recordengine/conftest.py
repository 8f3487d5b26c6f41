"""The sandbox that each contract test has to itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.recordengine.harness import RecordengineHarness, running


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[RecordengineHarness]:
    """What the inherited suites and all others work with."""
    async with running(tmp_path) as found:
        yield found
