"""What every connector shows, shown by Finance and Operations."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headrace.testing.suites import SourceSuite, TargetSuite
from tests.contract.dynamics_fo.harness import DynamicsFoHarness
from tests.contract.dynamics_fo.harness import harness as running


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[DynamicsFoHarness]:
    async with running(tmp_path) as found:
        yield found


class TestSource(SourceSuite):
    pass


class TestTarget(TargetSuite):
    pass
