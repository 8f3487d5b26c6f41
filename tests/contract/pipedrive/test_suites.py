"""What every connector shows, shown by Pipedrive."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from headrace.testing.suites import SourceSuite, TargetSuite
from tests.contract.pipedrive.harness import PipedriveHarness
from tests.contract.pipedrive.harness import harness as running

_TOKEN = "an API token does not end; it is valid until the user makes a new one"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[PipedriveHarness]:
    async with running(tmp_path) as found:
        yield found


class TestSource(SourceSuite):
    not_applicable: ClassVar = {
        "any_key_is_read": "Pipedrive gives whole numbers as ids; nobody chooses them",
        "token_that_ends_between_pages_is_renewed_once": _TOKEN,
        "foreign_link_is_refused": "pages are asked for by an opaque cursor in the query; no answer holds a link",
    }


class TestTarget(TargetSuite):
    not_applicable: ClassVar = {
        "change_after_the_token_ended_is_made_once": _TOKEN,
        "natural_key_duplicate_is_already_there": "Pipedrive keeps no field of a record unique",
    }
