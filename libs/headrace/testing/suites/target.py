"""What every target shows: writing, finding again, and what it makes of failures."""

from __future__ import annotations

from headrace.testing.suites.failing_writes import FailingWrites
from headrace.testing.suites.finding import Finding
from headrace.testing.suites.secrets import TargetSecrets
from headrace.testing.suites.telling import Telling
from headrace.testing.suites.unknown_outcomes import UnknownOutcomes
from headrace.testing.suites.writing import Writing


class TargetSuite(Writing, Finding, Telling, UnknownOutcomes, FailingWrites, TargetSecrets):
    """Behaviours of `headrace.core.contracts.Target`; needs a fixture `harness` that gives a `TargetHarness`."""
