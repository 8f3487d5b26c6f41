"""Writing to Dataverse; the sandbox's ledger says what really happened."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from headrace.testing.suites import TargetSuite
from tests.contract.dataverse.harness import NotesHarness, harness


class TestAccounts(TargetSuite):
    pass
